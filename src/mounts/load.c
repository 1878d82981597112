/* Mount tables into a model, see load.h. Nothing that they say is believed: they may come from a file. */
#include "mounts/load.h"

#include <string.h>

#include "base/parse.h"
#include "mounts/tree.h"

/* What a number of the tables is in the model. */
struct known {
	uint64_t number;
	uint32_t kind, is;
};

enum { SUPERBLOCK = 1, GROUP, MOUNT };	/* MOUNT: of the first table, and so on */

struct loader {
	struct model *m;
	struct known *known;
	uint32_t mask;
};

/* Where to find, or to note, what a number is. */
static uint32_t *known(struct loader *l, uint32_t kind, uint64_t number)
{
	uint64_t hash = (number ^ (uint64_t)kind << 48) * 0x9e3779b97f4a7c15u;
	struct known *k;

	for (uint32_t i = (uint32_t)(hash >> 32);; i++) {
		k = &l->known[i & l->mask];
		if (!k->kind)
			*k = (struct known){number, kind, 0};
		if (k->kind == kind && k->number == number)
			return &k->is;
	}
}

static uint32_t group_of(struct loader *l, uint32_t number)
{
	uint32_t *g;

	if (!number)
		return 0;
	g = known(l, GROUP, number);
	if (!*g)
		*g = group_new(l->m, 0);
	return *g;
}

/* One line as a mount on nothing; 0: there is one of that number, or no room. */
static uint32_t load_line(struct loader *l, unsigned view, const struct mount *x)
{
	struct model *m = l->m;
	uint32_t *top = known(l, SUPERBLOCK, (uint64_t)x->major << 32 | x->minor), *id, root;

	if (!*top)
		*top = node_new(m, 0, x->source);
	root = model_walk(m, *top, x->root, 1);
	id = known(l, MOUNT + view, (uint64_t)x->id);
	if (*id || !root)
		return 0;
	*id = tree_new(m, root);
	m->mount[*id].ns = (uint16_t)m->namespaces;
	m->mount[*id].flags = x->unbindable ? MOUNT_UNBINDABLE : 0;
	tree_join(m, *id, group_of(l, x->shared), group_of(l, x->master));
	return *id;
}

/* Puts line i on its parent, or the namespace's root on the mount that nobody sees. */
static int attach_line(struct loader *l, const struct view *v, unsigned view, unsigned i)
{
	struct model *m = l->m;
	struct model_ns *ns = &m->ns[m->namespaces];
	const struct mount *x = &v->table.mount[i];
	uint32_t on = x->parent == x->id ? 0 : *known(l, MOUNT + view, (uint64_t)x->parent), mount = ns->base + 1 + i;
	const char *above = "/";

	if (mount == ns->root)
		on = ns->base;
	else if (on)
		above = v->table.mount[on - ns->base - 1].point;
	else
		on = ns->root;
	if (!on || !path_below(x->point, above))
		return -1;
	tree_attach(m, mount, on, model_walk(m, m->mount[on].root, x->point + (above[1] ? strlen(above) : 0), 1));
	return m->mount[mount].point ? 0 : -1;
}

static int load_view(struct loader *l, const struct view *v, unsigned view)
{
	struct model *m = l->m;
	const struct mounts *t = &v->table;
	struct model_ns *ns = &m->ns[++m->namespaces];

	*ns = (struct model_ns){.name = v->name, .base = tree_new(m, node_new(m, 0, "")), .mounts = t->n + 1};
	m->mount[ns->base].ns = (uint16_t)m->namespaces;
	for (unsigned i = 0; i < t->n; i++)
		if (!load_line(l, view, &t->mount[i]))
			return -1;
	for (unsigned i = 0; i < t->n; i++)
		if (!strcmp(t->mount[i].point, "/") &&
		    (t->mount[i].parent == t->mount[i].id || !*known(l, MOUNT + view, (uint64_t)t->mount[i].parent)))
			ns->root = ns->base + 1 + i;
	/* Who reads it is within a mount whose root is out of reach. */
	if (!ns->root) {
		ns->root = tree_new(m, node_new(m, 0, "?"));
		m->mount[ns->root].ns = (uint16_t)m->namespaces;
		tree_attach(m, ns->root, ns->base, m->mount[ns->base].root);
		ns->mounts++;
	}
	for (unsigned i = 0; i < t->n; i++)
		if (attach_line(l, v, view, i))
			return -1;
	/* All of them, and no circles. */
	return tree_size(m, ns->base) == ns->mounts ? 0 : -1;
}

/* Which group follows which: said by the members, and of one that has none by who receives from it. */
static void load_masters(struct loader *l, const struct view *v, int outside)
{
	struct model *m = l->m;

	for (unsigned i = 0; i < v->table.n; i++) {
		const struct mount *x = &v->table.mount[i];
		uint32_t g = group_of(l, outside ? x->master : x->shared);
		uint32_t master = group_of(l, outside ? x->from : x->master);

		if (g && !m->group[g].master)
			group_follow(m, g, master);
	}
}

/* Whether each group follows one that follows none, or one that does. */
static int masters_end(struct model *m)
{
	uint32_t n = 0;

	for (uint32_t g = 1; g <= m->groups; g++)
		if (!m->group[g].master)
			m->queue[n++] = g;
	for (uint32_t k = 0; k < n; k++) {
		uint32_t first = m->group[m->queue[k]].groups;

		for (uint32_t g = first; g; g = model_along(m->cousin, g, first))
			m->queue[n++] = g;
	}
	return n == m->groups;
}

static uint32_t names_in(const char *path)
{
	uint32_t n = 1;

	while (*path)
		n += *path++ == '/';
	return n;
}

int model_load(struct model *m, struct arena *a, const struct view *view, unsigned n, uint32_t more,
	       struct err *e)
{
	struct loader l = {.m = m, .mask = 63};
	uint32_t lines = 0, nodes = 4 * (n + more);

	for (unsigned v = 0; v < n; v++) {
		lines += view[v].table.n + 2;
		for (unsigned i = 0; i < view[v].table.n; i++)
			nodes += names_in(view[v].table.mount[i].root) + names_in(view[v].table.mount[i].point) + 1;
	}
	while (l.mask < 8 * lines)
		l.mask = 2 * l.mask + 1;
	l.known = ARENA_ARRAY(a, struct known, l.mask + 1);
	/* Each line can name three groups. */
	if (!l.known || model_room(m, a, 3 * lines + more, nodes, n + more))
		return err_set(e, 0, "no room for a model of %u mounts", lines);
	for (unsigned v = 0; v < n; v++)
		if (load_view(&l, &view[v], v))
			return err_set(e, 0, "a mount table that contradicts itself");
	for (int outside = 0; outside < 2; outside++)
		for (unsigned v = 0; v < n; v++)
			load_masters(&l, &view[v], outside);
	return masters_end(m) ? 0 : err_set(e, 0, "peer groups that follow each other in a circle");
}
