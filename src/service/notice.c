/* Datagrams of sd_notify(3), see state.h. */
#include <string.h>

#include "base/parse.h"
#include "service/state.h"

/* A strict number in the n bytes at text; 0 when it is none. */
static uint64_t number(const char *text, size_t n)
{
	char digits[24];
	uint64_t value = 0;

	if (n >= sizeof digits)
		return 0;
	memcpy(digits, text, n);
	digits[n] = '\0';
	parse_number(digits, 0, UINT64_MAX, &value);
	return value;
}

/* It ends up on terminals and in logs: nothing but plain text gets through. */
static void read_status(struct notice *to, const char *text, size_t n)
{
	if (n >= sizeof to->status)
		n = sizeof to->status - 1;
	memcpy(to->status, text, n);
	to->status[n] = '\0';
	for (char *p = to->status; n; n--, p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

/* The length of the word that the line begins with, or 0. */
static size_t begins(const char *line, size_t n, const char *word)
{
	size_t length = strlen(word);

	return n >= length && !memcmp(line, word, length) ? length : 0;
}

static int is(const char *line, size_t n, const char *text)
{
	return begins(line, n, text) == n;
}

static void read_line(struct notice *to, const char *line, size_t n)
{
	size_t skip;

	if (is(line, n, "READY=1"))
		to->ready = 1;
	else if (is(line, n, "STOPPING=1"))
		to->stopping = 1;
	else if (is(line, n, "RELOADING=1"))
		to->reloading = 1;
	else if (is(line, n, "WATCHDOG=1"))
		to->watchdog = 1;
	else if (is(line, n, "WATCHDOG=trigger"))
		to->trigger_watchdog = 1;
	else if ((skip = begins(line, n, "WATCHDOG_USEC=")))
		to->watchdog_usec = number(line + skip, n - skip);
	else if ((skip = begins(line, n, "EXTEND_TIMEOUT_USEC=")))
		to->extend_usec = number(line + skip, n - skip);
	else if ((skip = begins(line, n, "STATUS=")))
		read_status(to, line + skip, n - skip);
	else if (begins(line, n, "MAINPID="))
		to->mainpid = 1;
}

void notice_read(struct notice *to, const char *text, size_t length)
{
	*to = (struct notice){0};
	while (length) {
		size_t n = 0;

		/* Some send the NUL of their string along. */
		while (n < length && text[n] && text[n] != '\n')
			n++;
		if (n)
			read_line(to, text, n);
		n += n < length;
		text += n;
		length -= n;
	}
}
