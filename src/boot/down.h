/* The end of the machine: what its two files share. Private to this floor. */
#ifndef HUTCH_DOWN_H
#define HUTCH_DOWN_H

#include <stdint.h>

/*
 * unmount.c: a process of its own that unmounts whatever can be, makes the rest read-only
 * and syncs. `work` is in memory that PID 1 looks into: a mount that hangs is left to
 * the process that met it, and the next one does without it.
 */
enum { WORKERS = 6 };
struct unmount_work {
	struct {
		int32_t mount;		/* the id of the one in hand, 0: none, -1: all of them */
		uint32_t count;		/* changes with each call that may hang */
	} worker[WORKERS];
	int workers;			/* the newest one is the last */
	int64_t until;			/* ms: what is busy is not waited for any longer */
};
int unmount_main(void *work);		/* struct unmount_work; for k_clone */

#endif
