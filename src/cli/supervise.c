/* hutch supervise: many sandboxes, kept up. */
#include <string.h>

#include "base/parse.h"
#include "cli/cli.h"
#include "supervise/main.h"

int command_supervise(int argc, char **argv)
{
	static const char *const names[] = {"--readers=", NULL};
	struct supervise_options o = {.readers = -1, .argv = argv - 1, .again = cli_again, .resume = cli_resume};
	const char *value;
	uint64_t group;
	char why[200];
	int i = 1, option, status;

	while ((option = cli_option(argc, argv, &i, names, &value)) >= 0) {
		if (parse_number(value, 0, UINT32_MAX - 1, &group)) {
			cli_error("%s%.64s: the number of a group", names[option], value);
			return EXIT_USAGE;
		}
		o.readers = (long)group;
	}
	if (option == -2 || i >= argc)
		return cli_usage("supervise");
	o.paths = argv + i;
	o.npaths = argc - i;
	status = supervise(&o, &cli_arena, why);
	if (*why)
		cli_error("%s", why);
	return status;
}
