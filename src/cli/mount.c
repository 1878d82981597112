/* hutch mount, and umount of a sandbox: the mounts of a running sandbox change, with a plan as always. */
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

int live_umount(const char *name, const char *path, int lazy, char **argv)
{
	struct live live = {.kind = LIVE_UMOUNT, .path = path, .lazy = lazy};

	if (!name_ok(name) || path_wrong(path))
		return cli_usage("umount");
	return change(name, &live, argv);
}
