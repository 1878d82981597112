/* Packed texts, see texts.h. */
#include "archive/texts.h"

#include <errno.h>
#include <string.h>

#include "archive/inflate.h"
#include "base/stacks.h"

/* By the linker: where the section begins and ends. */
extern const char __start_packed_texts[], __stop_packed_texts[];
#define ADDRESS(of) ((uintptr_t)(of))

static long read_packed(void *ctx, void *buf, unsigned long len)
{
	unsigned long *at = ctx, n = texts_packed_size - *at;

	n = n < len ? n : len;
	memcpy(buf, texts_packed + *at, n);
	*at += n;
	return (long)n;
}

void texts_unpack(const char *text)
{
	static struct inflate z;
	char *to = (char *)__start_packed_texts;
	unsigned long at = 0;
	long n;

	if (*text || ADDRESS(text) < ADDRESS(__start_packed_texts) || ADDRESS(text) >= ADDRESS(__stop_packed_texts))
		return;
	/* Such a child shares the section with its parent, who may be about it. */
	if (stack_number())
		return;
	inflate_init(&z, read_packed, &at);
	while ((n = inflate_read(&z, to, ADDRESS(__stop_packed_texts) - ADDRESS(to))) > 0)
		to += n;
}

const char *text_of(enum texts table, unsigned n)
{
	/* Where tables begin, as far as one was asked for: a plan in words asks for hundreds. */
	static const char *starts[TEXTS_TABLES];
	const char *text = starts[table];

	texts_unpack(texts_columns);
	if (!text) {
		text = texts_columns;
		for (unsigned before = table; before; text++)
			before -= *text == '\1';
		starts[table] = text;
	}
	for (; n; n--)
		text += strlen(text) + 1;
	return text;
}

static const unsigned short codes[] = {
#define ERROR(code, text) code,
#include "archive/errors.def"
#undef ERROR
};

const char *error_text(int code)
{
	static char number[24];

	for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++)
		if (codes[i] == code)
			return text_of(TEXTS_ERRORS, i);
	text_format(number, sizeof number, "error %d", code);
	return number;
}

const char *errno_text(void) { return error_text(errno); }
