/* The kernel's command line: any bytes, of which a few words are ours. Pure. */
#include "boot/boot.h"

#include <string.h>

static int is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\0';
}

/* One word of n bytes, its quotes taken away as the kernel does. */
static void word(struct cmdline *to, const char *text, size_t n)
{
	static const char config[] = "hutch.config=";
	const size_t head = sizeof config - 1;

	if (n > 1 && text[0] == '"' && text[n - 1] == '"') {
		text++;
		n -= 2;
	}
	if (n == 11 && !memcmp(text, "hutch.debug", 11))
		to->debug = 1;
	if (n == 12 && !memcmp(text, "hutch.rescue", 12))
		to->rescue = 1;
	if (n <= head || memcmp(text, config, head) != 0)
		return;
	text += head;
	n -= head;
	if (n > 1 && text[0] == '"' && text[n - 1] == '"') {
		text++;
		n -= 2;
	}
	/* What cannot be a path is none. */
	if (n >= sizeof to->config || *text != '/')
		return;
	memcpy(to->config, text, n);
	to->config[n] = '\0';
}

void cmdline_parse(struct cmdline *to, const char *text, size_t n)
{
	*to = (struct cmdline){.config = "/etc/hutch"};
	for (size_t at = 0, from; at < n; at++) {
		int quoted = 0;

		if (is_blank(text[at]))
			continue;
		for (from = at; at < n && (quoted || !is_blank(text[at])); at++)
			quoted ^= text[at] == '"';
		word(to, text + from, at - from);
	}
}
