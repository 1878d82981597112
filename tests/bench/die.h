/* The end of a measurement that cannot be made. */
#ifndef DIE_H
#define DIE_H

#include <sys/types.h>

extern pid_t init;	/* of the namespaces that end with it; -1: none */

void die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
