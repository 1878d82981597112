/*
 * A crash is no end: what has crashed executes itself, and goes on with the state that
 * it has kept. A second one soon after it would be followed by a third: then it is left
 * at that, and somebody is let in to repair it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/signals.h"
#include "base/stacks.h"
#include "kernel/k.h"
#include "supervise/keep.h"

enum { AGAIN_MS = 10000, RESCUE_MS = 300000, LOOK_MS = 200, STACK = 24 << 10 };

static const uint64_t crashes = SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGABRT) |
				SIGNAL_BIT(SIGSYS) | SIGNAL_BIT(SIGTRAP);

static struct supervisor *state;
static char *mine;			/* of struct turn: whether this is the supervisor, or a child */
static volatile sig_atomic_t asked, depth;
static char stack[STACK] __attribute__((aligned(16)));

static void __attribute__((noreturn)) crash(struct supervisor *s, int signal)
{
	int64_t now = k_now_ms();
	int again = s->resuming || (s->crashed && now - s->crashed < AGAIN_MS);

	s->crashed = now;
	s->crash_signal = (uint8_t)signal;
	s->crashes++;
	if (!again && keep_fd() >= 0 && s->exe >= 0) {
		s->resuming = RESUME_CRASH;
		resume_exec(s, s->exe);
	}
	crash_rescue(s);
}

static void crashed(int signal, siginfo_t *info, void *context)
{
	int sent = info->si_code <= 0;

	(void)context;
	/* A child ends by it as anybody does; what it did wrong it does again at once. */
	if (!*mine || stack_number()) {
		k_signal_default(signal);
		if (sent)
			k_kill(k_getpid(), signal);
		return;
	}
	/* What others send says nothing against the instruction in hand: the turn is ended first. */
	if (sent && info->si_pid != k_getpid()) {
		asked = signal;
		k_kill(k_getpid(), SIGCHLD);
		return;
	}
	if (depth++)
		crash_rescue(depth > 2 ? NULL : state);
	crash(state, signal);
}

int crash_handle(void (*handler)(int signal, siginfo_t *info, void *context))
{
	int failed = 0;

	for (int signal = 1; signal < SIGNALS; signal++)
		if (crashes & SIGNAL_BIT(signal))
			failed |= k_signal_handler(signal, handler);
	return failed;
}

int crash_init(struct supervisor *s)
{
	state = s;
	mine = &s->turn->mine;
	errno = ENOSYS;
	if (!*mine)
		return -1;
	if (k_signal_stack(stack, sizeof stack) || crash_handle(crashed))
		return -1;
	return k_sigmask(~crashes, NULL);
}

void crash_go(struct supervisor *s)
{
	int signal = asked;

	asked = 0;
	if (signal)
		crash(s, signal);
}

/* Only in the copy that becomes the shell. */
static int shell_main(void *console)
{
	static const char *const shells[] = {"/bin/sh", "/bin/ash", "/bin/bash", "/sbin/sulogin"};
	char *argv[] = {(char *)"-sh", NULL};
	int fd = *(const int *)console;

	k_setsid();
	k_ioctl(fd, TIOCSCTTY, NULL);
	for (int i = 0; i < 3; i++)
		k_dup2(fd, i, 0);
	k_sigmask(0, NULL);
	for (size_t i = 0; i < sizeof shells / sizeof *shells; i++)
		k_execve(shells[i], argv, environ);
	k_exit(127);
	return 0;
}

static char shell_stack[16 << 10] __attribute__((aligned(16)));

/* Process 1 lets the machine be as it is: children are reaped, and after a while it is started anew. */
static void __attribute__((noreturn)) rescue_machine(struct supervisor *s)
{
	static const char text[] = "\r\nhutch: crashed again and gives up; here is a shell, and soon a reboot\r\n";
	int64_t until = k_now_ms() + (s && s->image ? s->image->set.machine.rescue_timeout : RESCUE_MS);
	int console = k_open(AT_FDCWD, "/dev/console", O_RDWR | O_NOCTTY | O_NONBLOCK, 0), shell = 0, pid;

	if (console >= 0) {
		k_write(console, text, sizeof text - 1);
		k_fcntl(console, F_SETFL, O_RDWR);	/* now the shell's */
	}
	while (k_now_ms() < until) {
		if (console >= 0 && !shell)
			shell = k_clone(shell_main, shell_stack + sizeof shell_stack, SIGCHLD, &console);
		shell = shell < 0 ? 0 : shell;
		while ((pid = k_wait(-1, NULL, WNOHANG)) > 0)
			if (pid == shell)
				shell = 0;
		k_poll(NULL, 0, LOOK_MS);
	}
	for (;;) {
		k_reboot(REBOOT_RESTART_);
		k_poll(NULL, 0, LOOK_MS);
	}
}

void crash_rescue(struct supervisor *s)
{
	/* All that is ours is tied to us and goes with us. */
	if (k_getpid() != 1)
		k_exit(125);
	rescue_machine(s);
}
