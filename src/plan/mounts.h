/* What the three passes over the mounts share. Private to this floor. */
#ifndef HUTCH_PLAN_MOUNTS_H
#define HUTCH_PLAN_MOUNTS_H

#include "base/uapi.h"
#include "plan/build.h"
#include "plan/dev.h"

enum {
	RO = MOUNT_ATTR_RDONLY_, NOSUID = MOUNT_ATTR_NOSUID_, NODEV = MOUNT_ATTR_NODEV_,
	NOEXEC = MOUNT_ATTR_NOEXEC_, LOCKED_DOWN = RO | NOSUID | NODEV | NOEXEC,
};

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

/* The attributes of a line: the kind's own, changed by its words. */
uint32_t wish_attrs(const struct mount_wish *m, uint32_t dflt);
uint32_t root_attrs(const struct build *b);

/* Steps that clone a source, give it attributes and attach it; by either mount API. */
int clone_add(struct build *b, struct origin at, const char *path, int rec, int optional,
	      int note);
void attr_add(struct build *b, struct origin at, int slot, uint32_t attrs, uint8_t prop,
	      int rec);
void source_bind(struct build *b, const struct mount_wish *m, struct mount_plan *mp);
void attach_add(struct build *b, struct origin at, int slot, const char *path, int optional);

/* The propagation of a line's mount in the end. */
uint8_t bind_prop(const struct build *b, const struct mount_wish *m);

/* That of the line above `until` which path lies on, or of the root. */
uint8_t prop_around(const struct build *b, const struct mount_wish *until, const char *path);

/* The options of a tmpfs line for the kernel. */
const char *tmpfs_options(struct build *b, const struct mount_wish *m);

/* Does any line of this kind say something (none 0), or none (1)? */
int says(const struct build *b, enum mount_kind kind, int none);

int default_proc(const struct build *b);

/* No device node is made in a user namespace other than the first: they are bound. */
int device_is_bound(const struct build *b);

#endif
