/*
 * What only PID 1 does: from its first moment to a supervisor's loop, and from the
 * end of that to the machine's. Private to this floor but for boot_main.
 *
 * Nothing here ends the process, and nothing that can hang is done by it.
 */
#ifndef HUTCH_BOOT_H
#define HUTCH_BOOT_H

#include <stddef.h>

#include "supervise/main.h"

/*
 * PID 1. Never returns. `again` and `resume` as of supervise(): what an earlier program made
 * ready is so still.
 */
void boot_main(char *const *argv, char **again, int resume, struct arena *a) __attribute__((noreturn));

/* Memory for what loads and sets up, each in a process of its own. */
extern struct arena *boot_arena;

/* Descriptors 0 to 2 of PID 1: nobody's input, the console's output; none is handed on. */
void boot_streams(void);

/* What was noted so far, a line each. */
enum { BOOT_NOTES = 2000 };
extern char boot_notes[BOOT_NOTES];

/* One line that is told as soon as there is somebody who can: console, events. */
void boot_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* early.c: descriptors 0 to 2, whatever there is to open. */
void early_descriptors(void);

/* The file systems without which there is no machine; what is mounted already is kept. */
void early_mounts(void);

/* Something is mounted on this very directory. */
int is_mounted(const char *path);

/* The devices that every program expects, where /dev has none. */
void early_nodes(void);

/* cmdline.c: the words of the kernel's command line that are meant for hutch. */
struct cmdline {
	char config[256];	/* hutch.config=, or where it is by default */
	int debug, rescue;	/* hutch.debug, hutch.rescue */
};

/* Any bytes are a command line; words that are not ours say nothing. Pure. */
void cmdline_parse(struct cmdline *to, const char *text, size_t n);

/* setup.c: what init.conf asks for, see machine_setup. */
machine_setup boot_setup;

/*
 * down.c: the end of the machine, after the services have been stopped. Whatever hangs or
 * fails, it is down by its deadline; PID 1 itself never waits for anything but time. What
 * is left behind is told. Never returns: a machine that cannot be ended is tried to end
 * again and again.
 */
void boot_down(const struct supervise_end *end) __attribute__((noreturn));

#endif
