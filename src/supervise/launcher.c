/*
 * The process that builds one sandbox: a copy of the supervisor reads the profile, plans, and
 * takes the host's steps. Whatever hangs or fails hangs and fails there. Another one brings a file in
 * that follows the host's.
 */
#include "supervise/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/channel.h"
#include "apply/follow.h"
#include "apply/process.h"
#include "apply/registry.h"
#include "apply/template.h"
#include "apply/walk.h"
#include "archive/texts.h"
#include "base/text.h"
#include "kernel/k.h"
#include "plan/plan.h"
#include "supervise/direct.h"
#include "supervise/supervise.h"

enum { LAUNCH_STACK = 124 << 10 };

static struct arena *launch_arena;	/* untouched here, each copy's own */

/* What the copy needs to know; it cannot see struct supervisor. */
static struct job {
	const struct image *image;
	const struct service_conf *conf;
	int parent;
	struct ends ends;		/* with the way to the supervisor */
	struct direct_plan *leave;	/* where a plan for later starts goes, or NULL */
	struct direct_plan *use;	/* what the template was made of, or NULL */
	uint8_t no_template;		/* of the whole */
	int *born;
	const char *notify;		/* an abstract address, or NULL */
	char notify_room[16];
	struct target target;		/* whose file follows, which one */
	unsigned wish;
	struct profile profile;
	struct diags diags;
	struct plan plan;
	struct walk walk;
	char stack[LAUNCH_STACK];
} job __attribute__((aligned(4096)));

void launcher_init(struct arena *a)
{
	launch_arena = a;
}

static int say(enum record_kind kind, int code, const char *text, int pass)
{
	struct record r = {.kind = kind, .code = code};

	text_format(r.text, sizeof r.text, "%s", text);
	return k_send(job.ends.keep[ENDS_CHANNEL], &r, sizeof r, pass) == (long)sizeof r ? 0 : -1;
}

static void fail(int code, const char *text)
{
	say(REC_FAILED, code, text, -1);
	k_exit(125);
}

/* Without what is handed over it would never be ready: then it is better built again. */
static void hand_over(enum record_kind kind, const char *text, int fd)
{
	if (say(kind, 0, text, fd))
		fail(errno, PACKED("the supervisor cannot be told"));
}

static void fail_findings(void)
{
	static char text[200];
	struct out o;

	out_init(&o, text, sizeof text);
	profile_print_diags(&job.profile, &job.diags, &o);
	fail(0, text);
}

static void read_profile(struct profile *p, struct diags *d, struct arena *a)
{
	struct profile_reader r;

	profile_init(p, a);
	diags_init(d, a);
	profile_reader_init(&r, p, d, set_load, (void *)(uintptr_t)&job.image->set);
	r.hubs = profile_hubs;
	profile_file(&r, job.image->set.file[job.conf->file].name);
	profile_finish(&r);
}

/* -1: there are findings. */
static int read_and_plan(struct plan *plan, struct profile *p, struct diags *d, struct arena *a, int direct,
			 enum plan_part part)
{
	struct plan_request request = {
		.launch = 1, .supervised = 1, .direct = direct, .part = part, .env = (const char *const *)environ,
		.notify = job.notify, .console = job.image->set.machine.console,
		.limits = job.conf->limits, .nlimits = job.conf->nlimits,
	};

	read_profile(p, d, a);
	return d->count || plan_build(plan, p, &job.image->facts, &request, d) ? -1 : 0;
}

/* A launch from the template that there is, where there is one and it is still about these sources. */
static int plan_this(void)
{
	int failed = read_and_plan(&job.plan, &job.profile, &job.diags, launch_arena, 0, job.use ? PART_LAUNCH : PART_WHOLE);

	if (!failed && job.use && (job.plan.part != PART_LAUNCH || job.plan.nsources != job.use->plan.nsources))
		k_exit(DIRECT_STALE);
	return failed;
}

/* A step's error in the words that hutch run would use, on one line. */
static void fail_step(const struct err *e)
{
	static char text[400];
	struct out o;

	/* Whatever it was: without a template there is another attempt, and that one says why. */
	if (job.use)
		k_exit(e->code == ESTALE ? DIRECT_STALE : DIRECT_USELESS);
	out_init(&o, text, sizeof text);
	plan_print_error(&job.plan, e, &o);
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = c[1] ? ' ' : '\0';
	fail(e->code, text);
}

/* Where exec= is written: the supervisor has no plan if that step fails. */
static void print_exec(const struct profile *p, char text[120])
{
	struct out o;

	out_init(&o, text, 120);
	profile_where(p, p->at[KEY_exec], &o);
	out_printf(&o, ": exec %s", p->exec.word[0]);
}

/*
 * Builds the template that the plan is about. The supervisor has it before it has the plan. -1: it cannot be had.
 */
static int leave_template(struct direct_plan *to)
{
	struct plan *plan = &job.plan;
	struct err e;
	int fd, failed;

	to->identity = ARENA_ARRAY(&to->arena, struct identity, to->plan.nsources + 1);
	if (!to->identity || read_and_plan(plan, &job.profile, &job.diags, launch_arena, 1, PART_ROOT) ||
	    template_build(plan, launch_arena, to->identity, &fd, &e))
		return -1;
	failed = say(REC_TEMPLATE, 0, "", fd);
	k_close(fd);
	return failed;
}

/*
 * The plan for later starts, made anew in memory that stays: the payload does not wait for it. Its last store makes it valid.
 * Returns the exit status that tells what came of it.
 */
static int leave_plan(struct direct_plan *to, int no_template)
{
	enum plan_part part = no_template ? PART_WHOLE : PART_LAUNCH;
	struct err e;
	int no;

	if (!to)
		return 0;
	arena_init(&to->arena, to->memory, DIRECT_ROOM - sizeof *to);
	if (read_and_plan(&to->plan, &to->profile, &to->diags, &to->arena, 1, part) || plan_check(&to->plan, &e))
		return DIRECT_NEVER;
	no = direct_never(job.conf, &to->plan, &job.image->facts);
	if (to->plan.part != PART_LAUNCH && no)
		return DIRECT_NEVER + no;
	if (to->plan.part == PART_LAUNCH && leave_template(to))
		return leave_plan(to, 1);
	print_exec(&to->profile, to->exec);
	__atomic_store_n(&to->valid, no ? DIRECT_TEMPLATE : DIRECT_PLAN, __ATOMIC_RELEASE);
	return no ? DIRECT_NEVER + no : 0;
}

/* The sandbox's process has nothing of what later starts do: it stays, and others may come to it. */
static int part_room(void)
{
	size_t n = (job.plan.nsources + 1) * sizeof *job.walk.identity;

	if (job.use) {
		job.walk.identity = arena_alloc(launch_arena, n);
		if (!job.walk.identity)
			return err_set(&job.walk.err, ENOMEM, "the plan is too large");
		memcpy(job.walk.identity, job.use->identity, n);
	}
	direct_share(job.leave ? job.leave : job.use, 0);
	return 0;
}

static int launcher_main(void *unused)
{
	struct record r;
	char text[120];
	const char *what;
	int passed;

	(void)unused;
	k_fault_side('l');
	if (k_prctl(PR_SET_PDEATHSIG_, SIGKILL, 0, 0) || k_getppid() != job.parent)
		k_exit(125);
	if (ends_arrange(&job.ends, &what))
		fail(errno, what);
	if (plan_this())
		fail_findings();
	if (walk_init(&job.walk, &job.plan, launch_arena) || part_room())
		fail(job.walk.err.code, job.walk.err.text);
	job.walk.born = job.born;
	memcpy(job.walk.ahead, job.ends.keep + ENDS_AHEAD, sizeof job.walk.ahead);
	job.walk.template = job.ends.keep[ENDS_TEMPLATE];
	job.walk.waste = (char *)&job;
	job.walk.nwaste = sizeof job;
	if (walk_host(&job.walk))
		fail_step(&job.walk.err);
	while (channel_receive(job.walk.channel, &r, &passed, 1) == 1) {
		if (r.kind == REC_FAILED && r.step >= 0 && (unsigned)r.step < job.plan.nsteps) {
			err_set(&job.walk.err, r.code, "%s", r.text);
			job.walk.err.step = r.step;
			fail_step(&job.walk.err);
		}
		if (r.kind == REC_NOTIFY)
			hand_over(REC_NOTIFY, "", passed);
		k_close(passed);
		if (r.kind != REC_READY)
			continue;
		if (walk_met(&job.walk))
			fail_step(&job.walk.err);
		print_exec(&job.profile, text);
		hand_over(REC_READY, text, job.walk.channel);
		k_exit(leave_plan(job.leave, job.no_template || job.profile.template == TEMPLATE_NO));
	}
	if (job.use)
		k_exit(DIRECT_USELESS);
	fail(0, PACKED("the sandbox ended while it was built"));
	return 0;
}

static int follow_main(void *unused)
{
	(void)unused;
	k_fault_side('l');
	k_close_range(SERVICE_FIRST_FD, ~0u);
	if (k_prctl(PR_SET_PDEATHSIG_, SIGKILL, 0, 0) || k_getppid() != job.parent)
		k_exit(125);
	read_profile(&job.profile, &job.diags, launch_arena);
	k_exit(job.diags.count ? EINVAL : follow_bring(&job.profile, &job.image->facts, &job.target, job.wish));
}

int launcher_follow(const struct service *v, unsigned wish)
{
	job.image = v->image;
	job.conf = v->conf;
	job.parent = k_getpid();
	job.wish = wish;
	job.target.pid = v->pid;
	if (process_start(v->pid, &job.target.start))
		return -1;
	return k_clone(follow_main, job.stack + sizeof job.stack, SIGCHLD, NULL);
}

int launcher_start(const struct service *v, const char *notify, int *born, const struct ends *ends, struct direct_plan *leave,
		   struct direct_plan *use)
{
	int pid;

	job.image = v->image;
	job.conf = v->conf;
	job.parent = k_getpid();
	job.ends = *ends;
	job.leave = leave;
	job.use = use;
	job.no_template = v->no_template == TEMPLATE_TRIES;
	job.notify = notify ? memcpy(job.notify_room, notify, sizeof job.notify_room) : NULL;
	job.born = born;
	*born = 0;
	direct_share(leave ? leave : use, 1);
	pid = k_clone(launcher_main, job.stack + sizeof job.stack, SIGCHLD, NULL);
	direct_share(leave ? leave : use, 0);
	return pid;
}

/* May wait for the lock of somebody who builds: not where the supervisor waits with it. */
static int leave_main(void *group)
{
	k_close_range(3, ~0u);
	registry_group_sweep(group);
	k_exit(0);
}

int launcher_leave(const char *group)
{
	return k_clone(leave_main, job.stack + sizeof job.stack, SIGCHLD, (void *)(uintptr_t)group);
}
