/* hutch graph: which mounts of which sandboxes exchange what is mounted, and the states of a service. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "apply/proc.h"
#include "apply/process.h"
#include "apply/registry.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/talk.h"
#include "mounts/graph.h"
#include "service/state.h"

enum { VIEWS = 4096, ROOM = 256 << 20, NAME = 80 };

/* Everything that is looked at; the tables alone may be large. */
static struct survey {
	struct arena arena;
	struct view view[VIEWS];
	unsigned n;
} survey;

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

	if (process_ns(pid, "mnt", &ns) || view_find(ns.ino) || survey.n == VIEWS)
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

/* Those of a supervisor, if there is one. */
static int add_services(void)
{
	static const char request[] = "status";
	struct talk t = {.quiet = 1};
	int failed = 0;

	if (talk_open(&t, request, sizeof request))
		return 0;
	while (talk_next(&t)) {
		size_t mark = cli_arena.used;
		const char *name = record_value(t.record, "name", &cli_arena);
		const char *pid = record_value(t.record, "pid", &cli_arena);

		if (name && pid)
			failed |= view_add((int)number_at(pid), name);
		cli_arena.used = mark;
	}
	k_close(t.fd);
	return failed;
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

static int look(void)
{
	void *memory = k_memory(ROOM, 0);
	int proc = k_open(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0), failed = 0;

	if (!memory || proc < 0) {
		cli_failed(memory ? "/proc" : "memory", errno);
		return -1;
	}
	arena_init(&survey.arena, memory, ROOM);
	failed |= view_add(k_getpid(), "host");
	registry_each(add_box, &failed, &cli_arena);
	failed |= add_services();
	sort();
	if (failed || add_others(proc))
		return -1;
	if (survey.n)
		return 0;
	cli_failed("/proc/self/mountinfo", errno);
	return -1;
}

static int print_mounts(enum graph_form form, int all)
{
	unsigned from = 0, to = 0, groups = 0;
	struct graph g;

	if (look())
		return EXIT_HUTCH;
	if (graph_build(&g, survey.view, survey.n, &survey.arena)) {
		cli_error("no room for the groups of %u mount namespaces", survey.n);
		return EXIT_HUTCH;
	}
	out_put(&cli_out, form == GRAPH_DOT ? "digraph mounts {\n\trankdir=LR\n\tnode [shape=box]\n"
			: form == GRAPH_JSON ? "[" : "");
	for (; graph_next(&g, all, &from, &to); groups++) {
		if (form == GRAPH_JSON && groups)
			out_put(&cli_out, ",");
		graph_print(&g, form, from, to, &cli_out);
		cli_flush(1);
	}
	if (form == GRAPH_TEXT)
		out_printf(&cli_out, "%u mount namespaces, %u groups\n",
			   survey.n, groups);
	out_put(&cli_out, form == GRAPH_DOT ? "}\n" : form == GRAPH_JSON ? "]\n" : "");
	cli_flush(1);
	return 0;
}

int command_graph(int argc, char **argv)
{
	static const char *const names[] = {"--states", "-a", "--dot", "--json", NULL};
	enum graph_form form = GRAPH_TEXT;
	int i = 1, option, all = 0, states = 0;
	const char *value;

	while ((option = cli_option(argc, argv, &i, names, &value)) >= 0) {
		states |= option == 0;
		all |= option == 1;
		form = option == 2 ? GRAPH_DOT : option == 3 ? GRAPH_JSON : form;
	}
	if (option == -2 || i < argc || (states && argc > 2))
		return cli_usage("graph");
	if (!states)
		return print_mounts(form, all);
	states_print(&cli_out);
	cli_flush(1);
	return 0;
}
