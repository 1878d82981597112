/*
 * In place of libc's syscall(2), which first writes down the list of arguments that it has to take the words out of, and
 * so needs three times as many instructions. Where such a list comes in the same registers as any other arguments, that
 * can be left out; elsewhere it is libc's own.
 */
#include "kernel/call.h"

#if !defined(__GLIBC__) && defined(__LP64__) && (defined(__x86_64__) || defined(__aarch64__))
long call(long number, long a, long b, long c, long d, long e, long f) __asm__("syscall");

long call(long number, long a, long b, long c, long d, long e, long f)
{
#ifdef __x86_64__
	register long result __asm__("rax") = number, r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;

	__asm__ volatile("syscall" : "+r"(result) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
#else
	register long x8 __asm__("x8") = number, result __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
		      x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;

	__asm__ volatile("svc 0" : "+r"(result) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
#endif
	if ((unsigned long)result < -4095ul)
		return result;
	errno = (int)-result;
	return -1;
}
#endif
