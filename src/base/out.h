/*
 * A bounded text buffer to print into. What does not fit is cut and remembered
 * in `lost`, so that a printer needs no error path of its own.
 */
#ifndef HUTCH_OUT_H
#define HUTCH_OUT_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/text.h"

struct out {
	char *text;
	size_t size, used;	/* bytes; text[used] is always NUL */
	int lost;		/* something did not fit */
};

void out_init(struct out *o, char *memory, size_t size);
/* Prints to the free end of an arena, which must be taken from there (used + 1 bytes) before anything else is. */
void out_arena(struct out *o, struct arena *a, size_t most);
void out_put(struct out *o, const char *text);
void out_bytes(struct out *o, const char *text, size_t n);
void out_printf(struct out *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same with a packed format (text.h): for what a person asks for now and then. */
typedef void out_printer(struct out *o, const char *format, ...);
#define out_packed(o, format, ...) \
	((out_printer *)out_printf)(o, PACKED(format, ##__VA_ARGS__), ##__VA_ARGS__)

/* One word of the profile language: in double quotes when it needs them. */
void out_word(struct out *o, const char *word);

/* The names of the bits of a set, the first n of them, with `between` them. */
void out_names(struct out *o, uint64_t set, const char *const *names, int n, const char *between);

/* The numbers of a bit mask, with commas between: what parse_set reads. */
void out_set(struct out *o, const unsigned char *mask, unsigned bits);

/* A JSON string with its quotes; a byte that is no UTF-8 becomes a ?. */
void out_json(struct out *o, const char *text);

#endif
