/* The mounts of this process's namespace. */
#ifndef HUTCH_APPLY_TABLE_H
#define HUTCH_APPLY_TABLE_H

#include "apply/step.h"

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

#endif
