/*
 * The second pass over the mounts: everything is attached in the profile's order,
 * unsent, each with what is expected of it in the end.
 */
#include "plan/mounts.h"

#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "plan/parts.h"
#include "service/service.h"

struct expect *expect_add(struct build *b, struct origin at, const char *path,
				 const char *type, uint32_t attrs)
{
	struct expect *e;

	if (b->plan->nexpect >= b->max_expect) {
		static struct expect nowhere;

		wrong(b, at, "the plan has more than %u mounts", b->max_expect);
		return &nowhere;
	}
	e = &b->plan->expect[b->plan->nexpect++];
	memset(e, 0, sizeof *e);
	e->path = path;
	e->at = origin_settle(b, at);
	e->type = type;
	e->attrs = attrs;
	e->prop = PROP_PRIVATE;
	e->note = NO_SLOT;
	return e;
}

/* The mount that path lies on, as far as the plan goes. */
static const struct expect *place_of(const struct build *b, const char *path)
{
	for (unsigned i = b->plan->nexpect; i-- > 0;)
		if (path_below(path, b->plan->expect[i].path))
			return &b->plan->expect[i];
	return NULL;
}

static int in_memory(const struct build *b, const char *path)
{
	const struct expect *e = place_of(b, path);

	return e && e->memory;
}

void attach_add(struct build *b, struct origin at, int slot, const char *path,
		       int optional)
{
	ADD_KIND(b, at, b->plan->new_mounts ? STEP_MOUNT_TREE : STEP_MOUNT_MOVE, N(slot), S(path),
		 N(optional));
}

/* The mount point of path: made where asked for, and anywhere in memory. */
static void point_add(struct build *b, struct origin at, const char *path, int like,
		      uint32_t flags)
{
	int memory = in_memory(b, path);

	if ((flags & MF_CREATE) || memory)
		ADD(b, at, MOUNT_POINT, S(path), N(like), N(0755), N(memory));
}

static const char *size_option(struct build *b, uint64_t size)
{
	return size ? text_printf(b, ",size=%llu", (unsigned long long)size) : "";
}

static void plan_root(struct build *b)
{
	const struct root_wish *r = &b->p->root;
	struct origin at = where(b, KEY_root);
	struct expect *e;
	int slot, over;

	if (b->plan->root_switch == SWITCH_TREE) {
		slot = b->mounts->root;
	} else if (r->kind == ROOT_DIR) {
		slot = slot_new(b);
		ADD_KIND(b, at, b->plan->new_mounts ? STEP_ROOT_TREE : STEP_ROOT_MOVE, N(slot),
			 N(b->root_slot));
	} else if (r->kind == ROOT_IMAGE) {
		int loop = slot_new(b);

		slot = slot_new(b);
		ADD(b, at, LOOP_ATTACH, N(loop), S(r->path));
		ADD(b, at, ROOT_IMAGE, N(slot), N(loop), S(r->type), N(NOSUID | NODEV | RO));
	} else {
		slot = slot_new(b);
		ADD(b, at, ROOT_TMPFS, N(slot), S(text_printf(b, "mode=%04o%s", r->mode ? r->mode : 0755,
							   size_option(b, r->size))));
		if (r->kind == ROOT_CPIO)
			ADD(b, at, ROOT_CPIO, N(slot), S(r->path));
	}
	if (b->p->root_mode == ROOT_OVERLAY) {
		over = slot_new(b);
		ADD(b, where(b, KEY_root_mode), ROOT_OVERLAY, N(over), N(slot), N(NOSUID | NODEV));
		slot = over;
	}
	e = expect_add(b, at, "/", b->p->root_mode == ROOT_OVERLAY ? "overlay" :
		       r->kind == ROOT_DIR || r->kind == ROOT_IMAGE ? NULL : "tmpfs",
		       root_attrs(b) | (r->kind == ROOT_IMAGE && b->p->root_mode != ROOT_OVERLAY ? RO : 0));
	e->memory = r->kind == ROOT_TMPFS || r->kind == ROOT_CPIO || b->p->root_mode == ROOT_OVERLAY;
	e->own = b->p->root_mode == ROOT_OVERLAY || r->kind != ROOT_DIR;
	e->prop = b->p->propagation.prop;
	e->rec = (uint8_t)(r->kind == ROOT_DIR && r->rec && b->p->root_mode != ROOT_OVERLAY);
	if (!e->own && e->prop != PROP_PRIVATE)
		e->note = b->root_slot;
	if (e->own && e->prop == PROP_SLAVE && !b->p->propagation.rec)
		wrong(b, where(b, KEY_propagation), "a root that is made new has nothing to receive from: propagation=slave rec is for the binds");
	b->root_slot = slot;
}

/* A file system that is made new: type, source, place and options as in mount(2). */
struct fs {
	const char *type, *source, *path, *data;
	uint32_t attrs;
};

/* Mounts it, with what the words of its line say, and expects it. */
static struct expect *fs_add(struct build *b, struct origin at, const struct fs *fs, uint32_t flags)
{
	int optional = !!(flags & MF_OPTIONAL);
	struct expect *e;

	point_add(b, at, fs->path, NO_SLOT, flags);
	ADD(b, at, MOUNT_NEW, S(fs->type), S(fs->source), S(fs->path), N(fs->attrs), S(fs->data),
	    N(optional));
	e = expect_add(b, at, fs->path, fs->type, fs->attrs);
	e->optional = (uint8_t)optional;
	return e;
}

static void bind_part(struct build *b, struct origin at, const char *path)
{
	struct expect *e;

	ADD(b, at, MOUNT_SELF, S(path), N(LOCKED_DOWN), N(1));
	e = expect_add(b, at, path, NULL, LOCKED_DOWN);
	e->optional = 1;
}

static void mask_add(struct build *b, struct origin at, const char *path, int optional)
{
	struct expect *e;

	ADD(b, at, MASK, N(b->null_slot), S(path), N(optional));
	e = expect_add(b, at, path, NULL, RO | NOSUID);
	e->optional = (uint8_t)optional;
}

static void proc_add(struct build *b, struct origin at, const char *path,
		     const struct mount_wish *m)
{
	uint32_t flags = m ? m->flags : 0;
	struct fs fs = {"proc", "proc", path, "", NOSUID | NODEV | NOEXEC};

	if (b->mounts->proc_tree >= 0) {
		point_add(b, at, path, b->mounts->proc_tree, flags);
		attach_add(b, at, b->mounts->proc_tree, path, 0);
		expect_add(b, at, path, "proc", fs.attrs)->rec = 1;
		return;
	}
	if (flags & MF_RO)
		fs.attrs |= RO;
	if (flags & MF_HIDEPID)
		fs.data = text_printf(b, "hidepid=%u%s", m->hidepid, flags & MF_SUBSET_PID ? ",subset=pid" : "");
	else if (flags & MF_SUBSET_PID)
		fs.data = "subset=pid";
	fs_add(b, at, &fs, flags);
}

static void devpts_add(struct build *b, struct origin at, const char *path, uint32_t flags)
{
	/* Group 5 owns terminals by custom; a user namespace may not have it. */
	struct fs fs = {"devpts", "devpts", path, "newinstance,ptmxmode=0666,mode=0620,gid=5",
			NOSUID | NOEXEC};

	if (device_is_bound(b))
		fs.data = "newinstance,ptmxmode=0666,mode=0620";
	fs_add(b, at, &fs, flags);
}

static void shm_add(struct build *b)
{
	struct origin at = where(b, KEY_shm);
	int host = b->p->dev == DEV_HOST;
	uint64_t size = b->p->shm_size;
	const char *data;
	struct expect *e;

	if (b->p->shm.kind == SHM_NONE)
		return;
	if (!host)
		ADD(b, at, DIR_MAKE, S("/dev/shm"), N(01777), N(0), N(0));
	for (unsigned i = 0; i < b->request->nlimits && b->p->shm.kind == SHM_GROUP && !size; i++)
		if (b->request->limits[i].key == KEY_shm_size)
			size = number_at(b->request->limits[i].value);
	data = text_printf(b, "mode=1777%s", size_option(b, size));
	if (b->p->shm.kind == SHM_GROUP)
		ADD(b, b->p->shm_size ? where(b, KEY_shm_size) : at, SHM_MOUNT, N(b->shm_slot), S("/dev/shm"), S(data), N(b->p->shm_size));
	else
		ADD(b, at, MOUNT_NEW, S("tmpfs"), S("shm"), S("/dev/shm"), N(NOSUID | NODEV), S(data), N(host));
	e = expect_add(b, at, "/dev/shm", "tmpfs", NOSUID | NODEV);
	e->memory = 1;
	e->optional = (uint8_t)host;
}

/* The queues of an IPC namespace are its owner's to mount. */
static void mqueue_add(struct build *b, uint32_t flags)
{
	static const struct fs mqueue = {"mqueue", "mqueue", "/dev/mqueue", "", NOSUID | NODEV | NOEXEC};

	if (!b->own_user || b->namespaces & CLONE_NEWIPC_)
		fs_add(b, where(b, KEY_dev), &mqueue, flags);
}

/* The host's /dev, but for what is of another IPC namespace or would be shared with all others. */
static void host_dev_add(struct build *b)
{
	struct origin at = where(b, KEY_dev);

	point_add(b, at, "/dev", b->mounts->dev_tree, 0);
	attach_add(b, at, b->mounts->dev_tree, "/dev", 0);
	expect_add(b, at, "/dev", NULL, NOSUID)->rec = 1;
	shm_add(b);
	if (b->p->ns[NS_IPC].how != NS_HOST)
		mqueue_add(b, MF_OPTIONAL);
}

static void link_add(struct build *b, struct origin at, const char *target, const char *path)
{
	ADD(b, at, LINK_MAKE, S(target), S(path));
}

static void dev_add(struct build *b)
{
	static const struct fs dev = {"tmpfs", "dev", "/dev", "mode=0755,size=1m", NOSUID | NOEXEC};
	struct origin at = where(b, KEY_dev);

	fs_add(b, at, &dev, 0)->memory = 1;
	for (int i = 0; i < MINIMAL_NODES; i++) {
		const struct dev_node *n = &dev_nodes[i];

		if (b->mounts->dev[i] < 0) {
			ADD(b, at, NODE_MAKE, S(n->path), N(n->mode), N(n->major), N(n->minor));
			continue;
		}
		point_add(b, at, n->path, b->mounts->dev[i], 0);
		attach_add(b, at, b->mounts->dev[i], n->path, 0);
		expect_add(b, at, n->path, NULL, NOSUID | NOEXEC);
	}
	for (int i = 0; i < DEV_LINKS; i++)
		link_add(b, at, dev_links[i][0], dev_links[i][1]);
	link_add(b, at, "pts/ptmx", "/dev/ptmx");
	if (b->plan->tty)
		link_add(b, where(b, KEY_tty), "pts/0", "/dev/console");
	devpts_add(b, at, "/dev/pts", 0);
	shm_add(b);
	mqueue_add(b, 0);
}

static void attach_bind(struct build *b, const struct mount_wish *m, struct mount_plan *mp)
{
	int optional = !!(m->flags & MF_OPTIONAL);
	struct expect *e;

	point_add(b, m->at, m->dst, mp->slot, m->flags);
	if (!mp->late)
		attach_add(b, m->at, mp->slot, m->dst, optional);
	e = expect_add(b, m->at, m->dst, NULL, wish_attrs(m, RO | NOSUID | NODEV));
	e->prop = mp->prop;
	e->rec = !!(m->flags & MF_REC);
	e->optional = (uint8_t)optional;
	e->note = mp->prop != PROP_PRIVATE ? mp->slot : NO_SLOT;
	e->hub = m->kind == MOUNT_HUB;
}

/* A file system that is made new: nobody has it yet, so nothing to receive from. */
static void make_own(struct build *b, const struct mount_wish *m, struct expect *e,
		     struct mount_plan *mp)
{
	if (m->prop == PROP_SLAVE)
		wrong(b, m->at, "%s: a file system that is made new has nothing to receive from", m->dst);
	e->own = 1;
	mp->prop = m->prop ? m->prop : PROP_PRIVATE;
	e->prop = mp->prop;
}

const char *tmpfs_options(struct build *b, const struct mount_wish *m)
{
	const char *uid = m->flags & MF_UID ? text_printf(b, ",uid=%u", m->uid) : "";
	const char *gid = m->flags & MF_GID ? text_printf(b, ",gid=%u", m->gid) : "";

	return text_printf(b, "mode=%04o%s%s%s", m->flags & MF_MODE ? m->mode : 0755, uid, gid,
			   size_option(b, m->size));
}

static void attach_tmpfs(struct build *b, const struct mount_wish *m, struct mount_plan *mp)
{
	uint32_t attrs = wish_attrs(m, NOSUID | NODEV);
	/* Read-only comes at the end: lines below may put something in. */
	struct fs fs = {"tmpfs", "tmpfs", m->dst, tmpfs_options(b, m), attrs & ~(uint32_t)RO};
	struct expect *e;

	e = fs_add(b, m->at, &fs, m->flags);
	e->attrs = attrs;
	e->memory = 1;
	make_own(b, m, e, mp);
}

static void attach_device(struct build *b, const struct mount_wish *m, struct mount_plan *mp)
{
	int optional = !!(m->flags & MF_OPTIONAL);
	struct expect *e;

	if (mp->slot >= 0) {
		point_add(b, m->at, m->dst, mp->slot, 0);
		attach_add(b, m->at, mp->slot, m->dst, optional);
		e = expect_add(b, m->at, m->dst, NULL, NOSUID | NOEXEC);
		e->optional = (uint8_t)optional;
		return;
	}
	if (!in_memory(b, m->dst))
		wrong(b, m->at, "device %s: its place is not in memory, and a node on disk would stay behind: dev=minimal, or a tmpfs", m->dst);
	ADD(b, m->at, NODE_COPY, S(m->src), S(m->dst), N(m->flags & MF_RW ? 0666 : 0444), N(optional));
	if (m->flags & MF_RW)
		return;
	/* Its owner may not give himself more. */
	ADD(b, m->at, MOUNT_SELF, S(m->dst), N(RO | NOSUID | NOEXEC), N(optional));
	e = expect_add(b, m->at, m->dst, NULL, RO | NOSUID | NOEXEC);
	e->optional = (uint8_t)optional;
}

static void attach_file(struct build *b, const struct mount_wish *m, struct mount_plan *mp)
{
	const char *name = text_printf(b, "file%u", b->plan->nsteps);

	(void)mp;
	ADD(b, m->at, FILE_STAGE, N(b->scratch_slot), S(name), N(m->flags & MF_MODE ? m->mode : 0444),
	    N(m->uid), N(m->gid), P(m));
	mp->slot = slot_new(b);
	ADD_KIND(b, m->at, b->plan->new_mounts ? STEP_TREE_CLONE : STEP_TREE_BIND, N(mp->slot), S(name),
		 N(0), N(0), N(0), N(b->scratch_slot + 1));
	attr_add(b, m->at, mp->slot, LOCKED_DOWN & ~(uint32_t)NOEXEC, PROP_PRIVATE, 0);
	point_add(b, m->at, m->dst, mp->slot, 0);
	attach_add(b, m->at, mp->slot, m->dst, 0);
	expect_add(b, m->at, m->dst, NULL, LOCKED_DOWN & ~(uint32_t)NOEXEC);
}

static void attach_written(struct build *b, const struct mount_wish *m)
{
	const struct expect *e = place_of(b, m->dst);

	if (e && !e->memory && (e->attrs & RO))
		wrong(b, m->at, "%s lies on something read-only: root-mode=rw or overlay, or a tmpfs before this line", m->dst);
	if (m->kind == MOUNT_SYMLINK)
		link_add(b, m->at, m->src, m->dst);
	else
		ADD(b, m->at, DIR_MAKE, S(m->dst), N(m->flags & MF_MODE ? m->mode : 0755), N(m->uid), N(m->gid));
}

static void attach_overlay(struct build *b, const struct mount_wish *m, struct mount_plan *mp)
{
	uint32_t attrs = wish_attrs(m, NOSUID | NODEV);
	struct expect *e;

	point_add(b, m->at, m->dst, NO_SLOT, m->flags);
	ADD(b, m->at, MOUNT_OVERLAY, P(m), S(m->dst), N(attrs), S(m->src), N(b->scratch_slot));
	e = expect_add(b, m->at, m->dst, "overlay", attrs);
	e->memory = !m->upper;
	make_own(b, m, e, mp);
}

/* A file system of the kernel's own, which takes its type for a source. */
static void attach_kernel(struct build *b, const struct mount_wish *m, const char *type, uint32_t dflt)
{
	const struct fs fs = {type, type, m->dst, "", wish_attrs(m, dflt)};

	fs_add(b, m->at, &fs, m->flags);
}

static void attach_other(struct build *b, const struct mount_wish *m, struct mount_plan *mp)
{
	const struct fs fs = {m->type, m->src, m->dst, m->data, wish_attrs(m, RO | NOSUID | NODEV)};
	struct expect *e = fs_add(b, m->at, &fs, m->flags);

	e->type = NULL;		/* as the kernel names it */
	make_own(b, m, e, mp);
}

static void attach(struct build *b, const struct mount_wish *m, struct mount_plan *mp)
{
	switch (m->kind) {
	case MOUNT_BIND:
	case MOUNT_HUB:
		attach_bind(b, m, mp);
		break;
	case MOUNT_TMPFS:
		attach_tmpfs(b, m, mp);
		break;
	case MOUNT_PROC:
		proc_add(b, m->at, m->dst, m);
		break;
	case MOUNT_SYSFS:
		attach_kernel(b, m, "sysfs", LOCKED_DOWN);
		break;
	case MOUNT_MQUEUE:
		attach_kernel(b, m, "mqueue", NOSUID | NODEV | NOEXEC);
		break;
	case MOUNT_DEVPTS:
		devpts_add(b, m->at, m->dst, m->flags);
		break;
	case MOUNT_DEVICE:
		attach_device(b, m, mp);
		break;
	case MOUNT_OVERLAY:
		attach_overlay(b, m, mp);
		break;
	case MOUNT_OTHER:
		attach_other(b, m, mp);
		break;
	case MOUNT_FILE:
		attach_file(b, m, mp);
		break;
	case MOUNT_SYMLINK:
	case MOUNT_DIR:
		attach_written(b, m);
		break;
	}
}

/* After all lines, so that no line of the profile lies over a mask. */
static void plan_masks(struct build *b)
{
	static const char *const parts[] = {"sys", "irq", "bus", "fs", "sysrq-trigger"};
	static const char *const hidden[] = {"kcore", "keys", "timer_list"};
	const char *proc = says(b, MOUNT_PROC, 1) ? NULL : "/proc";

	for (const struct mount_wish *m = b->p->mounts.first; m; m = m->next) {
		if (m->kind == MOUNT_PROC && !(m->flags & MF_NONE))
			proc = m->dst;
		if (m->kind == MOUNT_MASK && !(m->flags & MF_NONE))
			mask_add(b, m->at, m->dst, !!(m->flags & MF_OPTIONAL));
	}
	if (!proc || says(b, MOUNT_MASK, 1))
		return;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		bind_part(b, where(b, KEY_mask), text_printf(b, "%s/%s", proc, parts[i]));
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		mask_add(b, where(b, KEY_mask), text_printf(b, "%s/%s", proc, hidden[i]), 1);
}

void plan_mounts(struct build *b)
{
	struct mount_plan *mp = b->mounts ? b->mounts->mount : NULL;

	if (!mp)
		return;
	plan_root(b);
	if (default_proc(b))
		proc_add(b, where(b, KEY_proc), "/proc", NULL);
	if (b->p->dev == DEV_MINIMAL)
		dev_add(b);
	if (b->p->dev == DEV_HOST)
		host_dev_add(b);
	for (const struct mount_wish *m = b->p->mounts.first; m; m = m->next, mp++)
		if (!(m->flags & MF_NONE))
			attach(b, m, mp);
	plan_masks(b);
}
