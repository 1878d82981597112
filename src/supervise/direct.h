/* Starts without a launcher, see direct.c. Private to this floor. */
#ifndef HUTCH_DIRECT_H
#define HUTCH_DIRECT_H

#include "plan/plan.h"
#include "apply/identity.h"
#include "supervise/ends.h"
#include "supervise/supervise.h"

/* What a launcher has left: nothing; all of it; a template for launchers, and what it was made of. */
enum direct_use { DIRECT_NOTHING, DIRECT_PLAN, DIRECT_TEMPLATE };

/* A plan that a launcher leaves for later starts, with all that it points to but the set's texts. */
struct direct_plan {
	uint32_t valid;			/* stored last: enum direct_use */
	uint8_t begun, built;		/* the last child has its descriptors; only exec is left to it */
	struct arena arena;
	struct profile profile;
	struct diags diags;
	struct plan plan;
	struct identity *identity;	/* of its sources, where there is a template */
	uint64_t seen;			/* of the mount table that the last start has found to be right */
	char exec[120];			/* where exec= is written */
	char memory[] __attribute__((aligned(16)));
};
enum { DIRECT_ROOM = 96 << 10 };	/* bytes of one */

/* A launcher's exit status when it came to nothing with the template: its sources have changed, or another reason. */
enum { DIRECT_STALE = 62, DIRECT_USELESS };
/* And when the service has to be started by launchers for ever; with a row of direct.def added. */
enum { DIRECT_NEVER = 64 };
/* Number of that row, from 1 on; 0: none. */
int direct_never(const struct service_conf *conf, const struct plan *plan, const struct facts *f);
const char *direct_why(unsigned row);

/* Reserves what is needed for all places; untouched it costs nothing. Whatever fails: then launchers do it all. The arena is each
 * copy's own. */
void direct_init(const struct arena *a);
int direct_prepare(void);	/* what each of them uses, if that is not there yet; 1: it is */

/* Room for the plan of a service that is started again, or NULL: there is one, or there will not be any. */
struct direct_plan *direct_room(const struct service *v);
/* What was left for launchers, or NULL; *template: the descriptor. */
struct direct_plan *direct_template_of(const struct service *v, int *template);
/* Whether children that are forked from now on have it. */
void direct_share(struct direct_plan *p, int yes);

/* How it can be started now by the plan that was left: not at all, with a channel to it, or with none. */
enum direct_way { DIRECT_CHANNEL = 1, DIRECT_TELLS };
int direct_way(const struct service *v);
/* A start by that plan, and with keep[ENDS_CHANNEL] of the ends if it needs that: its pid. 0: nothing has happened. */
int direct_start(struct service *v, const struct ends *ends);
/*
 * Without a channel its child tells by the memory that it shares with us until it executes its program. Nobody is woken by
 * that, which would be before the payload runs: it is seen in the next turn, or when the next look is due.
 */
struct service *direct_through(void);		/* one whose child has done that or died, until direct_ended; or NULL */
int64_t direct_deadline(int64_t now);		/* ms, 0: there is no such child */
/* As channel_receive: 1 a record, 0 there is none any more, -1 not yet, or it has a channel. */
int direct_hear(const struct service *v, struct record *r);
/* It is a copy that has begun, or uses none of our memory any more. 1: its program was executed; 0: not; -1: it has done nothing. */
int direct_ended(struct service *v);
/* Nobody builds it any more: what was dropped meanwhile goes. 1: that was so. */
int direct_settle(struct service *v);
/* Whether some child that shares our memory may look into it. */
int direct_reads(const struct image *image);
/* Where exec= is written, if this step of its plan is that; else NULL. */
const char *direct_exec(const struct service *v, int step);
/* A template for it has come, and is kept from here on; -1: the one that there is goes. */
void direct_template(const struct service *v, int fd);
/* Before a long sleep: what is not needed until the next start. */
void direct_rest(void);

#endif
