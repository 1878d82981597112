/* Looks at this kernel and this caller once and writes down facts. */
#ifndef HUTCH_PROBE_H
#define HUTCH_PROBE_H

#include "plan/facts.h"

/* Never fails: what cannot be found out is a no. Changes nothing. */
void facts_probe(struct facts *f);

#endif
