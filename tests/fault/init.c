/*
 * init MODE DIRECTORY [PHASE [SIDE]]
 *
 * hutch as PID 1 of a throw-away PID namespace, with a root in memory: it boots, and it
 * ends the machine. The kernel calls of its processes (PID 1's own, the loader with the
 * settings of the machine, a launch, what unmounts at the end) go wrong one by one:
 *
 *   quick  each call of PID 1 and of what unmounts, of others the first of each name and step, fails once
 *          with its usual errno
 *   full   every call, with every plausible errno
 *   hang   every call of those who may hang does, and is never heard of again
 *
 * and each time the machine is up with its services, and down as planned when it is told
 * to be; in the phase root, on the real root or on the initramfs. PID 1 that ends in any other way is a panic. DIRECTORY has hutch (built with
 * HUTCH_FAULT) and service. Prints TAP, one result per phase and side.
 */
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
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errnos.h"
#include "kernel/fault.h"
#include "shared/place.h"

#define R W "/root"
enum {
	MAX_CALLS = 800, MAX_BAD = 12, JOBS = 3, SLICES = 4,
	IN_TIME = 2500,		/* ms, until the services are up: a pause of theirs and a busy machine */
	AT_MOST = 12000,	/* with a reason from the table of what is slow */
	DOWN = 1000,		/* ms, boot.shutdown-timeout */
	LAST_CALL = 11000,		/* ms, after which a reboot(2) that hangs is given up */
	GRACE = 1000,		/* ms, what the end of a machine may take beyond that */
};

/* Failures after which the services take longer, each with its reason. */
static const struct {
	char side;
	const char *call, *step, *reason;
} slow[] = {
	{'s', "kill", NULL, "the signal did not arrive: killing is tried again"},
};

enum phase { BOOT, ROOT, REBOOT, POWEROFF, PHASES };
static const struct {
	const char *name, *quick, *full, *hang;	/* sides as in kernel/fault.h, by mode */
	int signal, end;			/* what PID 1 is told, and what its parent sees */
} phases[PHASES] = {
	[BOOT] = {"boot", "so", "sol", "", SIGTERM, SIGHUP},
	[ROOT] = {"root", "soc", "soc", "", SIGTERM, SIGHUP},
	[REBOOT] = {"reboot", "sd", "sdw", "d", SIGTERM, SIGHUP},
	[POWEROFF] = {"poweroff", "", "sd", "", SIGUSR2, SIGINT},
};

struct call {
	char call[24], step[24];
	int count;
};

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

/* A real root in place of that one, which becomes its initramfs; what it is told by lies in /run, which goes along. */
static const struct file ram_files[] = {
	{"/etc/hutch/init.conf", "boot.shutdown-timeout=1s\nboot.root=/image squashfs overlay=tmpfs wait=100ms\n"},
	{"/etc/hutch/a.conf", "root=/\nbind=/shared /shared rw\nrestart-delay=10ms 50ms\nstop-timeout=300ms\n"
		"exec=/bin/service a /shared 1\n"},
	{NULL, NULL},
}, real_files[] = {
	{"/etc/hutch/init.conf", "boot.shutdown-timeout=1s\n"},
	{"/etc/hutch/a.conf", "root=/\nbind=/run/shared /run/shared rw\nrestart-delay=10ms 50ms\nstop-timeout=300ms\n"
		"exec=/bin/service a /run/shared 2\n"},
	{NULL, NULL},
};
static const char *programs;

static struct fault_log *fault_log;
static struct fault_wish now_wish;
static enum phase phase_now;
static char side_now, version, told[16384];
static const char *mode;
static size_t ntold;
static unsigned bad, faults, heard, arrived;
static int said_fd, console_fd, watchdog_fd, machine, machine_end;
static long slowest;
static char slowest_call[64];
static struct call calls[MAX_CALLS];
static int ncalls;

__attribute__((format(printf, 1, 2))) static void complain(const char *format, ...)
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

static void build_tree(const char *to, const struct file *f)
{
	static const char *const folders[] = {
		"", "/bin", "/sbin", "/etc", "/etc/hutch", "/proc", "/sys", "/dev", "/run", "/shared",
	};
	char path[128];

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		snprintf(path, sizeof path, "%s%s", to, folders[i]);
		mkdir(path, 0755);
	}
	snprintf(path, sizeof path, "%s/sbin/hutch", to);
	copy_file(programs, "hutch", path);
	snprintf(path, sizeof path, "%s/bin/service", to);
	copy_file(programs, "service", path);
	for (; f->path; f++) {
		snprintf(path, sizeof path, "%s%s", to, f->path);
		put_file(path, f->text, strlen(f->text), 0644);
	}
}

static void build_image(void)
{
	int status;

	build_tree(W "/real", real_files);
	fflush(stdout);
	if (!fork()) {
		dup2(open("/dev/null", O_RDWR | O_CLOEXEC), 1);
		execlp("mksquashfs", "mksquashfs", W "/real", W "/image", "-quiet", "-no-progress", NULL);
		_exit(127);
	}
	if (wait(&status) < 0 || status)
		die("mksquashfs");
	mknod(R "/dev/loop-control", S_IFCHR | 0600, makedev(10, 237));
	for (unsigned i = 0; i < 64; i++) {
		char path[64];

		snprintf(path, sizeof path, R "/dev/loop%u", i);
		mknod(path, S_IFBLK | 0600, makedev(7, i));
	}
	if (mount("shared", R "/shared", "tmpfs", 0, "mode=0755"))
		die("shared");
}

/* An initramfs for each life: it is deleted. The harness's own files lie on other file systems. */
static void build_ram(void)
{
	static const char *const own[][2] = {
		{R "/dev", W "/ram/dev"}, {R "/shared", W "/ram/shared"}, {R "/log", W "/ram/log"},
		{R "/shared", W "/ram/run/shared"},
	};

	mkdir(W "/ram", 0755);
	if (mount("ram", W "/ram", "tmpfs", 0, "mode=0755"))
		_exit(97);
	build_tree(W "/ram", ram_files);
	copy_file(W, "image", W "/ram/image");
	put_file(W "/ram/log", "", 0, 0600);
	if (mount("run", W "/ram/run", "tmpfs", 0, "mode=0755") || mkdir(W "/ram/run/shared", 0755))
		_exit(97);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (mount(own[i][0], own[i][1], NULL, MS_BIND, NULL))
			_exit(97);
}

/* In memory of this job's own; what runs in it sees nothing else. */
static void build_root(const char *dir)
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

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("fault", "/run", "tmpfs", 0, "mode=0755") ||
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
		build_image();
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
	if (phase_now == ROOT ? chdir(W "/ram") :
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

static void start(void)
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
static int pump(int ms)
{
	struct pollfd fds[] = {{.fd = console_fd, .events = POLLIN}, {.fd = said_fd, .events = POLLIN}};
	int status;

	if (poll(fds, 2, ms) > 0)
		hear();
	if (!machine_end && waitpid(machine, &status, WNOHANG) == machine)
		machine_end = status ? status : -1;
	return !machine_end;
}

/* ---- faults ---- */

static void disarm(void)
{
	__atomic_store_n(&fault_log->wish.armed, FAULT_OFF, __ATOMIC_SEQ_CST);
}

static void arm(int how, const struct call *c, int nth, int code)
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

static void go(void)
{
	__atomic_store_n(&fault_log->wish.armed, now_wish.armed, __ATOMIC_SEQ_CST);
}

static int fired(void)
{
	return __atomic_load_n(&fault_log->used, __ATOMIC_SEQ_CST) > 0;
}

static void list_calls(void)
{
	char *line, *next;
	struct call c;
	int i;

	ncalls = 0;
	for (line = fault_log->text; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (sscanf(line, "%*c %*d %23s %23s", c.call, c.step) != 2)
			continue;
		for (i = 0; i < ncalls; i++)
			if (!strcmp(calls[i].call, c.call) && !strcmp(calls[i].step, c.step))
				break;
		if (i == MAX_CALLS)
			die("too many calls");
		if (i == ncalls) {
			calls[ncalls++] = c;
			calls[i].count = 0;
		}
		calls[i].count++;
	}
}

static int patience(void)
{
	for (size_t i = 0; i < sizeof slow / sizeof *slow; i++)
		if (now_wish.armed == FAULT_FAIL && phase_now == BOOT && slow[i].side == side_now &&
		    (!slow[i].call || !strcmp(slow[i].call, now_wish.call)) &&
		    (!slow[i].step || !strcmp(slow[i].step, now_wish.step)))
			return AT_MOST;
	return IN_TIME;
}

/* ---- one life ---- */

static int wait_up(void)
{
	long begin = now_ms(), until = begin + patience();

	while (pump(5))
		if (heard == (phase_now == ROOT ? 1u : 3u)) {
			if (getenv("VERBOSE") && now_ms() - begin > 200)
				printf("# up after %ld ms: %s %d: %s\n", now_ms() - begin, now_wish.call, now_wish.nth, strerror(now_wish.code));
			return 1;
		} else if (now_ms() > until)
			break;
	return 0;
}

/* The emergency keys of a kernel, in a test build. */
static int pressed(char key)
{
	char text[64];
	int fd = open(R "/sysrq-trigger", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof text);

	close(fd);
	return n > 0 && memchr(text, key, (size_t)n);
}

static int hangs_in(const char *call)
{
	return now_wish.armed == FAULT_STOP && !strcmp(now_wish.call, call);
}

static void wait_down(void)
{
	long begin = now_ms(), took;

	kill(machine, phases[phase_now].signal);
	while (pump(5) && now_ms() < begin + DOWN + GRACE + (hangs_in("reboot") ? LAST_CALL : 0) && !pressed('b'))
		;
	took = now_ms() - begin;
	if (took > slowest) {
		slowest = took;
		snprintf(slowest_call, sizeof slowest_call, "%s/%s %d", now_wish.call, now_wish.step, now_wish.nth);
	}
	if (!machine_end && pressed('b'))
		return;		/* as good as down: the kernel's own key, if all else fails */
	if (!machine_end)
		complain("the machine is not down after %ld ms", took);
	else if (!WIFSIGNALED(machine_end) || WTERMSIG(machine_end) != phases[phase_now].end)
		complain("the machine does not end as planned, but with %#x", machine_end);
}

static void life(void)
{
	int at_end = phase_now > ROOT;

	if (!at_end)
		go();
	start();
	if (!wait_up() && !machine_end)
		complain("not all services are up: %u", heard);
	if (machine_end) {
		complain("PID 1 ended: %#x", machine_end);
		return;
	}
	if (!at_end) {
		pump(20);
		disarm();
	} else {
		go();
	}
	wait_down();
	disarm();
	fault_log->go = 1;
	if (!machine_end) {
		kill(machine, SIGKILL);
		waitpid(machine, NULL, 0);
	}
}

/* waitpid does not fail where children are, and a failed close has closed. */
static int is_artificial(const struct call *c)
{
	return !strcmp(c->call, "close") || (side_now == 's' && !strcmp(c->call, "waitpid"));
}

/* A machine that had no time for us does not say the same three times. */
static void try_life(int how, const struct call *c, int nth, int code)
{
	for (unsigned tries = 0, had = bad; tries < 3; tries++) {
		bad = had;
		arm(how, c, nth, code);
		life();
		if (bad == had)
			break;
	}
}

static void fail_call(const struct call *c, int nth)
{
	const int *code = errnos_of(c->call);

	if (!code) {
		printf("# no errnos for %s\n", c->call);
		bad++;
		return;
	}
	for (; *code && bad < MAX_BAD; code++) {
		try_life(FAULT_FAIL, c, nth, *code);
		faults += fired();
		arrived += fired() && version == '2';
		if (strcmp(mode, "full") != 0 || !fired())
			break;
	}
}

static void hang_at(const struct call *c, int nth)
{
	try_life(FAULT_STOP, c, nth, 0);
	/* What hangs could not sync: the kernel is asked to. */
	if (fired() && strcmp(c->call, "reboot") != 0 && !(pressed('s') && pressed('u')))
		complain("the kernel is not asked to sync");
	faults += fired();
}

static void sweep(int slice, int slices)
{
	int at = 0, all = strcmp(mode, "quick") != 0 || (side_now == 's' && phase_now != ROOT) || side_now == 'd';

	arm(FAULT_LIST, NULL, 0, 0);
	life();
	if (phase_now == ROOT && version != '2')
		complain("it does not arrive on the real root");
	list_calls();
	for (int i = 0; i < ncalls && bad < MAX_BAD; i++)
		for (int nth = 1; nth <= (all || !strcmp(calls[i].step, "boot.root") ? calls[i].count : 1) && bad < MAX_BAD; nth++) {
			if (at++ % slices != slice || is_artificial(&calls[i]))
				continue;
			if (!strcmp(mode, "hang"))
				hang_at(&calls[i], nth);
			else
				fail_call(&calls[i], nth);
		}
}

static int job(int slice, int slices, const char *dir)
{
	long begin = now_ms();
	char part[24] = "";

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	programs = dir;
	build_root(dir);
	sweep(slice, slices);
	if (slices > 1)
		snprintf(part, sizeof part, " (%d/%d)", slice + 1, slices);
	if (phase_now == ROOT)
		printf("# %u of them on the real root\n", arrived);
	printf("%sok - PID 1, %s, side %c%s: %d calls, %u %s, slowest end %ld ms at %s (%ld ms)\n",
	       bad || !faults ? "not " : "", phases[phase_now].name, side_now, part, ncalls, faults,
	       !strcmp(mode, "hang") ? "hang" : "failures", slowest, slowest_call, now_ms() - begin);
	fflush(stdout);
	return bad || !faults;
}

/* In a PID namespace of its own, which ends with its process 1 and takes all machines along. */
static void run_job(int slice, int slices, const char *dir)
{
	int pid, status;

	if (fork())
		return;
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC))
		die("namespaces");
	pid = fork();
	if (!pid)
		_exit(job(slice, slices, dir));
	_exit(pid < 0 || waitpid(pid, &status, 0) != pid || status != 0);
}

int main(int argc, char **argv)
{
	int running = 0, status, failed = 0, slices;

	if (argc < 3 || !strstr("quick full hang", argv[1])) {
		fprintf(stderr, "usage: init quick|full|hang DIRECTORY [PHASE [SIDE]]\n");
		return 2;
	}
	if (geteuid()) {
		printf("ok - # skip a sweep over PID 1 needs root\n");
		return 0;
	}
	mode = argv[1];
	slices = strcmp(mode, "full") ? 1 : SLICES;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (int phase = 0; phase < PHASES; phase++) {
		const char *sides = !strcmp(mode, "quick") ? phases[phase].quick :
				    !strcmp(mode, "full") ? phases[phase].full : phases[phase].hang;

		for (; *sides; sides++)
			for (int slice = 0; slice < slices; slice++) {
				if ((argc > 3 && strcmp(argv[3], phases[phase].name) != 0) || (argc > 4 && *argv[4] != *sides))
					continue;
				if (running == JOBS && wait(&status) > 0) {
					running--;
					failed |= status;
				}
				phase_now = (enum phase)phase;
				side_now = *sides;
				run_job(slice, slices, argv[2]);
				running++;
			}
	}
	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}
