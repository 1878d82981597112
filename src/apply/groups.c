/* The members of IPC groups, and what they lend to who joins; see registry.h. */
#include "apply/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "apply/process.h"
#include "base/text.h"
#include "kernel/k.h"

/*
 * Opens and locks the group's file. Its last member removes it: the lock counts
 * only on a file that still has a name.
 */
static int group_lock(int dir, const char *file)
{
	struct k_stat st;
	int fd;

	for (;;) {
		fd = k_open(dir, file, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -1;
		if (registry_lock(fd, REGISTRY_TRIES))
			goto fail;
		if (k_fstat(fd, 7, &st))
			goto fail;
		if (st.nlink)
			return fd;
		k_close(fd);
	}
fail:
	k_close(fd);
	return -1;
}

/* The living members; -1 with errno. */
static int group_read(int fd, struct group_member *m)
{
	char text[GROUP_MEMBERS * 40], *p = text;
	long n = k_pread(fd, text, sizeof text - 1, 0);
	int count = 0;

	if (n < 0)
		return -1;
	text[n] = '\0';
	while (p && *p && count < GROUP_MEMBERS) {
		struct group_member found;
		const char *digits = p;

		found.pid = (int)text_number(&digits, 10);
		found.start = text_number(&digits, 10);
		found.parts = (unsigned)text_number(&digits, 10);
		/* An earlier hutch noted who is there, and no more. */
		found.parts = found.parts ? found.parts : GROUP_IPC | GROUP_SHM;
		if (registry_alive(&found))
			m[count++] = found;
		p = strchr(p, '\n');
		p += !!p;
	}
	return count;
}

/* In one piece over what was there: if that fails, the others are still noted. */
static int group_write(int fd, const struct group_member *m, unsigned n)
{
	char text[(GROUP_MEMBERS + 1) * 40];
	struct out o;

	out_init(&o, text, sizeof text);
	for (unsigned i = 0; i < n; i++)
		out_printf(&o, "%d %llu %u\n", m[i].pid, (unsigned long long)m[i].start, m[i].parts);
	if (lseek(fd, 0, SEEK_SET) || k_write(fd, text, o.used) != (long)o.used)
		return -1;
	return ftruncate(fd, (off_t)o.used);
}

static int open_ns(int pid, const char *kind)
{
	char path[48];

	text_format(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
	return k_open(AT_FDCWD, path, O_RDONLY, 0);
}

static int open_ipc(int pid) { return open_ns(pid, "ipc"); }

struct visit {
	int ns, copy, fd, error;
};

static char visit_stack[16384] __attribute__((aligned(16)));

/* In the member's mount namespace: its /dev/shm or a copy of that, for our descriptor table. */
static int visit_shm(void *argument)
{
	struct visit *v = argument;
	struct statfs fs;
	int dev = k_setns(v->ns, CLONE_NEWNS_) ? -1 : k_open(AT_FDCWD, "/dev", O_PATH | O_NOFOLLOW, 0);
	int dir = dev < 0 ? -1 : k_open(dev, "shm", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	/* The member may have bent the way there: no link, and a file system in memory. */
	if (dir >= 0 && !k_fstatfs(dir, &fs)) {
		if ((uint32_t)fs.f_type != TMPFS_MAGIC_)
			errno = ENODEV;
		else if (v->copy)
			v->fd = k_open_tree(dir, "", AT_EMPTY_PATH | OPEN_TREE_CLONE_);
		else
			v->fd = k_fcntl(dir, F_DUPFD_CLOEXEC, 0);
	}
	v->error = dev >= 0 && errno == ENOENT ? ENODEV : errno;
	k_close(dir);
	k_close(dev);
	k_exit(0);
}

static int visit(int pid, int copy)
{
	struct visit v = {.ns = open_ns(pid, "mnt"), .copy = copy, .fd = -1};
	int child;

	if (v.ns < 0)
		return -1;
	child = k_clone(visit_shm, visit_stack + sizeof visit_stack,
			CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &v);
	if (child > 0)
		while (k_wait(child, NULL, 0) < 0 && errno == EINTR)
			;
	k_close(v.ns);
	if (child > 0)
		errno = v.error;
	return v.fd;
}

static int copy_shm(int pid) { return visit(pid, 1); }
static int open_shm(int pid) { return visit(pid, 0); }

/* See registry_borrow. */
static int borrow(const struct group_member *m, int n, unsigned part, int (*lend)(int pid), int *fd)
{
	int denied = 0;

	*fd = -1;
	for (int i = 0; i < n; i++) {
		if (!(m[i].parts & part))
			continue;
		*fd = lend(m[i].pid);
		/* Still the same process after the open, or the pid was used again. */
		if (*fd >= 0 && registry_alive(&m[i]))
			return 0;
		if (*fd < 0 && !registry_gone())
			denied = errno;
		k_drop(fd);
	}
	errno = denied;
	return -!!denied;
}

int registry_borrow(const struct group_member *m, int n, enum group_part part, int *fd)
{
	return borrow(m, n, part, part == GROUP_IPC ? open_ipc : open_shm, fd);
}

/* Without its lock, which who builds a sandbox has for long: half an entry is nobody alive. */
int registry_members(const char *group, struct group_member *to)
{
	int dir = registry_dir(), fd, n;
	char file[80];

	if (dir < 0)
		return -1;
	registry_entry(file, group, "group");
	fd = k_open(dir, file, O_RDONLY | O_NOFOLLOW, 0);
	k_close(dir);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	n = group_read(fd, to);
	k_close(fd);
	return n;
}

int do_GROUP_JOIN(struct walk *w, const struct step *s)
{
	struct group_member m[GROUP_MEMBERS];
	char file[80];
	int dir = registry_dir(), n;

	if (dir < 0)
		return step_failed(w, registry_place());
	registry_entry(file, s->op[2].s, "group");
	w->group_fd = group_lock(dir, file);
	k_close(dir);
	if (w->group_fd < 0)
		return step_error(w);
	n = group_read(w->group_fd, m);
	if (n < 0)
		return step_error(w);
	if (s->op[3].n && borrow(m, n, GROUP_IPC, open_ipc, &w->fd[s->op[0].n]))
		return step_failed(w, PACKED("no living member lets us in"));
	if (s->op[4].n && borrow(m, n, GROUP_SHM, copy_shm, &w->fd[s->op[1].n]))
		return step_failed(w, PACKED("the group's /dev/shm"));
	return 0;
}

int do_GROUP_PUBLISH(struct walk *w, const struct step *s)
{
	struct group_member m[GROUP_MEMBERS + 1];
	int n = group_read(w->group_fd, m);

	if (n < 0)
		return step_error(w);
	if (n >= GROUP_MEMBERS)
		return step_failed_code(w, E2BIG, PACKED("the group has too many members"));
	m[n].pid = w->pid;
	m[n].parts = (unsigned)s->op[1].n;
	if (!process_start(w->pid, &m[n].start) ? group_write(w->group_fd, m, (unsigned)n + 1)
						: !registry_gone())
		return step_error(w);
	w->published = 1;
	k_close(w->group_fd);
	w->group_fd = -1;
	return 0;
}

/* Takes this process and the dead out of a group of the folder. */
static void leave(int dir, const char *name, int pid)
{
	struct group_member m[GROUP_MEMBERS];
	unsigned kept = 0;
	char file[80];
	int fd, n;

	registry_entry(file, name, "group");
	fd = group_lock(dir, file);
	if (fd < 0)
		return;
	n = group_read(fd, m);
	for (int i = 0; i < n; i++)
		if (m[i].pid != pid)
			m[kept++] = m[i];
	if (n < 0)
		;	/* whoever joins next sees who lives */
	else if (!kept)
		k_unlink(dir, file, 0);
	else
		group_write(fd, m, kept);
	k_close(fd);
}

void registry_group_sweep(const char *group)
{
	int dir = registry_dir();

	if (dir < 0)
		return;
	leave(dir, group, -1);
	k_close(dir);
}

void group_leave(struct walk *w)
{
	const char *group = step_text(w->plan, STEP_GROUP_JOIN, 2);
	int dir;

	k_drop(&w->group_fd);
	if (!group || (dir = registry_dir()) < 0)
		return;
	leave(dir, group, w->pid ? w->pid : -1);
	k_close(dir);
	w->published = 0;
}
