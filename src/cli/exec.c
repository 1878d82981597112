/* hutch exec: one more program in a running sandbox. */
#include <string.h>
#include <unistd.h>

#include "base/parse.h"
#include "cli/cli.h"
#include "cli/drive.h"
#include "kernel/k.h"

int command_exec(int argc, char **argv)
{
	static const char *const shell[] = {"/bin/sh"};
	static struct wish wish;
	static struct run r;
	struct target target;
	struct plan_request request = {.terminal = k_is_terminal(0) && k_is_terminal(1), .join = &target,
				       .env = (const char *const *)environ};
	int given = argc > 3;

	if (argc > 2 && strcmp(argv[2], "--") != 0)
		cli_error("%.64s: write -- before the program", argv[2]);
	if (argc < 2 || !name_ok(argv[1]) || argc == 3 || (given && strcmp(argv[2], "--") != 0))
		return cli_usage("exec");
	if (cli_box(&wish, argv[1], given ? (const char *const *)argv + 3 : shell,
		    given ? argc - 3 : 1, &request, &target))
		return EXIT_HUTCH;
	r.wish = &wish;
	r.status_fd = -1;
	wish.profile.timeout = 0;	/* is the payload's */
	return drive(&r, argv);
}
