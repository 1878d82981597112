/*
 * What a plan expects against what the kernel's mount table says. Pure. By
 * relation, never by number: "receives from the group of its source".
 */
#ifndef HUTCH_COMPARE_H
#define HUTCH_COMPARE_H

#include "mounts/table.h"
#include "plan/plan.h"

/* A later mount at the same place or above it hides expectation i. */
int expect_hidden(const struct plan *plan, unsigned i);

/* The peer groups of a source, as they were when it was cloned. */
struct note {
	uint8_t known;
	uint32_t shared, master;
};

/*
 * Called for each difference: the wish it is about (NULL: for a mount that nobody
 * asked for), and what is wrong in words. Returns non-zero to stop.
 */
typedef int compare_fn(void *ctx, const struct expect *e, const char *text);

/*
 * Compares every mount. `notes` is indexed by slot; `before` is the table that the
 * sources were cloned from, or NULL. Returns the number of differences told.
 */
int compare_mounts(const struct plan *plan, const struct mounts *now, const struct note *notes,
		   const struct mounts *before, compare_fn *tell, void *ctx);

#endif
