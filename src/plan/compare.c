/* Expected mounts against the kernel's table, see compare.h. */
#include "plan/compare.h"

#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "base/uapi.h"

struct comparison {
	const struct plan *plan;
	const struct mounts *now, *before;
	const struct note *notes;
	compare_fn *tell;
	void *ctx;
	int told, stop;
};

static void differ(struct comparison *c, const struct expect *e, const char *format, ...)
{
	char text[160];
	va_list args;

	va_start(args, format);
	text_vformat(text, sizeof text, format, args);
	va_end(args);
	c->told++;
	c->stop |= c->tell(c->ctx, e, text);
}
#define differ(c, e, format, ...) differ(c, e, PACKED(format, ##__VA_ARGS__), ##__VA_ARGS__)

int expect_hidden(const struct plan *plan, unsigned i)
{
	for (unsigned k = i + 1; k < plan->nexpect; k++)
		if (path_below(plan->expect[i].path, plan->expect[k].path) && !plan->expect[k].optional)
			return 1;
	return 0;
}

/* Peer groups as a mount shows them. */
struct groups {
	uint32_t shared, master;
	uint8_t unbindable;
};

static void words(const struct groups *g, char *to, size_t size)
{
	if (g->unbindable)
		text_format(to, size, "unbindable");
	else if (g->shared && g->master)
		text_format(to, size, "slave+shared (shared:%u master:%u)", g->shared, g->master);
	else if (g->shared)
		text_format(to, size, "shared (shared:%u)", g->shared);
	else if (g->master)
		text_format(to, size, "slave (master:%u)", g->master);
	else
		text_format(to, size, "private");
}

/*
 * Is `is` what the word makes of a source with peer groups `of`? The rules are
 * those of mount_namespaces(7), "Propagation type transitions".
 */
static int prop_right(uint8_t prop, const struct note *of, const struct groups *is)
{
	uint32_t master = of->shared ? of->shared : of->master;

	switch (prop) {
	case PROP_UNBINDABLE:
		return is->unbindable;
	case PROP_SLAVE:
		return !is->unbindable && !is->shared && (!of->known || is->master == master);
	case PROP_SHARED:
		if (is->unbindable || !is->shared)
			return 0;
		return !of->known || (is->master == of->master && (!of->shared || is->shared == of->shared));
	case PROP_SLAVE_SHARED:
		if (is->unbindable || !is->shared)
			return 0;
		return !of->known || (is->master == master && is->shared != of->shared);
	default:
		return !is->unbindable && !is->shared && !is->master;
	}
}

static void check_prop(struct comparison *c, const struct expect *e, const struct mount *m,
		       const struct note *of)
{
	struct groups is = {m->shared, m->master, m->unbindable};
	char now[64];

	/* A copy of what was shared when it was looked at, and is no more, has nothing to receive. */
	if (prop_right(e->prop, of, &is) && (!e->hub || is.shared || is.master))
		return;
	words(&is, now, sizeof now);
	differ(c, e, "%.60s should be %s%s but is %s", m->point,
	       propagation_names[e->prop ? e->prop : PROP_PRIVATE],
	       of->known && (of->shared || of->master) && e->prop != PROP_PRIVATE ?
	       " of its source" : "", now);
}

static void check_attrs(struct comparison *c, const struct expect *e, const struct mount *m)
{
	for (int i = 0; i < ATTRS; i++)
		if ((e->attrs & ~m->attrs) >> i & 1)
			differ(c, e, "%.80s is not %s", m->point, i ? attr_names[i] : "read-only");
}

static const struct note *note_of(const struct comparison *c, const struct expect *e)
{
	static const struct note unknown = {0}, none = {.known = 1};

	if (e->own)
		return &none;
	return e->note >= 0 && c->notes ? &c->notes[e->note] : &unknown;
}

/* What the source of a mount below a recursive bind was: the same place of the
 * same file system in the table of before. */
static struct note source_below(const struct comparison *c, const struct mount *m)
{
	struct note n = {0};

	for (unsigned i = 0; c->before && i < c->before->n; i++) {
		const struct mount *b = &c->before->mount[i];

		if (b->major != m->major || b->minor != m->minor || strcmp(b->root, m->root) != 0)
			continue;
		if (n.known)	/* mounted twice: no telling which one it was */
			return (struct note){0};
		n = (struct note){1, b->shared, b->master};
	}
	return n;
}

static void check_expected(struct comparison *c, const struct expect *e)
{
	const struct mount *m = mounts_top(c->now, e->path);

	if (!m) {
		if (!e->optional)
			differ(c, e, "%.80s is not mounted", e->path);
		return;
	}
	if (e->type && strcmp(e->type, m->type) != 0)
		differ(c, e, "%.60s is %.20s, not %.20s", e->path, m->type, e->type);
	check_attrs(c, e, m);
	check_prop(c, e, m, note_of(c, e));
}

/* The wish that a mount lies on: the longest path above it. */
static const struct expect *covering(const struct plan *plan, const char *point)
{
	const struct expect *best = NULL;

	for (unsigned i = 0; i < plan->nexpect; i++) {
		const struct expect *e = &plan->expect[i];

		if (path_below(point, e->path) && (!best || strlen(e->path) >= strlen(best->path)))
			best = e;
	}
	return best;
}

static int receives(uint8_t prop)
{
	return prop == PROP_SLAVE || prop == PROP_SHARED || prop == PROP_SLAVE_SHARED;
}


/* For a mount that a wish's own mount covers: the wish that it lies on underneath. */
static const struct expect *covering_path_below(const struct comparison *c, const struct mount *m)
{
	const struct mount *at = m;

	for (unsigned i = 0; at && i < c->now->n; i++) {
		if (mounts_top(c->now, at->point) == at)
			return at != m ? covering(c->plan, at->point) : NULL;
		at = mounts_by_id(c->now, at->parent);
	}
	return NULL;
}

/* Mounts at one place, and wishes for it. */
static void check_pile(struct comparison *c, const struct expect *e)
{
	unsigned found = 0, wished = 0;

	for (unsigned i = 0; i < c->now->n; i++)
		found += !strcmp(c->now->mount[i].point, e->path);
	for (unsigned i = 0; i < c->plan->nexpect; i++) {
		const struct expect *other = &c->plan->expect[i];

		wished += !strcmp(other->path, e->path);
		/* What comes along, or arrives, may lie there too. */
		if ((other->rec || (receives(other->prop) && !other->own)) &&
		    path_below(e->path, other->path))
			return;
	}
	if (found > wished)
		differ(c, e, "%.80s has %u mounts over each other, not %u", e->path, found, wished);
}

static void check_found(struct comparison *c, const struct mount *m)
{
	const struct expect *e = covering(c->plan, m->point);
	struct note of;

	if (e && !strcmp(e->path, m->point))
		return;
	if (!e || (!e->rec && !receives(e->prop))) {
		const struct expect *under = covering_path_below(c, m);

		e = under ? under : e;
	}
	of = source_below(c, m);
	/* What arrived later below a mount that receives is what was asked for. */
	if (e && receives(e->prop) && !e->own && !(e->rec && of.known))
		return;
	/* What came along below a mount that another one covers now is out of reach. */
	if ((!e || strcmp(e->path, "/") != 0) && mounts_top(c->now, m->point) != m)
		return;
	/* A recursive bind brings it along even where a later line hides it. */
	if ((!e || !e->rec) && mounts_hidden(c->now, m))
		return;
	if (!e || !e->rec) {
		differ(c, NULL, "%.80s (%.20s) is mounted, and nobody asked for it", m->point, m->type);
		return;
	}
	check_attrs(c, e, m);
	check_prop(c, e, m, &of);
}

int compare_mounts(const struct plan *plan, const struct mounts *now, const struct note *notes,
		   const struct mounts *before, compare_fn *tell, void *ctx)
{
	struct comparison c = {plan, now, before, notes, tell, ctx, 0, 0};

	for (unsigned i = 0; i < plan->nexpect && !c.stop; i++)
		if (!expect_hidden(plan, i))
			check_expected(&c, &plan->expect[i]);
	/* Of a sandbox that runs nobody looks at more than what was added. */
	if (plan->root_switch == SWITCH_LIVE)
		return c.told;
	for (unsigned i = 0; i < plan->nexpect && !c.stop; i++)
		if (!expect_hidden(plan, i))
			check_pile(&c, &plan->expect[i]);
	for (unsigned i = 0; i < now->n && !c.stop; i++)
		check_found(&c, &now->mount[i]);
	return c.told;
}
