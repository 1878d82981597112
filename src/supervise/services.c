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

struct service *service_find(struct supervisor *s, const char *name)
{
	for (struct service *v = NULL; (v = service_next(s, v));)
		if (!strcmp(v->conf->name, name))
			return v;
	return NULL;
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

static void enter(struct supervisor *s, struct service *v, enum state next)
{
	const struct service_conf *c = v->conf;

	if (v->state != next) {
		v->since = s->now;
		s->changed = 1;
		/* How the last run ended is no reason to wait, nor what was waited for one to be down. */
		if (next == STATE_BLOCKED || (next == STATE_DOWN && v->state != STATE_ENDED))
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

	say_end(v);
	log_end(s, v);
	launch_close(v);
	v->attempted = 1;
	v->pause = j.delay;
	consequences(s, v, &j);
	if (v->next || !(j.event == EVENT_AGAIN || j.event == EVENT_NOW))
		ahead_drop(s, v);
	if (j.event == EVENT_AGAIN || j.event == EVENT_NOW)
		v->restarts++;
	else
		launch_leave(s, v);
	if (j.event == EVENT_REST)
		v->wish_up = 0;
	v->verdict = VERDICT_EXIT;
	if (v->next) {
		service_adopt(v);
		images_sweep(s);
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
		return NO_EVENT;
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
			event_tell(s, v, "%s", v->why);
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
	s->changed = 1;
	want_needs(s, v);
	if (v->state == STATE_DOWN || event == EVENT_START)
		service_event(s, v, event);
}

static void want_needs(struct supervisor *s, const struct service *v)
{
	for (unsigned i = 0; i < v->conf->nneeds; i++) {
		struct service *need = service_find(s, v->image->set.service[v->conf->order[i]].name);

		if (need && !need->wish_up)
			want_up(s, need, wanted_event(need));
	}
}

/* Whether v is needed by w, or should only end after it when both do. */
static int comes_after(const struct service *w, const struct service *v, int needs_only)
{
	const struct service_conf *c = w->conf;
	unsigned n = needs_only ? c->nneeds : (unsigned)c->nneeds + c->nafter;

	for (unsigned i = 0; i < n; i++)
		if (!strcmp(w->image->set.service[c->order[i]].name, v->conf->name))
			return 1;
	return 0;
}

static void want_down(struct supervisor *s, struct service *v)
{
	v->wish_up = 0;
	s->changed = 1;
	for (struct service *w = NULL; (w = service_next(s, w));)
		if (w->wish_up && comes_after(w, v, 1))
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

void service_adopt(struct service *v)
{
	if (!v->next)
		return;
	listen_change(v, v->next);
	trigger_soon();
	service_link(v, v->next_image, v->next);
	v->past = (struct past){0};
	v->was_ready = 0;
	if (v->conf->findings)
		why_wrong(v);
}

struct service *service_place(struct supervisor *s, const struct image *image,
			      const struct service_conf *conf)
{
	struct service *v = s->service;

	while (v < s->service + s->places && v->conf)
		v++;
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
	trigger_soon();
	if (conf->findings)
		why_wrong(v);
	return v;
}

static void place_free(struct service *v)
{
	launch_close(v);
	log_close(v);
	listen_close(v);
	if (v->ring.memory)
		keep_ring_forget(v->ring.memory, v->ring.size);
	v->conf = NULL;
	trigger_soon();
}

/* Whoever needs it can do with it: one that waits for a connection answers when it comes. */
static int is_ready(const struct service *v)
{
	return v->state == STATE_UP || v->state == STATE_DONE ||
	       (v->state == STATE_ARMED && v->conf->start == START_DEMAND && !v->deadline);
}

/* Who has the console: it is one service's terminal at a time. */
static const struct service *console_owner(const struct supervisor *s, const struct service *v)
{
	for (struct service *w = NULL; (w = service_next(s, w));)
		if (w != v && w->conf->type == SERVICE_CONSOLE && state_lives(w->state))
			return w;
	return NULL;
}

/* What it waits for, or NULL. */
static const struct service *waits_for(struct supervisor *s, struct service *v)
{
	const struct service_conf *c = v->conf;

	for (unsigned i = 0; i < (unsigned)c->nneeds + c->nafter; i++) {
		struct service *w = service_find(s, v->image->set.service[c->order[i]].name);

		if (!w || is_ready(w))
			continue;
		if (i < c->nneeds)
			return w;
		if (w->wish_up && !w->attempted && w->state != STATE_ARMED)
			return w;
	}
	return c->type == SERVICE_CONSOLE ? console_owner(s, v) : NULL;
}

/* Those that come after it end before it. */
static int is_held_up(struct supervisor *s, const struct service *v)
{
	for (struct service *w = NULL; (w = service_next(s, w));)
		if (w != v && !w->wish_up && state_lives(w->state) && comes_after(w, v, 0))
			return 1;
	return 0;
}

static void look(struct supervisor *s, struct service *v)
{
	const struct service *first;

	if (v->state == STATE_BLOCKED && v->wish_up) {
		first = waits_for(s, v);
		if (!first) {
			service_event(s, v, EVENT_CLEAR);
			return;
		}
		service_why(v, "waits for %s, which is %s", first->conf->name, state_names[first->state]);
		/* As good as a failed attempt: who only comes after it does not wait as well. */
		if (!v->attempted && (first->attempted || first->state == STATE_DOWN || first->state == STATE_ARMED))
			v->attempted = s->changed = 1;
	} else if (!v->wish_up && v->state != STATE_DOWN && v->state != STATE_STOPPING &&
		   v->state != STATE_KILLING && !is_held_up(s, v)) {
		service_event(s, v, EVENT_STOP);
	}
	if (v->removed && v->state == STATE_DOWN) {
		place_free(v);
		images_sweep(s);
	}
}

void order_look(struct supervisor *s)
{
	/* Each round moves at least one service; the bound is against what cannot be. */
	for (unsigned rounds = 0; s->changed && rounds < 2 * SERVICES; rounds++) {
		s->changed = 0;
		for (struct service *v = NULL; (v = service_next(s, v));)
			look(s, v);
	}
}
