/*
 * The planner for what is done to the mounts of a running sandbox: some are added, one
 * is taken away, or a file that the host has replaced is replaced. Sources are cloned
 * while the process is on the host; then it joins the sandbox's mounts and nothing else
 * of it that a payload could see.
 */
#include <string.h>

#include "base/parse.h"
#include "plan/mounts.h"
#include "plan/parts.h"

static const struct origin nowhere;

/* The wishes that this is about: those that were added, or the one that follows. */
static const struct mount_wish *first_wish(const struct build *b)
{
	const struct mount_wish *m = b->p->mounts.first;

	for (unsigned i = b->request->live->from; i && m; i--)
		m = m->next;
	return b->request->live->kind == LIVE_UMOUNT ? NULL : m;
}

static const struct mount_wish *next_wish(const struct build *b, const struct mount_wish *m)
{
	return b->request->live->kind == LIVE_MOUNT ? m->next : NULL;
}

static uint32_t attrs_of(const struct mount_wish *m)
{
	return wish_attrs(m, m->kind == MOUNT_TMPFS ? NOSUID | NODEV : RO | NOSUID | NODEV);
}

static void source(struct build *b, const struct mount_wish *m, struct mount_plan *mp)
{
	int staged;

	switch (m->kind) {
	case MOUNT_TMPFS:
		mp->prop = m->prop ? m->prop : PROP_PRIVATE;
		return;
	case MOUNT_HUB:
	case MOUNT_BIND:
		source_bind(b, m, mp);
		break;
	default:
		wrong(b, m->at, "%s belongs to the start of a sandbox: bind, hub, tmpfs and device can be added later",
		      keys[m->at.key].word);
		return;
	}
	if (b->plan->new_mounts)
		return;
	/* Before Linux 5.12 attributes are set on a mount of the scratch; a copy of it has them. */
	staged = mp->slot;
	mp->slot = slot_new(b);
	ADD(b, m->at, TREE_CLONE, N(mp->slot), S(text_printf(b, "tree%d", staged)), N(!!(m->flags & MF_REC)),
	    N(!!(m->flags & MF_OPTIONAL)), N(0), N(b->scratch_slot + 1));
}

static int notes(const struct build *b)
{
	for (const struct mount_wish *m = first_wish(b); m; m = next_wish(b, m))
		if ((m->kind == MOUNT_BIND || m->kind == MOUNT_HUB) && bind_prop(b, m) != PROP_PRIVATE)
			return 1;
	return 0;
}

static void sources(struct build *b, struct mount_plan *mp, int copied)
{
	if (notes(b) && !b->f->statmount)
		ADD(b, nowhere, TABLE_READ, N(0));
	if (copied && !b->plan->new_mounts) {
		b->scratch_slot = slot_new(b);
		ADD(b, nowhere, TREE_SLAVE, S("/"));
		ADD(b, nowhere, SCRATCH, N(b->scratch_slot));
	}
	for (const struct mount_wish *m = first_wish(b); m; m = next_wish(b, m), mp++) {
		mp->slot = mp->joined = NO_SLOT;
		source(b, m, mp);
	}
}

static void attach_one(struct build *b, const struct mount_wish *m, struct mount_plan *mp, uint8_t around)
{
	int optional = !!(m->flags & MF_OPTIONAL), follows = b->request->live->kind == LIVE_FOLLOW;
	struct expect *e;

	if (m->flags & MF_CREATE && !follows)
		ADD(b, m->at, MOUNT_POINT, S(m->dst), N(mp->slot), N(0755), N(0));
	if (follows)
		ADD(b, m->at, MOUNT_REPLACE, N(mp->slot), S(m->dst), N(!!b->f->mount_beneath));
	else if (m->kind == MOUNT_TMPFS)
		ADD(b, m->at, MOUNT_NEW, S("tmpfs"), S("tmpfs"), S(m->dst), N(attrs_of(m)), S(tmpfs_options(b, m)));
	else
		ADD(b, m->at, MOUNT_TREE, N(mp->slot), S(m->dst), N(optional));
	if (mp->joined >= 0)
		ADD(b, m->at, MOUNT_JOIN, N(mp->joined), S(m->dst));
	/* What is attached to a shared mount has become shared. */
	if (mp->prop >= PROP_SHARED || around != PROP_PRIVATE)
		ADD(b, m->at, MOUNT_PROPAGATE, S(m->dst), N(mp->prop), N(!!(m->flags & MF_REC)), N(optional));
	e = expect_add(b, m->at, m->dst, m->kind == MOUNT_TMPFS ? "tmpfs" : NULL, attrs_of(m));
	e->prop = mp->prop;
	e->optional = (uint8_t)optional;
	e->rec = !!(m->flags & MF_REC);
	e->hub = m->kind == MOUNT_HUB;
	e->own = m->kind == MOUNT_TMPFS;
	e->note = !e->own && mp->prop != PROP_PRIVATE ? mp->slot : NO_SLOT;
}

static void attach(struct build *b, struct mount_plan *mp)
{
	for (const struct mount_wish *m = first_wish(b); m; m = next_wish(b, m), mp++) {
		uint8_t around = m->dst ? prop_around(b, m, m->dst) : PROP_PRIVATE;

		if (around == PROP_SHARED)
			wrong(b, m->at, "what is mounted at %s would appear on the host, because it is shared around it", m->dst);
		else
			attach_one(b, m, mp, around);
	}
}

/* Root comes with its own rights and takes the sandbox's user last, an ordinary user first. */
static void join_user(struct build *b, int slot)
{
	ADD(b, nowhere, NS_SET, N(CLONE_NEWUSER_), N(slot));
	/* That undid the tie. */
	ADD(b, nowhere, PARENT_BIND, N(0));
}

static void join_mounts(struct build *b, struct mount_plan *mp)
{
	int from = join_target(b), user = slot_new(b), mounts = slot_new(b), root = slot_new(b);
	int copied = !b->f->privileged || !b->plan->new_mounts;

	ADD(b, nowhere, NS_OPEN, N(user), N(from), N(CLONE_NEWUSER_));
	ADD(b, nowhere, NS_OPEN, N(mounts), N(from), N(CLONE_NEWNS_));
	ADD(b, nowhere, TARGET_ROOT, N(root), N(from));
	if (!b->f->privileged)
		join_user(b, user);
	/* Without rights over the host's mounts: over a copy of them, as a launch has it. */
	if (copied && mp)
		ADD(b, nowhere, NS_NEW, N(CLONE_NEWNS_));
	if (mp)
		sources(b, mp, copied);
	ADD(b, nowhere, NS_SET, N(CLONE_NEWNS_), N(mounts));
	ADD(b, nowhere, ROOT_ENTER, N(root));
	if (b->f->privileged)
		join_user(b, user);
	if (b->own_user && !b->self_map)
		ADD(b, where(b, KEY_uidmap), IDS_ROOT, N(0));
}

void plan_live(struct build *b)
{
	const struct live *live = b->request->live;
	struct mount_plan *mp = NULL;

	b->plan->root_switch = SWITCH_LIVE;
	if (!b->f->new_mount_api && live->kind != LIVE_UMOUNT)
		wrong(b, nowhere, "mounts are added to a running sandbox on Linux 5.2 or newer only");
	if (b->p->ns[NS_MOUNT].how == NS_HOST)
		wrong(b, where(b, KEY_ns_mount), "this sandbox has no mounts of its own");
	if (live->kind != LIVE_UMOUNT && !(mp = ARENA_ARRAY(b->a, struct mount_plan, b->p->mounts.n + 1)))
		wrong(b, nowhere, "the plan is too large");
	if (live->kind != LIVE_FOLLOW && needs_self_seal(b))
		ADD(b, nowhere, SELF_SEAL, N(0));
	ADD(b, nowhere, CHANNEL, N(0));
	b->plan->clone = b->plan->nsteps;
	ADD(b, nowhere, CLONE, N(0), N(0));
	if (b->request->name) {
		ADD(b, nowhere, MEET, N(0));
		ADD(b, nowhere, NOTE, S(b->request->name), P(live), N(b->request->join->pid), N((int64_t)b->request->join->start));
		ADD(b, nowhere, RELEASE, N(0));
	}
	ADD(b, nowhere, PARENT_BIND, N(0));
	b->proc_slot = slot_new(b);
	ADD(b, nowhere, PROC_OPEN, N(b->proc_slot));
	join_mounts(b, mp);
	if (mp)
		attach(b, mp);
	else
		ADD(b, nowhere, MOUNT_DROP, S(live->path), N(live->lazy));
	if (mp)
		ADD(b, nowhere, VERIFY_MOUNTS, N(0));
	ADD(b, nowhere, READY, N(0));
	if (b->request->name)
		ADD(b, nowhere, GO_AWAIT, N(0));
	ADD(b, nowhere, DONE, N(0));
}
