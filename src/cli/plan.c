/* hutch check and hutch plan: everything but the deed. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "cli/cli.h"
#include "kernel/k.h"

static int read_options(int argc, char **argv, int *i, const char **facts,
			struct plan_request *request, struct target *target)
{
	const char *const names[] = {"--facts=", "--name=", "--service", target ? "--join=" : NULL, NULL};
	const char *value;
	uint64_t pid;
	int option;

	*facts = NULL;
	*i = 1;
	while ((option = cli_option(argc, argv, i, names, &value)) >= 0) {
		if (option == 3 && parse_number(value, 1, INT32_MAX, &pid))
			return 1;
		if (option == 2) {
			request->supervised = 1;
		} else if (option == 3 && target) {
			*target = (struct target){.pid = (int)pid};
			request->join = target;
		} else {
			*(option ? &request->name : facts) = value;
		}
	}
	return option == -2 || *i >= argc;
}

int command_plan(int argc, char **argv)
{
	struct plan_request request = {.terminal = k_is_terminal(0), .env = (const char *const *)environ};
	struct target target;
	static struct wish wish;
	const char *facts;
	int i;

	if (read_options(argc, argv, &i, &facts, &request, &target))
		return cli_usage("plan");
	if (cli_read(&wish, argc, argv, i, facts, &request))
		return EXIT_HUTCH;
	if (wish.machine)
		profile_print(&wish.profile, &cli_out);
	else
		plan_print(&wish.plan, &cli_out);
	cli_flush(1);
	return 0;
}

/* Sources that are not there, before anybody finds out the hard way. */
static int check_sources(const struct wish *w)
{
	struct k_stat st;
	int wrong = 0;

	for (unsigned i = 0; i < w->plan.nsteps; i++) {
		const struct step *s = &w->plan.step[i];
		int source = s->kind == STEP_TREE_CLONE || s->kind == STEP_TREE_BIND;
		struct err e = {.step = (int)i};

		if (!source || s->op[3].n || s->op[5].n || !k_stat(AT_FDCWD, s->op[1].s, 0, 0, &st))
			continue;
		e.code = errno;
		plan_print_error(&w->plan, &e, &cli_out);
		wrong = 1;
	}
	cli_flush(2);
	return wrong;
}

int command_check(int argc, char **argv)
{
	struct plan_request request = {.env = (const char *const *)environ};
	static struct wish wish;
	const char *facts;
	int i;

	if (read_options(argc, argv, &i, &facts, &request, NULL))
		return cli_usage("check");
	if (cli_read(&wish, argc, argv, i, facts, &request))
		return wish.unreadable ? EXIT_HUTCH : EXIT_NOT;
	/* With the facts of another machine, its files are not here either. */
	return !facts && check_sources(&wish) ? EXIT_NOT : 0;
}
