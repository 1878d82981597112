/*
 * libc's searches, as short as they can be: musl's own read a word at a time, which is a
 * KiB of a program whose texts are short. glibc binds its own together, so it keeps them.
 */
#include <string.h>

#if !defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)

void *memchr(const void *in, int byte, size_t n)
{
	for (const unsigned char *p = in; n; p++, n--)
		if (*p == (unsigned char)byte)
			return (void *)p;
	return NULL;
}

size_t strlen(const char *text)
{
	const char *end = text;

	/* Else the compiler may see what this is, and make it a call of itself. */
	for (; *end; end++)
		__asm__("" : "+r"(end));
	return (size_t)(end - text);
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--, a++, b++)
		;
	return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

/* The end of the text counts as one of its bytes. */
char *strchr(const char *text, int byte)
{
	for (; *text != (char)byte; text++)
		if (!*text)
			return NULL;
	return (char *)text;
}

size_t strspn(const char *text, const char *set)
{
	size_t n = 0;

	while (text[n] && strchr(set, text[n]))
		n++;
	return n;
}

size_t strcspn(const char *text, const char *set)
{
	for (size_t n = 0;; n++)
		for (const char *s = set;; s++)
			if (*s == text[n])
				return n;
			else if (!*s)
				break;
}

#endif
