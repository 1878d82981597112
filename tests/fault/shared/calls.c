/* calls.c - see calls.h. */
#include "calls.h"

#include <stdio.h>
#include <string.h>

#include "place.h"

struct call calls[MAX_CALLS];
int ncalls;

void list_calls(char *log)
{
	char *line, *next;
	struct call c;
	int i;

	ncalls = 0;
	for (line = log; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (sscanf(line, "%*c %*d %23s %23s", c.call, c.step) != 2)
			continue;
		for (i = 0; i < ncalls; i++)
			if (!strcmp(calls[i].call, c.call) && !strcmp(calls[i].step, c.step))
				break;
		if (i == MAX_CALLS)
			die("too many calls");
		if (i == ncalls) {
			calls[ncalls++] = c;
			calls[i].count = 0;
		}
		calls[i].count++;
	}
}
