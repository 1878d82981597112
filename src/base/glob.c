/* Paths against a pattern, see glob.h. */
#include "base/glob.h"

#include <stddef.h>

/* Whether c is in the set that begins behind its [; *end: behind its ], NULL: it has none. */
static int in_set(const char *set, unsigned char c, const char **end)
{
	int not = *set == '!' || *set == '^', hit = 0;
	const char *p = set + not;

	*end = NULL;
	do {
		unsigned char low = (unsigned char)*p, high = low;

		if (p[0] && p[1] == '-' && p[2] && p[2] != ']') {
			high = (unsigned char)p[2];
			p += 2;
		}
		if (!*p++)
			return 0;
		hit |= low <= c && c <= high;
	} while (*p != ']');
	*end = p + 1;
	return c != '/' && hit != not;
}

/* Whether what *glob begins with stands for c; *glob moves behind it. */
static int takes(const char **glob, char c)
{
	const char *g = *glob, *end;
	int hit;

	if (*g == '[') {
		hit = in_set(g + 1, (unsigned char)c, &end);
		if (end) {
			*glob = end;
			return hit;
		}
	}
	*glob = g + 1;
	if (*g == '?')
		return c != '/';
	if (*g == '\\' && g[1])
		*glob = ++g + 1;
	return *g == c;
}

int glob_matches(const char *glob, const char *path)
{
	/* Behind the last star, and how far it reaches. An earlier one needs no second try:
	 * within a name the last is as good, and no star leaves its name. */
	const char *star = NULL, *reach = NULL;

	while (*path) {
		const char *next = glob;

		if (*glob == '*') {
			star = ++glob;
			reach = path;
		} else if (*glob && takes(&next, *path)) {
			glob = next;
			path++;
		} else if (star && *reach != '/') {
			glob = star;
			path = ++reach;
		} else {
			return 0;
		}
	}
	while (*glob == '*')
		glob++;
	return !*glob;
}
