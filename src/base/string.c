/*
 * Functions of string.h for a static program that is to be small: libc's own look at a
 * word at a time and are ten times the size. hutch's texts are short. Weak, so that a
 * libc that needs its own takes that; without this file all works the same.
 */
#include <string.h>

#define SMALL __attribute__((weak))

SMALL void *memchr(const void *from, int c, size_t n)
{
	for (const char *p = from; n--; p++)
		if (*p == (char)c)
			return (void *)p;
	return NULL;
}

SMALL char *strchr(const char *text, int c)
{
	return memchr(text, c, strlen(text) + 1);
}

SMALL char *strrchr(const char *text, int c)
{
	for (const char *p = text + strlen(text); p >= text; p--)
		if (*p == (char)c)
			return (char *)p;
	return NULL;
}

/* How far text goes on with characters that are in the set (1), or are not (0). */
static size_t span(const char *text, const char *set, int in)
{
	size_t n = 0;

	while (text[n] && !!strchr(set, text[n]) == in)
		n++;
	return n;
}

SMALL size_t strspn(const char *text, const char *set) { return span(text, set, 1); }
SMALL size_t strcspn(const char *text, const char *set) { return span(text, set, 0); }

SMALL char *strpbrk(const char *text, const char *set)
{
	text += strcspn(text, set);
	return *text ? (char *)text : NULL;
}

SMALL int strncmp(const char *a, const char *b, size_t n)
{
	for (; n--; a++, b++)
		if (*a != *b || !*a)
			return (unsigned char)*a - (unsigned char)*b;
	return 0;
}
