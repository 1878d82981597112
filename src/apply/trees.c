/*
 * Copies of the host's mounts, taken while they still have the host's propagation,
 * and what is done to them before they are attached.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "apply/identity.h"
#include "apply/proc.h"
#include "apply/trees.h"
#include "apply/table.h"
#include "apply/userns.h"
#include "base/text.h"
#include "kernel/k.h"

/* Notes the peer groups of the mount that fd is on. */
static int note_source(struct walk *w, int fd, struct note *to)
{
	struct statmount_ sm;
	struct k_stat st;

	if (w->before.n) {
		const struct mount *m = mounts_by_id(&w->before, mount_id(w, fd));

		if (!m)
			return step_failed_code(w, 0, PACKED("the source's mount is not in the mount table"));
		*to = (struct note){1, m->shared, m->master};
		return 0;
	}
	if (k_fstat(fd, STATX_MNT_ID_UNIQUE_, &st) ||
	    k_statmount(st.mnt_id, STATMOUNT_MNT_BASIC_, &sm, sizeof sm))
		return step_failed(w, PACKED("cannot tell the source's peer group"));
	*to = (struct note){1, (uint32_t)sm.mnt_peer_group, (uint32_t)sm.mnt_master};
	return 0;
}

struct source {
	int dir;
	const char *path;
	int rec, optional, note;
};

static struct source source_of(struct walk *w, const struct step *s)
{
	/* Staged files are named beneath the scratch, sources of the host from its root. */
	return (struct source){
		.dir = s->op[5].n ? w->fd[s->op[5].n - 1] : AT_FDCWD,
		.path = s->op[1].s,
		.rec = (int)s->op[2].n,
		.optional = (int)s->op[3].n,
		.note = (int)s->op[4].n,
	};
}

/* Opens the source for looking at; 1 when it is optional and not there. */
static int source_open(struct walk *w, const struct source *src, int *fd)
{
	*fd = k_open(src->dir, src->path, O_PATH, 0);
	if (*fd < 0 && src->optional && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	return step_done(w, *fd < 0);
}

int do_TREE_CLONE(struct walk *w, const struct step *s)
{
	struct source src = source_of(w, s);
	int slot = (int)s->op[0].n, fd, missing = source_open(w, &src, &fd), result = 0;

	if (missing)
		return missing < 0 ? -1 : 0;
	if (identity_same(w, slot, fd) || (src.note && note_source(w, fd, &w->note[slot])))
		result = -1;
	if (!result) {
		w->fd[slot] = k_open_tree(fd, "", AT_EMPTY_PATH | OPEN_TREE_CLONE_ |
						   (src.rec ? AT_RECURSIVE_ : 0));
		if (w->fd[slot] < 0)
			result = step_error(w);
	}
	k_close(fd);
	return result;
}

static int is_scratch(struct walk *w, int fd)
{
	struct k_stat a, b;

	return !k_fstat(fd, 0x100 /* STATX_INO */, &a) &&
	       !k_fstat(w->scratch, 0x100, &b) && a.ino == b.ino &&
	       a.dev_major == b.dev_major && a.dev_minor == b.dev_minor;
}

int do_TREE_BIND(struct walk *w, const struct step *s)
{
	struct source src = source_of(w, s);
	int slot = (int)s->op[0].n, fd, missing = source_open(w, &src, &fd), place, is_dir;
	char name[32], from[32], to[32];
	struct k_stat st;

	if (missing)
		return missing < 0 ? -1 : 0;
	if (identity_same(w, slot, fd) || (src.note && note_source(w, fd, &w->note[slot])))
		return -1;
	if (k_fstat(fd, 3, &st))
		return step_error(w);
	is_dir = S_ISDIR(st.mode);
	text_format(name, sizeof name, "tree%d", slot);
	if (is_dir ? k_mkdir(w->scratch, name, 0700) : k_mknod(w->scratch, name, S_IFREG | 0600, 0, 0))
		return step_failed(w, "scratch");
	place = k_open(w->scratch, name, O_PATH | O_NOFOLLOW, 0);
	if (place < 0)
		return step_failed(w, "scratch");
	fd_path(from, fd);
	fd_path(to, place);
	if (k_mount(from, to, NULL, MS_BIND | (src.rec ? MS_REC : 0), NULL))
		return step_error(w);
	k_close(place);
	k_close(fd);
	/* The same name again: now it is the mount on top. */
	w->fd[slot] = k_open(w->scratch, name, O_PATH | O_NOFOLLOW, 0);
	if (w->fd[slot] >= 0 && src.rec && is_scratch(w, w->fd[slot])) {
		/* The scratch lies over "/" and was copied with it. */
		fd_path(to, w->fd[slot]);
		if (k_umount(to, MNT_DETACH))
			return step_failed(w, "scratch");
		k_close(w->fd[slot]);
		w->fd[slot] = k_open(w->scratch, name, O_PATH | O_NOFOLLOW, 0);
	}
	return w->fd[slot] < 0 ? step_failed(w, "scratch") : 0;
}

/* These four have the same bits in mount_setattr(2), mount(2) and statfs(2). */
enum { ATTRS_OLD = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC };
_Static_assert(MOUNT_ATTR_RDONLY_ == MS_RDONLY && MOUNT_ATTR_NOSUID_ == MS_NOSUID &&
	       MOUNT_ATTR_NODEV_ == MS_NODEV && MOUNT_ATTR_NOEXEC_ == MS_NOEXEC, "the same bits");

unsigned long attrs_to_flags(uint32_t attrs)
{
	return attrs & ATTRS_OLD;
}

unsigned long prop_to_flag(uint8_t prop)
{
	static const uint32_t flags[PROP_COUNT] = {
		[PROP_PRIVATE] = MS_PRIVATE, [PROP_SLAVE] = MS_SLAVE, [PROP_SHARED] = MS_SHARED,
		[PROP_UNBINDABLE] = MS_UNBINDABLE, [PROP_SLAVE_SHARED] = MS_SHARED,
	};

	return flags[prop];
}

int do_TREE_ATTR(struct walk *w, const struct step *s)
{
	struct mount_attr_ attr = {
		.attr_set = (uint64_t)s->op[1].n, .propagation = prop_to_flag((uint8_t)s->op[2].n),
	};
	int fd = w->fd[s->op[0].n];

	if (fd < 0)
		return 0;	/* optional, and not there */
	return step_done(w, k_mount_setattr(fd, "", AT_EMPTY_PATH | (s->op[3].n ? AT_RECURSIVE_ : 0),
					    &attr));
}

/*
 * Adds flags to the mount at an absolute path. mount(2) sets all of them at once,
 * so those that are there, and may be locked, have to be said again.
 */
static int remount_one(const char *path, int fd, unsigned long add)
{
	struct statfs fs = {0};

	if (k_fstatfs(fd, &fs))
		return -1;
	add |= attrs_to_flags((uint32_t)fs.f_flags);
	return k_mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | add, NULL);
}

int remount_fd(int fd, uint32_t attrs)
{
	char path[32];

	fd_path(path, fd);
	return remount_one(path, fd, attrs_to_flags(attrs));
}

static int lies_below(const struct mount *m, const struct mount *top)
{
	size_t n = strlen(top->point);

	return m != top && !strncmp(m->point, top->point, n) && m->point[n] == '/';
}

/* Is m out of sight, under a mount below top that it does not stand on? */
static int is_covered(const struct mounts *now, const struct mount *top, const struct mount *m)
{
	for (unsigned i = 0; i < now->n; i++) {
		const struct mount *over = &now->mount[i], *up = m;

		if (!lies_below(over, top) || !lies_below(m, over))
			continue;
		while (up && up != over && up != top)
			up = mounts_by_id(now, up->parent);
		if (up != over)
			return 1;
	}
	return 0;
}

/* Every mount below the one that fd is the root of, by the table. */
static int remount_below(struct walk *w, int fd, uint32_t attrs)
{
	struct mounts now = {0};
	size_t mark = w->arena->used;
	const struct mount *top;
	int result = 0;

	if (table_read(w, &now))
		return -1;
	top = mounts_by_id(&now, mount_id(w, fd));
	for (unsigned i = 0; top && i < now.n && !result; i++) {
		const struct mount *m = &now.mount[i];
		size_t n = strlen(top->point);
		int at;

		/* What is covered has no path, for the payload neither. */
		if (!lies_below(m, top) || is_covered(&now, top, m))
			continue;
		/* The scratch lies over "/", so its mounts have no path from there. */
		at = k_open(fd, m->point + n + 1, O_PATH | O_NOFOLLOW, 0);
		if (at < 0 || remount_fd(at, attrs))
			result = step_failed(w, m->point + n);
		k_close(at);
	}
	w->arena->used = mark;
	return result;
}

int do_TREE_REMOUNT(struct walk *w, const struct step *s)
{
	int fd = w->fd[s->op[0].n], rec = (int)s->op[3].n;
	uint8_t prop = (uint8_t)s->op[2].n;
	char path[32];

	if (fd < 0)
		return 0;
	if (rec && remount_below(w, fd, (uint32_t)s->op[1].n))
		return -1;
	if (remount_fd(fd, (uint32_t)s->op[1].n))
		return step_error(w);
	fd_path(path, fd);
	if (prop && k_mount(NULL, path, NULL, prop_to_flag(prop) | (rec ? MS_REC : 0), NULL))
		return step_error(w);
	return 0;
}

int do_TREE_IDMAP(struct walk *w, const struct step *s)
{
	struct mount_attr_ attr = {.attr_set = MOUNT_ATTR_IDMAP_};
	int fd = w->fd[s->op[0].n], user;

	if (fd < 0)
		return 0;
	/* The map's "inside" is the file system (mount_setattr(2)): the other way round. */
	user = userns_make(w, (uint32_t)s->op[2].n, (uint32_t)s->op[1].n, (uint32_t)s->op[3].n);
	if (user < 0)
		return -1;
	attr.userns_fd = (uint64_t)user;
	return step_close(w, user, k_mount_setattr(fd, "", AT_EMPTY_PATH |
						   (s->op[4].n ? AT_RECURSIVE_ : 0), &attr));
}

int do_TREE_PRIVATE(struct walk *w, const struct step *s)
{
	return step_done(w, k_mount(NULL, s->op[0].s, NULL, MS_REC | MS_PRIVATE, NULL));
}

int do_TREE_SLAVE(struct walk *w, const struct step *s)
{
	return step_done(w, k_mount(NULL, s->op[0].s, NULL, MS_REC | MS_SLAVE, NULL));
}

int do_NULL_CHECK(struct walk *w, const struct step *s)
{
	struct k_stat st;

	if (k_fstat(w->fd[s->op[0].n], 3, &st))
		return step_error(w);
	if (!S_ISCHR(st.mode) || st.rdev_major != 1 || st.rdev_minor != 3)
		return step_failed_code(w, ENODEV, PACKED("the host's /dev/null is not the null device"));
	return 0;
}
