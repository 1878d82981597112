/*
 * Starts without a launcher. The second launcher of a service leaves the plan for later ones in memory
 * that it shares with the supervisor, which then clones the sandbox by itself: a child that shares its memory, on a stack
 * of its own, and takes the steps while the supervisor goes on. Whatever does not go this way, goes by a launcher.
 */
#include "supervise/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "apply/walk.h"
#include "archive/texts.h"
#include "base/stacks.h"
#include "kernel/k.h"
#include "supervise/mail.h"
#include "supervise/supervise.h"

enum { CHILD_STACK = 128 << 10 };

/* At the start of each stack's room. The child's own from its clone on, but for what is read here when it has ended. */
struct slot {
	struct walk walk;
	struct arena arena;
	struct ends ends;
	unsigned number;
	uint8_t mailed, begun;	/* its descriptors come by mail; it has them */
};

static char *plans;				/* SERVICES times DIRECT_ROOM */
static const struct service *user[STACKS];	/* of each stack */
static int template[SERVICES];			/* by place: 1 and its descriptor; 0: none */
static uint8_t used[STACKS];			/* since the last rest */
static int null = -1;

static int has_console(const struct service_conf *c, const struct plan *plan)
{
	(void)plan;
	return c->type == SERVICE_CONSOLE;
}

static int has_address(const struct service_conf *c, const struct plan *plan)
{
	(void)plan;
	return c->ready == READY_NOTIFY && !c->own_mounts;
}

static int has_host_steps(const struct service_conf *c, const struct plan *plan)
{
	int others = 0;

	(void)c;
	for (unsigned i = 0; i < plan->nsteps; i++)
		others |= step_table[plan->step[i].kind].side == SIDE_HOST && plan->step[i].kind != STEP_CHANNEL &&
			  plan->step[i].kind != STEP_CLONE;
	return others;
}

static int is_copied(const struct service_conf *c, const struct plan *plan)
{
	(void)c;
	return plan->child != CHILD_VM;
}

static int (*const rows[])(const struct service_conf *c, const struct plan *plan) = {
#define DIRECT(test, why) test,
#include "supervise/direct.def"
#undef DIRECT
};

int direct_never(const struct service_conf *conf, const struct plan *plan)
{
	for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++)
		if (rows[i](conf, plan))
			return i + 1;
	return 0;
}

const char *direct_why(unsigned row)
{
	return row && row <= sizeof rows / sizeof *rows ? text_of(TEXTS_DIRECT, row - 1) : "";
}

void direct_init(void)
{
	int fd;

	if (plans)
		return;
	null = k_open(AT_FDCWD, "/dev/null", O_RDWR, 0);
	/* A file: no kernel sets memory aside for what is only reserved. */
	fd = k_memfd("hutch-plans", 0);
	if (fd >= 0 && !k_resize(fd, (off_t)SERVICES * DIRECT_ROOM))
		plans = k_map(fd, (size_t)SERVICES * DIRECT_ROOM, 0, MAP_SHARED);
	k_close(fd);
	if (!plans)
		return;
	k_madvise(plans, (size_t)SERVICES * DIRECT_ROOM, MADV_DONTFORK);
	stacks_init(k_memory((size_t)STACKS * STACK_ROOM, 0));
	if (stack_at(0))
		mail_init();
	if (stack_at(0))
		k_madvise(stack_at(0), (size_t)STACKS * STACK_ROOM, MADV_DONTFORK);
}

static struct direct_plan *plan_of(const struct service *v)
{
	return (struct direct_plan *)(void *)(plans + place_number(v) * (size_t)DIRECT_ROOM);
}

struct direct_plan *direct_room(const struct service *v)
{
	return plans && stack_at(0) && v->starts && !v->no_direct && !plan_of(v)->valid ? plan_of(v) : NULL;
}

struct direct_plan *direct_template_of(const struct service *v, int *to)
{
	if (!plans || !v->starts || __atomic_load_n(&plan_of(v)->valid, __ATOMIC_ACQUIRE) != DIRECT_TEMPLATE)
		return NULL;
	*to = template[place_number(v)] - 1;
	return *to < 0 ? NULL : plan_of(v);
}

void direct_share(struct direct_plan *p, int yes)
{
	if (p)
		k_madvise(p, DIRECT_ROOM, yes ? MADV_DOFORK : MADV_DONTFORK);
}

static int direct_main(void *argument)
{
	struct slot *d = argument;
	const char *what;

	k_fault_side('i');
	/* Until then the table of descriptors is the supervisor's own. */
	if (d->mailed && mail_receive(d->number, &d->ends))
		k_exit(125);
	d->begun = 1;
	d->walk.channel = d->ends.keep[ENDS_CHANNEL];
	if (ends_arrange(&d->ends, &what)) {
		channel_send(&d->walk, REC_FAILED, errno, 0, what, -1);
		k_exit(125);
	}
	d->walk.channel = d->ends.keep[ENDS_CHANNEL];
	d->walk.template = d->ends.keep[ENDS_TEMPLATE];
	memcpy(d->walk.ahead, d->ends.keep + ENDS_AHEAD, sizeof d->walk.ahead);
	walk_on(&d->walk);
}

static unsigned free_stack(void)
{
	unsigned i = 0;

	while (i < STACKS && user[i])
		i++;
	return i;
}

/* Which signals are not as a payload has to find them. They are not changed any more. */
static uint64_t signals_set(void)
{
	static uint64_t set, asked;

	for (int i = 0; !asked && i < 64; i++)
		set |= (uint64_t)!k_signal_is_default(i + 1) << i;
	asked = 1;
	return set;
}

int direct_start(struct service *v, const struct ends *ends)
{
	struct direct_plan *p = plans ? plan_of(v) : NULL;
	unsigned i = free_stack();
	struct slot *d;
	uint64_t mask;
	int pid;

	if (!p || !v->starts || v->no_direct || __atomic_load_n(&p->valid, __ATOMIC_ACQUIRE) != DIRECT_PLAN || i == STACKS)
		return 0;
	d = (struct slot *)(void *)stack_at(i);
	arena_init(&d->arena, (char *)(d + 1), STACK_ROOM - CHILD_STACK - sizeof *d);
	if (walk_init(&d->walk, &p->plan, &d->arena))
		return 0;
	d->ends = *ends;
	d->ends.null = null;
	d->walk.channel = ends->keep[ENDS_CHANNEL];
	d->walk.at = p->plan.clone;
	d->walk.alone = 1;
	d->walk.signals = signals_set();
	d->ends.keep[ENDS_TEMPLATE] = template[place_number(v)] - 1;
	d->walk.identity = p->identity;
	d->walk.seen = &p->seen;
	d->number = i;
	d->begun = 0;
	d->mailed = v->image->facts.close_range && !mail_send(i, &d->ends);
	/* Until it has given them up, no handler of ours runs in it. */
	pid = k_sigmask(~0ull, &mask);
	used[i] = 1;
	if (!pid) {
		pid = k_clone(direct_main, stack_at(i) + STACK_ROOM, (unsigned)p->plan.step[p->plan.clone].op[0].n |
			      CLONE_VM | (d->mailed ? CLONE_FILES : 0) | SIGCHLD, d);
		k_sigmask(mask, NULL);
	}
	if (pid > 0)
		user[i] = v;
	else if (d->mailed)
		mail_drain(i);
	return pid > 0 ? pid : 0;
}

int direct_ended(const struct service *v)
{
	const struct slot *d;

	for (unsigned i = 0; i < STACKS; i++)
		if (user[i] == v) {
			user[i] = NULL;
			d = (const struct slot *)(const void *)stack_at(i);
			if (d->begun)
				return d->walk.at + 1 == d->walk.plan->nsteps;
			if (d->mailed)
				mail_drain(i);
			return -1;
		}
	/* The program that started it was another one: all but this is known. */
	return 1;
}

const char *direct_exec(const struct service *v, int step)
{
	const struct direct_plan *p = plans ? plan_of(v) : NULL;

	return p && p->valid == DIRECT_PLAN && step + 1 == (int)p->plan.nsteps ? p->exec : NULL;
}

void direct_template(const struct service *v, int fd)
{
	k_close(template[place_number(v)] - 1);
	template[place_number(v)] = fd + 1;
}

void direct_drop(struct service *v)
{
	v->no_direct = 0;
	if (!plans)
		return;
	direct_template(v, -1);
	if (v->starts)
		k_madvise(plan_of(v), DIRECT_ROOM, MADV_REMOVE);
}

void direct_rest(void)
{
	for (unsigned i = 0; i < STACKS; i++)
		if (used[i] && !user[i]) {
			used[i] = 0;
			k_madvise(stack_at(i), STACK_ROOM, MADV_DONTNEED);
		}
}
