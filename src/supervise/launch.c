/*
 * One start: a process that is a copy of this one reads the profile, plans, and
 * takes the host's steps. Whatever hangs or fails hangs and fails there. The sandbox
 * that it clones is the supervisor's own child (CLONE_PARENT), and its pid is
 * written by the kernel into memory that both share before it runs: no moment at which
 * a process exists that the supervisor does not know.
 */
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
#include "supervise/launch.h"
#include "supervise/supervise.h"

enum { HIGH_FD = 256, LAUNCH_STACK = 124 << 10 };

static struct arena *launch_arena;	/* untouched here, each copy's own */

/* What the copy needs to know; it cannot see struct supervisor. */
static struct job {
	const struct image *image;
	const struct service_conf *conf;
	int parent, report, log, ready, nlisten;
	int listen[LISTENS];
	int *born;
	const char *notify;		/* an abstract address, or NULL */
	char notify_room[40];
	uint64_t nofile[2];		/* as hutch was started with */
	struct target target;		/* whose file follows, which one */
	unsigned wish;
	struct profile profile;
	struct diags diags;
	struct plan plan;
	struct walk walk;
	char stack[LAUNCH_STACK];
} job __attribute__((aligned(4096)));

void launch_init(struct arena *a, const uint64_t nofile[2])
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

	if (job.report != HIGH_FD && k_dup2(job.report, HIGH_FD, 1) < 0)
		fail(errno, PACKED("descriptors of the payload"));
	job.report = HIGH_FD;
	k_set_nofile(job.nofile);
	if (job.ready >= 0) {
		k_close_range(kept, job.conf->ready_fd - 1u);
		kept = job.conf->ready_fd + 1u;
	}
	k_close_range(kept, HIGH_FD - 1);
	k_close_range(HIGH_FD + 1, ~0u);
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

static int launch_main(void *unused)
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

int launch_follow(const struct service *v, unsigned wish)
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

static void job_fill(struct supervisor *s, struct service *v, int report, int ready)
{
	job.image = v->image;
	job.conf = v->conf;
	job.parent = k_getpid();
	job.report = report;
	job.log = v->log[1];
	job.ready = ready;
	job.nlisten = v->conf->nlistens;
	memcpy(job.listen, v->listen, sizeof job.listen);
	job.born = &s->born[v - s->service];
	*job.born = 0;
}

/* Without a /dev of its own its NOTIFY_SOCKET is an abstract address. */
static int open_notify(struct service *v)
{
	job.notify = NULL;
	if (v->conf->ready != READY_NOTIFY || v->conf->own_mounts)
		return 0;
	v->notify = notify_abstract(job.notify_room);
	job.notify = job.notify_room;
	return v->notify < 0 ? -1 : 0;
}

int launch_start(struct supervisor *s, struct service *v)
{
	int report[2] = {-1, -1}, ready[2] = {-1, -1};

	if (log_open(s, v) || listen_open(v) || open_notify(v) || k_socketpair(report))
		goto failed;
	if (v->conf->ready == READY_FD && k_pipe(ready))
		goto failed;
	follow_launch(s, v);
	job_fill(s, v, report[1], ready[1]);
	v->launcher = k_clone(launch_main, job.stack + sizeof job.stack, SIGCHLD, NULL);
	if (v->launcher < 0)
		goto failed;
	k_close(report[1]);
	k_close(ready[1]);
	v->report = report[0];
	v->ready = ready[0];
	return 0;
failed:
	v->launcher = 0;
	for (int i = 0; i < 2; i++) {
		k_close(report[i]);
		k_close(ready[i]);
	}
	launch_close(v);
	return -1;
}

/* The sandbox's pid is known as soon as there is one. */
static void learn_pid(const struct supervisor *s, struct service *v)
{
	if (!v->pid && s->born[v - s->service] > 0)
		v->pid = s->born[v - s->service];
}

int launch_lives(const struct supervisor *s, struct service *v)
{
	learn_pid(s, v);
	return v->launcher || v->pid;
}

void launch_kill(struct supervisor *s, struct service *v)
{
	if (v->launcher)
		k_kill(v->launcher, SIGKILL);
	learn_pid(s, v);
	if (!v->pid)
		return;
	/* Without a PID namespace that ends with its init, its session is what we can reach. */
	if (!v->conf->own_pid_ns)
		k_kill(-v->pid, SIGKILL);
	k_kill(v->pid, SIGKILL);
}

void launch_close(struct service *v)
{
	k_drop(&v->report);
	k_drop(&v->channel);
	k_drop(&v->ready);
	k_drop(&v->notify);
}

static void broken(struct supervisor *s, struct service *v, int code, const char *text)
{
	/* The first to say why is right; what it is asked to end for counts more. */
	if (v->state == STATE_KILLING || v->verdict != VERDICT_EXIT)
		return;
	v->verdict = code_is_short(code) ? VERDICT_SHORT : VERDICT_BROKEN;
	service_why(v, "%s", text);
	service_event(s, v, EVENT_BROKEN);
}

void launch_runs(struct supervisor *s, struct service *v)
{
	if (v->state != STATE_BUILDING)
		return;
	v->why[0] = '\0';
	service_event(s, v, EVENT_BUILT);
	if (v->conf->type != SERVICE_ONESHOT && v->conf->ready == READY_NONE)
		service_event(s, v, EVENT_READY);
}

static void go(struct supervisor *s, struct service *v)
{
	struct record r = {.kind = REC_GO};

	if (v->state == STATE_BUILDING && k_send(v->channel, &r, sizeof r, -1) != (long)sizeof r)
		broken(s, v, errno, PACKED("the sandbox does not answer"));
}

static void read_report(struct supervisor *s, struct service *v)
{
	struct record r;
	int passed, got;

	while (v->report >= 0 && (got = channel_receive(v->report, &r, &passed, 0)) >= 0) {
		if (got && r.kind == REC_NOTIFY && v->notify < 0 && passed >= 0) {
			v->notify = passed;
			continue;
		}
		if (got && r.kind == REC_READY && v->channel < 0 && passed >= 0) {
			v->channel = passed;
			learn_pid(s, v);
			service_why(v, "%s", r.text);
			go(s, v);
			continue;
		}
		k_close(passed);
		if (got && r.kind == REC_FAILED)
			broken(s, v, r.code, r.text);
		else if (!got)
			k_drop(&v->report);
	}
}

static void exec_failed(struct supervisor *s, struct service *v, const struct record *r)
{
	char text[WHY_ROOM];

	text_format(text, sizeof text, "%s%s%s: %s", v->why, *r->text ? ": " : "", r->text,
		    error_text(r->code));
	broken(s, v, r->code, text);
}

static void read_channel(struct supervisor *s, struct service *v)
{
	struct record r;
	int passed, got;

	while (v->channel >= 0 && (got = channel_receive(v->channel, &r, &passed, 0)) >= 0) {
		if (!got) {
			k_drop(&v->channel);
			/* Closed on exec; with an init it says so, and holds on to its end. */
			if (v->verdict == VERDICT_EXIT && !v->has_ended && !v->conf->own_init)
				launch_runs(s, v);
			return;
		}
		k_close(passed);
		if (r.kind == REC_FAILED) {
			exec_failed(s, v, &r);
		} else if (r.kind == REC_STARTED) {
			launch_runs(s, v);
		} else if (r.kind == REC_EXITED) {
			v->status = r.value;
			v->has_ended = 1;
		}
	}
}

/* A newline is the word (s6), and the last one; the end without one says nothing. */
static void read_ready(struct supervisor *s, struct service *v)
{
	char text[512];
	/* Once in a turn: who writes without an end must not keep us. */
	long n = v->ready < 0 ? -1 : k_read(v->ready, text, sizeof text);
	int said = n > 0 && memchr(text, '\n', (size_t)n);

	if (said || n == 0)
		k_drop(&v->ready);
	if (!said)
		return;
	launch_runs(s, v);
	service_event(s, v, EVENT_READY);
}

void launch_read(struct supervisor *s, struct service *v)
{
	read_report(s, v);
	read_channel(s, v);
	read_ready(s, v);
}

/* Reaped: from here on the number may be somebody else's. */
static void sandbox_ended(struct supervisor *s, struct service *v, int status)
{
	v->pid = s->born[v - s->service] = 0;
	launch_read(s, v);
	if (!v->has_ended)
		v->status = status;
	v->has_ended = 1;
	/* A launcher that lost its sandbox has more to say about it than we know. */
	if (state_lives(v->state) && !v->launcher)
		service_event(s, v, EVENT_GONE);
}

static void launcher_ended(struct supervisor *s, struct service *v, int status)
{
	v->launcher = 0;
	read_report(s, v);
	if (v->state == STATE_BUILDING && v->channel < 0)
		broken(s, v, WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? EAGAIN : 0,
		       "what builds the sandbox was ended");
	if (state_lives(v->state) && !launch_lives(s, v))
		service_event(s, v, EVENT_GONE);
	else if (v->state == STATE_KILLING)
		launch_kill(s, v);
}

void launch_reaping(struct supervisor *s, int pid)
{
	for (struct service *v = NULL; (v = service_next(s, v));)
		if (v->pid == pid && !v->conf->own_pid_ns)
			k_kill(-pid, SIGKILL);
}

/* May wait for the lock of somebody who builds: not here. */
static int leave_main(void *group)
{
	registry_group_sweep(group);
	k_exit(0);
}

/* Where this cannot be, whoever joins next sees who lives. */
void launch_leave(struct supervisor *s, struct service *v)
{
	int i = 0, pid;

	registry_forget(v->conf->name);
	if (!v->conf->group)
		return;
	pid = k_clone(leave_main, job.stack + sizeof job.stack, SIGCHLD, (void *)(uintptr_t)v->conf->group);
	while (i < LEAVERS - 1 && s->leaver[i])
		i++;
	s->leaver[i] = pid > 0 ? pid : 0;
}

int launch_left(struct supervisor *s, int pid)
{
	for (int i = 0; i < LEAVERS; i++)
		if (s->leaver[i] == pid) {
			s->leaver[i] = 0;
			return 1;
		}
	return 0;
}

int launch_leaving(const struct supervisor *s)
{
	int some = 0;

	for (int i = 0; i < LEAVERS; i++)
		some |= s->leaver[i];
	return some != 0;
}

int launch_reaped(struct supervisor *s, int pid, int status)
{
	for (struct service *v = NULL; (v = service_next(s, v));) {
		learn_pid(s, v);
		if (v->pid == pid)
			sandbox_ended(s, v, status);
		else if (v->launcher == pid)
			launcher_ended(s, v, status);
		else
			continue;
		return 1;
	}
	return 0;
}
