/* Looking into IPC namespaces, see objects.h. */
#include "apply/objects.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "apply/proc.h"
#include "apply/step.h"
#include "base/parse.h"
#include "base/text.h"
#include "kernel/k.h"

enum { BATCH = 256, OBJECT_END = OBJECT_KINDS, OBJECT_FAILED };

/* A file, or a queue that is shown as one. */
struct file {
	struct object o;
	uint64_t ino;
};

/* The child's. */
static struct look {
	int ns, shm, clean, out, proc;
	struct arena *a;
	uint64_t ino;			/* of the namespace */
	uint32_t major, minor;		/* of the file system at hand */
	struct file *file;		/* of it, some at a time */
	unsigned n;
} look;

static int put(const struct object *o)
{
	return k_send(look.out, o, sizeof *o, -1) == (long)sizeof *o ? 0 : -1;
}

static int fail(const char *what)
{
	struct object o = {.kind = OBJECT_FAILED, .user = errno};

	text_format(o.name, sizeof o.name, "%s", what);
	put(&o);
	return -1;
}

/* Is a process of this number in the namespace? If not, the one that used an object is gone. */
static int is_inside(int64_t pid)
{
	struct k_stat st;
	char path[40];

	text_format(path, sizeof path, "%d/ns/ipc", (int)pid);
	return !k_stat(look.proc, path, 0, STATX_INO_, &st) && st.ino == look.ino;
}

/* One who is known to have used the object. */
static void used_by(struct object *o, int64_t pid)
{
	if (!look.clean || pid <= 0 || o->fate == FATE_USED)
		return;
	o->fate = is_inside(pid) ? FATE_USED : FATE_REMOVED;
	o->user = o->fate == FATE_USED ? (int32_t)pid : 0;
}

/* Each semaphore remembers who changed it last; of who made the set, the kernel remembers the user. */
static void look_at_semaphores(struct object *o)
{
	int id = (int)o->is.value[SYSV_id], pid;

	for (int i = 0; i < o->is.value[SYSV_semaphores] && (pid = k_sem_get(id, i, GETPID)) >= 0; i++) {
		if (pid)
			sysv_set(&o->is, SYSV_last_pid, pid);
		used_by(o, pid);
		if (look.clean && (k_sem_get(id, i, GETNCNT) > 0 || k_sem_get(id, i, GETZCNT) > 0)) {
			o->fate = FATE_USED;
			o->user = 0;
			break;
		}
	}
}

static void take_away(struct object *o, int failed)
{
	if (!failed)
		return;
	o->fate = FATE_FAILED;
	o->user = errno;
}

static int tell_object(struct object *o)
{
	static int (*const removes[])(int id) = {
		[OBJECT_QUEUE] = k_msg_remove, [OBJECT_SEMAPHORES] = k_sem_remove, [OBJECT_SEGMENT] = k_shm_remove,
	};

	if (look.clean)
		o->fate = FATE_UNKNOWN;
	if (o->kind == OBJECT_SEMAPHORES)
		look_at_semaphores(o);
	used_by(o, o->is.value[SYSV_sender]);
	used_by(o, o->is.value[SYSV_receiver]);
	if (look.clean && o->kind == OBJECT_SEGMENT)
		o->fate = o->is.value[SYSV_attached] ? FATE_USED : FATE_REMOVED;
	if (o->fate == FATE_REMOVED)
		take_away(o, removes[o->kind]((int)o->is.value[SYSV_id]));
	return put(o);
}

static int look_at_table(enum object_kind kind, const char *path)
{
	struct object o = {.kind = (uint8_t)kind};
	size_t mark = look.a->used, length;
	char *text = proc_read(look.proc, path, look.a, &length);
	struct sysv_table t;
	int more = 0;

	/* A kernel without them has none. */
	if (!text)
		return errno == ENOENT ? 0 : fail(path);
	errno = EBADMSG;
	if (sysv_open(&t, text))
		return fail(path);
	while ((more = sysv_next(&t, &o.is)) > 0) {
		o.fate = FATE_LISTED;
		o.user = 0;
		if (tell_object(&o))
			return -1;
	}
	look.a->used = mark;
	return more ? fail(path) : 0;
}

static int look_at_system_v(void)
{
	return look_at_table(OBJECT_QUEUE, "sysvipc/msg") || look_at_table(OBJECT_SEMAPHORES, "sysvipc/sem") ||
	       look_at_table(OBJECT_SEGMENT, "sysvipc/shm");
}

/* Somebody has a file open, or its pages. */
static void seen(int pid, uint32_t major, uint32_t minor, uint64_t ino)
{
	for (unsigned i = 0; i < look.n && major == look.major && minor == look.minor; i++)
		if (look.file[i].ino == ino && look.file[i].o.fate == FATE_REMOVED) {
			look.file[i].o.fate = FATE_USED;
			look.file[i].o.user = pid;
		}
}

/* Each entry of a directory whose name is a number. */
static void each_number(int at, const char *path, void (*tell)(int dir, int number, int of), int of)
{
	char buf[4096] __attribute__((aligned(8)));
	int dir = k_open(at, path, O_RDONLY | O_DIRECTORY, 0);
	uint64_t number;
	long n;

	while (dir >= 0 && (n = k_getdents(dir, buf, sizeof buf)) > 0)
		for (long i = 0; i < n; i += ((struct k_dirent *)(buf + i))->length)
			if (!parse_number(((struct k_dirent *)(buf + i))->name, 0, INT32_MAX, &number))
				tell(dir, (int)number, of);
	k_close(dir);
}

static void look_at_fd(int dir, int fd, int pid)
{
	struct k_stat st;
	char name[16];

	text_format(name, sizeof name, "%d", fd);
	/* What a file server would have to be asked for is none of ours. */
	if (!k_stat(dir, name, AT_STATX_DONT_SYNC_, STATX_INO_, &st))
		seen(pid, st.dev_major, st.dev_minor, st.ino);
}

/* 7f1c-7f1d rw-s 00000000 00:1a 1234 /dev/shm/paper */
static void look_at_maps(int dir, int pid)
{
	size_t mark = look.a->used, length;
	char path[40], *text;

	text_format(path, sizeof path, "%d/maps", pid);
	text = proc_read(dir, path, look.a, &length);
	look.a->used = mark;
	for (const char *p = text; p && *p; p += strcspn(p, "\n"), p += *p == '\n') {
		uint32_t major, minor;
		int blanks = 0;

		while (blanks < 3 && *p && *p != '\n')
			blanks += *p++ == ' ';
		major = (uint32_t)text_number(&p, 16);
		p += *p == ':';
		minor = (uint32_t)text_number(&p, 16);
		seen(pid, major, minor, text_number(&p, 10));
	}
}

static void look_at_process(int dir, int pid, int unused)
{
	char path[40];

	(void)unused;
	text_format(path, sizeof path, "%d/fd", pid);
	each_number(dir, path, look_at_fd, pid);
	look_at_maps(dir, pid);
}

/* Those that were found: who has them open, and what nobody has goes. */
static int tell_files(int dir)
{
	if (look.clean && look.n)
		each_number(look.proc, ".", look_at_process, 0);
	for (unsigned i = 0; i < look.n; i++) {
		struct object *o = &look.file[i].o;

		if (o->fate == FATE_REMOVED)
			take_away(o, k_unlink(dir, o->name, 0));
		if (put(o))
			return -1;
	}
	look.n = 0;
	return 0;
}

static void look_at_queue(struct object *o, int dir)
{
	int fd = k_open(dir, o->name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW, 0);
	struct mq_attr attr;
	char text[100];
	long n = fd < 0 ? -1 : k_read(fd, text, sizeof text - 1);

	text[n > 0 ? n : 0] = '\0';
	if (!strncmp(text, "QSIZE:", 6))
		sysv_set(&o->is, SYSV_bytes, (int64_t)number_at(text + 6));
	if (fd >= 0 && !k_mq_attr(fd, &attr)) {
		sysv_set(&o->is, SYSV_messages, attr.mq_curmsgs);
		sysv_set(&o->is, SYSV_room, (int64_t)attr.mq_maxmsg * attr.mq_msgsize);
	}
	k_close(fd);
}

static void add_file(int dir, enum object_kind kind, const char *name)
{
	struct file *f = &look.file[look.n];
	struct k_stat st;

	if (k_stat(dir, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS_, &st))
		return;		/* gone meanwhile */
	*f = (struct file){.o.kind = (uint8_t)kind, .ino = st.ino};
	f->o.fate = !look.clean ? FATE_LISTED : S_ISREG(st.mode) ? FATE_REMOVED : FATE_ODD;
	text_format(f->o.name, sizeof f->o.name, "%s", name);
	sysv_set(&f->o.is, SYSV_mode, (st.mode >> 9 & 7) * 1000 + (st.mode >> 6 & 7) * 100 +
		 (st.mode >> 3 & 7) * 10 + (st.mode & 7));
	sysv_set(&f->o.is, SYSV_bytes, (int64_t)st.size);
	sysv_set(&f->o.is, SYSV_uid, st.uid);
	sysv_set(&f->o.is, SYSV_gid, st.gid);
	sysv_set(&f->o.is, SYSV_changed_at, st.mtime.sec);
	if (kind == OBJECT_POSIX_QUEUE)
		look_at_queue(&f->o, dir);
	else
		sysv_set(&f->o.is, SYSV_resident, (int64_t)st.blocks * 512);
	look.n++;
}

static int look_at_files(int dir, enum object_kind kind)
{
	char buf[4096] __attribute__((aligned(8)));
	struct k_stat st;
	long n;

	if (k_fstat(dir, STATX_INO_, &st))
		return -1;
	look.major = st.dev_major;
	look.minor = st.dev_minor;
	while ((n = k_getdents(dir, buf, sizeof buf)) > 0)
		for (long i = 0; i < n; i += ((struct k_dirent *)(buf + i))->length) {
			const char *name = ((struct k_dirent *)(buf + i))->name;

			if (!strcmp(name, ".") || !strcmp(name, ".."))
				continue;
			add_file(dir, kind, name);
			if (look.n == BATCH && tell_files(dir))
				return -1;
		}
	return n ? -1 : tell_files(dir);
}

static int look_at_shm(void)
{
	struct object o = {.kind = OBJECT_SHM};
	struct k_stat own, st;
	struct statfs fs;

	if (look.shm < 0)
		return 0;
	if (k_fstat(look.shm, STATX_INO_, &st))
		return fail("/dev/shm");
	/* Shared with the host, which is not ours to tell of or to clean. */
	if (!k_stat(AT_FDCWD, "/dev/shm", 0, STATX_INO_, &own) && own.dev_major == st.dev_major &&
	    own.dev_minor == st.dev_minor)
		return 0;
	if (look_at_files(look.shm, OBJECT_SHM_FILE) || k_fstatfs(look.shm, &fs))
		return fail("/dev/shm");
	sysv_set(&o.is, SYSV_bytes, (int64_t)(fs.f_blocks - fs.f_bfree) * (int64_t)fs.f_bsize);
	sysv_set(&o.is, SYSV_room, (int64_t)fs.f_blocks * (int64_t)fs.f_bsize);
	return put(&o);
}

/* A mount of queues shows those of the namespace that mounts it. /proc is there, and open already. */
static int look_at_queues(void)
{
	int dir, failed;

	if (k_unshare(CLONE_NEWNS_) || k_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return fail("a mount namespace");
	if (k_mount("mqueue", "/proc", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return errno == ENODEV ? 0 : fail("mqueue");
	dir = k_open(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0);
	failed = dir < 0 || look_at_files(dir, OBJECT_POSIX_QUEUE) ? fail("mqueue") : 0;
	k_close(dir);
	return failed;
}

static int look_main(void *unused)
{
	struct object end = {.kind = OBJECT_END};
	struct k_stat st;

	(void)unused;
	k_prctl(PR_SET_PDEATHSIG_, SIGKILL, 0, 0);
	look.proc = k_open(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0);
	look.file = arena_room(look.a, BATCH * sizeof *look.file);
	if (look.proc < 0 || !look.file || (look.ns >= 0 && k_setns(look.ns, CLONE_NEWIPC_)) ||
	    k_stat(look.proc, "self/ns/ipc", 0, STATX_INO_, &st)) {
		fail("the IPC namespace");
		k_exit(1);
	}
	look.ino = st.ino;
	if ((look.ns < 0 || (!look_at_system_v() && !look_at_queues())) && !look_at_shm())
		put(&end);
	k_exit(0);
}

int objects_begin(struct objects *o, int ns, int shm, int clean, struct arena *a)
{
	int fd[2], failed = k_socketpair(fd);

	look = (struct look){.ns = ns, .shm = shm, .clean = clean, .out = failed ? -1 : fd[1], .a = a};
	o->pid = failed ? -1 : k_clone(look_main, walk_stack + sizeof walk_stack, SIGCHLD, NULL);
	o->fd = o->pid < 0 ? -1 : fd[0];
	if (o->pid < 0 && !failed)
		k_close(fd[0]);
	k_close(look.out);
	k_close(ns);
	k_close(shm);
	return o->pid < 0 ? -1 : 0;
}

int objects_next(struct objects *o, struct object *to, struct err *e)
{
	int passed = -1, result;
	long n;

	while ((n = k_receive(o->fd, to, sizeof *to, &passed, 1)) < 0 && errno == EINTR)
		;
	k_close(passed);
	to->name[sizeof to->name - 1] = '\0';
	if (n == (long)sizeof *to && to->kind < OBJECT_KINDS && to->fate < FATES)
		return 1;
	if (n == (long)sizeof *to && to->kind == OBJECT_END)
		result = 0;
	else if (n == (long)sizeof *to && to->kind == OBJECT_FAILED)
		result = err_set(e, to->user, "%.150s", to->name);
	else
		result = err_set(e, n < 0 ? errno : 0, "who looked into the namespace ended");
	k_close(o->fd);
	while (k_wait(o->pid, NULL, 0) < 0 && errno == EINTR)
		;
	return result;
}
