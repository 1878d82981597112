/*
 * slower.c - linked into a hutch that does more work than it has to: as many
 * instructions as $BURN says, before its main(). The gate has to notice it. It
 * calls nothing, and is linked beside main(), so that no more of the program is touched than that.
 */
#include <unistd.h>

static unsigned long wanted(void)
{
	static const char name[] = "BURN=";
	unsigned long n = 0;

	for (char **e = environ; *e; e++) {
		unsigned i = 0;

		while (name[i] && (*e)[i] == name[i])
			i++;
		for (const char *digit = *e + i; !name[i] && *digit; digit++)
			n = n * 10 + (unsigned long)(*digit - '0');
	}
	return n;
}

__attribute__((constructor)) static void burn(void)
{
	unsigned long left = wanted() / 2;

	if (!left)
		return;
#ifdef __x86_64__
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(left) : : "cc");
#else
	while (left)
		__asm__ volatile("" : "+r"(left) : "0"(left - 1));
#endif
}
