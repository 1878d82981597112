/* The kernel's tables of System V objects, see sysv.h. */
#include "base/sysv.h"

#include <stddef.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"

const char *const sysv_names[SYSV_FIELDS] = {
#define FIELD(name) #name,
#include "base/sysv.def"
#undef FIELD
};

static const struct {
	char head[8];
	uint8_t field;
} heads[] = {
#define HEAD(head, field) {head, SYSV_##field},
#include "base/sysv.def"
#undef HEAD
};

void sysv_set(struct sysv *s, enum sysv_field field, int64_t value)
{
	s->has |= 1u << field;
	s->value[field] = value;
}

enum { WORD = 24 };

/* The next word of the line; 0 at its end, where *text stays. What is cut off is none of ours. */
static int word(const char **text, char to[WORD])
{
	size_t n;

	*text += strspn(*text, " ");
	n = strcspn(*text, " \n");
	text_format(to, WORD, "%.*s", (int)n, *text);
	*text += n;
	return n > 0;
}

/* Behind the line's end, which has to be here. */
static int line_end(struct sysv_table *t)
{
	return *t->text == '\n' ? (t->text++, 0) : -1;
}

static uint8_t field_of(const char *head)
{
	for (unsigned i = 0; i < sizeof heads / sizeof *heads; i++)
		if (!strcmp(heads[i].head, head))
			return heads[i].field;
	return SYSV_FIELDS;
}

int sysv_open(struct sysv_table *t, const char *text)
{
	const uint32_t needed = 1u << SYSV_key | 1u << SYSV_id;
	uint32_t has = 0;
	char head[WORD];

	*t = (struct sysv_table){.text = text};
	while (word(&t->text, head)) {
		uint8_t field = field_of(head);
		uint32_t bit = field < SYSV_FIELDS ? 1u << field : 0;

		if (t->columns == SYSV_COLUMNS || has & bit)
			return -1;
		has |= bit;
		t->field[t->columns++] = field;
	}
	return (has & needed) == needed ? line_end(t) : -1;
}

int sysv_next(struct sysv_table *t, struct sysv *to)
{
	char number[WORD];
	unsigned n = 0;
	int64_t value;

	*to = (struct sysv){0};
	if (!*t->text)
		return 0;
	for (; word(&t->text, number); n++) {
		if (n == t->columns || parse_integer(number, INT64_MIN, INT64_MAX, &value))
			return -1;
		if (t->field[n] < SYSV_FIELDS)
			sysv_set(to, t->field[n], value);
	}
	return n == t->columns && !line_end(t) ? 1 : -1;
}
