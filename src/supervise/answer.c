/* What the clients of the control socket are told, see answer.h. */
#include "supervise/answer.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include "apply/process.h"
#include "archive/texts.h"
#include "base/parse.h"
#include "base/text.h"
#include "kernel/k.h"
#include "supervise/direct.h"
#include "supervise/keep.h"

enum { PIECE = CONTROL_PIECE };

static void refuse(struct client *c, int code, const char *format, ...)
{
	va_list args;

	if (c->wrong[0])
		return;
	va_start(args, format);
	text_vformat(c->wrong, sizeof c->wrong, format, args);
	va_end(args);
	c->code = (uint8_t)code;
}
#define refuse(c, code, format, ...) refuse(c, code, PACKED(format, ##__VA_ARGS__), ##__VA_ARGS__)

static int is_up(const struct service *v)
{
	return v->state == STATE_UP || v->state == STATE_DONE;
}

static void refuse_name(struct supervisor *s, struct client *c, const char *name)
{
	const char *names[SERVICES];
	char hint[HINT_ROOM];
	unsigned n = 0;

	for (struct service *v = NULL; (v = service_next(s, v));)
		names[n++] = v->conf->name;
	refuse(c, 1, "no service named %s%s", name, name_hint(hint, name, names, (int)n));
}

/* All names are looked up before anything is done for the first. */
static void find_names(struct supervisor *s, struct client *c)
{
	for (unsigned i = 0; i < c->request.n; i++) {
		const char *name = c->request.name[i];

		if (!service_find(s, name)) {
			refuse_name(s, c, name);
			return;
		}
	}
}

static void send_signal(struct client *c, const struct service *v)
{
	if (!service_runs(v))
		refuse(c, 1, "%s is not running", v->conf->name);
	else if (k_kill(v->pid, c->request.signal))
		refuse(c, 1, "%s: %s", v->conf->name, errno_text());
}

static void act(struct supervisor *s, struct client *c, struct service *v)
{
	uint8_t verb = c->request.verb;

	if (v->conf->findings && (verb == VERB_START || verb == VERB_RESTART)) {
		refuse(c, 1, "%s", v->conf->findings);
		return;
	}
	switch (verb) {
	case VERB_START:
	case VERB_STOP:
		service_want(s, v, c->request.verb == VERB_START);
		break;
	case VERB_RESTART:
		service_restart(s, v);
		break;
	case VERB_SIGNAL:
		send_signal(c, v);
		break;
	case VERB_STATUS:
		c->code |= !is_up(v);
		break;
	case VERB_DESCRIBE:
		if (!service_runs(v))
			refuse(c, 1, "%s is not running", v->conf->name);
		break;
	case VERB_LOGS:
		c->cursor.position = c->request.lines == ALL_LINES
			? v->ring.tail : ring_last(log_ring(v), c->request.lines);
	}
}

void answer_begin(struct supervisor *s, struct client *c)
{
	const struct request *r = &c->request;

	if (r->verb == VERB_DESCRIBE)
		c->reloads = s->reloads;
	find_names(s, c);
	/* Else it would never be done with its end. */
	if (s->ending && (r->verb == VERB_START || r->verb == VERB_RESTART || r->verb == VERB_RELOAD ||
			 r->verb == VERB_UPGRADE))
		refuse(c, 1, "the supervisor is about to end");
	for (unsigned i = 0; i < r->n && !c->wrong[0]; i++) {
		struct service *v = service_find(s, r->name[i]);

		if (v)
			act(s, c, v);
	}
	event_settle();
	if (r->verb == VERB_EVENTS || (r->verb == VERB_LOGS && !r->n))
		c->cursor.position = r->lines == ALL_LINES ? s->events.tail
							   : ring_last(&s->events, r->lines);
	if (r->verb == VERB_WAIT && r->time >= 0)
		c->until = s->now + r->time + 1;
	if (r->verb == VERB_SHUTDOWN)
		supervisor_end(s, s->exit_status, r->end || !s->init ? r->end : END_POWEROFF);
}

static enum answer end(struct client *c, struct out *o)
{
	control_put(o, "end", c->wrong[0] ? "error" : "ok");
	if (c->code)
		out_printf(o, "code=%u\n", c->code);
	if (c->wrong[0])
		control_put(o, "text", c->wrong);
	return ANSWER_LAST;
}

static void seconds(char to[24], int64_t ms)
{
	unsigned long long whole = ms > 0 ? (unsigned long long)ms : 0;

	text_format(to, 24, "%llu.%03u", whole / 1000, (unsigned)(whole % 1000));
}

static void put_exit(struct out *o, const struct service *v)
{
	char text[24];
	int killed = WIFSIGNALED(v->status);

	if (!v->has_ended)
		return;
	text_format(text, sizeof text, "%s %d", killed ? "signal" : "status",
		    killed ? WTERMSIG(v->status) : WEXITSTATUS(v->status));
	control_put(o, "exit", text);
}

static void put_profile(uint8_t source, const char *findings, struct out *o)
{
	if (source)
		control_put(o, "profile", source_names[source]);
	if (findings)
		control_put(o, "findings", findings);
}

/* In the order of the table. */
static void put_status(const struct supervisor *s, const struct service *v, struct out *o)
{
	char number[100];

	control_put(o, "name", v->conf->name);
	control_put(o, "state", state_names[v->state]);
	control_put(o, "wish", v->wish_up ? "up" : "down");
	if (v->why[0])
		control_put(o, "why", v->why);
	seconds(number, s->now - v->since);
	out_printf(o, "since=%s\n", number);
	if (v->pid > 0)
		out_printf(o, "pid=%d\n", v->pid);
	out_printf(o, "restarts=%llu\n", (unsigned long long)v->restarts);
	put_exit(o, v);
	if (v->deadline && (v->state == STATE_DELAYED || v->state == STATE_DONE)) {
		seconds(number, v->deadline - s->now);
		out_printf(o, "next=%s\n", number);
	}
	out_printf(o, "lost=%llu\n", (unsigned long long)v->log_lost);
	put_profile(v->conf->source, v->conf->findings ? v->conf->findings : v->conf->passed_over, o);
	control_put(o, "critical", v->conf->critical ? "yes" : "no");
	if (v->pid <= 0)
		return;
	text_format(number, sizeof number, "%s%s%s%s", v->direct ? "direct" : "launcher", v->templated ? ", template" : "",
		    v->no_direct ? ": " : "", direct_why(v->no_direct ? v->no_direct - 1u : 0));
	control_put(o, "launch", number);
}

/* Of the services by name, or of all: the next that is still there. */
static struct service *next_service(struct supervisor *s, struct client *c)
{
	const struct request *r = &c->request;

	while (c->cursor.at < (r->n ? r->n : s->places)) {
		unsigned at = c->cursor.at++;
		struct service *v = r->n ? service_find(s, r->name[at]) : &s->service[at];

		if (v && v->conf)
			return v;
	}
	return NULL;
}

static enum answer next_status(struct supervisor *s, struct client *c, struct out *o)
{
	const struct machine_conf *m = s->image && !c->request.n && !c->cursor.begun ? &s->image->set.machine : NULL;
	const struct service *v = NULL;

	c->cursor.begun = 1;
	if (m && m->findings) {
		control_put(o, "name", "init.conf");
		put_profile(m->source, m->findings, o);
		return ANSWER_MORE;
	}
	v = next_service(s, c);
	if (!v)
		return end(c, o);
	put_status(s, v, o);
	return ANSWER_MORE;
}

/* A load that was under way has not seen what was written since: another one follows. */
static enum answer next_reload(struct supervisor *s, struct client *c, struct out *o)
{
	int done = c->cursor.begun && c->reloads != s->reloads;

	/* What it began is over, though somebody may have begun the next one. */
	if (s->loading && !done)
		return ANSWER_LATER;
	if (!c->cursor.begun) {
		c->cursor.begun = 1;
		c->reloads = s->reloads;
		if (!load_start(s))
			return ANSWER_LATER;
		refuse(c, 0, "reload: %s", errno_text());
	} else if (!done) {
		refuse(c, 0, "the reload came to nothing");
	}
	c->code = !strncmp(s->reload_text, "refused=", 8);
	end(c, o);
	if (!c->wrong[0])
		out_printf(o, "\n%s", s->reload_text);
	return ANSWER_LAST;
}

/* Whoever is there after it answers; or we, why it came to nothing. */
static enum answer next_upgrade(struct supervisor *s, struct client *c, struct out *o)
{
	if (!c->cursor.begun) {
		if (s->loading || s->upgrade.pid || s->upgrade.ready)
			return ANSWER_LATER;
		c->cursor.begun = 1;
		c->reloads = s->upgrade.count;
		upgrade_start(s, c->request.path);
	}
	if (c->reloads == s->upgrade.count)
		return ANSWER_LATER;
	if (s->upgrade.text[0])
		refuse(c, 1, "nothing was changed: %s", s->upgrade.text);
	return end(c, o);
}

static int is_down(const struct service *v)
{
	return v->state == STATE_DOWN || v->state == STATE_ARMED || v->state == STATE_DONE;
}

static enum answer next_wait(struct supervisor *s, struct client *c, struct out *o)
{
	const struct service *v = service_find(s, c->request.name[0]);
	int up = c->request.up;

	if (v ? (up ? is_up(v) : is_down(v)) : !up)
		return end(c, o);
	if (!v)
		refuse(c, 1, "%s is no more", c->request.name[0]);
	else if (c->until && s->now >= c->until)
		refuse(c, 1, "%s is %s%s%s", c->request.name[0], state_names[v->state],
		       v->why[0] ? ": " : "", v->why);
	else
		return ANSWER_LATER;
	return end(c, o);
}

static enum answer next_text(struct supervisor *s, struct client *c, struct out *o)
{
	const struct request *r = &c->request;
	struct service *v = r->n ? service_find(s, r->name[0]) : NULL;
	const struct ring *ring = !r->n ? &s->events : v ? log_ring(v) : NULL;
	char text[CONTROL_BODY];
	uint64_t lost = 0;
	int64_t time;
	size_t n;

	event_settle();
	/* Another service of this name has a ring of its own. */
	if (ring && c->cursor.position > ring->head)
		c->cursor.position = ring->tail;
	n = ring ? ring_get(ring, &c->cursor.position, &time, text, &lost) : 0;
	if (!n)
		return ring && r->follow ? ANSWER_LATER : end(c, o);
	out_printf(o, "time=%lld\n", (long long)time);
	if (lost)
		out_printf(o, "lost=%llu\n", (unsigned long long)lost);
	out_put(o, "\n");
	out_bytes(o, text, n);
	return ANSWER_MORE;
}

static void put_process(const struct service *v, struct client *c, struct out *o)
{
	uint64_t start;

	if (process_start(v->pid, &start)) {
		refuse(c, 1, "%s: %s", v->conf->name, errno_text());
		return;
	}
	out_printf(o, "pid=%d\nstart=%llu\n", v->pid, (unsigned long long)start);
	control_put(o, "state", state_names[v->state]);
}

/* Files of init.conf come before those of services. */
static unsigned machine_files(const struct set *set)
{
	unsigned n = 0;

	while (n < set->nfiles && set->file[n].kind != ENTRY_SERVICE)
		n++;
	return n;
}

/* The process, then the files of the profile it was built from, in pieces; without a name those of init.conf. */
static enum answer next_describe(struct supervisor *s, struct client *c, struct out *o)
{
	const struct service *v = c->request.n ? service_find(s, c->request.name[0]) : NULL;
	const struct image *image = v ? v->image : c->request.n ? NULL : s->image;
	const struct entry *f;
	size_t n;

	if (!image || (v && !service_runs(v)) || c->reloads != s->reloads) {
		refuse(c, 1, "%s has just changed", c->request.n ? c->request.name[0] : "init.conf");
		return end(c, o);
	}
	if (v && !c->cursor.begun) {
		c->cursor.begun = 1;
		put_process(v, c, o);
		return c->wrong[0] ? end(c, o) : ANSWER_MORE;
	}
	if (c->cursor.at >= (v ? v->conf->nfiles : machine_files(&image->set)))
		return end(c, o);
	f = &image->set.file[(v ? v->conf->file : 0) + c->cursor.at];
	n = f->length - c->cursor.offset;
	n = n < PIECE ? n : PIECE;
	control_put(o, "file", f->name);
	out_put(o, "\n");
	out_bytes(o, f->text + c->cursor.offset, n);
	if (o->lost) {
		out_init(o, o->text, o->size);
		refuse(c, 1, "%.80s: a name too long to be told", f->name);
		return end(c, o);
	}
	c->cursor.offset += (uint32_t)n;
	if (c->cursor.offset >= f->length) {
		c->cursor.at++;
		c->cursor.offset = 0;
	}
	return ANSWER_MORE;
}

enum answer answer_next(struct supervisor *s, struct client *c, struct out *o)
{
	static enum answer (*const next[VERBS])(struct supervisor *s, struct client *c,
						struct out *o) = {
		[VERB_STATUS] = next_status, [VERB_RELOAD] = next_reload, [VERB_UPGRADE] = next_upgrade,
		[VERB_WAIT] = next_wait, [VERB_EVENTS] = next_text, [VERB_LOGS] = next_text,
		[VERB_DESCRIBE] = next_describe,
	};

	if (!c->wrong[0] && next[c->request.verb])
		return next[c->request.verb](s, c, o);
	return end(c, o);
}
