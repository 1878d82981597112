/* hutch mount and umount: the mounts of a running sandbox change, with a plan as always. */
#include <string.h>

#include "base/parse.h"
#include "cli/cli.h"
#include "cli/drive.h"

static int change(const char *name, struct live *live, char **argv)
{
	static struct wish wish;
	static struct run r;
	struct target target;
	struct plan_request request = {.join = &target, .name = name, .live = live};

	if (cli_box(&wish, name, NULL, 0, &request, &target))
		return EXIT_HUTCH;
	r.wish = &wish;
	r.status_fd = -1;
	wish.profile.timeout = 0;	/* is the payload's */
	return drive(&r, argv);
}

int live_lines(struct live *live, const char **line, int n)
{
	static const char device[] = "device=";

	*live = (struct live){.kind = LIVE_MOUNT, .line = line, .nlines = n};
	for (int i = 0; i < n; i++) {
		size_t room = strlen(line[i]) + sizeof " dev noexec create";
		struct out o;

		/* A node cannot be made there any more: it is the host's. */
		if (strncmp(line[i], device, sizeof device - 1) != 0)
			continue;
		out_init(&o, arena_room(&cli_arena, room), room);
		if (!o.text)
			return -1;
		out_printf(&o, "bind=%s dev noexec create", line[i] + sizeof device - 1);
		line[i] = o.text;
	}
	return 0;
}

int command_mount(int argc, char **argv)
{
	struct live live;

	if (argc < 3 || !name_ok(argv[1]))
		return cli_usage("mount");
	if (live_lines(&live, (const char **)argv + 2, argc - 2)) {
		cli_error("no room left");
		return EXIT_HUTCH;
	}
	return change(argv[1], &live, argv);
}

int command_umount(int argc, char **argv)
{
	static const char *const names[] = {"--lazy", NULL};
	struct live live = {.kind = LIVE_UMOUNT};
	const char *word[2] = {"", ""}, *value;
	int n = 0, option = -1;

	/* Options before and behind. */
	for (int i = 1; i < argc; i++, n++) {
		while ((option = cli_option(argc, argv, &i, names, &value)) >= 0)
			live.lazy = 1;
		if (option == -2 || i >= argc)
			break;
		if (n < 2)
			word[n] = argv[i];
	}
	if (n != 2 || option == -2 || !name_ok(word[0]) || path_wrong(word[1]))
		return cli_usage("umount");
	live.path = word[1];
	return change(word[0], &live, argv);
}
