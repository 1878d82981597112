/*
 * A value of the profile language cut into words: blanks separate, "double
 * quotes" keep blanks, there is no other magic. Never re-parses a word.
 */
#ifndef HUTCH_WORDS_H
#define HUTCH_WORDS_H

#include "base/arena.h"

struct words {
	int n;
	const char **word;	/* n texts, then a NULL */
	unsigned *column;	/* of each word, from 1, counted from the value's start */
};

/*
 * Cuts value into w, in memory of the arena. Returns NULL, or what is wrong in
 * words (a quote without its end, no room), with *column at the place.
 */
const char *words_split(struct words *w, const char *value, struct arena *a,
			unsigned *column);

#endif
