/*
 * Random operations. A plain random choice would seldom meet what the rules are about: mounts of a part
 * of a tree, chains of groups, mounts beneath others, locks. So the choice of paths and operations leans there, and
 * of what the model refuses most is drawn again.
 */
#include "random.h"

#include <stdio.h>
#include <string.h>

/* splitmix64 */
static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Mixed well: scripts of neighbouring numbers have nothing in common. */
void random_start(struct random *r, uint64_t seed, uint64_t n)
{
	r->state = mix(seed + 1) ^ mix(mix(n + 1));
}

unsigned random_below(struct random *r, unsigned n)
{
	return (unsigned)(mix(r->state += 0x9e3779b97f4a7c15u) >> 33) % n;
}

static const char *keep(struct arena *a, const char *text)
{
	return arena_text(a, text, strlen(text));
}

/* Any mount of the namespace but the one below /. */
static uint32_t any_mount(struct random *r, const struct model *m, uint32_t ns)
{
	uint32_t root = m->ns[ns].root, n = random_below(r, m->ns[ns].mounts - 1), i = root;

	while (n--)
		i = model_next(m, i, root);
	return i;
}

/* A path: of a mount, or (`inside` in 4 times) of a directory of it. */
static const char *any_path(struct random *r, struct model *m, uint32_t ns, struct arena *a, unsigned inside)
{
	char buf[512];

	for (int tries = 0;; tries++) {
		uint32_t mount = any_mount(r, m, ns), node = m->mount[mount].root, shown, at;
		const char *path;

		while (random_below(r, 4) < inside) {
			at = model_child(m, node, random_below(r, 3) ? "x" : "y", 0);
			if (!at)
				break;
			node = at;
		}
		path = script_path(m, mount, node, buf, sizeof buf);
		/* What is hidden has no path of its own. */
		if (tries == 20 || (!model_resolve(m, ns, path, &shown, &at) && shown == mount))
			return keep(a, path);
	}
}

/*
 * A path of a mount that has to do with another one: it sends there, or covers the directory that the other one
 * shows, or is a copy of what it is on.
 */
static const char *related_path(struct random *r, struct model *m, uint32_t ns, struct arena *a, const char *to,
				unsigned inside)
{
	uint32_t other, node;

	if (random_below(r, 2) || model_resolve(m, ns, to, &other, &node))
		return any_path(r, m, ns, a, inside);
	for (int tries = 0; tries < 30; tries++) {
		const char *path = any_path(r, m, ns, a, inside);
		uint32_t mount, group;

		if (model_resolve(m, ns, path, &mount, &node))
			continue;
		group = m->mount[mount].group;
		if (inside && group && (group == m->mount[other].group || group == model_master(m, other)))
			return path;
		if (!inside && (m->mount[mount].point == m->mount[other].root ||
				m->mount[mount].point == m->mount[mount].root))
			return path;
	}
	return any_path(r, m, ns, a, inside);
}

/* A path of a mount that can be moved, most of the time, and often of one that receives from another. */
static const char *movable_path(struct random *r, struct model *m, uint32_t ns, struct arena *a)
{
	const char *path = NULL;
	unsigned slave = random_below(r, 2);

	for (int tries = 0; tries < 12; tries++) {
		uint32_t mount, node;

		path = any_path(r, m, ns, a, 0);
		if (model_resolve(m, ns, path, &mount, &node) || !m->mount[mount].parent)
			continue;
		if (!m->mount[m->mount[mount].parent].group && !(m->mount[mount].flags & MOUNT_LOCKED) &&
		    (!slave || m->mount[mount].master))
			break;
	}
	return path;
}

/* How often each operation is drawn. */
static const struct weight {
	enum operation op;
	unsigned char weight, lazy;
} weights[] = {
	{OP_MOUNT, 16, 0}, {OP_BIND, 16, 0}, {OP_RBIND, 7, 0}, {OP_MOVE, 9, 0}, {OP_BENEATH, 6, 0},
	{OP_UMOUNT, 9, 0}, {OP_UMOUNT, 7, 1}, {OP_MAKE_SHARED, 9, 0}, {OP_MAKE_SLAVE, 8, 0},
	{OP_MAKE_PRIVATE, 4, 0}, {OP_MAKE_UNBINDABLE, 2, 0}, {OP_MAKE_RSHARED, 5, 0}, {OP_MAKE_RSLAVE, 3, 0},
	{OP_MAKE_RPRIVATE, 1, 0}, {OP_MAKE_RUNBINDABLE, 1, 0}, {OP_CLONE, 3, 0}, {OP_CLONE, 3, 1},
	{OP_END, 1, 0},
};

static const struct weight *any_operation(struct random *r)
{
	unsigned sum = 0, n;

	for (unsigned i = 0; i < sizeof weights / sizeof *weights; i++)
		sum += weights[i].weight;
	n = random_below(r, sum);
	for (const struct weight *w = weights;; w++) {
		if (n < w->weight)
			return w;
		n -= w->weight;
	}
}

static uint32_t any_ns(struct random *r, const struct model *m)
{
	uint32_t ns;

	do
		ns = 1 + random_below(r, m->namespaces);
	while (!m->ns[ns].root);
	return ns;
}

static unsigned alive(const struct model *m)
{
	unsigned n = 0;

	for (uint32_t i = 1; i <= m->namespaces; i++)
		n += m->ns[i].root != 0;
	return n;
}

/* The directories of every file system. */
static const char *const directories[] = {"x/x/x", "x/y", "y/x"};

static void draw(struct random *r, struct model *m, struct arena *a, unsigned line, struct op *to)
{
	const struct weight *w = any_operation(r);
	uint32_t ns = any_ns(r, m);
	char text[32];

	*to = (struct op){.kind = w->op, .line = line, .ns = m->ns[ns].name};
	to->word = arena_alloc(a, 8 * sizeof *to->word);
	switch (w->op) {
	case OP_MOUNT:
		to->word[to->n++] = "tmpfs";
		to->word[to->n++] = any_path(r, m, ns, a, 3);
		snprintf(text, sizeof text, "tmpfs.%u", line);
		to->source = keep(a, text);
		for (int i = 0; i < 3; i++)
			to->word[to->n++] = directories[i];
		break;
	case OP_BIND:
	case OP_RBIND:
		to->word[to->n++] = any_path(r, m, ns, a, 1 + random_below(r, 2));
		/* Onto itself: the mount shows the directory that it is on. */
		to->word[to->n] = random_below(r, 8) ? any_path(r, m, ns, a, 3) : to->word[0];
		to->n++;
		break;
	case OP_MOVE:
	case OP_BENEATH:
		to->word[to->n++] = movable_path(r, m, ns, a);
		to->word[to->n++] = related_path(r, m, ns, a, to->word[0], w->op == OP_MOVE ? 3 : 0);
		break;
	case OP_CLONE:
		snprintf(text, sizeof text, "n%u", line);
		to->word[to->n++] = keep(a, text);
		if (w->lazy && !r->same_user)
			to->word[to->n++] = "user";
		break;
	case OP_END:
		break;
	default:
		to->word[to->n++] = any_path(r, m, ns, a, 0);
		to->lazy = w->lazy;
	}
}

static uint32_t in_use(const struct model *m)
{
	return m->max_mounts - m->spare_mounts;
}

/* Refusals that come easily are taken seldom, those that hardly ever come always. */
static int wanted(struct random *r, int outcome)
{
	switch (outcome) {
	case MODEL_LOCKED:
	case MODEL_PARENT_SHARED:
	case MODEL_INTO_ITSELF:
	case MODEL_BENEATH_OWN:
	case MODEL_BUSY:
		return !random_below(r, 6);
	default:
		return 1;
	}
}

void random_op(struct random *r, struct model *m, struct arena *a, unsigned line, struct op *to,
	       int *outcome)
{
	static char saved[1 << 20];
	const char *why;

	for (int tries = 0;; tries++) {
		size_t used = a->used;
		struct model before = *m;

		draw(r, m, a, line, to);
		/* What is in the arena below `used` is all that an operation may change. */
		memcpy(saved, a->base, used);
		if (to->kind == OP_CLONE && alive(m) >= 5)
			*outcome = -1;
		else
			*outcome = script_do(m, to, &why);
		if (*outcome >= 0 && *outcome != MODEL_FULL && in_use(m) < 160 && wanted(r, *outcome))
			return;
		*m = before;
		memcpy(a->base, saved, used);
		a->used = used;
	}
}
