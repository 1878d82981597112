/* Named sandboxes, and what all entries have in common; see registry.h. */
#include "apply/file.h"
#include "apply/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "apply/proc.h"
#include "apply/process.h"
#include "base/parse.h"
#include "base/text.h"
#include "kernel/k.h"

enum { LOCK_PAUSE_MS = 20 };

int registry_gone(void)
{
	return errno == ENOENT || errno == ESRCH;
}

int registry_alive(const struct group_member *m)
{
	uint64_t start;

	if (m->pid <= 0)
		return 0;
	return process_start(m->pid, &start) ? !registry_gone() : start == m->start;
}

int registry_folder(int at, const char *name, unsigned mode)
{
	struct k_stat st;
	int dir, error;

	if (mode && k_mkdir(at, name, mode) && errno != EEXIST)
		return -1;
	dir = k_open(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
	if (dir >= 0 && (error = k_fstat(dir, 0xf, &st) ? errno :
			 st.uid != geteuid() || st.mode & 022 ? EPERM : 0)) {
		k_close(dir);
		errno = error;
		return -1;
	}
	return dir;
}

int registry_dir(void)
{
	const char *base = geteuid() ? env_value((const char *const *)environ, "XDG_RUNTIME_DIR") : "/run";
	int run, dir;

	if (!base || *base != '/') {
		errno = ENOENT;
		return -1;
	}
	run = k_open(AT_FDCWD, base, O_PATH | O_DIRECTORY, 0);
	if (run < 0)
		return -1;
	dir = registry_folder(run, "hutch", 0755);
	k_close(run);
	return dir;
}

const char *registry_place(void)
{
	return geteuid() ? "$XDG_RUNTIME_DIR/hutch" : "/run/hutch";
}

void registry_entry(char to[80], const char *name, const char *kind)
{
	text_format(to, 80, "%.64s.%s", name, kind);
}

/* Of a sandbox that is no more, and what was added to it. */
static void entry_forget(int dir, const char *name)
{
	char file[80];

	registry_entry(file, name, "box");
	k_unlink(dir, file, 0);
	registry_entry(file, name, "added");
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

	registry_entry(file, name, "box");
	if (dir < 0)
		return err_set(e, errno, "%s", registry_place());
	if (box_read(dir, file, &m, to, a)) {
		k_close(dir);
		return err_set(e, errno == ENOENT ? 0 : errno, "no sandbox named %.64s is running", name);
	}
	if (!registry_alive(&m)) {
		entry_forget(dir, name);
		k_close(dir);
		return err_set(e, 0, "no sandbox named %.64s is running (its process is gone)", name);
	}
	k_close(dir);
	return 0;
}

void registry_entries(int dir, const char *end, void (*tell)(void *ctx, const char *name, int dir), void *ctx)
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

	registry_entry(file, name, "box");
	found = !box_read(dir, file, &m, &box, e->a) && registry_alive(&m);
	e->a->used = mark;
	if (found)
		e->tell(e->ctx, name, box.pid);
}

void registry_each(void (*tell)(void *ctx, const char *name, int pid), void *ctx, struct arena *a)
{
	struct each e = {tell, ctx, a};

	registry_entries(registry_dir(), ".box", tell_box, &e);
}

void registry_groups(void (*tell)(void *ctx, const char *name, int), void *ctx)
{
	registry_entries(registry_dir(), ".group", tell, ctx);
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

	registry_entry(file, name, "added");
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
		registry_entry(file, s->op[0].s, "added");
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
		return step_failed(w, registry_place());
	/* One at a time looks at a name and takes it; the close gives way. */
	if (registry_lock(dir, REGISTRY_TRIES)) {
		step_failed(w, registry_place());
		k_close(dir);
		return -1;
	}
	registry_entry(file, s->op[0].s, "box");
	if (!box_read(dir, file, &m, &old, w->arena)) {
		if (registry_alive(&m))
			result = step_failed_code(w, EEXIST, PACKED("a sandbox of this name is running"));
	} else if (errno != ENOENT && errno != EINVAL) {
		result = step_failed(w, PACKED("the entry of this name"));
	}
	/* 0: it is done already, nobody will find it */
	if (!result && process_start(w->pid, &start) && !registry_gone())
		result = step_error(w);
	if (!result && box_write(dir, file, w, start))
		result = step_error(w);
	w->registered = !result;
	w->arena->used = mark;
	k_close(dir);
	return result;
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
	char file[80];
	int dir;

	if ((dir = registry_dir()) < 0)
		return;
	registry_entry(file, step_text(w->plan, STEP_REGISTER, 0), "box");
	if (!registry_lock(dir, REGISTRY_TRIES) && box_is(dir, file, w->pid, w->arena))
		entry_forget(dir, step_text(w->plan, STEP_REGISTER, 0));
	k_close(dir);
	w->registered = 0;
}
