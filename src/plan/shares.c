/* What a sandbox shares with the host although its IPC namespace is its own, see shares.def. */
#include "plan/parts.h"

#include <string.h>

#include "archive/texts.h"
#include "base/parse.h"
#include "base/uapi.h"

enum { SHARES_MOST = 32 };

static int has_mounts(const struct build *b) { return b->p->ns[NS_MOUNT].how != NS_HOST; }
static int host_ipc(const struct build *b) { return b->p->ns[NS_IPC].how == NS_HOST; }
static int host_net(const struct build *b) { return b->p->ns[NS_NET].how == NS_HOST; }
static int host_files(const struct build *b) { return !has_mounts(b); }
static int host_session(const struct build *b) { return b->p->keyring == KEYRING_INHERIT; }
static int host_keys(const struct build *b) { return b->p->ns[NS_USER].how == NS_HOST && !b->own_user; }

/* Is a place of the sandbox hidden by what a line behind this one mounts? */
static int hidden(const struct mount_wish *after, const char *place)
{
	for (; after; after = after->next)
		if (after->dst && path_below(place, after->dst))
			return 1;
	return 0;
}

static int host_dev(const struct build *b, const char *place)
{
	return has_mounts(b) && b->p->dev == DEV_HOST && !hidden(b->p->mounts.first, place);
}

static int host_shm(const struct build *b)
{
	return b->p->shm.kind == SHM_NONE && host_dev(b, "/dev/shm");
}

static int host_queues(const struct build *b)
{
	return !host_ipc(b) && b->own_user && !(b->namespaces & CLONE_NEWIPC_) && host_dev(b, "/dev/mqueue");
}

static const struct {
	uint8_t key;
	int (*test)(const struct build *b);
} rows[] = {
#define SHARE(key, test, text) {KEY_##key, test},
#include "plan/shares.def"
#undef SHARE
};

static void add(struct build *b, struct origin at, const char *text, unsigned row, int said)
{
	if (b->plan->nshared < SHARES_MOST)
		b->plan->shared[b->plan->nshared++] = (struct shared){origin_settle(b, at), text, (uint8_t)row, !!said};
}

const char *shared_text(const struct shared *s)
{
	return s->text ? s->text : text_of(TEXTS_SHARES, s->row);
}

/* Does a bind of `source` to `place` show what the host has at `path`, and no line behind it hide that? */
static int shows(struct build *b, const char *path, const char *source, const char *place, int rec,
		 const struct mount_wish *after)
{
	const char *rest = path + (source[1] ? strlen(source) : 0);

	if (path_below(source, path))
		return !hidden(after, place);
	return rec && path_below(path, source) && !hidden(after, place[1] ? text_printf(b, "%s%s", place, rest) : rest);
}

static void look_for(struct build *b, const char *path)
{
	const struct root_wish *r = &b->p->root;

	if (r->kind == ROOT_DIR && b->p->dev == DEV_NONE && shows(b, path, r->path, "/", r->rec, b->p->mounts.first))
		add(b, where(b, KEY_root), text_printf(b, "%s (root=%s, dev=none)", path, r->path), 0, 0);
	for (const struct mount_wish *m = b->p->mounts.first; m; m = m->next)
		if (m->kind == MOUNT_BIND && shows(b, path, m->src, m->dst, !!(m->flags & MF_REC), m->next))
			add(b, m->at, text_printf(b, "%s (bind=%s)", path, m->src), 0, path_below(m->src, path));
}

/* Does the profile say anything about an IPC namespace or /dev/shm of its own? */
static int guards(const struct profile *p)
{
	if (p->ns[NS_IPC].how == NS_HOST)
		return 0;
	for (enum key_id k = KEY_ipc_msgmax; k <= KEY_shm_size; k++)
		if (profile_has(p, k))
			return 1;
	return profile_has(p, KEY_ipc);
}

void plan_shares(struct build *b)
{
	int cares = guards(b->p);

	b->plan->shared = arena_room(b->a, SHARES_MOST * sizeof *b->plan->shared);
	if (!b->plan->shared)
		return;		/* and so no room for steps */
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		/* Keys of the user are there by default and hard to part from: only plans tell of them. */
		if (rows[i].test(b))
			add(b, where(b, rows[i].key), NULL, i, !cares || rows[i].test == host_keys || profile_has(b->p, rows[i].key));
	if (!has_mounts(b))
		return;
	look_for(b, "/dev/shm");
	if (!host_ipc(b))
		look_for(b, "/dev/mqueue");
}
