/* The model against a mount table, see agree.h. */
#include "mounts/agree.h"

#include <string.h>

#include "mounts/script.h"

static int same_or_new(const struct model *m, uint32_t group, uint32_t number)
{
	return !group == !number && (!m->group[group].label || m->group[group].label == number);
}

/* How much of a line is true of a mount. */
static int likeness(const struct model *m, uint32_t i, const struct mounts *t, const struct mount *x)
{
	uint32_t first = m->mount[i].child, on = 0;

	for (unsigned k = 0; k < t->n; k++)
		on += t->mount[k].parent == x->id && t->mount[k].id != x->id;
	for (uint32_t k = first; k; k = model_along(m->brother, k, first))
		on--;
	return 2 * same_or_new(m, m->mount[i].group, x->shared) + 2 * !on +
	       same_or_new(m, model_master(m, i), x->master) +
	       (!(m->mount[i].flags & MOUNT_UNBINDABLE) == !x->unbindable);
}

/* The mount of the model that a line is about; 0: there is none. found[] remembers. */
static uint32_t match(struct model *m, uint32_t ns, const struct mounts *t, unsigned line, uint32_t *found)
{
	const struct mount *x = &t->mount[line], *parent = mounts_by_id(t, x->parent);
	uint32_t on = m->ns[ns].root, point, best = on;
	const char *way = x->point;

	if (found[line])
		return found[line] - 1;
	found[line] = 1;
	if (parent && parent != x) {
		on = match(m, ns, t, (unsigned)(parent - t->mount), found);
		best = 0;
	}
	way += parent && strlen(parent->point) > 1 ? strlen(parent->point) : 0;
	point = model_walk(m, m->mount[on].root, way);
	/* Before Linux 6.17, two could be on the very same place. */
	for (uint32_t i = best ? 0 : m->mount[on].child; i; i = model_along(m->brother, i, m->mount[on].child)) {
		uint32_t top = m->node[m->mount[i].root].top;

		if (m->mount[i].point == point && !strcmp(m->node[top].name, x->source) &&
		    model_walk(m, top, x->root) == m->mount[i].root && !(m->mount[i].flags & MOUNT_SEEN) &&
		    (!best || likeness(m, i, t, x) > likeness(m, best, t, x)))
			best = i;
	}
	m->mount[best].flags |= MOUNT_SEEN;
	found[line] = best + 1;
	return best;
}

/* Whether a group is that number, and no other group is. */
static int same_group(struct model *m, uint32_t group, uint32_t number)
{
	if (!group || !number)
		return !group && !number;
	if (m->group[group].label)
		return m->group[group].label == number;
	for (uint32_t g = 1; g <= m->groups; g++)
		if (m->group[g].label == number)
			return 0;
	m->group[group].label = number;
	return 1;
}

/* The nearest master with a member in this namespace, when it is not the first. */
static uint32_t dominating(const struct model *m, uint32_t ns, uint32_t master)
{
	for (uint32_t g = master; g; g = m->group[g].master) {
		uint32_t first = m->group[g].members;

		for (uint32_t i = first; i; i = model_along(m->peer, i, first))
			if (m->mount[i].ns == ns)
				return g == master ? 0 : g;
	}
	return 0;
}

static const char *compare_row(struct model *m, uint32_t ns, uint32_t mount, const struct mount *x)
{
	uint32_t master = model_master(m, mount);

	if (!same_group(m, m->mount[mount].group, x->shared))
		return "another peer group";
	if (!same_group(m, master, x->master))
		return "another master";
	if (!same_group(m, dominating(m, ns, master), x->from))
		return "another propagate_from";
	return !(m->mount[mount].flags & MOUNT_UNBINDABLE) == !x->unbindable ? NULL : "unbindable";
}

int model_agrees(struct model *m, uint32_t ns, const struct mounts *t, struct out *why)
{
	const char *wrong = NULL;
	uint32_t *found = m->queue;

	if (t->n != m->ns[ns].mounts - 1) {
		out_printf(why, "%u mounts, not %u", t->n, m->ns[ns].mounts - 1);
		return 0;
	}
	memset(found, 0, sizeof *found * t->n);
	for (unsigned i = 0; i < t->n; i++)
		match(m, ns, t, i, found);
	for (unsigned i = 0; i < t->n; i++) {
		m->mount[found[i] - 1].flags &= (uint8_t)~MOUNT_SEEN;
		if (wrong)
			continue;
		wrong = found[i] > 1 ? compare_row(m, ns, found[i] - 1, &t->mount[i]) : "no such mount";
		if (wrong)
			out_printf(why, "%s on %s: %s", t->mount[i].source, t->mount[i].point, wrong);
	}
	return !wrong;
}
