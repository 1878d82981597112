/* The model's memory: directories, mounts on each other, who is in which group. See model.h. */
#include "mounts/model.h"

#include <errno.h>
#include <string.h>

#include "base/sum.h"
#include "mounts/tree.h"

static const uint8_t errnos[] = {
	0,
#define RULE(id, code, words) code,
#include "mounts/rules.def"
#undef RULE
};

int model_errno(enum model_rule r)
{
	return r == MODEL_FULL ? -1 : errnos[r];
}

const struct model_facts model_newest = {
#define MODEL_FACT(id, word, yes, help, script) yes,
#include "mounts/model_facts.def"
#undef MODEL_FACT
};

/* Rings of indices: the last one is before the first. */
static void ring_add(struct model_link *l, uint32_t *first, uint32_t i)
{
	if (!*first) {
		*first = l[i].next = l[i].prev = i;
		return;
	}
	l[i].next = *first;
	l[i].prev = l[*first].prev;
	l[l[i].prev].next = i;
	l[*first].prev = i;
}

static void ring_drop(struct model_link *l, uint32_t *first, uint32_t i)
{
	l[l[i].next].prev = l[i].prev;
	l[l[i].prev].next = l[i].next;
	if (*first == i)
		*first = model_along(l, i, i);
}

static uint32_t *place_of(const struct model *m, uint32_t mount, uint32_t node)
{
	uint32_t h = (mount * 2654435761u ^ node) * 2246822519u;

	return &m->place[(h ^ h >> 15) & m->mask];
}

uint32_t model_lookup(const struct model *m, uint32_t mount, uint32_t node)
{
	uint32_t i = *place_of(m, mount, node);

	while (i && (m->mount[i].parent != mount || m->mount[i].point != node))
		i = m->mount[i].hashed;
	return i;
}

uint32_t model_top(const struct model *m, uint32_t mount)
{
	uint32_t over;

	while ((over = model_lookup(m, mount, m->mount[mount].root)))
		mount = over;
	return mount;
}

uint32_t model_next(const struct model *m, uint32_t i, uint32_t top)
{
	if (m->mount[i].child)
		return m->mount[i].child;
	for (; i != top; i = m->mount[i].parent) {
		uint32_t next = model_along(m->brother, i, m->mount[m->mount[i].parent].child);

		if (next)
			return next;
	}
	return 0;
}

uint32_t tree_size(const struct model *m, uint32_t top)
{
	uint32_t n = 0;

	for (uint32_t i = top; i; i = model_next(m, i, top))
		n++;
	return n;
}

void tree_attach(struct model *m, uint32_t i, uint32_t parent, uint32_t node)
{
	uint32_t *place = place_of(m, parent, node);

	m->mount[i].parent = parent;
	m->mount[i].point = node;
	m->mount[i].hashed = *place;
	*place = i;
	ring_add(m->brother, &m->mount[parent].child, i);
}

void tree_detach(struct model *m, uint32_t i)
{
	struct model_mount *x = &m->mount[i];
	uint32_t *link = place_of(m, x->parent, x->point);

	while (*link != i)
		link = &m->mount[*link].hashed;
	*link = x->hashed;
	ring_drop(m->brother, &m->mount[x->parent].child, i);
	x->parent = 0;
}

int tree_below(const struct model *m, uint32_t node, uint32_t above)
{
	if (m->node[node].top != m->node[above].top)
		return 0;
	while (node && node != above)
		node = m->node[node].up;
	return node != 0;
}

void group_follow(struct model *m, uint32_t g, uint32_t master)
{
	m->group[g].master = master;
	if (master)
		ring_add(m->cousin, &m->group[master].groups, g);
}

uint32_t group_new(struct model *m, uint32_t master)
{
	uint32_t g = m->free_group;

	if (g)
		m->free_group = m->group[g].from;
	else
		g = ++m->groups;
	m->spare_groups--;
	m->group[g] = (struct model_group){0};
	group_follow(m, g, master);
	return g;
}

void tree_join(struct model *m, uint32_t i, uint32_t group, uint32_t master)
{
	m->mount[i].group = group;
	m->mount[i].master = group ? 0 : master;
	if (group)
		ring_add(m->peer, &m->group[group].members, i);
	else if (master)
		ring_add(m->peer, &m->group[master].slaves, i);
}

uint32_t model_master(const struct model *m, uint32_t i)
{
	return m->mount[i].group ? m->group[m->mount[i].group].master : m->mount[i].master;
}

/* A group without members: who followed it follows its master, or nobody. */
static void group_end(struct model *m, uint32_t g)
{
	struct model_group *x = &m->group[g];
	uint32_t i;

	while ((i = x->slaves)) {
		ring_drop(m->peer, &x->slaves, i);
		tree_join(m, i, 0, x->master);
	}
	while ((i = x->groups)) {
		ring_drop(m->cousin, &x->groups, i);
		group_follow(m, i, x->master);
	}
	if (x->master)
		ring_drop(m->cousin, &m->group[x->master].groups, g);
	x->from = m->free_group;
	m->free_group = g;
	m->spare_groups++;
}

uint32_t tree_leave(struct model *m, uint32_t i)
{
	struct model_mount *x = &m->mount[i];
	uint32_t g = x->group, master = model_master(m, i);

	if (g) {
		ring_drop(m->peer, &m->group[g].members, i);
		if (m->group[g].members)
			master = g;
		else
			group_end(m, g);
	} else if (master) {
		ring_drop(m->peer, &m->group[master].slaves, i);
	}
	x->group = x->master = 0;
	return master;
}

void tree_share(struct model *m, uint32_t i)
{
	uint32_t master;

	if (m->mount[i].group)
		return;
	master = tree_leave(m, i);
	m->mount[i].flags &= (uint8_t)~MOUNT_UNBINDABLE;
	tree_join(m, i, group_new(m, master), 0);
}

void tree_change(struct model *m, uint32_t i, enum model_type t)
{
	struct model_mount *x = &m->mount[i];
	uint32_t master;

	if (t == TYPE_SHARED) {
		tree_share(m, i);
		return;
	}
	master = tree_leave(m, i);
	if (t == TYPE_SLAVE) {
		tree_join(m, i, 0, master);
	} else {
		x->flags &= (uint8_t)~MOUNT_UNBINDABLE;
		x->flags |= t == TYPE_UNBINDABLE ? MOUNT_UNBINDABLE : 0;
	}
}

uint32_t tree_new(struct model *m, uint32_t root)
{
	uint32_t i = m->free_mount;

	if (i)
		m->free_mount = m->mount[i].hashed;
	else
		i = ++m->mounts;
	m->spare_mounts--;
	m->mount[i] = (struct model_mount){.root = root};
	return i;
}

void tree_free(struct model *m, uint32_t i)
{
	m->mount[i].hashed = m->free_mount;
	m->mount[i].ns = 0;
	m->free_mount = i;
	m->spare_mounts++;
}

uint32_t tree_clone(struct model *m, uint32_t of, uint32_t root, int how)
{
	uint32_t i = tree_new(m, root), group = m->mount[of].group, master = model_master(m, of);

	if (how & CLONE_SLAVE && group) {
		master = group;
		group = 0;
	}
	if (how & CLONE_SHARED && !group)
		group = group_new(m, master);
	tree_join(m, i, group, master);
	if (how & CLONE_UNBINDABLE && m->facts.keeps_unbindable)
		m->mount[i].flags = m->mount[of].flags & MOUNT_UNBINDABLE;
	return i;
}

static uint32_t *name_of(const struct model *m, uint32_t node, const char *name, size_t n)
{
	uint32_t h = sum32_bytes(node * 2654435761u, name, n);

	return &m->name[(h ^ h >> 15) & m->mask];
}

static uint32_t child_find(const struct model *m, uint32_t node, const char *name, size_t n)
{
	uint32_t i = *name_of(m, node, name, n);

	while (i && (m->node[i].up != node || strncmp(m->node[i].name, name, n) != 0 || m->node[i].name[n]))
		i = m->node[i].hashed;
	return i;
}

uint32_t node_new(struct model *m, uint32_t up, const char *name)
{
	uint32_t i = m->nodes + 1;

	if (i == m->max_nodes)
		return 0;
	m->nodes = i;
	m->node[i] = (struct model_node){.up = up, .top = up ? m->node[up].top : i, .name = name};
	if (up) {
		uint32_t *first = name_of(m, up, name, strlen(name));

		m->node[i].hashed = *first;
		*first = i;
	}
	return i;
}

static uint32_t child(struct model *m, uint32_t node, const char *name, size_t n, int make)
{
	uint32_t i = child_find(m, node, name, n);
	const char *copy;

	if (i || !make)
		return i;
	copy = arena_text(m->arena, name, n);
	return copy ? node_new(m, node, copy) : 0;
}

uint32_t model_child(struct model *m, uint32_t node, const char *name, int make)
{
	return child(m, node, name, strlen(name), make);
}

uint32_t model_walk(struct model *m, uint32_t node, const char *path, int make)
{
	while (node && *(path += strspn(path, "/"))) {
		size_t n = strcspn(path, "/");

		/* No other directory is of that name: a new one may be where the deleted one was. */
		if (!strcmp(path + n, "//deleted"))
			n = strlen(path);
		node = child(m, node, path, n, make);
		path += n;
	}
	return node;
}

enum model_rule model_resolve(const struct model *m, uint32_t ns, const char *path, uint32_t *mount,
			      uint32_t *node)
{
	/* What covers / itself is not met on any way: a process stands below it. */
	*mount = m->ns[ns].root;
	*node = m->mount[*mount].root;
	while (*(path += strspn(path, "/"))) {
		size_t n = strcspn(path, "/");
		uint32_t on;

		*node = child_find(m, *node, path, n);
		if (!*node)
			return MODEL_MISSING;
		on = model_lookup(m, *mount, *node);
		if (on) {
			*mount = model_top(m, on);
			*node = m->mount[*mount].root;
		}
		path += n;
	}
	return MODEL_OK;
}

uint32_t model_find_ns(const struct model *m, const char *name)
{
	for (uint32_t i = 1; i <= m->namespaces; i++)
		if (m->ns[i].root && !strcmp(m->ns[i].name, name))
			return i;
	return 0;
}

int model_room(struct model *m, struct arena *a, uint32_t mounts, uint32_t nodes, uint32_t namespaces)
{
	uint32_t buckets = 64;

	while (buckets < mounts)
		buckets *= 2;
	*m = (struct model){.facts = model_newest, .arena = a, .mask = buckets - 1, .limit = 100000,
			    .max_mounts = mounts, .max_groups = mounts, .max_nodes = nodes,
			    .max_namespaces = namespaces, .spare_mounts = mounts, .spare_groups = mounts};
	/* Room that nothing is in is not touched: pages of it cost nothing. */
	m->mount = arena_room(a, sizeof *m->mount * (mounts + 1));
	m->brother = arena_room(a, sizeof *m->brother * (mounts + 1));
	m->peer = arena_room(a, sizeof *m->peer * (mounts + 1));
	m->group = arena_room(a, sizeof *m->group * (mounts + 1));
	m->cousin = arena_room(a, sizeof *m->cousin * (mounts + 1));
	m->node = arena_room(a, sizeof *m->node * nodes);
	m->queue = arena_room(a, sizeof *m->queue * (mounts + 1));
	m->receiver = arena_room(a, sizeof *m->receiver * (mounts + 1) * 2);
	m->victim = arena_room(a, sizeof *m->victim * (mounts + 1) * 3);
	m->ns = ARENA_ARRAY(a, struct model_ns, namespaces + 1);
	m->place = ARENA_ARRAY(a, uint32_t, buckets);
	m->name = ARENA_ARRAY(a, uint32_t, buckets);
	if (!m->mount || !m->brother || !m->peer || !m->group || !m->cousin || !m->node || !m->queue ||
	    !m->receiver || !m->victim || !m->ns || !m->place || !m->name || mounts < 2 || nodes < 4 || !namespaces)
		return -1;
	memset(m->mount, 0, sizeof *m->mount);
	memset(m->group, 0, sizeof *m->group);
	memset(m->node, 0, sizeof *m->node);
	return 0;
}

int model_init(struct model *m, struct arena *a, uint32_t mounts, uint32_t namespaces, const char *root)
{
	uint32_t base;

	if (model_room(m, a, mounts, mounts * 2, namespaces))
		return -1;
	base = tree_new(m, node_new(m, 0, ""));
	m->ns[1] = (struct model_ns){.name = "main", .base = base, .mounts = 2};
	m->ns[1].root = tree_new(m, node_new(m, 0, root));
	m->mount[base].ns = m->mount[m->ns[1].root].ns = 1;
	tree_attach(m, m->ns[1].root, base, m->mount[base].root);
	m->namespaces = 1;
	return 0;
}
