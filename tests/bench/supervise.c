/*
 * supervise.c - one question to one supervisor: starts it as PID 1 of throw-away
 * namespaces in a root of its own, does something to its services, looks, and
 * kills it all.
 *
 *	supervise [option...] QUESTION ROOT PROGRAM [ARGUMENT...]
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
 *	-p and -a: folders of a cgroup that limits processes, and of one that accounts CPU
 *
 * The answer is lines of "key value" on standard output; times are ms, memory is
 * KiB. A question that could not be answered ends with 1 and says why.
 *
 * ROOT is prepared by supervise.sh: it has usr, the payload as /stamp/run and in
 * /box/stamp/run (for sandboxes whose root is /box), and what the supervisor reads.
 * The supervision processes are those below PID 1 that are not the payload.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stamp.h"
#include "supervise.h"

enum { SETTLE = 1500, WARM = 300 };	/* ms; restarts: rings are full by then */

struct options opt = { .count = 1, .uptime = 5, .secs = 10, .limit = 10 };

static int sock;

const char *path(const char *dir, const char *name)
{
	static char text[4][4096];
	static unsigned n;
	char *to = text[n++ % 4];

	if (snprintf(to, sizeof text[0], "%s/%s", dir, name) >= (int)sizeof text[0])
		die("%s: too long", dir);
	return to;
}

void sleep_ms(int t)
{
	poll(NULL, 0, t);
}

long read_text(const char *at, char *to, size_t size)
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

void write_file(const char *at, const char *text)
{
	int fd = open(at, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("%s: %s", at, strerror(errno));
	close(fd);
}

static double ms(uint64_t from, uint64_t to)
{
	return (double)(int64_t)(to - from) / 1e6;
}

static void say(const char *key, double value)
{
	printf("%s %.6g\n", key, value);
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

static int is_below(pid_t pid)
{
	int i;

	look();
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
	if (!is_below(pid))
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
		if (opt.uptime > 500 && done == 2)
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
	say("fds", before.descriptors);
	say("fds-more", after.descriptors - before.descriptors);
	say("rss", before.rss);
	say("rss-more", after.rss - before.rss);
	say("processes-more", after.processes - before.processes);
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

	if (read_text(path(opt.pids, "pids.events"), text, sizeof text) <= 0 || strncmp(text, "max ", 4) != 0)
		return -1;
	return strtod(text + 4, NULL);
}

static void squeeze(void)
{
	struct sums a, b;
	struct stamp stamp;
	uint64_t lifted;
	pid_t pid;

	if (!opt.pids)
		die("wants a pids cgroup");
	wait_up(&pid);
	sleep_ms(SETTLE);
	a = sum();
	write_file(path(opt.pids, "pids.max"), "1");
	kill(pid, SIGKILL);
	if (next_stamp(&stamp, in_seconds(opt.secs)))
		die("restarted in a full process table: the limit does not hold here");
	b = sum();
	say("cpu", b.cpu >= 0 ? b.cpu - a.cpu : b.own - a.own);
	if (refused() >= 0)
		say("attempts", refused());
	write_file(path(opt.pids, "pids.max"), "max");
	lifted = now_ns();
	if (next_stamp(&stamp, in_seconds(opt.limit)))
		say("back", ms(lifted, stamp.ns));
	else
		printf("back >%d000\n", opt.limit);
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
	if (s.cpu >= 0)
		say("cpu-all", s.cpu);
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
		printf("heal >%d000\n", opt.limit);
}

static const struct { const char *name; void (*ask)(void); } questions[] = {
	{ "restart", restart }, { "up", up }, { "memory", memory }, { "idle", idle },
	{ "squeeze", squeeze }, { "crash", crash }, { "churn", churn },
};

int main(int argc, char **argv)
{
	unsigned i;
	int c, status;

	while ((c = getopt(argc, argv, "+n:u:t:w:p:a:")) != -1) {
		switch (c) {
		case 'n': opt.count = atoi(optarg); break;
		case 'u': opt.uptime = atoi(optarg); break;
		case 't': opt.secs = atoi(optarg); break;
		case 'w': opt.limit = atoi(optarg); break;
		case 'p': opt.pids = optarg; break;
		case 'a': opt.cpu = optarg; break;
		default: return 2;
		}
	}
	if (argc - optind < 3)
		die("usage: supervise [-n count] [-u ms] [-t s] [-w s] [-p group] [-a group] QUESTION ROOT PROGRAM...");
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
