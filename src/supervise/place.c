/* The places by name, pid, deadline and what has changed, see place.h. */
#include "supervise/place.h"

#include <string.h>

#include "base/sum.h"
#include "supervise/supervise.h"

static struct supervisor *s;
static struct turn *t;

_Static_assert(STATES <= 16 && 2 * SERVICES < UINT16_MAX && COUNTED <= 16, "a number has no room");
_Static_assert(sizeof t->log / sizeof *t->log >= LOG_TARGETS && FEW >= CLIENTS + LOG_POLL + 8, "a list has no room");

unsigned place_number(const struct service *v)
{
	return (unsigned)(v - s->service);
}

struct spot *place_spot(const struct service *v)
{
	return &t->spot[v - s->service];
}

/* ---- queues ----------------------------------------------------------------- */

void queue_put(struct queue *q, enum queue_link link, const struct service *v)
{
	unsigned at = place_number(v);
	struct spot *p = &t->spot[at];

	if (p->linked >> link & 1)
		return;
	p->linked |= (uint8_t)(1 << link);
	p->next[link] = 0;
	*(q->first ? &t->spot[q->last - 1].next[link] : &q->first) = (uint16_t)(at + 1);
	q->last = (uint16_t)(at + 1);
}

struct service *queue_take(struct queue *q, enum queue_link link)
{
	unsigned at = q->first;
	struct spot *p;

	if (!at)
		return NULL;
	p = &t->spot[at - 1];
	q->first = p->next[link];
	p->linked &= (uint8_t)~(1 << link);
	return &s->service[at - 1];
}

void place_touch(const struct service *v)
{
	queue_put(&t->changed, LINK_CHANGED, v);
}

struct service *place_changed(void)
{
	return queue_take(&t->changed, LINK_CHANGED);
}

/* ---- names and pids: chains, whose heads are found by a hash ---------------- */

static uint16_t *name_head(const char *name)
{
	return &t->by_name[sum32_bytes(SUM32_START, name, strlen(name)) % NAMES];
}

struct service *service_find(struct supervisor *of, const char *name)
{
	for (unsigned n = *name_head(name); n; n = t->spot[n - 1].next_name)
		if (!strcmp(of->service[n - 1].conf->name, name))
			return &of->service[n - 1];
	return NULL;
}

void place_name(const struct service *v)
{
	uint16_t *head = name_head(v->conf->name);

	t->spot[place_number(v)].next_name = *head;
	*head = (uint16_t)(place_number(v) + 1);
}

void place_unname(const struct service *v)
{
	uint16_t *link = name_head(v->conf->name);

	while (*link && *link != place_number(v) + 1)
		link = &t->spot[*link - 1].next_name;
	*link = t->spot[place_number(v)].next_name;
	if (place_number(v) < t->vacant)
		t->vacant = (uint16_t)place_number(v);
}

/* A link is 1 + twice the place, and one more for the sandbox's. */
static uint16_t *next_pid(unsigned link)
{
	return &t->spot[(link - 1) / 2].next_pid[(link - 1) & 1];
}

static int pid_of(unsigned link)
{
	const struct service *v = &s->service[(link - 1) / 2];

	return (link - 1) & 1 ? v->pid : v->launcher;
}

static uint16_t *pid_head(int pid)
{
	return &t->by_pid[(unsigned)pid % NAMES];
}

static void pid_add(unsigned link)
{
	uint16_t *head = pid_head(pid_of(link));

	*next_pid(link) = *head;
	*head = (uint16_t)link;
}

static void pid_remove(unsigned link)
{
	uint16_t *at = pid_head(pid_of(link));

	while (*at && *at != link)
		at = next_pid(*at);
	*at = *next_pid(link);
}

/* Those whose sandbox may be there before we know. */
static void launching_change(unsigned place, int now)
{
	struct spot *p = &t->spot[place];

	if (now && !p->launching_at) {
		t->spot[t->launching].launching = (uint16_t)place;
		p->launching_at = ++t->launching;
	} else if (!now && p->launching_at) {
		unsigned last = t->spot[--t->launching].launching;

		t->spot[p->launching_at - 1].launching = (uint16_t)last;
		t->spot[last].launching_at = p->launching_at;
		p->launching_at = 0;
	}
}

void place_pid(struct service *v, int *field, int pid)
{
	int is_sandbox = field == &v->pid;
	unsigned link = 2 * place_number(v) + 1 + (unsigned)is_sandbox;

	if (*field > 0)
		pid_remove(link);
	if (is_sandbox && !v->conf->own_pid_ns)
		t->sessions = (uint16_t)(t->sessions + (pid > 0) - (*field > 0));
	*field = pid;
	if (pid > 0)
		pid_add(link);
	if (!is_sandbox)
		launching_change(place_number(v), pid > 0);
	place_touch(v);
}

static struct service *find_pid(int pid)
{
	for (unsigned link = *pid_head(pid); link; link = *next_pid(link))
		if (pid_of(link) == pid)
			return &s->service[(link - 1) / 2];
	return NULL;
}

struct service *place_of_pid(int pid)
{
	struct service *v = find_pid(pid);

	for (unsigned i = 0; !v && i < t->launching; i++) {
		struct service *w = &s->service[t->spot[i].launching];

		if (!w->pid && s->born[w - s->service] == pid) {
			place_pid(w, &w->pid, pid);
			v = w;
		}
	}
	return v;
}

/* ---- deadlines: a heap, the first on top ------------------------------------ */

static void heap_set(unsigned at, unsigned place)
{
	t->spot[at].heap = (uint16_t)place;
	t->spot[place].heap_at = (uint16_t)(at + 1);
}

static int64_t heap_due(unsigned at)
{
	return t->spot[t->spot[at].heap].due;
}

/* To where it belongs, from a point that is free. */
static void heap_sift(unsigned at, unsigned place)
{
	int64_t due = t->spot[place].due;
	unsigned to;

	for (; at && heap_due(to = (at - 1) / 2) > due; at = to)
		heap_set(at, t->spot[to].heap);
	for (; (to = 2 * at + 1) < t->heap; at = to) {
		to += to + 1 < t->heap && heap_due(to + 1) < heap_due(to);
		if (heap_due(to) >= due)
			break;
		heap_set(at, t->spot[to].heap);
	}
	heap_set(at, place);
}

static void heap_change(unsigned place, int64_t due)
{
	struct spot *p = &t->spot[place];
	unsigned at = p->heap_at;

	if (due == p->due)
		return;
	p->due = due;
	if (due) {
		heap_sift(at ? at - 1u : t->heap++, place);
		return;
	}
	p->heap_at = 0;
	/* The last one takes its point. */
	if (at - 1 != --t->heap)
		heap_sift(at - 1, t->spot[t->heap].heap);
}

struct service *place_due(int64_t now)
{
	unsigned first = t->spot[0].heap;

	if (!t->heap || t->spot[first].due > now)
		return NULL;
	heap_change(first, 0);
	place_touch(&s->service[first]);
	return &s->service[first];
}

int64_t place_deadline(void)
{
	return t->heap ? heap_due(0) : 0;
}

/* ---- what else is derived --------------------------------------------------- */

static unsigned counted(const struct service *v)
{
	const struct service_conf *c = v->conf;
	int rests = v->state == STATE_UP || v->state == STATE_DONE, waits = v->state == STATE_ARMED;
	int console = c->type == SERVICE_CONSOLE, changes = v->removed || v->next;

	return (unsigned)(v->state != STATE_DOWN) << COUNT_ALIVE |
	       (unsigned)(console && state_lives(v->state)) << COUNT_CONSOLE |
	       (unsigned)(console && v->state == STATE_BLOCKED) << COUNT_WAITING |
	       (unsigned)(c->nfollows != 0) << COUNT_FOLLOWS |
	       (unsigned)(c->critical && v->wish_up && !rests) << COUNT_AWAY |
	       (unsigned)(v->wish_up && !v->attempted && !waits) << COUNT_UNTRIED |
	       (unsigned)(changes || (v->wish_up && !v->was_ready && !rests && !waits)) << COUNT_UNPROVEN |
	       (unsigned)(changes || (c->critical && !rests && !waits)) << COUNT_UNREADY;
}

int place_settle(struct service *v)
{
	struct spot *p = &t->spot[place_number(v)];
	unsigned bits = v->conf ? counted(v) : 0, before = p->counted, seen = 0;

	bits |= (unsigned)watch_look(v) << COUNT_LOOSE;
	for (unsigned differ = bits ^ before; differ; differ &= differ - 1) {
		unsigned i = (unsigned)__builtin_ctz(differ);

		t->count[i] = (uint16_t)(t->count[i] + (bits >> i & 1 ? 1 : -1));
	}
	p->counted = (uint16_t)bits;
	v->away = !(bits >> COUNT_AWAY & 1) ? 0 : v->away ? v->away : s->now;
	heap_change(place_number(v), v->conf ? v->deadline : 0);
	if (v->conf)
		seen = 1u | v->state << 1 | (unsigned)!!v->wish_up << 5 | (unsigned)!!v->attempted << 6 |
		       (unsigned)!!v->removed << 7 | (unsigned)!!v->deadline << 8;
	if (seen == p->seen)
		return 0;
	p->seen = (uint16_t)seen;
	return 1;
}

void place_begin(struct supervisor *of)
{
	s = of;
	t = of->turn;
}

void place_resume(struct supervisor *of)
{
	for (struct service *v = NULL; (v = service_next(of, v));) {
		int launcher = v->launcher, pid = v->pid;

		v->launcher = v->pid = 0;
		place_name(v);
		place_pid(v, &v->launcher, launcher);
		place_pid(v, &v->pid, pid);
		if (v->log_seen < v->ring.head)
			queue_put(&t->log[v->conf->log], LINK_LOG, v);
	}
}
