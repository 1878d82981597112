/* Which kernel calls a run made, for who lets each of them fail. */
#ifndef TESTS_FAULT_CALLS_H
#define TESTS_FAULT_CALLS_H

struct call {
	char call[24], step[24];
	int count;
};

enum { MAX_CALLS = 800 };
extern struct call calls[MAX_CALLS];	/* each call of each step once */
extern int ncalls;

void list_calls(char *log);	/* the log of kernel/fault.h, which is cut into lines */

#endif
