/* Looks at this kernel and this caller once and writes down facts. */
#ifndef HUTCH_PROBE_H
#define HUTCH_PROBE_H

#include "plan/facts.h"
#include "profile/profile.h"

/* Never fails: what cannot be found out is a no. Changes nothing. */
void facts_probe(struct facts *f);

/*
 * In two parts: the namespaces, and whether the root can be left, are asked for when a profile
 * needs them. *asked, 0 at first, is which of them are known.
 */
void facts_probe_base(struct facts *f);
void facts_probe_more(struct facts *f, uint32_t *asked, const struct profile *p);

/*
 * The same for one launch: only what a plan for this profile looks at. Namespaces
 * are taken to exist; where one does not, the clone says so and facts_probe which.
 */
void facts_probe_for(struct facts *f, const struct profile *p);

/* Whether this program runs from a copy of itself that nobody can write to, see self_seal. */
int self_is_sealed(void);

#endif
