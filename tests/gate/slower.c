/*
 * slower.c - linked into a hutch that does more work than it has to: as many
 * instructions as $BURN says, before its main(). The gate has to notice it.
 */
#include <stdlib.h>

__attribute__((constructor)) static void burn(void)
{
	const char *text = getenv("BURN");
	unsigned long left = text ? strtoul(text, NULL, 10) / 2 : 0;

	if (!left)
		return;
#ifdef __x86_64__
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(left) : : "cc");
#else
	while (left)
		__asm__ volatile("" : "+r"(left) : "0"(left - 1));
#endif
}
