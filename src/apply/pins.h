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

/* A note: its first `key` bytes say which template it is, the others what it was made of. */
struct pin {
	const char *note;
	size_t key, length;
};

/* What each note begins with: of another hutch, one is worth nothing. */
void pin_begin(struct out *o);

/*
 * The namespace that is pinned under exactly this note, as a descriptor. -1 with errno: ENOENT
 * none, ESTALE: one with another note.
 */
int pin_open(const struct pin *p, struct arena *a);

/*
 * Pins a mount namespace, in the place of one with the same key, if there is one. Never waits:
 * where somebody else pins just now, EWOULDBLOCK. -1 with errno, and then nothing is left.
 */
int pin_keep(const struct pin *p, int ns, struct arena *a);

/* Why a note that can be read is not to stay, a text; NULL: it is. */
typedef const char *pin_judge(void *ctx, const char *note, size_t length);
typedef void pin_tell(void *ctx, const char *name, const char *why);

/*
 * Sweeps what is half-made, cannot be read, is of another version or not to stay by the
 * judge (NULL: nobody asks), and tells of it; all: everything. -1 with errno.
 */
int pins_sweep(pin_judge *judge, pin_tell *tell, void *ctx, int all, struct arena *a);

#endif
