/* hutch supervise: many sandboxes, kept up. */
#include <fcntl.h>
#include <string.h>

#include "base/parse.h"
#include "cli/cli.h"
#include "kernel/k.h"
#include "supervise/main.h"

/* Whoever runs from a sealed copy later knows by its name only where its file is. */
static void name_fully(char **name)
{
	static char path[4096];
	long n = **name == '/' ? -1 : k_readlink(AT_FDCWD, "/proc/self/exe", path, sizeof path - 1);

	if (n > 0 && strncmp(path, "/memfd:", 7) != 0)
		*name = cli_again[0] = path;
}

int command_supervise(int argc, char **argv)
{
	static const char *const names[] = {"--readers=", NULL};
	struct supervise_options o = {.readers = -1, .argv = argv - 1, .again = cli_again, .resume = cli_resume};
	const char *value;
	uint64_t group;
	char why[200];
	int i = 1, option, status;

	name_fully(argv - 1);
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
