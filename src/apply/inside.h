/* What the inside does that others do too. */
#ifndef HUTCH_INSIDE_H
#define HUTCH_INSIDE_H

#include "apply/step.h"

/* Ties the life of this process to hutch's; the step fails if hutch is gone already. */
int parent_check(struct walk *w);

/* Brings a network interface up; the kernel gives loopback its addresses. -1 with errno. */
int net_up(const char *name);

#endif
