/*
 * The walker: takes a plan's steps one after the other to the kernel. One list,
 * two walkers: the host side goes over the HOST steps, the child that the clone
 * step makes goes over the others. Its whole state is struct walk.
 */
#ifndef HUTCH_WALK_H
#define HUTCH_WALK_H

#include "apply/step.h"

/* Prepares a walk; the memory of the slots comes from the arena. -1 when full. */
int walk_init(struct walk *w, const struct plan *plan, struct arena *a);

/*
 * Takes the HOST steps, up to the meeting with the inside where the plan has one. On
 * success the child runs and w->channel is open for its records. On failure
 * everything is undone, the child dead and reaped.
 */
int walk_host(struct walk *w);

/* Takes the HOST steps behind the meeting, once the inside has told REC_READY. */
int walk_met(struct walk *w);

/* Undoes what the host side holds: descriptors, the child, entries in the registry. */
void walk_undo(struct walk *w);

/* Takes it out of the registry: nobody finds it by name any more. */
void walk_leave(struct walk *w);

/* The child's part; never returns. The argument is the host's struct walk. */
int walk_inside(void *host_walk);

/* Goes on with the steps behind the one in hand until exec; never returns. */
void walk_on(struct walk *w) __attribute__((noreturn));

/* channel_receive for the host side, which may have no channel; a closed one is closed here too. */
int walk_hear(struct walk *w, struct record *r, int *passed);

#endif
