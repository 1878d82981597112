/*
 * floor.c - the floors under hutch: the system calls that a profile asks for,
 * written down by hand, and nothing else. No parser, no plan, no check, no
 * undo, no verify. hutch can not be faster than this; how much slower it is
 * is the number that the bench watches.
 *
 *	floor [OPTION...] run ROOTDIR PROG	builds the root, as a first run has to
 *	floor [OPTION...] pin FILE ROOTDIR	builds it once, as a template, kept at FILE
 *	floor [OPTION...] enter FILE PROG	copies that template, as a repeated run may
 *	floor [OPTION...] stay COUNT ROOTDIR PROG	a supervisor: lives in a template, keeps
 *					COUNT copies of it up
 *
 *	-d	the work of defaults.conf, otherwise of launch.conf: an init as PID 1, a
 *		/dev of its own, and /proc with its dangerous files masked
 *	-s	the root is a slave, otherwise private
 *	-n N	so many launches, one after another (run, enter: 1, stay: without an end)
 *	-t	prints the median of the times from clone to exec, in ms; not with -d,
 *		whose clone does not wait
 *
 * Keep it equal to the two profiles, in both directions: a call that hutch need
 * not make does not belong here either.
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
#include <time.h>
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

enum { MOST_TIMES = 65536 };

#define PROC_FLAGS	(MS_NOSUID | MS_NODEV | MS_NOEXEC)

static char *root, *prog;
static int defaults, times, template = -1;
static unsigned long propagation = MS_PRIVATE;
static char stack[STACK_SIZE] __attribute__((aligned(16)));

static void fail(const char *what)
{
	dprintf(2, "floor: %s: %s\n", what, strerror(errno));
	_exit(125);
}

/* the call itself is the message */
#define TRY(call)	do { if ((call) < 0) fail(#call); } while (0)

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

/* A kernel without one of these files has nothing to protect. */
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
		if (mount("dev/null", masked[i], NULL, MS_BIND, NULL) < 0 &&
		    errno != ENOENT)
			fail(masked[i]);
	}
}
/*
 * What each launch makes anew, below the root that is the working directory.
 * mount(2), because open_tree, mount_setattr and move_mount are one call more
 * and not faster: 1.01 times this in 1000 shuffled rounds on Linux 6.18.
 */
static void make_own(void)
{
	TRY(mount("proc", "proc", "proc", PROC_FLAGS, NULL));
	if (defaults) {
		make_dev();
		mask_proc();
	} else {
		TRY(mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755"));
		TRY(mount("mqueue", "dev/mqueue", "mqueue", PROC_FLAGS, NULL));
	}
}

/* What no launch changes; it becomes the working directory. */
static void make_root(void)
{
	TRY(mount(NULL, "/", NULL, MS_REC | propagation, NULL));
	TRY(mount(root, root, NULL, MS_BIND, NULL));
	TRY(mount(NULL, root, NULL,
	    MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL));
	TRY(chdir(root));
}

static void switch_root(void)
{
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

static void prepare(void)
{
	TRY(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
	if (defaults)
		TRY(syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, NULL, 0, 0, 0));
	else
		TRY(sethostname("hutch", 5));
}

static int finish(void)
{
	drop_privileges();
	return defaults ? init() : payload(NULL);
}

/* Everything is in place before the switch, so that relative paths will do. */
static int run(void *unused)
{
	(void)unused;
	prepare();
	make_root();
	make_own();
	switch_root();
	read_mountinfo();
	return finish();
}

/* The template was looked at when it was built. */
static int enter(void *unused)
{
	(void)unused;
	prepare();
	TRY(setns(template, CLONE_NEWNS));
	TRY(unshare(CLONE_NEWNS));
	make_own();
	return finish();
}

/* The clone has copied the template, in which its parent is. */
static int stay(void *unused)
{
	(void)unused;
	prepare();
	make_own();
	return finish();
}

static void make_template(void)
{
	TRY(unshare(CLONE_NEWNS));
	make_root();
	/* there is no /proc in a template */
	read_mountinfo();
	switch_root();
}

static pid_t template_on(int cpu)
{
	cpu_set_t cpus;
	int ready[2];
	pid_t pid;
	char c;

	TRY(pipe(ready));
	TRY(pid = fork());
	if (pid == 0) {
		TRY(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
		CPU_ZERO(&cpus);
		CPU_SET(cpu, &cpus);
		TRY(sched_setaffinity(0, sizeof cpus, &cpus));
		make_template();
		TRY(write(ready[1], "", 1));
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		_exit(125);
	close(ready[0]);
	return pid;
}

/*
 * A namespace can only be kept in one that is older, and below a private mount. From
 * Linux 6.17 each processor counts for itself: the older one may have the higher number.
 * This succeeds only where whatever processor it runs on will do, for hutch's sake.
 */
static void pin(const char *file)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	char path[64];
	pid_t pid;

	close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	for (int cpu = 0; cpu < cpus; cpu++) {
		if (cpu > 0)
			TRY(umount(file));
		pid = template_on(cpu);
		snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)pid);
		TRY(mount(path, file, NULL, MS_BIND, NULL));
		TRY(kill(pid, SIGKILL));
		TRY(waitpid(pid, NULL, 0));
	}
}

static double took[MOST_TIMES];
static long launches;

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/*
 * Nothing is left to do outside until the exec, hence the cheapest clone there
 * is. An init never execs: then it is a plain fork, as sharing memory would
 * leave a process inside the sandbox that writes to the host side's memory.
 * libc's clone: it has a stack of its own right on every architecture.
 */
static pid_t launch(int (*child)(void *), int namespaces)
{
	struct timespec from, to;
	pid_t pid;

	if (times)
		clock_gettime(CLOCK_MONOTONIC, &from);
	pid = clone(child, stack + STACK_SIZE,
	    namespaces | SIGCHLD | (defaults ? 0 : CLONE_VM | CLONE_VFORK), NULL);
	if (pid < 0)
		fail("clone");
	if (times) {
		clock_gettime(CLOCK_MONOTONIC, &to);
		took[launches % MOST_TIMES] = (double)(to.tv_sec - from.tv_sec) * 1e3 +
			(double)(to.tv_nsec - from.tv_nsec) / 1e6;
	}
	launches++;
	return pid;
}

/* Keeps so many up until so many were started (0: without an end), and waits for them. */
static int keep_up(int (*child)(void *), int namespaces, long count, long most)
{
	int status = 0;
	long up;

	for (up = 0; up < count; up++)
		launch(child, namespaces);
	while (up > 0) {
		TRY(waitpid(-1, &status, 0));
		up--;
		if (!most || launches < most) {
			launch(child, namespaces);
			up++;
		}
	}
	if (times) {
		if (launches > MOST_TIMES)
			launches = MOST_TIMES;
		qsort(took, (size_t)launches, sizeof *took, by_value);
		printf("%.4f\n", took[launches / 2]);
	}
	return status_code(status);
}

static int usage(void)
{
	dprintf(2, "usage: floor [-dst] [-n N] run ROOTDIR PROG | pin FILE ROOTDIR |"
	    " enter FILE PROG | stay COUNT ROOTDIR PROG\n");
	return 2;
}

int main(int argc, char **argv)
{
	long most = -1;
	int c;

	while ((c = getopt(argc, argv, "+dstn:")) != -1) {
		switch (c) {
		case 'd': defaults = 1; break;
		case 's': propagation = MS_SLAVE; break;
		case 't': times = 1; break;
		case 'n': most = atol(optarg); break;
		default: return usage();
		}
	}
	argc -= optind;
	argv += optind;
	if (argc < 3)
		return usage();
	prog = argv[argc - 1];
	if (argc == 3 && !strcmp(argv[0], "run")) {
		root = argv[1];
		return keep_up(run, NAMESPACES, 1, most < 0 ? 1 : most);
	}
	if (argc == 3 && !strcmp(argv[0], "pin")) {
		root = argv[2];
		pin(argv[1]);
		return 0;
	}
	if (argc == 3 && !strcmp(argv[0], "enter")) {
		TRY(template = open(argv[1], O_RDONLY | O_CLOEXEC));
		return keep_up(enter, NAMESPACES & ~CLONE_NEWNS, 1, most < 0 ? 1 : most);
	}
	if (argc == 4 && !strcmp(argv[0], "stay")) {
		root = argv[2];
		make_template();
		return keep_up(stay, NAMESPACES, atol(argv[1]), most < 0 ? 0 : most);
	}
	return usage();
}
