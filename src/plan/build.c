/*
 * The planner's frame: what the host side does, the namespaces, the root and its
 * switch, in the order that design and kernel demand. Mount lines are in
 * mounts.c, what the payload gets is in payload.c.
 */

#include "plan/parts.h"
#include "plan/wish.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "base/uapi.h"
#include "service/service.h"

/* Facts about namespaces are in the order of enum ns_kind. */
static const struct {
	enum key_id key;
	const char *config;
} ns_table[NS_COUNT] = {
	[NS_MOUNT] = {KEY_ns_mount, "CONFIG_NAMESPACES"},
	[NS_IPC] = {KEY_ipc, "CONFIG_IPC_NS"},
	[NS_PID] = {KEY_ns_pid, "CONFIG_PID_NS"},
	[NS_UTS] = {KEY_ns_uts, "CONFIG_UTS_NS"},
	[NS_NET] = {KEY_net, "CONFIG_NET_NS"},
	[NS_USER] = {KEY_ns_user, "CONFIG_USER_NS, user.max_user_namespaces"},
	[NS_CGROUP] = {KEY_ns_cgroup, "CONFIG_CGROUPS, Linux 4.6"},
	[NS_TIME] = {KEY_ns_time, "CONFIG_TIME_NS, Linux 5.6"},
};

_Static_assert(FACT_ns_time - FACT_ns_mount == NS_TIME, "facts follow enum ns_kind");

/* Which key asked for namespace i: its own, or ns=, or neither. */
static struct origin ns_origin(const struct build *b, int i)
{
	if (profile_has(b->p, ns_table[i].key))
		return where(b, ns_table[i].key);
	return where(b, KEY_ns);
}

static void choose_namespaces(struct build *b)
{
	const struct ns_wish *ns = b->p->ns;

	b->own_user = ns[NS_USER].how == NS_NEW;
	if (!b->f->privileged && ns[NS_USER].how == NS_HOST) {
		b->own_user = 1;
		b->plan->rootless = 1;
	}
	for (int i = 0; i < NS_COUNT; i++) {
		int new = ns[i].how == NS_NEW || ns[i].how == NS_GROUP || ns[i].how == NS_NONE ||
			  (i == NS_USER && b->own_user);

		if (new && !b->request->join && !((const uint32_t *)b->f)[FACT_ns_mount + i])
			wrong(b, ns_origin(b, i), "this kernel has no %s namespace (%s)%s",
			      ns_names[i], ns_table[i].config,
			      i == NS_USER && b->plan->rootless ? ", which an ordinary user needs" : "");
		if (new)
			b->namespaces |= ns_flags[i];
	}
}

/* An ordinary user may map one id: the own one. Others are the host side's to write. */
static void choose_maps(struct build *b)
{
	const struct item *u = b->p->uidmap.first, *g = b->p->gidmap.first;

	if (!b->own_user)
		return;
	if (!u) {
		b->self_map = 1;
		/* The one id that is mapped is the caller's: root would only look like another. */
		if (b->f->privileged && !payload_is_root(b))
			wrong(b, where(b, KEY_user), "user=%s would be root on the host: say uidmap= and gidmap=", b->p->user);
		return;
	}
	if (b->f->privileged)
		return;
	b->self_map = 1;
	if (u->next || g->next || u->c != 1 || g->c != 1 || u->b != b->f->uid || g->b != b->f->gid)
		wrong(b, u->at, "an ordinary user can map one id only, the own: uidmap=%u %u 1 and gidmap=%u %u 1",
		      b->f->uid, b->f->uid, b->f->gid, b->f->gid);
}

static void choose_root_switch(struct build *b)
{
	const struct profile *p = b->p;
	int seal = p->root_seal == AUTO_YES;

	b->bounded_admin = !!(p->caps[CAPS_BOUNDING] & 1ull << CAP_SYS_ADMIN_);
	if (!(b->namespaces & CLONE_NEWNS_))
		return;
	choose_way(b);
	if (p->root_seal == AUTO_AUTO)
		seal = b->bounded_admin || (!b->f->pivot_root && b->f->ns_user);
	if (seal && !b->f->ns_user)
		wrong(b, where(b, b->bounded_admin ? KEY_caps : KEY_root_seal),
		      "%s a user namespace, which this kernel does not give (%s)%s",
		      b->bounded_admin ? "a payload with sys_admin needs a sealed root, and that"
				       : "a sealed root needs", ns_table[NS_USER].config,
		      b->bounded_admin ? ": drop sys_admin, or say root-seal=no" : "");
	b->plan->sealed = (uint8_t)seal;
	b->plan->host_equivalent = (uint8_t)(b->bounded_admin && !b->own_user &&
					     p->ns[NS_USER].how == NS_HOST);
}

/* What of its group the sandbox shares. */
static int group_parts(const struct profile *p)
{
	return (p->ns[NS_IPC].how == NS_GROUP ? GROUP_IPC : 0) | (p->shm.kind == SHM_GROUP ? GROUP_SHM : 0);
}

static struct origin group_origin(const struct build *b)
{
	return where(b, b->p->ns[NS_IPC].how == NS_GROUP ? KEY_ipc : KEY_shm);
}

static void plan_group(struct build *b)
{
	int parts = group_parts(b->p);

	if (!parts)
		return;
	if (b->own_user)
		wrong(b, group_origin(b), "an IPC group needs privilege: what it shares belongs to the first member's user namespace");
	if (parts & GROUP_SHM && !b->f->new_mount_api)
		wrong(b, profile_has(b->p, KEY_shm) ? where(b, KEY_shm) : group_origin(b),
		      "a group shares /dev/shm on Linux 5.2 or newer only: say shm=private to share the IPC namespace alone");
	b->ipc_slot = parts & GROUP_IPC ? slot_new(b) : NO_SLOT;
	b->shm_slot = parts & GROUP_SHM ? slot_new(b) : NO_SLOT;
	ADD(b, group_origin(b), GROUP_JOIN, N(b->ipc_slot), N(b->shm_slot), S(profile_group(b->p)),
	    N(parts & GROUP_IPC), N(parts & GROUP_SHM));
}

/* Whether an earlier line names the same hub. */
static int hub_again(const struct build *b, const struct mount_wish *m)
{
	const struct mount_wish *i = b->p->mounts.first;

	while (i != m && (i->kind != MOUNT_HUB || strcmp(i->src, m->src) != 0))
		i = i->next;
	return i != m;
}

static void plan_hubs(struct build *b)
{
	for (const struct mount_wish *m = b->p->mounts.first; m; m = m->next) {
		const struct item *hub;

		if (m->kind != MOUNT_HUB || hub_again(b, m))
			continue;
		hub = hub_find(b->p, m->type, NULL);
		ADD(b, m->at, HUB_CHECK, S(m->src), S(m->type), N(hub && hub->a), N(!!(m->flags & MF_OPTIONAL)));
	}
}

static void plan_host(struct build *b)
{
	const struct profile *p = b->p;
	int own_pid = NO_SLOT;

	b->plan->needs_seal = (uint8_t)needs_self_seal(b);
	/* A supervisor has sealed itself when it read the first profile that wants it. */
	if (b->plan->needs_seal && b->request->supervised && b->request->launch)
		wrong(b, where(b, KEY_caps), "needs a hutch that runs from a sealed copy: start the supervisor again");
	else if (b->plan->needs_seal)
		ADD(b, where(b, KEY_caps), SELF_SEAL, N(0));
	plan_hubs(b);
	plan_group(b);
	if (p->ns[NS_PID].how == NS_PATH) {
		own_pid = slot_new(b);
		ADD(b, where(b, KEY_ns_pid), PID_JOIN, N(own_pid), S(p->ns[NS_PID].name));
	}
	ADD(b, (struct origin){0}, CHANNEL, N(0));
	b->plan->clone = b->plan->nsteps;
	/* Who is root without any right has all of them in root's user namespaces: the way in is closed before there is one. Root
	 * keeps its own files in /proc all the same, an ordinary user would lose them. */
	b->hidden = !b->f->uid;
	ADD(b, where(b, KEY_ns), CLONE, N(0), N(0), N(0), N(b->hidden));
	if (own_pid >= 0)
		ADD(b, where(b, KEY_ns_pid), PID_LEAVE, N(own_pid));
	if (b->own_user && !b->self_map)
		ADD(b, where(b, KEY_uidmap), MAP_WRITE, P(&p->uidmap), P(&p->gidmap));
	if (b->own_user && !b->self_map)
		ADD(b, (struct origin){0}, RELEASE, N(0));
	if (!plan_meets(b))
		return;
	if (p->ns[NS_USER].how == NS_PATH && (b->namespaces & CLONE_NEWPID_))
		wrong(b, where(b, KEY_ns_user), "a sandbox in a user namespace of a file and a new PID namespace cannot be named or in a group: its process is not hutch's child");
	/* Others may come in as soon as they are told: all must be in place by then, and
	 * the payload not yet running in case that this fails. */
	ADD(b, (struct origin){0}, MEET, N(0));
	if (b->request->name)
		ADD(b, (struct origin){0}, REGISTER, S(b->request->name));
	if (profile_group(p))
		ADD(b, group_origin(b), GROUP_PUBLISH, S(profile_group(p)), N(group_parts(p)));
	/* A supervisor lets it go by itself, when it has what the launch hands over. */
	if (!b->request->supervised)
		ADD(b, (struct origin){0}, RELEASE, N(0));
}

/* The id that the one-line map gives the payload. */
static uint32_t self_id(struct build *b, const char *wish, uint32_t own, const struct list *map,
			enum key_id key)
{
	uint32_t id = 0;

	if (map->first)
		return (uint32_t)map->first->a;
	if (!wish)
		return own;
	if (!strcmp(wish, "root"))
		return 0;
	for (const char *c = wish; *c; c++) {
		if (*c < '0' || *c > '9') {
			wrong(b, where(b, key), "%s=%s: in a user namespace with one map the id must be a number or root",
			      keys[key].word, wish);
			return own;
		}
		id = id * 10 + (uint32_t)(*c - '0');
	}
	return id;
}

static void plan_maps(struct build *b)
{
	const struct profile *p = b->p;
	struct origin at = profile_has(p, KEY_uidmap) ? where(b, KEY_uidmap) : where(b, KEY_ns_user);

	if (!b->own_user)
		return;
	if (b->self_map)
		ADD(b, at, MAP_SELF, N(self_id(b, p->user, b->f->uid, &p->uidmap, KEY_user)),
		    N(b->f->uid), N(self_id(b, p->group, b->f->gid, &p->gidmap, KEY_group)),
		    N(b->f->gid));
	else
		ADD(b, at, AWAIT, N(0));
}

/* Namespaces of files: the user namespace first, it decides what the others allow. */
static void plan_joins(struct build *b)
{
	static const enum ns_kind order[] = {NS_USER, NS_IPC, NS_UTS, NS_NET, NS_CGROUP, NS_TIME};
	const struct ns_wish *ns = b->p->ns;

	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		enum ns_kind k = order[i];

		if (ns[k].how == NS_PATH)
			ADD(b, where(b, ns_table[k].key), NS_JOIN, N(ns_flags[k]), S(ns[k].name));
		if (k == NS_USER && ns[k].how == NS_PATH) {
			b->hidden = 1;
			ADD(b, where(b, KEY_ns), NS_NEW, N(b->namespaces & ~CLONE_NEWTIME_));
			if (b->namespaces & CLONE_NEWPID_)
				ADD(b, where(b, KEY_ns_pid), FORK, N(0));
		}
	}
	for (uint32_t i = 0; i < NS_COUNT; i++)
		if (b->taken & ns_flags[i])
			ADD(b, where(b, KEY_ahead), NS_TAKE, N(ns_flags[i]));
	if (ns[NS_IPC].how == NS_GROUP)
		ADD(b, where(b, KEY_ipc), NS_SET, N(CLONE_NEWIPC_), N(b->ipc_slot));
	if (b->namespaces & CLONE_NEWTIME_)
		ADD(b, where(b, KEY_time_offset), TIME_NEW, P(&b->p->time_offset));
}

/* kernel/msgmax from ipc.msgmax, fs/mqueue/queues_max from ipc.mq.queues-max. */
static const char *sysctl_file(struct build *b, enum key_id key)
{
	const char *word = keys[key].word + strlen("ipc.");
	int mq = !strncmp(word, "mq.", 3);
	char *path = (char *)text_printf(b, "sys/%s/%s", mq ? "fs/mqueue" : "kernel",
					 word + (mq ? 3 : 0));

	for (char *c = path; *c; c++)
		if (*c == '-')
			*c = '_';
	return path;
}

static void plan_limits(struct build *b)
{
	const struct profile *p = b->p;

	if (p->keyring == KEYRING_NEW)
		ADD(b, where(b, KEY_keyring), KEYRING_NEW, N(0));
	if (p->hostname)
		ADD(b, where(b, KEY_hostname), HOST_NAME, S(p->hostname));
	if (p->domainname)
		ADD(b, where(b, KEY_domainname), DOMAIN_NAME, S(p->domainname));
	if (b->namespaces & CLONE_NEWNET_)
		ADD(b, where(b, KEY_net), NET_UP, S("lo"));
	for (const struct item *i = p->sysctls.first; i; i = i->next)
		ADD(b, i->at, IPC_SET, S(sysctl_file(b, i->at.key)), S(i->text), N(b->ipc_slot));
	for (unsigned i = 0; i < b->request->nlimits && p->ns[NS_IPC].how == NS_GROUP; i++) {
		const struct limit *l = &b->request->limits[i];

		if (l->key != KEY_shm_size && !profile_has(p, l->key))
			ADD(b, where(b, l->key), IPC_SET, S(sysctl_file(b, l->key)), S(l->value), N(b->ipc_slot), N(1));
	}
}

/* What is made inside has to belong to an id that the user namespace knows. */
static void plan_ids_root(struct build *b)
{
	const struct item *u = b->p->uidmap.first, *g = b->p->gidmap.first;

	if (!b->own_user || b->self_map)
		return;
	while (u && u->a)
		u = u->next;
	while (g && g->a)
		g = g->next;
	if (!u || !g)
		wrong(b, where(b, u ? KEY_gidmap : KEY_uidmap),
		      "id 0 has to be mapped: to it belongs what is made inside, such as /dev");
	ADD(b, where(b, KEY_uidmap), IDS_ROOT, N(0));
}

static int proc_needed(const struct build *b)
{
	/* Its descriptor serves the maps, the limits, mount(2) by descriptor and verify. */
	return (b->namespaces & CLONE_NEWNS_) || b->p->sysctls.n || b->self_map ||
	       (b->namespaces & CLONE_NEWTIME_) || profile_has(b->p, KEY_oom_score) ||
	       !b->f->close_range;
}

static void plan_inside(struct build *b)
{
	ADD(b, (struct origin){0}, PARENT_BIND, N(0));
	if (proc_needed(b)) {
		b->proc_slot = slot_new(b);
		ADD(b, (struct origin){0}, PROC_OPEN, N(b->proc_slot));
	}
	plan_maps(b);
	/* A hidden process of an ordinary user cannot write to its own files in /proc. */
	if (profile_has(b->p, KEY_oom_score) && b->p->ns[NS_USER].how == NS_PATH)
		ADD(b, where(b, KEY_oom_score), OOM_SET, N(b->p->oom_score));
	plan_joins(b);
	plan_limits(b);
	if (b->namespaces & CLONE_NEWNS_) {
		/* Without open_tree the sources are staged on a scratch, whose owner must be
		 * known inside; sources that only the host's root may see cannot be bound then. */
		if (!b->plan->new_mounts)
			plan_ids_root(b);
		plan_sources(b);
		if (b->plan->new_mounts)
			plan_ids_root(b);
		plan_mounts(b);
		plan_finish_mounts(b);
		ADD(b, (struct origin){0}, VERIFY_MOUNTS, N(0));
	}
	if (b->plan->tty) {
		b->tty_slot = slot_new(b);
		ADD(b, where(b, KEY_tty), TTY_OPEN, N(b->tty_slot));
	}
	if (profile_has(b->p, KEY_oom_score) && b->p->ns[NS_USER].how != NS_PATH)
		ADD(b, where(b, KEY_oom_score), OOM_SET, N(b->p->oom_score));
	if (b->request->supervised)
		service_notify(b);
	if (b->p->init == AUTO_YES)
		ADD(b, where(b, KEY_init), INIT_START, N(0));
}

/* What needs the plan as a whole: one clone, of which kind, and its namespaces. */
static void finish_clone(struct build *b)
{
	struct plan *plan = b->plan;
	int joined = b->p->ns[NS_USER].how == NS_PATH;

	plan->init = b->p->init == AUTO_YES && !b->request->join;
	plan_child(b);
	plan->namespaces = joined || b->request->join ? 0 : b->namespaces & ~CLONE_NEWTIME_;
	/* A joined group's namespace replaces the new one only if a member lives. */
	plan->step[plan->clone].op[0].n = plan->namespaces & ~b->taken & ~(plan->root_switch < SWITCH_EMPTY ? 0u : CLONE_NEWNS_);
}

static int choose_tty(const struct build *b)
{
	if (b->p->tty == AUTO_YES)
		return 1;
	return b->p->tty == AUTO_AUTO && b->request->terminal && b->p->dev == DEV_MINIMAL &&
	       (b->namespaces & CLONE_NEWNS_) && b->p->stdio[0].kind == STDIO_INHERIT;
}

int plan_build(struct plan *plan, const struct profile *p, const struct facts *f,
	       const struct plan_request *request, struct diags *d)
{
	struct build b = {
		.plan = plan, .p = p, .f = f, .request = request, .d = d, .a = p->arena,
		.root_slot = NO_SLOT, .null_slot = NO_SLOT, .proc_slot = NO_SLOT,
		.scratch_slot = NO_SLOT, .tty_slot = NO_SLOT, .ipc_slot = NO_SLOT,
		.shm_slot = NO_SLOT, .payload_slot = NO_SLOT,
	};

	memset(plan, 0, sizeof *plan);
	plan->profile = p;
	plan->statmount = f->statmount != 0;
	plan->openat2 = f->openat2 != 0;
	plan->new_mounts = f->new_mount_api && f->mount_setattr;
	/* Few need more; what is left unused would be pages between others that are not. */
	b.max_steps = (p->dev == DEV_MINIMAL ? 96 : 32) + 4 * p->mounts.n + p->sysctls.n + p->rlimits.n;
	b.max_expect = 40 + 2 * p->mounts.n;
	plan->step = arena_room(p->arena, sizeof(struct step) * b.max_steps);
	plan->expect = arena_room(p->arena, sizeof(struct expect) * b.max_expect);
	if (!plan->step || !plan->expect) {
		diags_add(d, (struct origin){0}, 0, "the plan is too large");
		return -1;
	}
	if (request->join && !request->live)
		b.p = plan->profile = join_profile(&b);
	if (request->supervised)
		b.p = plan->profile = service_profile(&b);
	choose_namespaces(&b);
	b.taken = request->supervised && f->privileged ? profile_ahead(b.p) & facts_slow(f) : 0;
	choose_maps(&b);
	plan->tty = !request->live && choose_tty(&b);
	if (request->live) {
		plan_live(&b);
	} else if (request->join) {
		plan_join(&b);
	} else {
		choose_root_switch(&b);
		plan_host(&b);
		plan_inside(&b);
		plan_shares(&b);
	}
	if (!request->live)
		plan_payload(&b);
	finish_clone(&b);
	if (request->part || !request->launch)
		plan_part(&b);
	steps_settle(plan);
	return d->count ? -1 : 0;
}
