/* machine.c - part of init.c: a machine in memory, what it says, and the fault in it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

static const struct file {
	const char *path, *text;
} files[] = {
	{"/etc/hutch/init.conf", "boot.hostname=fault\nboot.sysctl=kernel.domainname=fault\nboot.shutdown-timeout=1s\n"
		"boot.watchdog=/watchdog 3s\nboot.mount=tmpfs tmpfs /mnt/t\n"},
	{"/etc/hutch/a.conf", "root=/\nbind=/shared /shared rw\nrestart-delay=10ms 50ms\nstop-timeout=300ms\n"
		"exec=/bin/service a /shared 1\n"},
	{"/etc/hutch/b.conf", "ns=none\ninit=no\nrestart-delay=10ms 50ms\nstop-timeout=300ms\nready=notify\nafter=a\n"
		"log=file /run/b.log\nexec=/bin/service b /shared 1\n"},
};

struct fault_log *fault_log;
struct fault_wish now_wish;
int machine, machine_end;
unsigned heard;
char version;
static char told[16384];
static size_t ntold;
static int said_fd, console_fd, watchdog_fd;

void complain(const char *format, ...)
{
	va_list args;
	char text[256];

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	bad++;
	printf("# %s, %c: %s/%s %d, %s: %s\n", phases[phase_now].name, side_now, now_wish.call, now_wish.step,
	       now_wish.nth, now_wish.armed == FAULT_LIST ? "unharmed" : now_wish.armed == FAULT_STOP ? "hangs" :
	       strerror(now_wish.code), text);
	for (char *line = ntold > 1200 ? told + ntold - 1200 : told, *end; *line; line = end) {
		end = line + strcspn(line, "\n");
		end += *end != '\0';
		printf("#     %.*s", (int)(end - line), line);
	}
	printf("\n");
	fflush(stdout);
}

/* ---- the machine ---- */

static void make_fifo(const char *path)
{
	if (mkfifo(path, 0666))
		die(path);
}

static int open_fifo(const char *path)
{
	int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		die(path);
	return fd;
}

/* In memory of this job's own; what runs in it sees nothing else. */
void build_root(const char *dir)
{
	static const char *const folders[] = {
		"", "/bin", "/sbin", "/etc", "/etc/hutch", "/proc", "/sys", "/dev", "/run", "/tmp", "/shared", "/mnt",
		"/mnt/t", "/mnt/o", "/mnt/lower", "/mnt/upper", "/mnt/work",
	};
	static const struct { const char *name; unsigned major, minor; } nodes[] = {
		{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
		{"ptmx", 5, 2},
	};
	char path[128];
	int fd;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", 0, NULL) || mount("fault", "/run", "tmpfs", 0, "mode=0755") ||
	    mkdir(W, 0755) || mkdir(R, 0755) || mount("root", R, "tmpfs", 0, "mode=0755"))
		die("a mount namespace");
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		snprintf(path, sizeof path, R "%s", folders[i]);
		mkdir(path, 0755);
	}
	copy_file(dir, "hutch", R "/sbin/init");
	copy_file(dir, "service", R "/bin/service");
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, R "%s", files[i].path);
		put_file(path, files[i].text, strlen(files[i].text), 0644);
	}
	/* A console of our own, where there can be no doubt whose it is. */
	if (mount("dev", R "/dev", "tmpfs", 0, "mode=0755"))
		die("dev");
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
		snprintf(path, sizeof path, R "/dev/%s", nodes[i].name);
		if (mknod(path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)))
			die(path);
	}
	if (phase_now == ROOT)
		build_image(dir);
	make_fifo(R "/dev/console");
	make_fifo(R "/shared/said");
	make_fifo(R "/watchdog");
	console_fd = open_fifo(R "/dev/console");
	said_fd = open_fifo(R "/shared/said");
	watchdog_fd = open_fifo(R "/watchdog");
	put_file(R "/log", "", 0, 0666);
	fd = open(R "/log", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ftruncate(fd, sizeof *fault_log))
		die("log");
	fault_log = mmap(NULL, sizeof *fault_log, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fault_log == MAP_FAILED || close(fd))
		die("log");
}

/* An end of its own for each machine: nobody reads what one left unread. */
void read_file(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	while (fd >= 0 && (n = read(fd, to + used, size - 1 - used)) > 0)
		used += (size_t)n;
	to[used] = '\0';
	close(fd);
}

static void drain(int fd)
{
	char text[4096];

	while (read(fd, text, sizeof text) > 0)
		;
}

/* Process 1 of new namespaces. What it unmounts and makes read-only is in them. */
static void become_machine(void)
{
	char *const argv[] = {(char *)"init", NULL};
	char *const env[] = {(char *)"HUTCH_FAULT=shared", (char *)"HUTCH_FAULT_LOG=/log", (char *)"HUTCH_MACHINE=1", NULL};

	if (phase_now == ROOT)
		build_ram();
	if (phase_now == ROOT ? chdir(RAM) :
	    mount(R, R, NULL, MS_BIND | MS_REC, NULL) || chdir(R) ||
	    mount("over", "mnt/o", "overlay", 0, "lowerdir=mnt/lower,upperdir=mnt/upper,workdir=mnt/work"))
		_exit(97);
	if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
		_exit(97);
	for (int fd = 0; fd < 3; fd++)
		if (dup2(open("/dev/null", O_RDWR), fd) != fd)
			_exit(97);
	/* Whatever happens: it must never act on a machine that is not a test's. */
	if (getpid() != 1)
		_exit(97);
	execve(phase_now == ROOT ? "/sbin/hutch" : "/sbin/init", argv, env);
	_exit(97);
}

void start(void)
{
	drain(console_fd);
	drain(said_fd);
	drain(watchdog_fd);
	ntold = heard = 0;
	told[0] = '\0';
	put_file(R "/sysrq-trigger", "", 0, 0600);
	unlink(R "/shared/a.lock");
	unlink(R "/shared/b.lock");
	machine_end = 0;
	/* As fork(2) does, with all that a machine has of its own. */
	machine = (int)syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | SIGCHLD,
			       NULL, NULL, NULL, NULL);
	if (!machine)
		become_machine();
	if (machine < 0)
		die("clone");
}

/* A service says NAME VERSION when it runs. */
static void hear(void)
{
	char text[1024];
	ssize_t n = read(said_fd, text, sizeof text);

	for (ssize_t i = 0; i + 2 < n; i++)
		if (text[i + 1] == ' ') {
			heard |= text[i] == 'a' ? 1 : text[i] == 'b' ? 2 : 0;
			version = text[i + 2];
		}
	if (ntold > sizeof told / 2)
		memmove(told, told + ntold / 2, ntold - ntold / 2), ntold -= ntold / 2;
	n = read(console_fd, told + ntold, sizeof told - 1 - ntold);
	ntold += n > 0 ? (size_t)n : 0;
	told[ntold] = '\0';
}

/* Looks on for so long, or until something is heard; whether the machine is still there. */
int pump(int ms)
{
	struct pollfd fds[] = {{.fd = console_fd, .events = POLLIN}, {.fd = said_fd, .events = POLLIN}};
	int status;

	if (poll(fds, 2, ms) > 0)
		hear();
	if (!machine_end && waitpid(machine, &status, WNOHANG) == machine)
		machine_end = status ? status : -1;
	return !machine_end;
}

/* The emergency keys of a kernel, in a test build. */
int pressed(char key)
{
	char text[64];

	read_file(R "/sysrq-trigger", text, sizeof text);
	return strchr(text, key) != NULL;
}

/* ---- faults ---- */

void disarm(void)
{
	__atomic_store_n(&fault_log->wish.armed, FAULT_OFF, __ATOMIC_SEQ_CST);
}

void prepare(int how, const struct call *c, int nth, int code)
{
	struct fault_wish *w = &fault_log->wish;

	disarm();
	memset(fault_log->text, 0, sizeof fault_log->text);
	fault_log->used = 0;
	fault_log->stopped = fault_log->go = 0;
	*w = (struct fault_wish){.side = side_now, .nth = nth, .code = code};
	if (c) {
		strcpy(w->call, c->call);
		strcpy(w->step, c->step);
	}
	now_wish = *w;
	now_wish.armed = how;
}

void arm(void)
{
	__atomic_store_n(&fault_log->wish.armed, now_wish.armed, __ATOMIC_SEQ_CST);
}

int fired(void)
{
	return __atomic_load_n(&fault_log->used, __ATOMIC_SEQ_CST) > 0;
}

