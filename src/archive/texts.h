/*
 * Texts that a person asks for and a launch does not: helps, usual causes, names of
 * steps, errors in words. They are columns of the tables, packed into the program when
 * it is built (texts.in says which columns, texts.sh packs them) and unpacked when the
 * first one is asked for: that takes a millisecond, no memory but the program's own.
 */
#ifndef HUTCH_ARCHIVE_TEXTS_H
#define HUTCH_ARCHIVE_TEXTS_H

/* The tables, in the order of texts.in. */
enum texts {
	TEXTS_ERRORS, TEXTS_KEYS, TEXTS_RULES, TEXTS_STEPS, TEXTS_CAUSES, TEXTS_ORDERS, TEXTS_FACTS,
	TEXTS_COMMANDS, TEXTS_MOUNT_RULES, TEXTS_MODEL_FACTS, TEXTS_LAYOUT,
};

/* Text number n of a table, whose rows have one text or several. Lives for ever. */
const char *text_of(enum texts table, unsigned n);

/* An errno in words; a number for a rare one, in memory that the next one takes. */
const char *error_text(int code);

#endif
