/*
 * A child gets a copy of all descriptors, and closes them: with thousands of services that takes longer than
 * all the rest of a launch. So one that shares our memory shares our table of descriptors too at first, and takes a copy of the
 * lowest numbers only. There is a socket for each stack, in which what it needs waits for it. Nothing that comes to
 * an end some day may be held by us, or by another child: it is in the mail alone.
 */
#include "supervise/mail.h"

#include "base/stacks.h"
#include "kernel/k.h"
#include "supervise/supervise.h"

/*
 * From how many descriptors that are watched on: one more message costs as much as copies of those and of as many that are only held.
 * The boxes are made when there are some, for each child has copies of them, too; then low numbers are still free.
 * Tests have it always so.
 */
#ifdef HUTCH_FAULT
enum { MANY = 1, SOME = 0, LOW = 96 };
#else
enum { MANY = 48, SOME = 6, LOW = 96 };
#endif

static struct box {
	int in, out;
} box[STACKS];
static unsigned low;		/* the child's copy ends below it; 0: there are no boxes */

void mail_prepare(void)
{
	static uint8_t done;
	int end[2];

	if (done || watch_count() < SOME || !stack_at(0))
		return;
	done = 1;
	for (unsigned i = 0; i < STACKS; i++) {
		if (k_socketpair(end))
			break;
		box[i] = (struct box){end[1], end[0]};
		if (end[0] >= LOW)
			break;
		if (i == STACKS - 1)
			low = (unsigned)end[0] + 1;
	}
}

int mail_send(unsigned i, struct ends *e)
{
	int *from[ENDS_MOST], fd[ENDS_MOST];
	unsigned n;

	if (!low || watch_count() < MANY)
		return -1;
	n = ends_each(e, from);
	for (unsigned k = 0; k < n; k++)
		fd[k] = *from[k];
	return k_pass(box[i].in, fd, n);
}

int mail_receive(unsigned i, struct ends *e)
{
	int *to[ENDS_MOST], fd[ENDS_MOST];
	unsigned n = ends_each(e, to);

	if (k_close_range_unshare(low) || k_take(box[i].out, fd, ENDS_MOST) != (int)n)
		return -1;
	for (unsigned k = 0; k < n; k++)
		*to[k] = fd[k];
	return 0;
}

void mail_drain(unsigned i)
{
	int fd[ENDS_MOST], n;

	while (low && (n = k_take(box[i].out, fd, ENDS_MOST)) >= 0)
		for (int k = 0; k < n; k++)
			k_close(fd[k]);
}
