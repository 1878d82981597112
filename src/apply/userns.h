/* Throw-away user namespaces: for id maps of mounts, and for sealing. */
#ifndef HUTCH_USERNS_H
#define HUTCH_USERNS_H

#include "apply/step.h"

/* A descriptor of a user namespace with this map for users and groups; -1 filled. */
int userns_make(struct walk *w, uint32_t inside, uint32_t outside, uint32_t count);

/*
 * A descriptor of a copy of this mount namespace that belongs to a user namespace
 * of nobody: in it, and in every copy of it, all mounts are locked. -1 filled.
 */
int userns_sealed_mounts(struct walk *w);

#endif
