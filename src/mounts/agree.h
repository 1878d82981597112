/* Whether a model and a kernel's mount table say the same. Pure. */
#ifndef HUTCH_MOUNTS_AGREE_H
#define HUTCH_MOUNTS_AGREE_H

#include "base/out.h"
#include "mounts/model.h"
#include "mounts/table.h"

/*
 * Compares the table of a namespace, read by a process whose root is that of the model, by what each mount
 * is on and shows: numbers of mounts and the order of lines mean nothing. Superblocks are known by their
 * source. Peer groups are matched by number as long as script_renumber() is not called, so
 * that several tables of one moment are compared with each other, too. 0: the difference is in why.
 */
int model_agrees(struct model *m, uint32_t ns, const struct mounts *t, struct out *why);

#endif
