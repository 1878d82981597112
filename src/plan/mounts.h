/* What the three passes over the mounts share. Private to this floor. */
#ifndef HUTCH_PLAN_MOUNTS_H
#define HUTCH_PLAN_MOUNTS_H

#include "plan/dev.h"
#include "plan/wish.h"

/* What a wish of the profile turned into, between the passes. */
struct mount_plan {
	int slot;		/* of the clone, or NO_SLOT */
	int joined;		/* of a second clone that keeps the source's peer group */
	uint8_t prop;		/* in the end */
	uint8_t late;		/* attached after the seal, so that it stays a peer */
};

struct mount_state {
	struct mount_plan *mount;	/* by the order of the wishes */
	int dev[MINIMAL_NODES], dev_tree, proc_tree;
	int root;	/* with SWITCH_TREE: the slot of the root, which is there first */
};

/* Notes a mount that must be there in the end. */
struct expect *expect_add(struct build *b, struct origin at, const char *path,
			  const char *type, uint32_t attrs);

/* Steps that clone a source, give it attributes and attach it; by either mount API. */
int clone_add(struct build *b, struct origin at, const char *path, int rec, int optional,
	      int note);
void attr_add(struct build *b, struct origin at, int slot, uint32_t attrs, uint8_t prop,
	      int rec);
void source_bind(struct build *b, const struct mount_wish *m, struct mount_plan *mp);
void attach_add(struct build *b, struct origin at, int slot, const char *path, int optional);

/* The options of a tmpfs line for the kernel. */
const char *tmpfs_options(struct build *b, const struct mount_wish *m);

#endif
