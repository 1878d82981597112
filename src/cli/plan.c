/* hutch plan: everything but the deed. */
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "cli/cli.h"
#include "kernel/k.h"

static int read_options(int argc, char **argv, int *i, const char **facts,
			struct plan_request *request, struct target *target, struct live *live)
{
	const char *const names[] = {"--facts=", "--name=", "--service", "--join=", "--mount=", "--umount=", "--follow=", "--direct", "--part=", NULL};
	static const char *line[64];
	const char *value;
	uint64_t pid;
	int option;

	*facts = NULL;
	*i = 1;
	while ((option = cli_option(argc, argv, i, names, &value)) >= 0) {
		const char *wrong = NULL;

		if (option == 3 && parse_number(value, 1, INT32_MAX, &pid))
			wrong = PACKED("the number of a process");
		else if (option == 8 && strcmp(value, "root") != 0 && strcmp(value, "launch") != 0)
			wrong = PACKED("root or launch");
		else if (option == 5 || option == 6)
			wrong = path_wrong(value);
		if (wrong) {
			cli_error("%s%.64s: %s", names[option], value, wrong);
			return 1;
		}
		if (option == 8) {
			request->part = *value == 'r' ? PART_ROOT : PART_LAUNCH;
		} else if (option == 2 || option == 7) {
			request->supervised = 1;
			request->direct = option == 7;
		} else if (option == 3) {
			*target = (struct target){.pid = (int)pid};
			request->join = target;
		} else if (option == 4 && live->nlines < 64) {
			line[live->nlines++] = value;
		} else if (option >= 4) {
			*live = (struct live){.kind = option == 5 ? LIVE_UMOUNT : LIVE_FOLLOW, .path = value};
		} else {
			*(option ? &request->name : facts) = value;
		}
	}
	if (live->nlines && live_lines(live, line, live->nlines))
		return 1;
	request->live = live->kind && request->join ? live : NULL;
	return option == -2 || *i >= argc || (live->kind && !request->join);
}

int command_plan(int argc, char **argv)
{
	struct plan_request request = {.terminal = k_is_terminal(0), .env = (const char *const *)environ};
	struct live live = {0};
	struct target target;
	static struct wish wish;
	const char *facts;
	int i;

	if (read_options(argc, argv, &i, &facts, &request, &target, &live))
		return cli_usage("plan");
	if (cli_read(&wish, argc, argv, i, facts, &request))
		return EXIT_HUTCH;
	/* Of as many steps as there may be. */
	out_arena(&cli_out, &cli_arena, SIZE_MAX);
	if (wish.machine)
		profile_print(&wish.profile, &cli_out);
	else
		plan_print(&wish.plan, &cli_out);
	cli_flush(1);
	return 0;
}
