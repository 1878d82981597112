/* Signals by name, see signals.h. */
#include "base/signals.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/parse.h"

#define NAME(name) [SIG##name] = #name
static const char names[][8] = {
	NAME(HUP), NAME(INT), NAME(QUIT), NAME(ILL), NAME(TRAP), NAME(ABRT), NAME(BUS),
	NAME(FPE), NAME(KILL), NAME(USR1), NAME(SEGV), NAME(USR2), NAME(PIPE), NAME(ALRM),
	NAME(TERM), NAME(CHLD), NAME(CONT), NAME(STOP), NAME(TSTP), NAME(TTIN), NAME(TTOU),
	NAME(URG), NAME(XCPU), NAME(XFSZ), NAME(VTALRM), NAME(PROF), NAME(WINCH), NAME(IO),
	NAME(PWR), NAME(SYS),
#ifdef SIGSTKFLT
	NAME(STKFLT),
#endif
};
enum { NAMES = sizeof names / sizeof *names };

int signal_number(const char *text)
{
	uint64_t number;

	if (!parse_number(text, 1, SIGNALS, &number))
		return (int)number;
	text = word_past(text, "SIG");
	for (int i = 1; i < NAMES && *text; i++)
		if (word_same(text, names[i]))
			return i;
	return 0;
}

const char *signal_name(int number)
{
	return number > 0 && number < NAMES && *names[number] ? names[number] : NULL;
}
