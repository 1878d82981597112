/*
 * Pinned templates: mount namespaces that outlive the command which built them, bound to
 * files below /run/hutch/templates. A pin is a note, which says all that the namespace
 * was made of, and the namespace, whose name stands at the end of the note and is never used
 * again: who read the note gets that namespace or none. A note is found by a hash of its
 * key and compared whole. What a SIGKILL leaves is swept by the next who pins, or by `hutch clean`.
 */
#ifndef HUTCH_PINS_H
#define HUTCH_PINS_H

#include "base/arena.h"
#include "base/out.h"

/* How many are kept; the oldest goes first. */
enum { PINS = 64 };

/* Which template it is, compared exactly, and what else the note tells. */
struct pin {
	const char *key;
	void *more;
	size_t length, nmore;	/* bytes */
};

/* What each key begins with: of another hutch, a template is worth nothing. */
void pin_begin(struct out *o);

/*
 * The namespace that is pinned under exactly this key, as a descriptor; what else its note
 * tells goes to p->more. -1 with errno: ENOENT none, ESTALE: one with another key. Where it is no namespace any more, who wants to enter it is told.
 */
int pin_open(const struct pin *p, struct arena *a);

/*
 * Before a namespace is built that is to be pinned: the folder, locked, for one that does not get it needs no
 * namespace. -1 with errno; EWOULDBLOCK: somebody else is at it.
 */
int pin_lock(void);

/*
 * Pins a mount namespace, in the place of one with the same key, if there is one, and closes the
 * folder; ns -1: notes that one is of no use, which pin_open tells as EPERM. -1 with errno, and then nothing is left. EINVAL too where the namespace is not newer than the
 * own one: since Linux 6.17 each processor counts by itself, so that outside of the machine's
 * first namespace it may take some tries.
 */
int pin_keep(int dir, const struct pin *p, int ns, struct arena *a);

/* Why a template is not to stay, a text, by its key and what else its note tells; NULL: it is. */
typedef const char *pin_judge(void *ctx, const char *note, size_t length);
/* Of one that went, and why; NULL: because all do. */
typedef void pin_tell(void *ctx, const char *name, const char *why);

/*
 * Sweeps what is half-made, cannot be read, is of another version or not to stay by the
 * judge (NULL: nobody asks), and tells of it; all: everything. -1 with errno.
 */
int pins_sweep(pin_judge *judge, pin_tell *tell, void *ctx, int all, struct arena *a);

#endif
