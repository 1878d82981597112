/*
 * What is known of the places besides what is kept: by name, by pid, by deadline, what has changed, and
 * how many there are of a kind. All of it is derived from the places, so that no turn
 * of the loop has to go through all of them. Private to this floor.
 *
 * Whoever changes a service says so (place_touch); what is derived follows when the order is looked at.
 */
#ifndef HUTCH_PLACE_H
#define HUTCH_PLACE_H

#include <poll.h>
#include <stdint.h>

#include "service/service.h"

struct service;
struct supervisor;

/* The descriptors of a service that are watched, by what has come on them. */
enum watch_kind {
	WATCH_REPORT, WATCH_CHANNEL, WATCH_READY, WATCH_NOTIFY, WATCH_LOG, WATCH_LISTEN,
	WATCHES = WATCH_LISTEN + LISTENS,
};

/* What places are counted by. */
enum counted {
	COUNT_ALIVE,			/* not down */
	COUNT_LOOSE,			/* has a descriptor that the kernel could not be told to watch */
	COUNT_CONSOLE, COUNT_WAITING,	/* lives on the console; waits, maybe for that */
	COUNT_FOLLOWS,			/* has files that follow the host's */
	COUNT_AWAY,			/* critical, wanted, and not up */
	COUNT_UNTRIED,			/* wanted, and its first attempt has no end yet */
	COUNT_UNPROVEN, COUNT_UNREADY,	/* keeps a boot from being complete: at all; when that takes too long */
	COUNTED,
};

/* Places in a row: 1 + the number of each, 0: none. */
struct queue {
	uint16_t first, last;
};
enum queue_link { LINK_CHANGED, LINK_LOG, LINK_AHEAD, LINKS };

enum { NAMES = 512, FEW = 16 + 32 };	/* heads of a hash; descriptors that are no service's */

struct spot {
	int64_t due;			/* ms: the deadline that it has in the heap, 0: it is not there */
	uint32_t watched;		/* bits of watch_kind */
	uint32_t came;			/* of those, in this turn */
	uint16_t counted;		/* bits of enum counted */
	uint16_t seen;			/* what the order of others saw of it */
	uint16_t heap;			/* the place at this point of the heap, */
	uint16_t heap_at;		/* 1 + the point where this one is */
	uint16_t launching;		/* the place at this point of the list of launches */
	uint16_t launching_at;
	uint16_t next[LINKS];
	uint16_t next_name, next_pid[2];	/* the launcher's, the sandbox's */
	uint8_t linked;			/* bits of enum queue_link */
};

/* What a turn of the loop needs; not kept. */
struct turn {
	char mine;			/* 1, and in every child zero: the kernel sees to that. 0: it does not */
	uint8_t asked;			/* a client had something since the last rest */
	uint8_t quiet;			/* for a while nothing has come */
	uint8_t looked;			/* nobody was dead, and no signal said so since */
	int dead;			/* who is: the signal's word; or 0 */
	int64_t look_at;		/* ms: not before; 0: at once */
	uint64_t told;			/* where the events' ring was then */
	uint8_t sweep;			/* some set may have lost its last service */
	uint16_t sessions;		/* sandboxes that live without a PID namespace of their own */
	uint16_t count[COUNTED];
	uint16_t heap, launching;	/* how many there are */
	uint16_t vacant;		/* no free place is before this one */
	struct queue changed, log[8];	/* the latter by enum log_kind: who could not hand everything on */
	struct pollfd few[FEW];
	uint16_t by_name[NAMES], by_pid[NAMES];
	struct spot spot[SERVICES];
	struct pollfd many[FEW + SERVICES * WATCHES];	/* when the kernel watches nothing for us */
	uint32_t tag[SERVICES * WATCHES];
};

unsigned place_number(const struct service *v);
struct spot *place_spot(const struct service *v);

void place_begin(struct supervisor *s);		/* s->turn is all zero */
void place_resume(struct supervisor *s);	/* the places are in use already */

/* Something of it has changed: state, wish, conf, deadline, descriptors. */
void place_touch(const struct service *v);
struct service *place_changed(void);		/* the next that was touched, or NULL */
int place_settle(struct service *v);		/* what is derived follows; 1: others of its order have to be looked at */

void place_name(const struct service *v);	/* it has one from now on */
void place_unname(const struct service *v);

/* field: v's launcher or pid, which becomes `pid`; 0: it has none any more, and its number may be somebody else's. */
void place_pid(struct service *v, int *field, int pid);
struct service *place_of_pid(int pid);		/* NULL: no service's */

/* The first whose time has come, which has none then until it is settled; or NULL. */
struct service *place_due(int64_t now);
int64_t place_deadline(void);			/* ms, 0: none */

void queue_put(struct queue *q, enum queue_link link, const struct service *v);	/* once */
struct service *queue_take(struct queue *q, enum queue_link link);

/*
 * watch.c. What the kernel cannot be told to watch is polled, until it can be told. The kernel watches an open file,
 * which children may still have: so whoever closes a watched descriptor does it by watch_drop.
 */
int watch_look(struct service *v);		/* after a change; 1: not all of it is watched */
void watch_drop(struct service *v, int *fd);	/* closes it: one of v's, which is -1 then */
void watch_drop_listens(struct service *v);	/* does not close them */
unsigned watch_count(void);			/* of descriptors that are watched */
int watch_poll(struct pollfd *fds);		/* all that is watched, as one descriptor; how many: 1 */
int watch_poll_loose(struct supervisor *s, struct pollfd *fds);	/* what has to be polled one by one; how many */
/* With what poll(2) said of both. */
void watch_read(struct supervisor *s, const struct pollfd *own, const struct pollfd *loose, int n);

#endif
