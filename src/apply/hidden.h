/* Mounts that nobody sees any more, because the root was put over them. */
#ifndef HUTCH_HIDDEN_H
#define HUTCH_HIDDEN_H

#include "base/arena.h"

/*
 * What else was mounted on the initramfs stays in this namespace when another root lies
 * over it: out of sight but within reach of umount, and copied at every clone. Detaches it.
 * For a process whose root the initramfs still is; elsewhere it does nothing. `proc` is a
 * /proc. NULL, or the place of what stays, with errno.
 */
const char *hidden_detach(int proc, struct arena *a);

#endif
