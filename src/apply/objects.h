/*
 * The objects of an IPC namespace: System V's, POSIX queues, and the files of a /dev/shm. A
 * child joins the namespace, looks, takes away what nobody uses if it shall, and tells of each
 * object in a record of one size; it mounts only in a mount namespace of its own.
 */
#ifndef HUTCH_OBJECTS_H
#define HUTCH_OBJECTS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/sysv.h"

/* The last one is the /dev/shm as a whole. */
enum object_kind {
	OBJECT_QUEUE, OBJECT_SEMAPHORES, OBJECT_SEGMENT, OBJECT_POSIX_QUEUE, OBJECT_SHM_FILE,
	OBJECT_SHM, OBJECT_KINDS
};

/* What became of it when unused ones were to go; why it stays. */
enum object_fate {
	FATE_LISTED,		/* nothing was to be done */
	FATE_REMOVED,
	FATE_USED,		/* by the process `user`, or 0: it is attached or waited for */
	FATE_UNKNOWN,		/* nobody is known to have used it: its maker may be about to */
	FATE_ODD,		/* no plain file */
	FATE_FAILED,		/* with the errno `user` */
	FATES
};

struct object {
	uint8_t kind, fate;
	int32_t user;
	struct sysv is;
	char name[256];		/* of a file or POSIX queue */
};

struct objects {
	int fd, pid;
};

/*
 * Starts to look into the namespace of descriptor `ns`, and the directory `shm` unless that is this
 * machine's own; -1: not into that one. Both are closed. The arena is for reading. -1 with errno.
 */
int objects_begin(struct objects *o, int ns, int shm, int clean, struct arena *a);

/* The next one, by kind: 1, 0 when that was all, -1 fills e; then nothing is to be closed. */
int objects_next(struct objects *o, struct object *to, struct err *e);

#endif
