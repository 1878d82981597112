/*
 * A launch from a template against a launch by the whole plan, on the running kernel: for many kinds of profile what is
 * mounted inside is the same in all that mountinfo tells; and whatever changes on the host after a template was built
 * makes it stale.
 *
 *	parts [SINCE]		as if the kernel had no call that came with a version behind this one: 4.19, 5.12
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/inspect.h"
#include "apply/walk.h"
#include "apply/template.h"
#include "kernel/k.h"
#include "kernel/probe.h"
#include "plan/plan.h"

static char memory[8 << 20] __attribute__((aligned(16)));
static struct arena arena = {memory, sizeof memory, 0};
static struct facts facts;
static struct identity identity[256];
static int number, failed_claims;
static const char *since;

static void fail(const char *what)
{
	printf("not ok - template: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void result(int good, const char *kind, const char *name, const char *why)
{
	printf("%sok %d - template%s%s: %s: %s\n", good ? "" : "not ", ++number, since ? ", Linux " : "", since ? since : "", kind, name);
	for (const char *line = why; !good && line && *line; line += strcspn(line, "\n"), line += *line == '\n')
		printf("# %.*s\n", (int)strcspn(line, "\n"), line);
	failed_claims |= !good;
	fflush(stdout);
}

/* ---- the payload: what is mounted, without what the kernel numbers ---- */

enum { MOST = 400 };
struct seen {
	int id, parent, dev;
	char *text, *parent_point, *point;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Of anonymous file systems the number says nothing; peer groups of the host are the same for both. */
static int witness(void)
{
	static const char *const takes[] = {"/proc/keys", "/proc/sys", "/dev/shm", "/tmp", "/data", "/etc/conf"};
	static const char *const looks[] = {"/made", "/mnt/made", "/data/made"};
	static char line[8192], *out[MOST];
	static struct seen seen[MOST];
	FILE *f = fopen("/proc/self/mountinfo", "r");
	unsigned n = 0;

	while (f && n < MOST && fgets(line, sizeof line, f)) {
		char root[4096], point[4096], opts[512], *rest;
		int id, parent, major, minor, at;

		if (sscanf(line, "%d %d %d:%d %4095s %4095s %511s%n", &id, &parent, &major, &minor, root, point, opts, &at) != 7)
			return 3;
		rest = line + at;
		rest[strcspn(rest, "\n")] = '\0';
		/* A group that both made themselves has another number. */
		for (char *s = rest; (s = strstr(s, "shared:")); *s = '#') {
			s += strlen("shared:");
			memmove(s + 1, s + strspn(s, "0123456789"), strlen(s + strspn(s, "0123456789")) + 1);
		}
		seen[n].id = id;
		seen[n].parent = parent;
		if (asprintf(&seen[n].text, "%d:%d %s %s %s%s", major ? major : 0, major ? minor : 0, root, point, opts, rest) < 0)
			return 4;
		seen[n].point = strdup(point);
		n++;
	}
	if (!f || !n)
		return 5;
	for (unsigned i = 0; i < n; i++) {
		const char *on = "-";

		for (unsigned k = 0; k < n; k++)
			if (seen[k].id == seen[i].parent)
				on = seen[k].point;
		if (asprintf(&out[i], "%s on %s", seen[i].text, on) < 0)
			return 4;
	}
	qsort(out, n, sizeof *out, by_text);
	for (unsigned i = 0; i < n; i++)
		puts(out[i]);
	for (unsigned i = 0; i < sizeof looks / sizeof *looks; i++)
		if (!access(looks[i], F_OK))
			printf("there is %s\n", looks[i]);
	/* What may be taken away is told too, and is the same without. */
	for (unsigned i = 0; i < sizeof takes / sizeof *takes; i++)
		if (!umount2(takes[i], MNT_DETACH))
			printf("umount %s\n", takes[i]);
	/* Whoever wants to look at us from outside lets us go then. */
	puts("end");
	fflush(stdout);
	return read(0, line, 1) < 0;
}

/* ---- an older kernel ---- */

static void forget_calls(int all)
{
	/* statmount, listmount; openat2, open_tree and their kin, mount_setattr, close_range. */
	static const unsigned calls[] = {457, 458, 428, 429, 430, 431, 432, 433, 436, 437, 442};
	unsigned n = all ? sizeof calls / sizeof *calls : 2;
	struct { unsigned short code; unsigned char jt, jf; unsigned k; } code[20];
	struct { unsigned short n; void *code; } program = {(unsigned short)(n + 3), code};

	code[0].code = 0x20, code[0].k = 0;
	for (unsigned i = 0; i < n; i++) {
		code[1 + i].code = 0x15;
		code[1 + i].jt = (unsigned char)(n - i);
		code[1 + i].jf = 0;
		code[1 + i].k = calls[i];
	}
	code[n + 1].code = 0x06, code[n + 1].k = 0x7fff0000;
	code[n + 2].code = 0x06, code[n + 2].k = 0x00050000 | ENOSYS;
	if (prctl(PR_SET_SECCOMP, 2, &program))
		fail("seccomp");
}

/* ---- the host ---- */

#define H "/run/h"

static void make(const char *path, int is_file)
{
	int fd = -1;

	if (is_file ? (fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) < 0 : mkdir(path, 0755) && errno != EEXIST)
		fail(path);
	close(fd);
}

static void copy(const char *from, const char *to)
{
	char buf[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	ssize_t n;

	while ((n = read(in, buf, sizeof buf)) > 0)
		if (write(out, buf, (size_t)n) != n)
			fail(to);
	if (n || in < 0 || out < 0)
		fail(to);
	close(in);
	close(out);
}

static void do_mount(const char *source, const char *at, const char *type, unsigned long flags)
{
	if (mount(source, at, type, flags, NULL))
		fail(at);
}

/* An archive with the witness in it, in the newc format of cpio. */
static void archive_put(FILE *to, const char *name, unsigned mode, const char *text, unsigned n)
{
	fprintf(to, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s%c", 1, mode, 0, 0, 1, 0, n, 0, 0, 0, 0,
		(unsigned)strlen(name) + 1, 0, name, 0);
	while (ftell(to) % 4)
		putc(0, to);
	fwrite(text, 1, n, to);
	while (ftell(to) % 4)
		putc(0, to);
}

static void archive_make(void)
{
	static char text[4 << 20];
	int fd = open(H "/root/bin/witness", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof text);
	FILE *to = fopen(H "/archive", "w");

	close(fd);
	if (n <= 0 || !to)
		fail("an archive");
	archive_put(to, "bin", S_IFDIR | 0755, "", 0);
	archive_put(to, "data", S_IFDIR | 0755, "", 0);
	archive_put(to, "bin/witness", S_IFREG | 0755, text, (unsigned)n);
	archive_put(to, "TRAILER!!!", 0, "", 0);
	fclose(to);
}

static void host_begin(void)
{
	static const char *const dirs[] = {
		H, H "/root", H "/root/bin", H "/root/proc", H "/root/dev", H "/root/tmp", H "/root/data", H "/root/etc", H "/root/run",
		H "/root/var", H "/root/sys", H "/root/mnt", H "/root/mnt/low", H "/plain", H "/plain/sub", H "/shared", H "/shared/below",
		H "/tree", H "/tree/a", H "/tree/b", H "/slave", H "/other", H "/plain/sub/low",
	};

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		fail("a host");
	do_mount("run", "/run", "tmpfs", 0);
	for (unsigned i = 0; i < sizeof dirs / sizeof *dirs; i++)
		make(dirs[i], 0);
	make(H "/root/etc/conf", 1);
	make(H "/root/etc/secret", 1);
	make(H "/file", 1);
	if (symlink("/run", H "/root/var/run") || symlink("data", H "/root/link"))
		fail("links");
	copy("/proc/self/exe", H "/root/bin/witness");
	archive_make();
	do_mount("shared", H "/shared", "tmpfs", 0);
	make(H "/shared/below", 0);
	do_mount(NULL, H "/shared", NULL, MS_SHARED);
	do_mount("below", H "/shared/below", "tmpfs", 0);
	do_mount("tree", H "/tree", "tmpfs", 0);
	make(H "/tree/a", 0);
	make(H "/tree/b", 0);
	do_mount("a", H "/tree/a", "tmpfs", MS_NOEXEC);
	do_mount(H "/shared", H "/slave", NULL, MS_BIND);
	do_mount(NULL, H "/slave", NULL, MS_SLAVE);
}

/* ---- one sandbox ---- */

static struct profile profile;
static struct diags diags;
static struct plan plan;
static char said[65536];

static int no_file(void *ctx, const char *path, const char *from, struct profile_text *to, struct err *e)
{
	(void)from;
	if (strcmp(path, "profile") != 0)
		return err_set(e, ENOENT, "no such file");
	*to = (struct profile_text){"profile", ctx, strlen(ctx)};
	return 0;
}

/* 0, or -1 when that part is not to be had. */
static int make_plan(const char *text, enum plan_part part)
{
	static char room[4096];
	struct plan_request request = {.launch = 1, .part = part};
	struct profile_reader r;
	struct err e;
	struct out o;

	snprintf(room, sizeof room, "%s\nexec=/bin/witness witness\n", text);
	for (char *c = room; *c; c++)
		if (*c == '|')
			*c = '\n';
	profile_init(&profile, &arena);
	diags_init(&diags, &arena);
	profile_reader_init(&r, &profile, &diags, no_file, room);
	profile_file(&r, "profile");
	profile_finish(&r);
	if (!diags.count)
		plan_build(&plan, &profile, &facts, &request, &diags);
	out_init(&o, said, sizeof said);
	if (diags.count) {
		profile_print_diags(&profile, &diags, &o);
		return -1;
	}
	if (plan_check(&plan, &e)) {
		out_printf(&o, "defect: %s\n", e.text);
		return -1;
	}
	if (plan.part == part)
		return 0;
	out_printf(&o, "no template: %s\n", template_reason(plan.no_template));
	return -1;
}

static struct plan whole;	/* what a launch is compared with from outside, if it has steps */

static void differs(void *ctx, const char *text)
{
	(void)ctx;
	if (strlen(said) + strlen(text) + 20 < sizeof said)
		sprintf(said + strlen(said), "verify: %s\n", text);
}

/* Walks the plan; what its payload said goes to said. -1: an error, then that. */
static int launch(int template, struct err *e)
{
	struct walk w;
	struct record r;
	int end[2], hold[2], passed, in = dup(0), out = dup(1), status = 0, bad;
	size_t n = 0;
	ssize_t got;

	fflush(stdout);
	if (pipe2(end, O_CLOEXEC) || pipe2(hold, O_CLOEXEC) || in < 0 || out < 0 || dup2(end[1], 1) < 0 || dup2(hold[0], 0) < 0)
		fail("a pipe");
	close(end[1]);
	close(hold[0]);
	if (walk_init(&w, &plan, &arena))
		fail("walk");
	w.template = template;
	w.identity = identity;
	bad = walk_host(&w);
	dup2(in, 0);
	dup2(out, 1);
	close(in);
	close(out);
	*e = w.err;
	while (!bad && (w.told ? walk_hear(&w, &r, &passed) : channel_receive(w.channel, &r, &passed, 1)) == 1 && r.kind != REC_STARTED)
		if (r.kind == REC_FAILED) {
			err_set(e, r.code, "%s", r.text);
			e->step = r.step;
			bad = -1;
		}
	/* An init inside keeps its end of the pipe open. */
	while (!bad && (n < 4 || memcmp(said + n - 4, "end\n", 4)) && (got = read(end[0], said + n, sizeof said - 1 - n)) > 0)
		n += (size_t)got;
	said[n] = '\0';
	close(end[0]);
	if (!bad && whole.nsteps)
		inspect_sandbox(&whole, w.pid, &arena, differs, NULL, e);
	close(hold[1]);
	if (w.pid > 0)
		waitpid(w.pid, &status, 0);
	w.pid = 0;
	walk_undo(&w);
	if (!bad && status)
		bad = err_set(e, 0, "the payload ended with %d", status);
	if (bad) {
		struct out o;

		out_init(&o, said, sizeof said);
		plan_print_error(&plan, e, &o);
	}
	return bad;
}

static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 200; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A template of this profile; -1: none. */
static int build(const char *text)
{
	struct err e = {.step = -1};
	struct out o;
	int fd;

	if (make_plan(text, PART_ROOT))
		return -1;
	if (!template_build(&plan, &arena, identity, &fd, &e))
		return fd;
	out_init(&o, said, sizeof said);
	plan_print_error(&plan, &e, &o);
	errno = e.code;
	return -1;
}

#include "cases.h"

static void is_same(const struct same *c)
{
	static char want[sizeof said];
	size_t mark = arena.used;
	int fds = open_fds(), fd;
	struct err e;

	/* Words that this kernel cannot do. */
	if (make_plan(c->profile, PART_WHOLE) && strstr(said, "or newer"))
		return;
	whole = plan;
	if (diags.count || launch(-1, &e)) {
		result(0, "the same", c->name, said);
		whole.nsteps = 0;
		return;
	}
	strcpy(want, said);
	fd = build(c->profile);
	if (fd < 0 && plan.no_template && !plan.new_mounts) {
		result(strstr(said, "5.12") != NULL, "none", c->name, said);
		whole.nsteps = 0;
		return;
	}
	for (int n = 0; fd >= 0 && n < 3; n++) {
		if (make_plan(c->profile, PART_LAUNCH) || launch(fd, &e)) {
			close(fd);
			fd = -1;
		} else if (strcmp(want, said) != 0) {
			strncat(said, "instead of\n", sizeof said - strlen(said) - 1);
			strncat(said, want, sizeof said - strlen(said) - 1);
			close(fd);
			fd = -2;
		}
	}
	close(fd);
	whole.nsteps = 0;
	if (fd >= 0 && open_fds() != fds)
		snprintf(said, sizeof said, "descriptors leak: %d, then %d", fds, open_fds());
	result(fd >= 0 && open_fds() == fds && strlen(want) > 20, "the same", c->name, said);
	arena.used = mark;
}

/* The template of a case in a host of its own; before Linux 5.12 some profiles have none, and say so. */
static int stale_begin(const struct stale *c)
{
	int fd;

	host_begin();
	if (c->before)
		c->before();
	fd = build(c->profile);
	if (fd < 0 && plan.no_template && !plan.new_mounts)
		exit(strstr(said, "5.12") ? 0 : 3);
	return fd;
}

static void is_stale(const struct stale *c)
{
	int fd = stale_begin(c);
	struct err e;

	if (fd < 0 || make_plan(c->profile, PART_LAUNCH) || launch(fd, &e)) {
		printf("# %s\n", said);
		exit(2);
	}
	c->change();
	if (!make_plan(c->profile, PART_LAUNCH) && launch(fd, &e) && e.code == ESTALE)
		exit(0);
	printf("# %s\n", said);
	exit(1);
}

/* What a launch looks at by itself: it is what the whole plan makes of the host as it is now. */
static void is_fresh(const struct stale *c)
{
	static char want[sizeof said];
	int fd = stale_begin(c);
	struct err e;

	if (fd < 0 && strstr(said, "or newer"))
		exit(0);
	for (int n = 0; n < 2; n++) {
		if (fd < 0 || make_plan(c->profile, PART_LAUNCH) || launch(fd, &e)) {
			printf("# %s\n", said);
			exit(2);
		}
		strcpy(want, said);
		c->change();
	}
	if (!make_plan(c->profile, PART_WHOLE) && !launch(-1, &e) && !strcmp(said, want))
		exit(0);
	printf("# %s# %s\n", want, said);
	exit(1);
}

/* In a process of its own, which ends with 0 if it is as it should be. */
static void in_child(void (*is)(const struct stale *c), const struct stale *c, const char *what)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		is(c);
	waitpid(pid, &status, 0);
	result(!status, what, c->name, "");
}

static void has_none(const struct same *c)
{
	int planned = !make_plan(c->profile, PART_ROOT), good = !strncmp(said, "no template: ", 13);

	/* Words that this kernel cannot do. */
	if (!planned && strstr(said, "or newer"))
		return;
	if (planned) {
		int fd = build(c->profile);

		good = fd < 0;
		close(fd);
	}
	result(good, "none", c->name, said);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "witness"))
		return witness();
	if (geteuid()) {
		printf("ok - template # SKIP needs root, for a host of its own\n");
		return 0;
	}
	since = argc > 1 ? argv[1] : NULL;
	if (since)
		forget_calls(!strcmp(since, "4.19"));
	host_begin();
	facts_probe(&facts);
	facts.self_sealed = 1;
	for (unsigned i = 0; i < sizeof sames / sizeof *sames; i++)
		is_same(&sames[i]);
	for (unsigned i = 0; i < sizeof stales / sizeof *stales; i++)
		in_child(is_stale, &stales[i], "stale after");
	for (unsigned i = 0; i < sizeof freshes / sizeof *freshes; i++)
		in_child(is_fresh, &freshes[i], "at once after");
	for (unsigned i = 0; i < sizeof nones / sizeof *nones; i++)
		has_none(&nones[i]);
	printf("1..%d\n", number);
	return failed_claims;
}
