/* What is noted of a pinned template: of which plan it is, and what it was made of. */
#ifndef HUTCH_NOTE_H
#define HUTCH_NOTE_H

#include "apply/identity.h"
#include "apply/pins.h"

/*
 * The key of the template that `plan`, a launch, is made for: its sources, and `steps`, which is what
 * the planner wrote to plan_request.exact. -1: it does not fit into `to`.
 */
int note_key(const struct plan *plan, const struct out *steps, struct out *to);

/* A pin_judge: whether a source is another one by now. ctx is an arena. */
const char *note_stale(void *ctx, const char *note, size_t length);

#endif
