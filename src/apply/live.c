/* Steps that change the mounts of a sandbox that runs, and their undo. */
#include "apply/live.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "apply/holders.h"
#include "apply/path.h"
#include "apply/step.h"
#include "apply/table.h"
#include "base/text.h"
#include "kernel/k.h"

/* Exactly the mount that fd is on, whatever its place is called: through the host's /proc. */
static int detach(struct walk *w, int fd)
{
	char path[32];

	text_format(path, sizeof path, "self/fd/%d", fd);
	return k_fchdir(w->proc) || k_umount(path, MNT_DETACH) ? -1 : 0;
}

void live_undo(struct walk *w)
{
	for (unsigned i = w->at; i-- > 0;) {
		const struct step *s = &w->plan->step[i];
		int fd = s->kind == STEP_MOUNT_TREE ? w->fd[s->op[0].n]
		       : s->kind == STEP_MOUNT_NEW ? path_open(w, s->op[2].s, O_PATH, 0) : -1;

		if (fd >= 0)
			detach(w, fd);
		k_close(fd);
	}
}

static int move_to(int fd, int target, unsigned how)
{
	return k_move_mount(fd, "", target, "", MOVE_MOUNT_F_EMPTY_PATH_ | MOVE_MOUNT_T_EMPTY_PATH_ | how);
}

/*
 * Linux mounts neither over a file that has lost its name, as the old one has, nor one that has.
 * So the new one goes beneath the old one, and that away.
 */
static int replace_beneath(struct walk *w, int fd, int target)
{
	if (move_to(fd, target, MOVE_MOUNT_BENEATH_))
		return -1;
	/* If the new one was replaced just now, the kernel has taken away what lay on it. */
	return detach(w, target) && errno != EINVAL ? -1 : 0;
}

/* Before Linux 6.5 what is below shows for a moment; what is not mounted has been lost in one. */
static int replace_bare(struct walk *w, int fd, int target, const char *path)
{
	struct k_stat st;
	int failed;

	if (k_fstat(fd, STATX_NLINK_, &st) || !st.nlink) {
		errno = ENOENT;
		return -1;
	}
	if (detach(w, target) && errno != EINVAL)
		return -1;
	target = path_open(w, path, O_PATH, 0);
	failed = target < 0 || move_to(fd, target, 0);
	k_close(target);
	return -failed;
}

int do_MOUNT_REPLACE(struct walk *w, const struct step *s)
{
	int fd = w->fd[s->op[0].n], target, failed = 0;
	struct k_stat new, old;

	if (fd < 0)
		return 0;
	target = path_open(w, s->op[1].s, O_PATH, 0);
	if (target < 0)
		return step_error(w);
	if (k_fstat(fd, STATX_TYPE_ | STATX_INO_, &new) || k_fstat(target, STATX_TYPE_ | STATX_INO_, &old))
		return step_close(w, target, 1);
	if (S_ISDIR(new.mode)) {
		k_close(target);
		return step_failed_code(w, EISDIR, "");
	}
	if (new.ino != old.ino || new.dev_major != old.dev_major || new.dev_minor != old.dev_minor)
		failed = s->op[2].n ? replace_beneath(w, fd, target) : replace_bare(w, fd, target, s->op[1].s);
	/* The new one has been replaced meanwhile, too. */
	if (failed && errno == ENOENT)
		errno = ESTALE;
	return step_close(w, target, failed);
}

struct users {
	int mount, last;
	struct out o;
};

static int put_user(void *ctx, int pid, enum hold how, const struct k_stat *file)
{
	struct users *u = ctx;

	(void)how;
	if (!(file->mask & STATX_MNT_ID_) || (int)file->mnt_id != u->mount)
		return 0;
	if (u->last != pid)
		out_printf(&u->o, "%spid %d", u->o.used ? ", " : "in use by ", pid);
	u->last = pid;
	return 1;
}

/* In the words of whoever asked: what lies on it, or who has it open. */
static int tell_busy(struct walk *w, int id)
{
	struct mounts now;
	char text[200];
	struct users u = {.mount = id};

	if (table_read(w, &now))
		return -1;
	for (unsigned i = 0; i < now.n; i++)
		if (now.mount[i].parent == id) {
			text_format(text, sizeof text, "%.150s lies on it", now.mount[i].point);
			return step_failed_code(w, EBUSY, text);
		}
	out_init(&u.o, text, sizeof text);
	holders_each(w->proc, put_user, &u);
	return step_failed_code(w, EBUSY, text);
}

int do_MOUNT_DROP(struct walk *w, const struct step *s)
{
	const char *name;
	int dir = path_parent(w, s->op[0].s, &name), fd, id, here;

	if (dir < 0)
		return step_error(w);
	fd = k_open(dir, *name ? name : ".", O_PATH | O_NOFOLLOW, 0);
	if (fd < 0) {
		step_error(w);
		path_leave(w, dir);
		return -1;
	}
	id = mount_id(w, fd);
	here = mount_id(w, dir);
	/* Our own descriptor would keep it busy. */
	k_close(fd);
	if (id == here) {
		path_leave(w, dir);
		return step_failed_code(w, 0, PACKED("nothing is mounted there"));
	}
	if (k_fchdir(dir) || k_umount(name, UMOUNT_NOFOLLOW | (s->op[1].n ? MNT_DETACH : 0))) {
		step_error(w);
		path_leave(w, dir);
		return w->err.code == EBUSY ? tell_busy(w, id) : -1;
	}
	path_leave(w, dir);
	return 0;
}

int do_DONE(struct walk *w, const struct step *s)
{
	(void)w;
	(void)s;
	k_exit(0);
}
