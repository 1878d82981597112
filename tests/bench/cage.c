/*
 * cage.c - part of supervise.c: the throw-away machine of a supervisor.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "supervise.h"

volatile uint64_t *started;	/* shared with the child until its exec */

static void must(int r, const char *what)
{
	if (r < 0)
		die("the throw-away root: %s: %s", what, strerror(errno));
}

static void make_dev(void)
{
	static const struct { const char *name; unsigned minor; } nodes[] = {
		{ "null", 3 }, { "zero", 5 }, { "full", 7 }, { "random", 8 }, { "urandom", 9 },
		/* nothing here may write to the machine's console */
		{ "console", 3 }, { "tty", 3 }, { "tty1", 3 }, { "kmsg", 3 },
	};
	unsigned i;

	must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755"), "dev");
	for (i = 0; i < sizeof nodes / sizeof nodes[0]; i++) {
		must(mknod(path("dev", nodes[i].name), S_IFCHR | 0666, makedev(1, nodes[i].minor)), "mknod");
		chmod(path("dev", nodes[i].name), 0666);
	}
}

static void enter_root(void)
{
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
	must(mount(opt.root, opt.root, NULL, MS_BIND, NULL), "bind");
	must(chdir(opt.root), "chdir");
	must(mount("/usr", "usr", NULL, MS_BIND, NULL), "usr");
	must(mount(NULL, "usr", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "usr read-only");
	must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "proc");
	/* some set up the machine at boot: it is not theirs */
	must(mount("proc/sys", "proc/sys", NULL, MS_BIND, NULL), "proc/sys");
	must(mount(NULL, "proc/sys", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "proc/sys read-only");
	if (access("usr/lib/sysctl.d", F_OK) == 0)
		must(mount("tmpfs", "usr/lib/sysctl.d", "tmpfs", MS_RDONLY, NULL), "sysctl.d");
	must(mount("tmpfs", "run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"), "run");
	must(mount("tmpfs", "sys", "tmpfs", MS_RDONLY, "mode=755"), "sys");
	make_dev();
	must((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount");
	must(chdir("/"), "chdir");
}

static void run_child(int go, char **argv)
{
	static char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "TERM=linux", NULL };
	char c;
	int fd;

	init = -1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	umask(022);
	enter_root();
	must(setsid(), "setsid");
	fd = open("/dev/null", O_RDWR);
	must(dup2(fd, 0), "null");
	fd = open("/out", O_WRONLY | O_CREAT | O_APPEND, 0644);
	must(dup2(fd, 1), "out");
	if (read(go, &c, 1) != 1)
		_exit(1);
	dup2(fd, 2);
	syscall(SYS_close_range, 3U, ~0U, 0);
	*started = now_ns();
	execve(argv[0], argv, env);
	_exit(127);
}

static void join(const char *group)
{
	char text[16];

	if (!group)
		return;
	snprintf(text, sizeof text, "%d", init);
	write_file(path(group, "cgroup.procs"), text);
}

void start(char **argv)
{
	const unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
		CLONE_NEWNET | SIGCHLD;
	int go[2];

	started = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (started == MAP_FAILED || pipe2(go, O_CLOEXEC) < 0)
		die("%s", strerror(errno));
	fflush(stdout);
	init = (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
	if (init < 0)
		die("namespaces: %s", strerror(errno));
	if (init == 0)
		run_child(go[0], argv);
	join(opt.pids);
	join(opt.cpu);
	/* the child has made its root by then: that is no part of any time */
	sleep_ms(50);
	if (write(go[1], "", 1) != 1)
		die("%s", strerror(errno));
}
