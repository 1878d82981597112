/* A plan's mounts in a model of the host's, see layout.h. */
#include "plan/layout.h"

#include <string.h>

#include "archive/texts.h"
#include "base/parse.h"
#include "base/text.h"
#include "base/uapi.h"
#include "mounts/load.h"
#include "mounts/script.h"

enum finding {
#define FINDING(id, message, rest) LAYOUT_##id,
#include "plan/layout.def"
#undef FINDING
	FINDINGS
};

/* A copy of a mount of the host, by its slot. */
struct copy {
	uint32_t tree;		/* until it is attached; 0: none, or nobody knows of what */
	uint8_t known, receives, sends;
	const char *source, *on;	/* its path, and where the mount is that this is in */
};

struct work {
	struct layout *l;
	struct model *m;
	struct copy *copy;
	uint32_t box;
	struct origin last[FINDINGS];
};

static void found(struct work *w, enum finding id, struct origin at, const char *subject, const char *where)
{
	struct origin *last = &w->last[id];

	/* A word that holds for many mounts is blamed once. */
	if (last->key == at.key && last->line == at.line && last->file == at.file)
		return;
	*last = at;
	diags_add(w->l->diags, at, 0, "warning: %s %.200s: %s%.200s%s", keys[at.key].word, subject,
		  text_of(TEXTS_LAYOUT, 2 * id), where, text_of(TEXTS_LAYOUT, 2 * id + 1));
}

static int elsewhere(const struct work *w, int inside, const char *path)
{
	return w->l->elsewhere && w->l->elsewhere(w->l->ctx, inside, path);
}

/* No table tells what directories there are: those on the way to a path. */
static void make_way(struct work *w, const char *path)
{
	char part[4096];

	for (size_t n = 1; n < sizeof part && path[n - 1]; n++) {
		text_format(part, sizeof part, "%.*s", (int)n, path);
		if (path[n] == '/' || !path[n])
			model_mkdir(w->m, w->box, part);
	}
}

/* The unbindable mounts below a source. */
static void look_below(struct work *w, const struct step *s, uint32_t top, enum finding id)
{
	struct model *m = w->m;
	char buf[4096];

	for (uint32_t i = top; (i = model_next(m, i, top));) {
		const char *path = script_path(m, i, m->mount[i].root, buf, sizeof buf);

		if (m->mount[i].flags & MOUNT_UNBINDABLE && path_below(path, s->op[1].s))
			found(w, id, s->at, s->op[1].s, path);
	}
}

static void copy_source(struct work *w, const struct step *s)
{
	struct model *m = w->m;
	struct copy *c = &w->copy[s->op[0].n];
	uint32_t mount, node;
	enum model_rule r;
	char buf[4096];

	/* Of the scratch: nothing of the host's. */
	if (s->op[5].n || elsewhere(w, 0, s->op[1].s))
		return;
	make_way(w, s->op[1].s);
	if (model_resolve(m, w->box, s->op[1].s, &mount, &node))
		return;
	c->on = script_path(m, mount, m->mount[mount].root, buf, sizeof buf);
	c->on = arena_text(w->l->arena, c->on, strlen(c->on));
	r = model_copy(m, w->box, s->op[1].s, (int)s->op[2].n, &c->tree);
	/* Nobody knows what a mount is whose root is out of reach. */
	if (!c->on || !strcmp(m->node[m->node[node].top].name, "?"))
		return;
	if (r == MODEL_UNBINDABLE)
		found(w, LAYOUT_UNBINDABLE, s->at, s->op[1].s, c->on);
	if (r == MODEL_LOCKED_BELOW)
		found(w, LAYOUT_LOCKED_BELOW, s->at, s->op[1].s, s->op[1].s);
	if (r == MODEL_LOCKED_UNBINDABLE)
		look_below(w, s, mount, LAYOUT_UNBINDABLE);
	if (r)
		return;
	c->source = s->op[1].s;
	/* Of all that there is, some was meant to be left out. */
	if (s->op[2].n && c->source[1])
		look_below(w, s, mount, LAYOUT_LEFT_OUT);
	for (uint32_t i = c->tree; i; i = model_next(m, i, c->tree)) {
		c->receives |= m->mount[i].group || m->mount[i].master;
		c->sends |= m->mount[i].group != 0;
	}
	c->known = 1;
}

/* What is not asked to become shared has to be. An optional one may not be there, and then nothing is wrong. */
static void look_at_hub(struct work *w, const struct step *s)
{
	struct model *m = w->m;
	uint32_t mount, node;

	if (s->op[2].n || s->op[3].n || elsewhere(w, 0, s->op[0].s))
		return;
	make_way(w, s->op[0].s);
	if (!model_resolve(m, w->box, s->op[0].s, &mount, &node) && (node != m->mount[mount].root || !m->mount[mount].group))
		found(w, LAYOUT_HUB_ALONE, s->at, s->op[1].s, s->op[0].s);
}

static void change(struct work *w, uint32_t tree, const char *path, const struct step *s)
{
	static const uint8_t types[PROP_COUNT] = {
		[PROP_PRIVATE] = TYPE_PRIVATE, [PROP_SLAVE] = TYPE_SLAVE, [PROP_SHARED] = TYPE_SHARED,
		[PROP_UNBINDABLE] = TYPE_UNBINDABLE, [PROP_SLAVE_SHARED] = TYPE_SHARED,
	};
	int prop = (int)s->op[path ? 1 : 2].n, rec = (int)s->op[path ? 2 : 3].n;

	if (path)
		model_change(w->m, w->box, path, types[prop], rec);
	else if (tree && prop)
		model_change_tree(w->m, tree, types[prop], rec);
}

/* The tree of a slot (-1: of none), or a new file system. */
static uint32_t take(struct work *w, int64_t slot)
{
	uint32_t tree = slot < 0 ? 0 : w->copy[slot].tree;

	if (tree)
		w->copy[slot].tree = 0;
	return tree ? tree : model_new(w->m, "new");
}

static void attach(struct work *w, int64_t slot, const char *path)
{
	uint32_t tree = take(w, slot);

	make_way(w, path);
	if (tree)
		model_attach(w->m, w->box, tree, path);
}

/* The sandbox's namespace is a copy of the host's, or of its own: the former one goes. */
static void clone(struct work *w, const char *name, int user)
{
	uint32_t was = w->box;

	model_clone(w->m, was, name, user);
	w->box = model_find_ns(w->m, name);
	if (was > 1)
		model_end(w->m, was);
}

static void run(struct work *w, const struct step *s)
{
	uint32_t tree;

	switch (s->kind) {
	case STEP_CLONE:
	case STEP_NS_NEW:
		if (s->op[0].n & CLONE_NEWNS_)
			clone(w, "box", s->kind == STEP_NS_NEW || s->op[0].n & CLONE_NEWUSER_);
		break;
	case STEP_HUB_CHECK:
		look_at_hub(w, s);
		break;
	case STEP_SEAL:
		clone(w, "sealed", 1);
		clone(w, "box", 1);
		break;
	case STEP_TREE_CLONE:
	case STEP_TREE_BIND:
		copy_source(w, s);
		break;
	case STEP_TREE_ATTR:
	case STEP_TREE_REMOUNT:
		change(w, w->copy[s->op[0].n].tree, NULL, s);
		break;
	case STEP_MOUNT_PROPAGATE:
		change(w, 0, s->op[0].s, s);
		break;
	case STEP_TREE_SLAVE:
	case STEP_TREE_PRIVATE:
		model_change(w->m, w->box, s->op[0].s, s->kind == STEP_TREE_SLAVE ? TYPE_SLAVE : TYPE_PRIVATE, 1);
		break;
	case STEP_NS_EMPTY:
	case STEP_ROOT_NAMESPACE:
		/* Here too, what is not below the new root is of no use. */
		clone(w, "box", 0);
		model_change(w->m, w->box, "/", TYPE_PRIVATE, 1);
		tree = s->kind == STEP_ROOT_NAMESPACE ? take(w, s->op[1].n) : 0;
		if (tree)
			model_pivot(w->m, w->box, tree);
		break;
	case STEP_ROOT_TREE:
	case STEP_ROOT_MOVE:
	case STEP_ROOT_TMPFS:
	case STEP_ROOT_IMAGE:
	case STEP_ROOT_OVERLAY:
		/* What is below the new root is of no use to anybody, so it is gone at once. */
		tree = take(w, s->kind == STEP_ROOT_TREE || s->kind == STEP_ROOT_MOVE ? s->op[1].n : -1);
		if (tree)
			model_pivot(w->m, w->box, tree);
		break;
	case STEP_MOUNT_TREE:
	case STEP_MOUNT_MOVE:
		attach(w, s->op[0].n, s->op[1].s);
		break;
	case STEP_MOUNT_NEW:
		attach(w, -1, s->op[2].s);
		break;
	case STEP_MOUNT_OVERLAY:
	case STEP_SHM_MOUNT:
	case STEP_MASK:
		attach(w, -1, s->op[1].s);
		break;
	case STEP_MOUNT_SELF:
		make_way(w, s->op[0].s);
		model_bind(w->m, w->box, s->op[0].s, s->op[0].s, 0);
		break;
	case STEP_MOUNT_JOIN:
		if (w->copy[s->op[0].n].tree)
			model_join(w->m, w->box, s->op[1].s, w->copy[s->op[0].n].tree);
		break;
	default:
		break;
	}
}

/* What the word for a mount's propagation comes to, with the source that it has. */
static void look_at_word(struct work *w, const struct expect *e)
{
	const struct profile *p = w->l->plan->profile;
	const struct copy *c = &w->copy[e->note];
	int root = !strcmp(e->path, "/"), own_word = 0;
	struct origin at = e->at;

	/* A hub has a check of its own. */
	if (!c->known || (e->hub && !c->sends))
		return;
	for (const struct mount_wish *m = p->mounts.first; m; m = m->next)
		own_word |= m->dst == e->path && m->prop;
	if (!own_word) {
		at = p->at[KEY_propagation];
		at.key = KEY_propagation;
	}
	if (e->prop == PROP_SLAVE || e->prop == PROP_SLAVE_SHARED) {
		if (!c->receives)
			found(w, LAYOUT_RECEIVES_NOTHING, at, e->path, c->on);
	} else if (e->prop == PROP_SHARED) {
		if (!c->sends)
			found(w, LAYOUT_SHARES_NOTHING, at, e->path, c->on);
		else if (p->caps[CAPS_BOUNDING] & 1ull << CAP_SYS_ADMIN_ && (root || !w->l->plan->sealed))
			found(w, LAYOUT_CAN_UNMOUNT, at, e->path, c->source);
		else if (root)
			found(w, LAYOUT_ROOT_SENDS, at, e->path, c->source);
	}
}

/* Which mount that a line asked for lies under what comes later. */
static void look_at_hidden(struct work *w)
{
	const struct plan *plan = w->l->plan;

	for (unsigned i = 0; i < plan->nexpect; i++)
		for (unsigned k = i + 1; k < plan->nexpect; k++) {
			const struct expect *e = &plan->expect[i], *over = &plan->expect[k];

			if (!path_below(e->path, over->path) || over->optional || e->at.file == FILE_NONE ||
			    (e->at.file == over->at.file && e->at.line == over->at.line) ||
			    elsewhere(w, 1, e->path) || elsewhere(w, 1, over->path))
				continue;
			found(w, LAYOUT_HIDDEN, e->at, e->path, over->path);
		}
}

int layout_check(struct layout *l, struct err *e)
{
	const struct plan *plan = l->plan;
	struct work w = {.l = l, .m = &l->model, .box = 1};
	uint32_t copies = 2;

	for (unsigned i = 0; i < plan->nsteps; i++)
		copies += (plan->step[i].kind == STEP_TREE_CLONE || plan->step[i].kind == STEP_TREE_BIND) &&
			  plan->step[i].op[2].n;
	w.copy = ARENA_ARRAY(l->arena, struct copy, plan->slots + 1);
	if (!w.copy)
		return err_set(e, 0, "no room for a model of the mounts");
	/* Each of them could be of the whole tree. */
	if (model_load(w.m, l->arena, l->host, 1, copies * (l->host->table.n + 2) + 8 * plan->nsteps, e))
		return -1;
	for (unsigned i = 0; i < plan->nsteps; i++)
		run(&w, &plan->step[i]);
	l->box = w.box > 1 ? w.box : 0;
	if (!l->box)
		return 0;
	for (unsigned i = 0; i < plan->nexpect; i++)
		if (plan->expect[i].note >= 0)
			look_at_word(&w, &plan->expect[i]);
	look_at_hidden(&w);
	return 0;
}
