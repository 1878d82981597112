/*
 * What goes over a supervisor's control socket (SEQPACKET). Pure.
 *
 * A request is one record: words, each ended by a NUL. The reply is some records of
 * key=value lines, values in the quoting of a profile; behind an empty line may stand
 * a body of any bytes. The last record starts with end=ok, end=error or end=denied;
 * code=N is the exit status that the client makes of it, text= what it says.
 */
#ifndef HUTCH_SERVICE_CONTROL_H
#define HUTCH_SERVICE_CONTROL_H

#include <stdint.h>

#include "base/arena.h"
#include "base/out.h"

enum {
	CONTROL_WORDS = 32,
	CONTROL_REQUEST = 1024,		/* bytes */
	CONTROL_BODY = 4096,
	CONTROL_RECORD = CONTROL_BODY + 512,
	CONTROL_PIECE = 4000,		/* of a file, unless it is the last */
};

#define ALL_LINES UINT32_MAX

enum verb {
#define VERB(id, name, who, takes, least, most) VERB_##id,
#include "service/verbs.def"
	VERBS
};
enum rights { NOBODY, READER, OWNER };

struct verb_row {
	const char *name, *takes;
	uint8_t who, least, most;
};
extern const struct verb_row verb_table[VERBS];

struct request {
	uint8_t verb;
	uint8_t follow, up;		/* up: what wait waits for */
	uint8_t end;			/* enum end_kind: what shutdown ends in */
	uint8_t signal;
	uint8_t n;
	uint32_t lines;			/* the last ones, or ALL_LINES */
	int64_t time;			/* ms that wait waits, -1: for ever */
	const char *path;		/* absolute, in the record, or "" */
	const char *name[CONTROL_WORDS];	/* n services, in the record */
};

/*
 * Reads a record of n bytes. NULL, or what is wrong with it in words, which stand in
 * `wrong`.
 */
const char *request_read(struct request *r, const char *record, size_t n, char wrong[120]);

enum status_field {
#define STATUS(id, name, kind, help) STATUS_##id,
#include "service/verbs.def"
	STATUS_FIELDS
};
enum status_kind { TEXT, NUMBER, TRUTH };
extern const struct status_row {
	const char *name;
	uint8_t kind;
} status_table[STATUS_FIELDS];

/* One line. What a value cannot hold is replaced: quotes, ends of lines (by tabs) and what does not print. */
void control_put(struct out *o, const char *key, const char *value);

/* The value of a key before the record's body, in memory of the arena; NULL: none. */
const char *record_value(const char *record, const char *key, struct arena *a);

/* Where the body of a record begins; NULL: it has none. */
const char *record_body(const char *record);

#endif
