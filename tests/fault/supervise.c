/*
 * supervise MODE DIRECTORY [PHASE [SIDE]]
 *
 * A supervisor with three services goes through the phases below. In each, for the kernel
 * calls of its processes (the supervisor's own, a launch, the inside of a sandbox, the
 * loader, the writer of log files):
 *
 *   quick  the first call of each name and step fails once, with its usual errno
 *   full   every call, with every plausible errno
 *   kill   SIGKILL to the supervisor, first calls; killall: at every call
 *
 * and looks whether the promise is kept: the supervisor lives, all services are up
 * again in time without anybody's help, once each, and the status is true; it has as many
 * descriptors and children as before and no more memory; in the end no process, mount
 * or file stays. DIRECTORY has hutch (built with HUTCH_FAULT) and service. Prints
 * TAP, one result per phase and side.
 *
 * Each result comes from namespaces of its own, where this is process 1.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "errnos.h"
#include "kernel/fault.h"

#define W "/run/w"
enum {
	IN_TIME = 1500,		/* ms: the longest pause of 200 and what a start takes on a busy machine */
	AT_MOST = 5000,		/* with a reason from the table below */
	ANSWER = 3000, MAX_CALLS = 800, MAX_BAD = 12, MAX_UNSURE = 100, WORKERS = 4,
};

enum phase { BOOT, KILL, RESTART, RELOAD, HUP, STOP, ASK, PATH, SHUTDOWN, PHASES };
/* Sides as in kernel/fault.h, by mode. */
static const struct {
	const char *name, *quick, *full, *kill;
	unsigned again;		/* services that run anew, as bits */
} phases[PHASES] = {
	[BOOT] = {"boot", "so", "sloiw", "sl", 7}, [KILL] = {"end", "sliw", "sliw", "sl", 7},
	[RESTART] = {"restart", "s", "sl", "s", 7}, [RELOAD] = {"reload", "so", "soli", "s", 1},
	[HUP] = {"hup", "s", "so", "s", 1}, [STOP] = {"stop", "s", "sl", "s", 7},
	[ASK] = {"ask", "s", "s", "s", 0}, [PATH] = {"path", "s", "sl", "s", 4},
	[SHUTDOWN] = {"shutdown", "s", "si", "s", 0},
};

#define COMMON "restart-delay=10ms 50ms\nstop-timeout=300ms\n"
#define BOX "root=" W "/root\nbind=" W "/shared /shared rw\n" COMMON
static struct service {
	const char *name, *conf;	/* @: the version */
	int ups, said, version;		/* what was heard since the action began */
	int pid, is_up;			/* by the last status */
} services[] = {
	{.name = "a", .conf = BOX "ready=fd 4\nexec=/bin/service a /shared @ 4\n"},
	{.name = "b", .conf = COMMON "ns=none\ninit=no\nready=notify\nlisten=unix " W "/b.sock\nlog=file " W "/b.log\n"
		"exec=" W "/root/bin/service b " W "/shared @\n"},
	{.name = "c", .conf = BOX "ready=notify\nafter=a\non-path=" W "/flag\nexec=/bin/service c /shared @\n"},
};
enum { SERVICES = sizeof services / sizeof *services, ALL = (1 << SERVICES) - 1 };

/* Failures that take longer than IN_TIME, each with its reason. NULL: any. */
static const struct {
	char side;
	const char *call, *step, *reason;
} slow[] = {
	{'s', "statx", NULL, "what cannot be looked at is looked at again after a second"},
	{'s', "kill", NULL, "the signal did not arrive: what follows after stop-timeout, or when killing is tried again"},
};

/* What is left or missing after a failure, and why that may be. */
static const struct {
	char side;
	const char *call, *step, *reason;
} untidy[] = {
	{'s', "mkdirat", "-", "the socket's name stays: the next supervisor takes it over"},
	{'s', "openat", "-", "as mkdirat"}, {'s', "statx", "-", "as mkdirat"},
	{'s', "unlinkat", "-", "as mkdirat"}, {'s', "connect", "-", "as mkdirat"},
	{'s', "socket", "-", "as mkdirat"}, {'s', "flock", "-", "as mkdirat"},
	{'s', "shutdown", "-", "as mkdirat"},
	{'s', "mmap", "-", "a service without room for its output runs without; its next start has it"},
	{'i', "dup3", "init", "the init has lost its channel: its own status tells how the payload ended"},
	{'w', "dup3", "-", "as recvmsg"},
	{'w', "recvmsg", "-", "the writer of log files ends, and is there again with the next line"},
};

static struct fault_log *fault_log;
static struct call {
	char call[24], step[24];
	int count;
} calls[MAX_CALLS];
static int ncalls;

static const char *mode;
static enum phase phase_now;
static char side_now;
static struct fault_wish now_wish;
static unsigned bad, faults, refused, lost, unsure;
static long slowest;
static int supervisor, ended, end_status, err_fd = -1, said_fd, version = 1, base_fds;
static long base_rss;
static char told[8192], base_mounts[1 << 16], now_mounts[1 << 16];
static size_t ntold, line_start;

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- the place ---- */

static void put_file(const char *path, const char *text, size_t n, unsigned access)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, access);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n || fchmod(fd, access) || close(fd))
		die(path);
}

static void copy_file(const char *dir, const char *name, const char *to)
{
	static char text[4 << 20];
	char path[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text);
	if (n <= 0)
		die(path);
	close(fd);
	put_file(to, text, (size_t)n, 0755);
}

static void put_profile(const struct service *v)
{
	const char *at = strchr(v->conf, '@');
	char path[64], text[1024];

	snprintf(path, sizeof path, W "/d/%s.conf", v->name);
	snprintf(text, sizeof text, "%.*s%d%s", (int)(at - v->conf), v->conf, version, at + 1);
	put_file(path, text, strlen(text), 0644);
}

static ssize_t read_file(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, to + used, size - 1 - used)) > 0)
		used += (size_t)n;
	to[used] = '\0';
	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : (ssize_t)used;
}

static void build_place(const char *dir)
{
	static const char *const folders[] = {
		"", "/d", "/shared", "/root", "/root/bin", "/root/dev", "/root/proc", "/root/sys",
		"/root/tmp", "/root/shared",
	};
	char path[64];
	int fd;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", 0, NULL) ||
	    mount("fault", "/run", "tmpfs", 0, "mode=0755") || mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL))
		die("a mount namespace");
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		snprintf(path, sizeof path, W "%s", folders[i]);
		mkdir(path, 0755);
	}
	copy_file(dir, "hutch", W "/hutch");
	copy_file(dir, "service", W "/root/bin/service");
	put_file(W "/flag", "", 0, 0644);
	put_file(W "/log", "", 0, 0666);
	fd = open(W "/log", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ftruncate(fd, sizeof *fault_log))
		die("log");
	fault_log = mmap(NULL, sizeof *fault_log, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fault_log == MAP_FAILED || close(fd) || mkfifo(W "/shared/said", 0666))
		die("log");
	said_fd = open(W "/shared/said", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	for (int i = 0; i < SERVICES; i++)
		put_profile(&services[i]);
	chdir("/");
}

/* ---- the fault ---- */

static void disarm(void)
{
	__atomic_store_n(&fault_log->wish.armed, FAULT_OFF, __ATOMIC_SEQ_CST);
}

static void arm(int how, const struct call *c, int nth, int code)
{
	struct fault_wish *w = &fault_log->wish;

	disarm();
	memset(fault_log->text, 0, fault_log->used < sizeof fault_log->text ? fault_log->used : sizeof fault_log->text);
	fault_log->used = 0;
	fault_log->stopped = fault_log->go = 0;
	*w = (struct fault_wish){.side = side_now, .nth = nth, .code = code};
	if (c) {
		strcpy(w->call, c->call);
		strcpy(w->step, c->step);
	}
	now_wish = *w;
	now_wish.armed = how;
	__atomic_store_n(&w->armed, how, __ATOMIC_SEQ_CST);
}

static int fired(void)
{
	return __atomic_load_n(&fault_log->used, __ATOMIC_SEQ_CST) > 0;
}

/* Who stands still at a call that is meant for a kill answers no more. */
static int is_stopped(void)
{
	return __atomic_load_n(&fault_log->stopped, __ATOMIC_SEQ_CST);
}

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void complain(const char *format, ...)
{
	va_list args;
	char text[512];

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	bad++;
	printf("# %s, %c: %s/%s %d, %s: %s\n", phases[phase_now].name, side_now, now_wish.call, now_wish.step,
	       now_wish.nth, now_wish.armed == FAULT_STOP ? "killed" : now_wish.armed == FAULT_LIST ? "unharmed" :
	       strerror(now_wish.code), text);
	for (char *line = told, *end; line && *line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		printf("#     %.200s\n", line);
	}
	fflush(stdout);
	ntold = line_start = 0;
	told[0] = '\0';
}

/* ---- listening ---- */

static struct service *find(const char *name, size_t n)
{
	for (int i = 0; i < SERVICES; i++)
		if (strlen(services[i].name) == n && !memcmp(services[i].name, name, n))
			return &services[i];
	return NULL;
}

/* "hutch: NAME: up" */
static void hear_line(char *line)
{
	char *colon = strncmp(line, "hutch: ", 7) != 0 ? NULL : strchr(line + 7, ':');
	struct service *v = colon ? find(line + 7, (size_t)(colon - line - 7)) : NULL;

	if (v && !strcmp(colon, ": up"))
		v->ups++;
}

static void hear_supervisor(void)
{
	ssize_t n;
	char *end;

	if (ntold > sizeof told / 2) {
		memmove(told, told + line_start, ntold - line_start + 1);
		ntold -= line_start;
		line_start = 0;
	}
	n = read(err_fd, told + ntold, sizeof told - 1 - ntold);
	if (n <= 0)
		return;
	ntold += (size_t)n;
	told[ntold] = '\0';
	while ((end = strchr(told + line_start, '\n'))) {
		*end = '\0';
		hear_line(told + line_start);
		*end = '\n';
		line_start = (size_t)(end + 1 - told);
	}
	if (ntold == sizeof told - 1)
		ntold = line_start = 0;
}

static void hear_services(void)
{
	char text[1024], *line, *end;
	ssize_t n = read(said_fd, text, sizeof text - 1);

	text[n > 0 ? n : 0] = '\0';
	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		struct service *v = find(line, 1);

		if (!v)
			continue;
		v->said++;
		v->version = atoi(line + 2);
	}
}

static void reap(void)
{
	int pid, status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == supervisor) {
			ended = 1;
			end_status = status;
		}
}

/* Looks on for so long, or until something is heard. */
static void pump(int ms)
{
	struct pollfd fds[2] = {{.fd = err_fd, .events = POLLIN}, {.fd = said_fd, .events = POLLIN}};

	if (poll(fds, 2, ms) > 0) {
		if (fds[0].revents & POLLIN)
			hear_supervisor();
		else if (fds[0].revents)
			usleep(1000);	/* nobody holds the other end */
		if (fds[1].revents)
			hear_services();
	}
	reap();
}

static void forget(void)
{
	while (ended ? 0 : poll(&(struct pollfd){.fd = said_fd, .events = POLLIN}, 1, 0) > 0)
		hear_services();
	for (int i = 0; i < SERVICES; i++)
		services[i].ups = services[i].said = 0;
	if (err_fd >= 0 && !ended)
		pump(0);
	for (int i = 0; i < SERVICES; i++)
		services[i].ups = services[i].said = 0;
	ntold = line_start = 0;
	told[0] = '\0';
}

/* ---- asking ---- */

/* The words have spaces between them. -1: nobody listens. */
static int post(const char *request)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/run/hutch/control"};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char words[128];
	size_t n = strlen(request) + 1;

	memcpy(words, request, n);
	for (char *c = words; *c; c++)
		*c = *c == ' ' ? '\0' : *c;
	for (size_t i = 0; i < n; i++)
		words[i] = request[i] == ' ' ? '\0' : request[i];
	if (connect(fd, (struct sockaddr *)&a, sizeof a) || send(fd, words, n, MSG_NOSIGNAL) != (ssize_t)n) {
		close(fd);
		return -1;
	}
	return fd;
}

/* All records of the reply; 0: none came. */
static int hear_reply(int fd, char *reply, size_t size, long until)
{
	size_t used = 0;
	ssize_t n;

	while (now_ms() < until) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, 5) <= 0) {
			reap();
			if (ended || is_stopped())
				return 0;
			continue;
		}
		n = recv(fd, reply + used, size - used - 1, 0);
		if (n <= 0)
			return 0;
		reply[used + (size_t)n] = '\0';
		/* Who cannot be looked at is nobody: denied, and nothing is done. */
		if (!strncmp(reply + used, "end=", 4))
			return strncmp(reply + used, "end=denied", 10) != 0;
		used += (size_t)n;
	}
	return 0;
}

/* A connection may be what is lost: then it is asked again, as people do. */
static int ask(const char *request, char *reply, size_t size)
{
	long until = now_ms() + ANSWER;
	char room[16384];
	int got = 0;

	while (!got && !ended && !is_stopped() && now_ms() < until) {
		int fd = post(request);

		got = fd < 0 ? 0 : hear_reply(fd, reply ? reply : room, reply ? size : sizeof room, until);
		if (fd >= 0)
			close(fd);
		if (!got)
			pump(10);
	}
	return got;
}

/* State and pid of all; 0: no answer. */
static int read_status(void)
{
	char reply[4096], *line, *next;
	struct service *v = NULL;

	if (!ask("status", reply, sizeof reply))
		return 0;
	for (int i = 0; i < SERVICES; i++)
		services[i].pid = services[i].is_up = 0;
	for (line = reply; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (!strncmp(line, "name=", 5))
			v = find(line + 5, strlen(line + 5));
		else if (v && !strncmp(line, "state=", 6))
			v->is_up = !strcmp(line + 6, "up");
		else if (v && !strncmp(line, "pid=", 4))
			v->pid = atoi(line + 4);
	}
	return 1;
}

/* ---- looking ---- */

static int children(int pid, int *to, int room)
{
	char path[64], text[512], *p = text, *end;
	int n = 0;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
	if (read_file(path, text, sizeof text) <= 0)
		return 0;
	while (n < room && (to[n] = (int)strtol(p, &end, 10)) > 0) {
		n++;
		p = end;
	}
	return n;
}

/* The payload at or below a process, by its command line; 0: none. */
static int payload_of(const struct service *v)
{
	char path[64], text[256], *name;
	int pid = v->pid, below;

	if (pid <= 0)
		return 0;
	while (children(pid, &below, 1) == 1)
		pid = below;
	snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
	if (read_file(path, text, sizeof text) <= 0 || !strstr(text, "service"))
		return 0;
	name = text + strlen(text) + 1;
	return !strcmp(name, v->name) ? pid : 0;
}

static int count_fds(void)
{
	char path[64];
	struct dirent *e;
	DIR *d;
	int n = 0;

	snprintf(path, sizeof path, "/proc/%d/fd", supervisor);
	d = opendir(path);
	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

/* Behind the end of our own question. */
static int settled_fds(void)
{
	usleep(30000);
	return count_fds();
}

static long rss_kb(void)
{
	char path[64], text[4096], *p;

	snprintf(path, sizeof path, "/proc/%d/status", supervisor);
	read_file(path, text, sizeof text);
	p = strstr(text, "RssAnon:");
	return p ? atol(p + 8) : 0;
}

static int has_lock(const struct service *v)
{
	char path[64];
	int fd, held;

	snprintf(path, sizeof path, W "/shared/%s.lock", v->name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	held = flock(fd, LOCK_EX | LOCK_NB) != 0;
	close(fd);
	return held;
}

/* What nobody may leave, in a folder: first such name, or NULL. */
static const char *leftover(const char *dir, const char *a, const char *b)
{
	static char name[256];
	DIR *d = opendir(dir);
	struct dirent *e;

	name[0] = '\0';
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && (!a || strstr(e->d_name, a) || strstr(e->d_name, b)))
			snprintf(name, sizeof name, "%s", e->d_name);
	if (d)
		closedir(d);
	return name[0] ? name : NULL;
}

static int processes(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] >= '1' && e->d_name[0] <= '9' && atoi(e->d_name) != 1;
	closedir(d);
	return n;
}

/* ---- a supervisor's life ---- */

static void start(void)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		die("pipe");
	ended = 0;
	supervisor = fork();
	if (!supervisor) {
		if (dup2(open("/dev/null", O_RDWR), 0) || dup2(fd[1], 1) != 1 || dup2(fd[1], 2) != 2)
			_exit(98);
		setenv("HUTCH_FAULT", "shared", 1);
		setenv("HUTCH_FAULT_LOG", W "/log", 1);
		execl(W "/hutch", "hutch", "supervise", W "/d", NULL);
		_exit(98);
	}
	if (supervisor < 0)
		die("fork");
	close(fd[1]);
	if (err_fd >= 0)
		close(err_fd);
	err_fd = fd[0];
	fcntl(err_fd, F_SETFL, O_NONBLOCK);
}

static void kill_world(void)
{
	disarm();
	fault_log->go = 1;
	while (processes()) {
		kill(-1, SIGKILL);	/* this is process 1: nobody else's is meant */
		usleep(1000);
		reap();
	}
	ended = 1;
}

static int patience(void)
{
	for (size_t i = 0; i < sizeof slow / sizeof *slow; i++)
		if (now_wish.armed == FAULT_FAIL && slow[i].side == side_now &&
		    (!slow[i].call || !strcmp(slow[i].call, now_wish.call)) &&
		    (!slow[i].step || !strcmp(slow[i].step, now_wish.step)))
			return AT_MOST;
	return IN_TIME;
}

/*
 * Until those of the mask are up again. Nobody asks meanwhile, which could wake up a
 * supervisor that has missed something. That one is up may be told in vain: if all
 * have said that they run and nothing more comes, that is it.
 */
static int wait_up(unsigned mask)
{
	long until = now_ms() + patience(), quiet = 0;

	while (!ended && now_ms() < until) {
		int ups = 0, said = 0, n = 0;

		for (int i = 0; i < SERVICES; i++)
			if (mask >> i & 1) {
				n++;
				ups += services[i].ups > 0;
				said += services[i].said > 0;
			}
		if (ups == n && said == n)
			return 1;
		if (said < n || !fired())
			quiet = 0;
		else if (!quiet)
			quiet = now_ms();
		else if (now_ms() > quiet + 150)
			return 1;
		pump(5);
	}
	return !ended;
}

static int wait_gone(unsigned mask)
{
	long until = now_ms() + patience();

	for (;;) {
		int held = 0;

		for (int i = 0; i < SERVICES; i++)
			held |= mask >> i & 1 && has_lock(&services[i]);
		if (!held)
			return 1;
		if (ended || is_stopped() || now_ms() > until)
			return 0;
		pump(2);
	}
}

/* The status of each service, and whether it is true; NULL, or what is wrong. */
static const char *wrong_status(void)
{
	static char text[128];

	if (!read_status())
		return ended ? "the supervisor is gone" : "it does not answer";
	for (int i = 0; i < SERVICES; i++) {
		snprintf(text, sizeof text, "%s is not up", services[i].name);
		if (!services[i].is_up)
			return text;
		snprintf(text, sizeof text, "%s is told to be up, but has no payload", services[i].name);
		if (!payload_of(&services[i]))
			return text;
	}
	return NULL;
}

static void check_up(void)
{
	const char *wrong = wrong_status();
	long until = now_ms() + (patience() == AT_MOST ? AT_MOST : 400);

	/* A run that the fault has broken may be followed by another one. */
	while (wrong && !ended && now_ms() < until) {
		long pause = now_ms() + 300;

		while (now_ms() < pause)
			pump(300);
		wrong = wrong_status();
	}
	if (wrong) {
		lost++;
		complain("%s", wrong);
	}
}

static int may_be_untidy(void)
{
	for (size_t i = 0; i < sizeof untidy / sizeof *untidy; i++)
		if (now_wish.armed == FAULT_FAIL && untidy[i].side == side_now &&
		    !strcmp(untidy[i].call, now_wish.call) && !strcmp(untidy[i].step, now_wish.step))
			return 1;
	return 0;
}

static void check_house(void)
{
	long until = now_ms() + 1600;
	const char *name;
	int fds, n, child[32];

	/* Targets of logs are opened again after a second. */
	while (((fds = count_fds()) != base_fds || (n = children(supervisor, child, 32)) > SERVICES + 1) &&
	       now_ms() < until)
		pump(20);
	n = children(supervisor, child, 32);
	if (fds > base_fds || (fds < base_fds && !may_be_untidy()))
		complain("%d descriptors and not %d", fds, base_fds);
	if (n < SERVICES || n > SERVICES + 1)
		complain("%d children", n);
	name = leftover(W "/shared", ".double", ".deaf");
	if (name)
		complain("a service was started wrongly: %s", name);
}

static void check_nothing(int killed)
{
	long until = now_ms() + 2000;
	const char *name;

	while (processes() && now_ms() < until) {
		usleep(500);
		reap();
	}
	if (processes())
		complain("%d processes stay", processes());
	read_file("/proc/self/mountinfo", now_mounts, sizeof now_mounts);
	if (strcmp(base_mounts, now_mounts) != 0) {
		complain("mounts changed");
		strcpy(base_mounts, now_mounts);
	}
	name = leftover("/run/hutch", NULL, NULL);
	if (name && !killed && !(may_be_untidy() && !strcmp(name, "control")))
		complain("/run/hutch/%s stays", name);
	if (leftover(W "/shared", ".double", ".deaf"))
		complain("a service was started wrongly: %s", leftover(W "/shared", ".double", ".deaf"));
	unlink(W "/shared/a.double");
	unlink(W "/shared/b.double");
	unlink(W "/shared/c.double");
	unlink(W "/shared/b.deaf");
}

static int wait_end(void)
{
	long until = now_ms() + patience() + 500;

	while (!ended && now_ms() < until)
		pump(5);
	return ended;
}

/* Ends it unharmed. */
static void shut_down(void)
{
	disarm();
	ask("shutdown", NULL, 0);
	if (!wait_end())
		complain("does not end");
	else if (end_status)
		complain("ends with %#x", end_status);
	check_nothing(0);
	kill_world();
}

static void start_whole(void)
{
	for (int tries = 0; tries < 3; tries++) {
		disarm();
		fault_log->stopped = 0;
		forget();
		start();
		if (wait_up(ALL) && !wrong_status())
			return;
		kill_world();
	}
	complain("does not even come up unharmed");
}

/* ---- the phases ---- */

static void act(enum phase phase)
{
	switch (phase) {
	case KILL:
		for (int i = 0; i < SERVICES; i++)
			if (payload_of(&services[i]))
				kill(payload_of(&services[i]), SIGKILL);
		break;
	case RESTART:
		ask("restart a b c", NULL, 0);
		break;
	case RELOAD:
	case HUP:
		version++;
		put_profile(&services[0]);
		if (phase == HUP)
			kill(supervisor, SIGHUP);
		else
			ask("reload", NULL, 0);
		break;
	case STOP:
		ask("stop a b c", NULL, 0);
		if (!wait_gone(ALL) && !is_stopped())
			complain("does not stop");
		if (is_stopped())
			break;
		forget();
		ask("start a b c", NULL, 0);
		break;
	case ASK:
		ask("status", NULL, 0);
		ask("describe a", NULL, 0);
		ask("logs a", NULL, 0);
		ask("events", NULL, 0);
		break;
	case PATH:
		unlink(W "/flag");
		if (!wait_gone(4) && !is_stopped())
			complain("c does not go with its path");
		put_file(W "/flag", "", 0, 0644);
		break;
	case SHUTDOWN:
		ask("shutdown", NULL, 0);
		break;
	default:
		break;
	}
}

/* A load that failed has changed nothing; the next one does. */
static void check_version(void)
{
	if (services[0].version == version)
		return;
	forget();
	ask("reload", NULL, 0);
	if (!wait_up(1) || services[0].version != version)
		complain("the new profile is not in force");
}

/* One pass through a phase with whatever is armed, by a supervisor that lives on. */
static void steady(enum phase phase)
{
	long begin = now_ms(), until;

	forget();
	act(phase);
	if ((phase == RELOAD || phase == HUP) && now_wish.armed == FAULT_FAIL) {
		until = now_ms() + (side_now == 's' || side_now == 'o' ? 250 : IN_TIME);
		while (!services[0].said && now_ms() < until)
			pump(5);
		if (services[0].said)
			wait_up(1);
	} else if (!wait_up(phases[phase].again)) {
		complain("it ended: %#x", end_status);
	}
	until = now_ms() + (now_wish.armed == FAULT_LIST ? 30 : 10);
	while (!(now_wish.armed == FAULT_FAIL && fired()) && now_ms() < until)
		pump(2);
	if (now_ms() - begin > slowest)
		slowest = now_ms() - begin;
	disarm();
	if (!ended)
		check_up();
	if (!ended && (phase == RELOAD || phase == HUP))
		check_version();
}

/* One life, armed from its beginning or from its end. */
static void short_life(enum phase phase)
{
	struct fault_wish wish = now_wish;
	long begin = now_ms();

	if (phase == SHUTDOWN) {
		disarm();
		start_whole();
		now_wish = wish;
		fault_log->wish = wish;
		forget();
		begin = now_ms();
		act(phase);
		if (!wait_end())
			complain("does not end");
		else if (end_status)
			complain("ends with %#x", end_status);
		slowest = now_ms() - begin > slowest ? now_ms() - begin : slowest;
		disarm();
		check_nothing(0);
		kill_world();
		return;
	}
	forget();
	start();
	wait_up(ALL);
	slowest = now_ms() - begin > slowest ? now_ms() - begin : slowest;
	if (ended) {
		refused++;
		pump(0);
		if (!WIFEXITED(end_status) || WEXITSTATUS(end_status) != 125 || !strstr(told, "hutch: "))
			complain("ends with %#x at its start", end_status);
		disarm();
		check_nothing(1);
		kill_world();
		return;
	}
	usleep(10000);
	disarm();
	check_up();
	if (!ended && now_wish.armed == FAULT_FAIL)
		check_house();
	if (now_wish.armed == FAULT_LIST)
		base_fds = settled_fds();
	shut_down();
}

static void pass(enum phase phase)
{
	unsigned before = bad;

	if (phase == BOOT || phase == SHUTDOWN) {
		short_life(phase);
	} else {
		steady(phase);
		if (!ended && now_wish.armed == FAULT_FAIL)
			check_house();
	}
	if (bad == before)
		return;
	kill_world();
	if (phase != BOOT && phase != SHUTDOWN) {
		start_whole();
		base_rss = rss_kb();
	}
}

/* ---- the sweep ---- */

static void list_calls(void)
{
	char *line, *next;
	struct call c;
	int i;

	ncalls = 0;
	for (line = fault_log->text; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (sscanf(line, "%*c %*d %23s %23s", c.call, c.step) != 2)
			continue;
		for (i = 0; i < ncalls; i++)
			if (!strcmp(calls[i].call, c.call) && !strcmp(calls[i].step, c.step))
				break;
		if (i == MAX_CALLS)
			die("too many calls");
		if (i == ncalls) {
			calls[ncalls++] = c;
			calls[i].count = 0;
		}
		calls[i].count++;
	}
}

/*
 * waitpid does not fail where children are, and a failed close has closed. That a path
 * is not there (code) is no failure but an answer; what is there does not give it.
 */
static int is_artificial(const struct call *c, int code)
{
	return !strcmp(c->call, "close") ||
	       (side_now == 's' && (!strcmp(c->call, "waitpid") || (code == ENOENT && !strcmp(c->call, "statx"))));
}

static void fail_call(enum phase phase, const struct call *c, int nth, int full)
{
	const int *code = errnos_of(c->call);

	if (!code) {
		printf("# no errnos for %s\n", c->call);
		bad++;
		return;
	}
	for (; *code && bad < MAX_BAD && unsure < MAX_UNSURE; code++) {
		if (is_artificial(c, *code))
			continue;
		/* A machine that had no time for us does not say the same three times. */
		for (unsigned tries = 0, had_bad = bad, had_lost = lost; tries < 3; tries++) {
			bad = had_bad;
			lost = had_lost;
			unsure += tries > 0;
			arm(FAULT_FAIL, c, nth, *code);
			pass(phase);
			if (bad == had_bad)
				break;
		}
		faults += fired();
		if (!full || !fired())
			break;
	}
}

/* Everything that is there when the supervisor is killed has to go with it. */
static void kill_at(enum phase phase, const struct call *c, int nth)
{
	long until = now_ms() + 400;
	unsigned before = bad;

	if (phase != BOOT)
		start_whole();
	forget();
	arm(FAULT_STOP, c, nth, 0);
	if (phase == BOOT)
		start();
	else
		act(phase);
	while (!fault_log->stopped && !ended && now_ms() < until)
		pump(1);
	faults += fault_log->stopped != 0;
	kill(supervisor, SIGKILL);
	while (!ended)
		pump(1);
	disarm();
	fault_log->go = 1;
	put_file(W "/flag", "", 0, 0644);
	check_nothing(1);
	if (bad != before)
		kill_world();
}

static void sweep(enum phase phase, int slice, int slices)
{
	int full = !strcmp(mode, "full") || !strcmp(mode, "killall"), kills = !strncmp(mode, "kill", 4);
	int lives = phase != BOOT && phase != SHUTDOWN, at = 0;

	if (lives)
		start_whole();
	/* The first pass fills what is kept from then on. */
	for (int i = 0; i < 2; i++) {
		arm(FAULT_LIST, NULL, 0, 0);
		pass(phase);
	}
	list_calls();
	if (lives) {
		base_fds = settled_fds();
		base_rss = rss_kb();
	}
	if (kills)
		kill_world();
	for (int i = 0; i < ncalls && bad < MAX_BAD; i++)
		for (int nth = 1; nth <= (full ? calls[i].count : 1) && bad < MAX_BAD; nth++) {
			if (at++ % slices != slice || is_artificial(&calls[i], 0))
				continue;
			if (kills)
				kill_at(phase, &calls[i], nth);
			else
				fail_call(phase, &calls[i], nth, full);
		}
	if (kills || !lives) {
		/* What was killed does not stand in the way of the next one. */
		arm(FAULT_LIST, NULL, 0, 0);
		start_whole();
	} else if (rss_kb() > base_rss + 200) {
		complain("%ld KiB and not %ld", rss_kb(), base_rss);
	}
	now_wish.armed = FAULT_LIST;
	if (!ended)
		shut_down();
}

static int job(enum phase phase, char side, int slice, int slices, const char *dir)
{
	long begin = now_ms();
	char part[16] = "", again[64] = "";

	phase_now = phase;
	side_now = side;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	build_place(dir);
	read_file("/proc/self/mountinfo", base_mounts, sizeof base_mounts);
	sweep(phase, slice, slices);
	if (slices > 1)
		snprintf(part, sizeof part, " (%d/%d)", slice + 1, slices);
	if (unsure)
		snprintf(again, sizeof again, ", %u tried again", unsure);
	printf("%sok - %s, side %c%s: %d calls, %u %s, %u refused, %u losses, slowest %ld ms%s (%ld ms)\n",
	       bad || (!faults && slices == 1) ? "not " : "", phases[phase].name, side, part, ncalls, faults,
	       !strncmp(mode, "kill", 4) ? "kills" : "failures", refused, lost, slowest, again, now_ms() - begin);
	fflush(stdout);
	return bad || (!faults && slices == 1);
}

/* In a PID namespace of its own, which ends with its process 1. */
static void run_job(enum phase phase, char side, int slice, int slices, const char *dir)
{
	int pid, status;

	if (fork())
		return;
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC))
		die("namespaces");
	pid = fork();
	if (!pid)
		_exit(job(phase, side, slice, slices, dir));
	_exit(pid < 0 || waitpid(pid, &status, 0) != pid || status != 0);
}

static const char *sides_of(enum phase phase)
{
	return !strcmp(mode, "quick") ? phases[phase].quick : !strcmp(mode, "full") ? phases[phase].full
							    : phases[phase].kill;
}

int main(int argc, char **argv)
{
	int running = 0, status, failed = 0, slices;

	if (argc < 3 || !strstr("quick full killall", argv[1])) {
		fprintf(stderr, "usage: supervise quick|full|kill|killall DIRECTORY [PHASE [SIDE]]\n");
		return 2;
	}
	if (geteuid()) {
		printf("ok - # skip a sweep over a supervisor needs root\n");
		return 0;
	}
	mode = argv[1];
	slices = strcmp(mode, "quick") != 0 && strcmp(mode, "kill") != 0 ? 4 : 1;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (int phase = 0; phase < PHASES; phase++)
		for (const char *side = sides_of((enum phase)phase); *side; side++)
			for (int slice = 0; slice < slices; slice++) {
				if ((argc > 3 && strcmp(argv[3], phases[phase].name) != 0) ||
				    (argc > 4 && *argv[4] != *side))
					continue;
				if (running == WORKERS && wait(&status) > 0) {
					running--;
					failed |= status;
				}
				run_job((enum phase)phase, *side, slice, slices, argv[2]);
				running++;
			}
	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}
