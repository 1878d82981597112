/*
 * What is mounted where in a mount table, found as a walk along a path finds it: by the mount that it
 * stands on and the path so far. Pure.
 */
#ifndef HUTCH_MOUNTS_PLACES_H
#define HUTCH_MOUNTS_PLACES_H

#include "mounts/table.h"

#define PLACES_NONE UINT32_MAX

/* Mounts are numbered as in the table. */
struct places {
	const struct mounts *table;
	uint32_t *up;			/* the mount that each is on; none: it is outside the table */
	uint32_t *child, *brother;	/* the first mount on each, and the next on the same */
	uint32_t *head, *chain, mask;	/* a hash: of ids at first, of places then */
};

/* Fills *p with memory of the arena; -1: it has no room. */
int places_build(struct places *p, const struct mounts *t, struct arena *a);

/* A walk along a path: on which mount it is, and how much of the path lies behind it. */
struct walker {
	const struct places *places;
	const char *path;
	size_t n;
	uint32_t on, hash;
};

/* At the root, what covers that is not met on any way; `on` may be none where the root is no mount's. */
struct walker walker_start(const struct places *p, const char *path);
/* Goes on by one name, without entering what is mounted there; 0: the path is at its end. */
int walker_next(struct walker *w);
/* What is mounted where the walk is, or none. */
uint32_t walker_over(const struct walker *w);

/* What is mounted at a path of that mount, or none. */
uint32_t places_at(const struct places *p, uint32_t on, const char *path);

/* What a path shows: the mount on top; none: nobody can tell. */
uint32_t places_find(const struct places *p, const char *path);

#endif
