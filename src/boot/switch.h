/* What root.c and switch.c share. */
#ifndef HUTCH_BOOT_SWITCH_H
#define HUTCH_BOOT_SWITCH_H

/* Where the new root is until it is the root. */
#define NEW_ROOT "/newroot"

/* Whether the directory is of a file system in memory, as an initramfs is. */
int is_initramfs(int fd);

#endif
