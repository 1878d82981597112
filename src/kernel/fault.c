/*
 * Test builds only (HUTCH_FAULT): the environment variable HUTCH_FAULT=SIDE:N:ERRNO
 * makes kernel call N (from 1) of that side fail; SIDE is h for the host side, i
 * for the inside. HUTCH_FAULT=SIDE:0:0 lists the calls. Both tell on standard
 * error, so that the harness knows whether the call was reached.
 */
#ifdef HUTCH_FAULT
#include "kernel/k.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char side_now = 'h';
static int counter;

void k_fault_side(char side)
{
	side_now = side;
	counter = 0;
}

int k_fault(const char *call)
{
	const char *wish = getenv("HUTCH_FAULT");
	char text[80];
	int n, code;

	if (!wish || wish[0] != side_now || sscanf(wish + 1, ":%d:%d", &n, &code) != 2)
		return 0;
	counter++;
	if (n && n != counter)
		return 0;
	if (write(2, text, (size_t)snprintf(text, sizeof text, "fault %c %d %s\n", side_now,
					    counter, call)) < 0 || !n)
		return 0;
	errno = code;
	return 1;
}
#endif
