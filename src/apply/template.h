/*
 * Templates: a mount namespace with that part of a profile's root that no launch changes, built once, verified whole, and
 * kept by descriptor. A launch copies it.
 */
#ifndef HUTCH_APPLY_TEMPLATE_H
#define HUTCH_APPLY_TEMPLATE_H

#include "apply/identity.h"

/*
 * Walks a plan of PART_ROOT in a child that shares our memory; comes back when that has ended. May wait as long as the plan's
 * steps do. *fd is the template, identity[0..plan->nsources] what it was made of: both go into the struct walk of each
 * launch, whose plan is the PART_LAUNCH of the same profile and facts. The arena is as it was. -1 fills e, with code
 * ESTALE where the host changed meanwhile: nothing is left behind then.
 *
 * A launch that fails with ESTALE needs another template. One that fails with anything else has to be tried as a whole
 * plan, which may fail too or not: its profile is not for templates then (a link on the way to a mount).
 */
int template_build(const struct plan *plan, struct arena *a, struct identity *identity, int *fd, struct err *e);

#endif
