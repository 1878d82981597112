/* The mounts of this process's namespace, as a table of lines or one by one. */
#include "apply/table.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#include "apply/proc.h"
#include "apply/step.h"
#include "base/text.h"
#include "kernel/k.h"

enum { SOME = 64 };

/* 1: its sum is the one that was seen, and it is not parsed. */
static int read_table(struct walk *w, struct mounts *to, uint64_t *sum)
{
	size_t length;
	char *text = proc_read(w->proc, "self/mountinfo", w->arena, &length);
	struct err e;

	if (!text)
		return step_failed(w, "mountinfo");
	*sum = w->seen ? mounts_text_sum(text, length) : 0;
	if (*sum && *sum == *w->seen)
		return 1;
	if (mounts_parse(to, text, length, w->arena, &e))
		return step_failed_code(w, 0, e.text);
	return 0;
}

int table_read(struct walk *w, struct mounts *to)
{
	uint64_t sum;

	return read_table(w, to, &sum);
}

/* Before Linux 5.8 only fdinfo tells. */
int mount_id(struct walk *w, int fd)
{
	char path[32], text[256], *id;
	struct k_stat st;
	long n;
	int info;

	if (!k_fstat(fd, STATX_MNT_ID_, &st) && (st.mask & STATX_MNT_ID_))
		return (int)st.mnt_id;
	text_format(path, sizeof path, "self/fdinfo/%d", fd);
	info = k_open(w->proc, path, O_RDONLY, 0);
	if (info < 0)
		return -1;
	n = k_read(info, text, sizeof text - 1);
	k_close(info);
	text[n > 0 ? n : 0] = '\0';
	id = text_find(text, "mnt_id:");
	return id ? (int)number_at(id + 7) : -1;
}

int table_line(struct walk *w, int id, struct mounts *to)
{
	enum { PIECE = 1024, MOST = 4 * 4096 };
	int fd = k_open(w->proc, "self/mountinfo", O_RDONLY, 0);
	char *text = arena_room(w->arena, MOST), *line, *end = NULL;
	size_t used = 0;
	long n = 0;
	struct err e;

	while (fd >= 0 && text && !end && used + PIECE < MOST && (n = k_read(fd, text + used, PIECE)) > 0) {
		used += (size_t)n;
		for (line = text; (end = memchr(line, '\n', used - (size_t)(line - text))); line = end + 1)
			if (number_at(line) == (uint64_t)id)
				break;
		used -= (size_t)(line - text);
		memmove(text, line, used);
		end = end ? text + (end - line) : NULL;
	}
	k_close(fd);
	if (!end || mounts_parse(to, text, (size_t)(end - text) + 1, w->arena, &e))
		return step_failed_code(w, ESTALE, "mountinfo");
	return 0;
}

/* ENOENT: it has gone. What can be told without texts. */
static int mount_tell(uint64_t id, uint64_t texts, struct statmount_ *sm, size_t room, struct mount *m)
{
	const uint64_t wanted = STATMOUNT_SB_BASIC_ | STATMOUNT_MNT_BASIC_ | texts;

	if (k_statmount(id, wanted, sm, room))
		return -1;
	if ((sm->mask & wanted) != wanted) {
		errno = ENODATA;
		return -1;
	}
	*m = (struct mount){
		.id = (int)sm->mnt_id_old, .parent = (int)sm->mnt_parent_id_old,
		.major = sm->sb_dev_major, .minor = sm->sb_dev_minor,
		.attrs = (uint32_t)sm->mnt_attr & ((1u << ATTRS) - 1),
		.shared = (uint32_t)sm->mnt_peer_group, .master = (uint32_t)sm->mnt_master,
		.unbindable = !!(sm->mnt_propagation & MS_UNBINDABLE),
		.root = "", .source = "", .super = "",
	};
	return 0;
}

/* One mount, its texts in the arena. */
static int mount_read(struct walk *w, uint64_t id, struct mount *m)
{
	enum { MOST = (int)sizeof(struct statmount_) + 3 * 4096 };
	struct statmount_ *sm = arena_room(w->arena, MOST);
	char *texts = (char *)sm;

	if (!sm) {
		errno = ENOMEM;
		return -1;
	}
	w->arena->used -= MOST;
	if (mount_tell(id, STATMOUNT_MNT_ROOT_ | STATMOUNT_MNT_POINT_ | STATMOUNT_FS_TYPE_, sm, MOST, m))
		return -1;
	/* Of what the kernel wrote the texts are kept. */
	m->root = texts + sm->mnt_root;
	m->point = texts + sm->mnt_point;
	m->type = texts + sm->fs_type;
	w->arena->used += sm->size - sizeof *sm;
	memmove(texts, sm->texts, sm->size - sizeof *sm);
	return 0;
}

/* Whether a wish is for a type with a subtype, fuse.NAME: only the table tells it. */
static int wants_subtype(const struct plan *plan)
{
	for (unsigned i = 0; i < plan->nexpect; i++)
		if (plan->expect[i].type && strchr(plan->expect[i].type, '.'))
			return 1;
	return 0;
}

/* What the kernel calls what hutch mounts: a number is told for a fifth of what a text costs. */
static const struct {
	uint32_t magic;
	char type[8];
} types[] = {
	{PROC_SUPER_MAGIC_, "proc"}, {TMPFS_MAGIC_, "tmpfs"}, {SYSFS_MAGIC_, "sysfs"}, {MQUEUE_MAGIC_, "mqueue"},
	{DEVPTS_SUPER_MAGIC_, "devpts"}, {CGROUP2_MAGIC_, "cgroup2"},
};

/* The type that is expected, if it is that; NULL: it has to be asked for. */
static const char *type_of(const struct expect *e, uint32_t magic)
{
	for (size_t i = 0; e->type && i < sizeof types / sizeof *types; i++)
		if (types[i].magic == magic && !strcmp(types[i].type, e->type))
			return e->type;
	return e->type ? NULL : "";
}

/* Whether a link is on the way to what is mounted there: it is somewhere else then. */
static int is_behind_link(const struct walk *w, const struct expect *e)
{
	const struct open_how_ how = {.flags = O_PATH | O_CLOEXEC | O_NOFOLLOW, .resolve = RESOLVE_NO_SYMLINKS_};
	int fd;

	if (e->each || !strchr(e->path + 1, '/'))
		return 0;
	fd = k_openat2(w->root, e->path + 1, &how);
	k_close(fd);
	return fd < 0;
}

/* To which mounts the places of the plan lead: e[] by id[]. 0: not to each of them, or to one by two ways. */
static int find_places(const struct walk *w, const uint64_t *id, int n, const struct expect **e, uint64_t *file)
{
	const struct plan *plan = w->plan;
	int found = 0;

	for (unsigned k = 0; k < plan->nexpect; k++) {
		const char *path = plan->expect[k].path + 1;
		struct k_stat st;
		int i = 0;

		if (k_stat(w->root, path, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC_ | (*path ? AT_SYMLINK_NOFOLLOW : AT_EMPTY_PATH),
			   STATX_INO_ | STATX_MNT_ID_UNIQUE_, &st) || !(st.mask & STATX_MNT_ID_UNIQUE_) ||
		    !(st.attributes & STATX_ATTR_MOUNT_ROOT_) || is_behind_link(w, &plan->expect[k]))
			continue;
		while (i < n && id[i] != st.mnt_id)
			i++;
		if (i == n || (e[i] && strcmp(e[i]->path, path - 1) != 0))
			return 0;
		found += !e[i];
		e[i] = &plan->expect[k];
		/* What is new each time has another number each time. */
		file[i] = e[i]->each ? 0 : st.ino;
	}
	return found == n;
}

/*
 * Where each mount is at a place of the plan, and there are no others, no texts are asked for, which cost more than all the rest:
 * the places are looked up instead. 0: it is not so.
 */
static int table_placed(struct walk *w, const uint64_t *id, int n, struct mounts *to)
{
	const struct expect *e[SOME] = {0};
	uint64_t file[SOME];
	struct statmount_ sm;

	/* Whoever read the table before compares more than that. */
	if (n == SOME || w->before.n || !w->plan->part || !find_places(w, id, n, e, file))
		return 0;
	to->mount = ARENA_ARRAY(w->arena, struct mount, (size_t)n + 1);
	for (int i = 0; i < n; i++) {
		struct mount *m = &to->mount[i];

		if (!to->mount || mount_tell(id[i], 0, &sm, sizeof sm, m) || !(m->type = type_of(e[i], (uint32_t)sm.sb_magic)))
			return 0;
		m->point = e[i]->path;
		m->file = file[i];
	}
	to->n = (unsigned)n;
	return 1;
}

static int table_tell(struct walk *w, struct mounts *to)
{
	uint64_t id[SOME], last = 0;
	unsigned room = 0;
	int n, tries = 100;

	to->n = 0;
	do {
		struct mount *more;

		n = k_listmount(last, id, SOME);
		if (n < 0)
			return step_failed(w, "listmount");
		if (!last && table_placed(w, id, n, to))
			return 0;
		if (to->n + (unsigned)n > room) {
			room = 2 * room + (unsigned)n;
			more = ARENA_ARRAY(w->arena, struct mount, room);
			if (!more)
				return step_failed_code(w, ENOMEM, "");
			if (to->n)
				memcpy(more, to->mount, to->n * sizeof *more);
			to->mount = more;
		}
		for (int i = 0; i < n; i++)
			if (!mount_read(w, id[i], &to->mount[to->n])) {
				to->n++;
			} else if (errno != ENOENT || !tries--) {
				return step_failed(w, "statmount");
			} else {
				/* It has gone meanwhile: from the start, for others may have come. */
				to->n = 0;
				n = SOME;
				id[n - 1] = 0;
				break;
			}
		last = n ? id[n - 1] : 0;
	} while (n == SOME);
	return 0;
}

int table_now(struct walk *w, struct mounts *to, uint64_t *sum)
{
	if (!w->plan->statmount || wants_subtype(w->plan))
		return read_table(w, to, sum);
	if (table_tell(w, to))
		return -1;
	*sum = w->seen ? mounts_sum(to) : 0;
	return *sum && *sum == *w->seen;
}

int do_TABLE_READ(struct walk *w, const struct step *s)
{
	(void)s;
	return table_read(w, &w->before);
}
