/* The walker, see walk.h. Knows no step by itself but those where the sides part, at the end. */
#include "apply/walk.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "apply/channel.h"
#include "apply/init.h"
#include "apply/inside.h"
#include "apply/live.h"
#include "apply/path.h"
#include "apply/registry.h"
#include "base/text.h"
#include "kernel/k.h"

static step_fn *const executors[STEP_KINDS] = {
#define STEP(id, name, side, blocks, operands, help) do_##id,
#include "plan/steps.def"
#undef STEP
};

int walk_init(struct walk *w, const struct plan *plan, struct arena *a)
{
	memset(w, 0, sizeof *w);
	w->plan = plan;
	w->arena = a;
	w->err.step = -1;
	w->bound = w->bset = w->signals = ~0ull;
	w->fd = ARENA_ARRAY(a, int, plan->slots + 1);
	w->note = ARENA_ARRAY(a, struct note, plan->slots + 1);
	for (int i = 0; i < NS_COUNT; i++)
		w->ahead[i] = -1;
	w->gate[0] = w->gate[1] = w->channel = w->far_channel = w->group_fd = w->template = w->proc = w->base = w->root = w->scratch = -1;
	if (!w->fd || !w->note)
		return err_set(&w->err, ENOMEM, "the plan is too large");
	for (unsigned i = 0; i <= plan->slots; i++)
		w->fd[i] = -1;
	return 0;
}

/* Bytes; more than what a call of clone has on the stack. */
enum { VFORK_GAP = 1024 };

static int step_do(struct walk *w)
{
	const struct step *s = &w->plan->step[w->at];

	k_fault_step(step_name(s->kind));
	return executors[s->kind](w, s);
}

/* Whoever talks to a child that is gone already learns from it why. */
static void hear_child(struct walk *w)
{
	struct record r;
	int passed = -1;

	if (w->pid <= 0 || w->channel < 0)
		return;
	while (channel_receive(w->channel, &r, &passed, 0) == 1) {
		k_close(passed);
		if (r.kind != REC_FAILED || r.step < 0 || (unsigned)r.step >= w->plan->nsteps)
			continue;
		err_set(&w->err, r.code, "%s", r.text);
		w->err.step = r.step;
	}
}

int walk_hear(struct walk *w, struct record *r, int *passed)
{
	int got = 0;

	*passed = -1;
	if (w->channel < 0 && !w->told)
		return -1;
	if (!w->told) {
		got = channel_receive(w->channel, r, passed, 0);
	} else if (w->told->apart) {
		*r = (struct record){.kind = REC_READY};
		w->told->apart = 0;
		got = 1;
	} else if (w->told->heard < w->told->n) {
		*r = w->told->record[w->told->heard++];
		got = 1;
	}
	if (!got) {
		w->told = NULL;
		k_close(w->channel);
		w->channel = -1;
	}
	return got;
}

static int walk_from(struct walk *w, unsigned at)
{
	for (w->at = at; w->at < w->plan->nsteps; w->at++) {
		if (step_table[w->plan->step[w->at].kind].side != SIDE_HOST ||
		    w->plan->step[w->at].kind == STEP_MEET)
			break;
		if (step_do(w)) {
			hear_child(w);
			walk_undo(w);
			return -1;
		}
	}
	k_fault_step("serve");
	return 0;
}

int walk_host(struct walk *w)
{
	return walk_from(w, 0);
}

int walk_met(struct walk *w)
{
	return w->plan->step[w->at].kind == STEP_MEET ? walk_from(w, w->at + 1) : 0;
}

static void close_all(struct walk *w)
{
	for (unsigned i = 0; i < w->plan->slots; i++)
		if (w->fd[i] >= 0) {
			k_close(w->fd[i]);
			w->fd[i] = -1;
		}
	k_close(w->channel);
	k_close(w->far_channel);
	w->channel = w->far_channel = -1;
}

void walk_leave(struct walk *w)
{
	if (w->published || w->group_fd >= 0)
		group_leave(w);
	if (w->registered)
		registry_leave(w);
}

void walk_undo(struct walk *w)
{
	/* Who has another parent may be waited for by now, and its number somebody else's: the
	 * supervisor ends it. */
	if (w->pid > 0 && !w->born) {
		k_kill(w->pid, SIGKILL);
		while (k_wait(w->pid, NULL, 0) < 0 && errno == EINTR)
			;
		w->pid = 0;
	}
	walk_leave(w);
	close_all(w);
}

static void unmake(struct walk *w)
{
	if (w->plan->root_switch == SWITCH_LIVE)
		live_undo(w);
	unmake_points(w);
}

void walk_on(struct walk *w)
{
	for (w->at++; w->at < w->plan->nsteps; w->at++) {
		if (step_table[w->plan->step[w->at].kind].side == SIDE_HOST)
			continue;
		if (step_do(w)) {
			/* The payload-to-be may have no right to; its init has, unless it has given all away. */
			if (!w->plan->init || w->gate[1] >= 0 || step_table[w->plan->step[w->at].kind].side != SIDE_PAYLOAD)
				unmake(w);
			channel_send(w, REC_FAILED, w->err.code, 0, w->err.text, -1);
			if (w->gate[1] >= 0)
				k_send(w->gate[1], "", 1, -1);
			break;
		}
	}
	k_exit(125);
}

int walk_inside(void *host_walk)
{
	struct walk *host = host_walk, w = *host;

	k_fault_side('i');
	if (host->told)
		host->told->apart = 0;
	/* With vfork the memory is the host's: its slots stay as they are. */
	w.fd = ARENA_ARRAY(w.arena, int, w.plan->slots + 1);
	if (!w.fd)
		k_exit(125);
	memcpy(w.fd, host->fd, sizeof(int) * (w.plan->slots + 1));
	/* Else this end would keep the channel alive when hutch dies. */
	k_close(host->channel);
	/* And this copy of the lock on the group's file would outlive hutch's own. */
	k_close(host->group_fd);
	w.group_fd = -1;
	w.channel = host->far_channel;
	w.far_channel = -1;
	w.pid = 0;
	w.err.step = -1;
	walk_on(&w);
}

int do_CLONE(struct walk *w, const struct step *s)
{
	unsigned flags = (unsigned)s->op[0].n | SIGCHLD;

	char *stack = walk_stack + sizeof walk_stack;

	if (s->op[3].n && k_prctl(PR_SET_DUMPABLE_, 0, 0, 0))
		return step_error(w);
	/* The host side sleeps: its stack below the frames of this call is free, and warm. */
	if (s->op[1].n) {
		flags |= CLONE_VM | CLONE_VFORK;
		stack = (char *)__builtin_frame_address(0) - VFORK_GAP;
	}
	/* A launch ends when its sandbox is built: the supervisor is its parent from the start. */
	w->pid = w->born ? k_clone_sibling(walk_inside, walk_stack + sizeof walk_stack,
					   (unsigned)s->op[0].n, w, w->born)
			 : k_clone(walk_inside, stack, flags, w);
	if (w->pid < 0) {
		w->pid = 0;
		return step_error(w);
	}
	/* With the child alone holding it, the channel ends when the child does. */
	k_close(w->far_channel);
	w->far_channel = -1;
	return 0;
}

static int payload_main(void *walk)
{
	walk_on(walk);
}

static int payload_apart(void *walk)
{
	struct walk *w = walk;

	k_close(w->gate[0]);
	switch (init_passed(w->gate[1])) {
	case 1:
		walk_on(w);
	case -1:
		channel_send(w, REC_FAILED, errno, 0, "", -1);
		k_send(w->gate[1], "", 1, -1);
	}
	k_exit(125);
}

int do_INIT_START(struct walk *w, const struct step *s)
{
	(void)s;
	if (init_prepare(w))
		return -1;
	if (init_is_seen(w->plan)) {
		w->payload = k_socketpair(w->gate) ? -1 : k_clone(payload_apart, payload_stack + sizeof payload_stack, SIGCHLD, w);
		if (w->payload < 0)
			return step_error(w);
		k_close(w->gate[1]);
		init_serve(w);
	}
	/* Shares our memory until it executes its program: no page table is copied. */
	w->payload = k_clone(payload_main, payload_stack + sizeof payload_stack,
			     CLONE_VM | CLONE_VFORK | SIGCHLD, w);
	if (w->payload < 0)
		return step_error(w);
	if (w->err.step >= 0) {
		/* The child has told why. */
		unmake_points(w);
		k_exit(125);
	}
	init_serve(w);
}

/* Not the payload's: this child becomes the init, and shares its memory with that one. */
static char fork_stack[128 << 10] __attribute__((aligned(16)));

static int fork_main(void *walk)
{
	struct walk *w = walk;

	if (parent_check(w)) {
		channel_send(w, REC_FAILED, w->err.code, 0, w->err.text, -1);
		k_exit(125);
	}
	walk_on(w);
}

int do_FORK(struct walk *w, const struct step *s)
{
	int pid;

	(void)s;
	/* Joining a user namespace undid the tie to hutch. */
	if (parent_check(w))
		return -1;
	pid = k_clone(fork_main, fork_stack + sizeof fork_stack, SIGCHLD, w);
	if (pid < 0)
		return step_failed(w, "");
	init_stand_by(w, pid);
}
