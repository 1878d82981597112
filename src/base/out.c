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

void out_arena(struct out *o, struct arena *a, size_t most)
{
	static char none[1];
	size_t left = a->used < a->size ? a->size - a->used : 0;

	if (left)
		out_init(o, a->base + a->used, left < most ? left : most);
	else
		out_init(o, none, sizeof none);
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
	int quoted = !*word || strpbrk(word, " \t#");

	out_bytes(o, "\"", (size_t)quoted);
	out_put(o, word);
	out_bytes(o, "\"", (size_t)quoted);
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

/* How many bytes the character of UTF-8 at `text` has; 0: it is none. */
static unsigned utf8(const char *text)
{
	unsigned char c = (unsigned char)*text;
	unsigned n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	uint32_t value = c & 0x7fu >> n;

	for (unsigned i = 1; i < n; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (text[i] & 0x3f);
	}
	/* Nor what is longer than it need be, half of a pair, or behind the end. */
	return (n == 3 && (value < 0x800 || value >> 11 == 0x1b)) || (n == 4 && value - 0x10000 > 0xfffff) ? 0 : n;
}

void out_json(struct out *o, const char *text)
{
	unsigned n;

	out_put(o, "\"");
	for (; *text; text += n ? n : 1) {
		unsigned char c = (unsigned char)*text;

		n = utf8(text);
		if (c == '"' || c == '\\')
			out_printf(o, "\\%c", c);
		else if (c < 0x20)
			out_printf(o, "\\u%04x", c);
		else
			out_bytes(o, n ? text : "?", n ? n : 1);
	}
	out_put(o, "\"");
}
