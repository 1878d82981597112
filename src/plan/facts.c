/* Facts as text and back, see facts.h. */
#include "plan/facts.h"

#include <string.h>

#include "base/parse.h"

const struct fact fact_table[] = {
#define FACT(name_, since_, help_) \
	{.name = #name_, .since = since_, .help = help_, .offset = offsetof(struct facts, name_)},
#include "plan/facts.def"
#undef FACT
};
const unsigned fact_count = sizeof fact_table / sizeof *fact_table;

static int parse_line(struct facts *f, const char *line, unsigned number, uint64_t *seen,
		      struct err *e)
{
	for (unsigned i = 0; i < fact_count; i++) {
		size_t n = strlen(fact_table[i].name);
		uint64_t value;

		if (strncmp(line, fact_table[i].name, n) != 0 || line[n] != '=')
			continue;
		if (parse_number(line + n + 1, 0, UINT32_MAX, &value))
			return err_set(e, 0, "line %u: %s is a number", number, fact_table[i].name);
		if (*seen & 1ull << i)
			return err_set(e, 0, "line %u: %s given twice", number, fact_table[i].name);
		*seen |= 1ull << i;
		*(uint32_t *)((char *)f + fact_table[i].offset) = (uint32_t)value;
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
	for (unsigned i = 0; i < fact_count; i++)
		if (!(seen & 1ull << i))
			return err_set(e, 0, "fact %s is missing", fact_table[i].name);
	return 0;
}

void facts_print(const struct facts *f, struct out *o)
{
	for (unsigned i = 0; i < fact_count; i++)
		out_printf(o, "%s=%u\n", fact_table[i].name,
			   *(const uint32_t *)((const char *)f + fact_table[i].offset));
}
