/* Questions to the wish that several parts of the planner ask. Private to this floor. */
#ifndef HUTCH_PLAN_WISH_H
#define HUTCH_PLAN_WISH_H

#include "base/uapi.h"
#include "plan/draft.h"

enum {
	RO = MOUNT_ATTR_RDONLY_, NOSUID = MOUNT_ATTR_NOSUID_, NODEV = MOUNT_ATTR_NODEV_,
	NOEXEC = MOUNT_ATTR_NOEXEC_, LOCKED_DOWN = RO | NOSUID | NODEV | NOEXEC,
};

/* Does any line of this kind say something (none 0), or none (1)? */
int says(const struct build *b, enum mount_kind kind, int none);

int default_proc(const struct build *b);

/* The attributes of a line: the kind's own, changed by its words. */
uint32_t wish_attrs(const struct mount_wish *m, uint32_t dflt);
uint32_t root_attrs(const struct build *b);

/* The propagation of a line's mount in the end. */
uint8_t bind_prop(const struct build *b, const struct mount_wish *m);

/* That of the line above `until` which path lies on, or of the root. */
uint8_t prop_around(const struct build *b, const struct mount_wish *until, const char *path);

/* No device node is made in a user namespace other than the first: they are bound. */
int device_is_bound(const struct build *b);

/* Whether a scratch is needed to stage things on. */
int need_scratch(const struct build *b);

/* May the payload have uid 0, of whatever user namespace it is in? */
int payload_is_root(const struct build *b);

/* The payload must not reach hutch's own file through /proc. */
int needs_self_seal(const struct build *b);

/* Does the host side note this sandbox somewhere before its payload runs? */
int plan_meets(const struct build *b);

#endif
