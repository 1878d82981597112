/* Steps of the process that becomes the payload: streams, limits, place, exec. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "apply/channel.h"
#include "apply/inside.h"
#include "apply/path.h"
#include "apply/rights.h"
#include "apply/step.h"
#include "base/text.h"
#include "kernel/k.h"

int do_TTY_OPEN(struct walk *w, const struct step *s)
{
	int master = path_open(w, "/dev/pts/ptmx", O_RDWR | O_NOCTTY, 0), slave, unlock = 0;
	struct winsize size;

	if (master < 0)
		return step_failed(w, PACKED("/dev/pts/ptmx"));
	if (k_ioctl(master, TIOCSPTLCK, &unlock))
		return step_failed(w, "unlock");
	slave = k_ioctl(master, TIOCGPTPEER, (void *)(intptr_t)(O_RDWR | O_NOCTTY | O_CLOEXEC));
	if (slave < 0)
		return step_failed(w, PACKED("its other end"));
	if (!k_ioctl(0, TIOCGWINSZ, &size))
		k_ioctl(master, TIOCSWINSZ, &size);
	if (channel_send(w, REC_TTY, 0, 0, "", master))
		return step_failed(w, PACKED("handing it over"));
	k_close(master);
	w->fd[s->op[0].n] = slave;
	return 0;
}

/* Bound by a bare name from within its directory: the way there may have been bent. */
int do_NOTIFY_OPEN(struct walk *w, const struct step *s)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *name;
	int dir = path_parent(w, s->op[0].s, &name), fd, one = 1, failed;

	if (dir < 0)
		return step_failed(w, s->op[0].s);
	text_format(address.sun_path, sizeof address.sun_path, "%s", name);
	fd = k_socket(AF_UNIX, SOCK_DGRAM);
	failed = fd < 0 || k_fchdir(dir) || k_setsockopt(fd, SOL_SOCKET, SO_PASSCRED, one);
	/* Whatever user the payload becomes may write to it. */
	k_umask(0111);
	if (failed || k_bind(fd, (struct sockaddr *)&address, sizeof address) ||
	    channel_send(w, REC_NOTIFY, 0, 0, "", fd))
		failed = step_failed(w, s->op[0].s);
	k_umask(022);
	if (!failed && k_chdir("/"))
		failed = step_failed(w, "/");
	k_close(fd);
	path_leave(w, dir);
	return failed;
}

int do_LISTEN_SET(struct walk *w, const struct step *s)
{
	char *text = (char *)(uintptr_t)s->op[0].p;

	(void)w;
	/* The room behind = is ten digits; sd_listen_fds takes no zeros in front. */
	text_format(strchr(text, '=') + 1, 11, "%d", k_getpid());
	return 0;
}

int do_SESSION_NEW(struct walk *w, const struct step *s)
{
	(void)s;
	return step_done(w, k_setsid() < 0);
}

int do_TTY_TAKE(struct walk *w, const struct step *s)
{
	int fd = w->fd[s->op[0].n];

	if (k_ioctl(fd, TIOCSCTTY, NULL))
		return step_error(w);
	for (int i = 0; i < 3; i++)
		if (k_dup2(fd, i, 0) < 0)
			return step_failed(w, "");
	w->own_tty = 1;
	return 0;
}

int do_CONSOLE_TAKE(struct walk *w, const struct step *s)
{
	(void)s;
	return step_done(w, k_ioctl(0, TIOCSCTTY, (void *)(intptr_t)1));
}

int do_HIDE(struct walk *w, const struct step *s)
{
	(void)s;
	return step_done(w, k_prctl(PR_SET_DUMPABLE_, 0, 0, 0));
}

/* File systems whose files are doors to the kernel: a link in the root could lead
 * there, to the memory of this very process too. */
static int is_door(int fd)
{
	static const uint32_t magics[] = {
		PROC_SUPER_MAGIC_, SYSFS_MAGIC_, CGROUP_MAGIC_, CGROUP2_MAGIC_, NSFS_MAGIC_,
		DEBUGFS_MAGIC_, TRACEFS_MAGIC_, SECURITYFS_MAGIC_, BPF_FS_MAGIC_,
	};
	struct statfs fs;

	if (k_fstatfs(fd, &fs))
		return -1;
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++)
		if ((uint32_t)fs.f_type == magics[i])
			return 1;
	return 0;
}

/* Opened without waiting for the other end of a pipe, and emptied only when known. */
static int open_stream(struct walk *w, const char *path, int number, int kind)
{
	int flags = number ? O_WRONLY : O_RDONLY, fd, door;

	if (number && kind != STDIO_NULL)
		flags |= O_CREAT | (kind == STDIO_APPEND ? O_APPEND : 0);
	fd = path_open(w, path, flags | O_NONBLOCK | O_NOCTTY, 0666);
	if (fd < 0)
		return step_failed(w, path);
	door = is_door(fd);
	if (door > 0) {
		step_failed_code(w, ELOOP, PACKED("leads into a file system of the kernel"));
	} else if (door < 0 || (kind == STDIO_PATH && number && k_truncate(fd)) ||
		   k_fcntl(fd, F_SETFL, flags & O_APPEND)) {
		step_failed(w, path);
	} else {
		return fd;
	}
	k_close(fd);
	return -1;
}

int do_STDIO_SET(struct walk *w, const struct step *s)
{
	int number = (int)s->op[0].n, kind = (int)s->op[2].n;
	int fd = open_stream(w, kind == STDIO_NULL ? "/dev/null" : s->op[1].s, number, kind);

	if (fd < 0)
		return -1;
	return step_close(w, fd, k_dup2(fd, number, 0) < 0);
}

static int not_a_directory(struct walk *w, int fd)
{
	char text[40];
	struct k_stat st;

	if (k_fstat(fd, 3, &st))
		return errno == EBADF ? 0 : step_error(w);
	if (!S_ISDIR(st.mode))
		return 0;
	text_format(text, sizeof text, "descriptor %d is a directory of the host", fd);
	return step_failed_code(w, EISDIR, text);
}

int do_STDIO_CHECK(struct walk *w, const struct step *s)
{
	/* A supervisor that starts it by itself has put a pipe there, and null. */
	int known = w->built && s[-1].kind != STEP_STDIO_SET;

	for (int i = 0; i < 3 && !known; i++)
		if (not_a_directory(w, i))
			return -1;
	for (const struct item *i = w->plan->profile->fds.first; i; i = i->next)
		if (not_a_directory(w, (int)i->a))
			return -1;
	return 0;
}

int do_RLIMIT_SET(struct walk *w, const struct step *s)
{
	/* The change of user left the capability to raise a limit permitted only. */
	if (k_setrlimit((int)s->op[1].n, (uint64_t)s->op[2].n, (uint64_t)s->op[3].n) &&
	    (errno != EPERM || caps_raise() ||
	     k_setrlimit((int)s->op[1].n, (uint64_t)s->op[2].n, (uint64_t)s->op[3].n)))
		return step_error(w);
	return 0;
}

int do_NICE_SET(struct walk *w, const struct step *s)
{
	return step_done(w, k_setpriority((int)s->op[0].n));
}

int do_SCHED_SET(struct walk *w, const struct step *s)
{
	return step_done(w, k_sched_set((int)s->op[0].n, (int)s->op[1].n));
}

int do_IOPRIO_SET(struct walk *w, const struct step *s)
{
	/* IOPRIO_PRIO_VALUE(class, level) of ioprio.h */
	return step_done(w, k_ioprio_set((int)(s->op[0].n << 13 | s->op[1].n)));
}

int do_CPUS_SET(struct walk *w, const struct step *s)
{
	const unsigned char *bytes = s->op[0].p;
	unsigned long mask[1024 / 8 / sizeof(unsigned long)] = {0};
	const unsigned bits = 8 * sizeof *mask;

	/* The kernel's words are long, whatever their byte order. */
	for (unsigned i = 0; i < 1024; i++)
		if (bytes[i / 8] & 1u << i % 8)
			mask[i / bits] |= 1ul << i % bits;
	return step_done(w, k_sched_affinity(mask, sizeof mask));
}

int do_UMASK_SET(struct walk *w, const struct step *s)
{
	(void)w;
	k_umask((unsigned)s->op[0].n);
	return 0;
}

int do_DIR_CHANGE(struct walk *w, const struct step *s)
{
	int fd;

	/* In the host's mount namespace the host's paths are meant; "/" needs no look-up. */
	if (w->root < 0 || !s->op[0].s[1])
		return step_done(w, k_chdir(s->op[0].s));
	fd = path_open(w, s->op[0].s, O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		return step_error(w);
	return step_close(w, fd, k_fchdir(fd));
}

static int keep_fds(struct walk *w, const struct list *keep)
{
	char text[32];

	for (const struct item *i = keep->first; i; i = i->next)
		if (k_fcntl((int)i->a, F_SETFD, 0)) {
			text_format(text, sizeof text, "descriptor %d", (int)i->a);
			return step_failed(w, text);
		}
	return 0;
}

int do_FDS_CLOSE(struct walk *w, const struct step *s)
{
	if (k_close_range_cloexec(3, ~0u))
		return step_error(w);
	return keep_fds(w, s->op[0].p);
}

static int close_listed(int dir)
{
	char buf[4096] __attribute__((aligned(8)));
	long n;

	while ((n = k_getdents(dir, buf, sizeof buf)) > 0)
		for (long at = 0; at < n; at += ((struct k_dirent *)(buf + at))->length) {
			int fd = (int)number_at(((struct k_dirent *)(buf + at))->name);

			if (fd > 2 && k_fcntl(fd, F_SETFD, FD_CLOEXEC))
				return -1;
		}
	return n < 0 ? -1 : 0;
}

int do_FDS_WALK(struct walk *w, const struct step *s)
{
	int dir = k_open(w->proc, "self/fd", O_RDONLY | O_DIRECTORY, 0), failed;

	if (dir < 0) {
		/* An ordinary user's undumpable process may not list itself: try them all. */
		int last = k_open_max();

		/* A limit of the profile is in force already; the caller's may have been larger. */
		for (int fd = 3; fd < last || fd < 1 << 16; fd++)
			if (k_fcntl(fd, F_SETFD, FD_CLOEXEC) && errno != EBADF)
				return step_error(w);
		return keep_fds(w, s->op[0].p);
	}
	failed = close_listed(dir) ? step_error(w) : 0;
	k_close(dir);
	return failed ? -1 : keep_fds(w, s->op[0].p);
}

int do_READY(struct walk *w, const struct step *s)
{
	(void)s;
	/* A change of ids undoes the tie to the parent (prctl(2), PR_SET_PDEATHSIG). */
	if (parent_check(w))
		return -1;
	/* What the caller ignores or blocks would stay so across exec. */
	for (uint64_t set = w->signals; set; set &= set - 1)
		if (k_signal_default(1 + __builtin_ctzll(set)) && errno != EINVAL)
			return step_error(w);
	if (w->built)
		*w->built = 1;
	if ((!w->built && channel_send(w, REC_READY, 0, 0, "", -1)) || k_sigmask(0, NULL))
		return step_error(w);
	return 0;
}

/* Tries the program in every directory of PATH; the best error is the last told. */
static void exec_search(const char *name, char *const *argv, char *const *env)
{
	const char *path = env_find((const char *const *)env, "PATH");
	int denied = 0;

	path += strlen("PATH=");	/* every plan has one */

	errno = ENOENT;
	while (*path) {
		char full[4096];
		size_t n = strcspn(path, ":");

		if (n && n + strlen(name) + 2 <= sizeof full) {
			memcpy(full, path, n);
			full[n] = '/';
			memcpy(full + n + 1, name, strlen(name) + 1);
			k_execve(full, argv, env);
			if (errno == EACCES)
				denied = 1;
			else if (errno != ENOENT && errno != ENOTDIR)
				return;
		}
		path += n + (path[n] == ':');
	}
	errno = denied ? EACCES : ENOENT;
}

int do_EXEC(struct walk *w, const struct step *s)
{
	char *const *argv = (char *const *)s->op[1].p, *const *env = (char *const *)s->op[2].p;

	if (strchr(s->op[0].s, '/'))
		k_execve(s->op[0].s, argv, env);
	else
		exec_search(s->op[0].s, argv, env);
	return step_error(w);
}
