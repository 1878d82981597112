/* The process that reads a set, see loader.c. Private to this floor. */
#ifndef HUTCH_LOADER_H
#define HUTCH_LOADER_H

#include "supervise/supervise.h"

enum { LOADER_MS = 30000 };	/* a loader of PID 1 that takes longer is given up, unless init.conf says otherwise */

/* What it is told; it sees nothing else of the supervisor. */
struct loader {
	struct image *image;		/* what it fills */
	int parent;
	uint8_t first;			/* nothing runs yet, so this program can still be sealed */
	uint8_t sealed, init;
	uint8_t fall_back;		/* there is no set yet: what is wrong may be replaced */
	uint8_t source;			/* enum source: where it begins */
	machine_setup *setup;		/* or NULL */
	char *const *paths;
	int npaths;
	const struct text_archive *kept;	/* where all of it comes from, once more; NULL: it does not */
	const char *good;		/* path of the last good profiles as far as is known, or NULL */
};

/* -1: there is no set; image->set.notes says why. */
int load_set(const struct loader *l, struct arena *scratch);

void load_init(struct arena *scratch);	/* load.c: what each of them uses for itself alone */

#endif
