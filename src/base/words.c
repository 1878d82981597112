/* Cutting a value into words, see words.h. */
#include "base/words.h"

#include <string.h>

#include "base/text.h"

static int is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The end of the word at p, quotes included; NULL for a quote without its end. */
static const char *word_end(const char *p)
{
	int quoted = 0;

	for (; *p && (quoted || !is_blank(*p)); p++)
		if (*p == '"')
			quoted = !quoted;
	return quoted ? NULL : p;
}

/* Copies from..end without its quotes. */
static const char *unquoted(const char *from, const char *end, struct arena *a)
{
	char *to = arena_text(a, from, (size_t)(end - from)), *p = to;

	if (!to)
		return NULL;
	for (; from < end; from++)
		if (*from != '"')
			*p++ = *from;
	*p = '\0';
	return to;
}

static int count(const char *p)
{
	int n = 0;

	for (;;) {
		while (is_blank(*p))
			p++;
		if (!*p)
			return n;
		p = word_end(p);
		if (!p)
			return n;
		n++;
	}
}

const char *words_split(struct words *w, const char *value, struct arena *a,
			unsigned *column)
{
	const char *p = value;
	int n = count(value);

	w->n = 0;
	w->word = ARENA_ARRAY(a, const char *, (size_t)n + 1);
	w->column = ARENA_ARRAY(a, unsigned, (size_t)n + 1);
	if (!w->word || !w->column)
		return PACKED("no room left");
	for (;;) {
		const char *end;

		while (is_blank(*p))
			p++;
		if (!*p)
			return NULL;
		*column = (unsigned)(p - value) + 1;
		end = word_end(p);
		if (!end)
			return PACKED("a double quote has no end");
		w->word[w->n] = unquoted(p, end, a);
		if (!w->word[w->n])
			return PACKED("no room left");
		w->column[w->n++] = *column;
		p = end;
	}
}
