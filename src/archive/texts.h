/*
 * Texts that a person asks for and a launch does not: helps, usual causes, names of
 * steps, errors in words, what is wrong. Columns of the tables (columns.c says which) and
 * each PACKED lie in one section, "packed_texts". The program is linked twice: the first time
 * as anybody would, then with that section packed (packed.c) and its place empty (texts.ld).
 * It is unpacked there when the first text is asked for: that takes a millisecond, no memory
 * but the program's own. A program linked once is as good, and larger.
 */
#ifndef HUTCH_ARCHIVE_TEXTS_H
#define HUTCH_ARCHIVE_TEXTS_H

#include <stdint.h>

#include "base/text.h"

/* The tables, in the order of columns.c. */
enum texts {
	TEXTS_ERRORS, TEXTS_KEYS, TEXTS_RULES, TEXTS_STEPS, TEXTS_CAUSES, TEXTS_ORDERS, TEXTS_FACTS,
	TEXTS_COMMANDS, TEXTS_MOUNT_RULES, TEXTS_MODEL_FACTS, TEXTS_SHARES, TEXTS_WAYS, TEXTS_BARS, TEXTS_LAYOUT, TEXTS_CHILD,
	TEXTS_DIRECT, TEXTS_TEMPLATE,
	TEXTS_TABLES
};

extern const char texts_columns[];
extern const uint8_t texts_packed[];
extern const unsigned long texts_packed_size;

/* Unpacks all texts if this is one of them, and still empty. For text_unpack. */
void texts_unpack(const char *text);

/* Text number n of a table, whose rows have one text or several. Lives for ever. */
const char *text_of(enum texts table, unsigned n);

/* An errno in words; a number for a rare one, in memory that the next one takes. */
const char *error_text(int code);
const char *errno_text(void);	/* of errno */

#endif
