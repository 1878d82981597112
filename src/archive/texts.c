/* Packed texts, see texts.h. */
#include "archive/texts.h"

#include <errno.h>
#include <string.h>

#include "archive/inflate.h"
#include "base/text.h"

static const uint8_t packed[] = {
#include "texts.inc"
};

/* Pages that nobody asks for are none. */
static char plain[1 << 16];

static long read_packed(void *ctx, void *buf, unsigned long len)
{
	unsigned long *at = ctx, n = sizeof packed - *at;

	n = n < len ? n : len;
	memcpy(buf, packed + *at, n);
	*at += n;
	return (long)n;
}

static void unpack(void)
{
	static struct inflate z;
	unsigned long at = 0, used = 0;
	long n;

	inflate_init(&z, read_packed, &at);
	while ((n = inflate_read(&z, plain + used, sizeof plain - 1 - used)) > 0)
		used += (unsigned long)n;
}

const char *text_of(enum texts table, unsigned n)
{
	const char *text = plain;

	if (!*text)
		unpack();
	for (unsigned before = table; before; text++)
		before -= *text == '\1';
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
