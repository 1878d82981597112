/* The life of services: events through the table, wishes, and order. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include "archive/texts.h"
#include "base/text.h"
#include "kernel/k.h"
#include "supervise/keep.h"
#include "supervise/supervise.h"

#define NO_EVENT EVENTS
enum { KILL_AGAIN_MS = 1000 };

static void want_needs(struct supervisor *s, const struct service *v);

void service_why(struct service *v, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vformat(v->why, sizeof v->why, format, args);
	va_end(args);
}

/* The first of the findings; all of them are told by the status. */
static void why_wrong(struct service *v)
{
	service_why(v, "%.*s", (int)strcspn(v->conf->findings, "\n"), v->conf->findings);
}

struct service *service_next(const struct supervisor *s, struct service *v)
{
	for (v = v ? v + 1 : s->service; v < s->service + s->places; v++)
		if (v->conf)
			return v;
	return NULL;
}

int service_runs(const struct service *v)
{
	return v->pid > 0 && (v->state == STATE_STARTING || v->state == STATE_UP ||
			      v->state == STATE_STOPPING);
}

/* Mount and path hold a service up or down; a connection only starts it. */
static int is_held(const struct service_conf *c)
{
	return c->on_mount || c->on_path;
}

/* What was kept for its next start, which does not come, or is by another profile. */
static void leave(struct supervisor *s, struct service *v)
{
	ahead_drop(v);
	launch_leave(s, v);
}

static void enter(struct supervisor *s, struct service *v, enum state next)
{
	const struct service_conf *c = v->conf;

	if (v->state != next) {
		if (v->started && (v->state == STATE_DELAYED || v->state == STATE_BLOCKED) &&
		    (next == STATE_DOWN || next == STATE_ARMED))
			leave(s, v);
		v->since = s->now;
		/* How the last run ended is no reason to wait, nor what was waited for one to be down, nor where it was to run why it is to end. */
		if (next == STATE_BLOCKED || (next == STATE_DOWN && v->state != STATE_ENDED) ||
		    (v->state == STATE_BUILDING && next == STATE_KILLING && (v->verdict == VERDICT_EXIT || v->verdict == VERDICT_ASKED)))
			v->why[0] = '\0';
	}
	v->state = (uint8_t)next;
	switch (next) {
	case STATE_ARMED:
		listen_wait(s, v);
		break;
	case STATE_BUILDING:
		v->started = s->now;
		v->deadline = c->start_timeout ? s->now + c->start_timeout : 0;
		break;
	case STATE_STARTING:
		break;		/* building and starting share one deadline */
	case STATE_STOPPING:
		v->deadline = s->now + (s->ending & 2 ? 0 : c->stop_timeout);
		break;
	case STATE_KILLING:
		v->deadline = s->now + KILL_AGAIN_MS;
		break;
	default:
		v->deadline = 0;
	}
}

/* How it ended, in words. */
static void say_end(struct service *v)
{
	if (v->verdict == VERDICT_EXIT && v->has_ended)
		service_why(v, WIFSIGNALED(v->status) ? "ended by signal %d" : "ended with status %d",
			    WIFSIGNALED(v->status) ? WTERMSIG(v->status) : WEXITSTATUS(v->status));
}

static int exit_status(const struct service *v)
{
	if (v->verdict != VERDICT_EXIT || !v->has_ended)
		return 1;
	return WIFSIGNALED(v->status) ? 128 + WTERMSIG(v->status) : WEXITSTATUS(v->status);
}

/* What the end of one means for all. */
static void consequences(struct supervisor *s, struct service *v, const struct judgement *j)
{
	if (j->limit)
		event_tell(s, v, "failed more than %u times within %u ms",
			   (unsigned)v->conf->limit_count, (unsigned)v->conf->limit_time);
	if (j->limit == LIMIT_REBOOT)
		supervisor_end(s, 0, END_REBOOT);
	else if (j->limit == LIMIT_EXIT)
		supervisor_end(s, v->conf->limit_status, END_EXIT);
	else if (j->event == EVENT_REST && v->wish_up && v->conf->critical)
		supervisor_end(s, exit_status(v), END_EXIT);
}

static enum event act_judge(struct supervisor *s, struct service *v)
{
	struct end end = {
		.verdict = v->verdict, .wish_up = v->wish_up, .has_trigger = (uint8_t)is_held(v->conf),
		.triggered = v->triggered, .was_ready = v->ready_since != 0, .status = v->status,
		.now = s->now, .ready_since = v->ready_since,
	};
	struct judgement j = judge(v->conf, &end, &v->past);
	int again;

	say_end(v);
	log_end(s, v);
	launch_close(v);
	v->attempted = 1;
	v->pause = j.delay;
	consequences(s, v, &j);
	again = j.event == EVENT_AGAIN || j.event == EVENT_NOW;
	v->restarts += (unsigned)again;
	if (v->next || !again)
		leave(s, v);
	if (j.event == EVENT_REST)
		v->wish_up = 0;
	v->verdict = VERDICT_EXIT;
	if (v->next) {
		service_adopt(s, v);
		if (v->wish_up)
			want_needs(s, v);
	}
	if (v->conf->findings)
		return EVENT_REST;
	return j.event;
}

static enum event act_launch(struct supervisor *s, struct service *v)
{
	v->why[0] = '\0';
	v->verdict = VERDICT_EXIT;
	v->has_ended = v->told = 0;
	v->ready_since = 0;
	if (!launch_start(s, v))
		return NO_EVENT;
	v->verdict = code_is_short(errno) ? VERDICT_SHORT : VERDICT_BROKEN;
	if (!v->why[0])
		service_why(v, "cannot be started: %s", errno_text());
	return EVENT_BROKEN;
}

static void act_signal(struct service *v)
{
	if (v->pid <= 0)
		return;
	k_kill(v->pid, v->conf->stop_signal);
	k_kill(v->pid, SIGCONT);
}

static void act_repeat(struct supervisor *s, struct service *v)
{
	int64_t next = v->started + (int64_t)v->conf->every;

	v->was_ready = 1;
	v->ready_since = s->now;
	if (v->conf->every)
		v->deadline = next > s->now ? next : s->now + 1;
}

static enum event act(struct supervisor *s, struct service *v, enum action action)
{
	switch (action) {
	case ACTION_LAUNCH:
		return act_launch(s, v);
	case ACTION_SIGNAL:
		act_signal(v);
		return NO_EVENT;
	case ACTION_KILL:
		launch_kill(s, v);
		return launch_lives(s, v) ? NO_EVENT : EVENT_GONE;
	case ACTION_JUDGE:
		return act_judge(s, v);
	case ACTION_PAUSE:
		v->deadline = s->now + v->pause;
		/* What has run and need not pause is started in this turn; what could not even begin has to wait for the next. */
		return v->pause || !v->has_ended ? NO_EVENT : EVENT_DUE;
	case ACTION_WATCH:
		v->was_ready = 1;
		v->ready_since = s->now;
		v->attempted = 1;
		v->deadline = v->conf->watchdog ? s->now + v->conf->watchdog : 0;
		return NO_EVENT;
	case ACTION_REPEAT:
		act_repeat(s, v);
		return NO_EVENT;
	default:
		return NO_EVENT;
	}
}

void service_event(struct supervisor *s, struct service *v, enum event event)
{
	place_touch(v);
	while (event != NO_EVENT) {
		enum state before = v->state;
		struct move m = state_move(before, event);

		if (!m.heard)
			event_tell(s, v, "defect: %s in state %s", event_names[event],
				   state_names[before]);
		if (m.next == before && m.action == ACTION_NOTHING)
			return;
		enter(s, v, m.next);
		event = act(s, v, m.action);
		if (v->state != before && v->state != STATE_ENDED && v->state == m.next)
			event_say(s, v, v->why);
	}
}

/* Triggers that are not there let it wait, unless a person wants it now. */
static enum event wanted_event(const struct service *v)
{
	if (v->conf->start == START_DEMAND || (is_held(v->conf) && !v->triggered))
		return EVENT_ARM;
	return EVENT_START;
}

static void want_up(struct supervisor *s, struct service *v, enum event event)
{
	const struct service_conf *c = v->conf;

	if (c->findings || s->ending || v->removed)
		return;
	if (v->state == STATE_STOPPING || v->state == STATE_KILLING)
		v->verdict = VERDICT_ASKED;
	if (v->wish_up && v->state != STATE_DOWN && event == EVENT_ARM)
		return;
	v->wish_up = 1;
	place_touch(v);
	want_needs(s, v);
	if (v->state == STATE_DOWN || event == EVENT_START)
		service_event(s, v, event);
}

static void want_needs(struct supervisor *s, const struct service *v)
{
	for (unsigned i = 0; i < v->conf->nneeds; i++) {
		struct service *need = order_before(s, v, i);

		if (need && !need->wish_up)
			want_up(s, need, wanted_event(need));
	}
}

static void want_down(struct supervisor *s, struct service *v)
{
	struct order_cursor at = {0};

	v->wish_up = 0;
	place_touch(v);
	for (struct service *w; (w = order_after(s, v, &at));)
		if (w->wish_up && order_needs(w, v))
			want_down(s, w);
}

void service_want(struct supervisor *s, struct service *v, int up)
{
	if (up)
		want_up(s, v, EVENT_START);
	else
		want_down(s, v);
}

void service_want_boot(struct supervisor *s, struct service *v)
{
	want_up(s, v, wanted_event(v));
}

void service_restart(struct supervisor *s, struct service *v)
{
	if (!state_lives(v->state)) {
		want_up(s, v, EVENT_START);
		return;
	}
	if (v->conf->findings || s->ending || v->removed)
		return;
	v->wish_up = 1;
	place_touch(v);
	v->verdict = VERDICT_ASKED;
	want_needs(s, v);
	service_event(s, v, EVENT_STOP);
}

void service_trigger(struct supervisor *s, struct service *v, int there)
{
	if (v->triggered == there && v->conf->start != START_DEMAND)
		return;
	v->triggered = (uint8_t)there;
	if (v->wish_up && there && v->state == STATE_ARMED) {
		service_event(s, v, EVENT_START);
	} else if (v->wish_up && !there) {
		/* Its end is asked for, also when its trigger is back before that. */
		if (state_lives(v->state))
			v->verdict = VERDICT_ASKED;
		service_event(s, v, EVENT_ARM);
	}
}

void service_link(struct service *v, const struct image *image, const struct service_conf *conf)
{
	direct_drop(v);
	v->slot = image->slot;
	v->file = conf->file;
	v->image = image;
	v->conf = conf;
	service_link_next(v, NULL, NULL);
}

void service_link_next(struct service *v, const struct image *image, const struct service_conf *conf)
{
	v->next_slot = image ? image->slot : 0;
	v->next_file = conf ? conf->file : 0;
	v->next_image = image;
	v->next = conf;
}

void service_adopt(struct supervisor *s, struct service *v)
{
	if (!v->next)
		return;
	s->changed = s->turn->sweep = 1;
	listen_change(v, v->next);
	trigger_soon();
	service_link(v, v->next_image, v->next);
	v->past = (struct past){0};
	v->starts = v->no_template = 0;
	v->was_ready = 0;
	if (v->conf->findings)
		why_wrong(v);
}

struct service *service_place(struct supervisor *s, const struct image *image,
			      const struct service_conf *conf)
{
	struct service *v = s->service + s->turn->vacant;

	while (v < s->service + s->places && v->conf)
		v++;
	s->turn->vacant = (uint16_t)(v - s->service);
	if (v == s->service + SERVICES) {
		event_tell(s, NULL, "%s: more than %d services", conf->name, SERVICES);
		return NULL;
	}
	if (v == s->service + s->places)
		s->places++;
	memset(v, 0, sizeof *v);
	v->report = v->channel = v->notify = v->ready = v->log[0] = v->log[1] = -1;
	for (int i = 0; i < LISTENS; i++)
		v->listen[i] = -1;
	v->since = s->now;
	service_link(v, image, conf);
	place_name(v);
	place_touch(v);
	trigger_soon();
	if (conf->findings)
		why_wrong(v);
	return v;
}

void service_leave(struct supervisor *s, struct service *v)
{
	launch_close(v);
	log_close(v);
	listen_close(v);
	keep_ring_forget(log_ring(v));
	place_unname(v);
	place_touch(v);
	direct_drop(v);
	v->conf = NULL;
	/* Whoever waited for it does so no longer. */
	s->changed = s->turn->sweep = 1;
	trigger_soon();
}
