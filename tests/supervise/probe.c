/*
 * Payloads that behave and that do not, and clients of the control socket that mean no
 * good. A payload is a row of words that are done one after the other:
 *
 *   probe stamp begun sleep 100 exit 3
 *
 * It must not share code with hutch: it is the witness.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe/probe.h"

long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

void pause_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

void for_ever(void)
{
	for (;;)
		pause();
}

int die(const char *what)
{
	perror(what);
	exit(99);
}

/* ---- words of a payload ------------------------------------------------------- */

/* "TEXT MILLISECONDS" as one line, whole even if others write too. */
static void do_stamp(const char *text)
{
	const char *stamps = getenv("STAMPS") ? getenv("STAMPS") : "/data/stamps";
	char line[600];
	int fd = open(stamps, O_WRONLY | O_APPEND | O_CREAT, 0666);
	int n = snprintf(line, sizeof line, "%s %lld\n", text, now_ms());

	if (fd < 0 || write(fd, line, (size_t)n) != n)
		die(stamps);
	close(fd);
}

static void do_sleep(const char *ms) { pause_ms(atol(ms)); }
static void do_exit(const char *status) { _exit(atoi(status)); }
static void do_ignore(const char *number) { signal(atoi(number), SIG_IGN); }
static void do_close(const char *fd) { close(atoi(fd)); }

/* Who was made right before this one, by the same parent, goes no further. */
static void do_halt(const char *unused)
{
	char path[40], text[300];
	int fd, parent = 0;
	long n;

	(void)unused;
	snprintf(path, sizeof path, "/proc/%d/stat", getpid() - 1);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%*d (%*[^)]) %*c %d", &parent) == 1 && parent == getppid())
		kill(getpid() - 1, SIGSTOP);
}

static void do_die(const char *number)
{
	signal(atoi(number), SIG_DFL);
	raise(atoi(number));
	for_ever();
}

static void do_say(const char *text)
{
	printf("%s\n", text);
	fflush(stdout);
}

static void do_partial(const char *text)
{
	printf("%s", text);
	fflush(stdout);
}

/* The first run ends with this status, those after it go on. */
static void do_first(const char *status)
{
	int fd = open("/data/first", O_CREAT | O_EXCL | O_WRONLY, 0666);

	if (fd >= 0)
		_exit(atoi(status));
}

static char trap_text[100];

static void trapped(int number)
{
	char text[120];

	snprintf(text, sizeof text, "%s %d", trap_text, number);
	do_stamp(text);
	_exit(0);
}

/* TEXT: TERM, INT, HUP and USR1 are noted with it, and end the payload well. */
static void do_trap(const char *text)
{
	snprintf(trap_text, sizeof trap_text, "%s", text);
	signal(SIGTERM, trapped);
	signal(SIGINT, trapped);
	signal(SIGHUP, trapped);
	signal(SIGUSR1, trapped);
}

static void deaf(void)
{
	for (int i = 1; i < 32; i++)
		signal(i, SIG_IGN);
}

/* A process that left session and parents and hears nothing. */
static void do_orphan(const char *stop)
{
	int pid = fork();

	/* Who ends before that takes along whoever is still in his group. */
	if (pid) {
		waitpid(pid, NULL, 0);
		return;
	}
	setsid();
	if (fork())
		_exit(0);
	deaf();
	do_stamp("orphan");
	if (atoi(stop))
		raise(SIGSTOP);
	for_ever();
}

static void do_stop(const char *unused)
{
	(void)unused;
	raise(SIGSTOP);
}

static void do_forever(const char *unused)
{
	(void)unused;
	for_ever();
}

/* Lines as fast as the pipe takes them, numbered, for so many milliseconds; 0: for ever. */
static void do_flood(const char *ms)
{
	long long until = atol(ms) ? now_ms() + atol(ms) : 1LL << 60;
	static char block[64 << 10];

	memset(block, 'x', sizeof block);
	for (size_t i = 99; i < sizeof block; i += 100)
		block[i] = '\n';
	while (now_ms() < until)
		if (write(1, block, sizeof block) < 0)
			pause_ms(1);
}

static void do_lines(const char *count)
{
	for (int i = 1; i <= atoi(count); i++)
		printf("line %d\n", i);
	fflush(stdout);
}

static void do_bomb(const char *unused)
{
	(void)unused;
	for (;;)
		if (fork() < 0)
			pause_ms(1);
}

static void do_ready(const char *fd)
{
	if (write(atoi(fd), "\n", 1) != 1)
		die("ready");
}

/* Something on it that is no newline, and then its end. */
static void do_unready(const char *fd)
{
	if (write(atoi(fd), "no", 2) != 2)
		die("unready");
	close(atoi(fd));
}

unsigned fill(struct sockaddr_un *to, const char *path)
{
	size_t n = strlen(path);

	memset(to, 0, sizeof *to);
	to->sun_family = AF_UNIX;
	memcpy(to->sun_path, path, n < sizeof to->sun_path ? n : sizeof to->sun_path - 1);
	if (*path == '@')
		to->sun_path[0] = '\0';
	return (unsigned)(offsetof(struct sockaddr_un, sun_path) + n);
}

static int notify_socket(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (!path)
		die("NOTIFY_SOCKET");
	if (connect(fd, (struct sockaddr *)&to, fill(&to, path)))
		die(path);
	return fd;
}

static void notify(const void *text, size_t n)
{
	int fd = notify_socket();

	if (send(fd, text, n, 0) < 0 && errno != EMSGSIZE && errno != EAGAIN)
		die("notify");
	close(fd);
}

/* A bar in it is an end of line, and ^ a double quote. */
void do_notify(const char *text)
{
	char copy[300];

	snprintf(copy, sizeof copy, "%s", text);
	for (char *c = copy; *c; c++)
		*c = *c == '|' ? '\n' : *c == '^' ? '"' : *c;
	notify(copy, strlen(copy));
}

/* As systemd-notify does: told by a program that has ended before anybody looks. */
static void do_helper(const char *text)
{
	int pid = fork();

	if (!pid) {
		do_notify(text);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* So many bytes, the first of which say READY=1. */
static void do_big(const char *size)
{
	size_t n = (size_t)atol(size);
	char *text = malloc(n);

	memset(text, 'x', n);
	memcpy(text, "READY=1\n", 8);
	notify(text, n);
	free(text);
}

static void do_garbage(const char *count)
{
	unsigned seed = 1;
	char text[999];

	for (int i = 0; i < atoi(count); i++) {
		for (size_t k = 0; k < sizeof text; k++)
			text[k] = (char)((seed = seed * 1103515245u + 12345u) >> 16);
		notify(text, 1 + (size_t)i % sizeof text);
	}
}

/* A message that brings descriptors along, so many times. */
static void do_gift(const char *count)
{
	int fd = notify_socket(), gift[8];
	char space[CMSG_SPACE(sizeof gift)] __attribute__((aligned(8)));
	struct iovec text = {(void *)(uintptr_t)"STATUS=gift", 11};

	for (size_t i = 0; i < COUNT(gift); i++)
		gift[i] = open("/dev/null", O_RDWR);
	for (int i = 0; i < atoi(count); i++) {
		struct msghdr m = {.msg_iov = &text, .msg_iovlen = 1, .msg_control = space,
				   .msg_controllen = sizeof space};
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof gift);
		memcpy(CMSG_DATA(c), gift, sizeof gift);
		if (sendmsg(fd, &m, 0) < 0)
			die("gift");
	}
	for (size_t i = 0; i < COUNT(gift); i++)
		close(gift[i]);
	close(fd);
}

static void do_env(const char *name)
{
	char text[300];

	snprintf(text, sizeof text, "%s=%s", name, getenv(name) ? getenv(name) : "(none)");
	do_stamp(text);
}

/* Whether LISTEN_PID is the one who reads it. */
static void do_listenpid(const char *unused)
{
	const char *pid = getenv("LISTEN_PID");

	(void)unused;
	do_stamp(pid && atoi(pid) == getpid() ? "pid right" : "pid wrong");
}

/* Answers that many connections on its first sockets, then goes on; 0: for ever. */
static void do_serve(const char *count)
{
	int n = getenv("LISTEN_FDS") ? atoi(getenv("LISTEN_FDS")) : 0, left = atoi(count);
	struct pollfd fds[16];

	for (int i = 0; i < n && i < 16; i++)
		fds[i] = (struct pollfd){3 + i, POLLIN, 0};
	for (int done = 0; !left || done < left;) {
		if (poll(fds, (nfds_t)n, -1) < 0)
			continue;
		for (int i = 0; i < n; i++) {
			int fd = fds[i].revents ? accept(fds[i].fd, NULL, NULL) : -1;
			char text[40];

			if (fd < 0)
				continue;
			snprintf(text, sizeof text, "served %d\n", i);
			if (write(fd, text, strlen(text)) < 0)
				do_stamp("unanswered");
			close(fd);
			done++;
		}
	}
}

/* So many numbered lines each millisecond, for ever. */
static void do_count(const char *lines)
{
	static char block[64 << 10];
	unsigned long n = 0;

	for (;; pause_ms(1)) {
		size_t used = 0;

		for (int i = 0; i < atoi(lines) && used < sizeof block - 20; i++)
			used += (size_t)snprintf(block + used, 20, "%lu\n", ++n);
		for (size_t at = 0; at < used;) {
			ssize_t done = write(1, block + at, used - at);

			if (done < 0 && errno != EINTR)
				die("count");
			at += done > 0 ? (size_t)done : 0;
		}
	}
}

/* Tells its watchdog that it is well, each so many milliseconds. */
static void do_beat(const char *ms)
{
	for (;; pause_ms(atol(ms)))
		do_notify("WATCHDOG=1");
}

static const struct {
	const char *word;
	void (*act)(const char *value);
} words[] = {
	{"stamp", do_stamp}, {"sleep", do_sleep}, {"exit", do_exit}, {"die", do_die},
	{"ignore", do_ignore}, {"close", do_close}, {"halt", do_halt}, {"say", do_say}, {"partial", do_partial},
	{"first", do_first}, {"trap", do_trap}, {"orphan", do_orphan}, {"stop", do_stop},
	{"forever", do_forever}, {"flood", do_flood}, {"lines", do_lines}, {"bomb", do_bomb},
	{"ready", do_ready}, {"unready", do_unready}, {"notify", do_notify}, {"helper", do_helper},
	{"big", do_big}, {"garbage", do_garbage}, {"gift", do_gift}, {"env", do_env},
	{"listenpid", do_listenpid}, {"serve", do_serve},
	{"count", do_count}, {"beat", do_beat},
};

int main(int argc, char **argv)
{
	int status;

	pretend(argc, argv);
	status = tool(argc, argv);
	if (status >= 0)
		return status;
	for (int at = 1; at + 1 < argc; at += 2) {
		size_t i = 0;

		while (i < COUNT(words) && strcmp(argv[at], words[i].word) != 0)
			i++;
		if (i == COUNT(words)) {
			fprintf(stderr, "no such word: %s\n", argv[at]);
			return 98;
		}
		words[i].act(argv[at + 1]);
	}
	return 0;
}
