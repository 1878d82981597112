/* Paths beneath the sandbox's root, see path.h. */
#include "apply/path.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "base/parse.h"
#include "base/text.h"
#include "kernel/k.h"

enum { MAX_DEPTH = 64, MAX_LINKS = 40, MAX_PATH = 4096 };

/* Where the walker stands: a pile of open directories, so that ".." cannot be
 * made to lead elsewhere by somebody who renames directories meanwhile. */
struct stand {
	int root, dir[MAX_DEPTH], depth, links, most_links;
	char rest[MAX_PATH * 2];
};

static int here(const struct stand *s)
{
	return s->depth ? s->dir[s->depth - 1] : s->root;
}

static void climb(struct stand *s, int to)
{
	while (s->depth > to)
		k_close(s->dir[--s->depth]);
}

/* Cuts the first part off the rest. */
static void next_part(struct stand *s, char part[256])
{
	char *p = s->rest;
	size_t n;

	p += strspn(p, "/");
	n = strcspn(p, "/");
	if (n > 255)
		n = 255;	/* no such name can exist: the open says ENOENT */
	memcpy(part, p, n);
	part[n] = '\0';
	p += n;
	p += strspn(p, "/");
	memmove(s->rest, p, strlen(p) + 1);
}

static int is_magic(int fd)
{
	struct statfs fs;

	return k_fstatfs(fd, &fs) || (uint32_t)fs.f_type == PROC_SUPER_MAGIC_;
}

/* Puts the target of the link fd before the rest. */
static int follow(struct stand *s, int fd)
{
	char target[MAX_PATH];
	size_t rest = strlen(s->rest);
	long n = k_readlink(fd, "", target, sizeof target - 1);

	if (n < 0)
		return -1;
	if (is_magic(fd) || ++s->links > s->most_links) {
		errno = ELOOP;
		return -1;
	}
	if ((size_t)n + rest + 2 > sizeof s->rest) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memmove(s->rest + n + 1, s->rest, rest + 1);
	memcpy(s->rest, target, (size_t)n);
	s->rest[n] = '/';
	if (target[0] == '/')
		climb(s, 0);
	return 0;
}

/* One part: 0 go on, 1 *fd is what the path names, -1 error. */
static int step_into(struct stand *s, const char *part, int flags, unsigned mode, int *fd)
{
	int last = !*s->rest, found;
	struct k_stat st;

	if (!*part || !strcmp(part, "."))
		return 0;
	if (!strcmp(part, "..")) {
		climb(s, s->depth ? s->depth - 1 : 0);
		return 0;
	}
	found = k_open(here(s), part, O_PATH | O_NOFOLLOW, 0);
	if (found < 0 && errno == ENOENT && last && (flags & O_CREAT)) {
		*fd = k_open(here(s), part, flags | O_EXCL | O_NOFOLLOW, mode);
		return *fd < 0 ? -1 : 1;
	}
	if (found < 0)
		return -1;
	if (k_fstat(found, 3, &st))
		goto fail;
	if (S_ISLNK(st.mode)) {
		if (follow(s, found))
			goto fail;
		k_close(found);
		return 0;
	}
	if (S_ISDIR(st.mode) && s->depth < MAX_DEPTH) {
		s->dir[s->depth++] = found;
		return 0;
	}
	if (!last || S_ISDIR(st.mode) || (flags & O_DIRECTORY)) {
		errno = S_ISDIR(st.mode) ? ENAMETOOLONG : ENOTDIR;
		goto fail;
	}
	*fd = found;
	if (flags & O_PATH)
		return 1;
	*fd = k_open(here(s), part, (flags & ~(O_CREAT | O_EXCL)) | O_NOFOLLOW, 0);
	k_close(found);
	return *fd < 0 ? -1 : 1;
fail:
	k_close(found);
	return -1;
}

static int walk_path(int root, const char *path, int flags, unsigned mode, int most_links)
{
	struct stand s = {.root = root, .most_links = most_links};
	char part[256];
	int fd = -1, result = 0;

	if (strlen(path) >= MAX_PATH) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(s.rest, path, strlen(path) + 1);
	while (!result && *s.rest) {
		next_part(&s, part);
		result = step_into(&s, part, flags, mode, &fd);
	}
	/* The path ended in a directory: open that again as asked for. */
	if (!result)
		fd = k_open(here(&s), ".", flags & ~(O_CREAT | O_EXCL), 0);
	climb(&s, 0);
	return result < 0 ? -1 : fd;
}

int path_walk(int root, const char *path, int flags, unsigned mode)
{
	return walk_path(root, path, flags, mode, MAX_LINKS);
}

void path_unanchor(struct walk *w, const char *path)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < w->nanchors; i++)
		if (path_below(w->anchor[i].path, path))
			k_close(w->anchor[i].fd);
		else
			w->anchor[kept++] = w->anchor[i];
	w->nanchors = kept;
}

int path_anchor(struct walk *w, const char *path, int fd)
{
	path_unanchor(w, path);
	if (w->nanchors >= ANCHORS) {
		errno = E2BIG;
		return -1;
	}
	w->anchor[w->nanchors++] = (struct anchor){path, fd};
	return 0;
}

/* The anchor at the first n bytes of a path, or -1. */
static int anchor_at(const struct walk *w, const char *path, size_t n)
{
	for (unsigned i = 0; i < w->nanchors; i++)
		if (!strncmp(w->anchor[i].path, path, n) && !w->anchor[i].path[n])
			return w->anchor[i].fd;
	return -1;
}

void path_leave(const struct walk *w, int dir)
{
	for (unsigned i = 0; i < w->nanchors; i++)
		if (w->anchor[i].fd == dir)
			return;
	k_close(dir);
}

/* Where a path starts: at the longest anchor above it, else at the root. */
static int start_of(const struct walk *w, const char **path)
{
	const struct anchor *best = NULL;

	for (unsigned i = 0; i < w->nanchors; i++)
		if (path_below(*path, w->anchor[i].path) &&
		    (!best || strlen(w->anchor[i].path) > strlen(best->path)))
			best = &w->anchor[i];
	if (!best)
		return w->root;
	*path += strlen(best->path);
	if (!**path)
		*path = ".";
	return best->fd;
}

int path_open(struct walk *w, const char *path, int flags, unsigned mode)
{
	struct open_how_ how = {
		.flags = (uint64_t)(unsigned)flags, .mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_IN_ROOT_ | RESOLVE_NO_MAGICLINKS_,
	};
	int fd, tries = 0, start, literal = w->at < w->plan->literal;

	/* Without a mount namespace of its own the sandbox sees the host's paths. */
	if (w->root < 0)
		return k_open(AT_FDCWD, path, flags, mode);
	start = start_of(w, &path);
	if (!w->plan->openat2)
		return walk_path(start, path, flags, mode, literal ? 0 : MAX_LINKS);
	how.resolve |= literal ? RESOLVE_NO_SYMLINKS_ : 0;
	/* EAGAIN: somebody renames or mounts while we look; the kernel is not sure. */
	do
		fd = k_openat2(start, path, &how);
	while (fd < 0 && errno == EAGAIN && ++tries < 1000);
	return fd;
}

long path_of(struct walk *w, int fd, char to[4096])
{
	char link[32];
	long n;

	text_format(link, sizeof link, "self/fd/%d", fd);
	n = k_readlink(w->proc, link, to, MAX_PATH);
	return n < MAX_PATH && (n < 0 || to[0] == '/') ? n : 0;
}

int path_parent(struct walk *w, const char *path, const char **name)
{
	char dir[MAX_PATH];
	const char *slash = strrchr(path, '/');
	size_t n = (size_t)(slash - path);
	int anchor = anchor_at(w, path, n);

	*name = slash + 1;
	if (anchor >= 0)
		return anchor;
	if (n >= sizeof dir) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(dir, path, n);
	dir[n] = '\0';
	return path_open(w, n ? dir : "/", O_PATH | O_DIRECTORY, 0);
}

static void note_made(struct walk *w, int dir, const char *name, int is_dir)
{
	struct made *m = &w->made[w->nmade];

	m->dir = dir;
	m->is_dir = (uint8_t)is_dir;
	text_format(m->name, sizeof m->name, "%s", name);
	w->nmade++;
}

/* Makes one missing thing in its existing directory. */
static int make_one(struct walk *w, const char *path, int is_dir, unsigned mode, int memory)
{
	const char *name;
	int dir = path_parent(w, path, &name), made;

	if (dir < 0)
		return -1;
	if (!memory && !w->made)
		w->made = ARENA_ARRAY(w->arena, struct made, MADE_POINTS);
	if (!memory && (!w->made || w->nmade >= MADE_POINTS)) {
		path_leave(w, dir);
		errno = ENOSPC;
		return -1;
	}
	made = is_dir ? k_mkdir(dir, name, mode)
		      : k_open(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode & 0666);
	if (made < 0) {
		path_leave(w, dir);
		/* Somebody else made it meanwhile: as good. */
		return errno == EEXIST ? 0 : -1;
	}
	if (!is_dir)
		k_close(made);
	if (memory)
		path_leave(w, dir);
	else
		note_made(w, dir, name, is_dir);
	return 0;
}

static int exists(struct walk *w, const char *path)
{
	int fd;

	if (anchor_at(w, path, strlen(path)) >= 0)
		return 1;
	fd = path_open(w, path, O_PATH, 0);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	k_close(fd);
	return 1;
}

int path_make(struct walk *w, const char *path, int is_dir, unsigned mode, int memory)
{
	char part[MAX_PATH];
	int there = exists(w, path);

	if (there)
		return there < 0 ? -1 : 0;
	if (strlen(path) >= sizeof part) {
		errno = ENAMETOOLONG;
		return -1;
	}
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		memcpy(part, path, (size_t)(slash - path));
		part[slash - path] = '\0';
		there = exists(w, part);
		if (there < 0 || (!there && make_one(w, part, 1, 0755, memory)))
			return -1;
	}
	return make_one(w, path, is_dir, mode, memory);
}

/* Mount points that were made on somebody's disk for a sandbox that never was. */
void unmake_points(struct walk *w)
{
	while (w->nmade > 0) {
		struct made *m = &w->made[--w->nmade];

		/* What was mounted there already keeps its mount point busy. */
		if (!k_fchdir(m->dir))
			k_umount(m->name, MNT_DETACH | UMOUNT_NOFOLLOW);
		k_unlink(m->dir, m->name, m->is_dir ? 0x200 /* AT_REMOVEDIR */ : 0);
	}
}
