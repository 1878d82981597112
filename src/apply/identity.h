/*
 * What a template was made of, as something that can be compared exactly: whatever differs makes it stale. This is the
 * only rule for that. A source is the same while its path leads to the same file of the same mount, with the
 * same attributes and peer groups, and, where everything below comes along, with the same mounts below; what was read
 * (an image, an archive), while nobody has written to it.
 */
#ifndef HUTCH_IDENTITY_H
#define HUTCH_IDENTITY_H

#include "apply/step.h"

/* All zeros: nothing is there. Only compared as a whole. */
struct identity {
	uint64_t ino, mount;		/* the mount's unique id from Linux 6.8 on, else the other one */
	uint64_t below;			/* sum over the mounts below; or over those of the template */
	uint64_t size, changed;		/* of what was read: bytes, ns since 1970 */
	uint32_t major, minor, attrs, group, master, present;
};

/*
 * Tells what the sources of w's plan are now, as this process sees them: one for each, and one behind them
 * that is left as it is. Reads the mount table where a source needs it, for which w->proc must be open. May wait.
 * -1: w->err is filled.
 */
int identity_take(struct walk *w, struct identity *to);

/* The same compared with w->identity: -1 with ESTALE in w->err when anything is not as it was. */
int identity_check(struct walk *w);

/* While a template is built: what was opened for this slot is what w->identity tells of. -1: the step has failed. */
int identity_same(struct walk *w, int slot, int fd);

/* A sum over the mounts of a table that the template, and not a launch, has made. */
uint64_t identity_table(const struct walk *w, const struct plan *plan, const struct mounts *now);

#endif
