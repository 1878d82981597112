/* The machine's own settings, see machine.h. */
#include "service/machine.h"

#include <string.h>

#include "service/service.h"

const char *const end_names[END_KINDS] = {"exit", "halt", "poweroff", "reboot"};

/* The texts of a list, in an array of the profile's. */
static const char *const *texts(const struct profile *p, const struct list *l)
{
	const char **to = ARENA_ARRAY(p->arena, const char *, l->n + 1);
	unsigned n = 0;

	for (const struct item *i = l->first; to && i; i = i->next)
		to[n++] = i->text;
	return to;
}

static const struct machine_mount *mounts(const struct profile *p)
{
	struct machine_mount *to = ARENA_ARRAY(p->arena, struct machine_mount, p->boot.mounts.n + 1);
	unsigned n = 0;

	for (const struct mount_wish *m = p->boot.mounts.first; to && m; m = m->next)
		to[n++] = (struct machine_mount){m->type, m->src, m->dst, m->data, m->flags, m->prop};
	return to;
}

int machine_read(struct machine_conf *to, const struct profile *p)
{
	const struct boot_wish *b = &p->boot;

	*to = (struct machine_conf){
		.hostname = b->hostname, .console = b->console, .init = b->init, .good = b->good,
		.sysctl = texts(p, &b->sysctls),
		.module = texts(p, &b->modules),
		.mount = mounts(p),
		.nsysctl = (uint16_t)b->sysctls.n, .nmodule = (uint16_t)b->modules.n,
		.nmount = (uint16_t)b->mounts.n, .lo = b->lo == YES,
		.root = {b->root.rw, (uint32_t)b->root.wait, b->root.device, b->root.type, b->root.options,
			 b->root.overlay_device, b->root.overlay_type},
		.watchdog = {b->watchdog.device, (uint32_t)b->watchdog.time, (uint32_t)b->watchdog.budget},
		.readers = (uint32_t)b->readers,
		.deadline = (uint32_t)b->deadline, .shutdown_timeout = (uint32_t)b->shutdown_timeout,
		.setup_timeout = (uint32_t)b->setup_timeout, .rescue_timeout = (uint32_t)b->rescue_timeout,
	};
	return -(!to->sysctl || !to->module || !to->mount);
}

static int keep(struct set *set, const char **text)
{
	if (*text && !(*text = arena_text(&set->arena, *text, strlen(*text))))
		set->full = 1;
	return -set->full;
}

static const char *const *keep_texts(struct set *set, const char *const *from, unsigned n)
{
	const char **to = ARENA_ARRAY(&set->arena, const char *, n + 1);

	set->full |= !to;
	for (unsigned i = 0; to && i < n; i++) {
		to[i] = from[i];
		keep(set, &to[i]);
	}
	return to;
}

int machine_copy(struct set *set, const struct machine_conf *from)
{
	struct machine_conf *to = &set->machine;
	const char **const text[] = {
		&to->findings, &to->hostname, &to->console, &to->init, &to->good, &to->root.device,
		&to->root.type, &to->root.options, &to->root.overlay_device, &to->root.overlay_type,
		&to->watchdog.device,
	};
	struct machine_mount *mount = ARENA_ARRAY(&set->arena, struct machine_mount, from->nmount + 1u);

	*to = *from;
	for (unsigned i = 0; i < sizeof text / sizeof *text; i++)
		keep(set, text[i]);
	to->sysctl = keep_texts(set, from->sysctl, from->nsysctl);
	to->module = keep_texts(set, from->module, from->nmodule);
	set->full |= !mount;
	for (unsigned i = 0; mount && i < from->nmount; i++) {
		mount[i] = from->mount[i];
		keep(set, &mount[i].type);
		keep(set, &mount[i].source);
		keep(set, &mount[i].target);
		keep(set, &mount[i].data);
	}
	to->mount = mount;
	return -set->full;
}
