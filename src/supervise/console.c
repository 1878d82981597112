/*
 * The console. It may be absent, gone, stopped or slow: it is opened so that it can
 * keep nobody waiting, and never becomes the controlling terminal of who opens it.
 */
#include <fcntl.h>
#include <string.h>

#include "base/text.h"
#include "kernel/k.h"
#include "supervise/main.h"

static int try_open(const char *path)
{
	return path ? k_open(AT_FDCWD, path, O_RDWR | O_NOCTTY | O_NONBLOCK, 0) : -1;
}

/* The last word of what the kernel lists is the console that /dev/console would be. */
static const char *kernels_own(char path[64])
{
	char text[256];
	int fd = k_open(AT_FDCWD, "/sys/class/tty/console/active", O_RDONLY, 0);
	long n = fd < 0 ? -1 : k_read(fd, text, sizeof text - 1);
	const char *last;

	k_close(fd);
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	if (n <= 0)
		return NULL;
	text[n] = '\0';
	last = strrchr(text, ' ');
	text_format(path, 64, "/dev/%.50s", last ? last + 1 : text);
	return path;
}

int console_open(const char *path)
{
	char own[64];
	int fd = try_open(path);

	if (fd < 0)
		fd = try_open("/dev/console");
	return fd < 0 ? try_open(kernels_own(own)) : fd;
}
