/*
 * supervise.c - one question to one supervisor: starts it as PID 1 of throw-away
 * namespaces in a root of its own, does something to its services, looks, and
 * kills it all.
 *
 *	supervise [options] QUESTION ROOT PROGRAM [ARGUMENT...]
 *
 *	restart	kills the payload -n times, each when it has run for -u ms
 *	up	how long until -n services run
 *	memory	of all supervision processes with -n services
 *	idle	wake-ups of the same in -t seconds
 *	squeeze	nothing can be forked for -t seconds after a payload was killed
 *	crash	-n services that end at once for -t seconds, then no more
 *	churn	as restart, and looks at descriptors and memory before and after
 *
 *	-n count  -u ms  -t seconds  -w seconds to wait for anything at most
 *	-c folder of a pids cgroup, for squeeze
 *
 * The answer is lines of "key value" on standard output; times are ms, memory is
 * KiB. A question that could not be answered ends with 1 and says why.
 *
 * ROOT is prepared by supervise.sh: it has usr, the payload as /stamp/run and in
 * /box/stamp/run (for sandboxes whose root is /box), and what the supervisor reads.
 * The supervision processes are those below PID 1 that are not the payload.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stamp.h"

enum { MAX_TREE = 4096, SETTLE = 1500, WARM = 10 };

static struct {
	int count, uptime, secs, limit;
	const char *cgroup, *root;
} opt = { .count = 1, .uptime = 5, .secs = 10, .limit = 10 };

static int sock;
static pid_t init = -1;
static volatile uint64_t *started;	/* ns, shared with the child until its exec */

static void die(const char *format, ...)
{
	va_list args;

	if (init > 0)
		kill(init, SIGKILL);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static double ms(uint64_t from, uint64_t to)
{
	return (double)(int64_t)(to - from) / 1e6;
}

static void say(const char *key, double value)
{
	printf("%s %.6g\n", key, value);
}

/* dir/name; a few of them live at a time */
static const char *path(const char *dir, const char *name)
{
	static char text[4][4096];
	static unsigned n;
	char *to = text[n++ % 4];

	if (snprintf(to, sizeof text[0], "%s/%s", dir, name) >= (int)sizeof text[0])
		die("%s: too long", dir);
	return to;
}

static void sleep_ms(int t)
{
	poll(NULL, 0, t);
}

/* ---- the payload's side */

static void open_socket(void)
{
	const char *at = path(opt.root, STAMP_SOCKET), *box;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int on = 1;

	/* a socket's path is short: by way of the root as working directory */
	if (chdir(opt.root) < 0)
		die("%s: %s", opt.root, strerror(errno));
	strcpy(a.sun_path, &STAMP_SOCKET[1]);
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || bind(sock, (struct sockaddr *)&a, sizeof a) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
		die("%s: %s", at, strerror(errno));
	chmod(at, 0666);
	box = path(opt.root, "box" STAMP_SOCKET);
	if (link(at, box) < 0)
		die("%s: %s", box, strerror(errno));
}

/* 0: none until then. The process id is the one that this process sees. */
static pid_t next_stamp(struct stamp *stamp, uint64_t until)
{
	union { char room[CMSG_SPACE(sizeof(struct ucred))]; struct cmsghdr align; } control;
	struct iovec data = { stamp, sizeof *stamp };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1 };
	struct pollfd p = { .fd = sock, .events = POLLIN };
	struct cmsghdr *c;
	struct ucred who;
	int64_t left;

	for (;;) {
		left = (int64_t)(until - now_ns()) / 1000000 + 1;
		if (poll(&p, 1, left > 0 ? (int)left : 0) == 0)
			return 0;
		m.msg_control = &control;
		m.msg_controllen = sizeof control;
		if (recvmsg(sock, &m, MSG_DONTWAIT) != (ssize_t)sizeof *stamp)
			continue;
		c = CMSG_FIRSTHDR(&m);
		if (!c || c->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&who, CMSG_DATA(c), sizeof who);
		return who.pid;
	}
}

static uint64_t in_seconds(int secs)
{
	return now_ns() + (uint64_t)secs * 1000000000;
}

/* The last one's start, ms after the supervisor's own exec; pid: of the last one. */
static double wait_up(pid_t *pid)
{
	const uint64_t until = in_seconds(opt.limit);
	struct stamp stamp;
	uint64_t last = 0;
	int i;

	for (i = 0; i < opt.count; i++) {
		*pid = next_stamp(&stamp, until);
		if (!*pid)
			die("%d of %d services came up within %d s", i, opt.count, opt.limit);
		if (stamp.ns > last)
			last = stamp.ns;
	}
	return ms(*started, last);
}

static void set_crash(int on)
{
	const char *at[2] = { path(opt.root, STAMP_CRASH), path(opt.root, "box" STAMP_CRASH) };
	int i, fd;

	for (i = 0; i < 2; i++) {
		if (!on) {
			unlink(at[i]);
			continue;
		}
		fd = open(at[i], O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0)
			die("%s: %s", at[i], strerror(errno));
		close(fd);
	}
}

/* ---- the supervisor's side */

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

static void write_file(const char *at, const char *text)
{
	int fd = open(at, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("%s: %s", at, strerror(errno));
	close(fd);
}

static void start(char **argv)
{
	const unsigned long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
		CLONE_NEWNET | SIGCHLD;
	char text[16];
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
	if (opt.cgroup) {
		snprintf(text, sizeof text, "%d", init);
		write_file(path(opt.cgroup, "cgroup.procs"), text);
	}
	/* the child has made its root by then: that is no part of any time */
	sleep_ms(50);
	if (write(go[1], "", 1) != 1)
		die("%s", strerror(errno));
}

/* ---- what is looked at */

struct process {
	pid_t pid, parent;
	int below, payload;
	double ticks;			/* ms, with the children that it waited for */
};

static struct process tree[MAX_TREE];
static int ntree;

static long read_text(const char *at, char *to, size_t size)
{
	int fd = open(at, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t r = -1;

	if (fd >= 0) {
		while (n < size - 1 && (r = read(fd, to + n, size - 1 - n)) > 0)
			n += (size_t)r;
		close(fd);
	}
	to[n] = '\0';
	return r < 0 ? -1 : (long)n;
}

static const char *proc(pid_t pid, const char *name)
{
	static char text[3][64];
	static unsigned n;
	char *to = text[n++ % 3];

	snprintf(to, sizeof text[0], "/proc/%d/%s", (int)pid, name);
	return to;
}

static int is_payload(pid_t pid)
{
	struct stat a, b;

	return stat(path(opt.root, "stamp/run"), &a) == 0 && stat(proc(pid, "exe"), &b) == 0 &&
		a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static void read_process(struct process *p)
{
	unsigned long t[4] = { 0 };
	char text[1024], *at;
	int parent = 0;

	if (read_text(proc(p->pid, "stat"), text, sizeof text) > 0 && (at = strrchr(text, ')')))
		sscanf(at + 2, "%*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %lu %lu",
		       &parent, &t[0], &t[1], &t[2], &t[3]);
	p->parent = parent;
	p->ticks = (double)(t[0] + t[1] + t[2] + t[3]) * 1e3 / (double)sysconf(_SC_CLK_TCK);
}

/* Fills the table with PID 1 of the namespace and everything below. */
static void look(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int i, j, more;

	ntree = 0;
	while (d && (e = readdir(d)) && ntree < MAX_TREE) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		tree[ntree].pid = atoi(e->d_name);
		read_process(&tree[ntree]);
		tree[ntree].below = tree[ntree].pid == init;
		ntree++;
	}
	if (d)
		closedir(d);
	for (more = 1; more;)
		for (more = i = 0; i < ntree; i++)
			for (j = 0; !tree[i].below && j < ntree; j++)
				if (tree[j].below && tree[j].pid == tree[i].parent)
					more = tree[i].below = 1;
	for (i = j = 0; i < ntree; i++)
		if (tree[i].below) {
			tree[j] = tree[i];
			tree[j].payload = is_payload(tree[j].pid);
			j++;
		}
	ntree = j;
}

/* A number after "key:" in a file of /proc/PID; 0 when it is not there. */
static double field(pid_t pid, const char *file, const char *key)
{
	static char text[65536];
	const char *at;

	if (read_text(proc(pid, file), text, sizeof text) <= 0)
		return 0;
	at = strstr(text, key);
	return at ? strtod(at + strlen(key), NULL) : 0;
}

static int descriptors(pid_t pid)
{
	DIR *d = opendir(proc(pid, "fd"));
	int n = -2;

	if (!d)
		return 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Sums over the supervision processes. */
struct sums {
	int processes, descriptors;
	double pss, rss, wakeups, own;	/* own: CPU ms of those that still live */
	double rss1, private1;		/* of PID 1 */
	double tree;			/* CPU ms of everything, in the clock's ticks */
};

static double own_cpu(pid_t pid)
{
	char text[128];

	return read_text(proc(pid, "schedstat"), text, sizeof text) > 0 ? strtod(text, NULL) / 1e6 : 0;
}

static double private_memory(pid_t pid)
{
	return field(pid, "smaps_rollup", "Private_Clean:") + field(pid, "smaps_rollup", "Private_Dirty:");
}

static struct sums sum(void)
{
	struct sums s = { 0 };
	int i;

	look();
	for (i = 0; i < ntree; i++) {
		s.tree += tree[i].ticks;
		if (tree[i].payload)
			continue;
		s.processes++;
		s.descriptors += descriptors(tree[i].pid);
		s.pss += field(tree[i].pid, "smaps_rollup", "Pss:");
		s.rss += field(tree[i].pid, "smaps_rollup", "Rss:");
		s.wakeups += field(tree[i].pid, "status", "\nvoluntary_ctxt_switches:");
		s.own += own_cpu(tree[i].pid);
	}
	s.rss1 = field(init, "smaps_rollup", "Rss:");
	s.private1 = private_memory(init);
	return s;
}

/* ---- the questions */

/* Kills the payload over and over; tells each time if asked to. The number of kills. */
static int kill_often(pid_t pid, int n, int tell)
{
	const uint64_t end = in_seconds(opt.limit);
	struct stamp stamp;
	uint64_t killed;
	int i;

	for (i = 0; i < n && now_ns() < end; i++) {
		sleep_ms(opt.uptime);
		killed = now_ns();
		if (kill(pid, SIGKILL) < 0)
			die("kill: %s", strerror(errno));
		pid = next_stamp(&stamp, in_seconds(opt.limit));
		if (!pid)
			die("not back within %d s (after %d restarts)", opt.limit, i);
		if (tell)
			say("ms", ms(killed, stamp.ns));
	}
	return i;
}

static int child_of(pid_t pid)
{
	int i;

	for (i = 0; i < ntree; i++)
		if (tree[i].pid == pid)
			return tree[i].payload;
	return 0;
}

static void restart(void)
{
	const int n = opt.count;
	pid_t pid;

	opt.count = 1;
	wait_up(&pid);
	sum();
	if (!child_of(pid))
		die("the payload is not below PID 1");
	kill_often(pid, n, 1);
}

static void churn(void)
{
	const int n = opt.count;
	struct sums before, after;
	struct stamp stamp;
	uint64_t began;
	pid_t pid;
	int done;

	opt.count = 1;
	wait_up(&pid);
	/* what a first few restarts touch for the first time is no leak */
	sleep_ms(SETTLE);
	for (done = 0; done < WARM && done < n; done++) {
		sleep_ms(opt.uptime);
		kill(pid, SIGKILL);
		pid = next_stamp(&stamp, in_seconds(opt.limit));
		if (!pid)
			die("not back within %d s", opt.limit);
		if (opt.uptime > 500 && done == 1)
			break;
	}
	sleep_ms(SETTLE);
	before = sum();
	began = now_ns();
	done = kill_often(pid, n, 0);
	say("restarts", done);
	say("seconds", ms(began, now_ns()) / 1e3);
	sleep_ms(SETTLE);
	after = sum();
	say("fds-before", before.descriptors);
	say("fds-after", after.descriptors);
	say("rss-before", before.rss);
	say("rss-after", after.rss);
	say("processes", after.processes - before.processes);
}

static void up(void)
{
	pid_t pid;

	say("ms", wait_up(&pid));
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void memory(void)
{
	static double each[MAX_TREE];
	struct sums s;
	pid_t pid;
	int i, n = 0;

	wait_up(&pid);
	sleep_ms(SETTLE);
	s = sum();
	say("processes", s.processes);
	say("pss", s.pss);
	say("rss", s.rss);
	say("rss1", s.rss1);
	say("private1", s.private1);
	for (i = 0; i < ntree; i++)
		if (!tree[i].payload && tree[i].pid != init)
			each[n++] = private_memory(tree[i].pid);
	if (n > 0) {
		qsort(each, (size_t)n, sizeof each[0], by_value);
		say("private", each[n / 2]);
		say("private-max", each[n - 1]);
	}
}

static void idle(void)
{
	struct sums a, b;
	pid_t pid;

	wait_up(&pid);
	sleep_ms(2 * SETTLE);
	a = sum();
	sleep_ms(opt.secs * 1000);
	b = sum();
	say("wakeups", (b.wakeups - a.wakeups) * 60 / opt.secs);
	say("cpu", (b.own - a.own) * 60 / opt.secs);
}

/* How often the group's limit said no. */
static double refused(void)
{
	char text[256];

	if (read_text(path(opt.cgroup, "pids.events"), text, sizeof text) <= 0 || strncmp(text, "max ", 4) != 0)
		return -1;
	return strtod(text + 4, NULL);
}

static void squeeze(void)
{
	struct sums a, b;
	struct stamp stamp;
	uint64_t lifted;
	pid_t pid;

	if (!opt.cgroup)
		die("wants a pids cgroup");
	wait_up(&pid);
	sleep_ms(SETTLE);
	a = sum();
	write_file(path(opt.cgroup, "pids.max"), "1");
	kill(pid, SIGKILL);
	if (next_stamp(&stamp, in_seconds(opt.secs)))
		die("restarted in a full process table: the limit does not hold here");
	b = sum();
	say("cpu", b.own - a.own);
	if (refused() >= 0)
		say("attempts", refused());
	write_file(path(opt.cgroup, "pids.max"), "max");
	lifted = now_ns();
	if (next_stamp(&stamp, in_seconds(opt.limit)))
		say("back", ms(lifted, stamp.ns));
	else
		printf("back never\nwaited %d\n", opt.limit);
}

static void crash(void)
{
	uint64_t end, healed = 0;
	struct stamp stamp;
	struct sums s;
	int execs = 0, staying = 0;

	end = in_seconds(opt.secs);
	while (next_stamp(&stamp, end))
		execs++;
	s = sum();
	say("execs", execs);
	say("cpu", s.own);
	say("cpu-all", s.tree);
	set_crash(0);
	end = now_ns();
	while (staying < opt.count && next_stamp(&stamp, end + (uint64_t)opt.limit * 1000000000))
		if (stamp.stays) {
			staying++;
			healed = stamp.ns;
		}
	say("healed", staying);
	if (staying == opt.count)
		say("heal", ms(end, healed));
	else
		printf("heal never\nwaited %d\n", opt.limit);
}

static const struct { const char *name; void (*ask)(void); } questions[] = {
	{ "restart", restart }, { "up", up }, { "memory", memory }, { "idle", idle },
	{ "squeeze", squeeze }, { "crash", crash }, { "churn", churn },
};

int main(int argc, char **argv)
{
	unsigned i;
	int c, status;

	while ((c = getopt(argc, argv, "+n:u:t:w:c:")) != -1) {
		switch (c) {
		case 'n': opt.count = atoi(optarg); break;
		case 'u': opt.uptime = atoi(optarg); break;
		case 't': opt.secs = atoi(optarg); break;
		case 'w': opt.limit = atoi(optarg); break;
		case 'c': opt.cgroup = optarg; break;
		default: return 2;
		}
	}
	if (argc - optind < 3)
		die("usage: supervise [-n count] [-u ms] [-t s] [-w s] [-c cgroup] QUESTION ROOT PROGRAM...");
	for (i = 0; i < sizeof questions / sizeof questions[0]; i++)
		if (strcmp(argv[optind], questions[i].name) == 0)
			break;
	if (i == sizeof questions / sizeof questions[0])
		die("%s: no such question", argv[optind]);
	opt.root = argv[optind + 1];
	signal(SIGPIPE, SIG_IGN);
	open_socket();
	if (questions[i].ask == crash)
		set_crash(1);
	start(&argv[optind + 2]);
	questions[i].ask();
	kill(init, SIGKILL);
	waitpid(init, &status, 0);
	return fflush(stdout) != 0;
}
