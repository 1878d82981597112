/* hold.c - part of ../probe.c: what happens to a supervisor, or to a child of it, at a certain call. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "probe.h"

/* The numbers that a call may have here. */
static const struct {
	const char *name;
	long number[2];
} calls[] = {
#ifdef SYS_poll
	{"poll", {SYS_poll, SYS_ppoll}},
#else
	{"poll", {SYS_ppoll, -1}},
#endif
	{"wait", {SYS_wait4, SYS_waitid}}, {"execve", {SYS_execve, -1}}, {"chdir", {SYS_chdir, SYS_fchdir}},
	{"open_tree", {428, -1}}, {"exit", {SYS_exit_group, SYS_exit}},
};

static int call_of(const char *name)
{
	size_t i = 0;

	while (i < COUNT(calls) && strcmp(calls[i].name, name) != 0)
		i++;
	if (i == COUNT(calls))
		exit(die(name));
	return (int)i;
}

static int enters(pid_t pid, int call)
{
	struct __ptrace_syscall_info info;

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) > 0 && info.op == PTRACE_SYSCALL_INFO_ENTRY &&
	       ((long)info.entry.nr == calls[call].number[0] || (long)info.entry.nr == calls[call].number[1]);
}

static void seize(pid_t pid, long options)
{
	int status;

	alarm(20);
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)(PTRACE_O_TRACESYSGOOD | options)) ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) || waitpid(pid, &status, __WALL) != pid)
		die("ptrace");
}

static void command(const char *text)
{
	if (system(text))
		die(text);
}

/* Whether it is one of the stops of a tracer; else a signal goes on to who was meant. */
static int own_stop(int status)
{
	return WSTOPSIG(status) == (SIGTRAP | 0x80) || status >> 16;
}

static void go_on(pid_t pid, int status)
{
	ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)(own_stop(status) ? 0 : WSTOPSIG(status)));
}

/* PID COMMAND [CALL COMMAND]...: each command of a shell is done while the process stands still, the later ones where it begins a call. */
int tool_hold(char **word)
{
	pid_t pid = atoi(word[0]);
	int status = SIGTRAP << 8 | PTRACE_EVENT_STOP << 16;

	seize(pid, 0);
	command(word[1]);
	for (word += 2; word[0] && word[1]; word += 2) {
		int call = call_of(word[0]);

		do {
			go_on(pid, status);
			if (waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status))
				return die("it has ended");
		} while (!enters(pid, call));
		command(word[1]);
	}
	return ptrace(PTRACE_DETACH, pid, NULL, NULL) ? die("detach") : 0;
}

/* Its next instruction is nowhere. */
static void derail(pid_t pid)
{
#ifdef __x86_64__
	ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.orig_rax), -1L);
	if (ptrace(PTRACE_POKEUSER, pid, offsetof(struct user, regs.rip), 0L))
#endif
		die("derail");
}

/*
 * PID COMMAND [CALL N HOW]...: after the command, whoever of its children, and of theirs, begins this call as the Nth of them, gets a
 * signal from here, goes on nowhere (0), or waits until another command is done. What comes behind that is counted from there.
 */
int tool_strike(char **word)
{
	pid_t supervisor = atoi(word[0]), pid;
	int status, left;

	seize(supervisor, PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE);
	command(word[1]);
	go_on(supervisor, PTRACE_EVENT_STOP << 16);
	word += 2;
	left = atoi(word[1]);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status))
			continue;
		if (pid != supervisor && enters(pid, call_of(word[0])) && !--left) {
			const char *how = word[2];

			if (!strcmp(how, "0"))
				derail(pid);
			else if (!atoi(how))
				command(how);
			else if (kill(pid, atoi(how)))
				return die("kill");
			word += 3;
			/* Who traces goes, and all are as if there had been nobody. */
			if (!word[0])
				return 0;
			left = atoi(word[1]);
		}
		go_on(pid, status);
	}
	return die("nobody made that call");
}
