/* Questions to the wish, see wish.h. */
#include "plan/wish.h"

#include <string.h>

#include "base/parse.h"

int needs_self_seal(const struct build *b)
{
	uint64_t strong = 1ull << CAP_SYS_PTRACE_ | 1ull << CAP_SYS_ADMIN_;

	/* Who has the host's mounts gets at the file by its name. */
	if (b->own_user || b->f->self_sealed || b->p->ns[NS_MOUNT].how == NS_HOST)
		return 0;
	/* Also one that could outlive hutch and then write to the file it owns. */
	return (b->p->init == AUTO_YES && b->p->caps[CAPS_BOUNDING] & strong) ||
	       (b->p->ns[NS_PID].how != NS_NEW && payload_is_root(b));
}

int plan_meets(const struct build *b)
{
	return b->request->name || (b->request->supervised && !b->request->direct) || profile_group(b->p);
}

uint8_t early_prop(uint8_t prop)
{
	return prop == PROP_SLAVE || prop == PROP_SLAVE_SHARED ? PROP_SLAVE : PROP_PRIVATE;
}

uint8_t bind_prop(const struct build *b, const struct mount_wish *m)
{
	if (m->prop || m->flags & MF_FOLLOW)
		return m->prop ? m->prop : PROP_PRIVATE;
	return b->p->propagation.rec ? b->p->propagation.prop : PROP_PRIVATE;
}

int says(const struct build *b, enum mount_kind kind, int none)
{
	for (const struct mount_wish *m = b->p->mounts.first; m; m = m->next)
		if (m->kind == kind && !!(m->flags & MF_NONE) == none)
			return 1;
	return 0;
}

int device_is_bound(const struct build *b)
{
	/* No device node is made in a user namespace other than the first. */
	return b->own_user || b->p->ns[NS_USER].how == NS_PATH;
}

int default_proc(const struct build *b)
{
	return !says(b, MOUNT_PROC, 0) && !says(b, MOUNT_PROC, 1);
}

int need_scratch(const struct build *b)
{
	if (!b->plan->new_mounts || b->p->root_mode == ROOT_OVERLAY || says(b, MOUNT_FILE, 0))
		return 1;
	for (const struct mount_wish *m = b->p->mounts.first; m; m = m->next)
		if (m->kind == MOUNT_OVERLAY && !m->upper)
			return 1;
	return 0;
}

uint32_t root_attrs(const struct build *b)
{
	return NOSUID | NODEV | (b->p->root_mode == ROOT_RO ? RO : 0);
}

uint8_t prop_around(const struct build *b, const struct mount_wish *until, const char *path)
{
	uint8_t prop = b->p->propagation.prop;

	for (const struct mount_wish *m = b->p->mounts.first; m && m != until; m = m->next)
		if (m->kind != MOUNT_SYMLINK && m->dst && strcmp(m->dst, path) != 0 && path_below(path, m->dst))
			prop = bind_prop(b, m);
	return prop;
}

uint32_t wish_attrs(const struct mount_wish *m, uint32_t dflt)
{
	uint32_t attrs = dflt;

	if (m->flags & MF_RO)
		attrs |= RO;
	if (m->flags & MF_RW)
		attrs &= ~(uint32_t)RO;
	if (m->flags & MF_SUID)
		attrs &= ~(uint32_t)NOSUID;
	if (m->flags & MF_DEV)
		attrs &= ~(uint32_t)NODEV;
	if (m->flags & MF_NOEXEC)
		attrs |= NOEXEC;
	if (m->flags & MF_EXEC)
		attrs &= ~(uint32_t)NOEXEC;
	return attrs;
}

int payload_is_root(const struct build *b)
{
	const char *user = b->p->user;

	if (!user)
		return b->self_map ? b->f->uid == 0 : b->f->uid == 0 || b->own_user;
	return !strcmp(user, "root") || !strcmp(user, "0");
}
