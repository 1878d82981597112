/* The model against a mount table, see agree.h. */
#include "mounts/agree.h"

#include <string.h>

#include "mounts/script.h"

/* Whether a mount is on that place of its parent, whose line is given, and shows what the line says. */
static int is_there(struct model *m, uint32_t i, const struct mount *parent, const struct mount *x)
{
	const char *way = x->point + (strlen(parent->point) > 1 ? strlen(parent->point) : 0);
	uint32_t root = m->mount[i].root, top = m->node[root].top;

	return !strcmp(m->node[top].name, x->source) && model_walk(m, top, x->root, 0) == root &&
	       model_walk(m, m->mount[m->mount[i].parent].root, way, 0) == m->mount[i].point;
}

static int same_or_new(const struct model *m, uint32_t group, uint32_t number)
{
	return !group == !number && (!m->group[group].label || m->group[group].label == number);
}

/* Whether a line and those on it are what a mount and those on it are, as far as can be told. */
static int fits(struct model *m, uint32_t i, const struct mounts *t, const struct mount *x)
{
	uint32_t first = m->mount[i].child, on = 0, fit = 0, lines = 0;

	if (!same_or_new(m, m->mount[i].group, x->shared) || !same_or_new(m, model_master(m, i), x->master))
		return 0;
	for (uint32_t k = first; k; k = model_along(m->brother, k, first)) {
		unsigned line = 0;

		while (line < t->n && (t->mount[line].parent != x->id || !is_there(m, k, x, &t->mount[line]) ||
				       !fits(m, k, t, &t->mount[line])))
			line++;
		fit += line < t->n;
		on++;
	}
	for (unsigned line = 0; line < t->n; line++)
		lines += t->mount[line].parent == x->id && t->mount[line].id != x->id;
	return fit == on && on == lines;
}

/* The mount of the model that a line is about; 0: there is none. found[] remembers. */
static uint32_t match(struct model *m, uint32_t ns, const struct mounts *t, unsigned line, uint32_t *found)
{
	const struct mount *x = &t->mount[line], *parent = mounts_by_id(t, x->parent);
	uint32_t on, best = 0;

	if (found[line])
		return found[line] - 1;
	found[line] = 1;
	if (!parent || parent == x) {
		best = m->ns[ns].root;
	} else {
		on = match(m, ns, t, (unsigned)(parent - t->mount), found);
		/* Before Linux 6.17, two could be on the very same place. */
		for (uint32_t i = m->mount[on].child; i; i = model_along(m->brother, i, m->mount[on].child))
			if (!(m->mount[i].flags & MOUNT_SEEN) && is_there(m, i, parent, x) &&
			    (!best || fits(m, i, t, x)))
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
		return PACKED("another peer group");
	if (!same_group(m, master, x->master))
		return PACKED("another master");
	if (!same_group(m, dominating(m, ns, master), x->from))
		return PACKED("another propagate_from");
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
		wrong = found[i] > 1 ? compare_row(m, ns, found[i] - 1, &t->mount[i]) : PACKED("no such mount");
		if (wrong)
			out_printf(why, "%s on %s: %s", t->mount[i].source, t->mount[i].point, wrong);
	}
	return !wrong;
}
