/*
 * noop.c - the payload of every launch that the bench measures: it does
 * nothing, and does it without libc's start-up, so that what is left is the
 * launcher's time and the kernel's.
 *
 * x86_64:	cc -static -nostdlib -nostartfiles noop.c
 * others:	cc -static noop.c
 */
#ifdef __x86_64__

void _start(void);

void _start(void)
{
	/* exit_group(0); written out, because there is no libc to ask */
	__asm__ volatile("syscall" : : "a"(231), "D"(0) : "rcx", "r11", "memory");
	__builtin_unreachable();
}

#else

int main(void)
{
	return 0;
}

#endif
