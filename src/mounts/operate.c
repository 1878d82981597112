/* What a process in a namespace can ask for, and which rule of the kernel forbids it. See model.h. */
#include <string.h>

#include "mounts/tree.h"

struct at {
	uint32_t mount, node;
};

static enum model_rule find(const struct model *m, uint32_t ns, const char *path, struct at *to)
{
	return model_resolve(m, ns, path, &to->mount, &to->node);
}

/* The mount whose root a path shows. */
static enum model_rule find_mount(const struct model *m, uint32_t ns, const char *path, uint32_t *mount)
{
	struct at at;
	enum model_rule r = find(m, ns, path, &at);

	*mount = at.mount;
	if (!r && at.node != m->mount[at.mount].root)
		r = MODEL_NO_MOUNT;
	return r;
}

/* Where a mount on a path comes to: on top, also of what covers the root. */
static enum model_rule find_place(const struct model *m, uint32_t ns, const char *path, struct at *to)
{
	enum model_rule r = find(m, ns, path, to);
	uint32_t over = r ? 0 : model_lookup(m, to->mount, to->node);

	if (over) {
		to->mount = model_top(m, over);
		to->node = m->mount[to->mount].root;
	}
	return r;
}

static int has_room(const struct model *m, uint32_t mounts)
{
	return mounts <= m->spare_mounts && mounts <= m->spare_groups;
}

enum model_rule model_mkdir(struct model *m, uint32_t ns, const char *path)
{
	const char *name = strrchr(path, '/');
	uint32_t on, node = 0;
	struct at at;

	if (!name || !name[1])
		return MODEL_EXISTS;
	on = m->ns[ns].root;
	at = (struct at){on, m->mount[on].root};
	/* All but the last name, found as any path is. */
	if (name > path) {
		char *parent = arena_text(m->arena, path, (size_t)(name - path));
		enum model_rule r = parent ? find(m, ns, parent, &at) : MODEL_FULL;

		if (parent)
			m->arena->used = (size_t)(parent - m->arena->base);
		if (r)
			return r;
	}
	if (model_child(m, at.node, name + 1, 0))
		return MODEL_EXISTS;
	node = model_child(m, at.node, name + 1, 1);
	return node ? MODEL_OK : MODEL_FULL;
}

/* Attaches what was just made, or drops it again. */
static enum model_rule attach_new(struct model *m, uint32_t tree, const struct at *to)
{
	enum model_rule r = propagate_attach(m, tree, to->mount, to->node, 0);

	if (r)
		propagate_umount(m, tree, 0);
	return r;
}

uint32_t model_new(struct model *m, const char *name)
{
	uint32_t node = has_room(m, 1) ? node_new(m, 0, name) : 0;

	return node ? tree_new(m, node) : 0;
}

enum model_rule model_mount(struct model *m, uint32_t ns, const char *name, const char *path, uint32_t *made)
{
	struct at to;
	enum model_rule r = find_place(m, ns, path, &to);

	if (r)
		return r;
	*made = model_new(m, name);
	return *made ? attach_new(m, *made, &to) : MODEL_FULL;
}

enum model_rule model_attach(struct model *m, uint32_t ns, uint32_t tree, const char *to)
{
	struct at target;
	enum model_rule r = find_place(m, ns, to, &target);

	if (!r)
		return attach_new(m, tree, &target);
	propagate_umount(m, tree, 0);
	return r;
}

enum model_rule model_pivot(struct model *m, uint32_t ns, uint32_t tree)
{
	const struct at base = {m->ns[ns].base, m->mount[m->ns[ns].base].root};

	propagate_umount(m, m->ns[ns].root, 0);
	m->ns[ns].root = tree;
	return attach_new(m, tree, &base);
}

enum model_rule model_join(struct model *m, uint32_t ns, const char *path, uint32_t of)
{
	uint32_t mount;
	enum model_rule r = find_mount(m, ns, path, &mount);

	if (r)
		return r;
	tree_leave(m, mount);
	tree_join(m, mount, m->mount[of].group, m->mount[of].master);
	return MODEL_OK;
}

static int locked_below(const struct model *m, const struct at *at)
{
	uint32_t first = m->mount[at->mount].child;

	for (uint32_t i = first; i; i = model_along(m->brother, i, first))
		if (m->mount[i].flags & MOUNT_LOCKED && tree_below(m, m->mount[i].point, at->node))
			return 1;
	return 0;
}

static enum model_rule copy(struct model *m, const struct at *of, int recursive, uint32_t *tree)
{
	if (m->mount[of->mount].flags & MOUNT_UNBINDABLE)
		return MODEL_UNBINDABLE;
	if (!recursive && locked_below(m, of))
		return MODEL_LOCKED_BELOW;
	if (!has_room(m, recursive ? tree_size(m, of->mount) : 1))
		return MODEL_FULL;
	*tree = recursive ? tree_copy(m, of->mount, of->node, 0) : tree_clone(m, of->mount, of->node, 0);
	return *tree ? MODEL_OK : MODEL_LOCKED_UNBINDABLE;
}

enum model_rule model_copy(struct model *m, uint32_t ns, const char *from, int recursive, uint32_t *tree)
{
	struct at source;
	enum model_rule r = find(m, ns, from, &source);

	return r ? r : copy(m, &source, recursive, tree);
}

enum model_rule model_bind(struct model *m, uint32_t ns, const char *from, const char *to, int recursive)
{
	struct at source, target;
	enum model_rule r = find(m, ns, from, &source);
	uint32_t tree = 0;

	if (r)
		return r;
	r = find_place(m, ns, to, &target);
	if (r)
		return r;
	r = copy(m, &source, recursive, &tree);
	return r ? r : attach_new(m, tree, &target);
}

static int has_unbindable(const struct model *m, uint32_t tree)
{
	for (uint32_t i = tree; i; i = model_next(m, i, tree))
		if (m->mount[i].flags & MOUNT_UNBINDABLE)
			return 1;
	return 0;
}

static int is_inside(const struct model *m, uint32_t mount, uint32_t tree)
{
	while (mount && mount != tree)
		mount = m->mount[mount].parent;
	return mount != 0;
}

/* Whether a mount that comes to `to` on `from` would have a copy come over this mount's root. */
static int would_cover(const struct model *m, uint32_t from, uint32_t mount, uint32_t node)
{
	uint32_t group = m->mount[from].group, g = m->mount[mount].group;

	if (!group || m->mount[mount].root != node)
		return 0;
	for (g = g ? g : m->mount[mount].master; g && g != group;)
		g = m->group[g].master;
	return g != 0;
}

/* Whether a tree may go beneath a mount, which is that of a path and the top one there. */
static enum model_rule may_go_beneath(const struct model *m, uint32_t tree, uint32_t mount)
{
	uint32_t parent = m->mount[mount].parent, node = m->mount[mount].point;

	if (m->mount[mount].flags & MOUNT_LOCKED && !m->facts.tuck_moves_lock)
		return MODEL_LOCKED;
	if (model_lookup(m, tree, m->mount[tree].root))
		return MODEL_COVERED;
	if (is_inside(m, tree, mount))
		return MODEL_BENEATH_OWN;
	if (would_cover(m, parent, mount, node) || would_cover(m, parent, tree, node))
		return MODEL_BENEATH_COVERS;
	return MODEL_OK;
}

enum model_rule model_move(struct model *m, uint32_t ns, const char *from, const char *to, int beneath)
{
	uint32_t tree, over = 0;
	struct at target;
	enum model_rule r = model_resolve(m, ns, from, &tree, &over);

	if (!r && beneath && !m->facts.beneath)
		return MODEL_NO_BENEATH;
	if (!r)
		r = beneath ? find(m, ns, to, &target) : find_place(m, ns, to, &target);
	if (r)
		return r;
	if (over != m->mount[tree].root || (beneath && target.node != m->mount[target.mount].root))
		return MODEL_NO_MOUNT;
	if (!m->mount[tree].parent)
		return MODEL_NO_PARENT;
	if (m->mount[tree].flags & MOUNT_LOCKED)
		return MODEL_LOCKED;
	if (m->mount[m->mount[tree].parent].group)
		return MODEL_PARENT_SHARED;
	if (beneath) {
		over = model_top(m, target.mount);
		r = may_go_beneath(m, tree, over);
		if (r)
			return r;
		target = (struct at){m->mount[over].parent, m->mount[over].point};
	}
	if (m->mount[target.mount].group && has_unbindable(m, tree))
		return MODEL_UNBINDABLE_TO_SHARED;
	if (is_inside(m, target.mount, tree))
		return MODEL_INTO_ITSELF;
	return propagate_attach(m, tree, target.mount, target.node, 1);
}

enum model_rule model_umount(struct model *m, uint32_t ns, const char *path, int lazy)
{
	uint32_t mount;
	enum model_rule r = find_mount(m, ns, path, &mount);

	if (r)
		return r;
	if (m->mount[mount].flags & MOUNT_LOCKED)
		return MODEL_LOCKED;
	if (mount == m->ns[ns].root)
		return MODEL_NO_PARENT;
	if (!lazy && m->mount[mount].child)
		return MODEL_BUSY;
	propagate_umount(m, mount, 1);
	return MODEL_OK;
}

enum model_rule model_change_tree(struct model *m, uint32_t tree, enum model_type t, int recursive)
{
	if (t == TYPE_SHARED && !has_room(m, recursive ? tree_size(m, tree) : 1))
		return MODEL_FULL;
	for (uint32_t i = tree; i; i = recursive ? model_next(m, i, tree) : 0)
		tree_change(m, i, t);
	return MODEL_OK;
}

enum model_rule model_change(struct model *m, uint32_t ns, const char *path, enum model_type t, int recursive)
{
	uint32_t mount;
	enum model_rule r = find_mount(m, ns, path, &mount);

	return r ? r : model_change_tree(m, mount, t, recursive);
}

enum model_rule model_clone(struct model *m, uint32_t ns, const char *name, int user)
{
	struct model_ns *from = &m->ns[ns], *to;
	uint32_t i, of, number = 1;

	while (number <= m->namespaces && m->ns[number].base)
		number++;
	if (number > m->max_namespaces || !has_room(m, from->mounts))
		return MODEL_FULL;
	m->namespaces += number > m->namespaces;
	to = &m->ns[number];
	*to = (struct model_ns){.name = name, .mounts = from->mounts, .user = user ? ++m->users : from->user};
	to->base = tree_copy(m, from->base, m->mount[from->base].root,
			     CLONE_UNBINDABLE | (user ? CLONE_SLAVE : 0));
	/* Both trees have the same shape. */
	for (i = to->base, of = from->base; i;
	     i = model_next(m, i, to->base), of = model_next(m, of, from->base)) {
		m->mount[i].ns = (uint16_t)number;
		m->mount[i].flags |= user && i != to->base ? MOUNT_LOCKED : 0;
		if (of == from->root)
			to->root = i;
	}
	return MODEL_OK;
}

void model_end(struct model *m, uint32_t ns)
{
	propagate_umount(m, m->ns[ns].base, 0);
	m->ns[ns].base = m->ns[ns].root = 0;
}
