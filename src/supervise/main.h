/* The door of the supervisor. */
#ifndef HUTCH_SUPERVISE_MAIN_H
#define HUTCH_SUPERVISE_MAIN_H

#include <signal.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "service/machine.h"
#include "supervise/watchdog.h"

/* What the set-up of the machine is about, and what went wrong; in memory that both sides share. */
struct setup_report {
	char phase[120];		/* what it does now, in words */
	char text[1400];		/* what failed, a line each */
	char init[256];			/* a new root is ready, where PID 1 executes this; "": none is */
};

/*
 * Settings of the machine: called once, before any service starts, in a process of its
 * own that may wait and fail; see boot/setup.c.
 */
typedef void machine_setup(const struct machine_conf *m, struct setup_report *to);

/*
 * Goes to the root that the set-up has prepared, and executes init there with the further
 * arguments of argv. Returns only when that failed: -1 with e.
 */
typedef int root_enter_fn(const char *init, char *const *argv, struct arena *a, struct err *e);

/*
 * Opens the console at `path`, or where it is by default: a descriptor that never waits,
 * whose opening waits for no carrier and makes nobody's terminal of it. -1 with errno.
 */
int console_open(const char *path);

/* How it ended, when PID 1 asked for it. */
struct supervise_end {
	enum end_kind kind;
	int64_t deadline;		/* ms, monotonic: when the machine has to be down */
	uint8_t hurry;			/* asked for a second time: nobody is waited for */
	struct watchdog watchdog;
};

/* What this signal means to PID 1; END_EXIT: no end of the machine. */
enum end_kind end_by_signal(int signal);

struct supervise_options {
	char *const *paths;	/* directories of NAME.conf, and profiles */
	int npaths;
	long readers;		/* group that may look on, or -1 */
	char *const *argv;	/* hutch's own, to be executed again from a sealed copy */
	char **again;		/* the same, with room for one word behind the name */
	int resume;		/* the state that an earlier program left, or -1 */
	/* What follows is for PID 1, which never gives up: it returns only when it was told to end. */
	uint8_t init;
	uint8_t debug;		/* people are told every step */
	uint8_t rescue;		/* only the shell that is built in, whatever the profiles say */
	void (*meanwhile)(void);	/* called once, while the first set is being read */
	const char *notes;	/* lines to tell then */
	machine_setup *setup;
	root_enter_fn *enter;
	struct supervise_end *end;
};

/* What is called when this program does what it must not, from now on. -1 with errno: not always. */
int crash_handle(void (*handler)(int signal, siginfo_t *info, void *context));

/* One line on the console of PID 1, if that can take it now. */
void console_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

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
