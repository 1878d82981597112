/*
 * The mount points of a mountinfo that comes in pieces: for who looks at the table
 * again and again and has no room to keep it. Pure.
 */
#ifndef HUTCH_MOUNTS_POINTS_H
#define HUTCH_MOUNTS_POINTS_H

#include <stddef.h>

struct points {
	unsigned field;		/* of the line in hand, from 0 */
	size_t used;		/* bytes of point; more than fit: the path is too long to matter */
	char point[4096];
};

/* All 0 at first. Calls seen() with each mount point that is complete, escapes undone. */
void points_take(struct points *p, const char *text, size_t n,
		 void (*seen)(void *ctx, const char *point), void *ctx);

#endif
