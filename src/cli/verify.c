/* hutch verify: is a running sandbox still what its profile says? */
#include <string.h>
#include <unistd.h>

#include "apply/inspect.h"
#include "apply/registry.h"
#include "base/parse.h"
#include "cli/cli.h"

static void print_difference(void *ctx, const char *text)
{
	out_printf(&cli_out, "%s: %s\n", (const char *)ctx, text);
}

/* The registry keeps the effective profile: it is read like a file of that name. */
static int load_box(void *ctx, const char *path, const char *from, struct profile_text *to,
		    struct err *e)
{
	const struct box *box = ctx;

	(void)from;
	(void)e;
	to->name = path;
	to->text = box->profile;
	to->length = box->length;
	return 0;
}

int command_verify(int argc, char **argv)
{
	static struct wish wish;
	struct plan_request request = {.env = (const char *const *)environ};
	struct err e = {.step = -1};
	struct box box;
	int told;

	if (argc != 2 || !name_ok(argv[1]))
		return cli_usage("verify");
	if (registry_find(argv[1], &box, &cli_arena, &e)) {
		cli_failed(e.text, e.code);
		return EXIT_HUTCH;
	}
	if (cli_read_from(&wish, argv[1], load_box, &box, &request))
		return EXIT_HUTCH;
	told = inspect_sandbox(&wish.plan, box.pid, &cli_arena, print_difference, argv[1], &e);
	cli_flush(1);
	if (told < 0) {
		cli_failed(e.text, e.code);
		return EXIT_HUTCH;
	}
	if (!told) {
		out_printf(&cli_out, "%s: as stated (%u mounts, pid %d)\n", argv[1],
			   wish.plan.nexpect, box.pid);
		cli_flush(1);
	}
	return told ? EXIT_NOT : 0;
}
