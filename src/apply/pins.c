/* Pinned templates, see pins.h. */
#include "apply/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "apply/file.h"
#include "apply/proc.h"
#include "apply/registry.h"
#include "base/sum.h"
#include "base/text.h"
#include "kernel/k.h"

#ifndef VERSION
#define VERSION "0.1"
#endif

#define PLACE "/run/hutch/templates"
#define BARRED "------------------------"
#define HEAD "hutch template 2 " VERSION "\n"
/* A name is when, in ms since boot, and who, in hexadecimal digits: the least is the oldest. */
enum { NAME = 24, PATH = sizeof PLACE + NAME + 8, NSFS = 0x6e736673 };

void pin_begin(struct out *o) { out_put(o, HEAD); }

static void pin_path(char to[PATH], const char *name, const char *kind)
{
	text_format(to, PATH, PLACE "/%.24s.%s", name, kind);
}

/* That two keys share a sum only costs time. */
static void note_path(char to[PATH], const struct pin *p)
{
	char name[NAME + 1];

	text_format(name, sizeof name, "%016llx", (unsigned long long)sum_bytes(SUM_START, p->key, p->length));
	pin_path(to, name, "note");
}

static int name_right(const char *name)
{
	int n = 0;

	while (n < NAME && ((name[n] >= '0' && name[n] <= '9') || (name[n] >= 'a' && name[n] <= 'f')))
		n++;
	return n == NAME;
}

static int is_barred(const char *name) { return !memcmp(name, BARRED, NAME); }

static int ns_open(const char *name)
{
	char path[PATH];

	pin_path(path, name, "ns");
	return k_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0);
}

/* A file on which nothing is mounted, any more or yet, is no namespace. */
static int ns_there(const char *name)
{
	int fd = ns_open(name), there;
	struct statfs fs;

	there = fd >= 0 && !k_fstatfs(fd, &fs) && fs.f_type == NSFS;
	k_close(fd);
	return there;
}

int pin_open(const struct pin *p, struct arena *a)
{
	size_t mark = a->used, whole = p->length + p->nmore, room = whole + NAME + 1;
	char *text = arena_alloc(a, room), path[PATH];
	long n = 0;
	int fd;

	note_path(path, p);
	fd = text ? k_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0) : -1;
	if (fd >= 0) {
		n = k_read(fd, text, room);
		k_close(fd);
		fd = -1;
		errno = ESTALE;
		if (n == (long)room - 1 && !memcmp(text, p->key, p->length)) {
			memcpy(p->more, text + p->length, p->nmore);
			if (name_right(text + whole))
				fd = ns_open(text + whole);
			else if (is_barred(text + whole))
				errno = EPERM;
		}
	}
	a->used = mark;
	return fd;
}

/* To sweep: which namespaces stay, in the order of their notes. */
struct sweep {
	pin_judge *judge;
	pin_tell *tell;
	void *ctx;
	int all;
	struct arena *a;
	unsigned n;
	char stays[PINS][NAME];
};

/* The note first: what is left of a half is swept, but a note must not lead nowhere. */
static void pin_drop(int dir, const char *note, const char *name)
{
	char path[PATH];

	if (note)
		k_unlink(dir, note, 0);
	if (!name)
		return;
	pin_path(path, name, "ns");
	k_umount(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	k_unlink(AT_FDCWD, path, 0);
}

static const char *note_wrong(struct sweep *s, const char *text, size_t n)
{
	const char *name;

	if (!text || n < sizeof HEAD + NAME)
		return PACKED("its note cannot be read");
	name = text + n - NAME;
	if (!name_right(name) && !is_barred(name))
		return PACKED("its note cannot be read");
	if (memcmp(text, HEAD, sizeof HEAD - 1) != 0)
		return PACKED("of another version of hutch");
	/* Until somebody asks, it is known that there is no use in building it again. */
	if (is_barred(name))
		return s->tell ? PACKED("the sandbox could not be made of it") : NULL;
	if (!ns_there(name))
		return PACKED("its namespace is gone");
	return s->judge ? s->judge(s->ctx, text, n - NAME) : NULL;
}

/* One more stays; where they are too many, the oldest does not. */
static void stays(struct sweep *s, const char *name)
{
	unsigned oldest = 0;

	if (s->n < PINS) {
		memcpy(s->stays[s->n++], name, NAME);
		return;
	}
	for (unsigned i = 1; i < PINS; i++)
		if (memcmp(s->stays[i], s->stays[oldest], NAME) < 0)
			oldest = i;
	if (memcmp(name, s->stays[oldest], NAME) > 0)
		memcpy(s->stays[oldest], name, NAME);
}

static void look_note(void *ctx, const char *hash, int dir)
{
	struct sweep *s = ctx;
	size_t mark = s->a->used, n = 0;
	const char *why = NULL;
	char file[80], *text;

	registry_entry(file, hash, "note");
	text = proc_read(dir, file, s->a, &n);
	if (s->all || (why = note_wrong(s, text, n))) {
		pin_drop(dir, file, text && n >= NAME && name_right(text + n - NAME) ? text + n - NAME : NULL);
		if (s->tell)
			s->tell(s->ctx, hash, why);
	} else {
		stays(s, text + n - NAME);
	}
	s->a->used = mark;
}

/* Whatever no note names. */
static void look_rest(void *ctx, const char *file, int dir)
{
	struct sweep *s = ctx;
	size_t n = strlen(file);
	char path[PATH + 80];

	if (n > 5 && !strcmp(file + n - 5, ".note"))
		return;
	for (unsigned i = 0; i < s->n; i++)
		if (n == NAME + 3 && !memcmp(file, s->stays[i], NAME))
			return;
	text_format(path, sizeof path, PLACE "/%s", file);
	k_umount(path, MNT_DETACH | UMOUNT_NOFOLLOW);
	k_unlink(dir, file, 0);
	if (s->tell && !s->all)
		s->tell(s->ctx, file, PACKED("half-made"));
}

static void sweep(int dir, struct sweep *s)
{
	registry_entries(registry_folder(dir, ".", 0), ".note", look_note, s);
	registry_entries(registry_folder(dir, ".", 0), "", look_rest, s);
}

/* The folder of pins, locked. make: and made; else who has it is waited for. */
static int place_lock(int make)
{
	int base, dir;

	/* Templates are root's. */
	errno = EPERM;
	if (geteuid() || (base = registry_dir()) < 0)
		return -1;
	dir = registry_folder(base, "templates", make ? 0700 : 0);
	k_close(base);
	if (dir >= 0 && registry_lock(dir, make ? 1 : REGISTRY_TRIES))
		k_drop(&dir);
	return dir;
}

int pin_lock(void) { return place_lock(1); }

int pins_sweep(pin_judge *judge, pin_tell *tell, void *ctx, int all, struct arena *a)
{
	struct sweep s = {judge, tell, ctx, all, a, .n = 0};
	int dir = place_lock(0);

	if (dir < 0)
		return errno == ENOENT ? 0 : -1;
	sweep(dir, &s);
	/* As if there had been none; who makes one now has the folder locked. */
	if (!s.n && (!k_umount(PLACE, MNT_DETACH | UMOUNT_NOFOLLOW) || errno == EINVAL))
		k_unlink(AT_FDCWD, PLACE, 0x200 /* AT_REMOVEDIR */);
	k_close(dir);
	return 0;
}

/*
 * A mount namespace can be bound only where no other namespace would get a copy of the
 * mount: in a private mount, which the folder is made to be. It is one already if this can be said to it.
 */
static int place_private(void)
{
	if (!k_mount(NULL, PLACE, NULL, MS_PRIVATE, NULL))
		return 0;
	if (errno != EINVAL || k_mount(PLACE, PLACE, NULL, MS_BIND, NULL))
		return -1;
	return k_mount(NULL, PLACE, NULL, MS_PRIVATE, NULL);
}

/* Under another name first: nobody reads half a note. */
static int note_write(int dir, const struct pin *p, const char *name)
{
	char path[PATH], draft[PATH];
	int fd, failed;

	note_path(path, p);
	pin_path(draft, name, "draft");
	fd = k_open(dir, draft + sizeof PLACE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	failed = fd < 0 || file_write(fd, p->key, p->length) || file_write(fd, p->more, p->nmore) ||
		 file_write(fd, name, NAME);
	k_close(fd);
	return failed ? -1 : k_rename(dir, draft + sizeof PLACE, path + sizeof PLACE);
}

static int pin_make(int dir, const struct pin *p, int ns)
{
	char name[NAME + 1], from[40], path[PATH];
	int fd;

	text_format(name, sizeof name, "%016llx%08x", (unsigned long long)k_now_ms(), (unsigned)k_getpid());
	pin_path(path, name, "ns");
	text_format(from, sizeof from, "/proc/self/fd/%d", ns);
	fd = k_open(dir, path + sizeof PLACE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	k_close(fd);
	if (fd < 0 || place_private() || k_mount(from, path, NULL, MS_BIND, NULL))
		return -1;
	return note_write(dir, p, name);
}

int pin_keep(int dir, const struct pin *p, int ns, struct arena *a)
{
	struct sweep s = {.a = a};
	int failed, error;

	failed = ns < 0 ? note_write(dir, p, BARRED) : pin_make(dir, p, ns);
	error = errno;
	/* Also what came before it under this note, or is left of this one where it failed. */
	sweep(dir, &s);
	k_close(dir);
	errno = error;
	return failed;
}
