/* talk.c - part of supervise.c: what supervisor and services say, and what they are asked. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise.h"

int supervisor, ended, end_status, err_fd = -1;
char told[8192];
static size_t ntold, line_start;

void complain(const char *format, ...)
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
	/* An event that the table of states says cannot be. */
	if (strstr(line, ": defect: ")) {
		printf("# %s\n", line);
		bad++;
	}
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

void reap(void)
{
	int pid, status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == supervisor) {
			ended = 1;
			end_status = status;
		}
}

/* Looks on for so long, or until something is heard. */
void pump(int ms)
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

void forget(void)
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
int ask(const char *request, char *reply, size_t size)
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
int read_status(void)
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
