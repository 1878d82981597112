/*
 * What keys mean together: first the consequences of what was written (a map
 * implies a user namespace), then the rules as a table.
 */
#include "profile/types.h"

#include <string.h>

#include "archive/texts.h"
#include "base/parse.h"

static void resolve_namespaces(struct profile *p)
{
	if (p->uidmap.n || p->gidmap.n)
		p->ns_set |= 1u << NS_USER;
	if (p->time_offset.n)
		p->ns_set |= 1u << NS_TIME;
	for (int i = 0; i < NS_COUNT; i++)
		if (p->ns[i].how == NS_UNSAID)
			p->ns[i].how = p->ns_set & 1u << i ? NS_NEW : NS_HOST;
}

static void resolve_caps(struct profile *p)
{
	static const enum key_id own[CAPS_SETS] = {
		[CAPS_BOUNDING] = KEY_caps_bounding,
		[CAPS_PERMITTED] = KEY_caps_permitted,
		[CAPS_EFFECTIVE] = KEY_caps_effective,
	};

	for (int i = CAPS_BOUNDING; i <= CAPS_EFFECTIVE; i++)
		if (!profile_has(p, own[i]))
			p->caps[i] = p->caps[CAPS_ALL];
	if (!profile_has(p, KEY_caps_inheritable))
		p->caps[CAPS_INHERITABLE] = p->caps[CAPS_AMBIENT];
}

/* Whether there is a /dev to mount it in. */
static int has_shm(const struct profile *p)
{
	return p->ns[NS_MOUNT].how != NS_HOST && p->dev != DEV_NONE;
}

static void resolve_choices(struct profile *p)
{
	if (p->init == AUTO_AUTO)
		p->init = p->ns[NS_PID].how == NS_NEW ? AUTO_YES : AUTO_NO;
	if (p->shm.kind == SHM_AUTO)
		p->shm.kind = !has_shm(p) ? SHM_NONE : p->ns[NS_IPC].how == NS_GROUP ? SHM_GROUP : SHM_PRIVATE;
	if (p->shm.kind == SHM_GROUP && !p->shm.group && p->ns[NS_IPC].how == NS_GROUP)
		p->shm.group = p->ns[NS_IPC].name;
}

const char *profile_group(const struct profile *p)
{
	return p->ns[NS_IPC].how == NS_GROUP ? p->ns[NS_IPC].name : p->shm.group;
}

uint32_t profile_ahead(const struct profile *p)
{
	uint32_t new = 0;

	if (!p->service.ahead || p->ns[NS_USER].how != NS_HOST)
		return 0;
	for (int i = 0; i < NS_COUNT; i++)
		if (p->ns[i].how == NS_NEW || p->ns[i].how == NS_NONE)
			new |= ns_flags[i];
	return new;
}

/* Each tells whether the rule is broken. */
static int no_exec(const struct profile *p) { return !p->exec.n; }
static int no_root(const struct profile *p)
{
	return p->ns[NS_MOUNT].how != NS_HOST && p->root.kind == ROOT_NONE;
}
static int host_mounts(const struct profile *p)
{
	return p->ns[NS_MOUNT].how == NS_HOST && (p->root.kind || p->mounts.n);
}
static int host_name(const struct profile *p) { return p->ns[NS_UTS].how == NS_HOST; }
static int no_ipc(const struct profile *p)
{
	return p->ns[NS_IPC].how != NS_NEW && p->ns[NS_IPC].how != NS_GROUP;
}
static int no_time(const struct profile *p) { return p->ns[NS_TIME].how != NS_NEW; }
static int no_user(const struct profile *p) { return p->ns[NS_USER].how != NS_NEW; }
static int init_alone(const struct profile *p)
{
	return p->init == AUTO_YES && p->ns[NS_PID].how != NS_NEW;
}
static int tty_alone(const struct profile *p)
{
	return p->tty == AUTO_YES && (p->dev != DEV_MINIMAL || p->ns[NS_MOUNT].how == NS_HOST);
}
static int half_map(const struct profile *p) { return !p->uidmap.n != !p->gidmap.n; }
static int shm_alone(const struct profile *p)
{
	return p->shm.kind == SHM_GROUP && !p->shm.group;
}
static int shm_other(const struct profile *p)
{
	return p->shm.kind == SHM_GROUP && p->shm.group && strcmp(p->shm.group, profile_group(p)) != 0;
}
static int shm_nowhere(const struct profile *p) { return p->shm.kind < SHM_NONE && !has_shm(p); }
static int not_bounded(const struct profile *p)
{
	return (p->caps[CAPS_PERMITTED] & ~p->caps[CAPS_BOUNDING]) != 0;
}
static int not_permitted(const struct profile *p)
{
	return (p->caps[CAPS_EFFECTIVE] & ~p->caps[CAPS_PERMITTED]) != 0;
}
static int ambient_alone(const struct profile *p)
{
	return (p->caps[CAPS_AMBIENT] & ~(p->caps[CAPS_PERMITTED] & p->caps[CAPS_INHERITABLE])) != 0;
}
static int image_overlaid(const struct profile *p)
{
	return p->root_mode == ROOT_OVERLAY && p->root.kind != ROOT_DIR && p->root.kind != ROOT_IMAGE;
}
static int image_written(const struct profile *p)
{
	return p->root_mode == ROOT_RW && p->root.kind == ROOT_IMAGE;
}
static int seal_host(const struct profile *p)
{
	return p->root_seal == AUTO_YES && p->ns[NS_MOUNT].how == NS_HOST;
}
static int follow_many(const struct profile *p)
{
	unsigned n = 0;

	for (const struct mount_wish *m = p->mounts.first; m; m = m->next)
		n += !!(m->flags & MF_FOLLOW);
	return n > FOLLOWS;
}
static int watchdog_deaf(const struct profile *p)
{
	return p->service.watchdog && p->service.ready.kind != READY_NOTIFY;
}
static int every_long(const struct profile *p) { return p->service.type != SERVICE_ONESHOT; }
static int demand_alone(const struct profile *p)
{
	return p->service.start == START_DEMAND && !p->service.listens.n;
}
static int demanded(const struct profile *p) { return p->service.start == START_DEMAND; }
static int no_limit(const struct profile *p) { return !p->service.restart_limit.count; }
static int ready_oneshot(const struct profile *p)
{
	return p->service.ready.kind != READY_NONE && p->service.type == SERVICE_ONESHOT;
}
static int console_log(const struct profile *p) { return p->service.type == SERVICE_CONSOLE; }
static int log_room(const struct profile *p)
{
	return p->service.log_size < 4 << 10 || p->service.log_size > 16 << 20;
}

static int sysctl_outside(const struct profile *p)
{
	char path[SYSCTL_ROOM];

	for (const struct item *i = p->boot.sysctls.first; i; i = i->next)
		if (!parse_sysctl(i->text, path))
			return 1;
	return 0;
}
static int dog_short(const struct profile *p)
{
	return p->boot.watchdog.device && p->boot.watchdog.time < 1000;
}
static int root_init(const struct profile *p) { return !p->boot.root.device; }

enum when { ALWAYS, IF_SAID };
static const struct {
	uint8_t key, when;
	int (*broken)(const struct profile *p);
} __attribute__((packed, aligned(4))) rules[] = {
#define RULE(key, when, broken, message) {KEY_##key, when, broken},
#include "profile/rules.def"
#undef RULE
};

static int is_ipc_limit(enum key_id key) { return keys[key].type == TYPE_SYSCTL; }

void profile_rules(struct profile_reader *r)
{
	struct profile *p = r->p;

	if (!r->machine) {
		resolve_namespaces(p);
		resolve_caps(p);
		resolve_choices(p);
	}
	/* Where something is wrong already, a rule would only say it again. */
	if (r->diags->count)
		return;
	for (unsigned i = 0; i < sizeof rules / sizeof *rules; i++)
		if (key_boots(rules[i].key) == r->machine &&
		    (rules[i].when == ALWAYS || profile_has(p, rules[i].key)) && rules[i].broken(p))
			diags_add(r->diags, p->at[rules[i].key], 0, "%s", text_of(TEXTS_RULES, i));
	for (enum key_id k = KEY_NONE + 1; k < KEY_COUNT; k++)
		if (is_ipc_limit(k) && profile_has(p, k) && no_ipc(p))
			diags_add(r->diags, p->at[k], 0,
				  "%s needs an IPC namespace of its own: ipc=new", keys[k].word);
}
