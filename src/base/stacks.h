/*
 * Stacks of children that share this program's memory while it goes on. On each of them errno is its own:
 * libc would have one for all, or one for each of its threads, which such a child is not.
 */
#ifndef HUTCH_STACKS_H
#define HUTCH_STACKS_H

#include <stddef.h>

enum { STACKS = 8, STACK_ROOM = 1 << 20 };	/* bytes of one, with what else its child needs below it */

/* Memory for STACKS of them, NULL: none. Before any child runs on one. */
void stacks_init(char *memory);

/* From 0 on; NULL: none can be had, or this libc's errno cannot be parted. */
char *stack_at(unsigned i);

/* On which of them this is called, from 1 on; 0: on none. */
unsigned stack_number(void);

#endif
