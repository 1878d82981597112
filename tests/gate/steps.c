/*
 * steps.c - counts the instructions that a program executes in user space, one
 * at a time, by ptrace: exact, on any kernel, and it goes along where other
 * counters lose their way, into the children that hutch clones into namespaces.
 *
 *	steps [-p] COMMAND...	until it ends
 *	steps [-p] -r COMMAND...	a supervisor with one service, /stamp/run in the root
 *				/box: of one restart, from the kill of the service
 *				until its successor runs and the supervisor sleeps
 *
 * Prints the sum over COMMAND and all its children, of each until it executes another
 * program. A repeated string instruction (rep movs) is one, however long. With -p a line
 * "ADDRESS COUNT" for each instruction of a program that is not relocated follows, for
 * profile.sh. -/ ROOT: in this root.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../bench/stamp.h"

#define MAX_TRACED	64
#define MAX_ADDRESS	0x800000
#define PATIENCE	60	/* seconds, for all of it */
#define EVENTS		(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
			 PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

struct traced {
	pid_t pid;
	unsigned long at;	/* the instruction that it stood on */
	unsigned turn;		/* the highest of all runs */
	int held, signal;	/* stopped until it is its turn, and what it gets then */
};

static struct traced traced[MAX_TRACED];
static int ntraced, stepping;
static unsigned turns;
static unsigned long long count;
static pid_t root;
static int sock = -1, profiled;
static unsigned times[MAX_ADDRESS];

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "steps: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct traced *find(pid_t pid)
{
	for (int i = 0; i < ntraced; i++)
		if (traced[i].pid == pid)
			return &traced[i];
	if (ntraced == MAX_TRACED) {
		errno = E2BIG;
		die("too many processes");
	}
	traced[ntraced] = (struct traced){ .pid = pid, .turn = ++turns };
	return &traced[ntraced++];
}

static void resume(struct traced *t, int sig)
{
	if (ptrace(stepping ? PTRACE_SINGLESTEP : PTRACE_CONT, t->pid, 0, sig) < 0 && errno != ESRCH)
		die("ptrace");
}

/*
 * One runs at a time, a child before its parent: who waits for a slow child would lose patience, and do
 * more than it does when nobody counts.
 */
static struct traced *runner(void)
{
	struct traced *t = traced;

	for (int i = 1; i < ntraced; i++)
		if (traced[i].turn > t->turn)
			t = &traced[i];
	return ntraced ? t : NULL;
}

static void release(struct traced *t)
{
	if (!t || !t->held)
		return;
	t->held = 0;
	t->turn = ++turns;
	resume(t, t->signal);
}

static void forget(pid_t pid)
{
	struct traced *t = find(pid);

	*t = traced[--ntraced];
	release(runner());
}

static void step(pid_t pid)
{
	struct traced *t = find(pid);
#ifdef __x86_64__
	unsigned long at = (unsigned long)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rip), 0);

	if (stepping && at != t->at) {
		count++;
		if (at < MAX_ADDRESS)
			times[at]++;
	}
	t->at = at;
#else
	(void)t;
	count += (unsigned)stepping;
#endif
}

/* The text of one of its files in /proc; empty when it is gone. */
static void read_proc(pid_t pid, const char *name, char text[1024])
{
	char path[40];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, 1023);
	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

/* A child may have been reaped, or let go, before its parent tells that it was born. */
static int is_traced(pid_t pid)
{
	char text[1024], *tracer;

	read_proc(pid, "status", text);
	tracer = strstr(text, "\nTracerPid:");
	return tracer && atoi(tracer + 11) == (int)getpid();
}

/* What a traced process stopped for; it goes on as all do. */
static void stopped(pid_t pid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (event == PTRACE_EVENT_EXEC && pid != root) {
		forget(pid);
		ptrace(PTRACE_DETACH, pid, 0, 0);
		return;
	}
	if (event) {
		unsigned long child;

		find(pid);
		if ((event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK || event == PTRACE_EVENT_CLONE) &&
		    ptrace(PTRACE_GETEVENTMSG, pid, 0, &child) == 0 && is_traced((pid_t)child))
			find((pid_t)child);
		sig = 0;
	} else if (sig == SIGTRAP) {
		step(pid);
		sig = 0;
	}
	if (stepping && find(pid) != runner()) {
		find(pid)->held = 1;
		find(pid)->signal = sig;
		return;
	}
	resume(find(pid), sig);
}

/* One thing that happened; 0: nothing did. */
static int next_event(int flags)
{
	int status;
	pid_t pid = waitpid(-1, &status, __WALL | flags);

	if (pid < 0)
		die("waitpid");
	if (!pid)
		return 0;
	if (WIFSTOPPED(status)) {
		stopped(pid, status);
		return 1;
	}
	forget(pid);
	if (pid == root) {
		if (status || !stepping) {
			fprintf(stderr, "steps: the program ended with status %#x\n", status);
			exit(1);
		}
		root = 0;
	}
	return 1;
}

/* Whether it sleeps in the kernel, of its own will. */
static int sleeps(pid_t pid)
{
	char text[1024], *p;

	read_proc(pid, "stat", text);
	p = strrchr(text, ')');
	return p && p[2] == 'S';
}

/* Nothing happens: who sleeps while others are held waits for one of them. */
static void relieve(void)
{
	struct traced *t = runner();

	if (!t || (!t->held && !sleeps(t->pid)))
		return;
	for (int i = 0; i < ntraced; i++)
		if (traced[i].held) {
			release(&traced[i]);
			return;
		}
}

/* Until all that are traced sleep: the launcher, too, where there is one. */
static void settle(void)
{
	struct timespec t = { 0, 1000000 };

	for (int quiet = 0; quiet < 20;) {
		int all = 1;

		if (next_event(WNOHANG)) {
			quiet = 0;
			continue;
		}
		relieve();
		for (int i = 0; i < ntraced; i++)
			all &= sleeps(traced[i].pid);
		if (all) {
			quiet++;
			nanosleep(&t, NULL);
		} else {
			sched_yield();
		}
	}
}

/* One thing that happened, or a look at who sleeps, now and then. */
static void wait_event(unsigned *idle)
{
	if (next_event(WNOHANG))
		*idle = 0;
	else if (++*idle % 64)
		sched_yield();
	else
		relieve();
}

static pid_t next_stamp(void)
{
	union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(struct ucred))]; } control;
	struct stamp stamp;
	struct iovec data = { &stamp, sizeof stamp };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	struct ucred who;
	unsigned idle = 0;

	while (recvmsg(sock, &m, MSG_DONTWAIT) != (ssize_t)sizeof stamp) {
		if (errno != EAGAIN)
			die("socket");
		m.msg_controllen = sizeof control;
		wait_event(&idle);
	}
	memcpy(&who, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof who);
	return who.pid;
}

static void listen_for_stamps(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "/box" STAMP_SOCKET };
	int on = 1;

	unlink(at.sun_path);
	sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || bind(sock, (struct sockaddr *)&at, sizeof at) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
		die(at.sun_path);
}

/* The first restarts prepare what later ones use: one after them is what counts. */
static void restarts(void)
{
	pid_t service = next_stamp();

	for (int i = 0; i < 4; i++) {
		settle();
		if (i == 3) {
			stepping = 1;
			for (int k = 0; k < ntraced; k++)
				ptrace(PTRACE_INTERRUPT, traced[k].pid, 0, 0);
			settle();
			count = 0;
			memset(times, 0, sizeof times);
		}
		if (kill(service, SIGKILL) < 0)
			die("kill");
		service = next_stamp();
	}
	settle();
}

static void start(char **argv)
{
	int go[2], status, cpu;
	cpu_set_t one;
	char c;

	/* A step is two switches: on one processor they need not wait for another to wake up. */
	cpu = sched_getcpu();
	CPU_ZERO(&one);
	CPU_SET(cpu < 0 ? 0 : cpu, &one);
	sched_setaffinity(0, sizeof one, &one);
	if (pipe(go) < 0)
		die("pipe");
	root = fork();
	if (root < 0)
		die("fork");
	if (root == 0) {
		close(go[1]);
		if (read(go[0], &c, 1) == 1)
			execv(argv[0], argv);
		_exit(127);
	}
	if (ptrace(PTRACE_SEIZE, root, 0, EVENTS) < 0)
		die("ptrace");
	find(root);
	if (write(go[1], "", 1) != 1)
		die("pipe");
	close(go[0]);
	close(go[1]);
	do
		if (waitpid(root, &status, __WALL) < 0 || !WIFSTOPPED(status))
			die(argv[0]);
	while (status >> 16 != PTRACE_EVENT_EXEC && ptrace(PTRACE_CONT, root, 0, WSTOPSIG(status)) == 0);
	ptrace(stepping ? PTRACE_SINGLESTEP : PTRACE_CONT, root, 0, 0);
}

int main(int argc, char **argv)
{
	int restarted = 0, c;

	while ((c = getopt(argc, argv, "+pr/:")) != -1) {
		if (c == '?') {
			fprintf(stderr, "usage: steps [-p] [-r] [-/ ROOT] COMMAND...\n");
			return 2;
		}
		/* A chroot would be in the way of templates. */
		if (c == '/' && (unshare(CLONE_NEWNS) < 0 || chdir(optarg) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
		    umount2(".", MNT_DETACH) < 0 || mount(NULL, "/", NULL, MS_SHARED, NULL) < 0))
			die(optarg);
		profiled |= c == 'p';
		restarted |= c == 'r';
	}
	argv += optind;
	if (!argv[0])
		return 2;
	alarm(PATIENCE);
	if (restarted)
		listen_for_stamps();
	stepping = !restarted;
	start(argv);
	if (restarted)
		restarts();
	else
		for (unsigned idle = 0; root;)
			wait_event(&idle);
	printf("%llu\n", count);
	for (unsigned long at = 0; profiled && at < MAX_ADDRESS; at++)
		if (times[at])
			printf("%lx %u\n", at, times[at]);
	return 0;
}
