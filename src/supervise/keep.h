/*
 * What outlives the program: the state of the supervisor lies in a memfd from its
 * first moment on, for nobody can write it down in a crash. Private to this floor.
 *
 * Without memfd all this is memory like any other, which ends with the program.
 */
#ifndef HUTCH_KEEP_H
#define HUTCH_KEEP_H

#include "supervise/supervise.h"

enum { RESUME_UPGRADE = 1, RESUME_CRASH };	/* supervisor.resuming */

/* Memory for everything that is KEPT, empty; NULL with errno. */
struct supervisor *keep_new(void);

/*
 * That of an earlier program, which must be one that this one understands. MAP_PRIVATE:
 * only to look. NULL: `why` says why not. No pointer in it is right yet.
 */
struct supervisor *keep_open(int fd, int flags, char why[160]);

/* The descriptor of all this, or -1. */
int keep_fd(void);

/* Calls fn for each descriptor that another program needs; it may change it. */
void keep_each(struct supervisor *s, void (*fn)(int *fd));

/* Memory for a ring: untouched, or what this place has kept; NULL with errno. */
char *keep_ring(unsigned place, size_t size);
void keep_ring_forget(struct ring *r);	/* what was in it too; memory may be NULL */

/* Memory that children share, *fd: what it outlives the program by, or -1. NULL with errno. */
char *keep_memory(const char *name, size_t size, int *fd);

/*
 * resume.c. Makes what keep_open found ready to run: sets, pointers, rings. -1: `why` says
 * what could not be done; it can be tried again.
 */
int resume(struct supervisor *s, char why[160]);

/* Executes a program in our place, which goes on with the state. Returns only with an error. */
void resume_exec(struct supervisor *s, int exe);
void resume_init(char **argv);	/* whose second word is free for it */
const char *resume_name(void);	/* the first */

/* Executes a program that only looks whether it could, and then says resume_good. The same. */
void resume_look(int exe, int state, const int texts[IMAGES]);
extern const char resume_good[];

/* upgrade.c: to the program at this path, or the one that now lies where ours was; "" : ours. */
void upgrade_start(struct supervisor *s, const char *path);
int upgrade_reaped(struct supervisor *s, int pid, int status);	/* 1: it was who looked */
void upgrade_due(struct supervisor *s);		/* when its deadline has passed */
/* At the end of a turn: goes over to the other program, if all is ready for that. */
void upgrade_go(struct supervisor *s);

/* crash.c: from now on a crash is no end; -1: it is. */
int crash_init(struct supervisor *s);
/* At the end of a turn: somebody else has sent the signal of a crash. */
void crash_go(struct supervisor *s);
/* What is left when nothing else works. */
void crash_rescue(struct supervisor *s) __attribute__((noreturn));

#endif
