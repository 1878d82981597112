/* Descriptors for children that share the supervisor's memory, see mail.c. Private to this floor. */
#ifndef HUTCH_MAIL_H
#define HUTCH_MAIL_H

#include "supervise/ends.h"

/* Before each start: makes the boxes when there is some use for them. */
void mail_prepare(void);

/*
 * Puts copies of all that is open in *e into box i (that of a stack), for a child that is cloned with CLONE_FILES. -1: it is
 * not worth it, or cannot be: then the child has to be cloned without.
 */
int mail_send(unsigned i, struct ends *e);

/* The child's first call: afterwards it has few descriptors, but all of *e, under new numbers. -1: errno; nothing else may be closed then. */
int mail_receive(unsigned i, struct ends *e);

/* What was not received goes. */
void mail_drain(unsigned i);

#endif
