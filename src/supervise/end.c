/* The end of a supervisor: who asks for it, how long it may take, and when it is reached. */
#include <signal.h>

#include "base/signals.h"
#include "kernel/k.h"
#include "supervise/main.h"
#include "supervise/supervise.h"

enum { STOP_SHARE = 60, LEAVE_SHARE = 65 };	/* hundredths of the time for the end of the machine */
enum { LEAVE_MS = 1000, SHUTDOWN_MS = 30000 };

/*
 * What the signals that end it mean to PID 1: as with busybox's and toybox's init, for
 * their halt, poweroff and reboot send them. INT is Ctrl-Alt-Del, PWR a failing power supply.
 */
static const struct {
	uint8_t signal, kind;
} ends[] = {
	{SIGTERM, END_REBOOT}, {SIGINT, END_REBOOT}, {SIGUSR1, END_HALT}, {SIGUSR2, END_POWEROFF},
	{SIGPWR, END_POWEROFF},
};
enum { ENDS = sizeof ends / sizeof *ends, OTHERS_END = 2 };	/* who is not PID 1 knows these */

enum end_kind end_by_signal(int signal)
{
	for (int i = 0; i < ENDS; i++)
		if (ends[i].signal == signal)
			return ends[i].kind;
	return END_EXIT;
}

void supervisor_end(struct supervisor *s, int status, enum end_kind kind)
{
	int64_t time;

	if (s->init && kind == END_EXIT)
		kind = END_REBOOT;
	if (kind != END_EXIT)
		s->end = (uint8_t)kind;		/* who asks again may have thought better of it */
	if (!s->ending) {
		s->exit_status = (uint8_t)status;
		time = s->image ? s->image->set.machine.shutdown_timeout : SHUTDOWN_MS;
		s->end_deadline = s->now + time;
		s->end_stop = s->now + time * STOP_SHARE / 100;
		s->end_leave = s->now + time * LEAVE_SHARE / 100;
		notify_parent("STOPPING=1\n");
		event_tell(s, NULL, "ends%s%s", s->init ? ": " : "", s->init ? end_names[s->end] : "");
	}
	s->ending |= 1;
	for (struct service *v = NULL; (v = service_next(s, v));)
		service_want(s, v, 0);
	s->changed = 1;
}

/* Asked a second time, it does not wait for anybody's good will. */
static void end_now(struct supervisor *s, enum end_kind kind)
{
	int again = s->ending;

	supervisor_end(s, s->exit_status, kind);
	if (!again)
		return;
	s->ending |= 2;
}

void end_signal(struct supervisor *s, int signal)
{
	for (int i = 0; i < (s->init ? ENDS : OTHERS_END); i++)
		if (ends[i].signal == signal)
			end_now(s, s->init ? ends[i].kind : END_EXIT);
}

uint64_t end_signals(const struct supervisor *s)
{
	uint64_t set = 0;

	for (int i = 0; i < (s->init ? ENDS : OTHERS_END); i++)
		set |= SIGNAL_BIT(ends[i].signal);
	return set;
}

int end_is_hasty(const struct supervisor *s)
{
	return s->ending & 2 || (s->ending && s->init && s->now >= s->end_stop);
}

/* Whoever leaves an IPC group does it before we go; but he may wait for a lock. */
static int all_left(struct supervisor *s)
{
	if (!s->leave_until)
		s->leave_until = s->now + LEAVE_MS;
	return !launch_leaving(s) || s->now >= s->leave_until;
}

int end_is_over(struct supervisor *s)
{
	return s->ending && ((!s->changed && !s->turn->count[COUNT_ALIVE] && all_left(s)) || (s->init && s->now >= s->end_leave));
}

void end_finish(struct supervisor *s, struct supervise_end *to)
{
	for (struct service *v = NULL; (v = service_next(s, v));)
		listen_close(v);
	control_close(s);
	log_leave(s);
	if (s->init)
		*to = (struct supervise_end){s->end, s->end_deadline, (s->ending & 2) != 0, s->watchdog};
	/* TERM is what others send too: a machine is ended by what means nothing else. */
	for (int i = 1; !s->init && s->end && i < ENDS; i++)
		if (ends[i].kind == s->end) {
			k_kill(1, ends[i].signal);
			break;
		}
}
