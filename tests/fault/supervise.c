/*
 * supervise MODE DIRECTORY [PHASE [SIDE]]
 *
 * A supervisor with four services goes through the phases below. In each, for the kernel
 * calls of its processes (the supervisor's own, a launch, the inside of a sandbox, the
 * loader, the writer of log files):
 *
 *   quick  the first call of each name and step fails once, with its usual errno
 *   full   every call, with every plausible errno
 *   kill   SIGKILL to the supervisor, first calls; killall: at every call
 *
 * and looks whether the promise is kept: the supervisor lives, all services are up
 * again in time without anybody's help, once each, and the status is true; it has as many
 * descriptors and children as before and no more memory; in the end no process, mount
 * or file stays. DIRECTORY has hutch (built with HUTCH_FAULT) and service. Prints
 * TAP, one result per phase and side.
 *
 * Each result comes from namespaces of its own, where this is process 1.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "errnos.h"
#include "supervise/supervise.h"

enum { MAX_BAD = 12, MAX_UNSURE = 100, WORKERS = 4 };

enum phase phase_now;
char side_now;
unsigned bad, refused, lost;
long slowest, base_rss;
static unsigned faults, unsure;
static const char *mode;

/*
 * waitpid does not fail where children are, and a failed close has closed. That a path
 * is not there (code) is no failure but an answer; what is there does not give it.
 */
static int is_artificial(const struct call *c, int code)
{
	return !strcmp(c->call, "close") ||
	       (side_now == 's' && (!strcmp(c->call, "waitpid") || (code == ENOENT && !strcmp(c->call, "statx"))));
}

static void fail_call(enum phase phase, const struct call *c, int nth, int full)
{
	const int *code = errnos_of(c->call);

	if (!code) {
		printf("# no errnos for %s\n", c->call);
		bad++;
		return;
	}
	for (; *code && bad < MAX_BAD && unsure < MAX_UNSURE; code++) {
		if (is_artificial(c, *code))
			continue;
		/* A machine that had no time for us does not say the same three times. */
		for (unsigned tries = 0, had_bad = bad, had_lost = lost; tries < 3; tries++) {
			bad = had_bad;
			lost = had_lost;
			unsure += tries > 0;
			arm(FAULT_FAIL, c, nth, *code);
			pass(phase);
			if (bad == had_bad)
				break;
		}
		faults += fired();
		if (!full || !fired())
			break;
	}
}

/* Everything that is there when the supervisor is killed has to go with it. */
static void kill_at(enum phase phase, const struct call *c, int nth)
{
	long until = now_ms() + 400;
	unsigned before = bad;

	if (phase != BOOT)
		start_whole();
	/* What a supervisor does by itself it does from the third start on. */
	for (int i = 0; i < 2 && (phase == DIRECT || phase == COPY); i++) {
		arm(FAULT_LIST, NULL, 0, 0);
		pass(phase);
	}
	forget();
	arm(FAULT_STOP, c, nth, 0);
	if (phase == BOOT)
		start();
	else
		act(phase);
	while (!fault_log->stopped && !ended && now_ms() < until)
		pump(1);
	faults += fault_log->stopped != 0;
	kill(supervisor, SIGKILL);
	while (!ended)
		pump(1);
	disarm();
	fault_log->go = 1;
	put_file(W "/flag", "", 0, 0644);
	check_nothing(1);
	if (bad != before)
		kill_world();
}

static void sweep(enum phase phase, int slice, int slices)
{
	int full = !strcmp(mode, "full") || !strcmp(mode, "killall"), kills = !strncmp(mode, "kill", 4);
	int lives = phase != BOOT && phase != SHUTDOWN, at = 0;

	if (lives)
		start_whole();
	/* The first pass fills what is kept from then on. */
	for (int i = 0; i < 2; i++) {
		arm(FAULT_LIST, NULL, 0, 0);
		pass(phase);
	}
	list_calls(fault_log->text);
	if (lives) {
		base_fds = settled_fds();
		base_rss = rss_kb();
	}
	if (kills)
		kill_world();
	for (int i = 0; i < ncalls && bad < MAX_BAD; i++)
		for (int nth = 1; nth <= (full ? calls[i].count : 1) && bad < MAX_BAD; nth++) {
			if (at++ % slices != slice || is_artificial(&calls[i], 0))
				continue;
			if (kills)
				kill_at(phase, &calls[i], nth);
			else
				fail_call(phase, &calls[i], nth, full);
		}
	if (kills || !lives) {
		/* What was killed does not stand in the way of the next one. */
		arm(FAULT_LIST, NULL, 0, 0);
		start_whole();
	} else if (rss_kb() > base_rss + 200) {
		complain("%ld KiB and not %ld", rss_kb(), base_rss);
	}
	now_wish.armed = FAULT_LIST;
	if (!ended)
		shut_down();
}

static int job(enum phase phase, char side, int slice, int slices, const char *dir)
{
	long begin = now_ms();
	char part[16] = "", again[64] = "";

	phase_now = phase;
	side_now = side;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	build_place(dir);
	read_file("/proc/self/mountinfo", base_mounts, sizeof base_mounts);
	sweep(phase, slice, slices);
	if (slices > 1)
		snprintf(part, sizeof part, " (%d/%d)", slice + 1, slices);
	if (unsure)
		snprintf(again, sizeof again, ", %u tried again", unsure);
	printf("%sok - %s, side %c%s: %d calls, %u %s, %u refused, %u losses, slowest %ld ms%s (%ld ms)\n",
	       bad || (!faults && slices == 1) ? "not " : "", phases[phase].name, side, part, ncalls, faults,
	       !strncmp(mode, "kill", 4) ? "kills" : "failures", refused, lost, slowest, again, now_ms() - begin);
	fflush(stdout);
	return bad || (!faults && slices == 1);
}

/* In a PID namespace of its own, which ends with its process 1. */
static void run_job(enum phase phase, char side, int slice, int slices, const char *dir)
{
	int pid, status;

	if (fork())
		return;
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC))
		die("namespaces");
	pid = fork();
	if (!pid)
		_exit(job(phase, side, slice, slices, dir));
	_exit(pid < 0 || waitpid(pid, &status, 0) != pid || status != 0);
}

static const char *sides_of(enum phase phase)
{
	return !strcmp(mode, "quick") ? phases[phase].quick : !strcmp(mode, "full") ? phases[phase].full
							    : phases[phase].kill;
}

int main(int argc, char **argv)
{
	int running = 0, status, failed = 0, slices;

	if (argc < 3 || !strstr("quick full killall", argv[1])) {
		fprintf(stderr, "usage: supervise quick|full|kill|killall DIRECTORY [PHASE [SIDE]]\n");
		return 2;
	}
	if (geteuid()) {
		printf("ok - # skip a sweep over a supervisor needs root\n");
		return 0;
	}
	mode = argv[1];
	slices = strcmp(mode, "quick") != 0 && strcmp(mode, "kill") != 0 ? 4 : 1;
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	for (int phase = 0; phase < PHASES; phase++)
		for (const char *side = sides_of((enum phase)phase); *side; side++)
			for (int slice = 0; slice < slices; slice++) {
				if ((argc > 3 && strcmp(argv[3], phases[phase].name) != 0) ||
				    (argc > 4 && *argv[4] != *side))
					continue;
				if (running == WORKERS && wait(&status) > 0) {
					running--;
					failed |= status;
				}
				run_job((enum phase)phase, *side, slice, slices, argv[2]);
				running++;
			}
	while (wait(&status) > 0)
		failed |= status;
	return failed != 0;
}
