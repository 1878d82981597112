/* How a system call is made. Private to this floor. */
#ifndef HUTCH_CALL_H
#define HUTCH_CALL_H

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/uapi.h"
#include "kernel/k.h"

/*
 * One libc function, or one raw call, behind the test's fault. Raw is the rule: libc's
 * own have cancellation and fallbacks for kernels before ours behind them. libc's are
 * taken where the registers of a call differ between machines.
 */
#define K(name, ...) (k_fault(#name) ? -1 : name(__VA_ARGS__))
#define RAW(name, number, ...) (k_fault(name) ? -1 : syscall_int((number), __VA_ARGS__))
#define RAW_LONG(name, number, ...) (k_fault(name) ? -1 : syscall((number), __VA_ARGS__))

/* syscall(2) for what is no length: nothing is left to do behind it, so it can be a jump. */
int syscall_int(long number, ...) __asm__("syscall");

#endif
