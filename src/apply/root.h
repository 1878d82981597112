/* Ways into a root that other steps go too. */
#ifndef HUTCH_ROOT_H
#define HUTCH_ROOT_H

#include "apply/step.h"

/*
 * Into a mount namespace: that of ns (-1: our own), or with flags for unshare(2) a new one of it. The host's root stays
 * ours, so that its paths are found until everything is mounted. Returns the topmost root of that namespace, or -1.
 */
int namespace_enter(int ns, unsigned unshared);

/* upper and work directories of an overlay, in a place of their own on the scratch. */
int overlay_layers(struct walk *w, int scratch, uint64_t size, int *upper, int *work);

#endif
