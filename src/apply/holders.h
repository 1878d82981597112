/* Who keeps a mount busy, as far as /proc tells. */
#ifndef HUTCH_HOLDERS_H
#define HUTCH_HOLDERS_H

#include "kernel/k.h"

enum hold { HOLD_ROOT, HOLD_CWD, HOLD_EXE, HOLD_FD, HOLD_MAP, HOLDS };

/*
 * Every use of a file by every process: where it is, `mnt_id` too where mask has STATX_MNT_ID
 * (Linux 5.8). Answer 1 to hear no more of this kind from this process.
 */
typedef int holder_fn(void *ctx, int pid, enum hold how, const struct k_stat *file);

/* -1 with errno: /proc cannot be read. */
int holders_each(holder_fn *tell, void *ctx);

#endif
