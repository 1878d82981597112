/*
 * The first pass over the mounts: sources are cloned while they still have the
 * host's propagation, because what is made private first can never receive or send
 * again. Then this namespace is cut off from the host's.
 */
#include "plan/mounts.h"

#include "base/parse.h"
#include "plan/parts.h"

int clone_add(struct build *b, struct origin at, const char *path, int rec, int optional,
		     int note)
{
	int slot = slot_new(b);

	ADD_KIND(b, at, b->plan->new_mounts ? STEP_TREE_CLONE : STEP_TREE_BIND, N(slot), S(path), N(rec),
		 N(optional), N(note));
	return slot;
}

void attr_add(struct build *b, struct origin at, int slot, uint32_t attrs, uint8_t prop,
		     int rec)
{
	ADD_KIND(b, at, b->plan->new_mounts ? STEP_TREE_ATTR : STEP_TREE_REMOUNT, N(slot), N(attrs),
		 N(prop), N(rec));
}

/* A peer of a host's mount can be made by privilege over the host's namespace only. */
static int may_share(struct build *b, struct origin at)
{
	if (!b->own_user && b->plan->new_mounts)
		return 1;
	if (b->own_user)
		wrong(b, at, "a mount cannot be shared with the host out of a user namespace: "
			     "slave+shared receives and keeps to itself");
	else
		wrong(b, at, "a mount is shared with the host only on Linux 5.12 or newer");
	return 0;
}

/*
 * Does anything that is mounted after this line lie on it, or hide it? Masks, also
 * the default ones below proc, come after all lines, and no line may lie over them.
 */
static int covered_later(const struct build *b, const struct mount_wish *m)
{
	const char *proc = says(b, MOUNT_PROC, 1) || says(b, MOUNT_MASK, 1) ? NULL : "/proc";
	int later = 0;

	for (const struct mount_wish *n = b->p->mounts.first; n; n = n->next) {
		if (n->kind == MOUNT_PROC && n->dst && proc)
			proc = n->dst;
		if (n->dst && (later || n->kind == MOUNT_MASK) &&
		    (path_below(n->dst, m->dst) || path_below(m->dst, n->dst)))
			return 1;
		later |= n == m;
	}
	return proc && (path_below(proc, m->dst) || path_below(m->dst, proc));
}

static void share_source(struct build *b, const struct mount_wish *m, struct mount_plan *mp)
{
	int rec = !!(m->flags & MF_REC);

	if (!may_share(b, m->at))
		return;
	if (!covered_later(b, m)) {
		mp->late = 1;
	} else if (b->f->set_group && !rec) {
		mp->joined = clone_add(b, m->at, m->src, 0, !!(m->flags & MF_OPTIONAL), 1);
	} else {
		wrong(b, m->at, "what is mounted below %s would appear on the host, because it is shared: %s", m->dst,
		      m->kind == MOUNT_HUB ? "say slave" : rec ? "leave rec out" : "this needs Linux 5.15");
	}
}

static void source_follow(struct build *b, const struct mount_wish *m, struct mount_plan *mp)
{
	if (!b->f->new_mount_api)
		wrong(b, m->at, "follow needs Linux 5.2 or newer");
	else if (b->plan->sealed && !b->plan->new_mounts)
		wrong(b, m->at, "follow beneath a sealed root needs Linux 5.12 or newer");
	if (b->p->ns[NS_USER].how == NS_PATH && b->namespaces & CLONE_NEWPID_)
		wrong(b, m->at, "follow: the process of a sandbox in a user namespace of a file and a new PID namespace is not hutch's child");
	if (prop_around(b, m, m->dst) == PROP_SHARED)
		wrong(b, m->at, "follow: each new file would be mounted on the host, too, because what is around %s is shared", m->dst);
	/* What is locked cannot be replaced. */
	mp->late = b->plan->sealed && !covered_later(b, m);
	if (b->plan->sealed && !mp->late)
		wrong(b, m->at, "follow: %s is covered by what another line mounts", m->dst);
}

void source_bind(struct build *b, const struct mount_wish *m, struct mount_plan *mp)
{
	uint32_t attrs = wish_attrs(m, RO | NOSUID | NODEV);
	int rec = !!(m->flags & MF_REC), optional = !!(m->flags & MF_OPTIONAL);

	mp->prop = bind_prop(b, m);
	if (mp->prop == PROP_SHARED)
		share_source(b, m, mp);
	if (m->flags & MF_FOLLOW)
		source_follow(b, m, mp);
	mp->slot = clone_add(b, m->at, m->src, rec, optional, mp->prop != PROP_PRIVATE);
	if ((m->flags & MF_IDMAP) && (!b->f->privileged || device_is_bound(b)))
		wrong(b, m->at, "idmap needs privilege over the file system: not in a user namespace");
	if ((m->flags & MF_IDMAP) && !b->plan->new_mounts)
		wrong(b, m->at, "idmap needs Linux 5.12 or newer");
	if (m->flags & MF_IDMAP)
		ADD(b, m->at, TREE_IDMAP, N(mp->slot), N(m->map[0]), N(m->map[1]), N(m->map[2]), N(rec));
	attr_add(b, m->at, mp->slot, attrs, mp->prop == PROP_SHARED && mp->late ? PROP_DEFAULT : early_prop(mp->prop), rec);
}

static void source_device(struct build *b, const struct mount_wish *m, struct mount_plan *mp)
{
	if (!device_is_bound(b))
		return;
	if (!(m->flags & MF_RW))
		wrong(b, m->at, "a device that is only readable needs privilege: say rw, or run as root");
	mp->slot = clone_add(b, m->at, m->src, 0, !!(m->flags & MF_OPTIONAL), 0);
	attr_add(b, m->at, mp->slot, NOSUID | NOEXEC, PROP_PRIVATE, 0);
}

/* proc of a PID namespace that is not ours to mount: the caller's is bound. */
static int proc_is_bound(const struct build *b)
{
	return b->own_user && !(b->namespaces & CLONE_NEWPID_);
}

static int need_masks(const struct build *b)
{
	if (says(b, MOUNT_MASK, 0))
		return 1;
	return !says(b, MOUNT_MASK, 1) && !says(b, MOUNT_PROC, 1);
}

/* Is the table of before needed, to know what the sources' peer groups were? */
static int need_table(const struct build *b)
{
	int noted = b->p->propagation.prop != PROP_PRIVATE, rec = noted && b->p->root.rec;

	for (const struct mount_wish *m = b->p->mounts.first; m; m = m->next)
		if (mount_binds(m) && bind_prop(b, m) != PROP_PRIVATE) {
			noted = 1;
			rec |= !!(m->flags & MF_REC);
		}
	return rec || (noted && !b->f->statmount);
}

static void source_root(struct build *b)
{
	const struct root_wish *r = &b->p->root;
	uint8_t prop = b->p->propagation.prop;
	struct origin at = where(b, KEY_root);

	if (r->kind != ROOT_DIR)
		return;
	if (prop == PROP_SHARED && b->p->root_mode != ROOT_OVERLAY && may_share(b, where(b, KEY_propagation))) {
		if (!b->f->set_group || r->rec)
			wrong(b, where(b, KEY_propagation), "a shared root needs Linux 5.15, and no rec: its own mounts would appear on the host");
		b->root_joined = clone_add(b, at, r->path, 0, 0, 1);
	}
	if (b->p->root_mode == ROOT_OVERLAY && r->rec)
		wrong(b, where(b, KEY_root_mode), "root-mode=overlay lies over one mount, what is mounted below it would be empty: root=%s norec, and binds for the others", r->path);
	b->root_slot = clone_add(b, at, r->path, r->rec, 0, prop != PROP_PRIVATE);
	/* What is made inside the root needs it writable; then ro comes at the end. */
	attr_add(b, at, b->root_slot, r->rec ? root_attrs(b) : NOSUID | NODEV, early_prop(prop), r->rec);
}

static void source_defaults(struct build *b, struct mount_state *s)
{
	struct origin at = where(b, KEY_dev);

	for (int i = 0; i < MINIMAL_NODES; i++)
		s->dev[i] = NO_SLOT;
	s->dev_tree = s->proc_tree = NO_SLOT;
	if (b->p->dev == DEV_MINIMAL && device_is_bound(b))
		for (int i = 0; i < MINIMAL_NODES; i++) {
			s->dev[i] = clone_add(b, at, dev_nodes[i].path, 0, 0, 0);
			attr_add(b, at, s->dev[i], NOSUID | NOEXEC, PROP_PRIVATE, 0);
		}
	if (b->p->dev == DEV_HOST) {
		s->dev_tree = clone_add(b, at, "/dev", 1, 0, 0);
		attr_add(b, at, s->dev_tree, NOSUID, PROP_PRIVATE, 1);
	}
	if (proc_is_bound(b) && !says(b, MOUNT_PROC, 1) && b->p->ns[NS_PID].how == NS_PATH)
		wrong(b, where(b, KEY_ns_pid), "the /proc of a joined PID namespace cannot be mounted in a user namespace: proc=none");
	if (proc_is_bound(b) && !says(b, MOUNT_PROC, 1)) {
		s->proc_tree = clone_add(b, where(b, KEY_proc), "/proc", 1, 0, 0);
		attr_add(b, where(b, KEY_proc), s->proc_tree, NOSUID | NODEV | NOEXEC, PROP_PRIVATE, 1);
	}
	if (need_masks(b)) {
		b->null_slot = clone_add(b, where(b, KEY_mask), "/dev/null", 0, 0, 0);
		attr_add(b, where(b, KEY_mask), b->null_slot, LOCKED_DOWN, PROP_PRIVATE, 0);
		ADD(b, where(b, KEY_mask), NULL_CHECK, N(b->null_slot));
	}
}

/* From here on, what is mounted is mounted for the sandbox alone. */
static void plan_entry(struct build *b)
{
	if (b->plan->root_switch == SWITCH_TREE) {
		b->mounts->root = slot_new(b);
		ADD(b, where(b, KEY_root), ROOT_NAMESPACE, N(b->mounts->root), N(b->root_slot));
	} else if (b->plan->root_switch == SWITCH_EMPTY) {
		ADD(b, (struct origin){0}, NS_EMPTY, N(0));
	} else if (b->plan->new_mounts) {
		ADD(b, (struct origin){0}, TREE_PRIVATE, S("/"));
	}
}

void plan_sources(struct build *b)
{
	struct mount_state *s = ARENA_NEW(b->a, struct mount_state);
	struct mount_plan *mp = ARENA_ARRAY(b->a, struct mount_plan, b->p->mounts.n + 1);

	if (!s || !mp) {
		wrong(b, (struct origin){0}, "the plan is too large");
		return;
	}
	s->mount = mp;
	b->mounts = s;
	b->root_joined = NO_SLOT;
	if (need_table(b))
		ADD(b, (struct origin){0}, TABLE_READ, N(0));
	if (!b->plan->new_mounts)
		ADD(b, (struct origin){0}, TREE_SLAVE, S("/"));
	if (need_scratch(b))
		b->scratch_slot = slot_new(b);
	if (!b->plan->new_mounts)
		ADD(b, (struct origin){0}, SCRATCH, N(b->scratch_slot));
	source_root(b);
	for (const struct mount_wish *m = b->p->mounts.first; m; m = m->next, mp++) {
		mp->slot = mp->joined = NO_SLOT;
		if (mount_binds(m))
			source_bind(b, m, mp);
		else if (m->kind == MOUNT_DEVICE)
			source_device(b, m, mp);
	}
	source_defaults(b, s);
	plan_entry(b);
	if (b->plan->new_mounts && b->scratch_slot >= 0)
		ADD(b, (struct origin){0}, SCRATCH, N(b->scratch_slot));
}
