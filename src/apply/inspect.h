/*
 * A running sandbox compared with its plan, from outside: what /proc tells of its
 * processes. Changes nothing.
 */
#ifndef HUTCH_INSPECT_H
#define HUTCH_INSPECT_H

#include "plan/plan.h"

/* Called for each difference, in words. */
typedef void inspect_fn(void *ctx, const char *text);

/*
 * Compares mounts, namespaces, ids, capabilities, limits, no-new-privs and
 * descriptors of the sandbox whose first process is pid. Returns the number of
 * differences told, or -1 (e filled) when it could not look.
 */
int inspect_sandbox(const struct plan *plan, int pid, struct arena *a, inspect_fn *tell,
		    void *ctx, struct err *e);

#endif
