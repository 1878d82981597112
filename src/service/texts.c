/* Profiles as one text, see texts.h. */
#include "service/texts.h"

#include <string.h>

#include "base/sum.h"
#include "base/text.h"

enum { DIGITS = 8, LENGTH_MAX = 99999999 };

static const char *const kinds[ENTRIES] = {"machine", "service", "include", "findings", "end"};

/* The text without its comments, line for line; to NULL: only how long that is. */
static size_t strip(char *to, const char *text, size_t length)
{
	size_t used = 0;

	for (size_t at = 0; at < length;) {
		const char *end = memchr(text + at, '\n', length - at);
		size_t n = end ? (size_t)(end - text) + 1 - at : length - at, blank = 0;

		while (blank < n && (text[at + blank] == ' ' || text[at + blank] == '\t'))
			blank++;
		if (blank < n && text[at + blank] == '#') {
			if (to)
				to[used] = '\n';
			used++;
		} else {
			if (to)
				memcpy(to + used, text + at, n);
			used += n;
		}
		at += n;
	}
	return used;
}

int texts_add(struct text_archive *t, enum entry_kind kind, const char *name, const char *text,
	      size_t length, struct entry *e)
{
	size_t n = strip(NULL, text, length), left = t->size - t->used;
	size_t head = strlen(kinds[kind]) + DIGITS + strlen(name) + 3;
	char *to = t->base + t->used;

	if (length > LENGTH_MAX || head > left || n + 1 > left - head)
		return -1;
	text_format(to, head, "%s %08u %s", kinds[kind], (unsigned)n, name);
	strip(to + head, text, length);
	to[head + n] = '\0';
	t->used += head + n + 1;
	if (e)
		*e = (struct entry){(uint8_t)kind, to + head - 1 - strlen(name), to + head, n};
	return 0;
}

int texts_end(struct text_archive *t)
{
	char name[DIGITS + 1];

	text_format(name, sizeof name, "%08x", sum32_bytes(SUM32_START, t->base, t->used));
	return texts_add(t, ENTRY_END, name, "", 0, NULL);
}

static int read_kind(const char **p, const char *end)
{
	for (int kind = 0; kind < ENTRIES; kind++) {
		size_t n = strlen(kinds[kind]);

		if ((size_t)(end - *p) > n && !memcmp(*p, kinds[kind], n) && (*p)[n] == ' ') {
			*p += n + 1;
			return kind;
		}
	}
	return -1;
}

static int read_length(const char **p, const char *end, size_t *length)
{
	*length = 0;
	if (end - *p < DIGITS + 1 || (*p)[DIGITS] != ' ')
		return -1;
	for (int i = 0; i < DIGITS; i++) {
		unsigned digit = (unsigned)(unsigned char)(*p)[i] - '0';

		if (digit > 9)
			return -1;
		*length = *length * 10 + digit;
	}
	*p += DIGITS + 1;
	return 0;
}

int texts_next(const struct text_archive *t, size_t *at, struct entry *e)
{
	const char *p = t->base + *at, *end = t->base + t->size, *nul;
	int kind = read_kind(&p, end);

	if (kind < 0 || read_length(&p, end, &e->length))
		return -1;
	nul = memchr(p, '\0', (size_t)(end - p));
	if (!nul || (size_t)(end - nul) < e->length + 2 || nul[1 + e->length])
		return -1;
	e->kind = (uint8_t)kind;
	e->name = p;
	e->text = nul + 1;
	*at = (size_t)(nul + 2 + e->length - t->base);
	return kind != ENTRY_END;
}

int texts_check(struct text_archive *t)
{
	char right[DIGITS + 1];
	struct entry e;
	size_t last;
	int got;

	t->used = 0;
	do {
		last = t->used;
		got = texts_next(t, &t->used, &e);
	} while (got > 0);
	text_format(right, sizeof right, "%08x", sum32_bytes(SUM32_START, t->base, last));
	return got || strcmp(e.name, right) != 0 ? -1 : 0;
}
