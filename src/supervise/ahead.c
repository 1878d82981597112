/*
 * Namespaces made ahead (ahead=N), for a service whose next start shall not wait until the kernel has
 * made them. A process of its own makes them once the payload runs, and hands them over with its end:
 * nobody waits for it, nothing wakes up for it, and where it fails the next start makes its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "apply/inside.h"
#include "archive/texts.h"
#include "base/text.h"
#include "kernel/k.h"
#include "supervise/supervise.h"

enum { KINDS = 2, MOST = 16, SOCKET = 3 };
static const uint8_t kinds[KINDS] = {NS_NET, NS_IPC};

/* By place. Untouched while no service says ahead=. */
static struct stock {
	uint8_t n[KINDS];
	int fd[KINDS][MOST];
} stock[SERVICES];
static struct queue wanting;		/* places that want more */
static struct {
	int pid, socket, parent;
	struct service *user;
	unsigned lacks[KINDS];
} maker;
static char stack[16 << 10] __attribute__((aligned(4096)));

static unsigned lacks(const struct service *v, const struct stock *k, int kind)
{
	if (!(v->conf->ahead_kinds & ns_flags[kinds[kind]] & facts_slow(&v->image->facts)) || k->n[kind] >= v->conf->ahead)
		return 0;
	return v->conf->ahead - k->n[kind];
}

static int make(uint8_t kind)
{
	char path[32];
	int fd, sent;

	if (k_unshare(ns_flags[kinds[kind]]) || (kinds[kind] == NS_NET && net_up("lo")))
		return -1;
	text_format(path, sizeof path, "/proc/self/ns/%s", ns_file(kinds[kind]));
	fd = k_open(AT_FDCWD, path, O_RDONLY, 0);
	sent = fd < 0 ? -1 : (int)k_send(SOCKET, &kind, 1, fd);
	k_close(fd);
	return sent == 1 ? 0 : -1;
}

static int maker_main(void *unused)
{
	(void)unused;
	k_fault_side('l');
	if (k_dup2(maker.socket, SOCKET, 1) < 0)
		k_exit(errno);
	k_close_range(SOCKET + 1, ~0u);
	if (k_prctl(PR_SET_PDEATHSIG_, SIGKILL, 0, 0) || k_getppid() != maker.parent)
		k_exit(0);
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (unsigned i = 0; i < maker.lacks[kind]; i++)
			if (make((uint8_t)kind))
				k_exit(errno);
	k_exit(0);
}

/* One maker at a time: what it makes, the others' starts have to do without. */
static void start(void)
{
	struct service *v;
	int end[2];

	while (!maker.pid && (v = queue_take(&wanting, LINK_AHEAD))) {
		unsigned some = 0;

		for (int kind = 0; v->conf && service_runs(v) && kind < KINDS; kind++)
			some += maker.lacks[kind] = lacks(v, &stock[place_number(v)], kind);
		if (!some || k_socketpair(end))
			continue;
		maker.socket = end[1];
		maker.parent = k_getpid();
		maker.user = v;
		maker.pid = k_clone(maker_main, stack + sizeof stack, SIGCHLD, NULL);
		k_close(end[1]);
		maker.socket = end[0];
		if (maker.pid > 0)
			continue;
		maker.pid = 0;
		k_drop(&maker.socket);
	}
}

void ahead_want(const struct service *v)
{
	if (!v->conf->ahead)
		return;
	queue_put(&wanting, LINK_AHEAD, v);
	start();
}

int ahead_take(const struct service *v, int to[NS_COUNT])
{
	struct stock *k = &stock[place_number(v)];
	int some = 0;

	for (int i = 0; i < NS_COUNT; i++)
		to[i] = -1;
	for (int kind = 0; v->conf->ahead && kind < KINDS; kind++)
		if (k->n[kind]) {
			to[kinds[kind]] = k->fd[kind][--k->n[kind]];
			some = 1;
		}
	return some;
}

void ahead_drop(const struct service *v)
{
	struct stock *k = &stock[place_number(v)];

	for (int kind = 0; v->conf->ahead && kind < KINDS; kind++)
		while (k->n[kind])
			k_close(k->fd[kind][--k->n[kind]]);
}

/* What it made is for a service that still runs, and wants it. */
static void put(const struct service *v, struct stock *k, uint8_t kind, int fd)
{
	if (v->conf && service_runs(v) && kind < KINDS && lacks(v, k, kind))
		k->fd[kind][k->n[kind]++] = fd;
	else
		k_close(fd);
}

int ahead_reaped(struct supervisor *s, int pid, int status)
{
	struct service *v = maker.user;
	int passed, code = WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
	uint8_t kind;

	if (!maker.pid || pid != maker.pid)
		return 0;
	while (k_receive(maker.socket, &kind, 1, &passed, 0) == 1 && passed >= 0)
		put(v, &stock[place_number(v)], kind, passed);
	k_drop(&maker.socket);
	maker.pid = 0;
	if (code && v->conf)
		event_tell(s, v, "cannot make namespaces ahead: %s", error_text(code));
	start();
	return 1;
}
