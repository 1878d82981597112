/*
 * A machine without a machine: runs an init as PID 1 of its own PID, mount, UTS, IPC and
 * network namespace, in a root of its own, with a pty as its console. reboot(2) ends
 * the namespace, and how is written down; so is an init that exits, which would be a panic.
 *
 *   machine ROOT DIR [OPTION]... INIT [ARG]...
 *   machine stamp FILE         as a service: writes when it began to run, in the same clock
 *
 * ROOT is a prepared directory, which becomes the machine's root. DIR gets the files
 *   pid      of the init, as it is seen from here
 *   start    CLOCK_MONOTONIC in nanoseconds just before it was executed
 *   console  whatever came out of the console; what is written to the FIFO
 *   typed    goes into it
 *   end      "exit N", or "signal N": 1 for a restart, 2 for halt and power off
 *
 * Options: closed (descriptors 0 to 2 are), readonly (the root is), noproc (no /proc can be
 * mounted), cmdline=FILE (over /proc/cmdline, with /proc mounted before), noconsole,
 * rig (all file systems are mounted, and the nodes made), dev=empty, dev=none (the directory as it is), run=full, run=noexec, loops (/dev has the
 * kernel's loop devices), chroot (the root is no mount's, and cannot be pivoted away from).
 * Signals: USR1 stops reading the console, USR2 takes it away, HUP reads it again.
 *
 * It must not share code with hutch: it is the witness.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const char *root, *dir;
static int rig, closed, readonly, noproc, noconsole, full_run, noexec_run, loops, only_chroot;
static const char *cmdline, *dev = "console";
static char slave[64];
static volatile sig_atomic_t paused, taken;

static void die(const char *what)
{
	fprintf(stderr, "machine: %s: %s\n", what, strerror(errno));
	exit(99);
}

static const char *at(const char *base, const char *path)
{
	static char full[4][4200];
	static int next;
	char *to = full[next++ & 3];

	snprintf(to, sizeof full[0], "%s/%s", base, path);
	return to;
}

/* Whole or not at all: who waits for the file reads all of it. */
static void put(const char *name, const char *text)
{
	char new[4200];
	int fd;

	snprintf(new, sizeof new, "%s/%s.new", dir, name);
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) < 0 || rename(new, at(dir, name)))
		die(name);
	close(fd);
}

static void must_mount(const char *source, const char *target, const char *type, unsigned long flags,
		       const char *data)
{
	if (mount(source, target, type, flags, data))
		die(target);
}

static void fill(const char *path)
{
	static const char zero[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	while (write(fd, zero, sizeof zero) > 0)
		;
	close(fd);
}

static void make_dev(void)
{
	const char *path = at(root, "dev");

	if (!strcmp(dev, "none"))
		return;
	must_mount("dev", path, "tmpfs", MS_NOSUID, "mode=0755");
	if (!strcmp(dev, "empty") || noconsole)
		return;
	close(open(at(root, "dev/console"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	must_mount(slave, at(root, "dev/console"), NULL, MS_BIND, NULL);
}

static void make_loops(void)
{
	char name[32];

	mknod(at(root, "dev/loop-control"), S_IFCHR | 0600, makedev(10, 237));
	for (unsigned i = 0; i < 64; i++) {
		snprintf(name, sizeof name, "dev/loop%u", i);
		mknod(at(root, name), S_IFBLK | 0600, makedev(7, i));
	}
}

/* As others have measured inits: nothing is left to mount. */
static void make_rig(void)
{
	static const struct { const char *name; int minor; } nodes[] = {
		{"dev/null", 3}, {"dev/zero", 5}, {"dev/full", 7}, {"dev/random", 8}, {"dev/urandom", 9},
	};

	must_mount("proc", at(root, "proc"), "proc", 0, NULL);
	must_mount("sys", at(root, "sys"), "sysfs", 0, NULL);
	must_mount("run", at(root, "run"), "tmpfs", 0, NULL);
	mkdir(at(root, "dev/pts"), 0755);
	mkdir(at(root, "dev/shm"), 0755);
	must_mount("pts", at(root, "dev/pts"), "devpts", 0, NULL);
	must_mount("shm", at(root, "dev/shm"), "tmpfs", 0, NULL);
	for (unsigned i = 0; i < sizeof nodes / sizeof *nodes; i++)
		mknod(at(root, nodes[i].name), S_IFCHR | 0666, makedev(1, nodes[i].minor));
}

static void make_root(void)
{
	must_mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL);
	if (!only_chroot)
		must_mount(root, root, NULL, MS_BIND | MS_REC, NULL);
	make_dev();
	if (rig)
		make_rig();
	if (loops)
		make_loops();
	if (noproc) {
		rmdir(at(root, "proc"));
		close(open(at(root, "proc"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	}
	if (cmdline) {
		must_mount("proc", at(root, "proc"), "proc", 0, NULL);
		must_mount(cmdline, at(root, "proc/cmdline"), NULL, MS_BIND, NULL);
	}
	if (full_run || noexec_run)
		must_mount("run", at(root, "run"), "tmpfs", noexec_run ? MS_NOEXEC : 0, "size=16k");
	if (full_run)
		fill(at(root, "run/full"));
	if (readonly)
		must_mount(NULL, root, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL);
	if (only_chroot && !chroot(root) && !chdir("/"))
		return;
	if (chdir(root) || syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
		die("pivot_root");
}

static int write_time(int fd)
{
	struct timespec t;
	char text[32];

	clock_gettime(CLOCK_MONOTONIC, &t);
	snprintf(text, sizeof text, "%lld\n", t.tv_sec * 1000000000LL + t.tv_nsec);
	return write(fd, text, strlen(text)) < 0;
}

struct start {
	char **argv;
	int start;	/* file to write the time to */
	int *go;	/* pipe: the parent has noted the pid */
};

static int child(void *argument)
{
	static char *const env[] = {"HOME=/", "TERM=linux", "PATH=/bin:/sbin", NULL};
	struct start *s = argument;
	char text[4];
	int fd;

	make_root();
	close(s->go[1]);
	if (read(s->go[0], text, 1) < 0)
		die("go");
	sethostname("none", 4);
	/* As the kernel does it: the console, or nothing. */
	fd = closed || noconsole ? -1 : open("/dev/console", O_RDWR | O_NOCTTY);
	for (int i = 0; i < 3; i++)
		if (fd < 0)
			close(i);
		else
			dup2(fd, i);
	/* Whatever else is open is the test's own. */
	fcntl(s->start, F_SETFD, FD_CLOEXEC);
	for (int i = 3; i < 64; i++)
		if (i != s->start)
			close(i);
	for (int i = 1; i < 65; i++)
		signal(i, SIG_DFL);
	if (write_time(s->start))
		return 98;
	execve(s->argv[0], s->argv, env);
	return 97;
}

static int stamp(const char *file)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write_time(fd))
		return 1;
	close(fd);
	for (;;)
		pause();
}

static void on_signal(int number)
{
	if (number == SIGUSR1)
		paused = 1;
	else if (number == SIGHUP)
		paused = 0;
	else if (number == SIGUSR2)
		taken = 1;
}

static void copy(int from, int to)
{
	char text[4096];
	long n = read(from, text, sizeof text);

	if (n > 0 && write(to, text, (size_t)n) < 0)
		die("copy");
}

static int option(const char *word)
{
	if (!strcmp(word, "closed"))
		closed = 1;
	else if (!strcmp(word, "readonly"))
		readonly = 1;
	else if (!strcmp(word, "rig"))
		rig = 1;
	else if (!strcmp(word, "noproc"))
		noproc = 1;
	else if (!strcmp(word, "noconsole"))
		noconsole = 1;
	else if (!strcmp(word, "loops"))
		loops = 1;
	else if (!strcmp(word, "chroot"))
		only_chroot = 1;
	else if (!strcmp(word, "run=full"))
		full_run = 1;
	else if (!strcmp(word, "run=noexec"))
		noexec_run = 1;
	else if (!strncmp(word, "dev=", 4))
		dev = word + 4;
	else if (!strncmp(word, "cmdline=", 8))
		cmdline = word + 8;
	else
		return 0;
	return 1;
}

static void finish(int status)
{
	char text[32];

	if (WIFSIGNALED(status))
		snprintf(text, sizeof text, "signal %d\n", WTERMSIG(status));
	else
		snprintf(text, sizeof text, "exit %d\n", WEXITSTATUS(status));
	put("end", text);
}

int main(int argc, char **argv)
{
	static char stack[64 << 10] __attribute__((aligned(16)));
	struct sigaction action = {.sa_handler = on_signal};
	int master, console, typed, go[2], i = 3, pid, status, number, unlock = 0;
	struct start start;
	char text[32];

	if (argc == 3 && !strcmp(argv[1], "stamp"))
		return stamp(argv[2]);
	if (argc < 4)
		return 2;
	root = argv[1];
	dir = argv[2];
	while (i < argc && option(argv[i]))
		i++;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) || ioctl(master, TIOCGPTN, &number))
		die("ptmx");
	snprintf(slave, sizeof slave, "/dev/pts/%d", number);
	console = open(at(dir, "console"), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
	typed = open(at(dir, "typed"), O_RDWR | O_NONBLOCK | O_CLOEXEC);
	start.start = open(at(dir, "start"), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	start.argv = argv + i;
	if (console < 0 || typed < 0 || start.start < 0 || pipe2(go, O_CLOEXEC))
		die(dir);
	start.go = go;
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	pid = clone(child, stack + sizeof stack,
		    CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | SIGCHLD, &start);
	if (pid < 0)
		die("clone");
	snprintf(text, sizeof text, "%d\n", pid);
	put("pid", text);
	close(go[1]);
	while (!waitpid(pid, &status, WNOHANG)) {
		struct pollfd fds[2] = {{typed, POLLIN, 0}, {paused || master < 0 ? -1 : master, POLLIN, 0}};

		poll(fds, 2, 20);
		if (taken && master >= 0) {
			close(master);
			master = -1;
		}
		if (fds[0].revents & POLLIN && master >= 0)
			copy(typed, master);
		if (fds[1].revents & POLLIN && master >= 0)
			copy(master, console);
		/* Nobody has the console open: a hangup that comes again and again. */
		if (fds[1].revents == POLLHUP)
			poll(NULL, 0, 5);
	}
	while (master >= 0 && !paused && poll(&(struct pollfd){master, POLLIN, 0}, 1, 0) == 1) {
		char rest[4096];
		long n = read(master, rest, sizeof rest);

		if (n <= 0 || write(console, rest, (size_t)n) < 0)
			break;
	}
	finish(status);
	return 0;
}
