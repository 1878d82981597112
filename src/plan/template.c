/*
 * Divides a whole plan into what builds a template and what a launch from it takes, by template.def. Both
 * keep the order of the whole. What they make together is what the whole makes as long as a path leads where it says:
 * the places of the template's mounts, and those that a launch mounts on before them, must be no links,
 * which plan->literal and EACH_LITERAL see to.
 */
#include <string.h>

#include "archive/texts.h"
#include "base/parse.h"
#include "base/uapi.h"
#include "plan/mounts.h"
#include "plan/parts.h"

enum rule { EACH, ONCE, BOTH, NOTED, SLOT, STAGES, FRESH, LAYS, MAKES, WRITES, SEALS };
enum { IN_ROOT = 1, IN_LAUNCH = 2 };

static const struct {
	uint8_t rule, path;
} rules[STEP_KINDS] = {
#define PART(kind, rule_, path_) [STEP_##kind] = {rule_, path_},
#include "plan/template.def"
#undef PART
};

enum reason {
#define NO_TEMPLATE(id, text) NO_##id,
#include "plan/template.def"
#undef NO_TEMPLATE
};

const char *template_reason(unsigned no_template)
{
	return text_of(TEXTS_TEMPLATE, no_template);
}

struct division {
	struct build *b;
	struct plan *plan;
	uint8_t *part;		/* by step: IN_* */
	uint8_t *uses;		/* by slot: in which parts */
	uint8_t *each;		/* by slot: what is in it is attached by each launch */
	unsigned last;		/* of the whole: the last mount of the template */
};

static int lies(unsigned rule)
{
	return rule == FRESH || rule == LAYS;
}

static const char *path_at(const struct plan *plan, unsigned i)
{
	return plan->step[i].op[rules[plan->step[i].kind].path].s;
}

/* Does path lie on what each launch has made before step i, or, with `above`, over something of it? */
static int on_each(const struct division *d, unsigned i, int above)
{
	const char *path = path_at(d->plan, i);

	for (unsigned k = 0; k < i; k++) {
		unsigned rule = rules[d->plan->step[k].kind].rule;
		const char *at = path_at(d->plan, k);

		if (d->part[k] == IN_LAUNCH && (lies(rule) || rule == WRITES) &&
		    (path_below(path, at) || (above && path_below(at, path))))
			return 1;
	}
	return 0;
}

/* Is path on a disk of the host, and not in a root that the template has in memory? */
static int on_disk(const struct division *d, unsigned i)
{
	const struct profile *p = d->b->p;

	for (unsigned k = 0; k < i; k++)
		if (d->part[k] == IN_ROOT && lies(rules[d->plan->step[k].kind].rule) &&
		    path_below(path_at(d->plan, i), path_at(d->plan, k)))
			return 1;
	return p->root.kind == ROOT_DIR || p->root.kind == ROOT_IMAGE;
}

/* A place that may be there or not is looked at by each launch. */
static int may_miss(const struct step *s)
{
	return s->kind == STEP_MASK || s->kind == STEP_MOUNT_SELF ? (int)s->op[2].n : 0;
}

static unsigned part_of(const struct division *d, unsigned i)
{
	const struct step *s = &d->plan->step[i];
	int slot = s->kind == STEP_MOUNT_TREE || s->kind == STEP_MOUNT_MOVE ? (int)s->op[0].n : NO_SLOT, each;

	switch (rules[s->kind].rule) {
	case ONCE:
		return IN_ROOT;
	case BOTH:
		return IN_ROOT | IN_LAUNCH;
	case LAYS:
		each = (slot >= 0 && d->each[slot]) || may_miss(s) || on_each(d, i, 1);
		return each ? IN_LAUNCH : IN_ROOT;
	case MAKES:
		return on_each(d, i, 0) ? IN_LAUNCH : IN_ROOT;
	case WRITES:
		return on_each(d, i, 0) || on_disk(d, i) ? IN_LAUNCH : IN_ROOT;
	case SEALS:
		return d->b->bounded_admin ? IN_LAUNCH : IN_ROOT;
	case NOTED:
	case SLOT:
	case STAGES:
		return 0;	/* by what comes later */
	default:
		return IN_LAUNCH;
	}
}

/* Which slots a step uses, and so in which parts they have to be filled. */
static void note_uses(struct division *d, unsigned i)
{
	const struct step *s = &d->plan->step[i];
	const char *operands = step_operands(s->kind);
	char type;

	for (int k = 0; (type = operand_next(&operands)); k++)
		if (type == 'i' && s->op[k].n >= 0)
			d->uses[s->op[k].n] |= d->part[i];
}

/* Those that send, and those whose files the host replaces all the time. */
static void choose_each(struct division *d)
{
	const struct mount_plan *mp = d->b->mounts->mount;

	for (const struct mount_wish *m = d->b->p->mounts.first; m; m = m->next, mp++)
		if (mp->slot >= 0 && (mp->prop == PROP_SHARED || m->flags & MF_FOLLOW))
			d->each[mp->slot] = 1;
}

static unsigned divide(struct division *d)
{
	const struct plan *plan = d->plan;
	unsigned noted = 0, staged = 0, reason = NO_NONE;

	for (unsigned i = 0; i < plan->nsteps; i++) {
		d->part[i] = (uint8_t)part_of(d, i);
		note_uses(d, i);
		if (d->part[i] == IN_ROOT && lies(rules[plan->step[i].kind].rule))
			d->last = i;
	}
	/* Backwards: a file is staged for the clone behind it, on a scratch that comes before both. */
	for (unsigned i = plan->nsteps; i-- > 0;) {
		const struct step *s = &plan->step[i];
		int clones = s->kind == STEP_TREE_CLONE || s->kind == STEP_TREE_BIND;

		if (s->kind == STEP_FILE_STAGE)
			staged |= d->part[i] = d->part[i + 1];
		if (s->kind == STEP_SCRATCH)
			d->part[i] = (uint8_t)(staged | (plan->new_mounts ? 0 : IN_ROOT));
		if (rules[s->kind].rule != SLOT)
			continue;
		d->part[i] = d->uses[s->op[0].n];
		if (clones && s->op[4].n)
			noted |= d->part[i];
		if (d->part[i] & IN_LAUNCH && !plan->new_mounts)
			reason = NO_OLD;
	}
	for (unsigned i = 0; i < plan->nsteps; i++)
		if (rules[plan->step[i].kind].rule == NOTED)
			d->part[i] = (uint8_t)noted;
	return reason;
}

/* What can be told before anything is divided. */
static enum reason why_not(const struct build *b)
{
	const struct profile *p = b->p;
	int memory = p->root.kind == ROOT_TMPFS || p->root.kind == ROOT_CPIO, unlocked = b->bounded_admin && !b->plan->sealed;

	if (p->template == TEMPLATE_NO)
		return NO_SAID;
	if (!(b->namespaces & CLONE_NEWNS_) || !b->mounts)
		return NO_MOUNTS;
	if (b->own_user || p->ns[NS_USER].how == NS_PATH)
		return NO_USER;
	if (p->root_mode == ROOT_OVERLAY || (memory && (p->root_mode != ROOT_RO || unlocked)))
		return NO_MEMORY;
	if (unlocked && says(b, MOUNT_FILE, 0))
		return NO_WRITABLE;
	if (p->propagation.prop == PROP_SHARED)
		return NO_SHARED;
	for (const struct mount_wish *m = p->mounts.first; m; m = m->next)
		if (m->kind == MOUNT_OVERLAY)
			return NO_OVERLAY;
	return NO_NONE;
}

/* Which of the expected mounts each launch makes: by the text of their path, which is the step's own. */
static void divide_expects(struct division *d)
{
	for (unsigned i = 0; i < d->plan->nsteps; i++) {
		if (!lies(rules[d->plan->step[i].kind].rule) || d->part[i] != IN_LAUNCH)
			continue;
		for (unsigned k = 0; k < d->plan->nexpect; k++)
			if (d->plan->expect[k].path == path_at(d->plan, i))
				d->plan->expect[k].each = i < d->last ? EACH_LITERAL : EACH_LAUNCH;
	}
}

static int find_sources(struct division *d)
{
	struct plan *plan = d->plan;

	/* Room for all steps, and the rest of it given back. */
	plan->source = arena_room(d->b->a, plan->nsteps * sizeof *plan->source);
	for (unsigned i = 0; plan->source && i < plan->nsteps; i++) {
		const struct step *s = &plan->step[i];
		int clones = s->kind == STEP_TREE_CLONE || s->kind == STEP_TREE_BIND;
		int reads = s->kind == STEP_LOOP_ATTACH || s->kind == STEP_ROOT_CPIO;

		/* What each launch attaches may be here because a mount point is made like it. */
		if (!(d->part[i] & IN_ROOT) || (!clones && !reads) || (clones && (s->op[5].n || d->each[s->op[0].n])))
			continue;
		plan->source[plan->nsources++] = (struct plan_source){
			.path = s->op[1].s, .slot = clones ? (int)s->op[0].n : NO_SLOT, .content = (uint8_t)reads,
			.rec = clones && s->op[2].n, .optional = clones && s->op[3].n, .receives = clones && s->op[4].n,
		};
	}
	if (!plan->source)
		return -1;
	d->b->a->used -= (plan->nsteps - plan->nsources) * sizeof *plan->source;
	return 0;
}

static struct step *put(struct step *to, unsigned kind, int slot)
{
	*to = (struct step){.kind = (uint16_t)kind};
	to->op[0].n = slot;
	return to + 1;
}

/* What the template is found by later: a step that cannot be told leaves it untold. */
static void tell_root(const struct division *d, struct out *o)
{
	for (unsigned i = 0; i < d->plan->nsteps; i++)
		if (d->part[i] & IN_ROOT && d->plan->step[i].kind != STEP_CLONE && step_exact(&d->plan->step[i], o))
			o->lost = 1;
}

static int roots(const struct step *s)
{
	return s->kind == STEP_ROOT_TREE || s->kind == STEP_ROOT_MOVE || s->kind == STEP_ROOT_TMPFS ||
	       s->kind == STEP_ROOT_IMAGE || s->kind == STEP_ROOT_NAMESPACE;
}

/* One of these comes first, and what follows is done in the sandbox's root. */
static int enters(const struct step *s)
{
	return s->kind == STEP_ROOT_PIVOT || s->kind == STEP_ROOT_SWITCH || s->kind == STEP_SEAL || s->kind == STEP_VERIFY_MOUNTS;
}

/* Whether each step of a launch before that finds the host by descriptors alone: then its root need not stay the host's. */
static int leaves_host(const struct division *d)
{
	int entered = 0;

	for (unsigned i = 0; i < d->plan->nsteps && d->plan->new_mounts; i++) {
		const struct step *s = &d->plan->step[i];

		if (enters(s))
			return 1;
		if (d->part[i] & IN_LAUNCH && (s->kind == STEP_SCRATCH || (entered && s->kind == STEP_NODE_COPY)))
			return 0;
		entered |= roots(s);
	}
	return 0;
}

/* The steps of the part that was asked for, in the order of the whole. */
static void keep_part(struct division *d, struct step *step, enum plan_part which)
{
	struct plan *plan = d->plan;
	int root = which == PART_LAUNCH ? slot_new(d->b) : NO_SLOT, inside = 0;
	const struct step *scratch = NULL;
	struct step *to = step;

	for (unsigned i = 0; i < plan->nsteps; i++) {
		const struct step *s = &plan->step[i];

		if (i == d->last + 1)
			plan->literal = (unsigned)(to - step);
		if (i == plan->clone)
			plan->clone = (unsigned)(to - step);
		if (which == PART_LAUNCH && roots(s))
			to = put(put(to, STEP_TEMPLATE_CHECK, 0), STEP_TEMPLATE_ENTER, root);
		if (which == PART_LAUNCH && (enters(s) || (roots(s) && leaves_host(d))) && !inside++)
			to = put(to, STEP_ROOT_ENTER, root);
		if (which == PART_LAUNCH && roots(s) && scratch)
			*to++ = *scratch;
		/* Of a whole plan it lies below the root, of a launch over it. */
		if (which == PART_LAUNCH && s->kind == STEP_SCRATCH && d->part[i] & IN_LAUNCH)
			scratch = s;
		else if (d->part[i] & (which == PART_ROOT ? IN_ROOT : IN_LAUNCH))
			*to++ = *s;
		if (which == PART_ROOT && s->kind == STEP_VERIFY_MOUNTS) {
			plan->literal = (unsigned)(to - step) - 1;
			to = put(to, STEP_TEMPLATE_GIVE, 0);
		}
	}
	plan->step = step;
	plan->nsteps = (unsigned)(to - step);
}

/* The process of a template has nothing new but its mounts, and lives as long as it builds. */
static void fit_clone(struct build *b)
{
	struct plan *plan = b->plan;
	union operand *op = plan->step[plan->clone].op;

	if (plan->part == PART_LAUNCH) {
		plan->namespaces &= ~CLONE_NEWNS_;
		op[0].n &= ~(int64_t)CLONE_NEWNS_;
	} else {
		plan->namespaces = CLONE_NEWNS_;
		op[0].n &= CLONE_NEWNS_;
		plan->init = plan->tty = plan->needs_seal = 0;
	}
	plan_child(b);
}

void plan_part(struct build *b)
{
	struct plan *plan = b->plan;
	unsigned slots = plan->slots + 1;
	struct division d = {.b = b, .plan = plan};
	struct step *step = NULL;

	if (b->d->count)
		return;
	plan->no_template = (uint8_t)why_not(b);
	if (plan->no_template)
		return;
	d.part = arena_alloc(b->a, plan->nsteps + 2 * slots);
	/* Behind the steps of the whole, where there is more room than they need. */
	if (b->request->part)
		step = b->max_steps >= 2 * plan->nsteps + 3 ? plan->step + plan->nsteps
							     : arena_room(b->a, sizeof *step * (plan->nsteps + 3));
	plan->no_template = NO_LARGE;
	if (!d.part || (b->request->part && !step))
		return;
	d.uses = d.part + plan->nsteps;
	d.each = d.uses + slots;
	choose_each(&d);
	plan->no_template = (uint8_t)divide(&d);
	/* No room was taken for a part that nobody asked for. */
	if (plan->no_template || !step)
		return;
	if (find_sources(&d)) {
		plan->no_template = NO_LARGE;
		return;
	}
	divide_expects(&d);
	plan->part = (uint8_t)b->request->part;
	if (b->request->exact && b->request->part == PART_LAUNCH) {
		out_arena(b->request->exact, b->a, EXACT_MOST);
		tell_root(&d, b->request->exact);
		b->a->used += b->request->exact->used + 1;
	}
	keep_part(&d, step, b->request->part);
	fit_clone(b);
}
