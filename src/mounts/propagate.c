/*
 * What an event on a shared mount does elsewhere. Events of a group go to its members, to the
 * mounts and groups that follow it, and so on down.
 *
 * The order in which receivers are met makes no difference; what is known of them before anything
 * changes does, because a tree may move onto its own peers. So they are listed first.
 */
#include "mounts/tree.h"

/* In the list of receivers: a mark before those of each group, and those that follow it. */
#define GROUP (1u << 31)
#define SLAVE (1u << 30)

struct receivers {
	uint32_t n, groups;	/* entries, and groups among them */
};

static void add(struct model *m, struct receivers *r, uint32_t i, uint32_t except, uint32_t node,
		uint32_t as)
{
	/* Not in a namespace: part of what is just being made. */
	if (i != except && m->mount[i].ns && tree_below(m, node, m->mount[i].root))
		m->receiver[r->n++] = i | as;
}

/* All who receive events of the mount `from` at a node, by group, and of a group first the members. */
static struct receivers receivers(struct model *m, uint32_t from, uint32_t node)
{
	struct receivers r = {0};
	uint32_t n = 0;

	if (m->mount[from].group)
		m->queue[n++] = m->mount[from].group;
	for (; r.groups < n; r.groups++) {
		const struct model_group *g = &m->group[m->queue[r.groups]];

		m->receiver[r.n++] = GROUP | m->queue[r.groups];
		for (uint32_t i = g->members; i; i = model_along(m->peer, i, g->members))
			add(m, &r, i, from, node, 0);
		for (uint32_t i = g->slaves; i; i = model_along(m->peer, i, g->slaves))
			add(m, &r, i, 0, node, SLAVE);
		for (uint32_t i = g->groups; i; i = model_along(m->cousin, i, g->groups))
			m->queue[n++] = i;
	}
	return r;
}

static uint32_t ns_of(const struct model *m, uint32_t receiver)
{
	return m->mount[receiver & ~SLAVE].ns;
}

/* Whether every namespace, the pool of mounts and that of groups have room for all copies. */
static enum model_rule room(struct model *m, const struct receivers *r, uint32_t ns, uint32_t size, int moves)
{
	uint32_t copies = r->n - r->groups;
	enum model_rule result = MODEL_OK;

	m->ns[ns].coming = moves ? 0 : size;
	for (uint32_t k = 0; k < r->n; k++)
		if (!(m->receiver[k] & GROUP))
			m->ns[ns_of(m, m->receiver[k])].coming += size;
	if (m->ns[ns].mounts + m->ns[ns].coming > m->limit)
		result = MODEL_TOO_MANY;
	for (uint32_t k = 0; k < r->n; k++) {
		struct model_ns *n = &m->ns[m->receiver[k] & GROUP ? ns : ns_of(m, m->receiver[k])];

		if (n->mounts + n->coming > m->limit)
			result = MODEL_TOO_MANY;
	}
	for (uint32_t k = 0; k < r->n; k++)
		m->ns[m->receiver[k] & GROUP ? ns : ns_of(m, m->receiver[k])].coming = 0;
	m->ns[ns].coming = 0;
	if (!result && ((uint64_t)copies * size > m->spare_mounts ||
			(uint64_t)(r->groups + 1) * size > m->spare_groups))
		result = MODEL_FULL;
	return result;
}

static void lock_tree(struct model *m, uint32_t tree)
{
	for (uint32_t i = tree; (i = model_next(m, i, tree));)
		m->mount[i].flags |= MOUNT_LOCKED;
}

/* A copy, or the tree itself, comes to its place; what was there comes on top. */
static void commit(struct model *m, uint32_t tree, uint32_t parent, uint32_t node, uint32_t user, int copy)
{
	uint32_t ns = m->mount[parent].ns, was = model_lookup(m, parent, node);
	int foreign = m->ns[ns].user != user;

	if (foreign)
		lock_tree(m, tree);
	for (uint32_t i = tree; i; i = model_next(m, i, tree)) {
		m->ns[ns].mounts += m->mount[i].ns != ns;
		m->mount[i].ns = (uint16_t)ns;
	}
	tree_attach(m, tree, parent, node);
	if (!was)
		return;
	if (m->mount[was].flags & MOUNT_LOCKED && m->facts.tuck_moves_lock) {
		m->mount[tree].flags |= MOUNT_LOCKED;
		if (!copy || m->facts.tuck_frees)
			m->mount[was].flags &= (uint8_t)~MOUNT_LOCKED;
	}
	tree_detach(m, was);
	if (foreign && m->facts.tuck_locks) {
		m->mount[was].flags |= MOUNT_LOCKED;
		lock_tree(m, was);
		m->unsure++;
	}
	if (m->facts.tuck_on_top)
		tree = model_top(m, tree);
	tree_attach(m, was, tree, m->mount[tree].root);
}

/*
 * The copies that receivers get, in place of each in the list. Members of a group get peers of each
 * other. Who follows a group gets slaves of what that got, or when none of it sees the node, of what
 * its master got.
 */
static void copy_all(struct model *m, const struct receivers *r, uint32_t tree, uint32_t node)
{
	uint32_t group = 0;
	int how = 0;

	for (uint32_t k = 0; k < r->n; k++) {
		uint32_t to = m->receiver[k] & ~(GROUP | SLAVE), copy;
		int slave = (m->receiver[k] & SLAVE) != 0;

		if (m->receiver[k] & GROUP) {
			group = to;
			how = k ? CLONE_SLAVE | CLONE_SHARED : 0;
			m->group[group].from = k ? m->group[m->group[group].master].from : tree;
			continue;
		}
		copy = m->group[group].from;
		copy = tree_copy(m, copy, m->mount[copy].root, slave ? CLONE_SLAVE : how);
		if (!slave) {
			m->group[group].from = copy;
			how = 0;
		}
		m->mount[copy].parent = to;
		m->mount[copy].point = node;
		m->receiver[k] = copy;
	}
}

enum model_rule propagate_attach(struct model *m, uint32_t tree, uint32_t parent, uint32_t node, int moves)
{
	struct receivers r = receivers(m, parent, node);
	uint32_t ns = m->mount[parent].ns, user = m->ns[ns].user;
	enum model_rule result = room(m, &r, ns, tree_size(m, tree), moves);

	if (result)
		return result;
	if (r.groups)
		for (uint32_t i = tree; i; i = model_next(m, i, tree))
			tree_share(m, i);
	copy_all(m, &r, tree, node);
	if (moves)
		tree_detach(m, tree);
	commit(m, tree, parent, node, user, 0);
	for (uint32_t k = r.n; k-- > 0;)
		if (!(m->receiver[k] & GROUP))
			commit(m, m->receiver[k], m->mount[m->receiver[k]].parent, node, user, 1);
	/* Of several copies, those that come after this one are not locked by it. */
	m->unsure = m->unsure && r.n - r.groups > 1;
	return MODEL_OK;
}

/* Calls `each` for the mount that a receiver has where `of` is. */
static void cognates(struct model *m, uint32_t of, void (*each)(struct model *m, uint32_t i, uint32_t *n),
		     uint32_t *n)
{
	uint32_t point = m->mount[of].point;
	struct receivers r = receivers(m, m->mount[of].parent, point);

	for (uint32_t k = 0; k < r.n; k++) {
		uint32_t i = m->receiver[k] & GROUP ? 0 : model_lookup(m, m->receiver[k] & ~SLAVE, point);

		if (i)
			each(m, i, n);
	}
}

static void unlock(struct model *m, uint32_t i, uint32_t *n)
{
	(void)n;
	m->mount[i].flags &= (uint8_t)~MOUNT_LOCKED;
}

static void candidate(struct model *m, uint32_t i, uint32_t *n)
{
	if (!(m->mount[i].flags & (MOUNT_CANDIDATE | MOUNT_GOING)))
		m->victim[(*n)++] = i;
	m->mount[i].flags |= MOUNT_CANDIDATE;
}

/*
 * A mount with something on it that stays has to stay, unless that covers it whole and can slide
 * down; and so has each below it that carries it the same way.
 */
static void trim(struct model *m, uint32_t i)
{
	struct model_mount *x = &m->mount[i];
	int stays = 0, carries = 0;

	if (!(x->flags & MOUNT_CANDIDATE))
		return;
	for (uint32_t on = x->child; on; on = model_along(m->brother, on, x->child))
		if (!(m->mount[on].flags & (MOUNT_CANDIDATE | MOUNT_GOING))) {
			carries = 1;
			stays |= m->mount[on].point != x->root;
		}
	for (struct model_mount *on = x; carries; on = x) {
		x = &m->mount[on->parent];
		if (!(x->flags & MOUNT_CANDIDATE))
			break;
		if (on->point != x->root)
			x->flags &= (uint8_t)~MOUNT_CANDIDATE;
	}
	if (stays)
		m->mount[i].flags &= (uint8_t)~MOUNT_CANDIDATE;
}

/* A locked one goes only together with what it is on, or it would reveal that. */
static void take(struct model *m, uint32_t i)
{
	uint32_t end = i, p = i;

	for (; m->mount[p].flags & MOUNT_CANDIDATE; p = m->mount[p].parent) {
		m->mount[p].flags &= (uint8_t)~MOUNT_CANDIDATE;
		if (!(m->mount[p].flags & MOUNT_LOCKED))
			end = m->mount[p].parent;
	}
	if (m->mount[p].flags & MOUNT_GOING)
		end = p;
	for (; i != end; i = m->mount[i].parent)
		m->mount[i].flags |= MOUNT_GOING;
}

static void go(struct model *m, uint32_t i, uint32_t *n)
{
	m->mount[i].flags = (m->mount[i].flags & ~(MOUNT_SEEN | MOUNT_CANDIDATE)) | MOUNT_GOING;
	m->victim[(*n)++] = i;
}

/*
 * The same as Linux did it before 6.17: candidates are looked at as they are met, and again when
 * something that was on them goes. Where two mounts were on one place, the order shows.
 */
static int try(struct model *m, uint32_t i, uint32_t *n)
{
	struct model_mount *x = &m->mount[i];

	if (x->flags & (MOUNT_GOING | MOUNT_CANDIDATE))
		return 0;
	x->flags |= MOUNT_SEEN;
	for (uint32_t on = x->child; on; on = model_along(m->brother, on, x->child)) {
		const struct model_mount *y = &m->mount[on];

		if (!(y->flags & MOUNT_GOING) && y->point != x->root &&
		    (y->flags & (MOUNT_SEEN | MOUNT_CANDIDATE)) != (MOUNT_SEEN | MOUNT_CANDIDATE))
			return 0;
	}
	x->flags |= MOUNT_CANDIDATE;
	if (!(x->flags & MOUNT_LOCKED))
		go(m, i, n);
	return 1;
}

static void candidate_in_order(struct model *m, uint32_t i, uint32_t *n)
{
	if (m->mount[i].flags & MOUNT_SEEN)
		return;
	/* All that were seen are behind those that go: a mount can be both. */
	m->victim[m->max_mounts + ++m->victim[m->max_mounts]] = i;
	if (m->mount[i].flags & MOUNT_GOING)
		m->mount[i].flags |= MOUNT_SEEN;
	else
		while (try(m, i, n) && m->mount[i = m->mount[i].parent].flags & MOUNT_SEEN)
			;
}

static uint32_t take_in_order(struct model *m, uint32_t own)
{
	uint32_t n = own, *seen = m->victim + m->max_mounts;

	*seen = 0;
	for (uint32_t k = own; k-- > 0;) {
		if (m->mount[m->victim[k]].flags & MOUNT_SEEN)
			continue;
		m->mount[m->victim[k]].flags |= MOUNT_SEEN;
		cognates(m, m->victim[k], candidate_in_order, &n);
	}
	/* What is left on those that go was marked, and goes as well. */
	for (uint32_t k = own; k < n; k++) {
		const struct model_mount *x = &m->mount[m->victim[k]];

		for (uint32_t on = x->child; on; on = model_along(m->brother, on, x->child))
			if (m->mount[on].point != x->root && !(m->mount[on].flags & MOUNT_GOING))
				go(m, on, &n);
	}
	for (; *seen; --*seen)
		m->mount[seen[*seen]].flags &= MOUNT_LOCKED | MOUNT_UNBINDABLE | MOUNT_GOING;
	return n;
}

/* Whom an umount of these `own` mounts takes elsewhere; returns how many are in the list then. */
static uint32_t take_all(struct model *m, uint32_t own)
{
	uint32_t n = own;

	if (!m->facts.umount_by_set)
		return take_in_order(m, own);
	for (uint32_t k = 0; k < own; k++)
		if (!(m->mount[m->victim[k]].flags & MOUNT_CANDIDATE))
			cognates(m, m->victim[k], candidate, &n);
	for (uint32_t k = 0; k < own; k++)
		m->mount[m->victim[k]].flags &= (uint8_t)~MOUNT_CANDIDATE;
	for (uint32_t k = own; k < n; k++)
		trim(m, m->victim[k]);
	for (uint32_t k = own; k < n; k++)
		take(m, m->victim[k]);
	return n;
}

/* What covers a mount that goes, and stays itself, slides down to what is left. */
static void slide(struct model *m, uint32_t i)
{
	uint32_t over, parent = i, point;

	do {
		point = m->mount[parent].point;
		parent = m->mount[parent].parent;
	} while (m->mount[parent].flags & MOUNT_GOING);
	/* One, or with shadows of older kernels several. */
	do {
		over = m->mount[i].child;
		while (over && m->mount[over].flags & MOUNT_GOING)
			over = model_along(m->brother, over, m->mount[i].child);
		if (over) {
			uint32_t there = model_lookup(m, parent, point);

			/* Two on one place: which is found first was a matter of the kernel's lists. */
			m->unsure |= there && !(m->mount[there].flags & MOUNT_GOING);
			tree_detach(m, over);
			tree_attach(m, over, parent, point);
		}
	} while (over);
}

void propagate_umount(struct model *m, uint32_t tree, int propagates)
{
	uint32_t own = 0, n;

	if (propagates)
		cognates(m, tree, unlock, &own);
	for (uint32_t i = tree; i; i = model_next(m, i, tree)) {
		m->mount[i].flags |= MOUNT_GOING;
		m->victim[own++] = i;
	}
	n = propagates ? take_all(m, own) : own;
	for (uint32_t k = own; k < n; k++)
		if (m->mount[m->victim[k]].flags & MOUNT_GOING)
			slide(m, m->victim[k]);
		else
			m->victim[k] = 0;
	for (uint32_t k = 0; k < n; k++)
		if (m->victim[k] && m->mount[m->victim[k]].parent)
			tree_detach(m, m->victim[k]);
	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = m->victim[k];

		if (!i)
			continue;
		tree_leave(m, i);
		m->ns[m->mount[i].ns].mounts--;
		tree_free(m, i);
	}
}

/* The mount after this one and all that is on it. */
static uint32_t skip(const struct model *m, uint32_t i, uint32_t top)
{
	while (m->mount[i].child)
		i = m->brother[m->mount[i].child].prev;
	return model_next(m, i, top);
}

uint32_t tree_copy(struct model *m, uint32_t of, uint32_t root, int how)
{
	uint32_t to = tree_clone(m, of, root, how), at = to, from = of, copy;
	int out;

	for (uint32_t i = model_next(m, of, of); i;) {
		const struct model_mount *x = &m->mount[i];

		out = x->parent == of && !tree_below(m, x->point, root);
		if (out || (x->flags & MOUNT_UNBINDABLE && !(how & CLONE_UNBINDABLE))) {
			if (!out && x->flags & MOUNT_LOCKED) {
				propagate_umount(m, to, 0);
				return 0;
			}
			i = skip(m, i, of);
			continue;
		}
		for (; from != x->parent; from = m->mount[from].parent)
			at = m->mount[at].parent;
		copy = tree_clone(m, i, x->root, how);
		tree_attach(m, copy, at, x->point);
		m->mount[copy].flags |= x->flags & MOUNT_LOCKED;
		at = copy;
		from = i;
		i = model_next(m, i, of);
	}
	return to;
}
