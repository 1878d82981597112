/* hutch clean: pinned templates that nobody can use any more. */
#include <errno.h>

#include "apply/note.h"
#include "cli/cli.h"

static void tell(void *ctx, const char *name, const char *why)
{
	(void)ctx;
	out_printf(&cli_out, "template %s%s%s\n", name, why ? ": " : "", why ? why : "");
}

int command_clean(int argc, char **argv)
{
	static const char *const names[] = {"--all", NULL};
	const char *value;
	int i = 1, all = 0, option;

	while ((option = cli_option(argc, argv, &i, names, &value)) == 0)
		all = 1;
	if (option == -2 || i < argc)
		return cli_usage("clean");
	if (pins_sweep(note_stale, tell, &cli_arena, all, &cli_arena)) {
		cli_failed("/run/hutch/templates", errno);
		return EXIT_HUTCH;
	}
	cli_flush(1);
	return 0;
}
