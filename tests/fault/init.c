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
 * to be; in the phase root, on the real root or still on the initramfs. PID 1 that ends in any
 * other way is a panic. DIRECTORY has hutch (built with HUTCH_FAULT) and service. Prints TAP, one result per phase and side.
 */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errnos.h"
#include "init/init.h"

enum {
	MAX_BAD = 12, JOBS = 3, SLICES = 4,
	IN_TIME = 2500,		/* ms, until the services are up: a pause of theirs and a busy machine */
	AT_MOST = 12000,	/* with a reason from the table of what is slow */
	DOWN = 1000,		/* ms, boot.shutdown-timeout */
	LAST_CALL = 11000,	/* ms, after which a reboot(2) that hangs is given up */
	GRACE = 1000,		/* ms, what the end of a machine may take beyond that */
};

/* Failures after which the services take longer, each with its reason. */
static const struct {
	char side;
	const char *call, *step, *reason;
} slow[] = {
	{'s', "kill", NULL, "the signal did not arrive: killing is tried again"},
};

const struct phase_row phases[PHASES] = {
	[BOOT] = {"boot", "so", "sol", "", SIGTERM, SIGHUP},
	[ROOT] = {"root", "soc", "soc", "", SIGTERM, SIGHUP},
	[REBOOT] = {"reboot", "sd", "sd", "d", SIGTERM, SIGHUP},
	[POWEROFF] = {"poweroff", "", "sd", "", SIGUSR2, SIGINT},
};

enum phase phase_now;
char side_now;
unsigned bad;
static const char *mode;
static unsigned faults, arrived;
static long slowest;
static char slowest_call[64];

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
	long until = now_ms() + patience();

	while (pump(5))
		if (heard == ALL_UP)
			return 1;
		else if (now_ms() > until)
			break;
	return 0;
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
		arm();
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
		arm();
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
		prepare(how, c, nth, code);
		life();
		if (bad == had)
			break;
	}
}

/* These say of what would go along to the real root that it is not there: then it stays behind. */
static int is_lie(const struct call *c, int code)
{
	return phase_now == ROOT && side_now == 's' && !strcmp(c->step, "boot.root") &&
	       ((code == EINVAL && !strcmp(c->call, "mount")) || (code == ENOENT && !strcmp(c->call, "statx")));
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
		if (is_lie(c, *code))
			continue;
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

	prepare(FAULT_LIST, NULL, 0, 0);
	life();
	if (phase_now == ROOT && version != '2')
		complain("it does not arrive on the real root");
	list_calls(fault_log->text);
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

/*
 * What the process that unmounts has done when it comes to its last call: what is mounted is
 * gone, also if somebody let it go only a moment before, and what is held for ever is read-only.
 */
static void check_unmounted(const char *what, long held)
{
	static const struct call last = {"sync", "-", 1};
	char path[64], table[8192], *line;
	long until = now_ms() + DOWN + GRACE, begin;
	int fd = -1;

	side_now = 'd';
	prepare(FAULT_STOP, &last, 1, 0);
	start();
	if (!wait_up())
		complain("not all services are up: %u", heard);
	snprintf(path, sizeof path, "/proc/%d/mountinfo", machine);
	read_file(path, table, sizeof table);
	if (!strstr(table, " /mnt/o ") || !strstr(table, " /mnt/t "))
		complain("it is not even mounted: %.200s", table);
	snprintf(path, sizeof path, "/proc/%d/root/mnt/o", machine);
	if (held)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	arm();
	begin = now_ms();
	kill(machine, SIGTERM);
	while (pump(5) && !fault_log->stopped && now_ms() < until)
		if (fd >= 0 && now_ms() > begin + held) {
			close(fd);
			fd = -1;
		}
	snprintf(path, sizeof path, "/proc/%d/mountinfo", machine);
	read_file(path, table, sizeof table);
	line = strstr(table, " - overlay ");
	if (!*table || (fd >= 0 ? !line || strncmp(strchr(line + 11, ' '), " ro", 3) != 0 : line != NULL))
		complain("not so: %.200s", line ? line : table);
	if (strstr(table, " /mnt/t "))
		complain("/mnt/t is still mounted");
	disarm();
	fault_log->go = 1;
	close(fd);
	while (pump(5))
		;
	printf("%sok - PID 1, at its end: %s\n", bad ? "not " : "", what);
}

static int job(int slice, int slices, const char *dir)
{
	long begin = now_ms();
	char part[24] = "";

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	build_root(dir);
	if (!strcmp(mode, "hang")) {
		check_unmounted("everything is unmounted, before it syncs", 0);
		check_unmounted("what is busy for a moment is unmounted then", 200);
		check_unmounted("what stays busy is made read-only", 10000);
	}
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
