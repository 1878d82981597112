/* life.c - part of supervise.c: a supervisor's life, and what has to be true in it and behind it. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise.h"

/* Failures that take longer than IN_TIME, each with its reason. NULL: any. */
static const struct {
	char side;
	const char *call, *step, *reason;
} slow[] = {
	{'s', "statx", NULL, "what cannot be looked at is looked at again after a second"},
	{'s', "kill", NULL, "the signal did not arrive: what follows after stop-timeout, or when killing is tried again"},
};

/* What is left or missing after a failure, and why that may be. */
static const struct {
	char side;
	const char *call, *step, *reason;
} untidy[] = {
	{'s', "mkdirat", "-", "the socket's name stays: the next supervisor takes it over"},
	{'s', "openat", "-", "as mkdirat"}, {'s', "statx", "-", "as mkdirat"},
	{'s', "unlinkat", "-", "as mkdirat"}, {'s', "connect", "-", "as mkdirat"},
	{'s', "socket", "-", "as mkdirat"}, {'s', "flock", "-", "as mkdirat"},
	{'s', "shutdown", "-", "as mkdirat"},
	{'s', "mmap", "-", "a service without room for its output runs without; its next start has it"},
	{'s', "memfd_create", "-", "without room for the plans of later starts launchers make them all, and nothing else is opened for them"},
	{'s', "prctl", "-", "as memfd_create"}, {'s', "ftruncate", "-", "as memfd_create"}, {'s', "socketpair", "-", "as memfd_create"},
	{'i', "dup3", "init", "the init has lost its channel: its own status tells how the payload ended"},
	{'w', "dup3", "-", "as recvmsg"},
	{'w', "recvmsg", "-", "the writer of log files ends, and is there again with the next line"},
};

int base_fds;
char base_mounts[1 << 16];
static char now_mounts[1 << 16];

void start(void)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC))
		die("pipe");
	ended = 0;
	supervisor = fork();
	if (!supervisor) {
		if (dup2(open("/dev/null", O_RDWR), 0) || dup2(fd[1], 1) != 1 || dup2(fd[1], 2) != 2)
			_exit(98);
		setenv("HUTCH_FAULT", "shared", 1);
		setenv("HUTCH_FAULT_LOG", W "/log", 1);
		execl(W "/hutch", "hutch", "supervise", W "/d", NULL);
		_exit(98);
	}
	if (supervisor < 0)
		die("fork");
	close(fd[1]);
	if (err_fd >= 0)
		close(err_fd);
	err_fd = fd[0];
	fcntl(err_fd, F_SETFL, O_NONBLOCK);
}

void kill_world(void)
{
	disarm();
	fault_log->go = 1;
	while (processes()) {
		kill(-1, SIGKILL);	/* this is process 1: nobody else's is meant */
		usleep(1000);
		reap();
	}
	ended = 1;
}

static int patience(void)
{
	for (size_t i = 0; i < sizeof slow / sizeof *slow; i++)
		if (now_wish.armed == FAULT_FAIL && slow[i].side == side_now &&
		    (!slow[i].call || !strcmp(slow[i].call, now_wish.call)) &&
		    (!slow[i].step || !strcmp(slow[i].step, now_wish.step)))
			return AT_MOST;
	return IN_TIME;
}

/*
 * Until those of the mask are up again. Nobody asks meanwhile, which could wake up a
 * supervisor that has missed something. That one is up may be told in vain: if all
 * have said that they run and nothing more comes, that is it.
 */
int wait_up(unsigned mask)
{
	long until = now_ms() + patience(), quiet = 0;

	while (!ended && now_ms() < until) {
		int ups = 0, said = 0, n = 0;

		for (int i = 0; i < SERVICES; i++)
			if (mask >> i & 1) {
				n++;
				ups += services[i].ups > 0;
				said += services[i].said > 0;
			}
		if (ups == n && said == n)
			return 1;
		if (said < n || !fired())
			quiet = 0;
		else if (!quiet)
			quiet = now_ms();
		else if (now_ms() > quiet + 150)
			return 1;
		pump(5);
	}
	return !ended;
}

int wait_gone(unsigned mask)
{
	long until = now_ms() + patience();

	for (;;) {
		int held = 0;

		for (int i = 0; i < SERVICES; i++)
			held |= mask >> i & 1 && has_lock(&services[i]);
		if (!held)
			return 1;
		if (ended || is_stopped() || now_ms() > until)
			return 0;
		pump(2);
	}
}

/* The status of each service, and whether it is true; NULL, or what is wrong. */
static const char *wrong_status(void)
{
	static char text[128];

	if (!read_status())
		return ended ? "the supervisor is gone" : "it does not answer";
	for (int i = 0; i < SERVICES; i++) {
		snprintf(text, sizeof text, "%s is not up", services[i].name);
		if (!services[i].is_up)
			return text;
		snprintf(text, sizeof text, "%s is told to be up, but has no payload", services[i].name);
		if (!payload_of(&services[i]))
			return text;
	}
	return NULL;
}

void check_up(void)
{
	const char *wrong = wrong_status();
	long until = now_ms() + (patience() == AT_MOST ? AT_MOST : 400);

	/* A run that the fault has broken may be followed by another one. */
	while (wrong && !ended && now_ms() < until) {
		long pause = now_ms() + 300;

		while (now_ms() < pause)
			pump(300);
		wrong = wrong_status();
	}
	if (wrong) {
		lost++;
		complain("%s", wrong);
	}
}

static int may_be_untidy(void)
{
	for (size_t i = 0; i < sizeof untidy / sizeof *untidy; i++)
		if (now_wish.armed == FAULT_FAIL && untidy[i].side == side_now &&
		    !strcmp(untidy[i].call, now_wish.call) && !strcmp(untidy[i].step, now_wish.step))
			return 1;
	return 0;
}

void check_house(void)
{
	long until = now_ms() + 1600;
	const char *name;
	int fds, n, child[32];

	/* Targets of logs are opened again after a second. */
	while (((fds = count_fds()) != base_fds || (n = children(supervisor, child, 32)) > SERVICES + 1) &&
	       now_ms() < until)
		pump(20);
	n = children(supervisor, child, 32);
	if (fds > base_fds || (fds < base_fds && !may_be_untidy()))
		complain("%d descriptors and not %d", fds, base_fds);
	if (n < SERVICES || n > SERVICES + 1)
		complain("%d children", n);
	name = leftover(W "/shared", ".double", ".deaf");
	if (name)
		complain("a service was started wrongly: %s", name);
}

void check_nothing(int killed)
{
	long until = now_ms() + 2000;
	const char *name;

	while (processes() && now_ms() < until) {
		usleep(500);
		reap();
	}
	if (processes())
		complain("%d processes stay", processes());
	read_file("/proc/self/mountinfo", now_mounts, sizeof now_mounts);
	if (strcmp(base_mounts, now_mounts) != 0) {
		complain("mounts changed");
		strcpy(base_mounts, now_mounts);
	}
	name = leftover("/run/hutch", NULL, NULL);
	if (name && !killed && !(may_be_untidy() && !strcmp(name, "control")))
		complain("/run/hutch/%s stays", name);
	if (leftover(W "/shared", ".double", ".deaf"))
		complain("a service was started wrongly: %s", leftover(W "/shared", ".double", ".deaf"));
	unlink(W "/shared/a.double");
	unlink(W "/shared/b.double");
	unlink(W "/shared/c.double");
	unlink(W "/shared/d.double");
	unlink(W "/shared/b.deaf");
}

int wait_end(void)
{
	long until = now_ms() + patience() + 500;

	while (!ended && now_ms() < until)
		pump(5);
	return ended;
}

/* Ends it unharmed. */
void shut_down(void)
{
	disarm();
	ask("shutdown", NULL, 0);
	if (!wait_end())
		complain("does not end");
	else if (end_status)
		complain("ends with %#x", end_status);
	check_nothing(0);
	kill_world();
}

void start_whole(void)
{
	for (int tries = 0; tries < 3; tries++) {
		disarm();
		fault_log->stopped = 0;
		forget();
		start();
		if (wait_up(ALL) && !wrong_status())
			return;
		kill_world();
	}
	complain("does not even come up unharmed");
}
