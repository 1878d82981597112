/* The bounded text buffer of out.h. */
#include "base/out.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

void out_init(struct out *o, char *memory, size_t size)
{
	o->text = memory;
	o->size = size;
	o->used = 0;
	o->lost = 0;
	memory[0] = '\0';
}

void out_put(struct out *o, const char *text)
{
	out_bytes(o, text, strlen(text));
}

void out_bytes(struct out *o, const char *text, size_t n)
{
	if (n >= o->size - o->used) {
		n = o->size - o->used - 1;
		o->lost = 1;
	}
	memcpy(o->text + o->used, text, n);
	o->used += n;
	o->text[o->used] = '\0';
}

void out_printf(struct out *o, const char *format, ...)
{
	size_t room = o->size - o->used;
	va_list args;
	int n;

	va_start(args, format);
	n = text_vformat(o->text + o->used, room, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= room) {
		n = (int)room - 1;
		o->lost = 1;
	}
	o->used += (size_t)n;
}

void out_word(struct out *o, const char *word)
{
	if (*word && !strpbrk(word, " \t#"))
		out_put(o, word);
	else
		out_printf(o, "\"%s\"", word);
}

void out_names(struct out *o, uint64_t set, const char *const *names, int n, const char *between)
{
	const char *comma = "";

	for (int i = 0; i < n; i++)
		if (set >> i & 1) {
			out_printf(o, "%s%s", comma, names[i]);
			comma = between;
		}
}

void out_set(struct out *o, const unsigned char *mask, unsigned bits)
{
	const char *comma = "";

	for (unsigned i = 0; i < bits; i++)
		if (mask[i / 8] & 1u << i % 8) {
			out_printf(o, "%s%u", comma, i);
			comma = ",";
		}
}

void out_json(struct out *o, const char *text)
{
	out_put(o, "\"");
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			out_printf(o, "\\%c", c);
		else if (c < 0x20)
			out_printf(o, "\\u%04x", c);
		else
			out_printf(o, "%c", c);
	}
	out_put(o, "\"");
}
