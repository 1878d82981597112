/*
 * The loop: one poll over everything, in which all that the kernel watches of services is one descriptor.
 * Nothing in it waits for anybody, and no failing call ends it. A turn costs what
 * has changed, however many services there are.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "archive/texts.h"
#include "base/hot.h"
#include "kernel/k.h"
#include "supervise/direct.h"
#include "supervise/keep.h"
#include "supervise/supervise.h"

enum { BREATH_MS = 50, STORM_MS = 1, REST_MS = 1000, QUIET_MS = 250, LONGEST_MS = 1 << 30 };
enum { CROWD = 64, CROWD_MS = 10 };	/* descriptors that are watched, at least one of each child */

static void reload(struct supervisor *s)
{
	control_look(s);
	if (!s->ending && load_start(s))
		event_tell(s, NULL, "cannot load: %s", errno_text());
}

/* One signal stands for as many ends as there were meanwhile: its pid is of one of them. */
static void somebody_died(struct turn *t, int pid)
{
	t->dead = pid;
	if (t->looked)
		t->look_at = 0;
	t->looked = 0;
}

static void read_signals(struct supervisor *s)
{
	struct signalfd_siginfo info[4];
	long got;

	do {
		got = k_read(s->signals, info, sizeof info);
		for (long i = 0; i < got / (long)sizeof *info; i++) {
			if (info[i].ssi_signo == SIGHUP)
				reload(s);
			else if (info[i].ssi_signo == SIGCHLD)
				somebody_died(s->turn, (int)info[i].ssi_pid);
			else
				end_signal(s, (int)info[i].ssi_signo);
		}
	} while (got == (long)sizeof info);
}

/*
 * To look for anybody takes the kernel longer the more children there are, and meanwhile nobody can be born or begin a session. Whom
 * the signal names comes first, and the others when what follows from that is done: where there are many, a while later.
 */
static int reap(struct supervisor *s)
{
	int orphans = 0, pid, status, named = s->turn->dead;

	while (!s->turn->looked && (named || s->now >= s->turn->look_at)) {
		/* What a dead child leaves behind in its session is reached only while it keeps its number. */
		pid = s->turn->sessions ? k_dead_child() : named ? named : -1;
		s->turn->dead = 0;
		if (s->turn->sessions && pid > 0)
			launch_reaping(pid);
		/* Where it cannot be told, to wait for anybody is as good. */
		if (!pid || (pid = k_wait(pid, &status, WNOHANG)) <= 0) {
			s->turn->looked = !named && (!pid || errno == ECHILD);
			if (!named)
				break;
			named = 0;
			continue;
		}
		if (!launch_reaped(s, pid, status) && !load_reaped(s, pid, status) && !launch_left(s, pid) &&
		    !good_reaped(s, pid, status) && !upgrade_reaped(s, pid, status) && !log_reaped(s, pid) &&
		    !follow_reaped(s, pid, status) && !ahead_reaped(s, pid, status))
			orphans++;
		if (!named)
			continue;
		if (!s->turn->look_at && !s->storm && watch_count() >= CROWD)
			s->turn->look_at = s->now + CROWD_MS;
		break;
	}
	return orphans;
}

/* All who are dead, and what follows from that. */
static void reap_all(struct supervisor *s, const struct pollfd *follows, int nfollows)
{
	int orphans;

	load_look(s);
	orphans = reap(s);
	follow_turn(s, follows, nfollows);
	order_look(s);
	orphans += reap(s);
	order_look(s);
	/* Many in a row are waited for together: a moment later there are more of them. */
	s->storm = orphans && s->now <= s->last_orphan + STORM_MS;
	if (orphans)
		s->last_orphan = s->now;
}

/* What a passed deadline means is in the table; here, whose fault it was. */
static void due(struct supervisor *s, struct service *v)
{
	v->deadline = 0;
	if (launch_late(s, v))
		return;
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
	int64_t first;
	struct service *v;

	while ((v = place_due(s->now)))
		if (v->conf && v->deadline && v->deadline <= s->now)
			due(s, v);
	for (v = NULL; end_is_hasty(s) && (v = service_next(s, v));)
		if (v->state == STATE_STOPPING)
			due(s, v);
	load_due(s);
	upgrade_due(s);
	launch_look(s);
	if (order_look(s))
		return 0;
	watchdog_look(s);
	if (s->turn->sweep)
		images_sweep(s);
	event_settle();
	first = place_deadline();
	deadline_earlier(&first, direct_deadline(s->now));
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
 * so what is seldom needed, code and constants, becomes a mapping of its own. 0: not yet, for what
 * has just happened may happen again.
 */
static int forget_seldom(struct turn *t, uint64_t told)
{
	extern const char __executable_start[], etext[];

	if (!t->asked && t->told == told)
		return 1;
	if (!t->quiet)
		return 0;
	t->told = told;
	t->asked = 0;
	forget((uintptr_t)__executable_start, (uintptr_t)hot_text);
	forget((uintptr_t)etext, (uintptr_t)hot_data);
	direct_rest();
	return 1;
}

void loop_turn(struct supervisor *s)
{
	struct pollfd *list, *triggers, *controls, *follows, *logs, *loose, *end;
	int timeout, got, rests = 0;

	log_move(s);
	timeout = deadlines(s);
	if (!s->turn->looked && (timeout < 0 || timeout > CROWD_MS))
		timeout = s->turn->look_at ? CROWD_MS : 0;
	if (timeout < 0 || timeout > REST_MS) {
		rests = !forget_seldom(s->turn, s->events.head);
		timeout = rests ? QUIET_MS : timeout;
	}
	if (s->storm && (timeout < 0 || timeout > STORM_MS))
		timeout = STORM_MS;
	list = s->turn->count[COUNT_LOOSE] ? s->turn->many : s->turn->few;
	list[0] = (struct pollfd){.fd = s->storm ? -1 : s->signals, .events = POLLIN};
	triggers = list + 1 + watch_poll(list + 1);
	controls = triggers + trigger_poll(s, triggers);
	follows = controls + control_poll(s, controls);
	logs = follows + follow_poll(follows);
	loose = logs + log_poll(s, logs);
	end = loose + watch_poll_loose(s, loose);
	launch_prepare();
	event_flush();
	got = k_poll(list, (unsigned)(end - list), timeout);
	s->turn->quiet = rests && !got;
	s->now = k_now_ms();
	if (got < 0) {
		/* No memory for the list: look at everything, but not all the time. */
		for (struct pollfd *p = list; p < end; p++)
			p->revents = errno == EINTR ? 0 : POLLIN;
		k_poll(NULL, 0, errno == EINTR ? 0 : BREATH_MS);
	}
	for (const struct pollfd *p = controls; p < follows; p++)
		s->turn->asked |= p->revents != 0;
	if (list[0].revents || s->storm)
		read_signals(s);
	watch_read(s, list + 1, loose, (int)(end - loose));
	trigger_read(s, triggers, (int)(controls - triggers));
	/* Who has got to its payload is up for all who ask now. */
	launch_look(s);
	control_move(s, controls, (int)(follows - controls));
	reap_all(s, follows, (int)(logs - follows));
	good_look(s);
	crash_go(s);
	upgrade_go(s);
}
