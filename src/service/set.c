/* Sets of services, see service.h. */
#include "service/set.h"

#include <string.h>

#include "base/sum.h"
#include "base/text.h"

const char *const source_names[SOURCES] = {"", "last-good", "built-in"};

int set_init(struct set *set, unsigned services, unsigned files)
{
	set->count = set->nfiles = 0;
	set->needs_seal = set->full = 0;
	set->notes = NULL;
	set->index = NULL;
	/* Room for many, of which few are used, each filled when it is: the rest stays untouched. */
	set->service = arena_room(&set->arena, sizeof *set->service * (services + 1));
	set->file = arena_room(&set->arena, sizeof *set->file * (files + 1));
	set->full = !set->service || !set->file;
	return -set->full;
}

int set_add_file(struct set *set, enum entry_kind kind, const char *name, const char *text,
		 size_t length)
{
	return texts_add(&set->texts, kind, name, text, length, &set->file[set->nfiles]) ? -1
		: (set->nfiles++, 0);
}

int set_list_files(struct set *set, unsigned most)
{
	struct entry e;
	size_t at = 0;

	if (texts_check(&set->texts))
		return -1;
	for (set->nfiles = 0; texts_next(&set->texts, &at, &e);) {
		if (e.kind == ENTRY_FINDINGS)
			continue;
		if (set->nfiles == most)
			return -1;
		set->file[set->nfiles++] = e;
	}
	return 0;
}

static uint32_t ms(uint64_t time)
{
	return time < UINT32_MAX / 2 ? (uint32_t)time : UINT32_MAX / 2;
}

static void keep_names(struct set *set, struct service_conf *c, const struct profile *p)
{
	const struct service_wish *w = &p->service;
	struct named *to = set_array(set, sizeof *to, w->needs.n + w->after.n);
	unsigned n = 0;

	if (!to)
		return;
	for (const struct item *i = w->needs.first; i; i = i->next)
		to[n++] = set_named(set, p, i);
	for (const struct item *i = w->after.first; i; i = i->next)
		to[n++] = set_named(set, p, i);
	c->named = to;
	c->nneeds = (uint16_t)w->needs.n;
	c->nafter = (uint16_t)w->after.n;
}

static void keep_sockets(struct set *set, struct service_conf *c, const struct list *sockets)
{
	struct listen_conf *to = set_array(set, sizeof *to, sockets->n);

	c->listens = to;
	for (const struct item *i = sockets->first; to && i && c->nlistens < LISTENS; i = i->next)
		to[c->nlistens++] = (struct listen_conf){
			.kind = (uint8_t)i->a, .port = (uint16_t)i->b, .mode = (uint16_t)i->c,
			.address = set_text(set, i->text), .name = set_text(set, i->name),
		};
}

static void keep_numbers(struct service_conf *c, const struct service_wish *w)
{
	c->type = w->type;
	c->start = w->start;
	c->restart = w->restart;
	c->critical = w->critical == YES;
	c->ready = w->ready.kind;
	c->ready_fd = w->ready.fd;
	c->stop_signal = w->stop_signal;
	c->on_limit = w->on_limit.action;
	c->limit_status = w->on_limit.status;
	c->limit_delay = ms(w->on_limit.delay);
	c->limit_count = (uint32_t)w->restart_limit.count;
	c->limit_time = ms(w->restart_limit.time);
	c->delay_min = ms(w->restart_delay.min);
	c->delay_max = ms(w->restart_delay.max);
	c->reset = ms(w->restart_reset);
	c->start_timeout = ms(w->start_timeout);
	c->stop_timeout = ms(w->stop_timeout);
	c->watchdog = ms(w->watchdog);
	c->every = w->every;
	memcpy(c->success_codes, w->success.codes, sizeof c->success_codes);
	c->success_signals = w->success.signals;
	c->log = w->log.kind;
	c->log_keep = w->log.keep;
	c->log_file_size = w->log.size;
	c->log_size = (uint32_t)w->log_size;
	c->ahead = (uint8_t)w->ahead;
}

static void copy_follows(struct set *set, struct service_conf *c, const struct follow_conf *from, unsigned n)
{
	struct follow_conf *to = set_array(set, sizeof *to, n);

	for (unsigned i = 0; to && i < n; i++)
		to[i] = (struct follow_conf){set_text(set, from[i].path), from[i].wish};
	c->follows = to;
	c->nfollows = (uint16_t)(to ? n : 0);
}

int set_add(struct set *set, const char *name, const struct profile *p, unsigned file,
	    unsigned nfiles, const char *findings)
{
	struct service_conf *c = &set->service[set->count];
	struct follow_conf follows[FOLLOWS];

	memset(c, 0, sizeof *c);
	c->file = (uint16_t)file;
	c->nfiles = (uint16_t)nfiles;
	c->name = set_text(set, name);
	c->findings = set_text(set, findings);
	if (set->full)
		return -1;
	set->count++;
	if (findings)
		return 0;
	keep_numbers(c, &p->service);
	c->own_pid_ns = p->ns[NS_PID].how == NS_NEW;
	c->own_init = p->init == AUTO_YES;
	c->ahead_kinds = profile_ahead(p);
	c->own_mounts = p->ns[NS_MOUNT].how == NS_NEW && p->dev == DEV_MINIMAL;
	c->on_mount = set_text(set, p->service.on_mount);
	c->on_path = set_text(set, p->service.on_path);
	c->log_path = set_text(set, p->service.log.path);
	c->group = set_text(set, profile_group(p));
	copy_follows(set, c, follows, profile_follows(p, follows));
	keep_names(set, c, p);
	limits_keep(set, c, p);
	keep_sockets(set, c, &p->service.listens);
	return -set->full;
}

/* Where in the index it is, or the free place where it would be. */
static uint16_t *index_at(const struct set *set, const char *name)
{
	uint32_t hash = sum32_bytes(SUM32_START, name, strlen(name));
	uint16_t *at;

	for (; *(at = &set->index[hash & set->mask]); hash++)
		if (!strcmp(set->service[*at - 1].name, name))
			break;
	return at;
}

/* Of two of a name it knows the first. */
static void set_index(struct set *set)
{
	set->mask = 1;
	while (set->mask < 2 * set->count)
		set->mask = 2 * set->mask + 1;
	set->index = set_array(set, sizeof *set->index, set->mask);
	for (unsigned i = 0; set->index && i < set->count; i++) {
		uint16_t *at = index_at(set, set->service[i].name);

		*at = *at ? *at : (uint16_t)(i + 1);
	}
}

static int find(const struct set *set, const char *name)
{
	if (set->index)
		return *index_at(set, name) - 1;
	for (unsigned i = 0; i < set->count; i++)
		if (!strcmp(set->service[i].name, name))
			return (int)i;
	return -1;
}

const struct service_conf *set_find(const struct set *set, const char *name)
{
	int i = find(set, name);

	return i < 0 ? NULL : &set->service[i];
}

/* Names to indices. An unknown one in after= is none to wait for; needs= cannot do without. */
static void resolve(struct set *set, struct service_conf *c)
{
	unsigned names = (unsigned)c->nneeds + c->nafter, n = 0, needs = 0;
	uint16_t *to = set_array(set, sizeof *to, names);
	struct named *kept = set_array(set, sizeof *kept, names);

	for (unsigned i = 0; to && kept && i < names; i++) {
		int found = find(set, c->named[i].name);

		if (found < 0 && i < c->nneeds)
			set_finding(set, c, c->named[i].where, PACKED("needs a service that there is not: "), c->named[i].name);
		if (found < 0)
			continue;
		needs += i < c->nneeds;
		kept[n] = c->named[i];
		to[n++] = (uint16_t)found;
	}
	c->order = to;
	c->named = kept;
	c->nafter = (uint16_t)(n - needs);
	c->nneeds = (uint16_t)needs;
}

/*
 * Depth first: white has not been seen, grey is on the way here, black is placed
 * behind all that it comes after. Grey met again is a circle.
 */
enum { WHITE, GREY, BLACK };

struct sorter {
	struct set *set;
	uint8_t *colour;
	uint16_t *at, *cell;		/* the way here, and how far each was looked through */
	uint16_t *place;		/* by old index: the new one */
	unsigned placed;
};

static void circle(struct sorter *s, unsigned depth, unsigned back)
{
	char text[400];
	struct out o;
	unsigned from = depth;

	while (from && s->at[from] != back)
		from--;
	out_init(&o, text, sizeof text);
	for (unsigned i = from; i <= depth; i++)
		out_printf(&o, "%s after ", s->set->service[s->at[i]].name);
	out_put(&o, s->set->service[back].name);
	for (unsigned i = from; i <= depth; i++) {
		struct service_conf *c = &s->set->service[s->at[i]];

		set_finding(s->set, c, c->named[s->cell[i] - 1].where, PACKED("in a circle: "), text);
	}
}

static void sort_from(struct sorter *s, unsigned start)
{
	unsigned depth = 0;

	s->at[0] = (uint16_t)start;
	s->cell[0] = 0;
	s->colour[start] = GREY;
	for (;;) {
		const struct service_conf *c = &s->set->service[s->at[depth]];

		if (s->cell[depth] < c->nneeds + c->nafter) {
			unsigned to = c->order[s->cell[depth]++];

			if (s->colour[to] == GREY)
				circle(s, depth, to);
			if (s->colour[to] != WHITE)
				continue;
			s->colour[to] = GREY;
			s->at[++depth] = (uint16_t)to;
			s->cell[depth] = 0;
			continue;
		}
		s->colour[s->at[depth]] = BLACK;
		s->place[s->at[depth]] = (uint16_t)s->placed++;
		if (!depth--)
			return;
	}
}

/* Into the order that was found; the indices in `order` follow. */
static int rearrange(struct set *set, const uint16_t *place)
{
	struct service_conf *to = set_array(set, sizeof *to, set->count);

	if (!to)
		return -1;
	for (unsigned i = 0; i < set->count; i++) {
		uint16_t *order = (uint16_t *)(uintptr_t)set->service[i].order;

		for (unsigned k = 0; k < (unsigned)set->service[i].nneeds + set->service[i].nafter; k++)
			order[k] = place[order[k]];
		to[place[i]] = set->service[i];
	}
	memcpy(set->service, to, sizeof *to * set->count);
	set_index(set);
	return -set->full;
}

int set_order(struct set *set)
{
	unsigned n = set->count;
	struct sorter s = {.set = set};

	set_index(set);
	for (unsigned i = 0; i < n; i++) {
		struct service_conf *c = &set->service[i];

		const struct service_conf *first = set_find(set, c->name);

		if (first != c && !c->findings)
			set_finding(set, c, set->file[c->file].name, "two profiles of this name, the first is ",
				first->nfiles ? set->file[first->file].name : first->name);
		resolve(set, c);
	}
	limits_join(set);
	s.colour = set_array(set, sizeof *s.colour, n);
	s.at = set_array(set, sizeof *s.at, n);
	s.cell = set_array(set, sizeof *s.cell, n);
	s.place = set_array(set, sizeof *s.place, n);
	if (set->full)
		return -1;
	for (unsigned i = 0; i < set->count; i++)
		if (s.colour[i] == WHITE)
			sort_from(&s, i);
	return rearrange(set, s.place);
}

/* Behind the line ends that only keep other lines their numbers. */
static const char *past_blank(const char *from, const char *at)
{
	while (*at == '\n' && (at == from || at[-1] == '\n'))
		at++;
	return at;
}

/* The same lines: those that say nothing do not count. */
static int same_text(const char *a, const char *b)
{
	const char *p = past_blank(a, a), *q = past_blank(b, b);

	for (; *p && *p == *q; p = past_blank(a, p + 1), q = past_blank(b, q + 1))
		;
	return *p == *q;
}

int set_same(const struct set *a, const struct service_conf *x, const struct set *b,
	     const struct service_conf *y)
{
	if (x->nfiles != y->nfiles || x->findings || y->findings)
		return 0;
	for (unsigned i = 0; i < x->nfiles; i++) {
		const struct entry *f = &a->file[x->file + i], *g = &b->file[y->file + i];

		if (!same_text(f->text, g->text) || strcmp(f->name, g->name) != 0)
			return 0;
	}
	return 1;
}

static void copy_service(struct set *to, struct service_conf *c, const struct service_conf *from)
{
	unsigned n = (unsigned)from->nneeds + from->nafter;
	uint16_t *order = set_array(to, sizeof *order, n);
	struct listen_conf *listens = set_array(to, sizeof *listens, from->nlistens);
	struct limit *limits = set_array(to, sizeof *limits, from->nlimits);

	if (to->full)
		return;
	*c = *from;
	c->named = NULL;
	c->before = NULL;
	c->nbefore = 0;
	for (unsigned i = 0; i < from->nlimits; i++)
		limits[i] = (struct limit){from->limits[i].key, set_text(to, from->limits[i].value), NULL};
	c->limits = limits;
	c->name = set_text(to, from->name);
	if (n)
		memcpy(order, from->order, n * sizeof *order);
	c->order = order;
	for (unsigned i = 0; i < from->nlistens; i++) {
		listens[i] = from->listens[i];
		listens[i].address = set_text(to, from->listens[i].address);
		listens[i].name = set_text(to, from->listens[i].name);
	}
	c->listens = listens;
	c->findings = set_text(to, from->findings);
	c->passed_over = set_text(to, from->passed_over);
	c->on_mount = set_text(to, from->on_mount);
	c->on_path = set_text(to, from->on_path);
	c->log_path = set_text(to, from->log_path);
	c->group = set_text(to, from->group);
	copy_follows(to, c, from->follows, from->nfollows);
}

/* Who comes after whom, the other way round: `fill` writes down what was counted before. */
static void reverse(struct set *set, int fill)
{
	for (unsigned i = 0; i < set->count; i++) {
		const struct service_conf *c = &set->service[i];

		for (unsigned k = 0; k < (unsigned)c->nneeds + c->nafter; k++) {
			struct service_conf *first = &set->service[c->order[k]];

			if (fill)
				((uint16_t *)(uintptr_t)first->before)[first->nbefore] = (uint16_t)i;
			first->nbefore++;
		}
	}
}

static void set_reverse(struct set *set)
{
	reverse(set, 0);
	for (unsigned i = 0; i < set->count; i++) {
		struct service_conf *c = &set->service[i];

		c->before = c->nbefore ? set_array(set, sizeof *c->before, c->nbefore - 1u) : NULL;
		c->nbefore = 0;
	}
	if (!set->full)
		reverse(set, 1);
}

int set_copy(struct set *to, const struct set *from)
{
	if (set_init(to, from->count, from->nfiles))
		return -1;
	to->needs_seal = from->needs_seal;
	to->notes = set_text(to, from->notes);
	for (; to->count < from->count; to->count++)
		copy_service(to, &to->service[to->count], &from->service[to->count]);
	to->texts = from->texts;
	to->nfiles = from->nfiles;
	memcpy(to->file, from->file, from->nfiles * sizeof *to->file);
	if (!to->full) {
		set_index(to);
		set_reverse(to);
	}
	return -(to->full || machine_copy(to, &from->machine));
}

/* Whether `name` is what `path`, written in the file `from`, means. */
static int means(const char *name, const char *path, const char *from)
{
	const char *slash = from && *path != '/' ? strrchr(from, '/') : NULL;
	size_t n = slash ? (size_t)(slash - from) + 1 : 0;

	return !strncmp(name, from ? from : "", n) && !strcmp(name + n, path);
}

int set_load(void *ctx, const char *path, const char *from, struct profile_text *to, struct err *e)
{
	const struct set *set = ctx;

	for (unsigned i = 0; i < set->nfiles; i++)
		if (means(set->file[i].name, path, from)) {
			*to = (struct profile_text){set->file[i].name, set->file[i].text,
						    set->file[i].length};
			return 0;
		}
	return err_set(e, 0, "%.150s: was not read with the set", path);
}
