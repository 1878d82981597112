/*
 * Which mounts of several mount namespaces exchange what is mounted below them: peer
 * groups, and who receives from whom. Pure: the tables are the caller's.
 */
#ifndef HUTCH_MOUNTS_GRAPH_H
#define HUTCH_MOUNTS_GRAPH_H

#include "base/out.h"
#include "mounts/table.h"

/* One mount namespace. */
struct view {
	const char *name;		/* "host", a sandbox, or a process */
	int pid;			/* of somebody in it */
	uint64_t ino;			/* of the namespace */
	struct mounts table;
};

/* A mount's place in a group. */
struct tie {
	const struct view *view;
	const struct mount *mount;
	uint32_t group;
	uint8_t receives;		/* 1: from the group, 0: it is a peer in it */
};

struct graph {
	const struct view *view;
	unsigned nviews;
	struct tie *tie;		/* by group, peers before those that receive */
	unsigned nties;
};

/* Sorts the ties of n views; -1: no room in the arena. */
int graph_build(struct graph *g, const struct view *view, unsigned n, struct arena *a);

/*
 * The ties from *from to *to are the next group, the first after 0, 0; 0: there is none.
 * Groups that only one mount is in count with `all`.
 */
int graph_next(const struct graph *g, int all, unsigned *from, unsigned *to);

/* One group: as lines to read, as lines within a graph for dot(1), as one JSON object. */
enum graph_form { GRAPH_TEXT, GRAPH_DOT, GRAPH_JSON };
void graph_print(const struct graph *g, enum graph_form form, unsigned from, unsigned to,
		 struct out *o);

#endif
