/* Changes to the mounts of a sandbox that runs. */
#ifndef HUTCH_LIVE_H
#define HUTCH_LIVE_H

#include "apply/step.h"

/* Takes away what the plan has mounted so far in a sandbox that runs. */
void live_undo(struct walk *w);

#endif
