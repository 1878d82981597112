/*
 * Starts without a launcher. The second launcher of a service leaves the plan for later ones in memory
 * that it shares with the supervisor, which then clones the sandbox by itself: a child that shares its memory, on a stack
 * of its own, or a copy, which has what a launch fills for itself; it takes the steps while the supervisor goes on. Whatever
 * does not go this way, goes by a launcher.
 */
#include "supervise/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "apply/channel.h"
#include "apply/proc.h"
#include "apply/walk.h"
#include "archive/texts.h"
#include "base/signals.h"
#include "base/stacks.h"
#include "base/text.h"
#include "kernel/k.h"
#include "supervise/mail.h"
#include "supervise/supervise.h"

enum { CHILD_STACK = 128 << 10, LOOK_MS = 2 };	/* ms, from a start until it is looked how far it has come */

/* At the start of each stack's room. The child's own from its clone on. */
struct slot {
	struct walk walk;
	struct arena arena;
	struct ends ends;
	struct direct_plan *plan;
	uint64_t signals;
	unsigned number;
	uint8_t mailed;		/* its descriptors come by mail */
	volatile int shares;	/* our memory: the kernel makes it 0 */
	struct told told;	/* instead of a channel */
};

static struct slot copied;			/* of one that is a copy: there it is its own */
static const struct arena *copied_arena;	/* untouched here */
static char *plans;				/* SERVICES times DIRECT_ROOM */
static struct service *user[STACKS];		/* of each stack, and its box */
static const struct image *reads[STACKS];	/* where the texts of its plan lie */
static struct {
	int template;		/* 1 and its descriptor; 0: none */
	uint8_t late;		/* the plan holds no more, but some process is at it */
} of[SERVICES];					/* by place, few of them in use: in one page */
static uint8_t used[STACKS];			/* since the last rest */
static uint8_t tells[STACKS];			/* its user has no channel */
static int lives;				/* this program, see k_clear_at_death */
static int null = -1, proc = -1;

static int has_console(const struct service_conf *c, const struct plan *plan, const struct facts *f)
{
	(void)plan;
	(void)f;
	return c->type == SERVICE_CONSOLE;
}

static int has_address(const struct service_conf *c, const struct plan *plan, const struct facts *f)
{
	(void)plan;
	(void)f;
	return c->ready == READY_NOTIFY && !c->own_mounts;
}

static int has_host_steps(const struct service_conf *c, const struct plan *plan, const struct facts *f)
{
	int others = 0;

	(void)c;
	(void)f;
	for (unsigned i = 0; i < plan->nsteps; i++)
		others |= step_table[plan->step[i].kind].side == SIDE_HOST && plan->step[i].kind != STEP_CHANNEL &&
			  plan->step[i].kind != STEP_CLONE;
	return others;
}

static int shows_plan(const struct service_conf *c, const struct plan *plan, const struct facts *f)
{
	(void)c;
	(void)plan;
	return f->suid_dumpable == 1;
}

static int (*const rows[])(const struct service_conf *c, const struct plan *plan, const struct facts *f) = {
#define DIRECT(test, why) test,
#include "supervise/direct.def"
#undef DIRECT
};

int direct_never(const struct service_conf *conf, const struct plan *plan, const struct facts *f)
{
	for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++)
		if (rows[i](conf, plan, f))
			return i + 1;
	return 0;
}

const char *direct_why(unsigned row)
{
	return row && row <= sizeof rows / sizeof *rows ? text_of(TEXTS_DIRECT, row - 1) : "";
}

void direct_init(const struct arena *a)
{
	int fd;

	copied_arena = a;
	if (plans)
		return;
	/* What the clone of a plan does on the host: none of its children is a way in, see plan/build.c. */
	if (!geteuid() && k_prctl(PR_SET_DUMPABLE_, 0, 0, 0))
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
	lives = !k_clear_at_death(&lives);
	if (stack_at(0))
		k_madvise(stack_at(0), (size_t)STACKS * STACK_ROOM, MADV_DONTFORK);
}

int direct_prepare(void)
{
	if (proc < 0)
		proc = proc_open();
	return proc >= 0;
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
	*to = of[place_number(v)].template - 1;
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
	struct direct_plan *p = d->plan;
	const char *what;

	k_fault_side('i');
	/* Until then the table of descriptors is the supervisor's own. */
	if (walk_init(&d->walk, &p->plan, &d->arena) || (d->mailed && mail_receive(d->number, &d->ends)))
		k_exit(125);
	p->begun = 1;
	d->walk.at = p->plan.clone;
	d->walk.built = &p->built;
	d->walk.signals = d->signals;
	d->walk.identity = p->identity;
	d->walk.seen = &p->seen;
	/* An init that stays has no use for it, and nobody inside may ever come to it. */
	d->walk.waste = (char *)p;
	d->walk.nwaste = DIRECT_ROOM;
	d->walk.channel = d->ends.keep[ENDS_CHANNEL];
	d->walk.told = tells[d->number] ? &d->told : NULL;
	if (ends_arrange(&d->ends, &what)) {
		channel_send(&d->walk, REC_FAILED, errno, 0, what, -1);
		k_exit(125);
	}
	d->walk.channel = d->ends.keep[ENDS_CHANNEL];
	d->walk.template = d->ends.keep[ENDS_TEMPLATE];
	d->walk.proc = d->ends.keep[ENDS_PROC];
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

/*
 * Which signals a payload would find ignored: they are not changed any more. Those that have a handler have none behind exec, and
 * what comes before that ends a child (crash.c).
 */
static uint64_t signals_ignored(void)
{
	static uint64_t set, asked;

	for (int i = 0; !asked && i < SIGNALS; i++)
		set |= (uint64_t)k_signal_is_ignored(i + 1) << i;
	asked = 1;
	return set;
}

/* As a copy, or where it shares our memory, on a stack: then no handler of ours runs in it until it has given them up. */
static int child_start(struct slot *d, unsigned flags)
{
	uint64_t mask;
	int pid;

	if (d == &copied) {
		direct_share(d->plan, 1);
		pid = k_clone(direct_main, walk_stack + sizeof walk_stack, flags, d);
		direct_share(d->plan, 0);
		return pid;
	}
	used[d->number] = 1;
	pid = k_sigmask(~0ull, &mask);
	if (!pid) {
		pid = k_clone_marked(direct_main, stack_at(d->number) + STACK_ROOM, flags | CLONE_VM, d, (int *)&d->shares);
		k_sigmask(mask, NULL);
	}
	return pid;
}

int direct_way(const struct service *v)
{
	const struct direct_plan *p = plans ? plan_of(v) : NULL;

	if (!p || !v->starts || v->again || v->no_direct || __atomic_load_n(&p->valid, __ATOMIC_ACQUIRE) != DIRECT_PLAN ||
	    free_stack() == STACKS)
		return 0;
	/* What is handed over can only be by a socket. */
	return p->plan.child == CHILD_VM && lives && !p->plan.tty && v->conf->ready != READY_NOTIFY ? DIRECT_TELLS : DIRECT_CHANNEL;
}

int direct_start(struct service *v, const struct ends *ends)
{
	struct direct_plan *p = plan_of(v);
	unsigned i = free_stack();
	struct slot *d;
	int pid;

	d = p->plan.child == CHILD_VM ? (struct slot *)(void *)stack_at(i) : &copied;
	if (d == &copied)
		d->arena = *copied_arena;
	else
		arena_init(&d->arena, (char *)(d + 1), STACK_ROOM - CHILD_STACK - sizeof *d);
	d->ends = *ends;
	d->ends.null = null;
	d->ends.keep[ENDS_TEMPLATE] = of[place_number(v)].template - 1;
	d->ends.keep[ENDS_PROC] = proc;
	d->plan = p;
	d->number = i;
	d->signals = signals_ignored();
	d->shares = 1;
	d->told.host_lives = &lives;
	d->told.n = d->told.heard = 0;
	tells[i] = ends->keep[ENDS_CHANNEL] < 0;
	d->mailed = v->image->facts.close_range && !mail_send(i, &d->ends);
	p->begun = p->built = 0;
	pid = child_start(d, (unsigned)p->plan.step[p->plan.clone].op[0].n | (d->mailed ? CLONE_FILES : 0) | SIGCHLD);
	if (pid > 0) {
		user[i] = v;
		reads[i] = v->image;
	} else if (d->mailed) {
		mail_drain(i);
	}
	return pid > 0 ? pid : 0;
}

static struct slot *slot_that_tells(unsigned i)
{
	return user[i] && tells[i] ? (struct slot *)(void *)stack_at(i) : NULL;
}

struct service *direct_through(void)
{
	struct slot *d;

	for (unsigned i = 0; i < STACKS; i++)
		if ((d = slot_that_tells(i)) && !d->shares)
			return user[i];
	return NULL;
}

int64_t direct_deadline(int64_t now)
{
	int64_t first = 0;

	for (unsigned i = 0; i < STACKS; i++)
		if (slot_that_tells(i))
			deadline_earlier(&first, now + LOOK_MS + (now - user[i]->started) / 8);
	return first;
}

int direct_hear(const struct service *v, struct record *r)
{
	struct slot *d;

	for (unsigned i = 0; i < STACKS; i++) {
		if (user[i] != v || !(d = slot_that_tells(i)) || (d->shares && v->pid))
			continue;
		if (d->told.heard >= d->told.n)
			return 0;
		*r = d->told.record[d->told.heard++];
		text_plain(r->text, strlen(r->text));
		return 1;
	}
	return -1;
}

int direct_ended(struct service *v)
{
	const struct direct_plan *p = plans ? plan_of(v) : NULL;
	int known = p && p->valid == DIRECT_PLAN, how;

	for (unsigned i = 0; i < STACKS; i++)
		if (user[i] == v) {
			user[i] = NULL;
			if (!known || !p->begun)
				mail_drain(i);
		}
	/* The program that started it was another one: all but this is known. */
	how = !known || p->built ? 1 : p->begun ? 0 : -1;
	direct_settle(v);
	return how;
}

const char *direct_exec(const struct service *v, int step)
{
	const struct direct_plan *p = plans ? plan_of(v) : NULL;

	return p && p->valid == DIRECT_PLAN && step + 1 == (int)p->plan.nsteps ? p->exec : NULL;
}

void direct_template(const struct service *v, int fd)
{
	k_close(of[place_number(v)].template - 1);
	of[place_number(v)].template = fd + 1;
}

/* Who reads a plan, or writes one, has it to his end. */
static int is_used(const struct service *v)
{
	int is = v->launcher != 0;

	for (unsigned i = 0; i < STACKS; i++)
		is |= user[i] == v;
	return is;
}

void direct_drop(struct service *v)
{
	struct direct_plan *p = plans ? plan_of(v) : NULL;

	v->no_direct = 0;
	if (!p)
		return;
	of[place_number(v)].late = (uint8_t)is_used(v);
	if (of[place_number(v)].late)
		return;
	direct_template(v, -1);
	if (!v->starts)
		return;
	p->valid = DIRECT_NOTHING;
	k_madvise(p, DIRECT_ROOM, MADV_REMOVE);
}

int direct_settle(struct service *v)
{
	if (!of[place_number(v)].late || is_used(v))
		return 0;
	direct_drop(v);
	return 1;
}

int direct_reads(const struct image *image)
{
	int some = 0;

	for (unsigned i = 0; i < STACKS; i++)
		some |= user[i] && reads[i] == image;
	return some;
}

void direct_rest(void)
{
	for (unsigned i = 0; i < STACKS; i++)
		if (used[i] && !user[i]) {
			used[i] = 0;
			k_madvise(stack_at(i), STACK_ROOM, MADV_DONTNEED);
		}
}
