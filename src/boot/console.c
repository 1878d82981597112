/*
 * The console. It may be absent, gone, stopped or slow: it is opened so that it can
 * keep nobody waiting, and never becomes PID 1's controlling terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "boot/boot.h"
#include "kernel/k.h"
#include "base/text.h"

static const char *const fallback = "/dev/console";

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

const char *console_open(const char *path)
{
	static char own[64];
	const char *const try[] = {path ? path : fallback, kernels_own(own)};
	int fd = -1, null;

	for (int i = 0; i < 2 && fd < 0; i++) {
		path = try[i];
		if (path)
			fd = k_open(AT_FDCWD, path, O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
	}
	/* Standard input is nobody's: a shell on the console reads there. */
	null = k_open(AT_FDCWD, "/dev/null", O_RDWR, 0);
	if (null >= 0)
		k_dup2(null, 0, 1);
	for (int to = 1; to < 3; to++)
		if (fd >= 0)
			k_dup2(fd, to, 1);
	if (null > 2)
		k_close(null);
	if (fd > 2)
		k_close(fd);
	return fd < 0 ? NULL : path;
}
