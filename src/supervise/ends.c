/* The descriptors of a payload at their numbers, in a child that has all those of the supervisor. */
#include "supervise/ends.h"

#include <errno.h>
#include <fcntl.h>

#include "kernel/k.h"
#include "plan/plan.h"
#include "supervise/supervise.h"

/* A terminal that is not there now is looked for again by the next attempt. */
static int give_console(const char *path)
{
	int fd = console_open(path), failed;

	if (fd < 0)
		return -1;
	/* Who reads there does not expect to be told that nothing was typed yet. */
	k_fcntl(fd, F_SETFL, O_RDWR);
	failed = k_dup2(fd, 0, 0) < 0 || k_dup2(fd, 1, 0) < 0 || k_dup2(fd, 2, 0) < 0;
	k_close(fd);
	return -failed;
}

/* A /dev without null is no reason not to run: standard input is at its end then, too. */
static int null_open(void)
{
	int fd = k_open(AT_FDCWD, "/dev/null", O_RDWR, 0), end[2];

	if (fd < 0 && !k_pipe(end)) {
		fd = end[0];
		k_close(end[1]);
	}
	return fd;
}

unsigned ends_each(struct ends *e, int *to[ENDS_MOST])
{
	int *const three[] = {&e->log, &e->ready, &e->null};
	unsigned n = 0;

	for (int i = 0; i < 3 + ENDS_KEEP + e->nlisten; i++) {
		int *fd = i < 3 ? three[i] : i < 3 + ENDS_KEEP ? &e->keep[i - 3] : &e->listen[i - 3 - ENDS_KEEP];

		if (*fd >= 0)
			to[n++] = fd;
	}
	return n;
}

/* Above all numbers that the payload has. */
static int put_away(struct ends *e, int top)
{
	int *fd[ENDS_MOST];
	unsigned n = ends_each(e, fd);

	for (unsigned i = 0; i < n; i++)
		if (*fd[i] <= top && (*fd[i] = k_fcntl(*fd[i], F_DUPFD_CLOEXEC, top + 1)) < 0)
			return -1;
	return 0;
}

static void close_between(int from, int to)
{
	if (from <= to)
		k_close_range((unsigned)from, (unsigned)to);
}

/* Those from this number on, in their order; how many. */
static unsigned kept_from(const struct ends *e, int from, int to[ENDS_KEEP])
{
	unsigned n = 0, k;

	for (int i = 0; i < ENDS_KEEP; i++) {
		if (e->keep[i] < from)
			continue;
		for (k = n++; k && to[k - 1] > e->keep[i]; k--)
			to[k] = to[k - 1];
		to[k] = e->keep[i];
	}
	return n;
}

/*
 * What the supervisor holds for all the others: with the payload's own limit there
 * would be no number left to open anything.
 */
static void close_others(const struct ends *e)
{
	int from = SERVICE_FIRST_FD + e->nlisten, kept[ENDS_KEEP];
	unsigned n;

	k_set_nofile(e->nofile);
	if (e->ready >= 0) {
		close_between(from, e->ready_at - 1);
		from = e->ready_at + 1;
	}
	n = kept_from(e, from, kept);
	for (unsigned i = 0; i < n; from = kept[i++] + 1)
		close_between(from, kept[i] - 1);
	k_close_range((unsigned)from, ~0u);
}

int ends_arrange(struct ends *e, const char **what)
{
	int top = SERVICE_FIRST_FD + e->nlisten - 1;

	*what = PACKED("descriptors of the payload");
	if (e->ready >= 0 && e->ready_at > top)
		top = e->ready_at;
	if (e->null < 0)
		e->null = null_open();
	if (put_away(e, top))
		return -1;
	if (e->null < 0 || k_dup2(e->null, 0, 0) < 0 || k_dup2(e->log, 1, 0) < 0 || k_dup2(e->log, 2, 0) < 0)
		return -1;
	if (e->is_console && give_console(e->console)) {
		*what = PACKED("the console");
		return -1;
	}
	for (int i = 0; i < e->nlisten; i++)
		if (k_dup2(e->listen[i], SERVICE_FIRST_FD + i, 1) < 0)
			return -1;
	if (e->ready >= 0 && k_dup2(e->ready, e->ready_at, 1) < 0)
		return -1;
	close_others(e);
	return 0;
}
