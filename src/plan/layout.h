/*
 * What becomes of a plan's mounts on a machine with this mount table: the steps are done to a model of it,
 * and what surely is not what its author thinks of is found, see layout.def. Pure.
 */
#ifndef HUTCH_LAYOUT_H
#define HUTCH_LAYOUT_H

#include "mounts/graph.h"
#include "mounts/model.h"
#include "plan/plan.h"

struct layout {
	/* The caller's. */
	const struct plan *plan;
	const struct view *host;
	struct arena *arena;		/* for the model, which may go afterwards */
	struct diags *diags;		/* what is found: each a warning */
	/*
	 * Whether the way to a path leads somewhere else, as over a link: of the host or `inside`, in the
	 * root as it is before anything is mounted. Nothing is said of such a path. NULL: none does.
	 */
	int (*elsewhere)(void *ctx, int inside, const char *path);
	void *ctx;

	/* Afterwards, the host's namespace 1 and the sandbox's, 0: it has none of its own. */
	struct model model;
	uint32_t box;
};

/* -1 fills e: no room, or the table contradicts itself. */
int layout_check(struct layout *l, struct err *e);

#endif
