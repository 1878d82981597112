/*
 * The loop: one poll over everything, one list of deadlines. Nothing in it waits
 * for anybody, and no failing call ends it.
 */
#include "supervise/main.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/walk.h"
#include "archive/texts.h"
#include "base/signals.h"
#include "base/text.h"
#include "kernel/k.h"
#include "supervise/keep.h"
#include "supervise/launch.h"
#include "supervise/supervise.h"

enum { STOP_SHARE = 60, LEAVE_SHARE = 65 };	/* hundredths of the time for the end of the machine */
enum { SEAL_TRIES = 3 };
enum { FDS = 5, BREATH_MS = 50, STORM_MS = 1, LEAVE_MS = 1000, SHUTDOWN_MS = 30000, LONGEST_MS = 1 << 30, TAKE_TRIES = 20 };


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

/* The word for whoever started this: sd_notify(3). */
static void parent_tell(const char *text)
{
	const char *path = env_value((const char *const *)environ, "NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (n < 2 || n >= sizeof to.sun_path)
		return;
	memcpy(to.sun_path, path, n);
	if (*path == '@')
		to.sun_path[0] = '\0';
	fd = k_socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (!k_connect(fd, (struct sockaddr *)&to, (unsigned)(offsetof(struct sockaddr_un, sun_path) + n)))
		k_send(fd, text, strlen(text), -1);
	k_close(fd);
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
		parent_tell("STOPPING=1\n");
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

/* PID 1 has to be through with the services while there is time for the rest of the machine. */
static int is_hasty(const struct supervisor *s)
{
	return s->ending & 2 || (s->ending && s->init && s->now >= s->end_stop);
}

static void reload(struct supervisor *s)
{
	control_look(s);
	if (!s->ending && load_start(s))
		event_tell(s, NULL, "cannot load: %s", error_text(errno));
}

static void read_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (k_read(s->signals, &info, sizeof info) == (long)sizeof info) {
		if (info.ssi_signo == SIGHUP)
			reload(s);
		for (int i = 0; i < (s->init ? ENDS : OTHERS_END); i++)
			if (info.ssi_signo == ends[i].signal)
				end_now(s, s->init ? ends[i].kind : END_EXIT);
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
			 !upgrade_reaped(s, pid, status) && !log_reaped(s, pid))
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
		if ((v->deadline && v->deadline <= s->now) || (v->state == STATE_STOPPING && is_hasty(s)))
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

/* One turn: what is due, then what has come. */
static void turn(struct supervisor *s)
{
	struct pollfd *list = s->turn->poll;
	unsigned places, n = 1;
	int timeout, triggers, listens, controls, others, got;

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
	others += log_poll(s, list + n + others);
	got = k_poll(list, n + (unsigned)others, timeout);
	s->now = k_now_ms();
	if (got < 0) {
		/* No memory for the list: look at everything, but not all the time. */
		for (unsigned i = 0; i < n + (unsigned)others; i++)
			list[i].revents = errno == EINTR ? 0 : POLLIN;
		k_poll(NULL, 0, errno == EINTR ? 0 : BREATH_MS);
	}
	if (list[0].revents || s->storm)
		read_signals(s);
	for (unsigned i = 0, at = 1; i < places; i++)
		serve_service(s, &s->service[i], s->turn->open[i], &at);
	trigger_read(s, list + n, triggers);
	listen_read(s, list + n + triggers, listens);
	control_move(s, list + n + triggers + listens, controls);
	reap(s);
	order_look(s);
	good_look(s);
	crash_go(s);
	upgrade_go(s);
}

/* Whoever leaves an IPC group does it before we go; but he may wait for a lock. */
static int all_left(struct supervisor *s)
{
	if (!s->leave_until)
		s->leave_until = s->now + LEAVE_MS;
	return !launch_leaving(s) || s->now >= s->leave_until;
}

static int all_down(const struct supervisor *s)
{
	for (struct service *v = NULL; (v = service_next(s, v));)
		if (v->state != STATE_DOWN)
			return 0;
	return 1;
}

/* What cannot be killed does not keep PID 1 from the rest. */
static int is_over(struct supervisor *s)
{
	return s->ending && ((all_down(s) && all_left(s)) || (s->init && s->now >= s->end_leave));
}

/*
 * The first set: a path that cannot be read is the caller's mistake, a profile is not.
 * PID 1 has no caller, and waits for better times.
 */
static int first_load(struct supervisor *s)
{
	if (!s->loader && load_start(s)) {
		s->load_retry = s->now;
		return -!s->init;
	}
	while (s->loading && !s->ending)
		turn(s);
	errno = 0;
	return s->image || s->must_seal || s->ending || s->init ? 0 : -1;
}

/* What takes PID 1 its time is done while another process reads the first set. */
static void begin_early(struct supervisor *s, const struct supervise_options *o)
{
	load_start(s);
	o->meanwhile();
	event_console(NULL);
	event_lines(s, NULL, o->notes);
}

static uint64_t handled(const struct supervisor *s)
{
	uint64_t set = SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGPIPE);

	for (int i = 0; i < (s->init ? ENDS : OTHERS_END); i++)
		set |= SIGNAL_BIT(ends[i].signal);
	return set;
}

/* Nothing of this root runs yet. Returns only when it could not be left, or what is on the new one not executed. */
static void root_change(struct supervisor *s, const struct supervise_options *o, struct arena *a,
			const uint64_t nofile[2])
{
	uint64_t most[2] = {nofile[1], nofile[1]};
	struct err e;

	control_close(s);
	k_set_nofile(nofile);
	o->enter(s->new_root->setup.init, o->argv, a, &e);
	k_set_nofile(most);
	event_tell(s, NULL, "boot.root: %s%s%s", e.text, e.code ? ": " : "", e.code ? error_text(e.code) : "");
	image_forget(s, s->new_root);
	s->new_root = NULL;
	control_open(s, o->readers);
	if (load_start(s))
		s->load_retry = s->now;
}

/*
 * Before anything runs that could reach this program's file. Returns only when it failed:
 * PID 1 has nobody to tell, and lets those run that do not need it.
 */
static int seal(struct supervisor *s, const struct supervise_options *o, const uint64_t nofile[2], uint64_t mask)
{
	uint64_t most[2] = {nofile[1], nofile[1]};

	control_close(s);
	k_set_nofile(nofile);
	for (int i = 0; i < (s->init ? SEAL_TRIES : 1); i++)
		self_seal(o->argv, mask);
	if (!s->init)
		return -1;
	event_tell(s, NULL, "no sealed copy of hutch can be made: %s", error_text(errno));
	k_set_nofile(most);
	control_open(s, o->readers);
	s->must_seal = 0;
	s->no_seal = 1;
	if (load_start(s))
		s->load_retry = s->now;
	return 0;
}

/*
 * What only the start needed of the program is the page cache's again. The kernel maps a page with
 * its neighbours, 64 KiB at a time, but not beyond its mapping: so the part that is needed no more, in front
 * of the first floor of the hot ones (see the Makefile), becomes a mapping of its own.
 */
static void forget_text(void)
{
	extern const char __executable_start[], etext[];
	uintptr_t start = (uintptr_t)__executable_start, hot = (uintptr_t)arena_init & ~(uintptr_t)4095;

	if (hot > start)
		k_madvise((void *)start, hot - start, MADV_DONTDUMP);
	k_madvise((void *)start, (uintptr_t)etext - start, MADV_DONTNEED);
}

/* Signals, limits, and what launches and loads need. -1 with errno. */
static int prepare(struct supervisor *s, const struct supervise_options *o, struct arena *a)
{
	uint64_t most[2];

	s->paths = o->paths;
	s->npaths = o->npaths;
	s->init = o->init;
	s->debug = o->debug;
	s->setup = o->setup;
	s->now = k_now_ms();
	if (!s->nofile[1] && k_nofile(s->nofile))
		return -1;
	most[0] = most[1] = s->nofile[1];
	k_set_nofile(most);
	launch_init(a, s->nofile);
	load_init(a);
	resume_init(o->again);
	if (k_signal_default(SIGCHLD) || k_prctl(PR_SET_CHILD_SUBREAPER_, 1, 0, 0) ||
	    (s->signals < 0 && (s->signals = k_signalfd(handled(s))) < 0))
		return -1;
	if (s->exe < 0)
		s->exe = k_open(AT_FDCWD, "/proc/self/exe", O_PATH, 0);
	if (s->exe < 0 && **o->again == '/')
		s->exe = k_open(AT_FDCWD, *o->again, O_PATH | O_NONBLOCK, 0);
	if (crash_init(s))
		event_tell(s, NULL, "a crash would be the end: %s", error_text(errno));
	return 0;
}

/* What an earlier program left is gone on with; whatever fails is tried again, for all hangs on it. */
static struct supervisor *take_over(const struct supervise_options *o, struct arena *a)
{
	struct supervisor *s = NULL;
	char why[160];

	for (int tries = 0; tries < TAKE_TRIES && !s; tries++)
		s = keep_open(o->resume, MAP_SHARED, why);
	if (!s)
		crash_rescue(NULL);
	s->signals = s->upgrade.words = -1;
	for (int tries = 0; prepare(s, o, a) || resume(s, why); tries++) {
		if (tries == TAKE_TRIES)
			crash_rescue(s);
		k_poll(NULL, 0, tries);
	}
	return s;
}

/* From nothing. -1: it cannot be. */
static int begin(struct supervisor *s, const struct supervise_options *o, struct arena *a)
{
	if (!s || prepare(s, o, a))
		return -1;
	s->source = o->rescue ? SOURCE_BUILT_IN : SOURCE_DISK;
	if (s->init)
		begin_early(s, o);
	return control_open(s, o->readers) && !s->init ? -1 : 0;
}

/* The first set, if there is none to go on with, and all that has to be before it. -1: errno. */
static int first_set(struct supervisor *s, const struct supervise_options *o, uint64_t mask)
{
	int error;

	if (first_load(s)) {
		error = errno;
		control_close(s);
		errno = error;
		return -1;
	}
	if (s->must_seal && !s->ending && seal(s, o, s->nofile, mask))
		return -1;
	parent_tell("READY=1\n");
	return 0;
}

static int run(struct supervisor *s, const struct supervise_options *o, struct arena *a, uint64_t mask)
{
	forget_text();
	while (!is_over(s)) {
		if (s->new_root && !s->ending)
			root_change(s, o, a, s->nofile);
		if (s->must_seal && !s->ending)
			seal(s, o, s->nofile, mask);
		turn(s);
	}
	for (struct service *v = NULL; (v = service_next(s, v));)
		listen_close(v);
	control_close(s);
	log_leave(s);
	if (s->init)
		*o->end = (struct supervise_end){s->end, s->end_deadline, (s->ending & 2) != 0, s->watchdog};
	for (int i = 1; !s->init && s->end && i < ENDS; i++)
		if (ends[i].kind == s->end) {
			k_kill(1, ends[i].signal);
			break;
		}
	return s->exit_status;
}

int supervise(const struct supervise_options *o, struct arena *a, char *why)
{
	struct supervisor *s = NULL;
	uint64_t mask;

	k_fault_side('s');
	why[0] = '\0';
	/* All others wait for ever: none that is sent by mistake ends or stops it, nor a
	 * terminal that lets nobody write from the background. */
	if (k_sigmask(~0ull, &mask) && o->resume < 0)
		goto failed;
	if (o->resume >= 0)
		s = take_over(o, a);
	else if (begin(s = keep_new(), o, a))
		goto failed;
	if (s->image || !first_set(s, o, mask))
		return run(s, o, a, mask);
failed:
	text_format(why, 200, "%s", s && s->reload_text[0] ? s->reload_text : error_text(errno));
	return 125;
}
