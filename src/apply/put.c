/* Files, directories, links and nodes put into the sandbox while it is built. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "apply/path.h"
#include "kernel/k.h"

int do_DIR_MAKE(struct walk *w, const struct step *s)
{
	const char *name;
	int dir = path_parent(w, s->op[0].s, &name), result = 0, fd;

	if (dir < 0)
		return step_error(w);
	if (k_mkdir(dir, name, 0700)) {
		result = errno == EEXIST ? 0 : step_error(w);
	} else {
		/* By descriptor, for the umask and a link that somebody puts in between. */
		fd = k_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
		if (fd < 0 || k_fchmod(fd, (unsigned)s->op[1].n) ||
		    ((s->op[2].n || s->op[3].n) &&
		     k_chown(fd, "", (unsigned)s->op[2].n, (unsigned)s->op[3].n, AT_EMPTY_PATH)))
			result = step_error(w);
		k_close(fd);
	}
	path_leave(w, dir);
	return result;
}

int do_LINK_MAKE(struct walk *w, const struct step *s)
{
	const char *name;
	int dir = path_parent(w, s->op[1].s, &name), failed = 0;

	if (dir < 0)
		return step_error(w);
	if (k_symlink(s->op[0].s, dir, name))
		failed = step_error(w);
	path_leave(w, dir);
	return failed;
}

/* A node with exactly this mode: mknod itself minds the umask. */
static int make_node(struct walk *w, const char *path, unsigned mode, unsigned major,
		     unsigned minor)
{
	const char *name;
	int dir = path_parent(w, path, &name), failed;
	unsigned mask;

	if (dir < 0)
		return step_error(w);
	mask = k_umask(0);
	failed = k_mknod(dir, name, mode, major, minor);
	k_umask(mask);
	failed = step_done(w, failed);
	path_leave(w, dir);
	return failed;
}

int do_NODE_MAKE(struct walk *w, const struct step *s)
{
	return make_node(w, s->op[0].s, S_IFCHR | (unsigned)s->op[1].n, (unsigned)s->op[2].n,
			 (unsigned)s->op[3].n);
}

int do_NODE_COPY(struct walk *w, const struct step *s)
{
	struct k_stat st;

	if (k_stat(AT_FDCWD, s->op[0].s, 0, 3, &st)) {
		if (errno == ENOENT && s->op[3].n)
			return 0;
		return step_error(w);
	}
	if (!S_ISCHR(st.mode) && !S_ISBLK(st.mode))
		return step_failed_code(w, ENODEV, PACKED("not a device node"));
	return make_node(w, s->op[1].s, (st.mode & S_IFMT) | (unsigned)s->op[2].n, st.rdev_major,
			 st.rdev_minor);
}

int do_FILE_STAGE(struct walk *w, const struct step *s)
{
	const struct mount_wish *m = s->op[5].p;
	int fd = k_open(w->scratch, s->op[1].s, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	int failed = fd < 0;

	for (unsigned i = 0; i < m->nmore && !failed; i++) {
		size_t n = strlen(m->more[i]);

		failed = k_write(fd, m->more[i], n) != (long)n || k_write(fd, "\n", 1) != 1;
	}
	failed = failed || k_fchmod(fd, (unsigned)s->op[2].n);
	if (!failed && (s->op[3].n || s->op[4].n))
		failed = k_chown(fd, "", (unsigned)s->op[3].n, (unsigned)s->op[4].n, AT_EMPTY_PATH);
	return step_close(w, fd, failed);
}
