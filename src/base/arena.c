/* The bump allocator of arena.h. */
#include "base/arena.h"

#include <string.h>

enum { ALIGN = 2 * sizeof(void *) };

void arena_init(struct arena *a, void *memory, size_t size)
{
	a->base = memory;
	a->size = size;
	a->used = 0;
}

void *arena_room(struct arena *a, size_t size)
{
	size_t at = (a->used + ALIGN - 1) / ALIGN * ALIGN;

	if (at > a->size || size > a->size - at)
		return NULL;
	a->used = at + size;
	return a->base + at;
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *room = arena_room(a, size);

	return room ? memset(room, 0, size) : NULL;
}

void *arena_double(struct arena *a, const void *array, size_t size)
{
	void *room = arena_room(a, 2 * size);

	return room && array ? memcpy(room, array, size) : room;
}

char *arena_text(struct arena *a, const char *from, size_t n)
{
	char *to;

	/* Texts need no alignment: packed, a profile takes half the room. */
	if (a->used >= a->size || n >= a->size - a->used)
		return NULL;
	to = a->base + a->used;
	a->used += n + 1;
	memcpy(to, from, n);
	to[n] = '\0';
	return to;
}
