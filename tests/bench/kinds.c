/*
 * kinds.c - part of bench.c: one value of each kind of subject.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <dirent.h>

#include "bench.h"
#include "stamp.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open	434
#endif

enum { UPTIME = 3 };		/* ms: what follows a start is over by then */

static double ms(uint64_t from, uint64_t to)
{
	return (double)(int64_t)(to - from) / 1e6;
}

static int reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid: %s", strerror(errno));
	return status;
}

/* vfork, so that the size of this process is no part of the time */
static pid_t execute(const struct subject *s)
{
	volatile int exec_errno = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		execv(s->word[s->nwords], s->word + s->nwords);
		exec_errno = errno;
		_exit(127);
	}
	if (pid < 0)
		die("vfork: %s", strerror(errno));
	if (exec_errno)
		die("%s: %s: %s", s->label, s->word[s->nwords], strerror(exec_errno));
	return pid;
}

void run_once(struct subject *s, int round)
{
	const uint64_t from = now_ns();
	const int status = reap(execute(s));
	const uint64_t to = now_ns();

	if (WIFSIGNALED(status))
		die("%s: %s was killed by signal %d (round %d)", s->label, s->word[0], WTERMSIG(status), round);
	if (WEXITSTATUS(status) != 0)
		die("%s: %s exited with %d (round %d)", s->label, s->word[0], WEXITSTATUS(status), round);
	say(s, "", ms(from, to));
}

void end_once(struct subject *s, int round)
{
	const int fd = stamp_socket(s->word[0]);
	const pid_t pid = execute(s);
	uint64_t stamp, from;
	const pid_t payload = wait_stamp(s, fd, &stamp);

	(void)round;
	poll(NULL, 0, UPTIME);
	from = now_ns();
	if (kill(payload, SIGKILL) < 0)
		die("%s: kill: %s", s->label, strerror(errno));
	if (reap(pid) == 0)
		die("%s: does not tell that its payload was killed", s->label);
	say(s, "", ms(from, now_ns()));
}

void first_once(struct subject *s, int round)
{
	const int fd = stamp_socket(s->word[0]);
	const pid_t pid = start_life(s, 0);
	uint64_t stamp;

	(void)round;
	wait_stamp(s, fd, &stamp);
	say(s, "", ms(started_ns(), stamp));
	stop_life(pid);
}

/* ---- life */

static void say_memory(const struct subject *s)
{
	char path[64], line[256];
	double kib = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/smaps_rollup", (int)s->life);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file))
		if (!strncmp(line, "Pss:", 4))
			kib = strtod(line + 4, NULL);
	if (file)
		fclose(file);
	if (kib > 0)
		say(s, "-memory", kib);
}

static void say_descriptors(const struct subject *s)
{
	char path[64];
	int n = -2;
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%d/fd", (int)s->life);
	dir = opendir(path);
	if (!dir)
		return;
	while (readdir(dir))
		n++;
	closedir(dir);
	say(s, "-descriptors", n);
}

void life_start(struct subject *s)
{
	const int fd = stamp_socket(s->word[1]), count = atoi(s->word[0]);
	uint64_t ns;

	s->life = start_life(s, 0);
	for (int i = 0; i < count; i++)
		s->payload = wait_stamp(s, fd, &ns);
	poll(NULL, 0, 300);
	say_memory(s);
	say_descriptors(s);
}

/* Whoever looks on is woken, too, which the supervisor notices: hence in every other round. */
void life_once(struct subject *s, int round)
{
	const int fd = stamp_socket(s->word[1]);
	const int old = round & 1 ? (int)syscall(SYS_pidfd_open, s->payload, 0) : -1;
	struct pollfd p = { .fd = old, .events = POLLIN };
	uint64_t killed, ended = 0, ns;

	poll(NULL, 0, UPTIME);
	killed = now_ns();
	if (kill(s->payload, SIGKILL) < 0)
		die("%s: kill: %s", s->label, strerror(errno));
	if (old >= 0 && poll(&p, 1, 20000) > 0)
		ended = now_ns();
	s->payload = wait_stamp(s, fd, &ns);
	if (ended) {
		say(s, "-end", ms(killed, ended));
		say(s, "-next", ms(ended, ns));
	} else {
		say(s, "", ms(killed, ns));
	}
	if (old >= 0)
		close(old);
}

void life_stop(struct subject *s)
{
	stop_life(s->life);
}

/* ---- rate */

struct lane {
	pid_t pid;
	int fifo, n;
	char path[256];
	uint64_t *ns;
};

static void lane_open(struct subject *s, struct lane *l, int number, int count)
{
	const char *box = s->word[2], *mark = strchr(box, '%');

	snprintf(l->path, sizeof l->path, "%.*s%.*d%s%s", mark ? (int)(mark - box) : (int)strlen(box), box,
	    mark ? 1 : 0, mark ? number : 0, mark ? mark + 1 : "", STAMP_FIFO);
	l->ns = calloc((size_t)count, sizeof *l->ns);
	unlink(l->path);
	if (!l->ns || mkfifo(l->path, 0666) < 0 || chmod(l->path, 0666) < 0)
		die("%s: %s", l->path, strerror(errno));
	l->fifo = open(l->path, O_RDWR | O_CLOEXEC);
	if (l->fifo < 0)
		die("%s: %s", l->path, strerror(errno));
	l->pid = start_life(s, number);
}

/* Until there are as many; it is not waited in read, so that no payload wakes this process. */
static int lane_full(const struct subject *s, struct lane *l, int count)
{
	int room = (int)((size_t)(count - l->n) * sizeof *l->ns), there = 0;
	ssize_t got;

	if (room == 0)
		return 1;
	if (ioctl(l->fifo, FIONREAD, &there) < 0)
		die("%s: %s", l->path, strerror(errno));
	if (there < room && there < 32768)
		return 0;
	got = read(l->fifo, l->ns + l->n, (size_t)room);
	if (got < 0)
		die("%s: %s", l->path, strerror(errno));
	l->n += (int)((size_t)got / sizeof *l->ns);
	if (waitpid(l->pid, NULL, WNOHANG) != 0)
		die("%s: ended", s->label);
	return l->n == count;
}

/* Of the time in which all of them were at work, without the first tenth, when templates are made. */
static double lanes_rate(const struct lane *lane, int n, int count)
{
	uint64_t from = 0, to = UINT64_MAX;
	int i, j, starts = 0;

	for (i = 0; i < n; i++) {
		if (lane[i].ns[count / 10] > from)
			from = lane[i].ns[count / 10];
		if (lane[i].ns[count - 1] < to)
			to = lane[i].ns[count - 1];
	}
	for (i = 0; i < n; i++)
		for (j = 0; j < count; j++)
			starts += lane[i].ns[j] > from && lane[i].ns[j] <= to;
	return to > from ? starts / (ms(from, to) / 1e3) : 0;
}

void rate_once(struct subject *s, int round)
{
	const int n = atoi(s->word[0]), count = atoi(s->word[1]);
	const uint64_t until = now_ns() + 60000000000U;
	struct lane lane[MAX_LIVES];
	double rate;
	int i, full;

	(void)round;
	if (n < 1 || n > MAX_LIVES || count < 10)
		die("%s: want 1 to %d supervisors and 10 starts", s->label, MAX_LIVES);
	for (i = 0; i < n; i++) {
		lane[i] = (struct lane){ 0 };
		lane_open(s, &lane[i], i + 1, count);
	}
	do {
		poll(NULL, 0, 10);
		for (full = i = 0; i < n; i++)
			full += lane_full(s, &lane[i], count);
		if (now_ns() > until)
			die("%s: %d starts take more than a minute", s->label, count);
	} while (full < n);
	for (i = 0; i < n; i++)
		stop_life(lane[i].pid);
	rate = lanes_rate(lane, n, count);
	if (rate > 0)
		say(s, "", rate);
	for (i = 0; i < n; i++) {
		close(lane[i].fifo);
		unlink(lane[i].path);
		free(lane[i].ns);
	}
}
