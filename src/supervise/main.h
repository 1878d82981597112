/* The door of the supervisor. */
#ifndef HUTCH_SUPERVISE_MAIN_H
#define HUTCH_SUPERVISE_MAIN_H

#include "base/arena.h"

struct supervise_options {
	char *const *paths;	/* directories of NAME.conf, and profiles */
	int npaths;
	long readers;		/* group that may look on, or -1 */
	char *const *argv;	/* hutch's own, to be executed again from a sealed copy */
};

/*
 * Runs until it is told to end; the arena is what loads and launches use, each in
 * a process of its own. Returns the exit status; `why` of 200 bytes is filled when it
 * cannot even begin, and then the status is 125.
 */
int supervise(const struct supervise_options *o, struct arena *a, char *why);

#endif
