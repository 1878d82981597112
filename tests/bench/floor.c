/*
 * floor.c - the floor under hutch: the system calls that a profile asks for,
 * written down by hand, and nothing else. No parser, no plan, no check, no
 * undo, no verify. hutch can not be faster than this; how much slower it is
 * is the number that the bench watches.
 *
 *	floor ROOTDIR PROG
 *
 * As it stands it does the work of launch.conf; with -DDEFAULTS that of
 * defaults.conf: an init as PID 1, a /dev of its own, and /proc with its
 * dangerous files masked. Keep it equal to these two profiles, in both
 * directions: a call that hutch need not make does not belong here either.
 *
 * It trusts ROOTDIR (paths are plain strings, symbolic links are followed):
 * never use it for anything but measuring.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/* musl toolchains ship no linux/ headers */
#ifndef SYS_close_range
#define SYS_close_range	436
#endif
#define FD_CLOEXEC_ALL	4U		/* CLOSE_RANGE_CLOEXEC */
#define CAP_VERSION_3	0x20080522U	/* _LINUX_CAPABILITY_VERSION_3 */
#ifndef CLONE_NEWNS
#define CLONE_NEWNS	0x00020000
#define CLONE_NEWUTS	0x04000000
#define CLONE_NEWIPC	0x08000000
#define CLONE_NEWPID	0x20000000
#endif
#define NAMESPACES	(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

#define STACK_SIZE	(32 * 1024)

#ifdef DEFAULTS
#define ROOT_PROPAGATION	MS_PRIVATE
/*
 * The init never execs, so this is a plain fork: sharing memory would save
 * some 50 us, but leave a process inside the sandbox that writes to the host
 * side's memory, and a host side that sleeps in clone.
 */
#define CLONE_HOW		SIGCHLD
#else
#define ROOT_PROPAGATION	MS_SLAVE
/* nothing is left to do outside until the exec: the cheapest clone there is */
#define CLONE_HOW		(CLONE_VM | CLONE_VFORK | SIGCHLD)
#endif

#define PROC_FLAGS	(MS_NOSUID | MS_NODEV | MS_NOEXEC)

static char *root, *prog;
static char stack[STACK_SIZE] __attribute__((aligned(16)));

static void fail(const char *what)
{
	dprintf(2, "floor: %s: %s\n", what, strerror(errno));
	_exit(125);
}

/* the call itself is the message */
#define TRY(call)	do { if ((call) < 0) fail(#call); } while (0)

#ifdef DEFAULTS
static const struct {
	const char *path;
	unsigned minor;
} devices[] = {
	{ "dev/null", 3 }, { "dev/zero", 5 }, { "dev/full", 7 },
	{ "dev/random", 8 }, { "dev/urandom", 9 },
};

static const char *const links[][2] = {
	{ "/proc/self/fd", "dev/fd" }, { "/proc/self/fd/0", "dev/stdin" },
	{ "/proc/self/fd/1", "dev/stdout" }, { "/proc/self/fd/2", "dev/stderr" },
	{ "pts/ptmx", "dev/ptmx" },
};

static const char *const readonly[] = {
	"proc/sys", "proc/irq", "proc/bus", "proc/fs", "proc/sysrq-trigger",
};

static const char *const masked[] = {
	"proc/kcore", "proc/keys", "proc/timer_list",
};

#define EACH(i, table)	(size_t i = 0; i < sizeof(table) / sizeof(*table); i++)

static void make_dev(void)
{
	TRY(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755"));
	umask(0);
	for EACH(i, devices)
		TRY(mknod(devices[i].path, S_IFCHR | 0666, makedev(1, devices[i].minor)));
	TRY(mknod("dev/tty", S_IFCHR | 0666, makedev(5, 0)));
	umask(022);
	for EACH(i, links)
		TRY(symlink(links[i][0], links[i][1]));
	TRY(mkdir("dev/pts", 0755));
	TRY(mkdir("dev/shm", 0755));
	TRY(mkdir("dev/mqueue", 0755));
	TRY(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
	    "newinstance,ptmxmode=0666,mode=0620,gid=5"));
	TRY(mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777"));
	TRY(mount("mqueue", "dev/mqueue", "mqueue", PROC_FLAGS, NULL));
}

/*
 * A kernel without one of these files has nothing to protect. This runs before
 * the root is switched, while the host's /dev/null is still there: the one of
 * the sandbox is the payload's to replace.
 */
static void mask_proc(void)
{
	for EACH(i, readonly) {
		if (mount(readonly[i], readonly[i], NULL, MS_BIND, NULL) < 0) {
			if (errno == ENOENT)
				continue;
			fail(readonly[i]);
		}
		TRY(mount(NULL, readonly[i], NULL,
		    MS_REMOUNT | MS_BIND | MS_RDONLY | PROC_FLAGS, NULL));
	}
	for EACH(i, masked) {
		if (mount("/dev/null", masked[i], NULL, MS_BIND, NULL) < 0 &&
		    errno != ENOENT)
			fail(masked[i]);
	}
}
#endif

/*
 * mount(2), because open_tree, mount_setattr and move_mount are one call more
 * and not faster: 1.01 times this in 1000 shuffled rounds on Linux 6.18.
 * Everything is in place before the switch, so that relative paths will do.
 */
static void build_root(void)
{
	TRY(mount(NULL, "/", NULL, MS_REC | ROOT_PROPAGATION, NULL));
	TRY(mount(root, root, NULL, MS_BIND, NULL));
	TRY(mount(NULL, root, NULL,
	    MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL));
	TRY(chdir(root));
	TRY(mount("proc", "proc", "proc", PROC_FLAGS, NULL));
#ifdef DEFAULTS
	make_dev();
	mask_proc();
#else
	TRY(mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"));
#endif
	TRY(syscall(SYS_pivot_root, ".", "."));
	TRY(umount2(".", MNT_DETACH));
}

/*
 * Whoever promises a propagation has to read it back, once, and what is there
 * to be read is the sandbox's own table.
 */
static void read_mountinfo(void)
{
	char buf[4096];
	ssize_t n;
	int fd;

	TRY(fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
	do
		TRY(n = read(fd, buf, sizeof buf));
	while (n > 0);
	close(fd);
}

static void drop_privileges(void)
{
	struct { unsigned version; int pid; } head = { CAP_VERSION_3, 0 };
	struct { unsigned effective, permitted, inheritable; } none[2];
	int cap = 0;

	/* the first number that the kernel refuses is cap_last_cap + 1 */
	while (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0)
		cap++;
	if (errno != EINVAL || cap == 0)
		fail("prctl(PR_CAPBSET_DROP)");
	TRY(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	memset(none, 0, sizeof none);
	TRY(syscall(SYS_capset, &head, none));
	TRY(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static int payload(void *unused)
{
	char *argv[] = { prog, NULL };
	char *envp[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };

	(void)unused;
	TRY(setsid());
	TRY(syscall(SYS_close_range, 3U, ~0U, FD_CLOEXEC_ALL));
	execve(prog, argv, envp);
	fail(prog);
	return 0;
}

static int status_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

#ifdef DEFAULTS
/* PID 1 inside: what it reaps besides the payload is of no interest */
static int init(void)
{
	static char own_stack[STACK_SIZE] __attribute__((aligned(16)));
	pid_t child, pid;
	int status;

	child = clone(payload, own_stack + STACK_SIZE,
	    CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	if (child < 0)
		fail("clone of the payload");
	do
		TRY(pid = waitpid(-1, &status, 0));
	while (pid != child);
	_exit(status_code(status));
}
#endif

static int inside(void *unused)
{
	TRY(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
#ifdef DEFAULTS
	TRY(syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL, 0, 0, 0));
#else
	TRY(sethostname("hutch", 5));
#endif
	build_root();
	read_mountinfo();
	drop_privileges();
#ifdef DEFAULTS
	(void)unused;
	return init();
#else
	return payload(unused);
#endif
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc != 3) {
		dprintf(2, "usage: floor ROOTDIR PROG\n");
		return 2;
	}
	root = argv[1];
	prog = argv[2];
	/* libc's clone: it has a stack of its own right on every architecture */
	pid = clone(inside, stack + STACK_SIZE, NAMESPACES | CLONE_HOW, NULL);
	if (pid < 0)
		fail("clone");
	TRY(waitpid(pid, &status, 0));
	return status_code(status);
}
