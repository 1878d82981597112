/*
 * A bump allocator over memory that the caller owns. Profiles, plans and mount
 * tables live in one, so that reading them needs no heap and dropping them is
 * one assignment. Never frees single objects, never grows.
 */
#ifndef HUTCH_ARENA_H
#define HUTCH_ARENA_H

#include <stddef.h>

struct arena {
	char *base;
	size_t size, used;	/* bytes */
};

/* The memory is aligned for any type: an array of char is not by itself, and some processors trap. */
void arena_init(struct arena *a, void *memory, size_t size);

/* Zeroed memory aligned for any type, or NULL when the arena is full. */
void *arena_alloc(struct arena *a, size_t size);

/* The same, not zeroed: for large arrays of which little is used. */
void *arena_room(struct arena *a, size_t size);

/* The same bytes, of which NULL has none, with as much room again behind them; the old room is left behind. */
void *arena_double(struct arena *a, const void *array, size_t size);

/* A copy of n bytes with a NUL behind them, or NULL when the arena is full. */
char *arena_text(struct arena *a, const char *from, size_t n);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))

#endif
