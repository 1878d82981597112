/*
 * The planner for a sandbox that a supervisor starts: what its payload finds in
 * descriptors and environment beside what hutch run gives it.
 */
#include "plan/parts.h"

#include <string.h>

#include "base/text.h"
#include "base/uapi.h"

static void keep(struct build *b, struct profile *own, struct origin at, uint64_t fd)
{
	struct item *new = ARENA_NEW(b->a, struct item);

	if (!new) {
		wrong(b, at, "the plan is too large");
		return;
	}
	*new = (struct item){.at = at, .a = fd, .text = text_printf(b, "%u", (unsigned)fd)};
	if (!own->fds.last)
		own->fds.last = &own->fds.first;
	*own->fds.last = new;
	own->fds.last = &new->next;
	own->fds.n++;
}

/* Where its NOTIFY_SOCKET is: inside, or at an address of the host's network. */
static int notify_inside(const struct build *b)
{
	return b->p->ns[NS_MOUNT].how == NS_NEW && b->p->dev == DEV_MINIMAL;
}

/* Its terminal has a name inside too, below whatever the profile puts there. */
static void bring_console(struct build *b, struct profile *own)
{
	const char *console = b->request->console ? b->request->console : "/dev/console";
	struct mount_wish *m = ARENA_NEW(b->a, struct mount_wish);

	if (!m) {
		wrong(b, where(b, KEY_type), "the plan is too large");
		return;
	}
	*m = (struct mount_wish){.next = own->mounts.first, .at = where(b, KEY_type), .kind = MOUNT_BIND,
				 .src = console, .dst = "/dev/console", .flags = MF_RW | MF_DEV | MF_OPTIONAL};
	own->mounts.first = m;
	own->mounts.n++;
}

const struct profile *service_profile(struct build *b)
{
	const struct profile *p = b->p;
	struct profile *own = ARENA_NEW(b->a, struct profile);
	uint64_t fd = SERVICE_FIRST_FD;

	if (!own) {
		wrong(b, where(b, KEY_exec), "the plan is too large");
		return p;
	}
	if (profile_has(p, KEY_fd))
		wrong(b, where(b, KEY_fd), "a supervisor has no descriptors to hand on: fd is for hutch run");
	if (p->tty == AUTO_YES)
		wrong(b, where(b, KEY_tty), "a service has no terminal: tty is for hutch run");
	if (p->service.ready.kind == READY_NOTIFY && !notify_inside(b) && p->ns[NS_NET].how != NS_HOST)
		wrong(b, where(b, KEY_ready), "ready=notify needs dev=minimal or the host's network: else no socket is in reach");
	*own = *p;
	own->fds = (struct list){0};
	if (p->service.type == SERVICE_CONSOLE && notify_inside(b))
		bring_console(b, own);
	for (const struct item *i = p->service.listens.first; i; i = i->next)
		keep(b, own, i->at, fd++);
	if (p->service.ready.kind == READY_FD && p->service.ready.fd < fd)
		wrong(b, where(b, KEY_ready), "descriptors from 3 to %d are its listen= sockets", (int)fd - 1);
	else if (p->service.ready.kind == READY_FD)
		keep(b, own, where(b, KEY_ready), p->service.ready.fd);
	return own;
}

void service_notify(struct build *b)
{
	if (b->p->service.ready.kind == READY_NOTIFY && notify_inside(b))
		ADD(b, where(b, KEY_ready), NOTIFY_OPEN, S(SERVICE_NOTIFY));
}

static const char *listen_names(struct build *b)
{
	char text[LISTENS * 65];
	struct out o;

	out_init(&o, text, sizeof text);
	for (const struct item *i = b->p->service.listens.first; i; i = i->next)
		out_printf(&o, "%s%s", o.used ? ":" : "", i->name ? i->name : "unknown");
	return text_printf(b, "LISTEN_FDNAMES=%s", text);
}

/* sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3) */
unsigned service_env(struct build *b, const char **env)
{
	const struct service_wish *w = &b->p->service;
	unsigned n = 0;

	if (w->ready.kind == READY_NOTIFY)
		env[n++] = text_printf(b, "NOTIFY_SOCKET=%s",
				       notify_inside(b) ? SERVICE_NOTIFY :
				       b->request->notify ? b->request->notify : "@");
	if (w->watchdog)
		env[n++] = text_printf(b, "WATCHDOG_USEC=%llu", (unsigned long long)w->watchdog * 1000);
	if (!w->listens.n)
		return n;
	env[n++] = text_printf(b, "LISTEN_FDS=%u", w->listens.n);
	env[n++] = listen_names(b);
	/* Its end is written over when the pid is known. */
	b->listen_pid = text_printf(b, "LISTEN_PID=%010u", 0u);
	env[n++] = b->listen_pid;
	return n;
}
