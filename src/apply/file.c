/* Whole files, see file.h. */
#include "apply/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "apply/path.h"
#include "kernel/k.h"

enum { MAX_FILE = 1 << 20 };

int file_open(int root, const char *path, int flags)
{
	return root < 0 ? k_open(AT_FDCWD, path, flags, 0) : path_walk(root, path, flags, 0);
}

int file_read(struct arena *a, int root, const char *path, struct profile_text *to, struct err *e)
{
	int fd = file_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct k_stat st;
	size_t used = 0;
	char *text = NULL;
	long n = -1;

	if (fd < 0)
		return err_set(e, errno, "%.150s", path);
	if (k_fstat(fd, 0x201, &st)) {
		err_set(e, errno, "%.150s", path);
	} else if (!S_ISREG(st.mode)) {
		err_set(e, 0, "%.150s: not a regular file", path);
	} else if (st.size > MAX_FILE) {
		err_set(e, 0, "%.150s: larger than 1 MiB", path);
	} else if (!(text = arena_room(a, (size_t)st.size + 1))) {
		err_set(e, 0, "%.150s: no room left", path);
	} else {
		/* One byte more is asked for than there should be: where it is not there, that was all. */
		do {
			n = k_read(fd, text + used, (size_t)st.size + 1 - used);
			used += n > 0 ? (size_t)n : 0;
		} while (n > 0 && used < st.size);
		if (n < 0)
			err_set(e, errno, "%.150s", path);
		to->text = text;
		to->length = used;
		/* A pseudo file says it is empty and is not; a growing one is cut off. */
		if (n >= 0 && used > st.size) {
			n = -1;
			err_set(e, 0, "%.150s: changed while it was read", path);
		} else {
			text[used] = '\0';
		}
	}
	k_close(fd);
	return n < 0 ? -1 : 0;
}

const char *file_beside(struct arena *a, const char *path, const char *from)
{
	const char *slash = from && *path != '/' ? strrchr(from, '/') : NULL;
	size_t n = slash ? (size_t)(slash - from) + 1 : 0;
	char *to = arena_room(a, n + strlen(path) + 1);

	if (!to)
		return NULL;
	if (n)
		memcpy(to, from, n);
	memcpy(to + n, path, strlen(path) + 1);
	return to;
}

char *file_line(char *file, int which, const char *text, char *fields[4])
{
	char *line, *next;

	for (line = file; line && *line; line = next) {
		char *p = line;
		int n = 0;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		for (; n < 4 && p; n++) {
			fields[n] = p;
			p = strchr(p, ':');
			if (p)
				*p++ = '\0';
		}
		if (n == 4 && !strcmp(fields[which], text))
			return line;
	}
	return NULL;
}

int file_write(int fd, const char *text, size_t n)
{
	while (n) {
		long written = k_write(fd, text, n);

		if (written <= 0)
			return -1;
		text += written;
		n -= (size_t)written;
	}
	return 0;
}
