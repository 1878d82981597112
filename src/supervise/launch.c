/*
 * One start, and what becomes of it, from outside: see launcher.c for the process that
 * builds the sandbox. The sandbox that it clones is the supervisor's own child (CLONE_PARENT), and its pid is
 * written by the kernel into memory that both share before it runs: no moment at which
 * a process exists that the supervisor does not know.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "apply/channel.h"
#include "apply/follow.h"
#include "apply/registry.h"
#include "apply/step.h"
#include "archive/texts.h"
#include "base/stacks.h"
#include "base/text.h"
#include "kernel/k.h"
#include "supervise/direct.h"
#include "supervise/launcher.h"
#include "supervise/mail.h"
#include "supervise/supervise.h"

enum { LAST_MS = 1000 };	/* for a launcher without its sandbox */

/* The next channel, made when nobody waits for it; -1: none. No child but a launch's may hold it open. */
static int spare[2] = {-1, -1};
static uint8_t spare_wanted = 1;

void launch_prepare(void)
{
	if (!spare_wanted)
		return;
	spare_wanted = (uint8_t)!direct_prepare();
	spare_wanted |= spare[0] < 0 && k_socketpair(spare);
}

void launch_unprepare(void)
{
	k_drop(&spare[0]);
	k_drop(&spare[1]);
}

static int open_channel(int fd[2])
{
	if (spare[0] < 0)
		return k_socketpair(fd);
	memcpy(fd, spare, sizeof spare);
	spare[0] = spare[1] = -1;
	/* Not until this one runs, or has come to nothing. */
	spare_wanted = 0;
	return 0;
}

/* Without a /dev of its own its NOTIFY_SOCKET is an abstract address: *name, else NULL. -1: errno. */
static int open_notify(struct service *v, char room[NOTIFY_NAME], const char **name)
{
	*name = NULL;
	if (v->conf->ready != READY_NOTIFY || v->conf->own_mounts)
		return 0;
	*name = room;
	v->notify = notify_abstract(room);
	return v->notify < 0 ? -1 : 0;
}

int launch_start(struct supervisor *s, struct service *v)
{
	int report[2] = {-1, -1}, ready[2] = {-1, -1}, way = direct_way(v);
	struct direct_plan *use = NULL;
	struct ends ends;
	char room[NOTIFY_NAME];
	const char *notify;
	int pid;

	mail_prepare();
	if (log_open(v) || listen_open(v) || open_notify(v, room, &notify) || (way != DIRECT_TELLS && open_channel(report)))
		goto failed;
	if (v->conf->ready == READY_FD && k_pipe(ready))
		goto failed;
	follow_launch(s, v);
	ends = (struct ends){
		.log = v->log[1], .ready = ready[1], .ready_at = v->conf->ready_fd, .null = -1, .keep = {report[1], -1, -1},
		.nlisten = v->conf->nlistens, .is_console = v->conf->type == SERVICE_CONSOLE,
		.console = v->image->set.machine.console, .nofile = s->nofile,
	};
	memcpy(ends.listen, v->listen, sizeof ends.listen);
	ahead_take(v, ends.keep + ENDS_AHEAD);
	pid = way ? direct_start(v, &ends) : 0;
	v->direct = pid > 0;
	if (!v->direct && !v->again)
		use = direct_template_of(v, &ends.keep[ENDS_TEMPLATE]);
	v->again = 0;
	v->templated = use != NULL;
	if (!v->direct && report[0] < 0 && !open_channel(report))
		ends.keep[ENDS_CHANNEL] = report[1];
	if (!v->direct)
		pid = report[0] < 0 ? -1 : launcher_start(v, notify, &s->born[v - s->service], &ends, use ? NULL : direct_room(v), use);
	for (int i = 0; i < NS_COUNT; i++)
		k_close(ends.keep[ENDS_AHEAD + i]);
	if (pid < 0)
		goto failed;
	place_pid(v, v->direct ? &v->pid : &v->launcher, pid);
	k_close(report[1]);
	k_close(ready[1]);
	*(v->direct ? &v->channel : &v->report) = report[0];
	v->ready = ready[0];
	return 0;
failed:
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
		place_pid(v, &v->pid, s->born[v - s->service]);
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
	watch_drop(v, &v->report);
	watch_drop(v, &v->channel);
	watch_drop(v, &v->ready);
	watch_drop(v, &v->notify);
	spare_wanted = 1;
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
	v->starts += v->starts < 2;
	spare_wanted = 1;
	if (v->direct && v->no_template < TEMPLATE_TRIES)
		v->no_template = 0;
	v->why[0] = '\0';
	service_event(s, v, EVENT_BUILT);
	ahead_want(v);
	if (v->conf->type != SERVICE_ONESHOT && v->conf->ready == READY_NONE)
		service_event(s, v, EVENT_READY);
}

/* Where its program is written is told with what is wrong with that. */
static void go(struct supervisor *s, struct service *v, const char *where)
{
	struct record r = {.kind = REC_GO};

	if (v->state != STATE_BUILDING)
		return;
	service_why(v, "%s", where);
	if (k_send(v->channel, &r, sizeof r, -1) != (long)sizeof r)
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
			go(s, v, r.text);
			continue;
		}
		if (got && r.kind == REC_TEMPLATE && passed >= 0) {
			direct_template(v, passed);
			continue;
		}
		k_close(passed);
		if (got && r.kind == REC_FAILED)
			broken(s, v, r.code, r.text);
		else if (!got)
			watch_drop(v, &v->report);
	}
}

/* By somebody who wants memory, as far as we know. */
static int killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? EAGAIN : 0;
}

static void exec_failed(struct supervisor *s, struct service *v, const char *where, const struct record *r)
{
	char text[WHY_ROOM];

	text_format(text, sizeof text, "%s%s%s: %s", where, *r->text ? ": " : "", r->text,
		    error_text(r->code));
	broken(s, v, r->code, text);
}

/*
 * But for exec: a plan that was right once. What it is about has changed since, or there is no room. The next attempt is a
 * launcher's, when this one's process is gone, and that one says why if it fails as well.
 */
static void direct_failed(struct supervisor *s, struct service *v, const struct record *r)
{
	const char *where = direct_exec(v, r->step);

	if (where) {
		exec_failed(s, v, where, r);
	} else if (v->state == STATE_BUILDING) {
		v->again = 1;
		v->no_template += r->code != ESTALE && v->no_template < TEMPLATE_TRIES;
		direct_drop(v);
	}
}

/* Closed on exec; with an init it says so, and holds on to its end. */
static void channel_ended(struct supervisor *s, struct service *v)
{
	int begun = v->direct ? direct_ended(v) : 1;

	watch_drop(v, &v->channel);
	if (v->verdict != VERDICT_EXIT || v->has_ended || v->again || v->state != STATE_BUILDING)
		return;
	if (begun < 0)
		v->again = 1;
	else if (begun && !v->conf->own_init)
		launch_runs(s, v);
	/* How it has ended is known when it is reaped. */
	else if (!begun && !v->pid)
		broken(s, v, killed(v->status), PACKED("the sandbox ended while it was built"));
}

/* 1 a record, 0 there will be no more, -1 nothing yet. */
static int hear(struct service *v, struct record *r, int *passed)
{
	*passed = -1;
	return v->channel >= 0 ? channel_receive(v->channel, r, passed, 0) : v->direct ? direct_hear(v, r) : -1;
}

static void read_channel(struct supervisor *s, struct service *v)
{
	struct record r;
	int passed, got;

	while ((got = hear(v, &r, &passed)) >= 0) {
		if (!got) {
			channel_ended(s, v);
			return;
		}
		if (r.kind == REC_NOTIFY && v->direct && v->state == STATE_BUILDING && v->notify < 0) {
			v->notify = passed;
			continue;
		}
		k_close(passed);
		if (r.kind == REC_FAILED && v->direct) {
			direct_failed(s, v, &r);
		} else if (r.kind == REC_FAILED) {
			exec_failed(s, v, v->why, &r);
		} else if (r.kind == REC_STARTED) {
			if (v->direct)
				direct_ended(v);
			v->told |= TOLD_STARTED;
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
		watch_drop(v, &v->ready);
	if (!said)
		return;
	launch_runs(s, v);
	service_event(s, v, EVENT_READY);
}

void launch_look(struct supervisor *s)
{
	struct service *v;

	for (unsigned i = 0; i < STACKS && (v = direct_through()); i++)
		read_channel(s, v);
}

void launch_read(struct supervisor *s, struct service *v)
{
	read_report(s, v);
	read_channel(s, v);
	read_ready(s, v);
}

/* No failed start, but the other way to do the same: in the same time. */
static void launch_again(struct supervisor *s, struct service *v)
{
	launch_close(v);
	v->has_ended = 0;
	if (launch_start(s, v))
		broken(s, v, errno, errno_text());
}

/* Reaped: from here on the number may be somebody else's. */
static void sandbox_ended(struct supervisor *s, struct service *v, int status)
{
	place_pid(v, &v->pid, 0);
	s->born[v - s->service] = 0;
	if (!v->has_ended)
		v->status = status;
	launch_read(s, v);
	/* Who else has its end for a moment, or has it in the mail, does not speak for it. */
	if (v->direct && (v->channel >= 0 || v->state == STATE_BUILDING))
		channel_ended(s, v);
	if (v->again && !v->launcher && v->state == STATE_BUILDING && v->verdict == VERDICT_EXIT) {
		launch_again(s, v);
		return;
	}
	v->has_ended = 1;
	/* A launcher that lost its sandbox has more to say about it than we know, or leaves a plan: not for long. */
	if (state_lives(v->state) && !v->launcher)
		service_event(s, v, EVENT_GONE);
	else if (v->launcher)
		deadline_earlier(&v->deadline, s->now + LAST_MS);
}

int launch_late(struct supervisor *s, struct service *v)
{
	if (!v->launcher || v->pid || !v->has_ended || v->state == STATE_KILLING)
		return 0;
	v->no_template += v->no_template < TEMPLATE_TRIES;
	launch_kill(s, v);
	return 1;
}

/* With its template nothing came of it. What it has cloned ends by itself, or is ended now. */
static void launcher_gave_up(struct supervisor *s, struct service *v, int status)
{
	v->no_template += status == DIRECT_USELESS && v->no_template < TEMPLATE_TRIES;
	direct_drop(v);
	v->again = 1;
	if (v->pid)
		launch_kill(s, v);
	else
		launch_again(s, v);
}

static void launcher_ended(struct supervisor *s, struct service *v, int status)
{
	int template, code, dropped;

	learn_pid(s, v);
	place_pid(v, &v->launcher, 0);
	read_report(s, v);
	dropped = direct_settle(v);
	code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	if ((code == DIRECT_STALE || code == DIRECT_USELESS) && v->state == STATE_BUILDING && v->verdict == VERDICT_EXIT) {
		launcher_gave_up(s, v, code);
		return;
	}
	if (!dropped && code >= DIRECT_NEVER && code < 125) {
		if (!direct_template_of(v, &template))
			direct_drop(v);
		v->no_direct = (uint8_t)(code - DIRECT_NEVER + 1);
	}
	if (v->state == STATE_BUILDING && v->channel < 0)
		broken(s, v, killed(status), "what builds the sandbox was ended");
	if (state_lives(v->state) && !launch_lives(s, v))
		service_event(s, v, EVENT_GONE);
	else if (v->state == STATE_KILLING)
		launch_kill(s, v);
}

void launch_resume(struct supervisor *s, struct service *v)
{
	struct k_stat ours, exe;
	char path[32];

	if (v->state != STATE_BUILDING || !v->direct || v->channel >= 0)
		return;
	text_format(path, sizeof path, "/proc/%d/exe", v->pid);
	if (!k_fstat(s->exe, STATX_INO_, &ours) && !k_stat(AT_FDCWD, path, AT_STATX_DONT_SYNC_, STATX_INO_, &exe) &&
	    (ours.ino != exe.ino || ours.dev_major != exe.dev_major || ours.dev_minor != exe.dev_minor)) {
		launch_runs(s, v);
	} else {
		v->again = 1;
		launch_kill(s, v);
	}
}

void launch_reaping(int pid)
{
	const struct service *v = place_of_pid(pid);

	if (v && v->pid == pid && !v->conf->own_pid_ns)
		k_kill(-pid, SIGKILL);
}

/* Where this cannot be, whoever joins next sees who lives. */
void launch_leave(struct supervisor *s, struct service *v)
{
	int i = 0, pid;

	direct_drop(v);
	v->starts = 0;
	registry_forget(v->conf->name);
	if (!v->conf->group)
		return;
	pid = launcher_leave(v->conf->group);
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
	struct service *v = place_of_pid(pid);

	if (v && v->pid == pid)
		sandbox_ended(s, v, status);
	else if (v)
		launcher_ended(s, v, status);
	return v != NULL;
}
