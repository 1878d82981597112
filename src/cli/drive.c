/* One sandbox from its clone to its end, see drive.h. */
#include "cli/drive.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "apply/process.h"
#include "apply/registry.h"
#include "apply/walk.h"
#include "base/signals.h"
#include "cli/tell.h"
#include "kernel/k.h"
#include "kernel/probe.h"

enum { GRACE_MS = 5000 };	/* from TERM to KILL at the timeout */

static const uint64_t handled = SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGHUP) |
				SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGUSR1) | SIGNAL_BIT(SIGUSR2) | SIGNAL_BIT(SIGWINCH);

static void take_record(struct run *r, const struct record *record, int passed)
{
	switch (record->kind) {
	case REC_FAILED:
		if (record->step < 0 || (unsigned)record->step >= r->wish->plan.nsteps)
			break;
		r->failed = 1;
		err_set(&r->err, record->code, "%s", record->text);
		r->err.step = record->step;
		break;
	case REC_READY:
		r->built = 1;
		if (r->request)
			keep_built(r);
		if (walk_met(&r->walk)) {
			r->failed = r->reaped = 1;
			r->err = r->walk.err;
			break;
		}
		tell_event(r->status_fd, "built", "pid", r->walk.pid);
		break;
	case REC_STARTED:
		tell_event(r->status_fd, "started", "pid", r->walk.pid);
		break;
	case REC_EXITED:
		r->exited = 1;
		r->status = record->value;
		break;
	case REC_TTY:
		if (passed >= 0 && r->relay.master < 0) {
			relay_start(&r->relay, passed);
			return;
		}
		break;
	}
	k_close(passed);
}

/* Takes what is there; the end of the channel is the payload's start, or its end. */
static void read_channel(struct run *r)
{
	struct record record;
	int passed, got;

	while ((got = walk_hear(&r->walk, &record, &passed)) >= 0) {
		if (got)
			take_record(r, &record, passed);
		else if (r->built && !r->failed && !r->wish->plan.init)
			tell_event(r->status_fd, "started", "pid", r->walk.pid);
	}
}

static void reap(struct run *r)
{
	int status, got;

	do
		got = k_wait(r->walk.pid, &status, WNOHANG);
	while (got < 0 && errno != ECHILD);
	if (got == 0)
		return;
	/* Cannot be: nobody else takes our child. But to wait on would be for ever. */
	if (got < 0)
		status = EXIT_HUTCH << 8;
	r->reaped = 1;
	read_channel(r);
	if (!r->exited)
		r->status = status;
}

static void take_signal(struct run *r, int signal)
{
	if (signal == SIGCHLD) {
		reap(r);
		attend_reap(r);
	} else if (signal == SIGWINCH) {
		relay_resize(&r->relay);
	} else {
		k_kill(r->walk.pid, r->wish->plan.root_switch == SWITCH_LIVE ? SIGKILL : signal);
	}
}

static void read_signals(struct run *r)
{
	struct signalfd_siginfo info;

	while (!r->reaped && k_read(r->signals, &info, sizeof info) == (long)sizeof info)
		take_signal(r, (int)info.ssi_signo);
}

static int until(int64_t deadline)
{
	int64_t left = deadline ? deadline - k_now_ms() : INT64_MAX;

	return left > 1000000 ? 1000000 : left < 0 ? 0 : (int)left;
}

/* Milliseconds until something is due, -1 for ever. */
static int due(struct run *r)
{
	int64_t files = attend_deadline(r);
	int left = until(files), own = until(r->deadline);

	if (!r->deadline || own)
		return !r->deadline && !files ? -1 : own < left ? own : left;
	k_kill(r->walk.pid, r->timed_out ? SIGKILL : SIGTERM);
	r->deadline = r->timed_out ? 0 : k_now_ms() + GRACE_MS;
	r->timed_out = 1;
	return r->deadline ? GRACE_MS : -1;
}

static void serve(struct run *r)
{
	struct pollfd fds[5];
	int signal;

	/* Where nothing but signals can come, they need no descriptor. */
	while (!r->reaped && r->signals < 0)
		if ((signal = k_sigwait(handled, due(r))) > 0)
			take_signal(r, signal);
	while (!r->reaped) {
		fds[0] = (struct pollfd){.fd = r->signals, .events = POLLIN};
		fds[1] = (struct pollfd){.fd = r->walk.channel, .events = POLLIN};
		relay_poll(&r->relay, fds + 2);
		fds[4] = (struct pollfd){.fd = r->watch.fd, .events = POLLIN};
		if (k_poll(fds, 5, due(r)) < 0 && errno != EINTR)
			continue;
		if (fds[1].revents)
			read_channel(r);
		/* Signals first, also one that came since: what was typed after a change of the
		 * window's size must find the new size. */
		read_signals(r);
		relay_move(&r->relay, fds + 2);
		attend(r, fds[4].revents);
	}
}

static int failure(struct run *r)
{
	int code = EXIT_HUTCH, kind = r->err.step >= 0 ? r->wish->plan.step[r->err.step].kind : STEP_KINDS;
	char *message;

	if (kind == STEP_EXEC)
		code = r->err.code == ENOENT ? EXIT_MISSING : EXIT_DENIED;
	/* Busy, or nothing is mounted there. */
	if (kind == STEP_MOUNT_DROP && (!r->err.code || r->err.code == EBUSY))
		code = EXIT_NOT;
	plan_print_error(&r->wish->plan, &r->err, &cli_out);
	/* The lines behind the first one are for people only. */
	message = arena_text(&cli_arena, cli_out.text, strcspn(cli_out.text, "\n"));
	cli_flush(2);
	tell_failed(r->status_fd, &r->err, kind == STEP_KINDS ? "" : step_name(kind), message);
	return code;
}

static int result(struct run *r)
{
	if (r->failed)
		return failure(r);
	if (!r->built) {
		err_set(&r->err, 0, "the sandbox ended while it was built, by %s %d",
			WIFSIGNALED(r->status) ? "signal" : "status",
			WIFSIGNALED(r->status) ? WTERMSIG(r->status) : WEXITSTATUS(r->status));
		return failure(r);
	}
	if (WIFSIGNALED(r->status))
		tell_event(r->status_fd, "exited", "signal", WTERMSIG(r->status));
	else
		tell_event(r->status_fd, "exited", "status", WEXITSTATUS(r->status));
	return r->timed_out ? EXIT_TIMEOUT : status_code(r->status);
}

/* The clone was refused: if a namespace is what this kernel lacks, says which. */
static int no_namespace(struct run *r)
{
	struct plan_request request = {0};
	struct plan plan;

	if (r->walk.err.step != (int)r->wish->plan.clone || r->walk.err.code != EINVAL)
		return 0;
	facts_probe(&r->wish->facts);
	if (!plan_build(&plan, &r->wish->profile, &r->wish->facts, &request, &r->wish->diags))
		return 0;
	profile_print_diags(&r->wish->profile, &r->wish->diags, &cli_out);
	cli_flush(2);
	return 1;
}

/* One launch to its end. 0: nothing of it was ever there, and r->err tells why. */
static int launch(struct run *r, char **argv)
{
	uint64_t sigmask = r->walk.sigmask;

	r->err.step = r->relay.master = -1;
	r->failed = r->reaped = r->exited = 0;
	if (walk_init(&r->walk, &r->wish->plan, &cli_arena)) {
		r->err = r->walk.err;
		return 0;
	}
	r->walk.argv = argv - 1;
	r->walk.sigmask = sigmask;
	r->walk.template = r->template;
	r->walk.identity = r->identity;
	if (walk_host(&r->walk)) {
		r->err = r->walk.err;
		return 0;
	}
	if (r->walk.told)
		read_channel(r);
	serve(r);
	relay_end(&r->relay);
	walk_leave(&r->walk);
	return 1;
}

int drive(struct run *r, char **argv)
{
	int launched;

	r->signals = -1;
	/* A caller that ignores SIGCHLD would have our child vanish without a word; a reader
	 * of the status that goes away must not take the sandbox along. */
	attend_begin(r);
	if (k_signal_default(SIGCHLD) || k_sigmask(handled | SIGNAL_BIT(SIGPIPE), &r->walk.sigmask) ||
	    ((r->nfiles || !plan_tells(&r->wish->plan)) && (r->signals = k_signalfd(handled)) < 0)) {
		cli_failed("signals", errno);
		return EXIT_HUTCH;
	}
	if (r->wish->profile.timeout)
		r->deadline = k_now_ms() + (int64_t)r->wish->profile.timeout;
	if (r->request)
		keep_begin(r);
	do
		launched = launch(r, argv);
	while ((r->failed || !launched) && r->request && keep_again(r));
	if (!launched)
		return no_namespace(r) ? EXIT_HUTCH : failure(r);
	return result(r);
}
