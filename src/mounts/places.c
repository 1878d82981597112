/* Mounts by what they are on, see places.h. */
#include "mounts/places.h"

#include <string.h>

#include "base/sum.h"

static uint32_t *slot(const struct places *p, uint32_t on, uint32_t hash)
{
	uint32_t h = (hash + on) * 2654435761u;

	return &p->head[(h ^ h >> 15) & p->mask];
}

static void put(const struct places *p, uint32_t i, uint32_t on, uint32_t hash)
{
	uint32_t *head = slot(p, on, hash);

	p->chain[i] = *head;
	*head = i;
}

/* The mounts that each is on, by their ids. */
static void find_parents(const struct places *p)
{
	const struct mount *m = p->table->mount;

	for (uint32_t i = 0; i < p->table->n; i++)
		put(p, i, 0, (uint32_t)m[i].id);
	for (uint32_t i = 0; i < p->table->n; i++) {
		uint32_t up = *slot(p, 0, (uint32_t)m[i].parent);

		while (up != PLACES_NONE && m[up].id != m[i].parent)
			up = p->chain[up];
		/* The first of all is on itself. */
		p->up[i] = up == i ? PLACES_NONE : up;
		if (p->up[i] != PLACES_NONE) {
			p->brother[i] = p->child[up];
			p->child[up] = i;
		}
	}
}

static uint32_t find(const struct places *p, uint32_t on, const char *path, size_t n, uint32_t hash)
{
	uint32_t i = *slot(p, on, hash);

	while (i != PLACES_NONE && (p->up[i] != on || strncmp(p->table->mount[i].point, path, n) != 0 ||
				    p->table->mount[i].point[n]))
		i = p->chain[i];
	return i;
}

static uint32_t hash_of(const char *path)
{
	return sum32_bytes(0, path, strlen(path));
}

int places_build(struct places *p, const struct mounts *t, struct arena *a)
{
	size_t n = t->n, slots = 16;
	uint32_t *memory;

	while (slots < n)
		slots *= 2;
	memory = arena_room(a, (4 * n + slots) * sizeof *memory);
	if (!memory)
		return -1;
	memset(memory, 0xff, (4 * n + slots) * sizeof *memory);
	*p = (struct places){t, memory, memory + n, memory + 2 * n, memory + 4 * n, memory + 3 * n,
			     (uint32_t)slots - 1};
	find_parents(p);
	memset(p->head, 0xff, slots * sizeof *p->head);
	for (uint32_t i = 0; i < t->n; i++)
		put(p, i, p->up[i], hash_of(t->mount[i].point));
	return 0;
}

uint32_t places_at(const struct places *p, uint32_t on, const char *path)
{
	return find(p, on, path, strlen(path), hash_of(path));
}

uint32_t walker_over(const struct walker *w)
{
	return find(w->places, w->on, w->path, w->n, w->hash);
}

struct walker walker_start(const struct places *p, const char *path)
{
	struct walker w = {.places = p, .path = path, .n = 1, .on = PLACES_NONE, .hash = sum32_bytes(0, "/", 1)};

	w.on = walker_over(&w);
	return w;
}

int walker_next(struct walker *w)
{
	const size_t from = w->n;

	if (!w->path[w->n])
		return 0;
	/* The root alone ends with its slash. */
	w->n += from > 1;
	while (w->path[w->n] && w->path[w->n] != '/')
		w->n++;
	w->hash = sum32_bytes(w->hash, w->path + from, w->n - from);
	return 1;
}

uint32_t places_find(const struct places *p, const char *path)
{
	struct walker w = walker_start(p, path);
	uint32_t over;

	/* No circle is met from outside of it, whatever the table says. */
	do
		while ((w.n > 1 || !path[1]) && (over = walker_over(&w)) != PLACES_NONE)
			w.on = over;
	while (walker_next(&w));
	return w.on;
}
