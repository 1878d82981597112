/*
 * The last pass over the mounts: read-only at last, the root switch, the seal; then
 * what shall send or be unbindable becomes so.
 */
#include "plan/mounts.h"

#include <string.h>

#include "base/parse.h"
#include "plan/compare.h"
#include "plan/parts.h"

/* Read-only at last, for what was written to while it was built. */
static void plan_protect(struct build *b)
{
	const struct profile *p = b->p;

	for (const struct mount_wish *m = p->mounts.first; m; m = m->next)
		if (m->kind == MOUNT_TMPFS && (m->flags & MF_RO))
			ADD(b, m->at, MOUNT_ATTR, S(m->dst), N(wish_attrs(m, NOSUID | NODEV)));
	if (p->root.kind == ROOT_DIR && p->root.rec && p->root_mode != ROOT_OVERLAY)
		return;
	if (p->root_mode == ROOT_RO && p->root.kind != ROOT_IMAGE)
		ADD(b, where(b, KEY_root_mode), MOUNT_ATTR, S("/"), N(root_attrs(b)));
}

static void plan_switch(struct build *b)
{
	b->root_slot = slot_new(b);
	if (b->plan->root_switch == SWITCH_PIVOT)
		ADD(b, (struct origin){0}, ROOT_PIVOT, N(b->root_slot));
	else
		ADD(b, (struct origin){0}, ROOT_SWITCH, N(b->root_slot), N(b->plan->root_switch >= SWITCH_EMPTY));
	if (b->plan->sealed) {
		b->root_slot = slot_new(b);
		ADD(b, where(b, KEY_root_seal), SEAL, N(b->root_slot));
	}
}

static int sends(uint8_t prop)
{
	return prop == PROP_SHARED || prop == PROP_SLAVE_SHARED || prop == PROP_UNBINDABLE;
}

/*
 * The word at last. A recursive one is for what came along with the source: what other lines
 * put below it gets its own back, and those that send or are unbindable follow after this.
 */
static void propagate_add(struct build *b, struct origin at, const char *path, uint8_t prop, int rec,
			  int optional)
{
	if (!sends(prop))
		return;
	ADD(b, at, MOUNT_PROPAGATE, S(path), N(prop), N(rec), N(optional));
	for (unsigned i = 0; rec && i < b->plan->nexpect; i++) {
		const struct expect *e = &b->plan->expect[i];
		uint8_t early = early_prop(e->prop);

		if (!path_below(e->path, path) || !strcmp(e->path, path) || expect_hidden(b->plan, i))
			continue;
		if (prop == PROP_UNBINDABLE && early == PROP_SLAVE && !e->own)
			wrong(b, at, "unbindable rec would cut off %s, which receives: leave rec out", e->path);
		ADD(b, at, MOUNT_PROPAGATE, S(e->path), N(early), N(e->rec), N(1));
	}
}

void plan_finish_mounts(struct build *b)
{
	const struct profile *p = b->p;
	struct mount_plan *mp = b->mounts ? b->mounts->mount : NULL;

	if (!mp)
		return;
	plan_protect(b);
	plan_switch(b);
	if (b->plan->expect[0].rec)
		propagate_add(b, where(b, KEY_propagation), "/", p->propagation.prop, 1, 0);
	for (const struct mount_wish *m = p->mounts.first; m; m = m->next, mp++) {
		if (m->flags & MF_NONE)
			continue;
		if (mp->late)
			attach_add(b, m->at, mp->slot, m->dst, !!(m->flags & MF_OPTIONAL));
		if (mp->joined >= 0)
			ADD(b, m->at, MOUNT_JOIN, N(mp->joined), S(m->dst));
		propagate_add(b, m->at, m->dst, mp->prop, !!(m->flags & MF_REC), !!(m->flags & MF_OPTIONAL));
	}
	if (b->root_joined >= 0)
		ADD(b, where(b, KEY_propagation), MOUNT_JOIN, N(b->root_joined), S("/"));
	if (!b->plan->expect[0].rec)
		propagate_add(b, where(b, KEY_propagation), "/", p->propagation.prop, 0, 0);
}
