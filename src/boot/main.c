/* PID 1: what there is before a supervisor's loop, and what follows it. */
#include "boot/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#include "apply/proc.h"
#include "base/out.h"
#include "base/text.h"
#include "boot/root.h"
#include "kernel/k.h"
#include "kernel/probe.h"

enum { PAUSE = 1000 };		/* ms */

static void read_cmdline(struct cmdline *to)
{
	size_t mark = boot_arena->used, n = 0;
	char *text = proc_read(AT_FDCWD, "/proc/cmdline", boot_arena, &n);

	cmdline_parse(to, text ? text : "", text ? n : 0);
	boot_arena->used = mark;
}

/* There is no supervisor: the dead are buried all the same. */
static void breathe(void)
{
	int status;

	while (k_wait(-1, &status, WNOHANG) > 0)
		;
	k_poll(NULL, 0, PAUSE);
}

/* Nobody needs these to read profiles. */
static void meanwhile(void)
{
	early_nodes();
	k_reboot(REBOOT_CAD_OFF_);
	boot_streams();
}

void boot_main(char *const *argv, char **again, int resume, struct arena *a)
{
	static struct cmdline line;
	static char *paths[1];
	struct supervise_end end = {.kind = END_EXIT};
	struct supervise_options o = {
		.paths = paths, .npaths = 1, .readers = -1, .argv = argv, .again = again, .resume = resume, .init = 1,
		.meanwhile = meanwhile, .notes = boot_notes, .setup = boot_setup, .enter = root_enter, .end = &end,
	};
	char why[200];

	k_fault_side('s');
	boot_arena = a;
	/* Nothing that comes early is lost: it waits until somebody reads it. */
	k_sigmask(~0ull, NULL);
	early_descriptors();
	if (resume < 0)
		early_mounts();
	else
		boot_streams();
	read_cmdline(&line);
	paths[0] = line.config;
	o.rescue = line.rescue != 0;
	o.debug = (uint8_t)line.debug;
	/* Then it has been here before: the machine is set up. */
	if (self_is_sealed())
		o.setup = NULL;
	for (;;) {
		supervise(&o, a, why);
		o.resume = -1;
		if (end.kind != END_EXIT)
			boot_down(&end);
		boot_notes[0] = '\0';
		boot_note("there is no supervisor: %s", why);
		k_write(2, boot_notes, strlen(boot_notes));
		breathe();
	}
}
