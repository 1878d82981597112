/* Files of /proc, see proc.h. */
#include "apply/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>

#include "base/text.h"
#include "base/uapi.h"
#include "kernel/k.h"

int proc_open(void)
{
	struct statfs fs;
	int fd = k_open(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);

	if (fd < 0)
		return -1;
	if (!k_fstatfs(fd, &fs)) {
		if ((uint32_t)fs.f_type == PROC_SUPER_MAGIC_)
			return fd;
		errno = ENODEV;
	}
	k_close(fd);
	return -1;
}

int proc_write(int proc, const char *path, const char *text)
{
	int fd = k_open(proc, path, O_WRONLY, 0);
	long n = (long)strlen(text), put;

	if (fd < 0)
		return -1;
	put = k_write(fd, text, (size_t)n);
	k_close(fd);
	return put == n ? 0 : -1;
}

char *read_all(int fd, struct arena *a, size_t *length)
{
	char *text = a->base + a->used;
	size_t used = 0;
	long n;

	do {
		size_t room = a->size - a->used - used;

		if (room < 4096) {
			errno = ENOMEM;
			return NULL;
		}
		n = k_read(fd, text + used, room - 1);
		used += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	if (n < 0)
		return NULL;
	text[used] = '\0';
	a->used += used + 1;
	*length = used;
	return text;
}

char *proc_read(int proc, const char *path, struct arena *a, size_t *length)
{
	int fd = k_open(proc, path, O_RDONLY, 0);
	char *text;

	if (fd < 0)
		return NULL;
	text = read_all(fd, a, length);
	k_close(fd);
	return text;
}

const char *status_field(const char *status, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = status; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, n) && line[n] == ':')
			return line + n + 1 + strspn(line + n + 1, " \t");
	}
	return NULL;
}

void fd_path(char to[32], int fd)
{
	text_format(to, 32, "/proc/self/fd/%d", fd);
}
