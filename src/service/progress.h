/* Whether a machine makes progress, which is what its hardware watchdog is petted for. Pure. */
#ifndef HUTCH_PROGRESS_H
#define HUTCH_PROGRESS_H

#include <stdint.h>

/* All in ms of the same clock. */
struct progress {
	int64_t now;
	int64_t deadline;	/* when the boot has to be complete */
	int64_t complete;	/* when it was, 0: not yet */
	int64_t end;		/* when the machine has to be down, 0: it is not to end */
	int64_t away;		/* since when the critical service that is worst off is not up, 0: all are */
	uint32_t budget;	/* how long such a one may be away */
};

enum stall { STALL_NONE, STALL_BOOT, STALL_CRITICAL, STALL_END };

/* What stands still. Until the deadline a boot may do as it likes; one that was late never counts. */
enum stall progress_judge(const struct progress *p);

#endif
