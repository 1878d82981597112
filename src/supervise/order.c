/*
 * The order of services: who waits for whom, on the way up and on the way down. Only what has
 * changed is looked at, and what depends on it.
 */
#include <string.h>

#include "archive/texts.h"
#include "supervise/supervise.h"

enum { LOOKS = 64 * SERVICES };

int order_needs(const struct service *w, const struct service *v)
{
	const struct service_conf *c = w->conf;

	for (unsigned i = 0; i < c->nneeds; i++)
		if (!strcmp(w->image->set.service[c->order[i]].name, v->conf->name))
			return 1;
	return 0;
}

struct service *order_before(struct supervisor *s, const struct service *v, unsigned i)
{
	const struct service_conf *c = v->conf;

	return i < (unsigned)c->nneeds + c->nafter ? service_find(s, v->image->set.service[c->order[i]].name) : NULL;
}

/* Where each of them is from the set that it runs by; there are others when there was a reload. */
struct service *order_after(struct supervisor *s, const struct service *v, struct order_cursor *at)
{
	for (; at->slot < IMAGES; at->slot++, at->i = 0) {
		const struct image *image = s->images[at->slot].image;

		/* What is still being filled is nobody's. */
		if (!image || image == s->new_image || image == s->new_root)
			continue;
		if (!at->i)
			at->conf = image == v->image ? v->conf : set_find(&image->set, v->conf->name);
		while (at->conf && at->i < at->conf->nbefore) {
			struct service *w = service_find(s, image->set.service[at->conf->before[at->i++]].name);

			if (w && w->image == image)
				return w;
		}
	}
	return NULL;
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
		struct service *w = order_before(s, v, i);

		if (!w || is_ready(w))
			continue;
		if (i < c->nneeds)
			return w;
		if (w->wish_up && !w->attempted && w->state != STATE_ARMED)
			return w;
	}
	return c->type == SERVICE_CONSOLE ? console_owner(s, v) : NULL;
}

/*
 * Those that come after it end before it, also who comes back with another profile. Each set has its order, and two of them
 * together may be a circle: who runs by an old one holds up nobody of a newer.
 */
static int is_held_up(struct supervisor *s, const struct service *v)
{
	struct order_cursor at = {0};

	for (struct service *w; (w = order_after(s, v, &at));)
		if (w != v && (!w->wish_up || w->next) && state_lives(w->state) &&
		    (w->image == v->image || w->image == s->image))
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
		v->attempted |= first->attempted || first->state == STATE_DOWN || first->state == STATE_ARMED;
	} else if (!v->wish_up && v->state != STATE_DOWN && v->state != STATE_STOPPING &&
		   v->state != STATE_KILLING && !is_held_up(s, v)) {
		service_event(s, v, EVENT_STOP);
	}
	if (v->removed && v->state == STATE_DOWN)
		service_leave(s, v);
}

/* All whom a change of this one may concern. */
static void touch_others(struct supervisor *s, struct service *v)
{
	struct order_cursor at = {0};
	struct service *w;

	for (unsigned i = 0; i < (unsigned)v->conf->nneeds + v->conf->nafter; i++)
		if ((w = order_before(s, v, i)))
			place_touch(w);
	while ((w = order_after(s, v, &at)))
		place_touch(w);
	if (v->conf->type != SERVICE_CONSOLE || !s->turn->count[COUNT_WAITING])
		return;
	for (w = NULL; (w = service_next(s, w));)
		if (w->conf->type == SERVICE_CONSOLE && w->state == STATE_BLOCKED)
			place_touch(w);
}

int order_look(struct supervisor *s)
{
	struct service *v;
	unsigned looks = 0;

	do {
		for (v = NULL; s->changed && (v = service_next(s, v));)
			place_touch(v);
		s->changed = 0;
		/* The bound is against what cannot be. */
		while (looks++ < LOOKS && (v = place_changed())) {
			if (v->conf)
				look(s, v);
			if (place_settle(v) && v->conf)
				touch_others(s, v);
		}
	} while (s->changed && looks < LOOKS);
	return s->changed || looks >= LOOKS;
}
