/* Cutting a value into words, see words.h. */
#include "base/words.h"

#include <string.h>

#include "base/text.h"

static int is_blank(char c)
{
	return c == ' ' || c == '\t';
}

const char *words_split(struct words *w, const char *value, struct arena *a,
			unsigned *column)
{
	const char *p = value;
	size_t most = 2;
	char *to;

	/* No more words than blanks and one, and a NULL; quotes are before letters, too. All words lie in one text. */
	for (; *p; p++)
		most += (unsigned char)*p <= '"';
	w->n = 0;
	w->word = arena_room(a, most * (sizeof *w->word + sizeof *w->column));
	w->column = (unsigned *)(w->word + most);
	to = arena_text(a, value, (size_t)(p - value));
	if (!w->word || !to)
		return PACKED("no room left");
	/* What most values are. */
	if (most == 2 && *value) {
		w->word[w->n++] = to;
		w->word[1] = NULL;
		*column = *w->column = 1;
		return NULL;
	}
	for (p = value;;) {
		int quoted = 0;

		while (is_blank(*p))
			p++;
		w->word[w->n] = NULL;
		if (!*p)
			return NULL;
		*column = w->column[w->n] = (unsigned)(p - value) + 1;
		w->word[w->n++] = to;
		for (; *p && (quoted || !is_blank(*p)); p++)
			if (*p == '"')
				quoted = !quoted;
			else
				*to++ = *p;
		if (quoted)
			return PACKED("a double quote has no end");
		*to++ = '\0';
	}
}
