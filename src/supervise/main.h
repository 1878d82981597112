/* The door of the supervisor. */
#ifndef HUTCH_SUPERVISE_MAIN_H
#define HUTCH_SUPERVISE_MAIN_H

#include <stdint.h>

#include "base/arena.h"
#include "service/machine.h"

/* What the set-up of the machine is about, and what went wrong; in memory that both sides share. */
struct setup_report {
	char phase[120];		/* what it does now, in words */
	char text[1400];		/* what failed, a line each */
};

/*
 * Settings of the machine: called once, before any service starts, in a process of its
 * own that may wait and fail; see boot/setup.c.
 */
typedef void machine_setup(const struct machine_conf *m, struct setup_report *to);

/* How it ended, when PID 1 asked for it. */
struct supervise_end {
	enum end_kind kind;
	int64_t deadline;		/* ms, monotonic: when the machine has to be down */
};

struct supervise_options {
	char *const *paths;	/* directories of NAME.conf, and profiles */
	int npaths;
	long readers;		/* group that may look on, or -1 */
	char *const *argv;	/* hutch's own, to be executed again from a sealed copy */
	char **again;		/* the same, with room for one word behind the name */
	int resume;		/* the state that an earlier program left, or -1 */
	/* What follows is for PID 1, which never gives up: it returns only when it was told to end. */
	uint8_t init;
	const char *notes;	/* lines to tell at the start */
	machine_setup *setup;
	struct supervise_end *end;
};

/*
 * Runs until it is told to end; the arena is what loads and launches use, each in
 * a process of its own. Returns the exit status; `why` of 200 bytes is filled when it
 * cannot even begin, and then the status is 125.
 */
int supervise(const struct supervise_options *o, struct arena *a, char *why);

/*
 * Whether this program could go on with the state that fd holds, which is left as it is:
 * says so on standard output, or what is against it. An exit status.
 */
int resume_check(int fd, struct arena *a);

#endif
