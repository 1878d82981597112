/*
 * The last text of somebody: a ring of chunks, each with the time at which it
 * came. Writing never fails; the oldest chunks give way. A reader keeps a position
 * of its own and learns how much it missed.
 */
#ifndef HUTCH_RING_H
#define HUTCH_RING_H

#include <stddef.h>
#include <stdint.h>

struct ring {
	char *memory;
	uint32_t size;		/* bytes, a power of two; 0: no ring, all is lost */
	uint64_t head, tail;	/* positions since the beginning; chunks lie in [tail, head) */
	uint64_t lost;		/* bytes of text that gave way */
};

/* `memory` is the caller's, page-aligned and untouched; size is rounded down. */
void ring_init(struct ring *r, void *memory, size_t size);

/* Text of at most 4,096 bytes with the time in ms at which it came. */
void ring_put(struct ring *r, int64_t time, const char *text, size_t n);

/*
 * The chunk at *position, which moves behind it: copied into `to` of 4,096 bytes.
 * Returns its length, 0 when there is none yet; *lost grows by the bytes of
 * chunks that a late reader missed (their number of text bytes may be estimated
 * from positions).
 */
size_t ring_get(const struct ring *r, uint64_t *position, int64_t *time, char *to,
		uint64_t *lost);

/* The position from which the last n lines can be read. */
uint64_t ring_last(const struct ring *r, unsigned lines);

#endif
