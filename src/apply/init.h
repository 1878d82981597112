/* The small init inside of a sandbox; the walker parts it from its payload. */
#ifndef HUTCH_APPLY_INIT_H
#define HUTCH_APPLY_INIT_H

#include "apply/step.h"

/* The payload-to-be runs on it until it executes its program, while its init sleeps. */
enum { PAYLOAD_STACK = 64 << 10 };
extern char payload_stack[PAYLOAD_STACK];

/* What has to be so before there is a payload. -1 with w->err filled. */
int init_prepare(struct walk *w);

/* The payload may trace the init, which has therefore given away all it can before that runs: they share nothing but a gate. */
int init_is_seen(const struct plan *plan);

/* Waits at this end of the gate: 1 for the word of the other one, 0 when that is gone, -1 with errno. */
int init_passed(int gate);

/* PID 1 of the sandbox from now on; w->payload runs. */
void init_serve(struct walk *w) __attribute__((noreturn));

/* Outside of a PID namespace that was joined: waits for the child in it, and ends as it does. */
void init_stand_by(struct walk *w, int child) __attribute__((noreturn));

#endif
