/* What root.c and switch.c share. */
#ifndef HUTCH_BOOT_SWITCH_H
#define HUTCH_BOOT_SWITCH_H

#include <stdint.h>

#include "base/err.h"

/* Where the new root is until it is the root. */
#define NEW_ROOT "/newroot"

/*
 * Mounts a device, or an image file, once it is there: the place is made where it can be.
 * Waits `wait` ms at most. -1 fills e.
 */
int mount_device(const char *place, const char *device, const char *type, unsigned long flags,
		 const char *data, uint32_t wait, struct err *e);

/* The same for a file system that has no device. */
int mount_on(const char *place, const char *source, const char *type, unsigned long flags,
	     const char *data, struct err *e);

/* Whether the directory is of a file system in memory, as an initramfs is. */
int is_initramfs(int fd);

#endif
