/*
 * Profiles and what they include as one text, without a pointer in it: what a set was
 * made of, and can be made of again by another program or after a crash. Pure.
 *
 * An entry is "KIND LENGTH NAME", a NUL, the text and a NUL; LENGTH has eight digits. The
 * last one is "end 00000000 SUM", whose SUM is over all before it. The entries of a
 * service follow each other: its profile, what that includes, and what is wrong with it.
 */
#ifndef HUTCH_SERVICE_TEXTS_H
#define HUTCH_SERVICE_TEXTS_H

#include <stddef.h>
#include <stdint.h>

enum entry_kind { ENTRY_MACHINE, ENTRY_SERVICE, ENTRY_INCLUDE, ENTRY_FINDINGS, ENTRY_END, ENTRIES };

struct text_archive {
	char *base;
	size_t size, used;	/* bytes: of the memory, of the entries in it */
};

struct entry {
	uint8_t kind;
	const char *name, *text;	/* in the archive, each with a NUL behind it */
	size_t length;
};

/*
 * Adds an entry. Of a file, comments go and their lines stay, for a launch needs the
 * numbers only. Fills *e, which may be NULL. -1: no room.
 */
int texts_add(struct text_archive *t, enum entry_kind kind, const char *name, const char *text,
	      size_t length, struct entry *e);

/* Adds the last entry. -1: no room. */
int texts_end(struct text_archive *t);

/*
 * The entry at *at, which moves behind it: 0 at first. 1: there it is; 0: the end; -1:
 * no entry of an archive. Nothing in it is believed.
 */
int texts_next(const struct text_archive *t, size_t *at, struct entry *e);

/*
 * Whether t->size bytes begin with a whole archive whose sum is right; t->used becomes
 * its length with its end. -1: no.
 */
int texts_check(struct text_archive *t);

#endif
