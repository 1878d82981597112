/* The start of a supervisor: from nothing, or with the state that an earlier program left. */
#include "supervise/main.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "apply/seal.h"
#include "archive/texts.h"
#include "base/signals.h"
#include "base/text.h"
#include "kernel/k.h"
#include "supervise/direct.h"
#include "supervise/keep.h"
#include "supervise/launcher.h"
#include "supervise/loader.h"
#include "supervise/supervise.h"

enum { DESCRIPTORS = 4 * SERVICES + 256 };
enum { SEAL_TRIES = 3, TAKE_TRIES = 20 };

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
		loop_turn(s);
	/* Why there is none was told. */
	if (!s->image)
		s->reload_text[0] = '\0';
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

/* As many descriptors as all places need, or as are to be had: a payload gets the limit that hutch was started with. */
static void raise_limit(const struct supervisor *s)
{
	const uint64_t hard = s->nofile[1], most = hard > DESCRIPTORS ? hard : DESCRIPTORS;

	if (k_set_nofile((uint64_t[2]){most, most}))
		k_set_nofile((uint64_t[2]){hard, hard});
}

/* Another program takes this one's place, as far as it goes: it finds things as this one did. */
static void step_aside(struct supervisor *s)
{
	control_close(s);
	k_set_nofile(s->nofile);
}

static void step_back(struct supervisor *s, const struct supervise_options *o)
{
	raise_limit(s);
	control_open(s, o->readers);
	if (load_start(s))
		s->load_retry = s->now;
}

/* Nothing of this root runs yet. Returns only when it could not be left, or what is on the new one not executed. */
static void root_change(struct supervisor *s, const struct supervise_options *o, struct arena *a)
{
	struct err e;

	step_aside(s);
	o->enter(s->new_root->setup.init, o->argv, a, &e);
	event_tell(s, NULL, "boot.root: %s%s%s", e.text, e.code ? ": " : "", e.code ? error_text(e.code) : "");
	image_forget(s, s->new_root);
	s->new_root = NULL;
	step_back(s, o);
}

/*
 * Before anything runs that could reach this program's file. Returns only when it failed:
 * PID 1 has nobody to tell, and lets those run that do not need it.
 */
static int seal(struct supervisor *s, const struct supervise_options *o, uint64_t mask)
{
	step_aside(s);
	for (int i = 0; i < (s->init ? SEAL_TRIES : 1); i++)
		self_seal(o->argv, mask);
	if (!s->init)
		return -1;
	event_tell(s, NULL, "no sealed copy of hutch can be made: %s", errno_text());
	s->must_seal = 0;
	s->no_seal = 1;
	step_back(s, o);
	return 0;
}

/* Signals, limits, and what launches and loads need. -1 with errno. */
static int prepare(struct supervisor *s, const struct supervise_options *o, struct arena *a)
{
	const uint64_t heard = SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGPIPE);

	s->paths = o->paths;
	s->npaths = o->npaths;
	s->init = o->init;
	s->debug = o->debug;
	s->setup = o->setup;
	s->now = k_now_ms();
	if (!s->nofile[1] && k_nofile(s->nofile))
		return -1;
	raise_limit(s);
	launcher_init(a);
	direct_init(a);
	load_init(a);
	resume_init(o->again);
	if (k_signal_default(SIGCHLD) || k_prctl(PR_SET_CHILD_SUBREAPER_, 1, 0, 0) ||
	    (s->signals < 0 && (s->signals = k_signalfd(heard | end_signals(s))) < 0))
		return -1;
	if (s->exe < 0)
		s->exe = k_open(AT_FDCWD, "/proc/self/exe", O_PATH, 0);
	if (s->exe < 0 && **o->again == '/')
		s->exe = k_open(AT_FDCWD, *o->again, O_PATH | O_NONBLOCK, 0);
	if (crash_init(s))
		event_tell(s, NULL, "a crash would be the end: %s", errno_text());
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
	if (s->must_seal && !s->ending && seal(s, o, mask))
		return -1;
	notify_parent("READY=1\n");
	return 0;
}

static int run(struct supervisor *s, const struct supervise_options *o, struct arena *a, uint64_t mask)
{
	while (!end_is_over(s)) {
		if (s->new_root || s->must_seal)
			event_flush();
		if (s->new_root && !s->ending)
			root_change(s, o, a);
		if (s->must_seal && !s->ending)
			seal(s, o, mask);
		loop_turn(s);
	}
	event_flush();
	end_finish(s, o->end);
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
	text_format(why, 200, "%s", s && s->reload_text[0] ? s->reload_text : errno ? errno_text() : "");
	event_flush();
	return 125;
}
