/* What the mount steps share. */
#ifndef HUTCH_TREES_H
#define HUTCH_TREES_H

#include "apply/step.h"

/* MS_* of mount(2) for MOUNT_ATTR_* and for a propagation. */
unsigned long attrs_to_flags(uint32_t attrs);
unsigned long prop_to_flag(uint8_t prop);

/* Adds attributes to the mount that fd is the root of, by mount(2). */
int remount_fd(int fd, uint32_t attrs);

#endif
