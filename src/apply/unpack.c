/*
 * A cpio archive into the sandbox's root. Every name is made beneath the root's
 * descriptor, one part at a time, links resolved as the sandbox sees them: an
 * archive cannot write outside, whatever it holds.
 */
#include "apply/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "apply/path.h"
#include "archive/cpio.h"
#include "kernel/k.h"

/* Names of one inode: newc gives hard links the same number, the data to the last. */
enum { LINKS = 512 };
struct hard_link {
	unsigned ino, major, minor;
	char *name;
};

struct unpacking {
	struct walk *w;
	struct cpio cpio;
	struct cpio_entry entry;
	struct hard_link link[LINKS];
	unsigned nlinks;
	char path[4098], buf[16384];
};

static long read_source(void *ctx, void *buf, unsigned long n)
{
	return k_read(*(int *)ctx, buf, n);
}

static int wrong(struct unpacking *u, const char *text)
{
	return step_failed_code(u->w, 0, text);
}

/* "./bin/sh", "bin/sh" and "/bin/sh" are one; ".." is refused. */
static int clean_name(struct unpacking *u)
{
	const char *from = u->entry.name;
	char *to = u->path;

	while (*from) {
		size_t n = strcspn(from, "/");

		if (n == 2 && from[0] == '.' && from[1] == '.')
			return wrong(u, PACKED("the archive has a name with .."));
		if (n && !(n == 1 && *from == '.')) {
			*to++ = '/';
			memcpy(to, from, n);
			to += n;
		}
		from += n + (from[n] == '/');
	}
	if (to == u->path)
		*to++ = '/';
	*to = '\0';
	return 0;
}

static int write_data(struct unpacking *u, int fd)
{
	long n;

	while ((n = cpio_read(&u->cpio, u->buf, sizeof u->buf)) > 0)
		for (long done = 0, put; done < n; done += put) {
			put = k_write(fd, u->buf + done, (size_t)(n - done));
			if (put <= 0)
				return step_failed(u->w, u->path);
		}
	return n < 0 ? wrong(u, u->cpio.error) : 0;
}

static struct hard_link *link_known(struct unpacking *u)
{
	for (unsigned i = 0; i < u->nlinks; i++)
		if (u->link[i].ino == u->entry.ino && u->link[i].major == u->entry.dev_major &&
		    u->link[i].minor == u->entry.dev_minor)
			return &u->link[i];
	return NULL;
}

static int make_link(struct unpacking *u, const char *to_path, int dir, const char *name)
{
	const char *from_name;
	int from = path_parent(u->w, to_path, &from_name), result;

	if (from < 0)
		return step_failed(u->w, to_path);
	result = k_link(from, from_name, dir, name) ? step_failed(u->w, u->path) : 0;
	path_leave(u->w, from);
	return result;
}

static int note_link(struct unpacking *u)
{
	struct hard_link *l;

	if (u->entry.nlink < 2 || link_known(u))
		return 0;
	if (u->nlinks >= LINKS)
		return wrong(u, PACKED("the archive has too many hard links"));
	l = &u->link[u->nlinks];
	l->name = arena_text(u->w->arena, u->path, strlen(u->path));
	if (!l->name)
		return wrong(u, PACKED("the archive has too many hard links"));
	*l = (struct hard_link){u->entry.ino, u->entry.dev_major, u->entry.dev_minor, l->name};
	u->nlinks++;
	return 0;
}

static int unpack_file(struct unpacking *u, int dir, const char *name)
{
	struct hard_link *known = u->entry.nlink > 1 ? link_known(u) : NULL;
	int fd, result;

	if (known && make_link(u, known->name, dir, name))
		return -1;
	if (known && !u->entry.size)
		return 0;
	if (note_link(u))
		return -1;
	fd = k_open(dir, name, O_WRONLY | O_NOFOLLOW | (known ? O_TRUNC : O_CREAT | O_EXCL), 0600);
	if (fd < 0)
		return step_failed(u->w, u->path);
	result = write_data(u, fd);
	if (!result && (k_chown(fd, "", u->entry.uid, u->entry.gid, AT_EMPTY_PATH) ||
			k_fchmod(fd, u->entry.mode & 07777)))
		result = step_failed(u->w, u->path);
	k_close(fd);
	return result;
}

static int unpack_dir(struct unpacking *u, int dir, const char *name)
{
	int fd, result = 0;

	if (*name && k_mkdir(dir, name, 0700) && errno != EEXIST)
		return step_failed(u->w, u->path);
	fd = k_open(dir, *name ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (fd < 0)
		return step_failed(u->w, u->path);
	if (k_chown(fd, "", u->entry.uid, u->entry.gid, AT_EMPTY_PATH) ||
	    k_fchmod(fd, u->entry.mode & 07777))
		result = step_failed(u->w, u->path);
	k_close(fd);
	return result;
}

static int unpack_symlink(struct unpacking *u, int dir, const char *name)
{
	long n = cpio_read(&u->cpio, u->buf, 4096);

	if (n < 0 || u->entry.size > 4095 || (unsigned long)n != u->entry.size)
		return wrong(u, n < 0 ? u->cpio.error : "the archive has a link that is too long");
	u->buf[n] = '\0';
	if (k_symlink(u->buf, dir, name) ||
	    k_chown(dir, name, u->entry.uid, u->entry.gid, AT_SYMLINK_NOFOLLOW))
		return step_failed(u->w, u->path);
	return 0;
}

static int unpack_node(struct unpacking *u, int dir, const char *name)
{
	if (k_mknod(dir, name, u->entry.mode, u->entry.rdev_major, u->entry.rdev_minor)) {
		/* An ordinary user has no device nodes, and the root no use for them. */
		if (errno == EPERM && (S_ISBLK(u->entry.mode) || S_ISCHR(u->entry.mode)))
			return 0;
		return step_failed(u->w, u->path);
	}
	if (k_chown(dir, name, u->entry.uid, u->entry.gid, AT_SYMLINK_NOFOLLOW))
		return step_failed(u->w, u->path);
	return 0;
}

static int unpack_entry(struct unpacking *u)
{
	const char *name;
	int dir, result;

	if (clean_name(u))
		return -1;
	dir = path_parent(u->w, u->path, &name);
	if (dir < 0)
		return step_failed(u->w, u->path);
	switch (u->entry.mode & S_IFMT) {
	case S_IFREG:
		result = unpack_file(u, dir, name);
		break;
	case S_IFDIR:
		result = unpack_dir(u, dir, name);
		break;
	case S_IFLNK:
		result = unpack_symlink(u, dir, name);
		break;
	default:
		result = unpack_node(u, dir, name);
	}
	path_leave(u->w, dir);
	return result;
}

int unpack(struct walk *w, int fd)
{
	struct unpacking *u = ARENA_NEW(w->arena, struct unpacking);
	int more;

	if (!u)
		return step_failed_code(w, ENOMEM, "");
	u->w = w;
	cpio_init(&u->cpio, read_source, &fd);
	while ((more = cpio_next(&u->cpio, &u->entry)) > 0)
		if (unpack_entry(u))
			return -1;
	return more < 0 ? wrong(u, u->cpio.error) : 0;
}
