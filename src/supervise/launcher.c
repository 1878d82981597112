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

#include "apply/follow.h"
#include "apply/process.h"
#include "apply/registry.h"
#include "apply/walk.h"
#include "archive/texts.h"
#include "base/text.h"
#include "kernel/k.h"
#include "plan/plan.h"
#include "supervise/supervise.h"

enum { HIGH_FD = 256, LAUNCH_STACK = 124 << 10 };

static struct arena *launch_arena;	/* untouched here, each copy's own */

/* What the copy needs to know; it cannot see struct supervisor. */
static struct job {
	const struct image *image;
	const struct service_conf *conf;
	int parent, report, log, ready, nlisten;
	int listen[LISTENS], ahead[NS_COUNT];
	int *born;
	const char *notify;		/* an abstract address, or NULL */
	char notify_room[16];
	uint64_t nofile[2];		/* as hutch was started with */
	struct target target;		/* whose file follows, which one */
	unsigned wish;
	struct profile profile;
	struct diags diags;
	struct plan plan;
	struct walk walk;
	char stack[LAUNCH_STACK];
} job __attribute__((aligned(4096)));

void launcher_init(struct arena *a, const uint64_t nofile[2])
{
	launch_arena = a;
	memcpy(job.nofile, nofile, sizeof job.nofile);
}

static int say(enum record_kind kind, int code, const char *text, int pass)
{
	struct record r = {.kind = kind, .code = code};

	text_format(r.text, sizeof r.text, "%s", text);
	return k_send(job.report, &r, sizeof r, pass) == (long)sizeof r ? 0 : -1;
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

/*
 * What the supervisor holds for all the others: with the payload's own limit there
 * would be no number left to open anything.
 */
static void close_others(void)
{
	unsigned kept = SERVICE_FIRST_FD + (unsigned)job.nlisten;
	int high = HIGH_FD + 1;

	if (job.report != HIGH_FD && k_dup2(job.report, HIGH_FD, 1) < 0)
		fail(errno, PACKED("descriptors of the payload"));
	job.report = HIGH_FD;
	for (int i = 0; i < NS_COUNT; i++)
		if (job.ahead[i] >= 0 && (job.ahead[i] = k_dup2(job.ahead[i], high++, 1)) < 0)
			fail(errno, PACKED("descriptors of the payload"));
	k_set_nofile(job.nofile);
	if (job.ready >= 0) {
		k_close_range(kept, job.conf->ready_fd - 1u);
		kept = job.conf->ready_fd + 1u;
	}
	k_close_range(kept, HIGH_FD - 1);
	k_close_range((unsigned)high, ~0u);
}

/* A terminal that is not there now is looked for again by the next attempt. */
static void give_console(void)
{
	int fd = console_open(job.image->set.machine.console);

	if (fd < 0)
		fail(errno, PACKED("the console"));
	/* Who reads there does not expect to be told that nothing was typed yet. */
	k_fcntl(fd, F_SETFL, O_RDWR);
	for (int to = 0; to < 3; to++)
		if (k_dup2(fd, to, 0) < 0)
			fail(errno, PACKED("descriptors of the payload"));
	k_close(fd);
}

/* The descriptors of the payload at their numbers: as if a shell had opened them. */
static void arrange(void)
{
	int *const fds[] = {&job.report, &job.log, &job.ready};
	int null = k_open(AT_FDCWD, "/dev/null", O_RDWR, 0), high, end[2];

	for (unsigned i = 0; i < sizeof fds / sizeof *fds + (unsigned)job.nlisten; i++) {
		int *fd = i < 3 ? fds[i] : &job.listen[i - 3];

		high = *fd < 0 ? -1 : k_fcntl(*fd, F_DUPFD_CLOEXEC, HIGH_FD);
		if (*fd >= 0 && high < 0)
			fail(errno, PACKED("descriptors of the payload"));
		*fd = high;
	}
	for (int i = 0; i < NS_COUNT; i++)
		if (job.ahead[i] >= 0 && (job.ahead[i] = k_fcntl(job.ahead[i], F_DUPFD_CLOEXEC, HIGH_FD)) < 0)
			fail(errno, PACKED("descriptors of the payload"));
	/* A /dev without null is no reason not to run: standard input is at its end then, too. */
	if (null < 0 && !k_pipe(end)) {
		null = end[0];
		k_close(end[1]);
	}
	if (null < 0 || k_dup2(null, 0, 0) < 0)
		fail(errno, PACKED("descriptors of the payload"));
	if (k_dup2(job.log, 1, 0) < 0 || k_dup2(job.log, 2, 0) < 0)
		fail(errno, PACKED("descriptors of the payload"));
	if (job.conf->type == SERVICE_CONSOLE)
		give_console();
	for (int i = 0; i < job.nlisten; i++)
		if (k_dup2(job.listen[i], SERVICE_FIRST_FD + i, 1) < 0)
			fail(errno, PACKED("descriptors of the payload"));
	if (job.ready >= 0 && k_dup2(job.ready, job.conf->ready_fd, 1) < 0)
		fail(errno, PACKED("descriptors of the payload"));
	close_others();
}

static void fail_findings(void)
{
	static char text[200];
	struct out o;

	out_init(&o, text, sizeof text);
	profile_print_diags(&job.profile, &job.diags, &o);
	fail(0, text);
}

static void read_profile(void)
{
	struct profile_reader r;

	profile_init(&job.profile, launch_arena);
	diags_init(&job.diags, launch_arena);
	profile_reader_init(&r, &job.profile, &job.diags, set_load, (void *)(uintptr_t)&job.image->set);
	r.hubs = profile_hubs;
	profile_file(&r, job.image->set.file[job.conf->file].name);
	profile_finish(&r);
}

static void read_and_plan(void)
{
	struct plan_request request = {
		.launch = 1, .supervised = 1, .env = (const char *const *)environ,
		.notify = job.notify, .console = job.image->set.machine.console,
		.limits = job.conf->limits, .nlimits = job.conf->nlimits,
	};

	read_profile();
	if (job.diags.count ||
	    plan_build(&job.plan, &job.profile, &job.image->facts, &request, &job.diags))
		fail_findings();
}

/* A step's error in the words that hutch run would use, on one line. */
static void fail_step(const struct err *e)
{
	static char text[400];
	struct out o;

	out_init(&o, text, sizeof text);
	plan_print_error(&job.plan, e, &o);
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = c[1] ? ' ' : '\0';
	fail(e->code, text);
}

/* Where exec= is written: the supervisor has no plan if that step fails. */
static void say_ready(void)
{
	char text[120];
	struct out o;

	out_init(&o, text, sizeof text);
	profile_where(&job.profile, job.profile.at[KEY_exec], &o);
	out_printf(&o, ": exec %s", job.profile.exec.word[0]);
	hand_over(REC_READY, text, job.walk.channel);
}

static int launcher_main(void *unused)
{
	struct record r;
	int passed;

	(void)unused;
	k_fault_side('l');
	if (k_prctl(PR_SET_PDEATHSIG_, SIGKILL, 0, 0) || k_getppid() != job.parent)
		k_exit(125);
	arrange();
	read_and_plan();
	if (walk_init(&job.walk, &job.plan, launch_arena))
		fail(job.walk.err.code, job.walk.err.text);
	job.walk.born = job.born;
	memcpy(job.walk.ahead, job.ahead, sizeof job.ahead);
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
		say_ready();
		k_exit(0);
	}
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
	read_profile();
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

int launcher_start(const struct service *v, const char *notify, int *born, int report, int ready,
		   const int ahead[NS_COUNT])
{
	job.image = v->image;
	job.conf = v->conf;
	job.parent = k_getpid();
	job.report = report;
	job.log = v->log[1];
	job.ready = ready;
	job.nlisten = v->conf->nlistens;
	memcpy(job.listen, v->listen, sizeof job.listen);
	job.notify = notify ? memcpy(job.notify_room, notify, sizeof job.notify_room) : NULL;
	memcpy(job.ahead, ahead, sizeof job.ahead);
	job.born = born;
	*born = 0;
	return k_clone(launcher_main, job.stack + sizeof job.stack, SIGCHLD, NULL);
}

/* May wait for the lock of somebody who builds: not where the supervisor waits with it. */
static int leave_main(void *group)
{
	registry_group_sweep(group);
	k_exit(0);
}

int launcher_leave(const char *group)
{
	return k_clone(leave_main, job.stack + sizeof job.stack, SIGCHLD, (void *)(uintptr_t)group);
}
