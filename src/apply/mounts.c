/* Attaching mounts inside: each target resolved beneath the sandbox's root. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "apply/path.h"
#include "apply/proc.h"
#include "apply/root.h"
#include "apply/trees.h"
#include "base/text.h"
#include "kernel/k.h"

int do_MOUNT_POINT(struct walk *w, const struct step *s)
{
	int like = s->op[1].n >= 0 ? w->fd[s->op[1].n] : -1, is_dir = 1;
	struct k_stat st;

	if (s->op[1].n >= 0 && like < 0)
		return 0;	/* what should come here is optional and not there */
	if (like >= 0) {
		if (k_fstat(like, 3, &st))
			return step_error(w);
		is_dir = S_ISDIR(st.mode);
	}
	return step_done(w, path_make(w, s->op[0].s, is_dir, (unsigned)s->op[2].n, (int)s->op[3].n));
}

static int is_directory(int fd)
{
	struct k_stat st;

	return !k_fstat(fd, STATX_TYPE_, &st) && S_ISDIR(st.mode);
}

static int attach(struct walk *w, int fd, const char *path)
{
	int target = path_open(w, path, O_PATH, 0), failed;

	if (target < 0)
		return step_error(w);
	failed = k_move_mount(fd, "", target, "", MOVE_MOUNT_F_EMPTY_PATH_ | MOVE_MOUNT_T_EMPTY_PATH_);
	/* For a mount that nobody sees yet there are two ways to say it. */
	if (failed && errno == EINVAL && is_directory(fd) != is_directory(target))
		errno = ENOTDIR;
	path_unanchor(w, path);
	return step_close(w, target, failed);
}

int do_MOUNT_TREE(struct walk *w, const struct step *s)
{
	int fd = w->fd[s->op[0].n];

	return fd < 0 ? 0 : attach(w, fd, s->op[1].s);
}

int do_MOUNT_MOVE(struct walk *w, const struct step *s)
{
	int fd = w->fd[s->op[0].n], target, failed;
	char from[32], to[32];

	if (fd < 0)
		return 0;
	target = path_open(w, s->op[1].s, O_PATH, 0);
	if (target < 0)
		return step_error(w);
	fd_path(from, fd);
	fd_path(to, target);
	failed = k_mount(from, to, NULL, MS_MOVE, NULL);
	path_unanchor(w, s->op[1].s);
	return step_close(w, target, failed);
}

/*
 * The new mount on `target`, found by its path again: it must be another mount, or
 * somebody moved the way meanwhile and we are on a plain directory of his.
 */
static int anchor_new(struct walk *w, const char *path, int target, const char *type)
{
	struct k_stat below, top;
	struct statfs fs;
	int fd, same;

	path_unanchor(w, path);
	fd = path_open(w, path, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return -1;
	if (k_fstat(target, STATX_MNT_ID_, &below) ||
	    k_fstat(fd, STATX_MNT_ID_, &top) || k_fstatfs(fd, &fs))
		goto fail;
	/* Before Linux 5.8 the device has to tell: a new file system has one of its own. */
	same = top.mask & STATX_MNT_ID_ ? below.mnt_id == top.mnt_id
		: below.dev_major == top.dev_major && below.dev_minor == top.dev_minor;
	if (same || (!strcmp(type, "proc") && (uint32_t)fs.f_type != PROC_SUPER_MAGIC_)) {
		errno = ESTALE;
		goto fail;
	}
	if (!path_anchor(w, path, fd))
		return 0;
fail:
	k_close(fd);
	return -1;
}

/*
 * Mounts a new file system on a directory of the sandbox. Standing in it, mount(2)
 * needs no path; where an ordinary user may not enter, the descriptor's name is one.
 */
static int mount_at(struct walk *w, const char *path, const char *source, const char *type,
		    uint32_t attrs, const char *data)
{
	int anchored = w->plan->step[w->at].needed;
	int target = path_open(w, path, O_PATH | O_DIRECTORY, 0), failed = 0;
	char place[32] = ".";

	if (target < 0)
		return -1;
	if (k_fchdir(target)) {
		failed = errno != EACCES;
		fd_path(place, target);
	}
	failed = failed || k_mount(source, place, type, attrs_to_flags(attrs), data) ||
		 (anchored && anchor_new(w, path, target, type));
	k_close(target);
	return failed ? -1 : 0;
}

int do_MOUNT_NEW(struct walk *w, const struct step *s)
{
	if (!mount_at(w, s->op[2].s, s->op[1].s, s->op[0].s, (uint32_t)s->op[3].n, s->op[4].s))
		return 0;
	if (s->op[5].n && (errno == ENODEV || errno == ENOENT))
		return 0;
	return step_error(w);
}

int do_SHM_MOUNT(struct walk *w, const struct step *s)
{
	int fd = w->fd[s->op[0].n];
	struct mount_attr_ attr = {
		.attr_set = MOUNT_ATTR_NOSUID_ | MOUNT_ATTR_NODEV_, .propagation = MS_PRIVATE,
	};
	struct statfs fs;
	char text[120];
	uint64_t size;

	if (fd >= 0 && s->op[3].n) {
		if (k_fstatfs(fd, &fs))
			return step_error(w);
		/* Of whole pages, as the first member's was. */
		size = (uint64_t)fs.f_blocks * (uint64_t)fs.f_bsize;
		if (size < (uint64_t)s->op[3].n || size - (uint64_t)s->op[3].n >= (uint64_t)fs.f_bsize) {
			text_format(text, sizeof text, "the group has %llu bytes, set by its first member, and not %llu",
				    (unsigned long long)size, (unsigned long long)s->op[3].n);
			return step_failed_code(w, 0, text);
		}
	}

	/* Whatever the member made of its own mount meanwhile. */
	if (fd >= 0 && w->plan->new_mounts && k_mount_setattr(fd, "", AT_EMPTY_PATH, &attr))
		return step_error(w);
	if (fd >= 0)
		return attach(w, fd, s->op[1].s);
	return step_done(w, mount_at(w, s->op[1].s, "shm", "tmpfs",
				     MOUNT_ATTR_NOSUID_ | MOUNT_ATTR_NODEV_, s->op[2].s));
}

enum { LOWERS = 16 };

int do_MOUNT_OVERLAY(struct walk *w, const struct step *s)
{
	const struct mount_wish *m = s->op[0].p;
	char data[128 + 24 * LOWERS];
	struct out o;
	int upper = -1, work = -1, lower;

	if (m->nmore >= LOWERS)
		return step_failed_code(w, E2BIG, PACKED("too many lower directories"));
	lower = k_open(AT_FDCWD, m->src, O_PATH | O_DIRECTORY, 0);
	if (lower < 0)
		return step_failed(w, m->src);
	out_init(&o, data, sizeof data);
	out_printf(&o, "lowerdir=/proc/self/fd/%d", lower);
	for (unsigned i = 0; i < m->nmore; i++) {
		if (strncmp(m->more[i], "lower=", 6) != 0)
			continue;
		lower = k_open(AT_FDCWD, m->more[i] + 6, O_PATH | O_DIRECTORY, 0);
		if (lower < 0)
			return step_failed(w, m->more[i] + 6);
		out_printf(&o, ":/proc/self/fd/%d", lower);
	}
	if (m->upper) {
		upper = k_open(AT_FDCWD, m->upper, O_PATH | O_DIRECTORY, 0);
		work = k_open(AT_FDCWD, m->work, O_PATH | O_DIRECTORY, 0);
		if (upper < 0 || work < 0)
			return step_failed(w, upper < 0 ? m->upper : m->work);
	} else if (overlay_layers(w, w->scratch, m->size, &upper, &work)) {
		return -1;
	}
	out_printf(&o, ",upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d", upper, work);
	return step_done(w, mount_at(w, s->op[1].s, "overlay", "overlay", (uint32_t)s->op[2].n,
				     data));
}

/* A copy of the mount at fd, of that place only, with attributes, back onto it. */
static int bind_new(struct walk *w, int from, int target, uint32_t attrs)
{
	struct mount_attr_ attr = {.attr_set = attrs, .propagation = MS_PRIVATE};
	int copy = k_open_tree(from, "", AT_EMPTY_PATH | OPEN_TREE_CLONE_);

	if (copy < 0)
		return step_error(w);
	return step_close(w, copy, k_mount_setattr(copy, "", AT_EMPTY_PATH, &attr) ||
			  k_move_mount(copy, "", target, "",
				       MOVE_MOUNT_F_EMPTY_PATH_ | MOVE_MOUNT_T_EMPTY_PATH_));
}

static int bind_old(struct walk *w, int from, int target, const char *path, uint32_t attrs)
{
	char source[32], to[32];
	int top;

	fd_path(source, from);
	fd_path(to, target);
	if (k_mount(source, to, NULL, MS_BIND, NULL))
		return step_error(w);
	top = path_open(w, path, O_PATH, 0);
	if (top < 0)
		return step_error(w);
	return step_close(w, top, remount_fd(top, attrs));
}

static int bind_part(struct walk *w, int from, int target, const char *path, uint32_t attrs)
{
	return w->plan->new_mounts ? bind_new(w, from, target, attrs)
				   : bind_old(w, from, target, path, attrs);
}

/* 1: optional, and not there. */
static int open_target(struct walk *w, const char *path, int optional, int *fd)
{
	*fd = path_open(w, path, O_PATH, 0);
	if (*fd < 0 && optional && (errno == ENOENT || errno == ENOTDIR))
		return 1;
	return step_done(w, *fd < 0);
}

int do_MOUNT_SELF(struct walk *w, const struct step *s)
{
	int fd, missing = open_target(w, s->op[0].s, (int)s->op[2].n, &fd), result;

	if (missing)
		return missing < 0 ? -1 : 0;
	result = bind_part(w, fd, fd, s->op[0].s, (uint32_t)s->op[1].n);
	k_close(fd);
	return result;
}

static int mask_file(struct walk *w, int null, int target, const char *path)
{
	const uint32_t attrs = MOUNT_ATTR_RDONLY_ | MOUNT_ATTR_NOSUID_ | MOUNT_ATTR_NODEV_ |
			       MOUNT_ATTR_NOEXEC_;

	/* A detached copy serves once; then it is attached and can be copied itself. */
	if (w->plan->new_mounts && !w->null_used) {
		w->null_used = 1;
		return step_done(w, k_move_mount(null, "", target, "", MOVE_MOUNT_F_EMPTY_PATH_ |
						 MOVE_MOUNT_T_EMPTY_PATH_));
	}
	return bind_part(w, null, target, path, attrs);
}

static int mask_dir(struct walk *w, int fd)
{
	if (k_fchdir(fd) || k_mount("mask", ".", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV |
				    MS_NOEXEC, "mode=0000,size=4k,nr_inodes=2"))
		return step_error(w);
	return 0;
}

int do_MASK(struct walk *w, const struct step *s)
{
	int fd, missing = open_target(w, s->op[1].s, (int)s->op[2].n, &fd), result = 0;
	struct k_stat st;

	if (missing)
		return missing < 0 ? -1 : 0;
	if (k_fstat(fd, 3, &st))
		result = step_error(w);
	else
		result = S_ISDIR(st.mode) ? mask_dir(w, fd)
					  : mask_file(w, w->fd[s->op[0].n], fd, s->op[1].s);
	k_close(fd);
	return result;
}

int do_MOUNT_ATTR(struct walk *w, const struct step *s)
{
	struct mount_attr_ attr = {.attr_set = (uint64_t)s->op[1].n};
	int is_root = !s->op[0].s[1], failed;
	int fd = is_root ? w->root : path_open(w, s->op[0].s, O_PATH, 0);

	if (fd < 0)
		return step_error(w);
	failed = w->plan->new_mounts ? k_mount_setattr(fd, "", AT_EMPTY_PATH, &attr)
				     : remount_fd(fd, (uint32_t)s->op[1].n);
	return step_close(w, is_root ? -1 : fd, failed);
}

int do_MOUNT_JOIN(struct walk *w, const struct step *s)
{
	int from = w->fd[s->op[0].n], fd;

	const struct note *of = &w->note[s->op[0].n];

	/* A source without peers or master has no group to join. */
	if (from < 0 || (of->known && !of->shared && !of->master))
		return 0;
	fd = path_open(w, s->op[1].s, O_PATH, 0);
	if (fd < 0)
		return step_error(w);
	return step_close(w, fd, k_move_mount(from, "", fd, "", MOVE_MOUNT_F_EMPTY_PATH_ |
					      MOVE_MOUNT_T_EMPTY_PATH_ | MOVE_MOUNT_SET_GROUP_));
}

int do_MOUNT_PROPAGATE(struct walk *w, const struct step *s)
{
	struct mount_attr_ attr = {.propagation = prop_to_flag((uint8_t)s->op[1].n)};
	int fd, missing = open_target(w, s->op[0].s, (int)s->op[3].n, &fd), failed;

	if (missing)
		return missing < 0 ? -1 : 0;
	if (w->plan->new_mounts) {
		failed = k_mount_setattr(fd, "", AT_EMPTY_PATH | (s->op[2].n ? AT_RECURSIVE_ : 0), &attr);
	} else {
		/* A directory can be stood in; a file is named by its descriptor, which the
		 * sandbox's own /proc shows. */
		char path[32] = ".";

		if (k_fchdir(fd))
			fd_path(path, fd);
		failed = k_mount(NULL, path, NULL, attr.propagation | (s->op[2].n ? MS_REC : 0), NULL);
	}
	/* The place of a mount that is optional and not there: verify knows what must be. */
	failed = failed && !(s->op[3].n && errno == EINVAL);
	return step_close(w, fd, failed);
}
