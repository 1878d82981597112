/* tools.c - part of ../probe.c: clients, and what looks at the supervisor from outside. */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "probe.h"

enum { MAX_CLIENTS = 4096 };

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

/* ADDRESS TEXT: a datagram from somebody who is not of the sandbox, and who stays to be looked at. */
static int tool_send(char **word)
{
	setenv("NOTIFY_SOCKET", word[0], 1);
	do_notify(word[1]);
	alarm(20);
	for_ever();
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
	int needs;
	int (*run)(char **word);
} tools[] = {
	{"talk", 2, tool_talk}, {"lo", 0, tool_lo}, {"hear", 1, tool_hear}, {"send", 2, tool_send},
	{"client", 2, tool_client}, {"request", 2, tool_request},
	{"pace", 2, tool_pace}, {"slow", 2, tool_slow}, {"crowd", 3, tool_crowd},
	{"scribble", 2, tool_scribble}, {"time", 1, tool_time}, {"cpu", 1, tool_cpu},
	{"now", 0, tool_now}, {"hammer", 2, tool_hammer}, {"wreck", 2, tool_wreck},
	{"poke", 3, tool_poke}, {"without", 2, tool_without}, {"steps", 2, tool_steps},
	{"hold", 2, tool_hold}, {"strike", 5, tool_strike},
};

int tool(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < COUNT(tools); i++)
		if (!strcmp(argv[1], tools[i].word) && argc >= 2 + tools[i].needs)
			return tools[i].run(argv + 2);
	return -1;
}
