/*
 * The loop: one poll over everything, one list of deadlines. Nothing in it waits
 * for anybody, and no failing call ends it.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "archive/texts.h"
#include "base/hot.h"
#include "kernel/k.h"
#include "supervise/keep.h"
#include "supervise/supervise.h"

enum { FDS = 5, BREATH_MS = 50, STORM_MS = 1, REST_MS = 1000, LONGEST_MS = 1 << 30 };

static void reload(struct supervisor *s)
{
	control_look(s);
	if (!s->ending && load_start(s))
		event_tell(s, NULL, "cannot load: %s", errno_text());
}

static void read_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (k_read(s->signals, &info, sizeof info) == (long)sizeof info) {
		if (info.ssi_signo == SIGHUP)
			reload(s);
		else
			end_signal(s, (int)info.ssi_signo);
	}
}

/* What a dead child leaves behind in its session is reached only while it keeps its number. */
static int must_peek(const struct supervisor *s)
{
	for (struct service *v = NULL; (v = service_next(s, v));)
		if (v->pid && !v->conf->own_pid_ns)
			return 1;
	return 0;
}

static void reap(struct supervisor *s)
{
	int peek = must_peek(s), orphans = 0, pid, status;

	load_look(s);
	for (;;) {
		pid = peek ? k_dead_child() : -1;
		if (pid > 0)
			launch_reaping(s, pid);
		/* Where it cannot be told, to wait for anybody is as good. */
		if (!pid || (pid = k_wait(pid, &status, WNOHANG)) <= 0)
			break;
		if (launch_reaped(s, pid, status))
			peek = must_peek(s);
		else if (!load_reaped(s, pid, status) && !launch_left(s, pid) && !good_reaped(s, pid, status) &&
			 !upgrade_reaped(s, pid, status) && !log_reaped(s, pid) && !follow_reaped(s, pid, status) && !ahead_reaped(s, pid, status))
			orphans++;
	}
	/* Many in a row are waited for together: a moment later there are more of them. */
	s->storm = orphans && s->now <= s->last_orphan + STORM_MS;
	if (orphans)
		s->last_orphan = s->now;
}

/* What a passed deadline means is in the table; here, whose fault it was. */
static void due(struct supervisor *s, struct service *v)
{
	v->deadline = 0;
	if (v->state == STATE_ARMED) {
		v->why[0] = '\0';
		listen_wait(s, v);
		return;
	}
	if (v->state == STATE_BUILDING || v->state == STATE_STARTING) {
		v->verdict = VERDICT_TIMEOUT;
		service_why(v, "not ready within start-timeout");
	} else if (v->state == STATE_UP) {
		v->verdict = VERDICT_WATCHDOG;
		service_why(v, "its watchdog was not told in time");
	}
	service_event(s, v, EVENT_DUE);
}

void deadline_earlier(int64_t *first, int64_t deadline)
{
	if (deadline && (!*first || deadline < *first))
		*first = deadline;
}

/* Milliseconds until something is due, -1 for ever. */
static int deadlines(struct supervisor *s)
{
	int64_t first = 0;

	for (struct service *v = NULL; (v = service_next(s, v));)
		if ((v->deadline && v->deadline <= s->now) || (v->state == STATE_STOPPING && end_is_hasty(s)))
			due(s, v);
	watchdog_look(s);
	load_due(s);
	upgrade_due(s);
	order_look(s);
	for (struct service *v = NULL; (v = service_next(s, v));)
		deadline_earlier(&first, v->deadline);
	deadline_earlier(&first, load_deadline(s));
	deadline_earlier(&first, good_deadline(s));
	deadline_earlier(&first, control_deadline(s));
	deadline_earlier(&first, trigger_deadline(s));
	deadline_earlier(&first, follow_until(s));
	deadline_earlier(&first, log_deadline(s));
	deadline_earlier(&first, s->leave_until);
	deadline_earlier(&first, s->upgrade.deadline);
	deadline_earlier(&first, watchdog_deadline(s));
	if (s->init)
		deadline_earlier(&first, s->now < s->end_stop ? s->end_stop : s->end_leave);
	if (!first)
		return -1;
	first -= k_now_ms();
	return first < 0 ? 0 : first > LONGEST_MS ? LONGEST_MS : (int)first;
}

/* Puts what is open into the list; which of them, as bits. */
static uint8_t watch(const struct service *v, struct pollfd *to, unsigned *n)
{
	const int fds[FDS] = {v->report, v->channel, v->ready, v->notify, v->log[0]};
	uint8_t open = 0;

	for (int i = 0; v->conf && i < FDS; i++)
		if (fds[i] >= 0) {
			to[(*n)++] = (struct pollfd){.fd = fds[i], .events = POLLIN};
			open |= (uint8_t)(1 << i);
		}
	return open;
}

static void serve_service(struct supervisor *s, struct service *v, uint8_t open, unsigned *n)
{
	uint8_t came = 0;

	for (int i = 0; i < FDS; i++)
		if (open & 1 << i && s->turn->poll[(*n)++].revents)
			came |= (uint8_t)(1 << i);
	if (came & 7)
		launch_read(s, v);
	if (came & 8)
		notify_read(s, v);
	if (came & 16)
		log_read(s, v);
}

static void forget(uintptr_t from, uintptr_t to)
{
	from = (from + 4095) & ~(uintptr_t)4095;
	to &= ~(uintptr_t)4095;
	if (from >= to)
		return;
	k_madvise((void *)from, to - from, MADV_DONTDUMP);
	k_madvise((void *)from, to - from, MADV_DONTNEED);
}

/*
 * Before a long sleep: what was needed of the program for all that was told of since the last one is the
 * page cache's again. The kernel maps a page with its neighbours, 64 KiB at a time, but not beyond its mapping:
 * so what is seldom needed, code and constants, becomes a mapping of its own.
 */
static void forget_seldom(const struct supervisor *s, int asked)
{
	extern const char __executable_start[], etext[];
	static uint64_t told;

	if (!asked && told == s->events.head + s->events.last)
		return;
	told = s->events.head + s->events.last;
	forget((uintptr_t)__executable_start, (uintptr_t)hot_text);
	forget((uintptr_t)etext, (uintptr_t)hot_data);
}

void loop_turn(struct supervisor *s)
{
	struct pollfd *list = s->turn->poll;
	unsigned places, n = 1;
	int timeout, triggers, listens, controls, follows, others, got;

	s->now = k_now_ms();
	log_move(s);
	timeout = deadlines(s);
	places = s->places;
	list[0] = (struct pollfd){.fd = s->storm ? -1 : s->signals, .events = POLLIN};
	if (s->storm && (timeout < 0 || timeout > STORM_MS))
		timeout = STORM_MS;
	for (unsigned i = 0; i < places; i++)
		s->turn->open[i] = watch(&s->service[i], list, &n);
	triggers = trigger_poll(s, list + n);
	listens = listen_poll(s, list + n + triggers, SERVICES);
	controls = control_poll(s, list + n + triggers + listens);
	others = triggers + listens + controls;
	follows = follow_poll(list + n + others);
	others += follows;
	others += log_poll(s, list + n + others);
	if (timeout < 0 || timeout > REST_MS)
		forget_seldom(s, s->turn->asked);
	got = k_poll(list, n + (unsigned)others, timeout);
	s->now = k_now_ms();
	if (got < 0) {
		/* No memory for the list: look at everything, but not all the time. */
		for (unsigned i = 0; i < n + (unsigned)others; i++)
			list[i].revents = errno == EINTR ? 0 : POLLIN;
		k_poll(NULL, 0, errno == EINTR ? 0 : BREATH_MS);
	}
	s->turn->asked = 0;
	for (int i = 0; i < controls; i++)
		s->turn->asked |= list[n + (unsigned)(triggers + listens + i)].revents != 0;
	if (list[0].revents || s->storm)
		read_signals(s);
	for (unsigned i = 0, at = 1; i < places; i++)
		serve_service(s, &s->service[i], s->turn->open[i], &at);
	trigger_read(s, list + n, triggers);
	listen_read(s, list + n + triggers, listens);
	control_move(s, list + n + triggers + listens, controls);
	reap(s);
	follow_turn(s, list + n + triggers + listens + controls, follows);
	order_look(s);
	good_look(s);
	crash_go(s);
	upgrade_go(s);
}
