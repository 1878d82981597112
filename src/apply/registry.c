/* Named sandboxes and IPC groups, see registry.h. */
#include "apply/file.h"
#include "apply/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "apply/proc.h"
#include "apply/process.h"
#include "base/parse.h"
#include "base/text.h"
#include "kernel/k.h"

enum { MEMBERS = GROUP_MEMBERS, LOCK_PAUSE_MS = 20 };

static int is_gone(void)
{
	return errno == ENOENT || errno == ESRCH;
}

/* Who cannot be looked at counts as alive: he would lose his group. */
static int alive(const struct group_member *m)
{
	uint64_t start;

	if (m->pid <= 0)
		return 0;
	return process_start(m->pid, &start) ? !is_gone() : start == m->start;
}

int registry_dir(void)
{
	const char *base = geteuid() ? env_value((const char *const *)environ, "XDG_RUNTIME_DIR") : "/run";
	int run, dir, error;
	struct k_stat st;

	if (!base || *base != '/') {
		errno = ENOENT;
		return -1;
	}
	run = k_open(AT_FDCWD, base, O_PATH | O_DIRECTORY, 0);
	if (run < 0)
		return -1;
	if (k_mkdir(run, "hutch", 0755) && errno != EEXIST) {
		k_close(run);
		return -1;
	}
	dir = k_open(run, "hutch", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	k_close(run);
	if (dir >= 0 && (error = k_fstat(dir, 0xf, &st) ? errno :
			 st.uid != geteuid() || st.mode & 022 ? EPERM : 0)) {
		k_close(dir);
		errno = error;
		return -1;
	}
	return dir;
}

static void entry_name(char to[80], const char *name, const char *kind)
{
	text_format(to, 80, "%.64s.%s", name, kind);
}

/* Of a sandbox that is no more, and what was added to it. */
static void entry_forget(int dir, const char *name)
{
	char file[80];

	entry_name(file, name, "box");
	k_unlink(dir, file, 0);
	entry_name(file, name, "added");
	k_unlink(dir, file, 0);
}

/* pid=N, start=N, then the profile behind an empty line. */
static int box_read(int dir, const char *file, struct group_member *m, struct box *to, struct arena *a)
{
	size_t length;
	char *text = proc_read(dir, file, a, &length), *blank, *start;

	if (!text)
		return -1;
	blank = text_find(text, "\n\n");
	start = text_find(text, "start=");
	if (!blank || !start || start > blank || strncmp(text, "pid=", 4) != 0) {
		errno = EINVAL;
		return -1;
	}
	*m = (struct group_member){(int)number_at(text + 4), 0, number_at(start + 6)};
	to->pid = m->pid;
	to->start = m->start;
	to->profile = blank + 2;
	to->length = length - (size_t)(to->profile - text);
	return 0;
}

int registry_find(const char *name, struct box *to, struct arena *a, struct err *e)
{
	int dir = registry_dir();
	struct group_member m;
	char file[80];

	entry_name(file, name, "box");
	if (dir < 0)
		return err_set(e, errno, "the folder of running sandboxes");
	if (box_read(dir, file, &m, to, a)) {
		k_close(dir);
		return err_set(e, errno == ENOENT ? 0 : errno, "no sandbox named %.64s is running", name);
	}
	if (!alive(&m)) {
		entry_forget(dir, name);
		k_close(dir);
		return err_set(e, 0, "no sandbox named %.64s is running (its process is gone)", name);
	}
	k_close(dir);
	return 0;
}

/* Each name of the registry's folder that ends so, without the end. */
static void each_entry(int dir, const char *end, void (*tell)(void *ctx, const char *name, int dir), void *ctx)
{
	char buf[2048] __attribute__((aligned(8)));
	long n;

	while (dir >= 0 && (n = k_getdents(dir, buf, sizeof buf)) > 0)
		for (long at = 0; at < n; at += ((struct k_dirent *)(buf + at))->length) {
			char *name = ((struct k_dirent *)(buf + at))->name;
			size_t length = strlen(name), tail = strlen(end);

			if (length <= tail || strcmp(name + length - tail, end) != 0)
				continue;
			name[length - tail] = '\0';
			if (name_ok(name))
				tell(ctx, name, dir);
		}
	k_close(dir);
}

struct each {
	void (*tell)(void *ctx, const char *name, int pid);
	void *ctx;
	struct arena *a;
};

static void tell_box(void *ctx, const char *name, int dir)
{
	struct each *e = ctx;
	size_t mark = e->a->used;
	struct group_member m;
	struct box box;
	char file[80];
	int found;

	entry_name(file, name, "box");
	found = !box_read(dir, file, &m, &box, e->a) && alive(&m);
	e->a->used = mark;
	if (found)
		e->tell(e->ctx, name, box.pid);
}

void registry_each(void (*tell)(void *ctx, const char *name, int pid), void *ctx, struct arena *a)
{
	struct each e = {tell, ctx, a};

	each_entry(registry_dir(), ".box", tell_box, &e);
}

void registry_groups(void (*tell)(void *ctx, const char *name, int), void *ctx)
{
	each_entry(registry_dir(), ".group", tell, ctx);
}

/* The head of an entry, in memory with room for the rest. */
static int entry_begin(struct out *o, struct arena *a, int pid, uint64_t start)
{
	const size_t size = 1 << 16;
	char *memory = arena_alloc(a, size);

	if (!memory) {
		errno = ENOMEM;
		return -1;
	}
	out_init(o, memory, size);
	out_printf(o, "pid=%d\nstart=%llu\n\n", pid, (unsigned long long)start);
	return 0;
}

/* Under a name of its own first, so that nobody reads half an entry. */
static int entry_write(int dir, const char *file, const struct out *o)
{
	char draft[40];
	int fd, failed;

	text_format(draft, sizeof draft, ".%d", k_getpid());
	fd = k_open(dir, draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	failed = file_write(fd, o->text, o->used) || o->lost;
	k_close(fd);
	if (failed || k_rename(dir, draft, file)) {
		k_unlink(dir, draft, 0);
		return -1;
	}
	return 0;
}

static int box_write(int dir, const char *file, struct walk *w, uint64_t start)
{
	struct out o;

	if (entry_begin(&o, w->arena, w->pid, start))
		return -1;
	profile_print(w->plan->profile, &o);
	return entry_write(dir, file, &o);
}

/* The lines that were added to this very sandbox, "": none. */
static int added_read(int dir, const char *name, const struct target *t, struct box *to, struct arena *a)
{
	struct group_member m;
	char file[80];
	int failed;

	entry_name(file, name, "added");
	failed = box_read(dir, file, &m, to, a);
	if (failed && errno != ENOENT && errno != EINVAL)
		return -1;
	if (failed || m.pid != t->pid || m.start != t->start)
		*to = (struct box){.profile = ""};
	return 0;
}

void registry_forget(const char *name)
{
	int dir = registry_dir();

	if (dir >= 0)
		entry_forget(dir, name);
	k_close(dir);
}

int registry_added(const char *name, const struct target *t, struct box *to, struct arena *a)
{
	int dir = registry_dir(), failed = dir < 0 || added_read(dir, name, t, to, a);

	k_close(dir);
	return -failed;
}

/* All lines but the last that is `gone`. */
static void put_others(struct out *o, const struct box *old, const char *gone)
{
	size_t n = gone ? strlen(gone) : 0, skip = old->length;

	for (size_t at = 0; n && at + n < old->length; at++)
		if ((!at || old->profile[at - 1] == '\n') && !memcmp(old->profile + at, gone, n) && old->profile[at + n] == '\n')
			skip = at;
	out_bytes(o, old->profile, skip);
	if (skip < old->length)
		out_bytes(o, old->profile + skip + n + 1, old->length - skip - n - 1);
}

int do_NOTE(struct walk *w, const struct step *s)
{
	const struct live *live = s->op[1].p;
	const struct target t = {(int)s->op[2].n, (uint64_t)s->op[3].n};
	size_t mark = w->arena->used, head;
	int dir, failed;
	struct box old;
	struct out o;
	char file[80];

	if (!live->nlines && !live->gone)
		return 0;
	dir = registry_dir();
	failed = dir < 0 || registry_lock(dir, REGISTRY_TRIES) || added_read(dir, s->op[0].s, &t, &old, w->arena) ||
		 entry_begin(&o, w->arena, t.pid, t.start);
	if (!failed) {
		head = o.used;
		put_others(&o, &old, live->gone);
		for (int i = 0; i < live->nlines; i++)
			out_printf(&o, "%s\n", live->line[i]);
		entry_name(file, s->op[0].s, "added");
		failed = o.used > head ? entry_write(dir, file, &o) : k_unlink(dir, file, 0);
	}
	w->arena->used = mark;
	return step_close(w, dir, failed);
}

int registry_lock(int fd, int tries)
{
	while (k_flock(fd, LOCK_EX | LOCK_NB)) {
		if ((errno != EINTR && errno != EWOULDBLOCK) || --tries <= 0)
			return -1;
		k_poll(NULL, 0, LOCK_PAUSE_MS);
	}
	return 0;
}

int do_REGISTER(struct walk *w, const struct step *s)
{
	int dir = registry_dir(), result = 0;
	size_t mark = w->arena->used;
	struct group_member m;
	struct box old;
	uint64_t start = 0;
	char file[80];

	if (dir < 0)
		return step_failed(w, PACKED("the folder of running sandboxes"));
	/* One at a time looks at a name and takes it; the close gives way. */
	if (registry_lock(dir, REGISTRY_TRIES)) {
		step_failed(w, PACKED("the folder of running sandboxes"));
		k_close(dir);
		return -1;
	}
	entry_name(file, s->op[0].s, "box");
	if (!box_read(dir, file, &m, &old, w->arena)) {
		if (alive(&m))
			result = step_failed_code(w, EEXIST, PACKED("a sandbox of this name is running"));
	} else if (errno != ENOENT && errno != EINVAL) {
		result = step_failed(w, PACKED("the entry of this name"));
	}
	/* 0: it is done already, nobody will find it */
	if (!result && process_start(w->pid, &start) && !is_gone())
		result = step_error(w);
	if (!result && box_write(dir, file, w, start))
		result = step_error(w);
	w->registered = !result;
	w->arena->used = mark;
	k_close(dir);
	return result;
}

/*
 * Opens and locks the group's file. Its last member removes it: the lock counts
 * only on a file that still has a name.
 */
static int group_lock(int dir, const char *file)
{
	struct k_stat st;
	int fd;

	for (;;) {
		fd = k_open(dir, file, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -1;
		if (registry_lock(fd, REGISTRY_TRIES))
			goto fail;
		if (k_fstat(fd, 7, &st))
			goto fail;
		if (st.nlink)
			return fd;
		k_close(fd);
	}
fail:
	k_close(fd);
	return -1;
}

/* The living members; -1 with errno. */
static int group_read(int fd, struct group_member *m)
{
	char text[MEMBERS * 40], *p = text;
	long n = k_pread(fd, text, sizeof text - 1, 0);
	int count = 0;

	if (n < 0)
		return -1;
	text[n] = '\0';
	while (p && *p && count < MEMBERS) {
		struct group_member found;
		const char *digits = p;

		found.pid = (int)text_number(&digits, 10);
		found.start = text_number(&digits, 10);
		found.parts = (unsigned)text_number(&digits, 10);
		/* An earlier hutch noted who is there, and no more. */
		found.parts = found.parts ? found.parts : GROUP_IPC | GROUP_SHM;
		if (alive(&found))
			m[count++] = found;
		p = strchr(p, '\n');
		p += !!p;
	}
	return count;
}

/* In one piece over what was there: if that fails, the others are still noted. */
static int group_write(int fd, const struct group_member *m, unsigned n)
{
	char text[(MEMBERS + 1) * 40];
	struct out o;

	out_init(&o, text, sizeof text);
	for (unsigned i = 0; i < n; i++)
		out_printf(&o, "%d %llu %u\n", m[i].pid, (unsigned long long)m[i].start, m[i].parts);
	if (lseek(fd, 0, SEEK_SET) || k_write(fd, text, o.used) != (long)o.used)
		return -1;
	return ftruncate(fd, (off_t)o.used);
}

static int open_ns(int pid, const char *kind)
{
	char path[48];

	text_format(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
	return k_open(AT_FDCWD, path, O_RDONLY, 0);
}

static int open_ipc(int pid) { return open_ns(pid, "ipc"); }

struct visit {
	int ns, copy, fd, error;
};

static char visit_stack[16384] __attribute__((aligned(16)));

/* In the member's mount namespace: its /dev/shm or a copy of that, for our descriptor table. */
static int visit_shm(void *argument)
{
	struct visit *v = argument;
	struct statfs fs;
	int dev = k_setns(v->ns, CLONE_NEWNS_) ? -1 : k_open(AT_FDCWD, "/dev", O_PATH | O_NOFOLLOW, 0);
	int dir = dev < 0 ? -1 : k_open(dev, "shm", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);

	/* The member may have bent the way there: no link, and a file system in memory. */
	if (dir >= 0 && !k_fstatfs(dir, &fs)) {
		if ((uint32_t)fs.f_type != TMPFS_MAGIC_)
			errno = ENODEV;
		else if (v->copy)
			v->fd = k_open_tree(dir, "", AT_EMPTY_PATH | OPEN_TREE_CLONE_);
		else
			v->fd = k_fcntl(dir, F_DUPFD_CLOEXEC, 0);
	}
	v->error = dev >= 0 && errno == ENOENT ? ENODEV : errno;
	k_close(dir);
	k_close(dev);
	k_exit(0);
}

static int visit(int pid, int copy)
{
	struct visit v = {.ns = open_ns(pid, "mnt"), .copy = copy, .fd = -1};
	int child;

	if (v.ns < 0)
		return -1;
	child = k_clone(visit_shm, visit_stack + sizeof visit_stack,
			CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &v);
	if (child > 0)
		while (k_wait(child, NULL, 0) < 0 && errno == EINTR)
			;
	k_close(v.ns);
	if (child > 0)
		errno = v.error;
	return v.fd;
}

static int copy_shm(int pid) { return visit(pid, 1); }
static int open_shm(int pid) { return visit(pid, 0); }

/* See registry_borrow. */
static int borrow(const struct group_member *m, int n, unsigned part, int (*lend)(int pid), int *fd)
{
	int denied = 0;

	*fd = -1;
	for (int i = 0; i < n; i++) {
		if (!(m[i].parts & part))
			continue;
		*fd = lend(m[i].pid);
		/* Still the same process after the open, or the pid was used again. */
		if (*fd >= 0 && alive(&m[i]))
			return 0;
		if (*fd < 0 && !is_gone())
			denied = errno;
		k_drop(fd);
	}
	errno = denied;
	return -!!denied;
}

int registry_borrow(const struct group_member *m, int n, enum group_part part, int *fd)
{
	return borrow(m, n, part, part == GROUP_IPC ? open_ipc : open_shm, fd);
}

/* Without its lock, which who builds a sandbox has for long: half an entry is nobody alive. */
int registry_members(const char *group, struct group_member *to)
{
	int dir = registry_dir(), fd, n;
	char file[80];

	if (dir < 0)
		return -1;
	entry_name(file, group, "group");
	fd = k_open(dir, file, O_RDONLY | O_NOFOLLOW, 0);
	k_close(dir);
	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	n = group_read(fd, to);
	k_close(fd);
	return n;
}

int do_GROUP_JOIN(struct walk *w, const struct step *s)
{
	struct group_member m[MEMBERS];
	char file[80];
	int dir = registry_dir(), n;

	if (dir < 0)
		return step_failed(w, PACKED("the folder of groups"));
	entry_name(file, s->op[2].s, "group");
	w->group_fd = group_lock(dir, file);
	k_close(dir);
	if (w->group_fd < 0)
		return step_error(w);
	n = group_read(w->group_fd, m);
	if (n < 0)
		return step_error(w);
	if (s->op[3].n && borrow(m, n, GROUP_IPC, open_ipc, &w->fd[s->op[0].n]))
		return step_failed(w, PACKED("no living member lets us in"));
	if (s->op[4].n && borrow(m, n, GROUP_SHM, copy_shm, &w->fd[s->op[1].n]))
		return step_failed(w, PACKED("the group's /dev/shm"));
	return 0;
}

int do_GROUP_PUBLISH(struct walk *w, const struct step *s)
{
	struct group_member m[MEMBERS + 1];
	int n = group_read(w->group_fd, m);

	if (n < 0)
		return step_error(w);
	if (n >= MEMBERS)
		return step_failed_code(w, E2BIG, PACKED("the group has too many members"));
	m[n].pid = w->pid;
	m[n].parts = (unsigned)s->op[1].n;
	if (!process_start(w->pid, &m[n].start) ? group_write(w->group_fd, m, (unsigned)n + 1)
						: !is_gone())
		return step_error(w);
	w->published = 1;
	k_close(w->group_fd);
	w->group_fd = -1;
	return 0;
}

static const char *step_text(const struct plan *plan, enum step_kind kind, int operand)
{
	for (unsigned i = 0; i < plan->nsteps; i++)
		if (plan->step[i].kind == kind)
			return plan->step[i].op[operand].s;
	return NULL;
}

static void group_leave(int dir, const char *name, int pid)
{
	struct group_member m[MEMBERS];
	unsigned kept = 0;
	char file[80];
	int fd, n;

	entry_name(file, name, "group");
	fd = group_lock(dir, file);
	if (fd < 0)
		return;
	n = group_read(fd, m);
	for (int i = 0; i < n; i++)
		if (m[i].pid != pid)
			m[kept++] = m[i];
	if (n < 0)
		;	/* whoever joins next sees who lives */
	else if (!kept)
		k_unlink(dir, file, 0);
	else
		group_write(fd, m, kept);
	k_close(fd);
}

void registry_group_sweep(const char *group)
{
	int dir = registry_dir();

	if (dir < 0)
		return;
	group_leave(dir, group, -1);
	k_close(dir);
}

/* Is the entry still that of this process? */
static int box_is(int dir, const char *file, int pid, struct arena *a)
{
	size_t mark = a->used;
	struct group_member m;
	struct box box;
	int is = !box_read(dir, file, &m, &box, a) && (!pid || m.pid == pid);

	a->used = mark;
	return is;
}

void registry_leave(struct walk *w)
{
	const char *name = step_text(w->plan, STEP_REGISTER, 0);
	const char *group = step_text(w->plan, STEP_GROUP_JOIN, 2);
	int locked = w->group_fd >= 0, dir;
	char file[80];

	if (locked)
		k_close(w->group_fd);
	w->group_fd = -1;
	if (!w->registered && !w->published && !locked)
		return;
	dir = registry_dir();
	if (dir < 0)
		return;
	if (w->registered) {
		entry_name(file, name, "box");
		if (!registry_lock(dir, REGISTRY_TRIES) && box_is(dir, file, w->pid, w->arena))
			entry_forget(dir, name);
	}
	if (group && (w->published || locked))
		group_leave(dir, group, w->pid ? w->pid : -1);
	k_close(dir);
	w->registered = w->published = 0;
}
