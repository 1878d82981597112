/*
 * Payloads that behave and that do not, and clients of the control socket that mean no
 * good. A payload is a row of words that are done one after the other:
 *
 *   probe stamp begun sleep 100 exit 3
 *
 * It must not share code with hutch: it is the witness.
 */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
enum { MAX_CLIENTS = 4096 };

static long long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void pause_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

static void for_ever(void)
{
	for (;;)
		pause();
}

static int die(const char *what)
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
	if (fork())
		return;
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

static unsigned fill(struct sockaddr_un *to, const char *path)
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
static void do_notify(const char *text)
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

/* ---- tools outside ------------------------------------------------------------- */

static int connect_path(int type, const char *path)
{
	struct sockaddr_un to;
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	fill(&to, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to))
		return -1;
	return fd;
}

/* What a server says: unix PATH, or tcp PORT on the loopback. */
static int tool_talk(char **word)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(word[1])),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	char text[200];
	long n;
	int fd;

	alarm(8);
	if (!strcmp(word[0], "unix")) {
		fd = connect_path(SOCK_STREAM, word[1]);
	} else {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&to, sizeof to))
			fd = -1;
	}
	if (fd < 0)
		return die("connect");
	n = read(fd, text, sizeof text);
	if (n < 0)
		return die("read");
	return fwrite(text, 1, (size_t)n, stdout) != (size_t)n;
}

/* Opens the loopback of a new network namespace. */
static int tool_lo(char **word)
{
	struct ifreq r = {.ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)word;
	memcpy(r.ifr_name, "lo", 3);
	return ioctl(fd, SIOCSIFFLAGS, &r) ? die("lo") : 0;
}

/* PATH: prints the first datagram that comes there. */
static int tool_hear(char **word)
{
	struct sockaddr_un at;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	char text[500];
	long n;

	fill(&at, word[0]);
	umask(0);
	if (bind(fd, (struct sockaddr *)&at, sizeof at))
		return die(word[0]);
	if (poll(&(struct pollfd){fd, POLLIN, 0}, 1, 20000) != 1)
		return 1;
	n = read(fd, text, sizeof text);
	return n < 0 || fwrite(text, 1, (size_t)n, stdout) != (size_t)n;
}

/* ADDRESS TEXT: a datagram from somebody who is not of the sandbox. */
static int tool_send(char **word)
{
	setenv("NOTIFY_SOCKET", word[0], 1);
	do_notify(word[1]);
	return 0;
}

/* SOCKET KIND: a client that holds on until it is dropped; prints how it went. */
static int tool_client(char **word)
{
	static char megabyte[1 << 20];
	const char *kind = word[1];
	int fd = connect_path(SOCK_SEQPACKET, word[0]), size = 1 << 21;
	long n = 0;

	alarm(20);
	if (fd < 0)
		return die("connect");
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	memset(megabyte, 'x', sizeof megabyte);
	if (!strcmp(kind, "half"))
		n = send(fd, "status", 3, MSG_NOSIGNAL);
	else if (!strcmp(kind, "mega"))
		n = send(fd, megabyte, sizeof megabyte, MSG_NOSIGNAL);
	else if (!strcmp(kind, "words"))
		n = send(fd, "frobnicate\0\xff\xfe\0", 14, MSG_NOSIGNAL);
	else if (!strcmp(kind, "empty"))
		n = send(fd, "", 0, MSG_NOSIGNAL);
	else if (!strcmp(kind, "nuls"))
		n = send(fd, "\0\0\0\0\0\0", 6, MSG_NOSIGNAL);
	if (n < 0)
		printf("%s ", strerror(errno));
	while ((n = read(fd, megabyte, sizeof megabyte)) > 0)
		fwrite(megabyte, 1, (size_t)n, stdout);
	printf("dropped\n");
	return 0;
}

/* SOCKET WORD...: a request as it stands; prints the first record of the reply. */
static int tool_request(char **word)
{
	int fd = connect_path(SOCK_SEQPACKET, *word);
	char text[8192];
	size_t used = 0;
	long n;

	alarm(8);
	for (word++; *word && used + strlen(*word) < sizeof text; word++) {
		memcpy(text + used, *word, strlen(*word) + 1);
		used += strlen(*word) + 1;
	}
	if (fd < 0 || send(fd, text, used, MSG_NOSIGNAL) < 0)
		return die("request");
	n = read(fd, text, sizeof text);
	return n < 0 || fwrite(text, 1, (size_t)n, stdout) != (size_t)n;
}

/*
 * SOCKET COUNT: asks so often for the status; prints the longest wait for a first
 * record, in ms. It goes before others, so that what is measured is the supervisor.
 */
static int tool_pace(char **word)
{
	long long worst = 0;
	char text[8192];

	if (nice(-20) == -1)
		return die("nice");
	for (int i = 0; i < atoi(word[1]); i++, pause_ms(20)) {
		long long start = now_ms();
		int fd = connect_path(SOCK_SEQPACKET, word[0]);

		if (fd < 0 || send(fd, "status", 7, MSG_NOSIGNAL) != 7 ||
		    read(fd, text, sizeof text) <= 0)
			return die("pace");
		if (now_ms() - start > worst)
			worst = now_ms() - start;
		close(fd);
	}
	printf("%lld\n", worst);
	return 0;
}

/* SOCKET NAME: follows the log of a service and never reads. */
static int tool_slow(char **word)
{
	char text[200];
	int fd = connect_path(SOCK_SEQPACKET, word[0]);
	struct pollfd dropped = {fd, POLLRDHUP, 0};
	int n = snprintf(text, sizeof text, "logs%c-f%c%s", 0, 0, word[1]) + 1;

	if (fd < 0 || send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		return die("slow");
	printf("%s\n", poll(&dropped, 1, 15000) == 1 ? "dropped" : "kept");
	return 0;
}

/* SOCKET COUNT MS: that many connections that say nothing, for so long. */
static int tool_crowd(char **word)
{
	static int fd[MAX_CLIENTS];
	struct sockaddr_un to;
	int n = atoi(word[1]);

	fill(&to, word[0]);
	for (int i = 0; i < n && i < MAX_CLIENTS; i++) {
		fd[i] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd[i] < 0)
			return die("socket");
		/* A full queue: as the next one. */
		connect(fd[i], (struct sockaddr *)&to, sizeof to);
	}
	printf("there\n");
	fflush(stdout);
	for (long long until = now_ms() + atol(word[2]); now_ms() < until; pause_ms(5))
		for (int i = 0; i < n && i < MAX_CLIENTS; i++)
			connect(fd[i], (struct sockaddr *)&to, sizeof to);
	return 0;
}

/* MS: writes a file over and over, each time a bit of it. */
static int tool_scribble(char **word)
{
	for (long long until = now_ms() + atol(word[1]), i = 0; now_ms() < until; i++) {
		int fd = open(word[0], O_WRONLY | O_TRUNC);
		long n = write(fd, "exec=/bin/probe forever -\n#", (size_t)(i % 27));

		if (n < 0)
			return die(word[0]);
		close(fd);
	}
	return 0;
}

/* COMMAND...: milliseconds that it took, then its status. */
static int tool_time(char **word)
{
	long long start = now_ms();
	int status, pid = fork();

	if (!pid) {
		dup2(2, 1);
		execvp(word[0], word);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	printf("%lld\n", now_ms() - start);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Milliseconds of processor time that a process has used, its children's not counted. */
static int tool_cpu(char **word)
{
	clockid_t clock;
	struct timespec t;

	if (clock_getcpuclockid(atoi(word[0]), &clock) || clock_gettime(clock, &t))
		return die("clock");
	printf("%lld\n", t.tv_sec * 1000LL + t.tv_nsec / 1000000);
	return 0;
}

static int tool_now(char **word)
{
	(void)word;
	printf("%lld\n", now_ms());
	return 0;
}

static const struct {
	const char *word;
	void (*act)(const char *value);
} words[] = {
	{"stamp", do_stamp}, {"sleep", do_sleep}, {"exit", do_exit}, {"die", do_die},
	{"ignore", do_ignore}, {"close", do_close}, {"say", do_say}, {"partial", do_partial},
	{"first", do_first}, {"trap", do_trap}, {"orphan", do_orphan}, {"stop", do_stop},
	{"forever", do_forever}, {"flood", do_flood}, {"lines", do_lines}, {"bomb", do_bomb},
	{"ready", do_ready}, {"unready", do_unready}, {"notify", do_notify}, {"helper", do_helper},
	{"big", do_big}, {"garbage", do_garbage}, {"gift", do_gift}, {"env", do_env},
	{"listenpid", do_listenpid}, {"serve", do_serve},
};

static const struct {
	const char *word;
	int needs;
	int (*run)(char **word);
} tools[] = {
	{"talk", 2, tool_talk}, {"lo", 0, tool_lo}, {"hear", 1, tool_hear}, {"send", 2, tool_send},
	{"client", 2, tool_client}, {"request", 2, tool_request},
	{"pace", 2, tool_pace}, {"slow", 2, tool_slow}, {"crowd", 3, tool_crowd},
	{"scribble", 2, tool_scribble}, {"time", 1, tool_time}, {"cpu", 1, tool_cpu},
	{"now", 0, tool_now},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < COUNT(tools); i++)
		if (!strcmp(argv[1], tools[i].word) && argc >= 2 + tools[i].needs)
			return tools[i].run(argv + 2);
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
