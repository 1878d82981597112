/*
 * A mount table as the kernel prints it in /proc/PID/mountinfo. Pure: the text is
 * the caller's.
 */
#ifndef HUTCH_MOUNTS_TABLE_H
#define HUTCH_MOUNTS_TABLE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* The names of MOUNT_ATTR_*, from the lowest bit on. */
enum { ATTRS = 4 };
extern const char attr_names[ATTRS][8];

struct mount {
	int id, parent;
	unsigned major, minor;
	const char *root, *point, *type, *source, *super;
	uint32_t attrs;		/* MOUNT_ATTR_* */
	uint32_t shared, master, from;	/* peer groups, 0: none */
	uint8_t unbindable;
	uint64_t file;		/* inode of what it shows, where somebody has asked; else 0 */
};

struct mounts {
	struct mount *mount;
	unsigned n;
};

/*
 * Cuts text (which is changed: fields are ended and octal escapes undone in place)
 * into mounts, in memory of the arena. -1 for a line that is no mountinfo.
 */
int mounts_parse(struct mounts *to, char *text, size_t length, struct arena *a,
		 struct err *e);

/* Undoes \040 and its like in place: the kernel escapes blank, tab, newline, \. */
void mounts_unescape(char *text);

/* The mount that a path shows: of those at this very point, the one on top. */
const struct mount *mounts_top(const struct mounts *t, const char *point);

/* Whether another mount lies over this one or over the way to it. */
int mounts_hidden(const struct mounts *t, const struct mount *m);

/* The same for two tables that differ in the kernel's numbers of mounts, and of what was mounted anew, and in nothing else. */
uint64_t mounts_sum(const struct mounts *t);

/* As much of the text of a table, before it is parsed. 0: it is too long for that. */
uint64_t mounts_text_sum(const char *text, size_t length);

const struct mount *mounts_by_id(const struct mounts *t, int id);

#endif
