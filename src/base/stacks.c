/* Which stack is in use, and its errno, see stacks.h. */
#include "base/stacks.h"

#include <errno.h>
#include <stdint.h>

static char *stacks;

void stacks_init(char *memory)
{
	stacks = memory;
}

unsigned stack_number(void)
{
	char here;
	uintptr_t at = (uintptr_t)&here - (uintptr_t)stacks;

	return stacks && at < (uintptr_t)STACKS * STACK_ROOM ? 1 + (unsigned)(at / STACK_ROOM) : 0;
}

#ifdef __GLIBC__
char *stack_at(unsigned i)
{
	(void)i;
	return NULL;
}
#else
static int own_errno[1 + STACKS];

char *stack_at(unsigned i)
{
	return stacks ? stacks + (size_t)i * STACK_ROOM : NULL;
}

/* In place of musl's, which asks the thread. This program has but one. */
int *__errno_location(void)
{
	return &own_errno[stack_number()];
}

int *___errno_location(void) __attribute__((const, alias("__errno_location"), visibility("hidden")));
#endif
