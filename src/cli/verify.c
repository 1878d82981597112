/* hutch verify: is a running sandbox still what its profile says? */
#include <string.h>
#include <unistd.h>

#include "apply/inspect.h"
#include "base/parse.h"
#include "cli/cli.h"

static void print_difference(void *ctx, const char *text)
{
	out_printf(&cli_out, "%s: %s\n", (const char *)ctx, text);
}

int command_verify(int argc, char **argv)
{
	static struct wish wish;
	struct plan_request request = {.env = (const char *const *)environ};
	struct err e = {.step = -1};
	struct target target;
	int told;

	if (argc != 2 || !name_ok(argv[1]))
		return cli_usage("verify");
	if (cli_box(&wish, argv[1], NULL, 0, &request, &target))
		return EXIT_HUTCH;
	told = inspect_sandbox(&wish.plan, target.pid, &cli_arena, print_difference, argv[1], &e);
	cli_flush(1);
	if (told < 0) {
		cli_failed(e.text, e.code);
		return EXIT_HUTCH;
	}
	if (!told) {
		out_printf(&cli_out, "%s: as stated (%u mounts, pid %d)\n", argv[1],
			   wish.plan.nexpect, target.pid);
		cli_flush(1);
	}
	return told ? EXIT_NOT : 0;
}
