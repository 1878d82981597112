/* Who sees a mount, and why the others do not, see why.h. */
#include "mounts/why.h"

#include <string.h>

#include "base/parse.h"

enum { GOING = 1, CANDIDATE = 2 };

/* A view that something happens in. */
struct side {
	struct places places;
	struct why_row **at;		/* of each mount: what becomes of a mount on it, or of itself */
	uint8_t *flags;
	struct why_row *first, **last;
};

struct group {
	uint32_t number, from, to, stamp;	/* its ties, and when it was met */
	uint8_t above;				/* the mount that is asked about receives from it */
};

struct question {
	struct why *w;
	const struct graph *g;
	struct arena *a;
	struct side *side;
	struct group *group, **queue;
	unsigned ngroups, nqueue, stamp;
	const struct tie **found, **far;
	unsigned nfound, nfar;
};

static struct group *group_find(const struct question *q, uint32_t number)
{
	unsigned from = 0, to = q->ngroups;

	while (from < to) {
		unsigned half = from + (to - from) / 2;

		if (q->group[half].number < number)
			from = half + 1;
		else
			to = half;
	}
	return from < q->ngroups && q->group[from].number == number ? &q->group[from] : NULL;
}

static int question_start(struct question *q)
{
	unsigned from = 0, to = 0;

	q->group = ARENA_ARRAY(q->a, struct group, q->g->nties);
	q->queue = ARENA_ARRAY(q->a, struct group *, q->g->nties);
	q->found = ARENA_ARRAY(q->a, const struct tie *, q->g->nties);
	q->far = ARENA_ARRAY(q->a, const struct tie *, q->g->nties);
	q->side = ARENA_ARRAY(q->a, struct side, q->g->nviews);
	if (!q->group || !q->queue || !q->found || !q->far || !q->side)
		return -1;
	while (graph_next(q->g, 1, &from, &to))
		q->group[q->ngroups++] = (struct group){q->g->tie[from].group, from, to, 0, 0};
	for (unsigned i = 0; i < q->g->nties; i++)
		if (q->g->tie[i].receives && q->g->tie[i].mount->from)
			q->far[q->nfar++] = &q->g->tie[i];
	return 0;
}

/* The parts of a question about one view, made when something is found there. */
static struct side *side_of(struct question *q, const struct view *v)
{
	struct side *s = &q->side[v - q->g->view];

	if (s->last)
		return s;
	s->at = ARENA_ARRAY(q->a, struct why_row *, v->table.n);
	s->flags = ARENA_ARRAY(q->a, uint8_t, v->table.n);
	s->last = &s->first;
	return s->at && s->flags && !places_build(&s->places, &v->table, q->a) ? s : NULL;
}

static uint32_t number_of(const struct side *s, const struct mount *m)
{
	return (uint32_t)(m - s->places.table->mount);
}

static struct why_row *row_add(struct question *q, const struct view *v, const struct mount *m,
			       const char *path, enum why_reason reason)
{
	struct side *s = &q->side[v - q->g->view];
	struct why_row *r = ARENA_NEW(q->a, struct why_row);

	if (!r)
		return NULL;
	*r = (struct why_row){.view = v, .mount = m, .path = path, .reason = (uint8_t)reason};
	s->last = s->last ? s->last : &s->first;
	*s->last = r;
	s->last = &r->next;
	return r;
}

/* What is behind `base` in a path below it. */
static const char *rest_of(const char *path, const char *base)
{
	return path + (base[1] || !path[1] ? strlen(base) : 0);
}

/* `base` with that behind it; NULL: no room. */
static const char *path_join(struct arena *a, const char *base, const char *rest)
{
	size_t n = base[1] || !*rest ? strlen(base) : 0, more = strlen(rest);
	char *to = arena_room(a, n + more + 1);

	if (to)
		text_format(to, n + more + 1, "%.*s%s", (int)n, base, rest);
	return to;
}

static void group_push(struct question *q, uint32_t number)
{
	struct group *g = number ? group_find(q, number) : NULL;

	if (!g || g->stamp == q->stamp)
		return;
	g->stamp = q->stamp;
	q->queue[q->nqueue++] = g;
}

/* All who receive what comes to a directory of a mount, into q->found. */
static void receivers(struct question *q, const struct mount *from, const char *dir)
{
	q->stamp++;
	q->nfound = q->nqueue = 0;
	group_push(q, from->shared);
	for (unsigned k = 0; k < q->nqueue; k++) {
		const struct group *g = q->queue[k];

		for (unsigned i = g->from; i < g->to; i++) {
			const struct tie *t = &q->g->tie[i];

			if (t->receives && t->mount->shared)
				group_push(q, t->mount->shared);
			else if (t->mount != from && path_below(dir, t->mount->root))
				q->found[q->nfound++] = t;
		}
		/* Those in between have no member that anybody can see. */
		for (unsigned i = 0; i < q->nfar; i++)
			if (q->far[i]->mount->from == g->number)
				group_push(q, q->far[i]->mount->master);
	}
}

/* Marks the groups that a mount receives from. */
static void mark_above(struct question *q, const struct mount *m)
{
	struct group *g;

	for (uint32_t number = m->master; number && (g = group_find(q, number)) && !g->above;) {
		const struct tie *t = &q->g->tie[g->from];

		/* Peers come first. */
		g->above = 1;
		number = t->mount->master;
		for (unsigned i = g->from; t->receives && i < g->to; i++) {
			number = q->g->tie[i].mount->from;
			if (number)
				break;
		}
	}
}

/* Where what arrived is seen, if it is: what comes over the way to it may be new itself. */
static void look(const struct side *s, struct why_row *r)
{
	const struct mount *m = s->places.table->mount;
	struct walker w = walker_start(&s->places, r->path);

	r->reason = WHY_ROOT;
	while (walker_next(&w))
		for (;;) {
			const struct why_row *here = w.on == PLACES_NONE ? NULL : s->at[w.on];
			uint32_t over = walker_over(&w);

			if (here && (strncmp(here->path, w.path, w.n) != 0 || here->path[w.n]))
				here = NULL;
			if (!here && over == PLACES_NONE)
				break;
			r->by = over == PLACES_NONE ? NULL : &m[over];
			r->reason = r->by ? WHY_HIDDEN : here == r ? WHY_SEEN : WHY_COPY;
			if (here == r || !r->by)
				return;
			w.on = over;
		}
}

static int is_of(const struct mount *m, const struct mount *other)
{
	return m->major == other->major && m->minor == other->minor;
}

static enum why_reason reason_of(const struct question *q, const struct mount *m, const char *dir)
{
	const struct mount *gone = q->w->gone;
	const struct group *g = m->shared ? group_find(q, m->shared) : NULL;

	if (gone && is_of(m, gone) && !strcmp(m->root, gone->root))
		return WHY_KEEPS;
	if (!is_of(m, q->w->on))
		return WHY_NONE;
	if (q->w->group && !path_below(dir, m->root))
		return WHY_PART;
	if (g && g->above)
		return WHY_ABOVE;
	if (!q->w->group)
		return WHY_SILENT;
	return m->shared || m->master ? WHY_APART : WHY_PRIVATE;
}

/* Views in which nothing happens, each with the mount that comes nearest to receiving. */
static int add_others(struct question *q, const char *dir)
{
	mark_above(q, q->w->on);
	for (const struct view *v = q->g->view; v < q->g->view + q->g->nviews; v++) {
		const struct mount *best = NULL;
		enum why_reason reason = WHY_NONE;

		if (q->side[v - q->g->view].first)
			continue;
		for (unsigned i = 0; i < v->table.n; i++) {
			enum why_reason r = reason_of(q, &v->table.mount[i], dir);

			if (r <= reason)
				continue;
			reason = r;
			best = &v->table.mount[i];
		}
		if (!row_add(q, v, best, best ? best->point : NULL, reason))
			return -1;
	}
	return 0;
}

static int ask_mount(struct question *q, const char *path, const char *dir)
{
	struct side *s = side_of(q, q->w->view);

	receivers(q, q->w->on, dir);
	s->at[number_of(s, q->w->on)] = row_add(q, q->w->view, q->w->on, path, WHY_SEEN);
	if (!s->first)
		return -1;
	for (unsigned i = 0; i < q->nfound; i++) {
		const struct tie *t = q->found[i];
		const char *to = path_join(q->a, t->mount->point, rest_of(dir, t->mount->root));
		struct why_row *r;

		s = side_of(q, t->view);
		r = s && to ? row_add(q, t->view, t->mount, to, WHY_SEEN) : NULL;
		if (!r)
			return -1;
		s->at[number_of(s, t->mount)] = r;
	}
	for (unsigned v = 0; v < q->g->nviews; v++)
		for (struct why_row *r = q->side[v].first; r; r = r->next)
			look(&q->side[v], r);
	return 0;
}

/* The tree of mounts that an umount takes: the first is at the path. NULL: no room. */
static uint32_t *tree_of(struct question *q, const struct side *s, uint32_t top, unsigned *n)
{
	uint32_t *own = arena_room(q->a, s->places.table->n * sizeof *own);

	*n = 0;
	if (!own)
		return NULL;
	own[(*n)++] = top;
	s->flags[top] = GOING;
	for (unsigned k = 0; k < *n; k++)
		for (uint32_t i = s->places.child[own[k]]; i != PLACES_NONE; i = s->places.brother[i])
			if (!s->flags[i]) {
				s->flags[i] = GOING;
				own[(*n)++] = i;
			}
	return own;
}

/* What receivers have where one of these is would go with it. */
static int add_cognates(struct question *q, const struct mount *m, const struct mount *on, int along)
{
	const char *dir = path_join(q->a, on->root, rest_of(m->point, on->point));

	if (!dir)
		return -1;
	receivers(q, on, dir);
	for (unsigned k = 0; k < q->nfound; k++) {
		const struct tie *t = q->found[k];
		const char *to = path_join(q->a, t->mount->point, rest_of(dir, t->mount->root));
		struct side *s = side_of(q, t->view);
		struct why_row *r = NULL;
		uint32_t there;

		if (!s || !to)
			return -1;
		there = places_at(&s->places, number_of(s, t->mount), to);
		if (there == PLACES_NONE ? along : s->flags[there])
			continue;
		r = row_add(q, t->view, there == PLACES_NONE ? t->mount : &t->view->table.mount[there], to,
			    there == PLACES_NONE ? WHY_EMPTY : WHY_GONE);
		if (!r)
			return -1;
		r->along = (uint8_t)along;
		if (there != PLACES_NONE) {
			s->at[there] = r;
			s->flags[there] = CANDIDATE;
		}
	}
	return 0;
}

static void stay(const struct side *s, uint32_t i, uint32_t by)
{
	s->flags[i] = 0;
	s->at[i]->reason = WHY_STAYS;
	s->at[i]->by = &s->places.table->mount[by];
}

/*
 * What has a mount on it that stays has to stay, unless that covers it whole and can slide down; and so has each
 * below it that carries it the same way. See trim() in propagate.c.
 */
static void trim(const struct side *s, uint32_t i)
{
	const struct mount *m = s->places.table->mount;
	uint32_t carries = PLACES_NONE, inside = PLACES_NONE;

	if (s->flags[i] != CANDIDATE)
		return;
	for (uint32_t c = s->places.child[i]; c != PLACES_NONE; c = s->places.brother[c])
		if (!s->flags[c]) {
			carries = c;
			inside = strcmp(m[c].point, m[i].point) != 0 ? c : inside;
		}
	/* A circle, which no kernel prints, must not hold anybody up. */
	for (uint32_t on = i, up, more = s->places.table->n; carries != PLACES_NONE && more--; on = up) {
		up = s->places.up[on];
		if (up == PLACES_NONE || s->flags[up] != CANDIDATE)
			break;
		if (strcmp(m[on].point, m[up].point) != 0)
			stay(s, up, carries);
	}
	if (inside != PLACES_NONE)
		stay(s, i, inside);
}

static int ask_umount(struct question *q, uint32_t top)
{
	struct side *s = side_of(q, q->w->view);
	const struct mount *m = q->w->view->table.mount;
	unsigned n;
	uint32_t *own = tree_of(q, s, top, &n);

	if (!own || !row_add(q, q->w->view, &m[top], m[top].point, WHY_GONE))
		return -1;
	q->w->along = n - 1;
	for (unsigned k = 0; k < n; k++) {
		struct why_row *r = k ? row_add(q, q->w->view, &m[own[k]], m[own[k]].point, WHY_GONE) : s->first;

		if (!r || add_cognates(q, &m[own[k]], &m[s->places.up[own[k]]], k > 0))
			return -1;
		r->along = k > 0;
	}
	for (unsigned v = 0; v < q->g->nviews; v++)
		for (struct why_row *r = q->side[v].first; r; r = r->next)
			if (r->reason == WHY_GONE)
				trim(&q->side[v], number_of(&q->side[v], r->mount));
	return 0;
}

/* The rows of all views as one list, those of the asker first. */
static void gather(struct question *q)
{
	struct side *s = side_of(q, q->w->view);
	struct why_row **last = s->last;

	q->w->row = s->first;
	s->first = NULL;
	for (unsigned v = 0; v < q->g->nviews; v++)
		if (q->side[v].first) {
			*last = q->side[v].first;
			last = q->side[v].last;
		}
}

static int failed(const struct question *q, struct err *e)
{
	return err_set(e, 0, "no room for the mounts of %u mount namespaces", q->g->nviews);
}

int why_ask(struct why *w, const struct graph *g, unsigned from, const char *path, int umount,
	    struct arena *a, struct err *e)
{
	struct question q = {.w = w, .g = g, .a = a};
	const struct mount *m = g->view[from].table.mount;
	const char *dir;
	struct side *s;
	uint32_t at;

	*w = (struct why){.view = &g->view[from]};
	if (question_start(&q) || !(s = side_of(&q, w->view)))
		return failed(&q, e);
	at = places_find(&s->places, path);
	if (at == PLACES_NONE)
		return err_set(e, 0, "%.150s: the mount that it is on is outside the root of %.40s", path, w->view->name);
	if (umount && strcmp(m[at].point, path) != 0)
		return err_set(e, 0, "%.150s: nothing is mounted there", path);
	/* What covers a root is not unmounted by its path either: that leads below. */
	if (umount && (!path[1] || s->places.up[at] == PLACES_NONE))
		return err_set(e, 0, "%.150s: a root is not unmounted", path);
	w->gone = umount ? &m[at] : NULL;
	w->on = umount ? &m[s->places.up[at]] : &m[at];
	w->group = w->on->shared;
	dir = path_join(a, w->on->root, rest_of(path, w->on->point));
	if (!dir || (umount ? ask_umount(&q, at) : ask_mount(&q, path, dir)) || add_others(&q, dir))
		return failed(&q, e);
	gather(&q);
	return 0;
}
