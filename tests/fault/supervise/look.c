/* look.c - part of supervise.c: what /proc and the folders tell. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "supervise.h"

int children(int pid, int *to, int room)
{
	char path[64], text[512], *p = text, *end;
	int n = 0;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
	if (read_file(path, text, sizeof text) <= 0)
		return 0;
	while (n < room && (to[n] = (int)strtol(p, &end, 10)) > 0) {
		n++;
		p = end;
	}
	return n;
}

/* The payload at or below a process, by its command line; 0: none. */
int payload_of(const struct service *v)
{
	char path[64], text[256], *name;
	int pid = v->pid, below;

	if (pid <= 0)
		return 0;
	while (children(pid, &below, 1) == 1)
		pid = below;
	snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
	if (read_file(path, text, sizeof text) <= 0 || !strstr(text, "service"))
		return 0;
	name = text + strlen(text) + 1;
	return !strcmp(name, v->name) ? pid : 0;
}

/* But for templates, which come and go: a service whose start has failed has none until the next one but one. */
int count_fds(void)
{
	char path[64], to[64];
	struct dirent *e;
	DIR *d;
	int n = 0, templates = 0;

	snprintf(path, sizeof path, "/proc/%d/fd", supervisor);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		ssize_t length = readlinkat(dirfd(d), e->d_name, to, sizeof to - 1);

		to[length > 0 ? length : 0] = '\0';
		if (!strncmp(to, "mnt:[", 5))
			templates++;
		else
			n += e->d_name[0] != '.';
	}
	if (d)
		closedir(d);
	return templates > SERVICES ? n + templates : n;
}

/* Behind the end of our own question. */
int settled_fds(void)
{
	usleep(30000);
	return count_fds();
}

long rss_kb(void)
{
	char path[64], text[4096], *p;

	snprintf(path, sizeof path, "/proc/%d/status", supervisor);
	read_file(path, text, sizeof text);
	p = strstr(text, "RssAnon:");
	return p ? atol(p + 8) : 0;
}

int has_lock(const struct service *v)
{
	char path[64];
	int fd, held;

	snprintf(path, sizeof path, W "/shared/%s.lock", v->name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	held = flock(fd, LOCK_EX | LOCK_NB) != 0;
	close(fd);
	return held;
}

/* What nobody may leave, in a folder: first such name, or NULL. */
const char *leftover(const char *dir, const char *a, const char *b)
{
	static char name[256];
	DIR *d = opendir(dir);
	struct dirent *e;

	name[0] = '\0';
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && (!a || strstr(e->d_name, a) || strstr(e->d_name, b)))
			snprintf(name, sizeof name, "%s", e->d_name);
	if (d)
		closedir(d);
	return name[0] ? name : NULL;
}

int processes(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] >= '1' && e->d_name[0] <= '9' && atoi(e->d_name) != 1;
	closedir(d);
	return n;
}
