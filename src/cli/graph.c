/* hutch graph: which mounts of which sandboxes exchange what is mounted, and the states of a service. */
#include "cli/graph.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "apply/file.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/survey.h"
#include "kernel/k.h"
#include "mounts/draw.h"
#include "service/state.h"

/* A file is there whole or is as before; what is no file, such as a pipe, is written to. */
static int save(const char *path, const struct out *o)
{
	char draft[4096];
	struct k_stat s;
	int file = k_stat(AT_FDCWD, path, 0, STATX_TYPE_, &s) || S_ISREG(s.mode), fd;

	if (!strcmp(path, "-"))
		return file_write(1, o->text, o->used);
	text_format(draft, sizeof draft, file ? "%s.new" : "%s", path);
	if (file)
		k_unlink(AT_FDCWD, draft, 0);
	fd = k_open(AT_FDCWD, draft, O_WRONLY | O_NOCTTY | (file ? O_CREAT | O_EXCL : 0), 0666);
	if (fd < 0)
		return -1;
	if (!file_write(fd, o->text, o->used) && (!file || !k_rename(AT_FDCWD, draft, path)))
		return 0;
	file = file ? errno : 0;
	if (file && !k_unlink(AT_FDCWD, draft, 0))
		errno = file;
	return -1;
}

static int draw(const struct graph *g, int all, struct arena *a, const char *path)
{
	size_t size = (a->size - a->used) / 2;
	struct out o;

	out_init(&o, arena_room(a, size), size);
	if (draw_svg(g, all, a, &o) || o.lost)
		cli_error("no room for a picture of %u mount namespaces", g->nviews);
	else if (save(path, &o))
		cli_failed(path, errno);
	else
		return 0;
	return EXIT_HUTCH;
}

int graph_show(const struct view *view, unsigned n, struct arena *a, enum graph_form form, int all,
	       const char *svg)
{
	unsigned from = 0, to = 0, groups = 0;
	struct graph g;

	if (graph_build(&g, view, n, a)) {
		cli_error("no room for the groups of %u mount namespaces", n);
		return EXIT_HUTCH;
	}
	if (svg)
		return draw(&g, all, a, svg);
	out_put(&cli_out, form == GRAPH_DOT ? "digraph mounts {\n\trankdir=LR\n\tnode [shape=box]\n"
			: form == GRAPH_JSON ? "[" : "");
	for (; graph_next(&g, all, &from, &to); groups++) {
		if (form == GRAPH_JSON && groups)
			out_put(&cli_out, ",");
		graph_print(&g, form, from, to, &cli_out);
		cli_flush(1);
	}
	if (form == GRAPH_TEXT)
		out_printf(&cli_out, "%u mount namespace%s, %u group%s\n", n, n == 1 ? "" : "s", groups, groups == 1 ? "" : "s");
	out_put(&cli_out, form == GRAPH_DOT ? "}\n" : form == GRAPH_JSON ? "]\n" : "");
	cli_flush(1);
	return 0;
}

int command_graph(int argc, char **argv)
{
	static const char *const names[] = {"--states", "-a", "--dot", "--json", "--svg=", NULL};
	enum graph_form form = GRAPH_TEXT;
	int i = 1, option, all = 0, states = 0;
	const char *value, *svg = NULL;

	while ((option = cli_option(argc, argv, &i, names, &value)) >= 0) {
		states |= option == 0;
		all |= option == 1;
		form = option == 2 ? GRAPH_DOT : option == 3 ? GRAPH_JSON : form;
		svg = option == 4 ? value : svg;
	}
	if (option == -2 || i < argc || (states && argc > 2) || (svg && form))
		return cli_usage("graph");
	if (!states)
		return survey_take() ? EXIT_HUTCH
				     : graph_show(survey.view, survey.n, &survey.arena, form, all, svg);
	states_print(&cli_out);
	cli_flush(1);
	return 0;
}
