/* place.c - see place.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "place.h"

_Noreturn void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void put_file(const char *path, const char *text, size_t n, unsigned access)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, access);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n || fchmod(fd, access) || close(fd))
		die(path);
}

void copy_file(const char *dir, const char *name, const char *to)
{
	static char text[4 << 20];
	char path[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text);
	if (n <= 0)
		die(path);
	close(fd);
	put_file(to, text, (size_t)n, 0755);
}
