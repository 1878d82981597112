/* The judgement of a machine's progress, see progress.h. */
#include "service/progress.h"

enum stall progress_judge(const struct progress *p)
{
	if (p->end)
		return p->now < p->end ? STALL_NONE : STALL_END;
	if (p->now < p->deadline)
		return STALL_NONE;
	if (!p->complete || p->complete > p->deadline)
		return STALL_BOOT;
	return p->away && p->now - p->away > p->budget ? STALL_CRITICAL : STALL_NONE;
}
