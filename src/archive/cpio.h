/*
 * cpio.h - the entries of a newc cpio stream, plain or gzip.
 *
 * For: reading root images in the form the kernel's initramfs has, as many
 * archives on end as there are (linux
 * Documentation/driver-api/early-userspace/buffer-format.rst).
 * Never: touches a file, allocates, or judges a name: whether it is absolute,
 * empty or climbs with ".." is for the caller to refuse.
 */
#ifndef HUTCH_ARCHIVE_CPIO_H
#define HUTCH_ARCHIVE_CPIO_H

#include "archive/inflate.h"

#define CPIO_NAME_MAX	4096	/* bytes of a name with its NUL, as PATH_MAX */

/* One entry as its header has it; nothing is checked but name's form. */
struct cpio_entry {
	char name[CPIO_NAME_MAX];
	unsigned mode;		/* type and permissions, as st_mode */
	unsigned uid, gid;
	unsigned nlink;
	unsigned mtime;		/* seconds since 1970 */
	unsigned ino;		/* same ino and dev, nlink > 1: the same file */
	unsigned dev_major, dev_minor;
	unsigned rdev_major, rdev_minor;
	unsigned long size;	/* bytes of data, up to 2^32 - 1 */
};

/* About 41 KiB; owned by the caller, nothing to free. Only error is public. */
struct cpio {
	const char *error;	/* constant text once a call returned -1, else NULL */
	unsigned long left;	/* data bytes of this entry not read yet */
	unsigned pad;		/* bytes after them up to the next header */
	unsigned summed;	/* data is to add up to want */
	uint32_t sum, want;
	unsigned outside;	/* not between a first entry and its TRAILER!!! */
	unsigned archives;	/* a TRAILER!!! was seen */
	struct inflate in;
};

/* Prepare c to take bytes from read(ctx, ...); reads nothing yet. */
void cpio_init(struct cpio *c, byte_source *read, void *ctx);

/*
 * Skip what is left of the current entry and fill e with the next one.
 * Returns 1, or 0 at the end of the last archive, or -1 on an error, for
 * good, with c->error set; e then has no meaning. The TRAILER!!! entries are
 * not shown. Only 0 says that the whole stream was sound, see inflate_read().
 */
int cpio_next(struct cpio *c, struct cpio_entry *e);

/*
 * Put the next 1..len bytes of the current entry's data into buf and return
 * how many; fewer than len is no sign of the end. Returns 0 at its end (or
 * if len is 0) and -1 on an error, for good, with c->error set. A checksum
 * (magic 070702, regular files) is compared before the last bytes are
 * returned.
 */
long cpio_read(struct cpio *c, void *buf, unsigned long len);

#endif
