/* The ring of text, see ring.h. */
#include "supervise/ring.h"

#include <string.h>

/*
 * What stands before a chunk's text: from high to low the time, the bytes of the
 * chunk before it (the way back) and its own. 42 bits of ms are 139 years.
 */
enum { HEAD = sizeof(uint64_t), LENGTH_BITS = 11, LENGTH_MASK = (1 << LENGTH_BITS) - 1 };

void ring_init(struct ring *r, void *memory, size_t size)
{
	*r = (struct ring){.memory = memory};
	if (size >= RING_MIN)
		for (r->size = RING_MIN; r->size <= size / 2 && r->size < 1u << 30;)
			r->size *= 2;
}

static size_t room_behind(const struct ring *r, uint64_t at, size_t n)
{
	size_t straight = r->size - (size_t)(at & (r->size - 1));

	return n < straight ? n : straight;
}

static void copy_in(struct ring *r, uint64_t at, const void *from, size_t n)
{
	size_t straight = room_behind(r, at, n);

	memcpy(r->memory + (at & (r->size - 1)), from, straight);
	memcpy(r->memory, (const char *)from + straight, n - straight);
}

static void copy_out(const struct ring *r, uint64_t at, void *to, size_t n)
{
	size_t straight = room_behind(r, at, n);

	memcpy(to, r->memory + (at & (r->size - 1)), straight);
	memcpy((char *)to + straight, r->memory, n - straight);
}

static uint64_t head_at(const struct ring *r, uint64_t at)
{
	uint64_t head;

	copy_out(r, at, &head, sizeof head);
	return head;
}

static void put_chunk(struct ring *r, int64_t time, const char *text, size_t n)
{
	uint64_t head = (uint64_t)time << 2 * LENGTH_BITS | r->last << LENGTH_BITS | n;

	while (r->head + HEAD + n - r->tail > r->size) {
		size_t length = head_at(r, r->tail) & LENGTH_MASK;

		r->tail += HEAD + length;
		r->lost += length;
	}
	copy_in(r, r->head, &head, sizeof head);
	copy_in(r, r->head + HEAD, text, n);
	r->head += HEAD + n;
	r->last = (uint32_t)n;
}

void ring_line(struct ring *r, int64_t time, const char *line, size_t n)
{
	if (r->size)
		put_chunk(r, time, line, n);
	else
		r->lost += n;
}

void ring_put(struct ring *r, int64_t time, const char *text, size_t n)
{
	if (!r->size) {
		r->lost += n;
		return;
	}
	while (n) {
		size_t part = n < RING_CHUNK ? n : RING_CHUNK;
		const char *end = memchr(text, '\n', part);

		if (end)
			part = (size_t)(end + 1 - text);
		put_chunk(r, time, text, part);
		text += part;
		n -= part;
	}
}

size_t ring_get(const struct ring *r, uint64_t *position, int64_t *time, char *to,
		uint64_t *lost)
{
	uint64_t head;
	size_t n;

	if (*position < r->tail) {
		*lost += r->tail - *position;
		*position = r->tail;
	}
	if (*position >= r->head)
		return 0;
	head = head_at(r, *position);
	n = head & LENGTH_MASK;
	/* Cannot be but with a position of another ring. */
	if (!n || n > RING_CHUNK || *position + HEAD + n > r->head) {
		*position = r->head;
		return 0;
	}
	*time = (int64_t)(head >> 2 * LENGTH_BITS);
	copy_out(r, *position + HEAD, to, n);
	*position += HEAD + n;
	return n;
}

/* The byte before a chunk's place is the last of the chunk before it. */
static int line_before(const struct ring *r, uint64_t at)
{
	return r->memory[(at - 1) & (r->size - 1)] == '\n';
}

int ring_unfinished(const struct ring *r)
{
	return r->head > r->tail && !line_before(r, r->head);
}

uint64_t ring_last(const struct ring *r, unsigned lines)
{
	uint64_t at = r->head;
	size_t length = r->last;

	while (lines && at > r->tail) {
		at -= HEAD + length;
		length = head_at(r, at) >> LENGTH_BITS & LENGTH_MASK;
		lines -= at == r->tail || line_before(r, at);
	}
	return at;
}
