/*
 * Where a wish was written, what went wrong, and lists of such findings.
 *
 * A function returns an error or reports it, never both: fallible functions
 * return 0 or -1 and fill a struct err; the profile's readers, which go on after
 * an error, add to a struct diags.
 */
#ifndef HUTCH_ERR_H
#define HUTCH_ERR_H

#include <stdarg.h>

#include "base/arena.h"
#include "base/text.h"

enum { FILE_NONE = 0, FILE_ARGS = 1, FILE_FIRST = 2 };

/* Where a wish was written: the profile line that a step or message is about. */
struct origin {
	unsigned short file;	/* index into the profile's files, see FILE_* */
	unsigned short key;	/* index into the keys, 0 for none */
	unsigned line;		/* from 1; an argument's number for FILE_ARGS */
};

struct err {
	int code;		/* errno, or 0 where only the text speaks */
	int step;		/* index of the step that failed, or -1 */
	char text[200];		/* what was tried or is wrong, NUL-terminated */
};

/* Fills e and returns -1, so that `return err_set(...)` reads as it acts. */
int err_set(struct err *e, int code, const char *format, ...);
#define err_set(e, code, format, ...) \
	err_set(e, code, PACKED(format, ##__VA_ARGS__), ##__VA_ARGS__)

struct diag {
	struct diag *next;
	struct origin at;
	unsigned column;	/* from 1, 0 for the whole line */
	const char *text;
};

struct diags {
	struct arena *arena;
	struct diag *first, **last;
	unsigned count;		/* also of those that found no room */
};

void diags_init(struct diags *d, struct arena *a);
void diags_vadd(struct diags *d, struct origin at, unsigned column,
		const char *format, va_list args);
void diags_add(struct diags *d, struct origin at, unsigned column,
	       const char *format, ...);
#define diags_add(d, at, column, format, ...) \
	diags_add(d, at, column, PACKED(format, ##__VA_ARGS__), ##__VA_ARGS__)

#endif
