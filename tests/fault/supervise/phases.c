/* phases.c - part of supervise.c: what a supervisor goes through. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise.h"

/* Sides as in kernel/fault.h, by mode. */
const struct phase_row phases[PHASES] = {
	[BOOT] = {"boot", "so", "sloiw", "sl", ALL}, [KILL] = {"end", "sliw", "sliw", "sl", ALL},
	[DIRECT] = {"direct", "si", "si", "s", 4}, [COPY] = {"copy", "si", "si", "si", 1},
	[RESTART] = {"restart", "s", "sl", "s", ALL}, [RELOAD] = {"reload", "so", "soli", "s", 1},
	[HUP] = {"hup", "s", "so", "s", 1}, [STOP] = {"stop", "s", "sl", "s", ALL},
	[ASK] = {"ask", "s", "s", "s", 0}, [PATH] = {"path", "s", "sl", "s", 4},
	[UPGRADE] = {"upgrade", "sco", "sco", "sc", 0},
	[SHUTDOWN] = {"shutdown", "s", "si", "s", 0},
};

/* Another program, or the old one and why: in both cases nobody has noticed. */
static void upgrade(void)
{
	int pid[SERVICES], before = now_wish.armed;
	char reply[1024];

	/* The question before is not what is meant to fail. */
	if (before != FAULT_STOP) {
		fault_log->wish.armed = FAULT_OFF;
		if (!read_status())
			complain("it does not answer");
		for (int i = 0; i < SERVICES; i++)
			pid[i] = services[i].pid;
		fault_log->wish.armed = before;
	}
	if (!ask("upgrade", reply, sizeof reply)) {
		if (!is_stopped())
			complain("an upgrade is not answered");
		return;
	}
	if (strncmp(reply, "end=ok", 6) != 0) {
		refused++;
		if (!strstr(reply, "nothing was changed: ") || before != FAULT_FAIL)
			complain("%s", reply);
	}
	if (before == FAULT_STOP)
		return;
	disarm();
	read_status();
	for (int i = 0; i < SERVICES; i++)
		if (services[i].pid != pid[i] || services[i].said)
			complain("%s was started again", services[i].name);
}

void act(enum phase phase)
{
	switch (phase) {
	case KILL:
		for (int i = 0; i < SERVICES; i++)
			if (payload_of(&services[i]))
				kill(payload_of(&services[i]), SIGKILL);
		break;
	case DIRECT:
		/* It has been started twice by then, so that the supervisor does it by itself. */
		if (payload_of(&services[2]))
			kill(payload_of(&services[2]), SIGKILL);
		break;
	case COPY:
		if (payload_of(&services[0]))
			kill(payload_of(&services[0]), SIGKILL);
		break;
	case RESTART:
		ask("restart a b c d", NULL, 0);
		break;
	case RELOAD:
	case HUP:
		version++;
		put_profile(&services[0]);
		if (phase == HUP)
			kill(supervisor, SIGHUP);
		else
			ask("reload", NULL, 0);
		break;
	case STOP:
		ask("stop a b c d", NULL, 0);
		if (!wait_gone(ALL) && !is_stopped())
			complain("does not stop");
		if (is_stopped())
			break;
		forget();
		ask("start a b c d", NULL, 0);
		break;
	case ASK:
		ask("status", NULL, 0);
		ask("describe a", NULL, 0);
		ask("logs a", NULL, 0);
		ask("events", NULL, 0);
		break;
	case PATH:
		unlink(W "/flag");
		if (!wait_gone(4) && !is_stopped())
			complain("c does not go with its path");
		put_file(W "/flag", "", 0, 0644);
		break;
	case UPGRADE:
		upgrade();
		break;
	case SHUTDOWN:
		ask("shutdown", NULL, 0);
		break;
	default:
		break;
	}
}

/* A load that failed has changed nothing; the next one does. */
static void check_version(void)
{
	if (services[0].version == version)
		return;
	forget();
	ask("reload", NULL, 0);
	if (!wait_up(1) || services[0].version != version)
		complain("the new profile is not in force");
}

/* One pass through a phase with whatever is armed, by a supervisor that lives on. */
static void steady(enum phase phase)
{
	long begin = now_ms(), until;

	forget();
	act(phase);
	if ((phase == RELOAD || phase == HUP) && now_wish.armed == FAULT_FAIL) {
		until = now_ms() + (side_now == 's' || side_now == 'o' ? 250 : IN_TIME);
		while (!services[0].said && now_ms() < until)
			pump(5);
		if (services[0].said)
			wait_up(1);
	} else if (!wait_up(phases[phase].again)) {
		complain("it ended: %#x", end_status);
	}
	until = now_ms() + (now_wish.armed == FAULT_LIST ? 30 : 10);
	while (!(now_wish.armed == FAULT_FAIL && fired()) && now_ms() < until)
		pump(2);
	if (now_ms() - begin > slowest)
		slowest = now_ms() - begin;
	disarm();
	if (!ended)
		check_up();
	if (!ended && (phase == RELOAD || phase == HUP))
		check_version();
}

/* One life, armed from its beginning or from its end. */
static void short_life(enum phase phase)
{
	struct fault_wish wish = now_wish;
	long begin = now_ms();

	if (phase == SHUTDOWN) {
		disarm();
		start_whole();
		now_wish = wish;
		fault_log->wish = wish;
		forget();
		begin = now_ms();
		act(phase);
		if (!wait_end())
			complain("does not end");
		else if (end_status)
			complain("ends with %#x", end_status);
		slowest = now_ms() - begin > slowest ? now_ms() - begin : slowest;
		disarm();
		check_nothing(0);
		kill_world();
		return;
	}
	forget();
	start();
	wait_up(ALL);
	slowest = now_ms() - begin > slowest ? now_ms() - begin : slowest;
	if (ended) {
		refused++;
		pump(0);
		if (!WIFEXITED(end_status) || WEXITSTATUS(end_status) != 125 || !strstr(told, "hutch: "))
			complain("ends with %#x at its start", end_status);
		disarm();
		check_nothing(1);
		kill_world();
		return;
	}
	usleep(10000);
	disarm();
	check_up();
	if (!ended && now_wish.armed == FAULT_FAIL)
		check_house();
	if (now_wish.armed == FAULT_LIST)
		base_fds = settled_fds();
	shut_down();
}

void pass(enum phase phase)
{
	unsigned before = bad;

	if (phase == BOOT || phase == SHUTDOWN) {
		short_life(phase);
	} else {
		steady(phase);
		if (!ended && now_wish.armed == FAULT_FAIL)
			check_house();
	}
	if (bad == before)
		return;
	kill_world();
	if (phase != BOOT && phase != SHUTDOWN) {
		start_whole();
		base_rss = rss_kb();
	}
}
