/* Mount tables of a running system as a model. Pure. */
#ifndef HUTCH_MOUNTS_LOAD_H
#define HUTCH_MOUNTS_LOAD_H

#include "base/err.h"
#include "mounts/graph.h"
#include "mounts/model.h"

/*
 * Makes namespaces 1 to n of n tables of one moment, with room for `more` mounts and as many namespaces
 * again. Line i of a table becomes mount base + 1 + i of its namespace. A superblock has the name of its
 * first source; a group that no table has a member of is there without one. What the tables do not say:
 * locked mounts, user namespaces, and the mount that a reader's root is a directory of: in its place there is
 * one more, whose superblock is named "?". -1 fills e: no room, or tables that contradict themselves.
 */
int model_load(struct model *m, struct arena *a, const struct view *view, unsigned n, uint32_t more,
	       struct err *e);

#endif
