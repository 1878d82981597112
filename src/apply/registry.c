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

enum { MEMBERS = 256, LOCK_TRIES = 1000, LOCK_PAUSE_MS = 20 };

struct member {
	int pid;
	uint64_t start;
};

static int is_gone(void)
{
	return errno == ENOENT || errno == ESRCH;
}

/* Who cannot be looked at counts as alive: he would lose his group. */
static int alive(const struct member *m)
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

/* pid=N, start=N, then the profile behind an empty line. */
static int box_read(int dir, const char *file, struct member *m, struct box *to, struct arena *a)
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
	*m = (struct member){(int)number_at(text + 4), number_at(start + 6)};
	to->pid = m->pid;
	to->start = m->start;
	to->profile = blank + 2;
	to->length = length - (size_t)(to->profile - text);
	return 0;
}

int registry_find(const char *name, struct box *to, struct arena *a, struct err *e)
{
	int dir = registry_dir();
	struct member m;
	char file[80];

	entry_name(file, name, "box");
	if (dir < 0)
		return err_set(e, errno, "the folder of running sandboxes");
	if (box_read(dir, file, &m, to, a)) {
		k_close(dir);
		return err_set(e, errno == ENOENT ? 0 : errno, "no sandbox named %.64s is running", name);
	}
	if (!alive(&m)) {
		k_unlink(dir, file, 0);
		k_close(dir);
		return err_set(e, 0, "no sandbox named %.64s is running (its process is gone)", name);
	}
	k_close(dir);
	return 0;
}

void registry_each(void (*tell)(void *ctx, const char *name, int pid), void *ctx, struct arena *a)
{
	char buf[2048] __attribute__((aligned(8)));
	int dir = registry_dir();
	struct member m;
	struct box box;
	long n;

	while (dir >= 0 && (n = k_getdents(dir, buf, sizeof buf)) > 0)
		for (long at = 0; at < n; at += ((struct k_dirent *)(buf + at))->length) {
			char *name = ((struct k_dirent *)(buf + at))->name;
			size_t length = strlen(name), mark = a->used;
			int found = length > 4 && !strcmp(name + length - 4, ".box") &&
				    !box_read(dir, name, &m, &box, a) && alive(&m);

			a->used = mark;
			name[length > 4 ? length - 4 : 0] = '\0';
			if (found && name_ok(name))
				tell(ctx, name, box.pid);
		}
	k_close(dir);
}

/* Under a name of its own first, so that nobody reads half an entry. */
static int box_write(int dir, const char *file, struct walk *w, uint64_t start)
{
	char draft[40], *memory;
	const size_t size = 1 << 16;
	struct out o;
	int fd, failed;

	memory = arena_alloc(w->arena, size);
	if (!memory) {
		errno = ENOMEM;
		return -1;
	}
	out_init(&o, memory, size);
	out_printf(&o, "pid=%d\nstart=%llu\n\n", w->pid, (unsigned long long)start);
	profile_print(w->plan->profile, &o);
	text_format(draft, sizeof draft, ".%d", k_getpid());
	fd = k_open(dir, draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	failed = file_write(fd, o.text, o.used) || o.lost;
	k_close(fd);
	if (failed || k_rename(dir, draft, file)) {
		k_unlink(dir, draft, 0);
		return -1;
	}
	return 0;
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
	struct member m;
	struct box old;
	uint64_t start = 0;
	char file[80];

	if (dir < 0)
		return step_failed(w, PACKED("the folder of running sandboxes"));
	/* One at a time looks at a name and takes it; the close gives way. */
	if (registry_lock(dir, LOCK_TRIES)) {
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
		if (registry_lock(fd, LOCK_TRIES))
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
static int group_read(int fd, struct member *m)
{
	char text[MEMBERS * 40], *p = text;
	long n = k_pread(fd, text, sizeof text - 1, 0);
	int count = 0;

	if (n < 0)
		return -1;
	text[n] = '\0';
	while (p && *p && count < MEMBERS) {
		struct member found;
		const char *digits = p;

		found.pid = (int)text_number(&digits, 10);
		found.start = text_number(&digits, 10);
		if (alive(&found))
			m[count++] = found;
		p = strchr(p, '\n');
		p += !!p;
	}
	return count;
}

/* In one piece over what was there: if that fails, the others are still noted. */
static int group_write(int fd, const struct member *m, unsigned n)
{
	char text[(MEMBERS + 1) * 40];
	struct out o;

	out_init(&o, text, sizeof text);
	for (unsigned i = 0; i < n; i++)
		out_printf(&o, "%d %llu\n", m[i].pid, (unsigned long long)m[i].start);
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

struct visit {
	int ns, fd, error;
};

static char visit_stack[16384] __attribute__((aligned(16)));

/* In the member's mount namespace: a copy of its /dev/shm, for our descriptor table. */
static int visit_shm(void *argument)
{
	struct visit *v = argument;

	const struct open_how_ how = {
		.flags = O_PATH | O_DIRECTORY,
		.resolve = RESOLVE_NO_SYMLINKS_ | RESOLVE_NO_MAGICLINKS_,
	};
	struct statfs fs;
	int dir = k_setns(v->ns, CLONE_NEWNS_) ? -1 : k_openat2(AT_FDCWD, "/dev/shm", &how);

	/* The member may have bent the way there: no link, and a file system in memory. */
	if (dir >= 0 && !k_fstatfs(dir, &fs)) {
		if ((uint32_t)fs.f_type == TMPFS_MAGIC_)
			v->fd = k_open_tree(dir, "", AT_EMPTY_PATH | OPEN_TREE_CLONE_);
		else
			errno = ENODEV;
	}
	v->error = errno;
	k_close(dir);
	k_exit(0);
}

static int member_shm(int pid)
{
	struct visit v = {.ns = open_ns(pid, "mnt"), .fd = -1};
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

int do_GROUP_JOIN(struct walk *w, const struct step *s)
{
	struct member m[MEMBERS];
	char file[80];
	int dir = registry_dir(), ipc = -1, shm = -1, n, i;

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
	for (i = 0; i < n; i++) {
		ipc = open_ns(m[i].pid, "ipc");
		/* Still the same process after the open, or the pid was used again. */
		if (ipc >= 0 && alive(&m[i]))
			break;
		k_close(ipc);
		ipc = -1;
	}
	if (n && ipc < 0 && !is_gone())
		return step_failed(w, PACKED("no living member lets us in"));
	if (ipc >= 0 && s->op[3].n) {
		shm = member_shm(m[i].pid);
		if (shm < 0)
			return step_failed(w, PACKED("the group's /dev/shm"));
		w->fd[s->op[1].n] = shm;
	}
	w->fd[s->op[0].n] = ipc;
	return 0;
}

int do_GROUP_PUBLISH(struct walk *w, const struct step *s)
{
	struct member m[MEMBERS + 1];
	int n = group_read(w->group_fd, m);

	(void)s;
	if (n < 0)
		return step_error(w);
	if (n >= MEMBERS)
		return step_failed_code(w, E2BIG, PACKED("the group has too many members"));
	m[n].pid = w->pid;
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
	struct member m[MEMBERS];
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
	struct member m;
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
		if (!registry_lock(dir, LOCK_TRIES) && box_is(dir, file, w->pid, w->arena))
			k_unlink(dir, file, 0);
	}
	if (group && (w->published || locked))
		group_leave(dir, group, w->pid ? w->pid : -1);
	k_close(dir);
	w->registered = w->published = 0;
}
