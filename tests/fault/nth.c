/*
 * nth MODE DIRECTORY [PLAN]
 *
 * For each plan below, on both sides of a launch, for every kernel call N of it:
 *
 *   quick  N fails once, with the first plausible errno of that call
 *   full   with every plausible errno
 *   kill   SIGKILL to hutch, to its child or to the innermost process at call N
 *
 * and looks what became of it: the payload ran only where the table of reasons says
 * that this failure may be survived; else hutch names step and errno; no process,
 * mount, registry entry or mount point stays; nothing hangs. DIRECTORY has hutch (built with
 * HUTCH_FAULT), payload and enosys. Prints TAP, one result per plan and side.
 *
 * Works in a mount namespace of its own whose mounts are shared, so that whatever a
 * sandbox sends out of itself is seen, and whatever else happens on the machine is not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "errnos.h"
#include "kernel/fault.h"
#include "shared/place.h"

#define MARK "PAYLOAD-RAN"
#define ROOT "root=" W "/root"
enum { MAX_ARGS = 40, HANG_MS = 8000, MAX_CALLS = 3000, MAX_BAD = 20 };

struct plan {
	const char *name;
	int old;		/* on a kernel without the calls since 5.2 */
	unsigned uid;
	int slow;		/* the full sweep only */
	const char *made;	/* the directory that is made for it, and must go */
	int keeps;		/* with a template, 1: that is made, 2: that is there */
	const char *args[MAX_ARGS];
};

#define RICH "ns=mount ipc pid uts net cgroup time", "net=none", "hostname=box", "domainname=dom", \
	"ipc.msgmax=4096", "ipc.mq.queues-max=10", "time-offset=boottime 100", "rlimit.nofile=64", \
	"nice=3", "oom-score=100", "cpus=0", "sched=batch", "ioprio=best-effort 5", "umask=077", \
	"user=daemon", "group=0", "groups=5 6", "securebits=noroot locked", "caps=net_raw", \
	"workdir=/tmp", "stdin=null", "stderr=append /tmp/err", "tmpfs=/tmp mode=1777", "timeout=60s"
#define LAYERS "root-mode=overlay", "tmpfs=/tmp ro", "dir=/tmp/d uid=3", "symlink=/x /tmp/l", \
	"file=/etc/motd \"hello\"", "mask=/etc/secret", "mask=/srv", "device=/dev/zero /dev/nought", \
	"overlay=" W "/src /mnt size=1m"

#define KEEP "template=keep", "tmpfs=/tmp", "file=/tmp/x y", "bind=" W "/src /mnt slave rec", "bind=" W "/src /srv", "bind=" W "/none /none optional"

static const struct plan plans[] = {
	{.name = "defaults", .args = {ROOT}},
	{.name = "slave, binds, vfork", .args = {ROOT, "init=no", "ns=mount ipc uts", "propagation=slave",
		"bind=" W "/src /mnt slave rec", "bind=" W "/src /srv shared",
		"bind=" W "/src /media rw unbindable", "bind=" W "/none /none optional",
		"bind=" W "/src /home idmap=0:1000:10"}},
	{.name = "hub", .args = {ROOT, "hub.sub=" W "/src/sub share", "hub=sub /mnt", "hub.none=" W "/none", "hub=none /srv optional"}},
	{.name = "maps", .args = {ROOT, "ns.user=new", "uidmap=0 100000 65536", "gidmap=0 100000 65536",
		"bind=" W "/src /mnt slave+shared rec"}},
	{.name = "rootless", .uid = 65534, .args = {ROOT}},
	{.name = "sealed", .args = {ROOT, "caps=all", "bind=" W "/src /mnt rec unbindable"}},
	{.name = "layers", .args = {ROOT, LAYERS}},
	{.name = "group, first", .args = {"--name", "one", ROOT, "ipc=group alone"}},
	{.name = "group, second", .args = {"--name", "two", ROOT, "ipc=group both"}},
	{.name = "rich", .args = {ROOT, RICH}},
	{.name = "create", .made = W "/root/new", .args = {ROOT, "root-mode=rw",
		"bind=" W "/src /new/dir create", "bind=" W "/src/file /new/file create"}},
	{.name = "cpio, tty", .slow = 1, .args = {"root=cpio " W "/root.cpio", "tty=yes", "propagation=slave+shared"}},
	{.name = "template, first", .keeps = 1, .args = {ROOT, KEEP}},
	{.name = "template, again", .keeps = 2, .args = {ROOT, KEEP, "init=no"}},
	{.name = "host's mounts", .args = {"ns=ipc pid", "init=no"}},
	{.name = "join pid", .args = {ROOT, "ns.pid=path /proc/self/ns/pid", "init=no"}},
	{.name = "old: slave, binds", .old = 1, .args = {ROOT, "propagation=slave",
		"bind=" W "/src /mnt slave rec", "bind=" W "/src /media rw rec unbindable"}},
	{.name = "old: rootless", .old = 1, .uid = 65534, .slow = 1, .args = {ROOT}},
	{.name = "old: sealed", .old = 1, .slow = 1, .args = {ROOT, "caps=all"}},
	{.name = "old: layers", .old = 1, .slow = 1, .args = {ROOT, LAYERS}},
};
enum { PLANS = sizeof plans / sizeof *plans };

/* Failures that the payload may survive, each with its reason. NULL: any. */
static const struct {
	const char *step, *call;
	int code;
	const char *reason;
} may_run[] = {
	{"-", NULL, 0, "a probe: the planner takes it as a fact and chooses another way, or says what is missing"},
	{"template.keep", NULL, 0, "where no template can be kept or found, the sandbox is built as without one"},
	{NULL, "openat2", EAGAIN, "the kernel was not sure: asked again"},
	{NULL, "waitpid", EINTR, "asked again"}, {NULL, "flock", EINTR, "asked again"},
	{NULL, "recvmsg", EINTR, "asked again"},
	{"tty.open", "ioctl", 0, "the caller has no window size to pass on"},
	{"group.join", "openat", 0, "a member that cannot be looked at counts as alive, one that is not there as gone"},
	{"group.join", "read", 0, "as above"}, {"group.publish", "read", 0, "as above"},
	{"group.publish", "openat", 0, "as above"}, {"register", "openat", ENOENT, "no entry of this name"},
	{NULL, "read", EINTR, "asked again, or as EIO"}, {NULL, "sigwaitinfo", EINTR, "asked again"},
	{NULL, "close", 0, "the number that this launch's timing moved here; a close is never failed"},
	{"hub.check", "openat", ENOENT, "as tree.clone"},
	{"tree.clone", "openat", ENOENT, "an optional source that is not there"},
	{"tree.clone", "statx", 0, "fdinfo tells the mount too"}, {"tree.bind", "statx", 0, "as tree.clone"},
	{"tree.remount", "statx", 0, "as tree.clone"},
	{"tree.idmap", "read", 0, "the helper's wait for its end"},
	{"tree.idmap", "waitpid", 0, "then the init reaps the helper, as it does everything"},
	{"mount.new", "fchdir", 0, "no directory: named by its descriptor"},
	{"mount.overlay", "fchdir", 0, "as mount.new"}, {"shm.mount", "fchdir", 0, "as mount.new"},
	{"verify.mounts", NULL, ENOENT, "what is optional is not there; the comparison misses what must be"},
	{"ready", "sigaction", EINVAL, "no such signal, or one that cannot be ignored"},
	{"rlimit.set", "prlimit64", EPERM, "tried again with the capability"},
	{"keyring.new", "keyctl", ENOSYS, "a kernel without keys has none to protect"},
	{"mount.point", NULL, ENOENT, "not there: to be made, and there it is after all"},
	{"mount.self", NULL, ENOENT, "a default protection of what this kernel's /proc has not"},
	{"mask", NULL, ENOENT, "as mount.self"},
	{"mount.propagate", "fchdir", 0, "no directory: named by its descriptor"},
	{"fds.walk", "openat", 0, "cannot list itself: every number is tried"},
	{"stdio.set", "openat", ENOENT, "made"},
	{"caps.bound", "prctl", EINVAL, "cannot be looked at: dropped again"},
	{"ids.set", "getgroups", 0, "not known whether there are any: said that there are none"},
	{"ids.set", "fstatfs", 0, "streams that the user cannot open again are streams all the same"},
	{"ids.set", "fchmod", 0, "the same"}, {"ids.set", "fchownat", 0, "the same"},
	/* The payload runs: its status is what counts now. */
	{"init", NULL, 0, "the payload runs"}, {"serve", NULL, 0, "the payload runs"},
};

struct outcome {
	int reached, hung, status, ran;
	unsigned children, strays;
	char call[32], step[32], out[16384];
};

static struct fault_log *fault_log;
static char base_mounts[1 << 16], now_mounts[1 << 16], base_run[1 << 14], now_run[1 << 14];
static unsigned bad, launches;

/* What the sandboxes stand on; all of it in memory of this namespace. */
static const char *const folders[] = {
	"", "/bin", "/dev", "/etc", "/home", "/media", "/mnt", "/none", "/proc", "/srv", "/sys", "/tmp",
};
enum { FOLDERS = sizeof folders / sizeof *folders };

static size_t cpio_entry(char *to, const char *name, unsigned mode, const char *data, size_t n)
{
	size_t at = (size_t)sprintf(to, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s",
				    1u, mode, 0u, 0u, 1u, 0u, (unsigned)n, 0u, 0u, 0u, 0u,
				    (unsigned)strlen(name) + 1, 0u, name) + 1;

	while (at % 4)
		to[at++] = '\0';
	memcpy(to + at, data, n);
	at += n;
	while (at % 4)
		to[at++] = '\0';
	return at;
}

static void make_cpio(void)
{
	static char archive[4 << 20], program[3 << 20];
	int fd = open(W "/root/bin/payload", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, program, sizeof program);
	size_t at = 0;

	close(fd);
	for (int i = 1; i < FOLDERS; i++)
		at += cpio_entry(archive + at, folders[i] + 1, 040755, "", 0);
	at += cpio_entry(archive + at, "bin/payload", 0100755, program, (size_t)n);
	at += cpio_entry(archive + at, "TRAILER!!!", 0, "", 0);
	put_file(W "/root.cpio", archive, at, 0644);
}

static void build_place(const char *dir)
{
	char path[128];

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("fault", "/run", "tmpfs", 0, "mode=0755") ||
	    mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL))
		die("a mount namespace");
	mkdir(W, 0755);
	for (int i = 0; i < FOLDERS; i++) {
		snprintf(path, sizeof path, W "/root%s", folders[i]);
		mkdir(path, 0755);
	}
	mkdir(W "/src", 0755);
	mkdir(W "/src/sub", 0755);
	if (mount("sub", W "/src/sub", "tmpfs", 0, NULL))
		die("a mount below the source");
	put_file(W "/src/file", "source\n", 7, 0644);
	put_file(W "/root/etc/secret", "secret\n", 7, 0644);
	put_file(W "/root/etc/passwd", "daemon:x:1:1::/:/bin/sh\n", 24, 0644);
	put_file(W "/root/etc/group", "daemon:x:1:\n", 12, 0644);
	copy_file(dir, "hutch", W "/hutch");
	copy_file(dir, "enosys", W "/enosys");
	copy_file(dir, "payload", W "/root/bin/payload");
	make_cpio();
	put_file(W "/log", "", 0, 0666);
	if (truncate(W "/log", sizeof *fault_log))
		die("log");
	int fd = open(W "/log", O_RDWR | O_CLOEXEC);
	fault_log = mmap(NULL, sizeof *fault_log, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || fault_log == MAP_FAILED)
		die("log");
	close(fd);
}

static void read_mounts(char *to, size_t size)
{
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, to + used, size - 1 - used)) > 0)
		used += (size_t)n;
	to[used] = '\0';
	close(fd);
}

/* Names and contents of the registry's entries. */
static void read_registry(char *to, size_t size)
{
	DIR *d = opendir("/run/hutch");
	struct dirent *e;
	size_t used = 0;
	char path[512];

	*to = '\0';
	while (d && (e = readdir(d))) {
		int fd;
		ssize_t n;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(path, sizeof path, "/run/hutch/%.255s", e->d_name);
		used += (size_t)snprintf(to + used, size - used, "%s:", e->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = read(fd, to + used, size - used - 1);
		used += n > 0 ? (size_t)n : 0;
		to[used] = '\0';
		close(fd);
	}
	if (d)
		closedir(d);
}

static void clear_registry(void)
{
	DIR *d = opendir("/run/hutch");
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' || e->d_name[1] >= '0')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	/* The living member's entry is not for tests to lose. */
	if (strchr(base_run, ':'))
		put_file("/run/hutch/both.group", strchr(base_run, ':') + 1, strlen(strchr(base_run, ':') + 1), 0600);
}

static int first_child(int pid)
{
	char path[64], text[64] = "";
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	return n > 0 ? atoi(text) : 0;
}

static int innermost(int pid)
{
	int below;

	while ((below = first_child(pid)))
		pid = below;
	return pid;
}

static void start(const struct plan *p, const char *fault, int out)
{
	const char *argv[MAX_ARGS + 20];
	int n = 0;

	if (p->old) {
		static const char *const shim[] = {W "/enosys", "openat2", "clone3", "open_tree", "move_mount",
			"mount_setattr", "close_range", "statmount", "fsopen", "--"};

		for (size_t i = 0; i < sizeof shim / sizeof *shim; i++)
			argv[n++] = shim[i];
	}
	argv[n++] = W "/hutch";
	argv[n++] = "run";
	for (int i = 0; p->args[i]; i++)
		argv[n++] = p->args[i];
	argv[n++] = "--";
	argv[n++] = p->made || strstr(p->args[0], "root") || p->args[0][0] == '-' ? "/bin/payload" : W "/root/bin/payload";
	argv[n] = NULL;
	if (dup2(open("/dev/null", O_RDWR), 0) || dup2(out, 1) != 1 || dup2(out, 2) != 2 || chdir("/"))
		_exit(98);
	if (p->uid && (setresgid(p->uid, p->uid, p->uid) || setresuid(p->uid, p->uid, p->uid)))
		_exit(98);
	setenv("HUTCH_FAULT", fault, 1);
	setenv("HUTCH_FAULT_LOG", W "/log", 1);
	execv(argv[0], (char **)argv);
	_exit(98);
}

enum victim { NOBODY, HUTCH, CHILD, INNERMOST, VICTIMS };

/* Kills the victim at the call where the launch stands, and lets go. */
static void strike(int hutch, enum victim victim)
{
	siginfo_t info;
	int pid = hutch;
	char step[32] = "";

	sscanf(fault_log->text, "%*c %*d %*s %31s", step);
	if (victim == CHILD)
		pid = first_child(hutch);
	else if (victim == INNERMOST)
		pid = innermost(hutch);
	if (pid > 0)
		kill(pid, SIGKILL);
	if (pid == hutch)
		waitid(P_PID, (id_t)hutch, &info, WEXITED | WNOWAIT);
	/*
	 * Behind the last look for hutch the kill has to travel through the init; a
	 * payload that starts meanwhile lives as long as that takes.
	 */
	if (!strcmp(step, "ready") || !strcmp(step, "exec"))
		usleep(10000);
	__atomic_store_n(&fault_log->go, 1, __ATOMIC_SEQ_CST);
}

/* Output until every process of the launch has closed it. */
static int collect(int fd, int hutch, enum victim victim, struct outcome *o)
{
	long deadline = now_ms() + HANG_MS;
	size_t used = 0;
	ssize_t n = 1;

	while (n != 0) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		struct timespec moment = {.tv_nsec = 50000};

		if (now_ms() > deadline)
			break;
		if (ppoll(&p, 1, victim ? &moment : &(struct timespec){1, 0}, NULL) > 0) {
			n = read(fd, o->out + used, sizeof o->out - 1 - used);
			used += n > 0 ? (size_t)n : 0;
		}
		if (victim && fault_log->stopped && !fault_log->go)
			strike(hutch, victim);
	}
	o->out[used] = '\0';
	return n != 0;
}

static void kill_all(int hutch)
{
	int pid;

	while ((pid = innermost(hutch)) && pid != hutch) {
		kill(pid, SIGKILL);
		usleep(2000);
		if (innermost(hutch) == pid)
			break;
	}
	kill(hutch, SIGKILL);
}

static int reap_hutch(int hutch, int *status, int hung)
{
	long deadline = now_ms() + HANG_MS;

	if (hung)
		kill_all(hutch);
	for (;;) {
		int got = waitpid(hutch, status, WNOHANG);

		if (got == hutch)
			return hung;
		if (now_ms() > deadline) {
			hung = 1;
			kill_all(hutch);
		}
		usleep(got ? 1000 : 100);
	}
}

/* Processes that outlived hutch came to us; they should be gone at once. */
static unsigned strays(int member, int patience_ms)
{
	long deadline = now_ms() + patience_ms;
	unsigned alive = 0;
	int pid;

	for (;;) {
		siginfo_t info = {0};

		pid = waitpid(-1, NULL, WNOHANG);
		if (pid > 0)
			continue;
		if (pid < 0)
			return 0;
		/* The member of the group is meant to stay. */
		if (member && first_child(getpid()) == member && !waitid(P_PID, (id_t)member, &info, WNOHANG | WNOWAIT | WEXITED)) {
			char path[64], text[256];
			int fd;
			ssize_t n;

			snprintf(path, sizeof path, "/proc/%d/task/%d/children", getpid(), getpid());
			fd = open(path, O_RDONLY | O_CLOEXEC);
			n = read(fd, text, sizeof text - 1);
			close(fd);
			text[n > 0 ? n : 0] = '\0';
			if (strchr(text, ' ') == strrchr(text, ' '))
				return 0;
		}
		if (now_ms() > deadline) {
			alive++;
			return alive;
		}
		usleep(200);
	}
}

static int member;

/* Hutch by itself, with nothing that fails. Returns its exit status. */
static int unharmed(const struct plan *p, const char *command, const char *word)
{
	const char *argv[MAX_ARGS + 6] = {W "/hutch", command, word};
	int pid = fork(), n = 3, status;

	for (int i = 0; !word && p->args[i]; i++)
		argv[2 + i] = p->args[i], n = 3 + i;
	if (!word)
		argv[n] = "--", argv[n + 1] = "/bin/payload";
	if (!pid) {
		dup2(open("/dev/null", O_RDWR), 1);
		execv(argv[0], (char **)argv);
		_exit(98);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void find_call(struct outcome *o)
{
	o->reached = fault_log->used > 0;
	o->call[0] = o->step[0] = '\0';
	if (o->reached)
		sscanf(fault_log->text, "%*c %*d %31s %31s", o->call, o->step);
}

static void launch(const struct plan *p, const char *fault, enum victim victim, struct outcome *o)
{
	unsigned used = fault_log->used < sizeof fault_log->text ? fault_log->used : sizeof fault_log->text;
	int fd[2], pid;

	if (p->keeps == 2)
		unharmed(p, "run", NULL);
	memset(fault_log, 0, offsetof(struct fault_log, text) + used);
	if (pipe2(fd, O_CLOEXEC))
		die("pipe");
	pid = fork();
	if (!pid)
		start(p, fault, fd[1]);
	if (pid < 0)
		die("fork");
	close(fd[1]);
	launches++;
	o->hung = collect(fd[0], pid, victim, o);
	o->hung = reap_hutch(pid, &o->status, o->hung);
	close(fd[0]);
	o->strays = strays(member, victim ? 3000 : 500);
	o->ran = strstr(o->out, MARK) != NULL;
	find_call(o);
}

static void complain(const struct plan *p, const char *fault, const struct outcome *o, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
static void complain(const struct plan *p, const char *fault, const struct outcome *o, const char *format, ...)
{
	va_list args;
	char line[1024];

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	bad++;
	printf("# %s: %s: %s in %s: %s; status %s %d, %s: %.300s\n", p->name, fault, o->call, o->step, line,
	       WIFSIGNALED(o->status) ? "signal" : "exit",
	       WIFSIGNALED(o->status) ? WTERMSIG(o->status) : WEXITSTATUS(o->status),
	       o->ran ? "payload ran" : "payload did not run", o->out);
}

static void check_left(const struct plan *p, const char *fault, const struct outcome *o, int killed)
{
	struct stat st;

	if (o->hung)
		complain(p, fault, o, "hangs");
	if (o->strays)
		complain(p, fault, o, "a process stays");
	/* What a kill leaves of a template harms nobody, and is there to be swept. */
	if (p->keeps && unharmed(p, "run", NULL) != 7)
		complain(p, fault, o, "the next run fails");
	if (p->keeps && unharmed(p, "clean", "--all"))
		complain(p, fault, o, "nothing can be swept");
	read_mounts(now_mounts, sizeof now_mounts);
	if (strcmp(base_mounts, now_mounts) != 0) {
		complain(p, fault, o, "the host's mounts changed");
		read_mounts(base_mounts, sizeof base_mounts);
	}
	read_registry(now_run, sizeof now_run);
	if (strcmp(base_run, now_run) != 0 && !killed)
		/* Without its lock a group's file must not be removed: the next member does. */
		/* And a member whose /proc entry is said to be missing is taken off the list. */
		if (strcmp(o->call, "unlinkat") != 0 && !strstr(o->step, "serve") &&
		    strcmp(o->step, "group.join") != 0 &&
		    (strcmp(o->step, "group.publish") != 0 || strcmp(o->call, "openat") != 0))
			complain(p, fault, o, "an entry stays in the registry: %s", now_run);
	if (strcmp(base_run, now_run) != 0)
		clear_registry();
	if (p->made && !stat(p->made, &st)) {
		/* A process that is killed cannot tidy up; and who ran may leave what he asked for. */
		if (!o->ran && !killed && strcmp(o->call, "unlinkat") != 0)
			complain(p, fault, o, "%s stays", p->made);
		char path[128];

		snprintf(path, sizeof path, "%s/dir", p->made);
		rmdir(path);
		snprintf(path, sizeof path, "%s/file", p->made);
		unlink(path);
		if (rmdir(p->made))
			die(p->made);
	}
}

static struct called {
	char call[32], step[32];
} calls[MAX_CALLS];

static int in_caps_bound(int n)
{
	return n < MAX_CALLS && !strcmp(calls[n].step, "caps.bound") && !strcmp(calls[n].call, "prctl");
}

/* The init has dropped them before: who finds that he cannot even look drops them again. */
static int dropped_before(int n)
{
	while (n >= 0 && in_caps_bound(n))
		n--;
	while (n >= 0 && !in_caps_bound(n))
		n--;
	return n >= 0;
}

/* What fails around a template is tried without: the payload's own steps are not among it, and nothing behind a clone is. */
static int without(const struct plan *p, const struct outcome *o)
{
	static const char *const own[] = {"hide", "umask.set", "session.new", "caps.bound", "ids.set", "stdio.check",
		"dir.change", "fds.close", "caps.set", "caps.ambient", "no-new-privs", "ready", "exec"};

	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (!strcmp(o->step, own[i]))
			return 0;
	return p->keeps;
}

static const char *reason(const struct outcome *o, int n, int code)
{
	/* The last two of them fail anyway: there is no such capability, is there? */
	if (!strcmp(o->step, "caps.bound") && in_caps_bound(n - 1) && (!in_caps_bound(n + 1) || dropped_before(n - 1)))
		return "beyond the last capability that the kernel knows, or dropped before";
	for (size_t i = 0; i < sizeof may_run / sizeof *may_run; i++)
		if ((!may_run[i].step || !strcmp(may_run[i].step, o->step)) &&
		    (!may_run[i].call || !strcmp(may_run[i].call, o->call)) &&
		    (!may_run[i].code || may_run[i].code == code))
			return may_run[i].reason;
	return NULL;
}

/* Step and errno as a person reads them. */
static int tells(const struct outcome *o, int code)
{
	char step[64];

	/* Before the walk it is a fact that is missing, and that is what is said. */
	if (!strcmp(o->step, "-"))
		return strstr(o->out, "hutch: ") || strstr(o->out, "argument ");
	/* A damaged archive and one that cannot be read are the same to the unpacker. */
	if (!strcmp(o->step, "root.cpio") && !strcmp(o->call, "read"))
		return strstr(o->out, ", root.cpio)") && strstr(o->out, "read error");
	/* A mount that has gone since they were listed is missed by the comparison. */
	if (!strcmp(o->call, "statmount") && code == ENOENT)
		return strstr(o->out, "is not mounted") != NULL;
	/* A member that lives without a /dev/shm must not look like one that is gone: its error is another one. */
	if (!strcmp(o->call, "openat") && code == ENOENT && strstr(o->out, "the group's /dev/shm"))
		code = ENODEV;
	/* What is missing is said in words. */
	if (!strcmp(o->step, "user.find") && code == ENOENT)
		return strstr(o->out, ", user.find)") != NULL;
	snprintf(step, sizeof step, ", %s)", o->step);
	return strstr(o->out, step) && strstr(o->out, strerror(code));
}

static void judge(const struct plan *p, const char *fault, const struct outcome *o, int n, int code)
{
	int status = WIFEXITED(o->status) ? WEXITSTATUS(o->status) : -1;

	check_left(p, fault, o, 0);
	if (o->hung)
		return;
	if (o->ran && status != 7)
		complain(p, fault, o, "the payload's status is lost");
	else if (o->ran && !without(p, o) && !reason(o, n, code))
		complain(p, fault, o, "the failure is ignored");
	else if (!o->ran && status == 7 && !strcmp(o->step, "serve") && strstr(p->name, "tty"))
		;	/* what failed was to print what it said */
	else if (!o->ran && (status < 125 || status > 127))
		complain(p, fault, o, "a wrong exit status");
	else if (!o->ran && !tells(o, code))
		complain(p, fault, o, "the message does not tell step and error");
}

static const int *codes_of(const char *call)
{
	static const int one[] = {EPERM, 0};
	const int *codes = errnos_of(call);

	if (codes)
		return codes;
	printf("# no errnos for %s\n", call);
	bad++;
	return one;
}

static int list_once(const struct plan *p, char side)
{
	struct outcome o;
	char fault[32], *line, *next;
	int n = 0, number;
	char who;

	snprintf(fault, sizeof fault, "%c:0:0", side);
	launch(p, fault, NOBODY, &o);
	check_left(p, fault, &o, 0);
	if (!o.ran || !WIFEXITED(o.status) || WEXITSTATUS(o.status) != 7) {
		complain(p, fault, &o, "does not even run unharmed");
		return 0;
	}
	for (line = fault_log->text; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (n < MAX_CALLS && sscanf(line, "%c %d %31s %31s", &who, &number, calls[n].call, calls[n].step) == 4)
			n++;
	}
	return n;
}

/* A call that is repeated now and then (EAGAIN) must not be in the list. */
static int list_calls(const struct plan *p, char side)
{
	int least = list_once(p, side), n;

	for (int i = 0; i < 40 && (n = list_once(p, side)) != least; i++)
		least = n < least ? n : least;
	return least;
}

/* The calls that are made depend on timing at the end: go on until none is reached. */
static unsigned sweep(const struct plan *p, char side, int full, unsigned *faults)
{
	struct outcome o;
	int listed = list_calls(p, side), n;
	char fault[32];

	for (n = 1; n <= listed + 8 && bad < MAX_BAD; n++) {
		const int *code = codes_of(n <= listed ? calls[n - 1].call : "waitpid");

		for (; *code && bad < MAX_BAD; code++) {
			snprintf(fault, sizeof fault, "%c:%d:%d", side, n, *code);
			/* The kernel's "not sure" (EAGAIN) and the two sides' timing move numbers. */
			for (int tries = 0; tries < 4; tries++) {
				launch(p, fault, NOBODY, &o);
				if (n > listed || !strcmp(o.call, calls[n - 1].call))
					break;
				check_left(p, fault, &o, 0);
			}
			if (!o.reached)
				break;
			++*faults;
			judge(p, fault, &o, n, *code);
			if (!full)
				break;
		}
		if (n > listed && !o.reached)
			break;
	}
	return (unsigned)listed;
}

static void judge_kill(const struct plan *p, const char *fault, const struct outcome *o, enum victim victim)
{
	/* Behind the clone the inside needs no host side, unless it waits for the maps. */
	int late = !strcmp(o->step, "serve") || !strcmp(o->step, "init") ||
		   (fault[0] == 'h' && strcmp(o->step, "map.write") != 0 &&
		    strcmp(o->step, "release") != 0 && strcmp(o->step, "-") != 0);
	int status = WIFEXITED(o->status) ? WEXITSTATUS(o->status) : 128 + WTERMSIG(o->status);

	check_left(p, fault, o, 1);
	if (o->hung)
		return;
	/* Once it runs, it may have run before the blow. */
	if (victim == HUTCH && o->ran && !late)
		complain(p, fault, o, "the payload ran after hutch was killed");
	if (victim == HUTCH && status != 128 + SIGKILL)
		complain(p, fault, o, "hutch survived");
	if (victim != HUTCH && !late && status != 125 && status != 128 + SIGKILL && !o->ran)
		complain(p, fault, o, "a wrong exit status");
	if (victim != HUTCH && !late && status == 125 && !strstr(o->out, "the sandbox ended while it was built, by signal 9") &&
	    !strstr(o->out, "(step "))
		complain(p, fault, o, "nothing is told");
	if (victim != HUTCH && !late && o->ran && status == 125)
		complain(p, fault, o, "the payload ran and hutch says it did not");
}

static unsigned kills(const struct plan *p, char side, unsigned *faults)
{
	struct outcome o;
	int listed = list_calls(p, side);
	char fault[32];

	for (int n = 1; n <= listed && bad < MAX_BAD; n++) {
		snprintf(fault, sizeof fault, "%c:%d:stop", side, n);
		if (!strcmp(calls[n - 1].call, "close") || !strcmp(calls[n - 1].call, "sigaction"))
			continue;
		for (int victim = HUTCH; victim < VICTIMS; victim++) {
			/* Before there is a child, everybody is hutch. */
			if (victim != HUTCH && side == 'h')
				break;
			launch(p, fault, (enum victim)victim, &o);
			if (!o.reached)
				break;
			++*faults;
			judge_kill(p, fault, &o, (enum victim)victim);
		}
	}
	return (unsigned)listed;
}

/* A sandbox that is in the group already. */
static int start_member(void)
{
	char line[64];
	int fd[2], pid;

	if (pipe2(fd, O_CLOEXEC) || (pid = fork()) < 0)
		die("member");
	if (!pid) {
		dup2(fd[1], 1);
		execl(W "/hutch", "hutch", "run", ROOT, "ipc=group both", "--", "/bin/payload", "wait", NULL);
		_exit(98);
	}
	close(fd[1]);
	if (read(fd[0], line, sizeof line) <= 0)
		die("member");
	return pid;
}

static void one_plan(const struct plan *p, const char *mode, const char *dir)
{
	static const char *const sides[] = {"host side", "inside"};
	int full = !strcmp(mode, "full"), kill_mode = !strcmp(mode, "kill");

	/* Since Linux 6.17 each processor numbers its mount namespaces by itself, and what is pinned must be the newer one. */
	if (p->keeps) {
		cpu_set_t one;

		CPU_ZERO(&one);
		CPU_SET(sched_getcpu(), &one);
		sched_setaffinity(0, sizeof one, &one);
	}
	build_place(dir);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (!strcmp(p->name, "group, second"))
		member = start_member();
	mkdir("/run/hutch", 0755);
	read_mounts(base_mounts, sizeof base_mounts);
	read_registry(base_run, sizeof base_run);
	for (int i = 0; i < 2; i++) {
		unsigned faults = 0, listed;
		char side = i ? 'i' : 'h';
		long begin = now_ms();

		bad = 0;
		listed = kill_mode ? kills(p, side, &faults) : sweep(p, side, full, &faults);
		printf("%sok - %s, %s: %u calls, %u %s (%ld ms)\n", bad || !faults ? "not " : "", p->name, sides[i],
		       listed, faults, kill_mode ? "kills" : "failures", now_ms() - begin);
		fflush(stdout);
	}
	if (member)
		kill(member, SIGKILL);
}

int main(int argc, char **argv)
{
	int running = 0, status, failed = 0, wanted = 0;

	if (argc < 3 || !strstr("quick full kill", argv[1])) {
		fprintf(stderr, "usage: nth quick|full|kill DIRECTORY [PLAN]\n");
		return 2;
	}
	if (geteuid()) {
		printf("ok - # skip making launches fail needs root\n");
		return 0;
	}
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (int i = 0; i < PLANS; i++) {
		if (argc > 3 ? strcmp(argv[3], plans[i].name) != 0 : plans[i].slow && strcmp(argv[1], "full") != 0)
			continue;
		if (running == 2 && wait(&status) > 0) {
			running--;
			failed |= status;
		}
		wanted++;
		fflush(stdout);
		if (!fork()) {
			one_plan(&plans[i], argv[1], argv[2]);
			fflush(stdout);
			_exit(0);
		}
		running++;
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed || !wanted;
}
