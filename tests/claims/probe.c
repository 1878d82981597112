/*
 * Looks around from inside a sandbox and prints what it finds, one fact a line, for
 * the claims. Also the tools of the outside that no distribution has: a small expect
 * on a pty, a thread of renames. It must not share code with hutch: it is the witness.
 */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int dispatch(int argc, char **argv);

/* "ok", or the error's own name: the words that claims compare with. */
static int told(long result)
{
	static const struct {
		int code;
		const char *name;
	} names[] = {
		{EPERM, "EPERM"}, {ENOENT, "ENOENT"}, {EACCES, "EACCES"}, {EBUSY, "EBUSY"},
		{EEXIST, "EEXIST"}, {EINVAL, "EINVAL"}, {EROFS, "EROFS"}, {ETXTBSY, "ETXTBSY"},
		{EIO, "EIO"}, {ENOTTY, "ENOTTY"}, {ESRCH, "ESRCH"}, {ENOSPC, "ENOSPC"},
		{ENOSYS, "ENOSYS"}, {ELOOP, "ELOOP"}, {EMFILE, "EMFILE"}, {ENOTDIR, "ENOTDIR"},
		{EISDIR, "EISDIR"}, {ENODEV, "ENODEV"}, {EBADF, "EBADF"}, {ENOKEY, "ENOKEY"},
		{ENXIO, "ENXIO"}, {EUSERS, "EUSERS"}, {EOVERFLOW, "EOVERFLOW"},
		{ECONNREFUSED, "ECONNREFUSED"},
	};
	int code = errno;

	if (result >= 0) {
		puts("ok");
		return 0;
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].code == code) {
			puts(names[i].name);
			return 1;
		}
	printf("errno %d\n", code);
	return 1;
}

/* ---- what is there ---- */

struct line {
	char point[1024], root[1024], type[64], attrs[64], prop[32];
};

/* One line of mountinfo, ids and what differs from run to run left out. */
static int read_line(char *text, struct line *l)
{
	char options[256], *tail = strstr(text, " - ");
	const char *shared = strstr(text, " shared:"), *master = strstr(text, " master:");

	if (!tail || sscanf(text, "%*d %*d %*s %1023s %1023s %255s", l->root, l->point, options) != 3 ||
	    sscanf(tail, " - %63s", l->type) != 1)
		return -1;
	shared = shared && shared < tail ? shared : NULL;
	master = master && master < tail ? master : NULL;
	strcpy(l->prop, strstr(text, " unbindable") && strstr(text, " unbindable") < tail ? "unbindable"
		: shared && master ? "slave+shared" : shared ? "shared" : master ? "slave" : "private");
	l->attrs[0] = '\0';
	for (char *word = strtok(options, ","); word; word = strtok(NULL, ","))
		if (strcmp(word, "relatime") != 0 && strcmp(word, "noatime") != 0 && strcmp(word, "idmapped") != 0)
			sprintf(l->attrs + strlen(l->attrs), "%s%s", *l->attrs ? "," : "", word);
	return 0;
}

/* mounts [FILE] [POINT]: all, or the topmost at a place. */
static int mounts(int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : "/proc/self/mountinfo";
	char text[8192];
	struct line l, last;
	int found = 0;
	FILE *in = fopen(file, "re");

	if (!in)
		return told(-1);
	while (fgets(text, sizeof text, in)) {
		if (read_line(text, &l))
			continue;
		if (argc < 3)
			printf("%s %s %s %s\n", l.point, l.type, l.attrs, l.prop);
		else if (!strcmp(l.point, argv[2]))
			last = l, found = 1;
	}
	fclose(in);
	if (argc > 2 && found)
		printf("%s %s %s\n", last.type, last.attrs, last.prop);
	else if (argc > 2)
		puts("none");
	return 0;
}

static int caps(void)
{
	struct { unsigned version; int pid; } head = {0x20080522, 0};
	struct { unsigned effective, permitted, inheritable; } d[2] = {{0}};
	unsigned long long bounding = 0, ambient = 0;

	if (syscall(SYS_capget, &head, d))
		return told(-1);
	for (unsigned i = 0; i < 64; i++) {
		bounding |= (unsigned long long)(prctl(PR_CAPBSET_READ, i) == 1) << i;
		ambient |= (unsigned long long)(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0) == 1) << i;
	}
	printf("bounding=%llx permitted=%x%08x effective=%x%08x inheritable=%x%08x ambient=%llx\n", bounding,
	       d[1].permitted, d[0].permitted, d[1].effective, d[0].effective, d[1].inheritable,
	       d[0].inheritable, ambient);
	return 0;
}

static int privileges(void)
{
	printf("no-new-privs=%d securebits=%x dumpable=%d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
	       (unsigned)prctl(PR_GET_SECUREBITS), prctl(PR_GET_DUMPABLE));
	return 0;
}

static int ids(void)
{
	unsigned u[3], g[3];
	gid_t groups[64];
	int n = getgroups(64, groups);

	getresuid(&u[0], &u[1], &u[2]);
	getresgid(&g[0], &g[1], &g[2]);
	printf("uid=%u,%u,%u gid=%u,%u,%u groups=", u[0], u[1], u[2], g[0], g[1], g[2]);
	for (int i = 0; i < n; i++)
		printf("%s%u", i ? "," : "", groups[i]);
	putchar('\n');
	return 0;
}

static int limit(const char *number)
{
	struct rlimit l;

	if (getrlimit(atoi(number), &l))
		return told(-1);
	printf("%lld %lld\n", (long long)l.rlim_cur, (long long)l.rlim_max);
	return 0;
}

static int fds(void)
{
	char path[40], to[1024];

	for (int fd = 0; fd < 1024; fd++) {
		ssize_t n;

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		sprintf(path, "/proc/self/fd/%d", fd);
		n = readlink(path, to, sizeof to - 1);
		to[n > 0 ? n : 0] = '\0';
		printf("%d %s\n", fd, to);
	}
	return 0;
}

static int scheduling(void)
{
	struct sched_param p;
	cpu_set_t set;

	syscall(SYS_sched_getparam, 0, &p);	/* musl's own does nothing */
	sched_getaffinity(0, sizeof set, &set);
	printf("nice=%d policy=%d,%d ioprio=%lx cpus=", getpriority(PRIO_PROCESS, 0),
	       (int)syscall(SYS_sched_getscheduler, 0), p.sched_priority, syscall(SYS_ioprio_get, 1, 0));
	for (int i = 0; i < 1024; i++)
		if (CPU_ISSET(i, &set))
			printf("%d,", i);
	putchar('\n');
	return 0;
}

static int session(void)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);

	printf("pid=%d parent=%d leader=%d terminal=%d isatty=%d%d%d foreground=%d\n", getpid(), getppid(),
	       getsid(0) == getpid(), tty >= 0, isatty(0), isatty(1), isatty(2),
	       tty >= 0 && tcgetpgrp(tty) == getpgrp());
	if (tty >= 0)
		close(tty);
	return 0;
}

static int names(void)
{
	struct utsname u;

	uname(&u);
	printf("host=%s domain=%s\n", u.nodename, u.domainname);
	return 0;
}

static int about(const char *path)
{
	struct stat st;
	const char *type;

	if (lstat(path, &st))
		return told(-1);
	type = S_ISDIR(st.st_mode) ? "dir" : S_ISREG(st.st_mode) ? "file" : S_ISLNK(st.st_mode) ? "link" :
	       S_ISCHR(st.st_mode) ? "char" : S_ISBLK(st.st_mode) ? "block" : "other";
	printf("%s %04o %u:%u", type, st.st_mode & 07777, st.st_uid, st.st_gid);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		printf(" %u,%u", major(st.st_rdev), minor(st.st_rdev));
	putchar('\n');
	return 0;
}

static int cat(const char *path)
{
	char buf[4096];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return told(-1);
	fflush(stdout);
	while ((n = read(fd, buf, sizeof buf)) > 0)
		if (write(1, buf, (size_t)n) < 0)
			break;
	if (n < 0)
		told(-1);
	close(fd);
	return 0;
}

/* Reads a file with numbers until it says "end": was it ever missing, empty, or older than before? */
static int reread(const char *path)
{
	long bad = 0, back = 0, last = 0;

	for (;;) {
		char text[32];
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
		long now;

		close(fd);
		if (n <= 0) {
			bad++;
			continue;
		}
		text[n] = '\0';
		if (!strncmp(text, "end", 3))
			return printf("bad=%ld back=%ld\n", bad, back) < 0;
		now = atol(text);
		back += now < last;
		last = now;
	}
}

static int list(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir)
		return told(-1);
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			printf("%s ", e->d_name);
	putchar('\n');
	closedir(dir);
	return 0;
}

/* What another process has that is not allowed to go on. */
static int seize(const char *pid)
{
	struct { unsigned version; int pid; } head = {0x20080522, atoi(pid)};
	struct { unsigned effective, permitted, inheritable; } d[2] = {{0}};
	char path[64];

	if (ptrace(PTRACE_SEIZE, head.pid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, head.pid, NULL, NULL) ||
	    waitpid(head.pid, NULL, __WALL) < 0 || syscall(SYS_capget, &head, d))
		return told(-1);
	printf("permitted=%x%08x descriptors: ", d[1].permitted, d[0].permitted);
	snprintf(path, sizeof path, "/proc/%s/fd", pid);
	list(path);
	return told(ptrace(PTRACE_DETACH, head.pid, NULL, NULL));
}

static int writes(const char *path, const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0644), result;

	if (fd < 0)
		return told(-1);
	result = (int)write(fd, text, strlen(text));
	close(fd);
	return told(result);
}

static int clocks(void)
{
	struct timespec m, b;

	clock_gettime(CLOCK_MONOTONIC, &m);
	clock_gettime(CLOCK_BOOTTIME, &b);
	printf("%lld %lld\n", (long long)m.tv_sec, (long long)b.tv_sec);
	return 0;
}

static int network(void)
{
	struct if_nameindex *all = if_nameindex();
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (struct if_nameindex *i = all; i && i->if_index; i++) {
		struct ifreq r = {0};

		memcpy(r.ifr_name, i->if_name, strnlen(i->if_name, IFNAMSIZ - 1));
		ioctl(s, SIOCGIFFLAGS, &r);
		printf("%s %s\n", i->if_name, r.ifr_flags & IFF_UP ? "up" : "down");
	}
	close(s);
	return 0;
}

/* A service on the loopback, and who talks to it. */
static int loopback(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof a;
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(server, (void *)&a, n) || listen(server, 1) || getsockname(server, (void *)&a, &n))
		return told(-1);
	return told(connect(client, (void *)&a, n));
}

static int abstract(const char *name, int make)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	socklen_t n = (socklen_t)(sizeof a.sun_family + 1 + strlen(name));
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(a.sun_path + 1, name);
	if (!make)
		return told(connect(s, (void *)&a, n));
	if (bind(s, (void *)&a, n) || listen(s, 1))
		return told(-1);
	puts("ok");
	fflush(stdout);
	pause();
	return 0;
}

/* ---- IPC objects ---- */

static int sysv(const char *what, const char *verb, int key)
{
	int flags = !strcmp(verb, "make") ? IPC_CREAT | IPC_EXCL | 0666 : 0;

	if (!strcmp(what, "msg"))
		return told(msgget(key, flags));
	if (!strcmp(what, "sem"))
		return told(semget(key, flags ? 1 : 0, flags));
	return told(shmget(key, flags ? 4096 : 0, flags));
}

static int sysv_send(int key, const char *text)
{
	struct { long type; char text[64]; } m = {1, ""};

	strncpy(m.text, text, sizeof m.text - 1);
	return told(msgsnd(msgget(key, 0), &m, sizeof m.text, IPC_NOWAIT));
}

static int sysv_take(int key)
{
	struct { long type; char text[64]; } m;

	if (msgrcv(msgget(key, 0), &m, sizeof m.text, 0, IPC_NOWAIT) < 0)
		return told(-1);
	puts(m.text);
	return 0;
}

static int queue(const char *name, int flags)
{
	return told(mq_open(name, O_RDWR | flags, 0600, NULL));
}

/* What stays in use until release: a segment, a queue, a semaphore, a POSIX queue, pages of a file. */
static int hold(int key, const char *name, const char *path)
{
	struct { long type; char text[4]; } m = {1, "abc"};
	int said[2], fd, pid;
	char c;

	if (pipe(said))
		return told(-1);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		setsid();
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0 && !ftruncate(fd, 4096) && shmat(shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0666), NULL, 0) != (void *)-1 &&
		    !msgsnd(msgget(key + 1, IPC_CREAT | IPC_EXCL | 0666), &m, sizeof m.text, 0) &&
		    !semctl(semget(key + 2, 1, IPC_CREAT | IPC_EXCL | 0666), 0, SETVAL, 1) &&
		    mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL) >= 0 &&
		    mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED && !close(fd) && write(said[1], "x", 1) == 1)
			pause();
		_exit(0);
	}
	close(said[1]);
	if (read(said[0], &c, 1) != 1)
		return told(-1);
	puts("ok");
	return 0;
}

static int release(int key)
{
	int pid = semctl(semget(key + 2, 1, 0), 0, GETPID);

	if (pid <= 0 || kill(pid, SIGKILL))
		return told(-1);
	while (!kill(pid, 0))
		usleep(1000);
	puts("ok");
	return 0;
}

/* ---- keys ---- */

static long keyctl(int op, long a, long b, long c)
{
	return syscall(SYS_keyctl, op, a, b, c, 0L);
}

/* Of the session, -3, or the user, -4. */
static long ring(const char *number)
{
	return *number ? atoi(number) : -3;
}

static int key_add(const char *name, const char *where)
{
	return told(syscall(SYS_add_key, "user", name, "secret", 6L, ring(where)));
}

static int key_find(const char *name, const char *where)
{
	return told(keyctl(10 /* KEYCTL_SEARCH */, ring(where), (long)"user", (long)name));
}

/* key-session-with NAME COMMAND...: in a session keyring that has this key. */
static int key_session_with(char **argv)
{
	if (keyctl(1 /* KEYCTL_JOIN_SESSION_KEYRING */, 0, 0, 0) < 0 ||
	    syscall(SYS_add_key, "user", argv[1], "secret", 6L, -3L) < 0)
		return told(-1);
	execvp(argv[2], argv + 2);
	return told(-1);
}

static int key_session(void)
{
	char text[256] = "";
	long id = keyctl(0 /* KEYCTL_GET_KEYRING_ID */, -3, 0, 0);

	if (id < 0 || keyctl(6 /* KEYCTL_DESCRIBE */, -3, (long)text, sizeof text) < 0)
		return told(-1);
	printf("%ld %s\n", id, text);
	return 0;
}

/* ---- what must not work ---- */

static int try_setns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return told(fd < 0 ? -1 : setns(fd, 0));
}

static int try_tiocsti(void)
{
	return told(ioctl(0, TIOCSTI, "x"));
}

static int try_raw(const char *name)
{
	char data[8];
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	return told(fd < 0 ? -1 : (int)read(fd, data, sizeof data));
}

static int marked(const char *how)
{
	if (access("/.hutch-initramfs", F_OK))
		return 0;
	printf("%s: initramfs\n", how);
	return 1;
}

static int in_child(const char *how, int (*attempt)(void))
{
	int status = 0, pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		int out = attempt() || 1;

		chdir("/");
		out = marked(how);
		fflush(stdout);
		_exit(out);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}

static int self_ns = -1;

static int break_setns(void)
{
	return setns(self_ns, CLONE_NEWNS);
}

static int break_umount(void)
{
	umount2("/", MNT_DETACH);
	return setns(self_ns, CLONE_NEWNS);
}

static int break_umounts(int times)
{
	while (times-- > 0)
		umount2("/", MNT_DETACH);
	return setns(self_ns, CLONE_NEWNS);
}

static int break_two(void)
{
	return break_umounts(2);
}

static int break_three(void)
{
	return break_umounts(3);
}

static int break_many(void)
{
	return break_umounts(8);
}

/* Layer for layer, to the bottom. */
static int break_dig(void)
{
	while (!setns(self_ns, CLONE_NEWNS) && !umount2("/", MNT_DETACH))
		;
	return 0;
}

/* The escape of textbooks: a chroot below, a working directory above. */
static int break_chroot(void)
{
	if (chdir("/") || chroot("/proc"))
		return -1;
	for (int i = 0; i < 16; i++)
		if (chdir(".."))
			return -1;
	return chroot(".");
}

static int break_copy(void)
{
	if (unshare(CLONE_NEWNS))
		return -1;
	umount2("/", MNT_DETACH);
	self_ns = open("/proc/self/ns/mnt", O_RDONLY);
	return setns(self_ns, CLONE_NEWNS);
}

static int break_user(void)
{
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return -1;
	umount2("/", MNT_DETACH);
	return setns(self_ns, CLONE_NEWNS);
}

static int break_pivot(void)
{
	mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	mount("/", "/", NULL, MS_BIND, NULL);
	chdir("/..");
	chroot(".");
	if (syscall(SYS_pivot_root, ".", "."))
		return -1;
	umount2(".", MNT_DETACH);
	return setns(self_ns, CLONE_NEWNS);
}

static int break_move(void)
{
	chdir("/..");
	umount2(".", MNT_DETACH);
	mount("/..", "/tmp", NULL, MS_MOVE, NULL);
	return chroot("/..");
}

/* All known ways down to what lies below the root. Says which one arrived. */
static int escape(void)
{
	static const struct {
		const char *how;
		int (*attempt)(void);
	} ways[] = {
		{"setns", break_setns}, {"umount, setns", break_umount}, {"two umounts, setns", break_two}, {"three umounts, setns", break_three},
		{"eight umounts, setns", break_many}, {"umount and setns, again and again", break_dig},
		{"chroot", break_chroot}, {"unshare, umount, setns", break_copy},
		{"user namespace", break_user}, {"bind, pivot_root", break_pivot}, {"move", break_move},
	};
	int out = 0;

	self_ns = open("/proc/self/ns/mnt", O_RDONLY);
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		out |= in_child(ways[i].how, ways[i].attempt);
	puts(out ? "out" : "inside");
	return out;
}

/* How many mounts lie over each other at "/", in a copy of this namespace, and can be taken away. */
static int depth(void)
{
	int n = 0;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return told(-1);
	self_ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	while (!setns(self_ns, CLONE_NEWNS) && !umount2("/", MNT_DETACH))
		n++;
	printf("%d\n", n);
	return 0;
}

/*
 * Digs through all that lies over each other at "/" in a copy of this namespace, and says what is
 * at the bottom: mounts, then files. What is hidden there takes memory and time at every copy.
 */
static int below(void)
{
	int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC), fd;
	char line[4096], point[4096];
	struct dirent *e;
	FILE *f;
	DIR *d;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return told(-1);
	self_ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	break_dig();
	fd = openat(proc, "self/mountinfo", O_RDONLY | O_CLOEXEC);
	f = fd < 0 ? NULL : fdopen(fd, "re");
	d = opendir("/");
	if (!f || !d)
		return told(-1);
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1)
			printf("mount %s\n", point);
	while ((e = readdir(d)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			printf("file %s\n", e->d_name);
	return 0;
}

/* ---- life ---- */

static volatile sig_atomic_t got;

static void on_signal(int number)
{
	got = number;
}

/* trap EXIT SIGNAL...: says which came, ends with EXIT. */
static int trap(int argc, char **argv)
{
	for (int i = 2; i < argc; i++)
		signal(atoi(argv[i]), on_signal);
	puts("ready");
	fflush(stdout);
	while (!got)
		pause();
	printf("signal %d\n", (int)got);
	return atoi(argv[1]);
}

/* A daemon that outlives its parents, with a lock that tells who watches. */
static int orphan(const char *seconds)
{
	int said[2], pid;
	char c;

	if (pipe(said))
		return told(-1);
	pid = fork();
	if (!pid) {
		setsid();
		if (fork())
			_exit(0);
		close(said[0]);
		while (getppid() != 1 && getppid() != 0)
			usleep(1000);
		if (write(said[1], "x", 1) < 0)
			_exit(1);
		close(said[1]);
		for (int i = 0; i < 3; i++)
			close(i);
		sleep((unsigned)atoi(seconds));
		_exit(0);
	}
	close(said[1]);
	waitpid(pid, NULL, 0);
	if (read(said[0], &c, 1) != 1)
		return told(-1);
	puts("orphan of init");
	return 0;
}

static int zombies(void)
{
	char path[64], text[512];
	int n = 0;

	for (int i = 0; i < 20; i++) {
		int pid = fork();

		if (!pid && fork())
			_exit(0);
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	usleep(100000);
	for (int i = 2; i < 200; i++) {
		FILE *f;

		sprintf(path, "/proc/%d/stat", i);
		f = fopen(path, "re");
		if (f && fgets(text, sizeof text, f) && strstr(text, ") Z"))
			n++;
		if (f)
			fclose(f);
	}
	printf("%d\n", n);
	return 0;
}

/* Reads command lines and answers each, with a line that is one dot behind it. */
static int serve(void)
{
	char line[4096], *argv[64];

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof line, stdin)) {
		int argc = 0, pid;

		for (char *word = strtok(line, " \n"); word && argc < 63; word = strtok(NULL, " \n"))
			argv[argc++] = word;
		argv[argc] = NULL;
		if (!strcmp(argv[0], "quit"))
			return argc > 1 ? atoi(argv[1]) : 0;
		pid = fork();
		if (!pid) {
			dispatch(argc, argv);
			fflush(stdout);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
		puts(".");
		fflush(stdout);
	}
	return 0;
}

/* ---- tools of the outside ---- */

static int heard(int master, const char *text)
{
	static char all[1 << 16];
	static size_t used, seen;
	struct pollfd p = {master, POLLIN, 0};

	for (;;) {
		char *at = strstr(all + seen, text);
		ssize_t n;

		if (at) {
			seen = (size_t)(at - all) + strlen(text);
			return 1;
		}
		if (used > sizeof all - 4096) {	/* the beginning is forgotten */
			memmove(all, all + used - 256, 256);
			used = 256;
			seen = 0;
		}
		if (poll(&p, 1, 5000) <= 0)
			break;
		n = read(master, all + used, 2048);
		if (n <= 0)
			break;
		used += (size_t)n;
		all[used] = '\0';
	}
	printf("never came: %s, but: %s\n", text, all + (used > seen + 300 ? used - 300 : seen));
	return 0;
}

/* pty [+TEXT|=TEXT|@ROWSxCOLUMNS]... -- COMMAND: sends and waits for texts on a terminal. */
static int pty(int argc, char **argv)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), status = 0, pid, command = 1, good = 1;
	struct winsize size = {24, 80, 0, 0};

	while (command < argc && strcmp(argv[command], "--") != 0)
		command++;
	if (master < 0 || grantpt(master) || unlockpt(master) || command + 1 >= argc)
		return told(-1);
	ioctl(master, TIOCSWINSZ, &size);
	pid = fork();
	if (!pid) {
		int slave;

		setsid();
		slave = open(ptsname(master), O_RDWR);
		ioctl(slave, TIOCSCTTY, 0);
		for (int i = 0; i < 3; i++)
			dup2(slave, i);
		if (slave > 2)
			close(slave);
		execvp(argv[command + 1], argv + command + 1);
		_exit(127);
	}
	for (int i = 1; i < command && good; i++) {
		if (argv[i][0] == '=') {
			good = heard(master, argv[i] + 1);
		} else if (argv[i][0] == '@') {
			sscanf(argv[i] + 1, "%hux%hu", &size.ws_row, &size.ws_col);
			ioctl(master, TIOCSWINSZ, &size);
		} else if (write(master, argv[i] + 1, strlen(argv[i] + 1)) < 0) {
			good = 0;
		}
	}
	if (!good)
		kill(pid, SIGKILL);
	/* What still comes is drained: a full pty would hold the other side up. */
	while (waitpid(pid, &status, WNOHANG) == 0) {
		struct pollfd p = {master, POLLIN, 0};
		char buf[512];

		if (poll(&p, 1, 20) > 0 && read(master, buf, sizeof buf) < 0)
			usleep(1000);
	}
	printf("status %d\n", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
	return !good;
}

static int terminal_size(void)
{
	struct winsize size;

	if (ioctl(0, TIOCGWINSZ, &size))
		return told(-1);
	printf("size %dx%d\n", size.ws_row, size.ws_col);
	return 0;
}

/* Exchanges two names until it is killed. */
static int flip(const char *a, const char *b)
{
	for (;;)
		if (syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2 /* RENAME_EXCHANGE */))
			return told(-1);
}

/* with FD PATH COMMAND...: leaks a descriptor of a place. */
static int with(int argc, char **argv)
{
	int fd = open(argv[2], O_RDONLY | O_NONBLOCK);

	if (argc < 4 || fd < 0 || dup2(fd, atoi(argv[1])) < 0)
		return told(-1);
	execvp(argv[3], argv + 3);
	return told(-1);
}

/*
 * enosys COMMAND...: an older kernel, without openat2, clone3, open_tree, move_mount,
 * fsopen and its kin, mount_setattr, close_range, statmount and listmount.
 */
static int enosys(char **argv)
{
	static const unsigned absent[] = {428, 429, 430, 431, 432, 433, 435, 436, 437, 442, 457, 458};
	enum { N = sizeof absent / sizeof *absent };
	struct { unsigned short code; unsigned char jt, jf; unsigned k; } code[N + 3];
	struct { unsigned short n; void *code; } program = {N + 3, code};

	code[0].code = 0x20, code[0].k = 0;	/* load the call's number */
	for (unsigned i = 0; i < N; i++) {
		code[1 + i].code = 0x15;	/* equal: to the last line */
		code[1 + i].jt = (unsigned char)(N - i);
		code[1 + i].jf = 0;
		code[1 + i].k = absent[i];
	}
	code[N + 1].code = 0x06, code[N + 1].k = 0x7fff0000;		/* allow */
	code[N + 2].code = 0x06, code[N + 2].k = 0x00050000 | ENOSYS;
	if (geteuid())
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, &program))
		return told(-1);
	execvp(argv[1], argv + 1);
	return told(-1);
}

/* enter FILE COMMAND [ARG]...: the host's power in a sandbox's namespace. */
static int enter(int argc, char **argv)
{
	int fd = open(argv[1], O_RDONLY | O_CLOEXEC);

	if (argc < 3 || fd < 0 || setns(fd, 0))
		return told(-1);
	return dispatch(argc - 2, argv + 2);
}

static int masks(void)
{
	char text[256];
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(text, sizeof text, f))
		if (!strncmp(text, "SigBlk", 6) || !strncmp(text, "SigIgn", 6))
			fputs(text, stdout);
	return 0;
}

static int sleeps(const char *seconds)
{
	sleep((unsigned)atoi(seconds));
	return 0;
}

static int facts(int argc, char **argv)
{
	const char *c = argv[0], *a = argc > 1 ? argv[1] : "", *b = argc > 2 ? argv[2] : "";
	mode_t mask;
	char text[4096];

#define IS(word) (!strcmp(c, word))
	if (IS("mounts"))
		return mounts(argc, argv);
	if (IS("mount"))
		return mounts(3, (char *[]){argv[0], "/proc/self/mountinfo", argv[1]});
	if (IS("caps"))
		return caps();
	if (IS("privileges"))
		return privileges();
	if (IS("ids"))
		return ids();
	if (IS("rlimit"))
		return limit(a);
	if (IS("fds"))
		return fds();
	if (IS("scheduling"))
		return scheduling();
	if (IS("session"))
		return session();
	if (IS("names"))
		return names();
	if (IS("stat"))
		return about(a);
	if (IS("cat"))
		return cat(a);
	if (IS("reread"))
		return reread(a);
	if (IS("ls"))
		return list(a);
	if (IS("clocks"))
		return clocks();
	if (IS("net"))
		return network();
	if (IS("masks"))
		return masks();
	if (IS("size"))
		return terminal_size();
	if (IS("umask")) {
		umask(mask = umask(0));
		return printf("%04o\n", (unsigned)mask) < 0;
	}
	if (IS("cwd"))
		return puts(getcwd(text, sizeof text) ? text : "nowhere") < 0;
	if (IS("ns"))
		return printf("%.*s\n", (int)readlink(a, text, sizeof text), text) < 0;
	if (IS("readlink")) {
		ssize_t n = readlink(a, text, sizeof text);
		return n < 0 ? told(-1) : printf("%.*s\n", (int)n, text) < 0;
	}
	if (IS("args")) {
		for (int i = 1; i < argc; i++)
			printf("[%s]", argv[i]);
		return putchar('\n') < 0;
	}
	if (IS("env")) {
		for (char **e = environ; *e; e++)
			puts(*e);
		return 0;
	}
	if (IS("sysv"))
		return sysv(a, b, argc > 3 ? atoi(argv[3]) : 1);
	if (IS("send"))
		return sysv_send(atoi(a), b);
	if (IS("take"))
		return sysv_take(atoi(a));
	if (IS("mq-make"))
		return queue(a, O_CREAT | O_EXCL);
	if (IS("mq-find"))
		return queue(a, 0);
	if (IS("hold"))
		return hold(atoi(a), b, argc > 3 ? argv[3] : "/dev/shm/held");
	if (IS("release"))
		return release(atoi(a));
	if (IS("key-add"))
		return key_add(a, b);
	if (IS("key-find"))
		return key_find(a, b);
	if (IS("key-session"))
		return key_session();
	return -1;
}

/* Newer machines only have the call with a signal mask. */
static int is_poll(uint64_t call)
{
#ifdef SYS_poll
	if (call == SYS_poll)
		return 1;
#endif
	return call == SYS_ppoll;
}

/*
 * disturb TIMES DIRECTORY COMMAND...: each time that it asks whether its table of mounts changed while it was
 * read, it just did. What comes to the directory is one pile.
 */
static int disturb(int argc, char **argv)
{
	int times = atoi(argv[1]), status;
	pid_t pid = argc > 3 ? fork() : -1;

	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			_exit(99);
		execv(argv[3], argv + 3);
		_exit(99);
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		struct __ptrace_syscall_info info = {0};
		int signal = WSTOPSIG(status);

		if (signal == SIGTRAP) {
			ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD);
			signal = 0;
		}
		if (signal == (SIGTRAP | 0x80)) {
			ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info);
			signal = 0;
		}
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY && is_poll(info.entry.nr) && times-- > 0 &&
		    mount("disturb", argv[2], "tmpfs", 0, NULL))
			return told(-1);
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static int deeds(int argc, char **argv)
{
	const char *c = argv[0], *a = argc > 1 ? argv[1] : "", *b = argc > 2 ? argv[2] : "";

	if (IS("write"))
		return writes(a, b, O_TRUNC);
	if (IS("put"))
		return writes(a, b, 0);
	if (IS("make"))
		return writes(a, b, O_CREAT | O_EXCL);
	if (IS("open-w"))
		return writes(a, "", 0);
	if (IS("mkdir"))
		return told(mkdir(a, 0755));
	if (IS("chmod"))
		return told(chmod(a, 0777));
	if (IS("unlink"))
		return told(unlink(a));
	if (IS("umount"))
		return told(umount2(a, MNT_DETACH));
	if (IS("disturb"))
		return disturb(argc, argv);
	if (IS("tmpfs"))
		return told(mount("probe", a, "tmpfs", 0, NULL));
	if (IS("rw"))
		return told(mount(NULL, a, NULL, MS_REMOUNT | MS_BIND, NULL));
	if (IS("bind"))
		return told(mount(a, b, NULL, MS_BIND, NULL));
	if (IS("setns"))
		return try_setns(a);
	if (IS("ptrace"))
		return told(ptrace(PTRACE_ATTACH, atoi(a), NULL, NULL));
	if (IS("seize"))
		return seize(a);
	if (IS("mknod"))
		return told(mknod(a, S_IFCHR | 0666, makedev(1, 3)));
	if (IS("tiocsti"))
		return try_tiocsti();
	if (IS("read"))
		return try_raw(a);
	if (IS("unshare"))
		return told(unshare(atoi(a)));
	if (IS("sethostname"))
		return told(sethostname("stolen", 6));
	if (IS("kill"))
		return told(kill(atoi(a), atoi(b)));
	if (IS("loopback"))
		return loopback();
	if (IS("listen"))
		return abstract(a, 1);
	if (IS("connect"))
		return abstract(a, 0);
	if (IS("escape"))
		return escape();
	if (IS("depth"))
		return depth();
	if (IS("below"))
		return below();
	if (IS("exit"))
		return atoi(a);
	if (IS("die"))
		return raise(atoi(a));
	if (IS("trap"))
		return trap(argc, argv);
	if (IS("orphan"))
		return orphan(a);
	if (IS("zombies"))
		return zombies();
	if (IS("sleep"))
		return sleeps(a);
	if (IS("serve"))
		return serve();
	if (IS("pty"))
		return pty(argc, argv);
	if (IS("key-session-with"))
		return key_session_with(argv);
	if (IS("enosys"))
		return enosys(argv);
	if (IS("enter"))
		return enter(argc, argv);
	if (IS("flip"))
		return flip(a, b);
	if (IS("with"))
		return with(argc, argv);
	return -1;
}

static int dispatch(int argc, char **argv)
{
	int result = facts(argc, argv);

	if (result < 0)
		result = deeds(argc, argv);
	if (result < 0)
		printf("probe does not know %s\n", argv[0]);
	return result < 0 ? 120 : result;
}

static int runs_command(const char *word)
{
	return !strcmp(word, "with") || !strcmp(word, "pty") || !strcmp(word, "enosys") ||
	       !strcmp(word, "key-session-with");
}

/* probe COMMAND [ARG]... [, COMMAND [ARG]...]...; the last one's result is the status. */
int main(int argc, char **argv)
{
	int first = 1, result = 120;

	while (first < argc) {
		int n = first;
		char *cut;

		/* What runs a command takes all that follows. */
		while (n < argc && (runs_command(argv[first]) || strcmp(argv[n], ",") != 0))
			n++;
		cut = argv[n];
		argv[n] = NULL;
		result = dispatch(n - first, argv + first);
		argv[n] = cut;
		first = n + 1;
	}
	return result;
}
