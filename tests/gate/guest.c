/*
 * guest.c - PID 1 of the gate's virtual machine: counts what launches cost.
 *
 * QEMU is told to let the machine's clock advance by one nanosecond for each
 * instruction (-icount shift=0), so that CLOCK_MONOTONIC counts the instructions
 * of kernel and user space alike, and the same launch costs the same in every
 * boot. What the clock really counts is proved first, with a loop of known length.
 *
 * The file /gate has a line per thing to do; words are separated by blanks:
 *
 *	rounds N		how often each launch is counted
 *	mounts N		more tmpfs below /mounts, until the table has N mounts
 *	launch ROW COMMAND...	counted from fork until reaped
 *	restart ROW COMMAND...	a supervisor with one service, /stamp/run in the root
 *				/box: counted from the kill until the new one runs
 *	slower ROW N COMMAND...	launch, of a program that does N % more work than the row
 *				before took, see slower.c
 *	ask ROW COMMAND...	runs once, and prints a count by itself
 *	do COMMAND...		runs once, not counted
 *
 * A row is printed as "gate ROW MOUNTS COUNT...", in instructions, one count per
 * round; "gate end" is the last line, and only when all went well. Deferred work of the
 * kernel would run in somebody else's count: it gets time to finish before each. What
 * the commands say goes to a file: on the serial line every letter costs instructions.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../bench/clock.h"
#include "../bench/stamp.h"

#define MAX_ROUNDS	32
#define MAX_WORDS	32
#define WARMUP		3
#define BOX		"/box"
#define SAID		"/tmp/said"
#define SETTLE_MS	40
#define BOOTED_S	60	/* of the machine's time, which passes at once where nothing is to be done */
/* of a loop of two instructions; the clock may also count what interrupts it */
#define KNOWN_LOOPS	1000000U
#define KNOWN_LEAST	(2 * KNOWN_LOOPS)
#define KNOWN_MOST	(KNOWN_LEAST + KNOWN_LEAST / 50)

static uint64_t counts[MAX_ROUNDS];
static int rounds = 5, mounts, sock = -1, said = -1;
static char burn[32];

/* QEMU ends with the machine; without the last line the boot has failed. */
static _Noreturn void power_off(void)
{
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static _Noreturn void die(const char *format, ...)
{
	char text[4096];
	va_list args;
	ssize_t n;

	n = said < 0 ? -1 : pread(said, text, sizeof text, 0);
	if (n > 0)
		printf("gate said: %.*s\n", (int)n, text);
	printf("gate failed: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	power_off();
}

#define TRY(call)	do { if ((call) < 0) die("%s: %s", #call, strerror(errno)); } while (0)

static void pass(time_t seconds, long ms)
{
	struct timespec t = { seconds, ms * 1000000L };

	nanosleep(&t, NULL);
}

static void settle(void)
{
	pass(0, SETTLE_MS);
}

/* A clock of another kind would make every figure below nonsense. */
static void prove_clock(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 5; i++) {
		unsigned left = KNOWN_LOOPS;
		uint64_t start;

		settle();
		start = now_ns();
#ifdef __x86_64__
		__asm__ volatile("1: dec %0; jnz 1b" : "+r"(left) : : "cc");
#else
		die("the loop is not written for this processor");
#endif
		start = now_ns() - start;
		best = start < best ? start : best;
	}
	if (best < KNOWN_LEAST || best > KNOWN_MOST)
		die("the clock does not count instructions: %llu for %u", (unsigned long long)best, KNOWN_LEAST);
}

/* ---- the machine */

static void make_dirs(const char *const *path)
{
	for (; *path; path++)
		if (mkdir(*path, 0755) < 0 && errno != EEXIST)
			die("%s: %s", *path, strerror(errno));
}

/*
 * The root of an initramfs cannot be pivoted away from before Linux 7: laid over
 * itself it can, and hutch and the floors take the same way.
 */
static void set_up(void)
{
	static const char *const dirs[] = { "/proc", "/sys", "/dev", "/run", "/tmp", "/mounts", "/over",
		BOX "/proc", BOX "/sys", BOX "/dev", BOX "/dev/mqueue", BOX "/tmp", NULL };

	umask(022);
	make_dirs(dirs);
	TRY(mount("/", "/over", NULL, MS_BIND | MS_REC, NULL));
	TRY(chdir("/over"));
	TRY(mount(".", "/", NULL, MS_MOVE, NULL));
	TRY(chroot("."));
	TRY(chdir("/"));
	TRY(mount("proc", "/proc", "proc", 0, NULL));
	TRY(mount("sysfs", "/sys", "sysfs", 0, NULL));
	TRY(mount("devtmpfs", "/dev", "devtmpfs", 0, NULL));
	TRY(mount("tmpfs", "/run", "tmpfs", 0, "mode=755"));
	TRY(mount("tmpfs", "/tmp", "tmpfs", 0, NULL));
	/* as on a machine whose init is systemd: slaves are slaves of something */
	TRY(mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL));
	/* but a mount namespace is pinned below a private mount only */
	TRY(mount(NULL, "/run", NULL, MS_PRIVATE, NULL));
	TRY(said = open(SAID, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
}

static int count_mounts(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	int n = 0, c;

	if (!file)
		die("mountinfo: %s", strerror(errno));
	while ((c = getc(file)) != EOF)
		n += c == '\n';
	fclose(file);
	return n;
}

static void more_mounts(int wanted)
{
	char path[64];

	for (mounts = count_mounts(); mounts < wanted; mounts++) {
		snprintf(path, sizeof path, "/mounts/%d", mounts);
		TRY(mkdir(path, 0755));
		TRY(mount("tmpfs", path, "tmpfs", 0, NULL));
	}
	if (count_mounts() != wanted)
		die("there are %d mounts, not %d", count_mounts(), wanted);
}

/* ---- what is counted */

/* vfork, so that the size of this process is no part of it; out: what becomes of its output */
static pid_t start(char **argv, int out)
{
	char *envp[] = { "PATH=/bin", burn[0] ? burn : NULL, NULL };
	volatile int exec_errno = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		dup2(out, 1);
		dup2(said, 2);
		execve(argv[0], argv, envp);
		exec_errno = errno;
		_exit(127);
	}
	if (pid < 0 || exec_errno)
		die("%s: %s", argv[0], strerror(pid < 0 ? errno : exec_errno));
	return pid;
}

/* As PID 1 this also gets what others left behind. */
static int reap(pid_t wanted)
{
	int status;
	pid_t pid;

	do
		TRY(pid = waitpid(wanted, &status, 0));
	while (pid != wanted);
	return status;
}

static void launch(const char *row, char **argv)
{
	for (int i = -WARMUP; i < rounds; i++) {
		uint64_t began;
		int status;

		settle();
		began = now_ns();
		status = reap(start(argv, said));
		if (status)
			die("%s: status %#x", row, status);
		if (i >= 0)
			counts[i] = now_ns() - began;
	}
}

/* What the service says when it begins to run, and its process id. */
static uint64_t next_stamp(const char *row, pid_t *pid)
{
	union { struct cmsghdr head; char space[CMSG_SPACE(sizeof(struct ucred))]; } control;
	struct stamp stamp;
	struct iovec data = { &stamp, sizeof stamp };
	struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
	struct cmsghdr *c;
	struct ucred who;

	if (recvmsg(sock, &m, 0) != (ssize_t)sizeof stamp)
		die("%s: no service: %s", row, strerror(errno));
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_CREDENTIALS)
		die("%s: a stamp of nobody's", row);
	memcpy(&who, CMSG_DATA(c), sizeof who);
	*pid = who.pid;
	return stamp.ns;
}

/* Anew each time: steps.c takes the place, too. */
static void listen_for_stamps(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = BOX STAMP_SOCKET };
	struct timeval patience = { 20, 0 };
	int on = 1;

	unlink(at.sun_path);
	TRY(sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	TRY(bind(sock, (struct sockaddr *)&at, sizeof at));
	TRY(setsockopt(sock, SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
	TRY(setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience));
}

static void restart(const char *row, char **argv)
{
	pid_t supervisor, service;

	listen_for_stamps();
	supervisor = start(argv, said);
	next_stamp(row, &service);
	for (int i = -WARMUP; i < rounds; i++) {
		uint64_t began, ran;

		settle();
		began = now_ns();
		TRY(kill(service, SIGKILL));
		ran = next_stamp(row, &service);
		if (i >= 0)
			counts[i] = ran - began;
	}
	TRY(kill(supervisor, SIGTERM));
	reap(supervisor);
	close(sock);
}

static void ask(const char *row, char **argv)
{
	char answer[32];
	ssize_t n;
	int p[2];

	TRY(pipe2(p, O_CLOEXEC));
	if (reap(start(argv, p[1])))
		die("%s: no answer", row);
	close(p[1]);
	TRY(n = read(p[0], answer, sizeof answer - 1));
	close(p[0]);
	answer[n] = '\0';
	counts[0] = strtoull(answer, NULL, 10);
}

/* ---- what is to be done */

static void print_row(const char *row, int n)
{
	printf("gate %s %d", row, mounts);
	for (int i = 0; i < n; i++)
		printf(" %llu", (unsigned long long)counts[i]);
	printf("\n");
}

static int number(const char *text, int least, int most)
{
	int n = text ? atoi(text) : -1;

	if (n < least || n > most)
		die("%s: want a number from %d to %d", text ? text : "nothing", least, most);
	return n;
}

/* So many per cent of what was counted last, as instructions to burn. */
static void set_burn(int percent)
{
	uint64_t least = counts[0];

	for (int i = 1; i < rounds; i++)
		least = counts[i] < least ? counts[i] : least;
	snprintf(burn, sizeof burn, "BURN=%llu", (unsigned long long)least * (unsigned)percent / 100);
}

static void obey(char *line)
{
	char *word[MAX_WORDS + 1], *save;
	int n = 0;

	for (char *w = strtok_r(line, " \n", &save); w && n < MAX_WORDS; w = strtok_r(NULL, " \n", &save))
		word[n++] = w;
	word[n] = NULL;
	if (!n)
		return;
	TRY(ftruncate(said, 0));
	if (!strcmp(word[0], "rounds")) {
		rounds = number(word[1], 1, MAX_ROUNDS);
	} else if (!strcmp(word[0], "mounts")) {
		more_mounts(number(word[1], 1, 10000));
	} else if (n > 2 && !strcmp(word[0], "launch")) {
		launch(word[1], word + 2);
		print_row(word[1], rounds);
	} else if (n > 2 && !strcmp(word[0], "restart")) {
		restart(word[1], word + 2);
		print_row(word[1], rounds);
	} else if (n > 3 && !strcmp(word[0], "slower")) {
		set_burn(number(word[2], 0, 100));
		launch(word[1], word + 3);
		burn[0] = '\0';
		print_row(word[1], rounds);
	} else if (n > 1 && !strcmp(word[0], "do")) {
		if (reap(start(word + 1, said)))
			die("%s fails", word[1]);
	} else if (n > 2 && !strcmp(word[0], "ask")) {
		ask(word[1], word + 2);
		print_row(word[1], 1);
	} else {
		die("/gate: %s: not understood", word[0]);
	}
}

int main(void)
{
	struct utsname kernel;
	char line[512];
	FILE *todo;

	setvbuf(stdout, NULL, _IOLBF, 0);
	todo = fopen("/gate", "re");
	if (!todo)
		die("/gate: %s", strerror(errno));
	TRY(uname(&kernel));
	printf("gate kernel %s %s\n", kernel.release, kernel.version);
	set_up();
	/* a kernel that has just booted still has work of its own to do */
	pass(BOOTED_S, 0);
	prove_clock();
	while (fgets(line, sizeof line, todo))
		obey(line);
	printf("gate end\n");
	power_off();
}
