/*
 * A hub before somebody gets it: what is mounted there reaches nobody unless its mount is
 * shared. Where that was asked for, it is made so, in the host's namespace and for good.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#include "apply/proc.h"
#include "apply/registry.h"
#include "apply/step.h"
#include "apply/table.h"
#include "base/parse.h"
#include "base/text.h"
#include "kernel/k.h"

/* The directory as the host has it now. */
struct hub {
	char path[4096];		/* without links, as the table names it */
	int dir;
	struct mounts now;
	const struct mount *at;		/* mounted there, or NULL */
};

static int look(struct walk *w, struct hub *h)
{
	char link[32];
	long n;

	fd_path(link, h->dir);
	n = k_readlink(AT_FDCWD, link, h->path, sizeof h->path - 1);
	if (n < 0)
		return step_error(w);
	h->path[n] = '\0';
	if (table_read(w, &h->now))
		return -1;
	h->at = mounts_top(&h->now, h->path);
	return 0;
}

/* What the directory lies on, which is not mounted there itself. */
static const struct mount *mount_below(const struct hub *h)
{
	const struct mount *m = NULL;
	char above[sizeof h->path];

	memcpy(above, h->path, sizeof above);
	while (!m && strlen(above) > 1) {
		char *slash = strrchr(above, '/');

		slash[slash == above] = '\0';
		m = mounts_top(&h->now, above);
	}
	return m;
}

/*
 * The directory onto itself. What is mounted below it comes along: as peers where the
 * mount that it lies on has any, for what goes there goes here; else nobody would ever
 * unmount what is left underneath, so it moves.
 */
static int bind_self(struct hub *h)
{
	const struct mount *on = mount_below(h);
	int moves = on && !on->shared;
	char from[4096 + 32];
	int failed = 0;

	if (k_mount(h->path, h->path, NULL, MS_BIND | (moves ? 0 : MS_REC), NULL))
		return -1;
	for (unsigned i = 0; moves && i < h->now.n; i++) {
		const struct mount *m = &h->now.mount[i];

		if (m->parent != on->id || !path_below(m->point, h->path))
			continue;
		text_format(from, sizeof from, "/proc/self/fd/%d%s", h->dir, m->point + strlen(h->path));
		failed |= k_mount(from, m->point, NULL, MS_MOVE, NULL);
		if (!m->unbindable)
			failed |= k_mount(NULL, m->point, NULL, MS_SHARED, NULL);
	}
	return failed;
}

/* Among all who start at once, one does it: the others find it done. */
static int share(struct walk *w, struct hub *h)
{
	int dir = registry_dir(), result;

	if (dir < 0 || registry_lock(dir, REGISTRY_TRIES))
		result = step_failed(w, registry_place());
	else if (!(result = look(w, h)) && !(h->at && h->at->shared))
		result = step_done(w, (!h->at && bind_self(h)) || k_mount(NULL, h->path, NULL, MS_SHARED, NULL));
	k_close(dir);
	return result;
}

static int tell(struct walk *w, const struct hub *h, const char *name)
{
	const char *p = strlen(h->path) > 32 ? "PATH" : h->path;
	char bind[100] = "", text[256];

	if (!h->at)
		text_format(bind, sizeof bind, "mount --bind %s %s && ", p, p);
	text_format(text, sizeof text, "%s: type %smount --make-shared %s, or say share in hub.%.32s",
		    h->at ? "a private mount" : "not a mount point", bind, p, name);
	return step_failed_code(w, 0, text);
}

int do_HUB_CHECK(struct walk *w, const struct step *s)
{
	struct hub h = {.dir = k_open(AT_FDCWD, s->op[0].s, O_PATH | O_DIRECTORY, 0)};
	size_t mark = w->arena->used;
	int result;

	if (h.dir < 0 && s->op[3].n && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (h.dir < 0)
		return step_error(w);
	w->proc = k_open(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
	result = w->proc < 0 ? step_error(w) : look(w, &h);
	if (!result && !(h.at && h.at->shared))
		result = s->op[2].n ? share(w, &h) : tell(w, &h, s->op[1].s);
	k_drop(&w->proc);
	k_close(h.dir);
	w->arena->used = mark;
	return result;
}
