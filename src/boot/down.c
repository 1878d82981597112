/*
 * The end of the machine; see down.h. A table of phases, each with its share of the time
 * that is left, and over as soon as there is nothing more to do in it.
 *
 * In a PID namespace that is not the machine's own only its processes and itself are
 * hutch's to end: disks, mounts and the kernel's emergency keys belong to whoever
 * runs that machine.
 */
#include "boot/down.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "archive/texts.h"
#include "base/signals.h"
#include "base/text.h"
#include "boot/boot.h"
#include "kernel/k.h"
#include "supervise/watchdog.h"

enum {
	STALL_MS = 1000,		/* a call of the unmounting worker that takes longer is left behind */
	REBOOT_MS = 10000,		/* reboot(2) stops all devices first */
	AGAIN_MS = 1000, HURRY_MS = 2000, LEAST_MS = 100, NAP_MS = 20,
};

static const uint64_t waking = SIGNAL_BIT(SIGCHLD), hasty = SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGUSR1) |
						    SIGNAL_BIT(SIGUSR2) | SIGNAL_BIT(SIGPWR);

struct down {
	struct supervise_end end;
	int64_t from, now;		/* ms; the shares are of the time from there to end.deadline */
	uint8_t ours;			/* the machine: disks, mounts, emergency keys */
	uint8_t alone;			/* nobody else is left */
	uint8_t clean;			/* a worker came to its end */
	uint8_t sent, hurry;
	int rebooter;			/* pid, or 0 */
	struct unmount_work *work;
	int worker[WORKERS];		/* pids, 0: ended */
	uint32_t count;			/* of the newest worker, as it was at `since` */
	int64_t since;
};

static char stack[16 << 10] __attribute__((aligned(16)));
static struct unmount_work own_work;	/* where none can be shared */

/* The kernel's numbers of namespaces are fixed for those that it started with. */
static int machine_is_ours(void)
{
#ifdef HUTCH_FAULT
	/* A test's namespace stands for a machine, and no test touches that of others. */
	extern char **environ;

	return env_value((const char *const *)environ, "HUTCH_MACHINE") != NULL;
#else
	struct k_stat st;

	/* Without /proc, or in a kernel without these namespaces, it has to be. */
	if (k_stat(AT_FDCWD, "/proc/self/ns/pid", 0, STATX_INO_, &st))
		return errno == ENOENT;
	return st.ino == PID_NS_INIT_INO_;
#endif
}

static void reaped(struct down *d, int pid, int status)
{
	if (pid == d->rebooter)
		d->rebooter = 0;
	for (int i = 0; i < WORKERS; i++)
		if (d->worker[i] == pid) {
			d->worker[i] = 0;
			d->clean |= !status;
		}
}

static void reap(struct down *d)
{
	int pid, status;

	while ((pid = k_wait(-1, &status, WNOHANG)) > 0)
		reaped(d, pid, status);
	d->alone = pid < 0 && errno == ECHILD;
}

/* Asked once more to end, it is short with everybody. */
static void hasten(struct down *d)
{
	d->hurry = 1;
	d->from = d->now;
	if (d->end.deadline > d->now + HURRY_MS)
		d->end.deadline = d->now + HURRY_MS;
}

/* Until a child is dead or a moment has passed. Who asks again may have thought better of it. */
static void nap(struct down *d)
{
	int signal = k_sigwait(waking | hasty, NAP_MS);

	reap(d);
	d->now = k_now_ms();
	if (signal <= 0 || signal == SIGCHLD)
		return;
	d->end.kind = end_by_signal(signal);
	if (!d->hurry)
		hasten(d);
}

/* ---- the phases: each is called again and again, and returns 1 when it is done ---- */

/* kill(-1): all but the caller in its PID namespace. */
static int send_all(struct down *d, int signal)
{
	if (!d->sent)
		d->sent = !k_kill(-1, signal) || errno == ESRCH;
	return d->alone || d->hurry;
}

static int term_others(struct down *d)
{
	int done = send_all(d, SIGTERM);

	/* Who is stopped hears nothing else. */
	if (d->sent == 1 && (!k_kill(-1, SIGCONT) || errno == ESRCH))
		d->sent = 2;
	return done;
}

/* Again and again: who forks while it is killed may have been missed. */
static int kill_others(struct down *d)
{
	d->sent = 0;
	send_all(d, SIGKILL);
	return d->alone;
}

/* Where none can be made now, the next turn tries again. */
static void new_worker(struct down *d)
{
	int i = d->work->workers++;

	d->work->until = d->now + (d->end.deadline - d->now) / 2;
	d->since = d->now;
	d->count = 0;
	d->worker[i] = k_clone(unmount_main, stack + sizeof stack, SIGCHLD, d->work);
	if (d->worker[i] > 0)
		return;
	d->worker[i] = 0;
	d->work->workers--;
}

/* The newest one has been in the same mount for too long. */
static int is_stuck(struct down *d, int newest)
{
	uint32_t count = __atomic_load_n(&d->work->worker[newest].count, __ATOMIC_SEQ_CST);

	if (count != d->count || __atomic_load_n(&d->work->worker[newest].mount, __ATOMIC_SEQ_CST) <= 0) {
		d->count = count;
		d->since = d->now;
	}
	return d->now - d->since > STALL_MS;
}

/* A worker that is stuck keeps what it is stuck in; the next one goes round that. */
static int unmount(struct down *d)
{
	int newest = d->work->workers - 1, lives = 0;

	d->clean |= !d->ours;
	for (int i = 0; i <= newest; i++)
		lives |= d->worker[i];
	if (d->clean && !lives)
		return 1;
	if (newest + 1 < WORKERS && (!lives || (d->worker[newest] && is_stuck(d, newest))))
		new_worker(d);
	return 0;
}

static void press_key(const char *key)
{
	/* A test build has none: the keys are the machine's, whatever the namespace. */
#ifdef HUTCH_FAULT
	int fd = k_open(AT_FDCWD, "/sysrq-trigger", O_WRONLY | O_APPEND, 0);
#else
	int fd = k_open(AT_FDCWD, "/proc/sysrq-trigger", O_WRONLY, 0);
#endif

	if (fd >= 0)
		k_write(fd, key, 1);
	k_close(fd);
}

/* What no worker could do, the kernel does by itself: sync, and read-only. */
static int emergency(struct down *d)
{
	if (d->clean && !d->sent)
		return 1;
	if (!d->sent)
		press_key("s");
	if (!d->sent)
		press_key("u");
	d->sent = 1;
	return 0;
}

static const struct phase {
	const char *name, *late;	/* what is told when its time is over */
	uint16_t until;			/* in thousandths of the time that there is */
	int (*turn)(struct down *d);
} phases[] = {
	{"term", "not all processes end: they are killed", 400, term_others},
	{"kill", "not all processes can be killed", 550, kill_others},
	{"unmount", "not everything can be unmounted", 900, unmount},
	{"emergency", NULL, 1000, emergency},
};
enum { PHASES = sizeof phases / sizeof *phases };

static void phase_run(struct down *d, const struct phase *p)
{
	d->sent = 0;
	k_fault_step(p->name);
	while (!p->turn(d)) {
		if (d->now >= d->from + (d->end.deadline - d->from) * p->until / 1000) {
			d->clean = 0;
			if (p->late)
				console_tell("%s", p->late);
			return;
		}
		watchdog_pet(&d->end.watchdog, d->now);
		nap(d);
	}
}

/* ---- the last call ---- */

static const struct {
	unsigned command;
	const char *key;		/* if all else fails; a machine that does not halt can stay as it is */
} lasts[END_KINDS] = {
	[END_EXIT] = {REBOOT_RESTART_, "b"}, [END_HALT] = {REBOOT_HALT_, NULL},
	[END_POWEROFF] = {REBOOT_POWER_OFF_, "o"}, [END_REBOOT] = {REBOOT_RESTART_, "b"},
};

static int reboot_main(void *command)
{
	k_fault_side('d');
	k_exit(k_reboot(*(const unsigned *)command) ? 1 : 0);
}

/*
 * In a child, because it stops each device and any of them may hang; what it returns is an
 * error, and then, or when there is no room for a child, PID 1 calls it itself.
 */
static void last_call(struct down *d)
{
	unsigned command = lasts[d->end.kind].command;
	int64_t until = d->now + REBOOT_MS;

	if (!d->rebooter)
		d->rebooter = k_clone(reboot_main, stack + sizeof stack, SIGCHLD, &command);
	if (d->rebooter < 0)
		d->rebooter = 0;
	while (d->rebooter && d->now < until)
		nap(d);
	if (!d->rebooter && k_reboot(command))
		console_tell("%s: %s", end_names[d->end.kind], errno_text());
	if (d->ours && lasts[d->end.kind].key)
		press_key(lasts[d->end.kind].key);
}

/*
 * There is no going on behind a crash any more, only the last call. What others send means
 * nothing; a child ends as anybody does.
 */
static void fallen(int signal, siginfo_t *info, void *context)
{
	(void)context;
	if (info->si_code <= 0)
		return;
	if (k_getpid() != 1)
		k_signal_default(signal);
	else
		k_reboot(lasts[END_REBOOT].command);
}

void boot_down(const struct supervise_end *end)
{
	struct down d = {.end = *end, .ours = (uint8_t)machine_is_ours(), .now = k_now_ms()};

	crash_handle(fallen);
	d.from = d.now;
	if (d.end.deadline < d.now + LEAST_MS)
		d.end.deadline = d.now + LEAST_MS;
	d.work = k_memory(sizeof *d.work, 1);
	if (!d.work)
		d.work = &own_work;
	if (end->hurry)
		hasten(&d);
	reap(&d);
	for (int i = 0; i < PHASES; i++)
		phase_run(&d, &phases[i]);
	console_tell("%s", end_names[d.end.kind]);
	watchdog_last(&d.end.watchdog);
	k_fault_step("last");
	for (;;) {
		int64_t until;

		last_call(&d);
		for (until = d.now + AGAIN_MS; d.now < until;)
			nap(&d);
	}
}
