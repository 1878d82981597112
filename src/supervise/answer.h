/*
 * The clients of the control socket, and what each is told. Private to control.c,
 * which moves the records, and answer.c, which makes them.
 */
#ifndef HUTCH_ANSWER_H
#define HUTCH_ANSWER_H

#include "service/control.h"
#include "supervise/supervise.h"

/* Where a reply is; taken back when a record did not go out. */
struct cursor {
	unsigned at;		/* place, name or file */
	uint32_t offset;	/* into the file */
	uint64_t position;	/* in a ring */
	uint8_t begun;
};

/* KEPT. */
struct client {
	int fd;
	uint8_t rights;		/* enum rights */
	uint8_t asked;
	uint8_t full;		/* it has to take what lies there first */
	uint8_t code;		/* of the last record */
	unsigned age;		/* the order in which they came */
	unsigned reloads;	/* of the supervisor, at the request */
	int64_t deadline;	/* ms: it is dropped then, 0: never */
	int64_t until;		/* ms: wait gives up then, 0: never */
	struct cursor cursor;
	struct request request;
	char text[CONTROL_REQUEST + 1];	/* that request points into */
	char wrong[WHY_ROOM];	/* the request came to nothing: why */
	uint16_t length;	/* bytes of the request, once it asked */
	char behind[];
} KEPT_ROOM(2048);

/* The socket itself. KEPT. */
struct control_state {
	int listener;		/* -1: not there */
	unsigned age;
	int64_t readers;	/* gid, or -1 */
	int64_t retry;		/* ms: when to try again, 0: no need */
	int64_t delay, paused;	/* ms */
	uint32_t busy;		/* bits of the clients that there are: the memory of others is untouched */
	char behind[];
};

/* The clients, one after the other: the first after NULL, NULL after the last. */
struct client *client_next(const struct supervisor *s, struct client *c);

/* Does what the request asks for; c->wrong says what could not be done. */
void answer_begin(struct supervisor *s, struct client *c);

/* Whether a reply goes on; LATER: nothing to say for now, the record is empty. */
enum answer { ANSWER_LATER, ANSWER_MORE, ANSWER_LAST };

/* The next record. Moves c->cursor. */
enum answer answer_next(struct supervisor *s, struct client *c, struct out *o);

#endif
