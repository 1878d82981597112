/* hutch run: one sandbox in the foreground. */
#include <fcntl.h>
#include <unistd.h>

#include "base/parse.h"
#include "cli/cli.h"
#include "cli/drive.h"
#include "kernel/k.h"

/* A number that hutch itself would come to use must not be taken for the caller's. */
static int check_fds(const struct profile *p)
{
	for (const struct item *i = p->fds.first; i; i = i->next)
		if (k_fcntl((int)i->a, F_GETFD, 0) < 0) {
			out_init(&cli_out, cli_out.text, cli_out.size);
			profile_where(p, i->at, &cli_out);
			out_printf(&cli_out, ": fd %s is not open\n", i->text);
			cli_flush(2);
			return -1;
		}
	return 0;
}

int command_run(int argc, char **argv)
{
	static const char *const names[] = {"--name=", "--status-fd=", NULL};
	static struct wish wish;
	static struct run r;
	struct plan_request request = {.terminal = k_is_terminal(0) && k_is_terminal(1), .launch = 1,
				       .part = PART_LAUNCH, .exact = &r.steps,
				       .env = (const char *const *)environ};
	const char *value;
	uint64_t fd = 0;
	int i = 1, option;

	while ((option = cli_option(argc, argv, &i, names, &value)) >= 0) {
		if (option == 0 && name_ok(value)) {
			request.name = value;
		} else if (option == 1 && !parse_number(value, 1, 1023, &fd) &&
			   k_fcntl((int)fd, F_GETFD, 0) >= 0) {
			/* Not closed on exec: self.seal executes hutch again. The payload's
			 * steps close what it is not to have. */
			continue;
		} else {
			cli_error("%s%.64s: %s", names[option], value,
				  option ? "not an open descriptor" : "a name has up to 64 letters, digits and ._-, and begins with neither . nor -");
			return EXIT_USAGE;
		}
	}
	if (option == -2 || i >= argc)
		return cli_usage("run");
	r.wish = &wish;
	r.request = &request;
	r.status_fd = fd ? (int)fd : -1;
	if (cli_read(&wish, argc, argv, i, NULL, &request) || check_fds(&wish.profile))
		return EXIT_HUTCH;
	return drive(&r, argv);
}
