/* steps.c - part of ../probe.c: how many instructions a supervisor needs for what it is asked. */
#define _GNU_SOURCE 1
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

enum { QUIET = 300 };		/* ms without an instruction: it waits for others */

static pid_t start(char **word)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	execvp(word[0], word);
	exit(die(word[0]));
}

/* A string instruction is one, however often it is repeated. */
static int is_another(pid_t pid)
{
#ifdef __x86_64__
	static long last;
	long at = ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user, regs.rip), NULL), before = last;

	last = at;
	return at != before;
#else
	return pid > 0;
#endif
}

/* One instruction, or nothing for a moment: 0. A signal that comes meanwhile is passed on. */
static int step(pid_t pid, long long *count)
{
	int status, got = waitpid(pid, &status, __WALL | WNOHANG), signal;

	if (got < 0 || (got && !WIFSTOPPED(status)))
		die("the supervisor has ended");
	if (!got)
		return 0;
	signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
	*count += is_another(pid);
	if (ptrace(PTRACE_SINGLESTEP, pid, NULL, signal))
		die("ptrace");
	return 1;
}

static void stop(pid_t pid)
{
	int status = 0;

	ptrace(PTRACE_INTERRUPT, pid, NULL, NULL);
	while (waitpid(pid, &status, __WALL) == pid && status >> 16 != PTRACE_EVENT_STOP)
		ptrace(PTRACE_CONT, pid, NULL, 0);
}

static void go_on(pid_t pid)
{
	stop(pid);
	ptrace(PTRACE_CONT, pid, NULL, 0);
	for (long long until = now_ms() + 20; now_ms() < until; pause_ms(1))
		if (waitpid(pid, NULL, __WALL | WNOHANG) == pid)
			ptrace(PTRACE_CONT, pid, NULL, 0);
}

/*
 * PID COMMAND...: what PID executes in user space from the start of the command until that has ended and PID has been
 * quiet for a while. Its children do not count.
 */
int tool_steps(char **word)
{
	pid_t pid = atoi(word[0]), command;
	long long quiet = now_ms(), count = 0;
	int ended = 0;

	alarm(60);
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) || ptrace(PTRACE_INTERRUPT, pid, NULL, NULL))
		return die("ptrace");
	while (now_ms() - quiet < 20)
		if (step(pid, &count))
			quiet = now_ms();
	count = 0;
	command = start(word + 1);
	while (!ended || now_ms() - quiet < QUIET) {
		if (step(pid, &count)) {
			quiet = now_ms();
		} else if (!ended) {
			ended = waitpid(command, NULL, WNOHANG) == command;
		} else if (now_ms() - quiet > 5) {
			pause_ms(1);
		} else {
			sched_yield();	/* a pause after each step would be most of the time */
		}
	}
	/* The trap of the last step is still to come: it must not meet a process that nobody traces. */
	go_on(pid);
	go_on(pid);
	stop(pid);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	printf("%lld\n", count);
	return 0;
}
