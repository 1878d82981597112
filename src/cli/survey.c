/* Reading the mounts of all mount namespaces, see survey.h. */
#include "cli/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "apply/proc.h"
#include "apply/process.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"

/* The tables alone may be large. */
enum { ROOM = 256 << 20, NAME = 80, TRIES = 30 };

struct survey survey;

/* A process by number and program. */
static void name_process(int pid, char to[NAME])
{
	size_t mark = survey.arena.used, length;
	char path[40], *comm;

	text_format(path, sizeof path, "/proc/%d/comm", pid);
	comm = proc_read(AT_FDCWD, path, &survey.arena, &length);
	if (comm)
		comm[strcspn(comm, "\n")] = '\0';
	text_format(to, NAME, "%d(%.40s)", pid, comm ? comm : "");
	text_plain(to, strlen(to));
	survey.arena.used = mark;
}

/* The view of a process, or of a namespace. */
static struct view *view_find(int pid, uint64_t ino)
{
	for (unsigned i = 0; i < survey.n; i++)
		if (survey.view[i].pid == pid || survey.view[i].ino == ino)
			return &survey.view[i];
	return NULL;
}

char *survey_read(int fd, struct arena *a, size_t *length)
{
	char *text = a->base + a->used;
	struct pollfd changed = {.fd = fd, .events = POLLPRI};

	for (int tries = 0; tries < TRIES; tries++) {
		size_t room = a->size - a->used;
		long n;

		*length = 0;
		while ((n = k_pread(fd, text + *length, room - *length, (off_t)*length)) > 0)
			*length += (size_t)n;
		/* Full: nobody knows how much more there is. */
		if (!n && *length == room)
			errno = ENOMEM;
		if (n < 0 || *length == room || (n = k_poll(&changed, 1, 0)) < 0)
			return NULL;
		if (!n) {
			a->used += *length + 1;
			text[*length] = '\0';
			return text;
		}
	}
	errno = EAGAIN;
	return NULL;
}

static int table_failed(const char *name, const char *why)
{
	cli_error("the mounts of %s: %s", name, why);
	return -1;
}

/*
 * The mount namespace of a process, unless it is known, or cannot be looked at any more. Without a name
 * the process is one.
 */
static int view_add(int pid, const char *name)
{
	struct view *v = &survey.view[survey.n];
	size_t mark = survey.arena.used, length;
	char path[40], number[NAME], *text;
	uint64_t ino;
	struct err e;
	int fd;

	if (view_find(pid, 0) || !(ino = process_ns(pid, "mnt")) || view_find(pid, ino))
		return 0;
	if (!name) {
		name_process(pid, number);
		name = number;
	}
	if (survey.n == SURVEY_VIEWS)
		return table_failed(name, "more mount namespaces than can be looked at");
	text_format(path, sizeof path, "/proc/%d/mountinfo", pid);
	fd = k_open(AT_FDCWD, path, O_RDONLY, 0);
	if (fd < 0)
		return 0;
	*v = (struct view){.name = arena_text(&survey.arena, name, strlen(name)), .pid = pid, .ino = ino};
	text = survey_read(fd, &survey.arena, &length);
	k_close(fd);
	if (!text && errno == EAGAIN)
		return table_failed(name, "they change while they are read, again and again");
	if (!v->name || (!text && errno == ENOMEM))
		return table_failed(name, "no room for them all");
	if (text && mounts_parse(&v->table, text, length, &survey.arena, &e))
		return table_failed(name, e.text);
	if (text)
		survey.n++;
	else
		survey.arena.used = mark;
	return 0;
}

static void add_box(void *ctx, const char *name, int pid)
{
	*(int *)ctx |= view_add(pid, name);
}

/* Whoever has a mount namespace that no sandbox of ours has, by the first process in it. */
static int add_others(int proc)
{
	char buf[4096] __attribute__((aligned(8)));
	uint64_t pid;
	long n;

	while ((n = k_getdents(proc, buf, sizeof buf)) > 0)
		for (long at = 0; at < n; at += ((struct k_dirent *)(buf + at))->length)
			if (!parse_number(((struct k_dirent *)(buf + at))->name, 1, INT32_MAX, &pid) &&
			    view_add((int)pid, NULL))
				return -1;
	return n ? -1 : 0;
}

/* The sandboxes by name, behind the host: folders have no order. */
static void sort(void)
{
	for (unsigned i = 2; i < survey.n; i++)
		for (unsigned k = i; k > 1 && strcmp(survey.view[k].name, survey.view[k - 1].name) < 0; k--) {
			struct view v = survey.view[k];

			survey.view[k] = survey.view[k - 1];
			survey.view[k - 1] = v;
		}
}

int survey_take(void)
{
	void *memory = k_memory(ROOM, 0);
	int proc = k_open(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0), failed = 0;

	if (!memory || proc < 0) {
		cli_failed(memory ? "/proc" : "memory", errno);
		return -1;
	}
	arena_init(&survey.arena, memory, ROOM);
	if (view_add(k_getpid(), "host"))
		return -1;
	if (!survey.n) {
		cli_failed("/proc/self/mountinfo", errno);
		return -1;
	}
	box_each(add_box, &failed);
	sort();
	return failed || add_others(proc) ? -1 : 0;
}
