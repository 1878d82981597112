/*
 * What on-mount and on-path wait for. The kernel tells when the mount table or a
 * directory on the way to a path changed; then everything is looked at again. What
 * cannot be had is tried again each second.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <string.h>
#include <sys/inotify.h>

#include "apply/way.h"
#include "archive/texts.h"
#include "base/glob.h"
#include "kernel/k.h"
#include "mounts/points.h"
#include "supervise/supervise.h"

enum { AGAIN = 1000, PIECE = 8192, READS = 16 };
enum { LOOK = 1, RENEW = 2 };

static struct {
	int mounts;		/* /proc/self/mountinfo, or -1 */
	int paths;		/* inotify, or -1 */
	int64_t again;		/* ms, of the next look that nothing tells of; 0: none */
	uint8_t told_mounts, told_paths;
} watch = {.mounts = -1, .paths = -1};

/* What was seen in one look, by service. */
struct look {
	struct supervisor *s;
	uint8_t mounted[SERVICES];
};

/* Does without: told once until it works again. */
static void poll_instead(struct supervisor *s, uint8_t *told, const char *what)
{
	if (!*told)
		event_tell(s, NULL, "%s: %s; looking each second instead", what, errno_text());
	*told = 1;
	watch.again = s->now + AGAIN;
}

static void seen(void *ctx, const char *point)
{
	struct look *look = ctx;

	for (struct service *v = NULL; (v = service_next(look->s, v));) {
		uint8_t *mounted = &look->mounted[v - look->s->service];

		if (v->conf->on_mount && !*mounted)
			*mounted = (uint8_t)glob_matches(v->conf->on_mount, point);
	}
}

/* The whole table, once. */
static int read_table(struct look *look)
{
	struct points points = {0};
	char piece[PIECE];
	off_t at = 0;
	long got;

	memset(look->mounted, 0, sizeof look->mounted);
	while ((got = k_pread(watch.mounts, piece, sizeof piece, at)) > 0) {
		points_take(&points, piece, (size_t)got, seen, look);
		at += got;
	}
	return got < 0 ? -1 : 0;
}

/*
 * The table as it is. Before Linux 5.8 a mount that stays can be missed while others
 * go: what changed while it was read is read again.
 */
static int read_mounts(struct look *look)
{
	struct pollfd changed = {.events = POLLPRI};

	if (watch.mounts < 0)
		watch.mounts = k_open(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY, 0);
	changed.fd = watch.mounts;
	if (watch.mounts < 0)
		return -1;
	for (int tries = 0; tries < 4; tries++) {
		if (read_table(look)) {
			k_drop(&watch.mounts);
			return -1;
		}
		if (k_poll(&changed, 1, 0) <= 0)
			return 0;
	}
	watch.again = look->s->now + AGAIN;
	return 0;
}

/* Adding a directory again changes nothing, while a new watch costs 10 ms. */
static int watch_paths(struct supervisor *s, int renew)
{
	if (renew)
		k_drop(&watch.paths);
	if (watch.paths < 0 && (watch.paths = k_inotify()) < 0)
		return -1;
	for (struct service *v = NULL; (v = service_next(s, v));)
		if (v->conf->on_path && way_watch(watch.paths, v->conf->on_path, 0)) {
			k_drop(&watch.paths);
			return -1;
		}
	return 0;
}

/* 1 or 0; -1: cannot be told. */
static int exists(const char *path)
{
	struct k_stat st;

	/* A link counts by itself: of where it leads to nothing is heard. */
	if (!k_stat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, 0, &st))
		return 1;
	return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
}

/* `renew`: some directories that are watched are no longer those on the way. */
static void look_at_all(struct supervisor *s, int renew)
{
	struct look look = {.s = s};
	int mounts = 0, paths = 0, blind = 0;

	for (struct service *v = NULL; (v = service_next(s, v));) {
		paths |= v->conf->on_path != NULL;
		mounts |= paths || v->conf->on_mount;
	}
	watch.again = 0;
	/* The table also for paths: what is mounted on their way is no event of inotify's. */
	if (!mounts)
		k_drop(&watch.mounts);
	else if ((blind = read_mounts(&look)))
		poll_instead(s, &watch.told_mounts, "/proc/self/mountinfo");
	else
		watch.told_mounts = 0;
	if (!paths)
		k_drop(&watch.paths);
	else if (watch_paths(s, renew))
		poll_instead(s, &watch.told_paths, "inotify");
	else
		watch.told_paths = 0;

	for (struct service *v = NULL; (v = service_next(s, v));) {
		const struct service_conf *c = v->conf;
		int there = c->on_path ? exists(c->on_path) : 1;

		if (there < 0)
			watch.again = s->now + AGAIN;
		/* Who cannot be looked for stays as it is. */
		if (there < 0 || (blind && c->on_mount) || (!c->on_mount && !c->on_path))
			continue;
		there &= !c->on_mount || look.mounted[v - s->service];
		if (there != v->triggered)
			service_trigger(s, v, there);
	}
}

void trigger_look(struct supervisor *s)
{
	look_at_all(s, 1);
}

void trigger_soon(void)
{
	watch.again = 1;
}

int trigger_poll(struct supervisor *s, struct pollfd *fds)
{
	int n = 0;

	(void)s;
	if (watch.mounts >= 0)
		fds[n++] = (struct pollfd){watch.mounts, POLLPRI, 0};
	if (watch.paths >= 0)
		fds[n++] = (struct pollfd){watch.paths, POLLIN, 0};
	return n;
}

/* Whether a path of ours has a part of this name. */
static int is_part(const struct supervisor *s, const char *name)
{
	size_t n = strlen(name);

	for (struct service *v = NULL; (v = service_next(s, v));) {
		const char *p = v->conf->on_path;

		while (p && (p = strchr(p, '/')))
			if (!strncmp(++p, name, n) && (!p[n] || p[n] == '/'))
				return 1;
	}
	return 0;
}

/* Takes what inotify has to say, and tells what is to be done. */
static int read_paths(const struct supervisor *s)
{
	alignas(struct inotify_event) char text[4096];
	const struct inotify_event *e;
	int todo = 0;

	for (int reads = 0; reads < READS; reads++) {
		long got = k_read(watch.paths, text, sizeof text);

		if (got <= 0)
			return got == 0 || errno == EAGAIN || errno == EINTR ? todo : LOOK | RENEW;
		for (long at = 0; at < got; at += (long)(sizeof *e + e->len)) {
			e = (const struct inotify_event *)(text + at);
			/* Without a name it is about a directory on the way, or was too much. */
			if (!e->len || is_part(s, e->name))
				todo |= e->mask & (IN_MOVE_SELF | IN_ISDIR) ? LOOK | RENEW : LOOK;
		}
	}
	return todo;
}

void trigger_read(struct supervisor *s, const struct pollfd *fds, int n)
{
	int todo = watch.again && s->now >= watch.again ? LOOK : 0;

	for (int i = 0; i < n; i++) {
		if (!fds[i].revents)
			continue;
		if (fds[i].fd == watch.mounts)
			todo |= LOOK;
		else if (fds[i].fd == watch.paths)
			todo |= read_paths(s);
	}
	if (todo)
		look_at_all(s, todo & RENEW);
}

int64_t trigger_deadline(const struct supervisor *s)
{
	(void)s;
	return watch.again;
}
