/*
 * The tables of System V objects below /proc/sysvipc, read strictly: a column is what the
 * head says, and a line has a number in each.
 */
#ifndef HUTCH_SYSV_H
#define HUTCH_SYSV_H

#include <stdint.h>

enum sysv_field {
#define FIELD(name) SYSV_##name,
#include "base/sysv.def"
#undef FIELD
	SYSV_FIELDS
};
extern const char *const sysv_names[SYSV_FIELDS];

/* Bytes, ids, and seconds since 1970, where `has` has the field's bit. */
struct sysv {
	uint32_t has;
	int64_t value[SYSV_FIELDS];
};
void sysv_set(struct sysv *s, enum sysv_field field, int64_t value);

enum { SYSV_COLUMNS = 32 };
struct sysv_table {
	const char *text;		/* of the caller: what is left of it */
	unsigned columns;
	uint8_t field[SYSV_COLUMNS];	/* SYSV_FIELDS: one that is not known */
};

/* Takes the head of a table. -1: it is none, or has neither key nor id. */
int sysv_open(struct sysv_table *t, const char *text);

/* The next line: 1, 0 behind the last, -1: it is none of this table. */
int sysv_next(struct sysv_table *t, struct sysv *to);

#endif
