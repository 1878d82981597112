/*
 * The small init inside: reaps, forwards signals, ends with its payload. It is this
 * very program, not a file of the sandbox; the payload can neither trace it nor
 * open it through /proc, for it is not dumpable.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "apply/init.h"
#include "apply/channel.h"
#include "apply/inside.h"
#include "apply/path.h"
#include "apply/proc.h"
#include "apply/process.h"
#include "base/text.h"
#include "kernel/k.h"

/* In tests what is noted about calls lies in shared memory, too. */
#ifdef HUTCH_FAULT
enum { ALL_SIGNALS = -1, NOTES = 1 };
#else
enum { ALL_SIGNALS = -1, NOTES = 0 };
#endif

char payload_stack[PAYLOAD_STACK] __attribute__((aligned(4096)));

/* Whole pages within, as far as they can be told: the init needs none of it any more. */
static void forget_pages(const char *from, uintptr_t to)
{
	const uintptr_t page = 4096;
	uintptr_t first = ((uintptr_t)from + page - 1) & ~(page - 1), last = to & ~(page - 1);

	if (first < last)
		k_madvise((void *)first, last - first, MADV_DONTNEED);
}

int init_is_seen(const struct plan *plan)
{
	/* In a user namespace of its own, the payload has no such right over a program that began outside. */
	return plan->profile->caps[CAPS_BOUNDING] >> CAP_SYS_PTRACE_ & 1 && !(plan->namespaces & CLONE_NEWUSER_);
}

int init_passed(int gate)
{
	int passed;
	char byte;
	long n;

	while ((n = k_receive(gate, &byte, 1, &passed, 1)) < 0 && errno == EINTR)
		;
	return (int)n;
}

/* What a supervisor shares with all its children: whoever writes there tells them what to do. */
static int forget_shared(struct walk *w)
{
	int proc = w->proc < 0 ? proc_open() : w->proc;
	size_t n;
	const char *line = proc_read(proc, "self/maps", w->arena, &n);

	if (!line)
		return -1;
	while (*line) {
		uintptr_t from = (uintptr_t)text_number(&line, 16), to;

		line++;
		to = (uintptr_t)text_number(&line, 16);
		if (line[4] == 's' && !NOTES && k_forget((void *)from, to - from))
			return -1;
		line = text_find(line, "\n") + 1;
	}
	return 0;
}

/* Everything that the init held for the payload: descriptors, and the plan's memory. */
static void let_go(struct walk *w)
{
	const int keep = 3;
	int gate = w->gate[0];
	char here;

	forget_pages(w->arena->base, (uintptr_t)w->arena->base + w->arena->size);
	forget_pages(payload_stack, (uintptr_t)payload_stack + sizeof payload_stack);
	if (w->waste)
		k_forget(w->waste, w->nwaste & ~(size_t)4095);
	/* Below the part of the stack in use lies what the steps left there. Behind a fork step
	 * another one is in use, and the walk itself lies here. */
	if ((uintptr_t)&here - (uintptr_t)walk_stack < WALK_STACK)
		forget_pages(walk_stack, (uintptr_t)&here - 2048);

	/* A gate is made after the channel, and lies behind it. */
	if (w->channel != keep && k_dup2(w->channel, keep, 1) >= 0)
		w->channel = keep;
	if (gate > keep + 1)
		k_close_range((unsigned)keep + 1, (unsigned)gate - 1);
	k_close_range((unsigned)(gate > keep ? gate : keep) + 1, ~0u);
	for (int i = 0; i < 3; i++)
		k_close(i);
}

/* No right is left but to signal a payload that changed its user. */
static void drop_caps(struct walk *w)
{
	struct cap_data_ have[2] = {{0}}, keep[2] = {{0}};

	/* A second fence round code of our own, which the payload cannot reach: nobody asked
	 * for it, so its payload does not end where one of these could fail. */
	k_prctl(PR_SET_NO_NEW_PRIVS_, 1, 0, 0);
	if (k_capget(have))
		return;
	for (unsigned long cap = 0; cap < CAP_NAMES; cap++)
		if (w->bset >> cap & 1 && have[0].effective >> CAP_SETPCAP_ & 1)
			k_prctl(PR_CAPBSET_DROP_, cap, 0, 0);
	keep[0].permitted = keep[0].effective = have[0].permitted & 1u << CAP_KILL_;
	k_capset(keep);
}

/* The payload is gone: so is everything else in here. */
static void finish(struct walk *w, int status)
{
	k_kill(-1, SIGKILL);
	while (k_wait(-1, NULL, 0) > 0 || errno == EINTR)
		;
	channel_send(w, REC_EXITED, 0, status, "", -1);
	k_exit(status_code(status));
}

static void reap(struct walk *w)
{
	int pid, status;

	while ((pid = k_wait(-1, &status, WNOHANG)) > 0 || (pid < 0 && errno != ECHILD))
		if (pid == w->payload)
			finish(w, status);
	if (pid < 0 && errno == ECHILD)
		finish(w, 125 << 8);	/* cannot be: the payload is reaped above only */
}

/* What its payload may never have the init needs no more either: both are rid of it in one go. */
static int bound_both(struct walk *w)
{
	unsigned at = w->at;

	k_fault_step(step_name(STEP_CAPS_BOUND));
	for (; w->at < w->plan->nsteps; w->at++)
		if (w->plan->step[w->at].kind == STEP_CAPS_BOUND && do_CAPS_BOUND(w, &w->plan->step[w->at])) {
			unmake_points(w);
			return -1;
		}
	w->at = at;
	k_fault_step(step_name(STEP_INIT_START));
	return 0;
}

int init_prepare(struct walk *w)
{
	/* Before the payload is: it must not find a moment to attach. */
	if (parent_check(w) || k_prctl(PR_SET_DUMPABLE_, 0, 0, 0) ||
	    /* A launch from a template stands where it has mounted last. */
	    (w->plan->part == PART_LAUNCH && k_chdir("/")) ||
	    k_sigmask((uint64_t)ALL_SIGNALS, NULL))
		return w->err.step >= 0 ? -1 : step_error(w);
	return bound_both(w);
}

static void __attribute__((noreturn)) give_up(struct walk *w)
{
	channel_send(w, REC_FAILED, errno, 0, "", -1);
	k_exit(125);
}

/* The end of the gate is the payload's exec. What fails before that has told so itself. */
static void give_away(struct walk *w)
{
	k_fault_step(step_name(STEP_INIT_START));
	if (forget_shared(w))
		give_up(w);
	k_fault_step("init");
	drop_caps(w);
	let_go(w);
	k_fault_step(step_name(STEP_INIT_START));
	if (k_send(w->gate[0], "", 1, -1) != 1)
		give_up(w);
	k_fault_step("init");
	if (init_passed(w->gate[0]) != 1)
		channel_send(w, REC_STARTED, 0, 0, "", -1);
	k_close(w->gate[0]);
}

void init_serve(struct walk *w)
{
	k_fault_step("init");
	if (w->gate[0] < 0) {
		drop_caps(w);
		channel_send(w, REC_STARTED, 0, 0, "", -1);
		let_go(w);
	} else {
		give_away(w);
	}
	for (;;) {
		int signal = k_sigwait((uint64_t)ALL_SIGNALS, -1);

		if (signal == SIGCHLD)
			reap(w);
		else if (signal > 0)
			k_kill(w->payload, signal);
	}
}

void init_stand_by(struct walk *w, int child)
{
	int status, got;

	drop_caps(w);
	k_sigmask((uint64_t)ALL_SIGNALS, NULL);
	let_go(w);
	k_close(w->channel);
	for (;;) {
		int signal = k_sigwait((uint64_t)ALL_SIGNALS, -1);

		while (signal == SIGCHLD && (got = k_wait(child, &status, WNOHANG)) != 0)
			if (got == child)
				k_exit(status_code(status));
			else if (errno != EINTR)
				k_exit(125);
		if (signal > 0 && signal != SIGCHLD)
			k_kill(child, signal);
	}
}
