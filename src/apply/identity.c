/* Identities of sources, see identity.h. */
#include "apply/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "apply/path.h"
#include "apply/step.h"
#include "apply/table.h"
#include "base/parse.h"
#include "base/sum.h"
#include "kernel/k.h"

static uint64_t add_two(uint64_t sum, uint32_t a, uint32_t b)
{
	return sum_word(sum, (uint64_t)a << 32 | b);
}

/* Where a mount is, and how, and what it shows: who may rename its directory puts another one in its place. Who could look for two of one sum can mount on the host anyway. */
static uint64_t mount_sum(const struct mount *m)
{
	return sum_word(add_two(add_two(sum_text(SUM_START, m->point), m->major, m->minor), m->attrs, m->master), m->file);
}

/* The order of a table is not the same in a copy of a namespace: a sum has none. */
uint64_t identity_table(const struct walk *w, const struct plan *plan, const struct mounts *now)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < now->n; i++) {
		const char *path = now->mount[i].point + 1;
		struct k_stat st;
		unsigned k = 0;

		while (k < plan->nexpect && !(plan->expect[k].each && path_below(now->mount[i].point, plan->expect[k].path)))
			k++;
		if (k < plan->nexpect)
			continue;
		/* A table tells it as a text, which is not to be had wherever this is asked for. */
		if (!now->mount[i].file && !k_stat(w->root, path, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC_ |
						   (*path ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH), STATX_INO_, &st))
			now->mount[i].file = st.ino;
		sum += mount_sum(&now->mount[i]);
	}
	return sum;
}

/* All that is mounted below a place, and as what. */
static uint64_t below_sum(const struct mounts *now, const char *place)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < now->n; i++) {
		const struct mount *m = &now->mount[i];

		if (path_below(m->point, place) && strcmp(m->point, place) != 0)
			sum += add_two(sum_text(add_two(mount_sum(m), (uint32_t)m->id, (uint32_t)m->parent), m->root),
				       m->shared, m->unbindable);
	}
	return sum;
}

/* In attrs: they are known, and not just none. */
#define KNOWN (1u << 31)

/* What a kernel before 6.8 does not tell of one mount alone, and what is below. */
static int take_slowly(struct walk *w, const struct plan_source *s, int fd, struct mounts *table, struct identity *to)
{
	/* With many sources the whole table is read once. */
	enum { FEW = 3 };
	struct mounts one = {0};
	const struct mount *m;
	struct statfs fs;
	char place[4096];
	long n;

	if (!to->attrs) {
		if (k_fstatfs(fd, &fs))
			return step_failed(w, s->path);
		to->attrs = (uint32_t)fs.f_flags | KNOWN;
		to->mount = (uint64_t)mount_id(w, fd);
	}
	if (!s->rec && !s->receives)
		return 0;
	if (!s->rec && w->plan->nsources <= FEW)
		table = &one;
	if (table == &one ? table_line(w, mount_id(w, fd), table) : !table->n && table_read(w, table))
		return -1;
	m = mounts_by_id(table, mount_id(w, fd));
	n = path_of(w, fd, place);
	if (!m || n <= 0)
		return step_failed_code(w, ESTALE, s->path);
	to->group = m->shared;
	to->master = m->master;
	to->attrs |= m->unbindable ? MS_UNBINDABLE : 0;
	place[n] = '\0';
	to->below = s->rec ? below_sum(table, place) : 0;
	return 0;
}

/* 1: more has to be asked for, of an open file. */
static int take_quickly(const struct plan_source *s, const struct k_stat *st, struct identity *to)
{
	struct statmount_ sm;

	*to = (struct identity){.present = 1, .ino = st->ino, .major = st->dev_major, .minor = st->dev_minor};
	if (s->content) {
		to->size = st->size;
		to->changed = (uint64_t)st->ctime.sec * 1000000000 + st->ctime.nsec;
	}
	if (!(st->mask & STATX_MNT_ID_UNIQUE_) || k_statmount(st->mnt_id, STATMOUNT_MNT_BASIC_, &sm, sizeof sm))
		return 1;
	to->mount = st->mnt_id;
	to->attrs = (uint32_t)sm.mnt_attr | (uint32_t)(sm.mnt_propagation & MS_UNBINDABLE) | KNOWN;
	to->group = (uint32_t)sm.mnt_peer_group;
	to->master = (uint32_t)sm.mnt_master;
	return s->rec;
}

static int take(struct walk *w, const struct plan_source *s, struct mounts *table, struct identity *to)
{
	/* A server is asked for numbers that never change only once. */
	int flags = AT_NO_AUTOMOUNT | (s->content ? 0 : AT_STATX_DONT_SYNC_), fd, result;
	struct k_stat st;

	memset(to, 0, sizeof *to);
	if (k_stat(AT_FDCWD, s->path, flags, STATX_BASIC_STATS_ | STATX_MNT_ID_UNIQUE_, &st))
		return s->optional && (errno == ENOENT || errno == ENOTDIR) ? 0 : step_failed(w, s->path);
	if (!take_quickly(s, &st, to))
		return 0;
	fd = k_open(AT_FDCWD, s->path, O_PATH, 0);
	if (fd < 0 || k_fstat(fd, STATX_BASIC_STATS_ | STATX_MNT_ID_UNIQUE_, &st))
		return step_close(w, fd, -1);
	take_quickly(s, &st, to);
	result = take_slowly(w, s, fd, table, to);
	k_close(fd);
	return result;
}

int identity_take(struct walk *w, struct identity *to)
{
	struct mounts table = {0};
	size_t mark = w->arena->used;
	int result = 0;

	for (unsigned i = 0; i < w->plan->nsources && !result; i++)
		result = take(w, &w->plan->source[i], &table, &to[i]);
	w->arena->used = mark;
	return result;
}

static int is_same(const struct identity *a, const struct identity *b)
{
	uint64_t x[sizeof *a / 8], y[sizeof *a / 8], differ = 0;

	_Static_assert(sizeof x == sizeof *a, "words");
	memcpy(x, a, sizeof x);
	memcpy(y, b, sizeof y);
	for (size_t i = 0; i < sizeof x / sizeof *x; i++)
		differ |= x[i] ^ y[i];
	return !differ;
}

int identity_check(struct walk *w)
{
	size_t mark = w->arena->used;
	struct identity *now = ARENA_ARRAY(w->arena, struct identity, w->plan->nsources + 1);
	int result = !now;

	if (now && identity_take(w, now))
		result = 1;
	for (unsigned i = 0; i < w->plan->nsources && !result; i++)
		if (!is_same(&now[i], &w->identity[i])) {
			step_failed_code(w, ESTALE, w->plan->source[i].path);
			result = 1;
		}
	w->arena->used = mark;
	/* What cannot be looked at is not known to be the same. */
	if (result)
		w->err.code = ESTALE;
	return -result;
}

int identity_same(struct walk *w, int slot, int fd)
{
	const struct plan *plan = w->plan;
	struct k_stat st;
	unsigned i = 0;

	if (plan->part != PART_ROOT || !w->identity)
		return 0;
	while (i < plan->nsources && plan->source[i].slot != slot)
		i++;
	if (i == plan->nsources)
		return 0;
	if (k_fstat(fd, STATX_INO_, &st))
		return step_error(w);
	if (st.ino == w->identity[i].ino && st.dev_major == w->identity[i].major && st.dev_minor == w->identity[i].minor)
		return 0;
	return step_failed_code(w, ESTALE, plan->source[i].path);
}

int do_TEMPLATE_CHECK(struct walk *w, const struct step *s)
{
	(void)s;
	return identity_check(w);
}
