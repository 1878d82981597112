/* The kernel as an executor of scripts, see simulate.h. */
#include "apply/simulate.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "archive/texts.h"
#include "base/text.h"
#include "kernel/k.h"
#include "mounts/table.h"

enum { MOVE_MOUNT_BENEATH = 0x200 };

static char table_memory[256 << 10] __attribute__((aligned(16)));

/* What is mounted below / is of no use here, and every copy of the namespace would copy it. */
static void detach_all(struct kernel *k, struct arena *a)
{
	static char text[128 << 10];
	int fd = k_open(k->proc, "self/mountinfo", O_RDONLY, 0);
	size_t used = 0;
	struct mounts t;
	struct err e;
	long n;

	while (fd >= 0 && (n = k_read(fd, text + used, sizeof text - used)) > 0)
		used += (size_t)n;
	k_close(fd);
	/* With more mounts than fit it is only slower. */
	if (mounts_parse(&t, text, used, a, &e))
		return;
	for (unsigned i = t.n; i-- > 0;)
		if (strcmp(t.mount[i].point, "/") != 0)
			k_umount(t.mount[i].point, MNT_DETACH);
}

static int write_proc(const struct kernel *k, const char *name, const char *text)
{
	int fd = k_open(k->proc, name, O_WRONLY, 0), bad = fd < 0 || k_write(fd, text, strlen(text)) < 0;

	k_close(fd);
	return bad ? -1 : 0;
}

/* Ids of a new user namespace: who has none there may not make another one inside. */
static int map_ids(const struct kernel *k, unsigned uid, unsigned gid)
{
	char map[32];

	write_proc(k, "self/setgroups", "deny");
	text_format(map, sizeof map, "0 %u 1", uid);
	if (write_proc(k, "self/uid_map", map))
		return -1;
	text_format(map, sizeof map, "0 %u 1", gid);
	return write_proc(k, "self/gid_map", map);
}

/* Without CAP_SYS_ADMIN, a user namespace gives it. */
static int enter(const struct kernel *k)
{
	struct k_stat me;

	if (!k_unshare(CLONE_NEWNS_))
		return 0;
	return errno != EPERM || k_stat(k->proc, "self", 0, 0x7ff, &me) ||
	       k_unshare(CLONE_NEWUSER_ | CLONE_NEWNS_) || map_ids(k, me.uid, me.gid) ? -1 : 0;
}

int kernel_open(struct kernel *k, struct err *e)
{
	struct arena a;

	k->proc = k_open(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0);
	k->current = -1;
	for (int i = 0; i < KERNEL_NAMESPACES; i++)
		k->ns[i].name = NULL;
	/* As before any clone of root's: namespaces of users are born with our memory, see plan/build.c. */
	if (!geteuid())
		k_prctl(PR_SET_DUMPABLE_, 0, 0, 0);
	if (k->proc < 0 || enter(k))
		return err_set(e, errno, "a mount namespace to try this in");
	k_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	arena_init(&a, table_memory, sizeof table_memory);
	detach_all(k, &a);
	k->home = k_open(k->proc, "self/ns/mnt", O_RDONLY, 0);
	return k->home < 0 ? err_set(e, errno, "/proc/self/ns/mnt") : 0;
}

static int open_ns(const struct kernel *k, struct kernel_ns *to, int user)
{
	to->mounts = k_open(k->proc, "self/ns/mnt", O_RDONLY, 0);
	to->root = k_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	to->table = k_open(k->proc, "self/mountinfo", O_RDONLY, 0);
	to->user = user ? k_open(k->proc, "self/ns/user", O_RDONLY, 0) : -1;
	return to->mounts < 0 || to->root < 0 || to->table < 0 || (user && to->user < 0) ? -1 : 0;
}

static void close_ns(struct kernel_ns *n)
{
	k_close(n->mounts);
	k_close(n->root);
	k_close(n->table);
	k_close(n->user);
	n->name = NULL;
}

void kernel_end(struct kernel *k)
{
	for (int i = 0; i < KERNEL_NAMESPACES; i++)
		if (k->ns[i].name)
			close_ns(&k->ns[i]);
	k_setns(k->home, CLONE_NEWNS_);
	k->current = -1;
}

int kernel_begin(struct kernel *k, struct err *e)
{
	/* The way to what is mounted over / leads over its parent, which is / itself. */
	if (k_setns(k->home, CLONE_NEWNS_) || k_unshare(CLONE_NEWNS_) ||
	    k_mount("root", "/", "tmpfs", 0, NULL) || k_chdir("/..") || k_chroot(".") ||
	    open_ns(k, &k->ns[0], 0))
		return err_set(e, errno, "an empty root to try this in");
	k->ns[0].name = "main";
	k->current = 0;
	return 0;
}

struct birth {
	const struct kernel *k;
	const struct kernel_ns *from;
	struct kernel_ns *to;
	int user, error;
};

/* Whose root is not the top of what is mounted on / may not make a user namespace. */
static int new_user(const struct birth *b)
{
	return k_chdir("/..") || k_chroot(".") || k_unshare(CLONE_NEWUSER_) || map_ids(b->k, 0, 0) ||
	       k_fchdir(b->from->root) || k_chroot(".");
}

/* A child that makes a namespace, of the user namespace that owns the old one, and goes. */
static int be_born(void *argument)
{
	struct birth *b = argument;

	b->error = 0;
	if ((b->from->user >= 0 && k_setns(b->from->user, CLONE_NEWUSER_)) ||
	    (b->user && new_user(b)) || k_unshare(CLONE_NEWNS_) ||
	    open_ns(b->k, b->to, b->user || b->from->user >= 0))
		b->error = errno;
	k_exit(0);
}

static int clone_ns(struct kernel *k, const struct op *op, struct err *e)
{
	static char stack[8192] __attribute__((aligned(16)));
	struct birth b = {.k = k, .from = &k->ns[k->current], .user = op->n > 1};
	int status, pid;

	for (int i = 0; i < KERNEL_NAMESPACES && !b.to; i++)
		b.to = k->ns[i].name ? NULL : &k->ns[i];
	if (!b.to)
		return err_set(e, 0, "only %d namespaces at a time", KERNEL_NAMESPACES);
	pid = k_clone(be_born, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD, &b);
	if (pid < 0)
		return err_set(e, errno, "a process for a namespace");
	while (k_wait(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (b.error)
		return err_set(e, b.error, "a %s namespace", op->n > 1 ? "user" : "mount");
	b.to->name = op->word[0];
	return 0;
}

/* Each directory on the way, where there is none yet. */
static int make_directories(const char *way)
{
	char path[4096];

	for (const char *p = way; *p;) {
		p += strcspn(p + 1, "/") + 1;
		text_format(path, sizeof path, "%.*s", (int)(p - way), way);
		if (k_mkdir(AT_FDCWD, path, 0755) && errno != EEXIST)
			return -1;
	}
	return 0;
}

/*
 * The path need not lead to the new mount: a copy of it may cover the way. What is mounted on
 * a directory is where `/..` leads to when that directory is the root.
 */
static int do_mount(const struct kernel *k, const struct op *op)
{
	int at = k_open(AT_FDCWD, op->word[1], O_PATH | O_DIRECTORY, 0), code = 0;

	if (at < 0 || k_mount(op->source, op->word[1], op->word[0], 0, NULL)) {
		code = errno;
	} else if (op->n > 2) {
		if (k_fchdir(at) || k_chroot(".") || k_chdir("/.."))
			code = errno;
		for (int i = 2; i < op->n && !code; i++)
			code = make_directories(op->word[i]) ? errno : 0;
		if (k_fchdir(k->ns[k->current].root) || k_chroot("."))
			code = errno;
	}
	k_close(at);
	return code;
}

static int do_beneath(const struct op *op)
{
	int from = k_open(AT_FDCWD, op->word[0], O_PATH | O_DIRECTORY, 0), code = errno;

	if (from < 0)
		return code;
	code = k_move_mount(from, "", AT_FDCWD, op->word[1], MOVE_MOUNT_F_EMPTY_PATH_ | MOVE_MOUNT_BENEATH)
		       ? errno : 0;
	k_close(from);
	return code;
}

static unsigned long type_flags(enum operation kind)
{
	static const unsigned long types[] = {MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE};
	unsigned i = (unsigned)kind - OP_MAKE_SHARED;

	return types[i % 4] | (i >= 4 ? MS_REC : 0);
}

static int find_ns(const struct kernel *k, const char *name)
{
	for (int i = 0; i < KERNEL_NAMESPACES; i++)
		if (k->ns[i].name && !strcmp(k->ns[i].name, name))
			return i;
	return -1;
}

/* All is done from one process, which goes where the next operation is. */
static int go(struct kernel *k, int ns)
{
	if (ns == k->current)
		return 0;
	k->current = ns;
	return k_setns(k->ns[ns].mounts, CLONE_NEWNS_) || k_fchdir(k->ns[ns].root) || k_chroot(".") ? -1 : 0;
}

int kernel_do(struct kernel *k, const struct op *op, struct err *e)
{
	int ns = find_ns(k, op->ns);
	const char *a = op->n > 0 ? op->word[0] : "", *b = op->n > 1 ? op->word[1] : "";

	if (ns < 0 || go(k, ns))
		return err_set(e, errno, "namespace %.64s", op->ns);
	switch (op->kind) {
	case OP_MKDIR:
		return k_mkdir(AT_FDCWD, a, 0755) ? errno : 0;
	case OP_MOUNT:
		return do_mount(k, op);
	case OP_BIND:
	case OP_RBIND:
		return k_mount(a, b, NULL, MS_BIND | (op->kind == OP_RBIND ? MS_REC : 0), NULL) ? errno : 0;
	case OP_MOVE:
		return k_mount(a, b, NULL, MS_MOVE, NULL) ? errno : 0;
	case OP_BENEATH:
		return do_beneath(op);
	case OP_UMOUNT:
		return k_umount(a, op->lazy ? MNT_DETACH : 0) ? errno : 0;
	case OP_CLONE:
		return clone_ns(k, op, e);
	case OP_END:
		/* A process keeps a namespace alive, as a descriptor does. */
		close_ns(&k->ns[ns]);
		k->current = -1;
		return k_setns(k->home, CLONE_NEWNS_) ? err_set(e, errno, "out of a namespace") : 0;
	case OP_EXPECT:
	case OP_SHOW:
	case OPERATIONS:
		return 0;
	default:
		return k_mount(NULL, a, NULL, type_flags(op->kind), NULL) ? errno : 0;
	}
}

long kernel_table(const struct kernel *k, const char *ns, char *buf, size_t size)
{
	int i = find_ns(k, ns);
	size_t used = 0;
	long n = -1;

	while (i >= 0 && (n = k_pread(k->ns[i].table, buf + used, size - used, (off_t)used)) > 0)
		used += (size_t)n;
	return n < 0 || used == size ? -1 : (long)used;
}

/* Does a probe, in the kernel or (k is NULL) in a model; how its last operation ended, or -1. */
static int probe(struct kernel *k, struct model *m, const char *script, struct arena *a, struct err *e)
{
	int result = -1;

	for (unsigned line = 1; *script; line++) {
		size_t n = strcspn(script, ";");
		const char *text = arena_text(a, script, n), *why;
		struct op op;
		unsigned column;

		if (!text || script_read(&op, text, line, a, &why, &column) <= 0)
			return err_set(e, 0, "the probe of a fact is wrong");
		result = k ? kernel_do(k, &op, e) : script_do(m, &op, &why);
		if (result < 0)
			return -1;
		script += n + (script[n] == ';');
	}
	return k ? result : model_errno((enum model_rule)result);
}

int kernel_facts(struct kernel *k, struct model_facts *to, struct arena *a, struct err *e)
{
	size_t used = a->used;

	*to = model_newest;
	for (unsigned i = 0; i < MODEL_FACTS; i++) {
		const char *script = text_of(TEXTS_MODEL_FACTS, 3 * i + 2);
		uint8_t *fact = (uint8_t *)to + i;
		int is, model[2];

		if (kernel_begin(k, e))
			return -1;
		is = probe(k, NULL, script, a, e);
		kernel_end(k);
		for (int v = 0; v < 2; v++) {
			struct model m;

			if (model_init(&m, a, 64, 8, "root"))
				return err_set(e, 0, "no room for a model");
			*fact = (uint8_t)v;
			m.facts = *to;
			model[v] = probe(NULL, &m, script, a, e);
			a->used = used;
		}
		if (is < 0 || (is != model[0] && is != model[1]))
			return err_set(e, is > 0 ? is : 0, "this kernel is not known as to %s",
				       text_of(TEXTS_MODEL_FACTS, 3 * i));
		/* Some mean nothing without others. */
		*fact = model[0] == model[1] ? ((const uint8_t *)&model_newest)[i] : is == model[1];
	}
	return 0;
}
