/*
 * Profiles of directories and files into a draft of a set, with what is wrong: for
 * the supervisor's loader and for hutch check, which so cannot be of two minds.
 * Waits as long as a disk does: never call it where that must not be.
 */
#ifndef HUTCH_GATHER_H
#define HUTCH_GATHER_H

#include "plan/plan.h"
#include "service/service.h"

enum { GATHER_FILES = 4 * SERVICES, GATHER_MEMORY = 8 << 20, GATHER_TEXTS = 8 << 20 };

struct gather {
	/* The caller's. */
	struct arena *scratch;		/* for one profile at a time */
	const struct facts *facts;
	int root;			/* paths are looked up beneath it; -1: this machine's own */
	void (*look)(struct gather *g);	/* more to find in the profile and plan at hand, or NULL */
	char *text;			/* room for the findings of one service */
	size_t size;			/* bytes */

	struct set draft;		/* of it `texts` is the caller's: empty, GATHER_TEXTS bytes */
	int unreadable;			/* a file is there, and nobody knows what is in it */
	struct profile profile;		/* at hand */
	struct plan plan;
	struct diags diags;
	struct err err;			/* of the last -1 */
};

/* Begins with an empty draft in memory of GATHER_MEMORY bytes; -1 fills err, as all here. */
int gather_init(struct gather *g, void *memory);

/*
 * A directory's NAME.conf in the order of their names, or one file. What is wrong with a
 * profile is a finding of its service; -1: the path is none, or there is no room.
 */
int gather_path(struct gather *g, const char *path);

/* When all are there: order and circles, which are findings too. */
int gather_finish(struct gather *g);

#endif
