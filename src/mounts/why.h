/*
 * Who sees a mount or an umount that is made in one mount namespace, where, who does not, and which link
 * decides. It follows the rules that propagate.c does, but over mount tables, of which locks
 * are not known, nor what is in use. Pure.
 */
#ifndef HUTCH_MOUNTS_WHY_H
#define HUTCH_MOUNTS_WHY_H

#include "mounts/graph.h"
#include "mounts/places.h"

enum why_reason {
#define REASON(id, word, text, what) WHY_##id,
#include "mounts/reasons.def"
#undef REASON
	WHY_REASONS
};

/* What becomes of it at one place. */
struct why_row {
	struct why_row *next;
	const struct view *view;
	const struct mount *mount;	/* that receives or does not, or that goes; WHY_NONE: NULL */
	const char *path;		/* of the new mount, or of that mount */
	const struct mount *by;		/* in the way, or on what stays */
	uint8_t reason;
	uint8_t along;			/* umount: on what goes, and would go along */
};

struct why {
	const struct view *view;
	const struct mount *on;		/* what is mounted lands on this, or is mounted on it */
	const struct mount *gone;	/* umount: the mount */
	uint32_t group;			/* that `on` sends to; 0: none */
	unsigned along;			/* umount: so many mounts on it, so that only a lazy one works */
	struct why_row *row;		/* by view; the first is of the asker himself */
};

/*
 * Asks for a mount, or an umount, at a path (absolute, without links) of g->view[from]. All memory is
 * of the arena. -1: e says why nothing can be mounted or unmounted there, or that there is no room.
 */
int why_ask(struct why *w, const struct graph *g, unsigned from, const char *path, int umount,
	    struct arena *a, struct err *e);

#endif
