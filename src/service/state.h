/*
 * The state machine of a service, and the judgement of its end. Pure: states.def
 * is the table, judge() the policy. The supervisor delivers events and carries
 * actions out.
 */
#ifndef HUTCH_STATE_H
#define HUTCH_STATE_H

#include "base/out.h"
#include "service/service.h"

enum state {
#define STATE(id, name, help) STATE_##id,
#include "service/states.def"
	STATES
};
enum event {
#define EVENT(id, name, help) EVENT_##id,
#include "service/states.def"
	EVENTS
};
enum action {
#define ACTION(id, name, help) ACTION_##id,
#include "service/states.def"
	ACTIONS
};
extern const char *const state_names[STATES], *const event_names[EVENTS];

struct move {
	uint8_t next, action, heard;	/* heard 0: the event cannot be in this state */
};
struct move state_move(enum state now, enum event event);

/* Whether processes of the service may live in this state. */
int state_lives(enum state s);

/* Whether it is only on the way to another state. */
int state_passes(enum state s);

/* The table as a graph for dot(1). */
void states_print(struct out *o);

/* Why nothing of the service runs any more. */
enum verdict {
	VERDICT_EXIT,		/* the payload ended by itself: `status` tells how */
	VERDICT_ASKED,		/* restart: it was stopped to be started again */
	VERDICT_SHORT,		/* it could not be started for want of something */
	VERDICT_BROKEN,		/* a step failed */
	VERDICT_TIMEOUT,	/* not ready in time */
	VERDICT_WATCHDOG,
	VERDICTS
};
extern const char *const verdict_names[VERDICTS];

/* What a service's past and its supervisor say about the end; times in ms. */
struct end {
	uint8_t verdict, wish_up, has_trigger, triggered, was_ready;
	int status;			/* of wait(2), with VERDICT_EXIT */
	int64_t now, ready_since;
};

/* What judge() remembers from one end to the next; all 0 at first. */
struct past {
	uint32_t delay;			/* ms, of the last pause */
	uint32_t streak;		/* restarts since it was last stable */
	uint32_t shorts;		/* in a row */
	uint32_t failures;		/* within the window of restart-limit */
	int64_t window;			/* its start */
};

struct judgement {
	enum event event;		/* NOW, AGAIN, REST, FINISH or ARM */
	uint32_t delay;			/* ms, of AGAIN */
	uint8_t failed;			/* the end was a failure */
	uint8_t limit;			/* enum limit_action that became due, or 0 */
};
struct judgement judge(const struct service_conf *c, const struct end *end, struct past *past);

/* Whether a wait status is a success by success=. */
int status_good(const struct service_conf *c, int status);

/* EAGAIN, ENOMEM, EMFILE, ENFILE, ENOSPC, EIO: passes, is waited for, is not counted. */
int code_is_short(int code);

/* One datagram of sd_notify(3). */
struct notice {
	uint8_t ready, stopping, reloading, watchdog, trigger_watchdog, mainpid;
	uint64_t extend_usec;		/* 0: not said */
	uint64_t watchdog_usec;		/* 0: not said */
	char status[64];		/* of STATUS=, printable, or "" */
};

/* Reads what is there; unknown and wrong lines are passed over. */
void notice_read(struct notice *n, const char *text, size_t length);

#endif
