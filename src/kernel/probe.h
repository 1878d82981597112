/* Looks at this kernel and this caller once and writes down facts. */
#ifndef HUTCH_PROBE_H
#define HUTCH_PROBE_H

#include "plan/facts.h"
#include "profile/profile.h"

/* Never fails: what cannot be found out is a no. Changes nothing. */
void facts_probe(struct facts *f);

/*
 * The same for one launch: only what a plan for this profile looks at. Namespaces
 * are taken to exist; where one does not, the clone says so and facts_probe which.
 */
void facts_probe_for(struct facts *f, const struct profile *p);

/* Whether this program runs from a copy of itself that nobody can write to, see self_seal. */
int self_is_sealed(void);

#endif
