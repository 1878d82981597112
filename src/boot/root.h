/*
 * The real root, to which the initramfs makes way. It is prepared by a process that may
 * hang and fail, beside the root that there is; PID 1 itself only goes there.
 */
#ifndef HUTCH_BOOT_ROOT_H
#define HUTCH_BOOT_ROOT_H

#include "base/err.h"
#include "supervise/main.h"

/*
 * Waits for the device, mounts it with what is laid over it, and tries whether boot.init
 * can be executed there: then to->init says so. Does nothing when the root is no initramfs any
 * more. -1 fills e, and nothing is left of it.
 */
int root_prepare(const struct machine_conf *m, struct setup_report *to, struct err *e);

/*
 * PID 1: makes that the root, takes /dev, /proc, /run and /sys along, executes `init` there
 * with hutch's further arguments and no signal blocked. What the initramfs held is deleted by a
 * child, which needs the arena. -1 with e: nothing was changed, or it stands on the new root.
 */
root_enter_fn root_enter;

#endif
