/* hutch graph: which mounts of which sandboxes exchange what is mounted, and the states of a service. */
#include "cli/cli.h"
#include "cli/survey.h"
#include "service/state.h"

static int print_mounts(enum graph_form form, int all)
{
	unsigned from = 0, to = 0, groups = 0;
	struct graph g;

	if (survey_take())
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
