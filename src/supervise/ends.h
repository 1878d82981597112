/* The descriptors of a payload, see ends.c. Private to this floor. */
#ifndef HUTCH_ENDS_H
#define HUTCH_ENDS_H

#include <stdint.h>

#include "profile/profile.h"

/* What is kept: the way to the supervisor, the template, and by enum ns_kind what was made ahead. */
enum { ENDS_CHANNEL, ENDS_TEMPLATE, ENDS_PROC, ENDS_AHEAD, ENDS_KEEP = ENDS_AHEAD + NS_COUNT };

struct ends {
	int log, ready, ready_at;	/* where the payload finds the latter; -1: none */
	int null;			/* -1: opened here */
	int keep[ENDS_KEEP];		/* what stays open until exec, wherever it is; or -1 */
	int nlisten, listen[LISTENS];
	int is_console;			/* a terminal instead of all three standard streams: this one, NULL: /dev/console */
	const char *console;
	const uint64_t *nofile;		/* the payload's limit */
};

/* Where each that is open is noted, always in the same order; how many. */
enum { ENDS_MOST = 3 + ENDS_KEEP + LISTENS };
unsigned ends_each(struct ends *e, int *to[ENDS_MOST]);

/* Puts them at their numbers and closes all others: as if a shell had opened them. -1: errno, and what it was about. */
int ends_arrange(struct ends *e, const char **what);

#endif
