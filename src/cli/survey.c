/* Reading the mounts of all mount namespaces, see survey.h. */
#include "cli/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "apply/proc.h"
#include "apply/process.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"

/* The tables alone may be large. */
enum { ROOM = 256 << 20, NAME = 80 };

struct survey survey;

static const char *keep(const char *text)
{
	return arena_text(&survey.arena, text, strlen(text));
}

static struct view *view_find(uint64_t ino)
{
	for (unsigned i = 0; i < survey.n; i++)
		if (survey.view[i].ino == ino)
			return &survey.view[i];
	return NULL;
}

/* The mount namespace of a process, unless it is known, or cannot be looked at any more. */
static int view_add(int pid, const char *name)
{
	struct view *v = &survey.view[survey.n];
	size_t mark = survey.arena.used, length;
	struct k_stat ns;
	char path[40], *text;
	struct err e;

	if (process_ns(pid, "mnt", &ns) || view_find(ns.ino) || survey.n == SURVEY_VIEWS)
		return 0;
	text_format(path, sizeof path, "/proc/%d/mountinfo", pid);
	text = proc_read(AT_FDCWD, path, &survey.arena, &length);
	*v = (struct view){.name = keep(name), .pid = pid, .ino = ns.ino};
	if (text && v->name && !mounts_parse(&v->table, text, length, &survey.arena, &e)) {
		survey.n++;
		return 0;
	}
	if (text || errno == ENOMEM) {
		cli_error("the mounts of %s: no room for them all", name);
		return -1;
	}
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
	char buf[4096] __attribute__((aligned(8))), name[NAME], path[40], *comm;
	size_t length;
	uint64_t pid;
	long n;

	while ((n = k_getdents(proc, buf, sizeof buf)) > 0)
		for (long at = 0; at < n; at += ((struct k_dirent *)(buf + at))->length) {
			const char *entry = ((struct k_dirent *)(buf + at))->name;
			size_t mark = cli_arena.used;

			if (parse_number(entry, 1, INT32_MAX, &pid))
				continue;
			text_format(path, sizeof path, "%d/comm", (int)pid);
			comm = proc_read(proc, path, &cli_arena, &length);
			if (comm)
				comm[strcspn(comm, "\n")] = '\0';
			text_format(name, sizeof name, "%d(%.40s)", (int)pid, comm ? comm : "");
			text_plain(name, strlen(name));
			if (view_add((int)pid, name))
				return -1;
			cli_arena.used = mark;
		}
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
	failed |= view_add(k_getpid(), "host");
	box_each(add_box, &failed);
	sort();
	if (failed || add_others(proc))
		return -1;
	if (survey.n)
		return 0;
	cli_failed("/proc/self/mountinfo", errno);
	return -1;
}
