/*
 * The last text of somebody: a ring of chunks, each with the time at which it
 * came. Writing never fails; the oldest chunks give way. A reader keeps a position
 * of its own and learns how much it missed.
 *
 * A chunk is a line with its end, or a part of a long or unfinished one: a line
 * always starts with a chunk.
 */
#ifndef HUTCH_RING_H
#define HUTCH_RING_H

#include <stddef.h>
#include <stdint.h>

enum { RING_CHUNK = 448, RING_MIN = 4096 };	/* bytes */

struct ring {
	char *memory;
	uint32_t size;		/* bytes, a power of two; 0: no ring, all is lost */
	uint32_t last;		/* bytes of text in the newest chunk */
	uint64_t head, tail;	/* positions since the beginning; chunks lie in [tail, head) */
	uint64_t lost;		/* bytes of text that gave way */
};

/*
 * `memory` is the caller's and untouched until it is written; size is rounded down,
 * below RING_MIN there is no ring.
 */
void ring_init(struct ring *r, void *memory, size_t size);

/* Text of any length with the time in ms at which it came. */
void ring_put(struct ring *r, int64_t time, const char *text, size_t n);
/* The same for one whole line of RING_CHUNK bytes at most. */
void ring_line(struct ring *r, int64_t time, const char *line, size_t n);

/*
 * The chunk at *position, which moves behind it: copied into `to` of RING_CHUNK bytes.
 * Returns its length, 0 when there is none yet. *lost grows by what a late reader
 * missed: 8 bytes for each chunk, and its text.
 */
size_t ring_get(const struct ring *r, uint64_t *position, int64_t *time, char *to,
		uint64_t *lost);

/* The position from which the last n lines can be read; an unfinished one counts. */
uint64_t ring_last(const struct ring *r, unsigned lines);

/* Whether the newest text is a line without its end. */
int ring_unfinished(const struct ring *r);

#endif
