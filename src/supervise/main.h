/* The door of the supervisor. */
#ifndef HUTCH_SUPERVISE_MAIN_H
#define HUTCH_SUPERVISE_MAIN_H

#include "base/arena.h"

struct supervise_options {
	char *const *paths;	/* directories of NAME.conf, and profiles */
	int npaths;
	long readers;		/* group that may look on, or -1 */
	char *const *argv;	/* hutch's own, to be executed again from a sealed copy */
	char **again;		/* the same, with room for one word behind the name */
	int resume;		/* the state that an earlier program left, or -1 */
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
