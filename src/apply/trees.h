/* What the mount steps share. Private to this floor. */
#ifndef HUTCH_TREES_H
#define HUTCH_TREES_H

#include "apply/walk.h"

/* Reads this process's mount table. */
int table_read(struct walk *w, struct mounts *to);

/*
 * Its line of one mount alone: the kernel prints no more than is read, and a line costs it more than a system call. Any
 * failure is ESTALE.
 */
int table_line(struct walk *w, int id, struct mounts *to);

/*
 * The same as far as verify looks at it, in place of the table where the kernel tells of single mounts, with a sum for
 * w->seen where that is kept. 1: that is what was seen, and to may not be filled.
 */
int table_now(struct walk *w, struct mounts *to, uint64_t *sum);

/* The id of the mount that fd is on, or -1. */
int mount_id(struct walk *w, int fd);

/* "/proc/self/fd/N": how mount(2) is given a descriptor. */
void fd_path(char to[32], int fd);

/* MS_* of mount(2) for MOUNT_ATTR_* and for a propagation. */
unsigned long attrs_to_flags(uint32_t attrs);
unsigned long prop_to_flag(uint8_t prop);

/* Adds attributes to the mount that fd is the root of, by mount(2). */
int remount_fd(int fd, uint32_t attrs);

/*
 * Into a mount namespace: that of ns (-1: our own), or with flags for unshare(2) a new one of it. The host's root stays
 * ours, so that its paths are found until everything is mounted. Returns the topmost root of that namespace, or -1.
 */
int namespace_enter(int ns, unsigned unshared);

/* upper and work directories of an overlay, in a place of their own on the scratch. */
int overlay_layers(struct walk *w, int scratch, uint64_t size, int *upper, int *work);

/* Makes every permitted capability effective, until the payload's own are set. */
int caps_raise(void);

/* Ties the life of this process to hutch's; the step fails if hutch is gone already. */
int parent_check(struct walk *w);

#endif
