/* A running sandbox compared with its plan, see inspect.h. */
#include "apply/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "apply/proc.h"
#include "apply/process.h"
#include "base/text.h"
#include "base/uapi.h"
#include "kernel/k.h"
#include "plan/compare.h"

struct inspection {
	const struct plan *plan;
	const struct profile *p;
	struct arena *a;
	int first, payload;	/* descriptors of /proc/PID of the two processes */
	inspect_fn *tell;
	void *ctx;
	int told;
	struct err *e;
};

static void differ(struct inspection *i, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	text_vformat(text, sizeof text, format, args);
	va_end(args);
	i->told++;
	i->tell(i->ctx, text);
}
#define differ(i, format, ...) differ(i, PACKED(format, ##__VA_ARGS__), ##__VA_ARGS__)

static int proc_dir(int pid)
{
	char path[32];

	text_format(path, sizeof path, "/proc/%d", pid);
	return k_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
}

static char *read_file(struct inspection *i, int dir, const char *name)
{
	size_t length;
	char *text = proc_read(dir, name, i->a, &length);

	if (!text)
		err_set(i->e, errno, "%s of the sandbox", name);
	return text;
}

/* The payload is the init's first child; init itself is what was registered. */
static int find_payload(struct inspection *i, int pid)
{
	int child;

	if (!i->plan->init)
		return proc_dir(pid);
	child = process_child(i->first, pid, i->a);
	if (child <= 0)
		return err_set(i->e, child ? errno : 0, "cannot find the payload below its init");
	return proc_dir(child);
}

static int tell_mount(void *ctx, const struct expect *e, const char *text)
{
	struct inspection *i = ctx;
	char where[128] = "";
	struct out o;

	out_init(&o, where, sizeof where);
	if (e && e->at.file != FILE_NONE) {
		profile_where(i->p, e->at, &o);
		out_put(&o, ": ");
	}
	differ(i, "%s%s", where, text);
	return 0;
}

static int read_table(struct inspection *i, int dir, struct mounts *to)
{
	size_t length;
	char *text = proc_read(dir, "mountinfo", i->a, &length);

	if (!text)
		return err_set(i->e, errno, "the mount table");
	return mounts_parse(to, text, length, i->a, i->e);
}

/* The peer groups that the sources have on the host now. */
static struct note *read_notes(struct inspection *i, const struct mounts *host)
{
	struct note *notes = ARENA_ARRAY(i->a, struct note, i->plan->slots + 1);

	for (unsigned k = 0; notes && k < i->plan->nsteps; k++) {
		const struct step *s = &i->plan->step[k];
		const struct mount *m;
		struct k_stat st;

		if ((s->kind != STEP_TREE_CLONE && s->kind != STEP_TREE_BIND) || s->op[5].n ||
		    k_stat(AT_FDCWD, s->op[1].s, 0, STATX_MNT_ID_, &st) ||
		    !(st.mask & STATX_MNT_ID_))
			continue;
		m = mounts_by_id(host, (int)st.mnt_id);
		if (m)
			notes[s->op[0].n] = (struct note){1, m->shared, m->master};
	}
	return notes;
}

static int inspect_mounts(struct inspection *i)
{
	int self = k_open(AT_FDCWD, "/proc/self", O_PATH | O_DIRECTORY, 0), failed;
	struct mounts now, host;
	struct note *notes;

	if (!(i->plan->namespaces & CLONE_NEWNS_))
		return 0;
	failed = self < 0 || read_table(i, i->payload, &now) || read_table(i, self, &host);
	k_close(self);
	if (failed)
		return -1;
	notes = read_notes(i, &host);
	if (!notes)
		return err_set(i->e, ENOMEM, "peer groups");
	/* What lies below a recursive bind may have changed since: no table of before. */
	compare_mounts(i->plan, &now, notes, NULL, tell_mount, i);
	return 0;
}

static int same_ns(int dir, const char *kind, const char *path, int *same)
{
	struct k_stat a, b;
	char name[24];

	text_format(name, sizeof name, "ns/%s", kind);
	if (k_stat(dir, name, 0, 0x1ff, &a) || k_stat(AT_FDCWD, path, 0, 0x1ff, &b))
		return -1;
	*same = a.ino == b.ino && a.dev_minor == b.dev_minor;
	return 0;
}

static int inspect_namespaces(struct inspection *i)
{
	for (enum ns_kind k = 0; k < NS_COUNT; k++) {
		const struct ns_wish *wish = &i->p->ns[k];
		int new = wish->how == NS_NEW || wish->how == NS_NONE || wish->how == NS_GROUP ||
			  (i->plan->namespaces & ns_flags[k]) != 0, same;
		char own[32];

		text_format(own, sizeof own, "/proc/self/ns/%s", ns_file(k));
		if (same_ns(i->payload, ns_file(k), wish->how == NS_PATH ? wish->name : own, &same)) {
			if (errno == ENOENT && !new)
				continue;	/* this kernel has none */
			return err_set(i->e, errno, "the %s namespace", ns_names[k]);
		}
		if (wish->how == NS_PATH && !same)
			differ(i, "the %s namespace is not that of %s", ns_names[k], wish->name);
		else if (wish->how != NS_PATH && new && same)
			differ(i, "the %s namespace is the caller's, not its own", ns_names[k]);
		else if (wish->how != NS_PATH && !new && !same)
			differ(i, "the %s namespace is its own, not the caller's", ns_names[k]);
	}
	return 0;
}

static uint64_t caps_field(const char *status, const char *name)
{
	const char *text = status_field(status, name);

	return text ? text_number(&text, 16) : 0;
}

/* The last step of a kind, or NULL. */
static const struct step *find_step(const struct plan *plan, enum step_kind kind)
{
	for (unsigned k = plan->nsteps; k-- > 0;)
		if (plan->step[k].kind == kind)
			return &plan->step[k];
	return NULL;
}

/* Executing a program may take capabilities away, never add one that was not given. */
static void inspect_caps(struct inspection *i, const char *status)
{
	const struct step *set = find_step(i->plan, STEP_CAPS_SET);
	const struct step *bound = find_step(i->plan, STEP_CAPS_BOUND);
	const struct step *ambient = find_step(i->plan, STEP_CAPS_AMBIENT);
	const struct {
		const char *field, *name;
		uint64_t allowed;
	} sets[] = {
		{"CapBnd", "bounding", (uint64_t)bound->op[0].n},
		{"CapPrm", "permitted", (uint64_t)set->op[0].n | (uint64_t)bound->op[0].n},
		{"CapEff", "effective", (uint64_t)set->op[1].n | (uint64_t)bound->op[0].n},
		{"CapInh", "inheritable", (uint64_t)set->op[2].n},
		{"CapAmb", "ambient", (uint64_t)ambient->op[0].n},
	};

	for (size_t k = 0; k < sizeof sets / sizeof *sets; k++) {
		uint64_t more = caps_field(status, sets[k].field) & ~sets[k].allowed;

		for (int cap = 0; cap < CAP_NAMES; cap++)
			if (more >> cap & 1)
				differ(i, "capability %s is in the %s set", cap_names[cap], sets[k].name);
	}
}

static int is_number(const char *text)
{
	return text && *text >= '0' && *text <= '9';
}

/* Ids as the sandbox sees them, where the profile says them as numbers. */
static void inspect_ids(struct inspection *i, const char *status)
{
	const struct {
		const char *field, *wish;
	} ids[] = {{"Uid", i->p->user}, {"Gid", i->p->group}};

	if (i->plan->namespaces & CLONE_NEWUSER_)
		return;	/* /proc tells them as this namespace maps them: not comparable */
	for (size_t k = 0; k < 2; k++) {
		const char *text = status_field(status, ids[k].field);

		/* Real, effective, saved, file system: all the same. */
		for (int n = 0; text && is_number(ids[k].wish) && n < 4; n++) {
			uint64_t id = text_number(&text, 10);

			if (id != number_at(ids[k].wish))
				differ(i, "%s is %u, not %s", ids[k].field, (unsigned)id, ids[k].wish);
		}
	}
}

static int inspect_status(struct inspection *i)
{
	char *status = read_file(i, i->payload, "status");
	const char *nnp;

	if (!status)
		return -1;
	nnp = status_field(status, "NoNewPrivs");
	if (i->p->no_new_privs == YES && (!nnp || *nnp != '1'))
		differ(i, "no-new-privs is not set");
	inspect_caps(i, status);
	inspect_ids(i, status);
	return 0;
}

/* /proc/PID/limits: a name of words, then soft and hard limit. */
static const char limit_lines[RLIMITS][24] = {
	[RLIMIT_AS] = "Max address space", [RLIMIT_CORE] = "Max core file size",
	[RLIMIT_CPU] = "Max cpu time", [RLIMIT_DATA] = "Max data size",
	[RLIMIT_FSIZE] = "Max file size", [RLIMIT_LOCKS] = "Max file locks",
	[RLIMIT_MEMLOCK] = "Max locked memory", [RLIMIT_MSGQUEUE] = "Max msgqueue size",
	[RLIMIT_NICE] = "Max nice priority", [RLIMIT_NOFILE] = "Max open files",
	[RLIMIT_NPROC] = "Max processes", [RLIMIT_RSS] = "Max resident set",
	[RLIMIT_RTPRIO] = "Max realtime priority", [15] = "Max realtime timeout",
	[RLIMIT_SIGPENDING] = "Max pending signals", [RLIMIT_STACK] = "Max stack size",
};

static uint64_t limit_value(const char **text)
{
	*text += strspn(*text, " ");
	if (!strncmp(*text, "unlimited", 9)) {
		*text += 9;
		return UINT64_MAX;
	}
	return text_number(text, 10);
}

static int inspect_limits(struct inspection *i)
{
	char *limits = i->p->rlimits.n ? read_file(i, i->payload, "limits") : "";

	if (!limits)
		return -1;
	for (const struct item *r = i->p->rlimits.first; r; r = r->next) {
		const char *line = text_find(limits, limit_lines[r->c]);

		if (!line)
			continue;
		line += strlen(limit_lines[r->c]);
		if (limit_value(&line) != r->a || limit_value(&line) != r->b)
			differ(i, "rlimit.%s is not %s", rlimit_names[r->c], r->text);
	}
	return 0;
}

/* A file or directory that the sandbox's own mounts do not have. */
static void inspect_fd(struct inspection *i, int dir, const char *name,
		       const struct mounts *inside)
{
	struct k_stat st;
	char link[128];
	long n = k_readlink(dir, name, link, sizeof link - 1);

	if (n < 0 || k_stat(dir, name, 0, STATX_MNT_ID_ | 3, &st) || !(st.mask & STATX_MNT_ID_))
		return;
	link[n] = '\0';
	/* Standard streams, pipes and the like come from the caller and lead nowhere. */
	if (!S_ISDIR(st.mode) && ((int)number_at(name) < 3 || *link != '/'))
		return;
	for (const struct item *f = i->p->fds.first; f; f = f->next)
		if ((int)f->a == (int)number_at(name) && !S_ISDIR(st.mode))
			return;
	if (!mounts_by_id(inside, (int)st.mnt_id))
		differ(i, "descriptor %s is %s on a mount of the host", name, link);
}

static int inspect_fds(struct inspection *i)
{
	char buf[4096] __attribute__((aligned(8)));
	int dir = k_open(i->payload, "fd", O_RDONLY | O_DIRECTORY, 0);
	struct mounts inside;
	long n;

	if (dir < 0)
		return err_set(i->e, errno, "the descriptors");
	if (read_table(i, i->payload, &inside)) {
		k_close(dir);
		return -1;
	}
	while ((n = k_getdents(dir, buf, sizeof buf)) > 0)
		for (long at = 0; at < n; at += ((struct k_dirent *)(buf + at))->length)
			if (is_number(((struct k_dirent *)(buf + at))->name))
				inspect_fd(i, dir, ((struct k_dirent *)(buf + at))->name, &inside);
	k_close(dir);
	return 0;
}

int inspect_sandbox(const struct plan *plan, int pid, struct arena *a, inspect_fn *tell,
		    void *ctx, struct err *e)
{
	struct inspection i = {
		.plan = plan, .p = plan->profile, .a = a, .first = proc_dir(pid), .payload = -1,
		.tell = tell, .ctx = ctx, .e = e,
	};
	int failed;

	if (i.first < 0)
		return err_set(e, errno, "process %d", pid);
	i.payload = find_payload(&i, pid);
	failed = i.payload < 0 || inspect_mounts(&i) || inspect_namespaces(&i) ||
		 inspect_status(&i) || inspect_limits(&i) ||
		 ((plan->namespaces & CLONE_NEWNS_) && inspect_fds(&i));
	k_close(i.payload);
	k_close(i.first);
	return failed ? -1 : i.told;
}
