/* Other processes, see process.h. */
#include "apply/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "apply/proc.h"
#include "base/text.h"

int process_start_at(int dir, const char *path, uint64_t *start)
{
	int fd = k_open(dir, path, O_RDONLY, 0), field;
	char text[512], *p;
	long n;

	if (fd < 0)
		return -1;
	n = k_read(fd, text, sizeof text - 1);
	k_close(fd);
	if (n >= 0)
		errno = ESRCH;
	text[n > 0 ? n : 0] = '\0';
	/* The name in brackets may hold anything, a bracket too: count from the last. */
	p = strrchr(text, ')');
	/* Dead, and only not waited for yet: its namespaces are gone. */
	if (p && (!strncmp(p, ") Z", 3) || !strncmp(p, ") X", 3))) {
		errno = ESRCH;
		return -1;
	}
	for (field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return -1;
	*start = number_at(p + 1);
	return 0;
}

int process_start(int pid, uint64_t *start)
{
	char path[40];

	text_format(path, sizeof path, "/proc/%d/stat", pid);
	return process_start_at(AT_FDCWD, path, start);
}

int process_child(int dir, int pid, struct arena *a)
{
	size_t mark = a->used, length;
	char path[48], *text;

	text_format(path, sizeof path, "task/%d/children", pid);
	text = proc_read(dir, path, a, &length);
	a->used = mark;
	return text ? (int)number_at(text) : -1;
}

uint64_t process_ns(int pid, const char *kind)
{
	char path[40], link[40];

	text_format(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
	/* Who is let in by it, or turned away, is not asked again: no single failure decides. */
	for (int tries = 0; tries < 2; tries++) {
		long n = k_readlink(AT_FDCWD, path, link, sizeof link - 1);

		/* "mnt:[4026531841]" */
		link[n > 0 ? n : 0] = '\0';
		if (n > 0)
			return number_at(link + strcspn(link, "[") + 1);
	}
	return 0;
}

int status_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
