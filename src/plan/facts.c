/* Facts as text and back, see facts.h. */
#include "plan/facts.h"

#include <string.h>

#include "archive/texts.h"
#include "base/parse.h"
#include "base/uapi.h"

uint32_t *fact_at(struct facts *f, unsigned n) { return (uint32_t *)f + n; }

enum { NAME, SINCE, HELP, COLUMNS };
const char *fact_name(unsigned n) { return text_of(TEXTS_FACTS, n * COLUMNS + NAME); }
const char *fact_since(unsigned n) { return text_of(TEXTS_FACTS, n * COLUMNS + SINCE); }
const char *fact_help(unsigned n) { return text_of(TEXTS_FACTS, n * COLUMNS + HELP); }

static int parse_line(struct facts *f, const char *line, unsigned number, uint64_t *seen,
		      struct err *e)
{
	for (unsigned i = 0; i < FACTS; i++) {
		const char *name = fact_name(i);
		size_t n = strlen(name);
		uint64_t value;

		if (strncmp(line, name, n) != 0 || line[n] != '=')
			continue;
		if (parse_number(line + n + 1, 0, UINT32_MAX, &value))
			return err_set(e, 0, "line %u: %s is a number", number, name);
		if (*seen & 1ull << i)
			return err_set(e, 0, "line %u: %s given twice", number, name);
		*seen |= 1ull << i;
		*fact_at(f, i) = (uint32_t)value;
		return 0;
	}
	return err_set(e, 0, "line %u: unknown fact %.64s", number, line);
}

int facts_parse(struct facts *f, const char *text, size_t length, struct err *e)
{
	const char *end = text + length;
	uint64_t seen = 0;

	for (unsigned number = 1; text < end; number++) {
		const char *next = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((next ? next : end) - text);
		char line[128];

		if (n >= sizeof line)
			return err_set(e, 0, "line %u is too long", number);
		memcpy(line, text, n);
		line[n] = '\0';
		if (n && *line != '#' && parse_line(f, line, number, &seen, e))
			return -1;
		text += n + 1;
	}
	for (unsigned i = 0; i < FACTS; i++)
		if (!(seen & 1ull << i))
			return err_set(e, 0, "fact %s is missing", fact_name(i));
	return 0;
}

void facts_print(const struct facts *f, struct out *o)
{
	for (unsigned i = 0; i < FACTS; i++)
		out_printf(o, "%s=%u\n", fact_name(i), ((const uint32_t *)f)[i]);
}

uint32_t facts_slow(const struct facts *f)
{
	return CLONE_NEWNET_ | (f->mount_beneath ? 0 : CLONE_NEWIPC_);
}
