/* See die.h. */
#include "die.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

pid_t init = -1;

void die(const char *format, ...)
{
	va_list args;

	if (init > 0)
		kill(init, SIGKILL);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}
