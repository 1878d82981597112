/* The plan while it is made: what each part of the planner has in hand. Private to this floor. */
#ifndef HUTCH_PLAN_DRAFT_H
#define HUTCH_PLAN_DRAFT_H

#include "plan/plan.h"

struct build {
	struct plan *plan;
	const struct profile *p;
	const struct facts *f;
	const struct plan_request *request;
	struct diags *d;
	struct arena *a;
	unsigned max_steps, max_expect;
	uint32_t namespaces;	/* CLONE_NEW* made new, by the clone or after a join */
	uint32_t taken;		/* of these, such as may have been made ahead */
	int own_user;		/* a new user namespace: asked for, or implied */
	int root_slot, null_slot, proc_slot, scratch_slot, tty_slot, ipc_slot, shm_slot;
	int payload_slot;	/* /proc/PID of the payload of the sandbox that is joined */
	int self_map;		/* the inside writes its own one-line id map */
	int hidden;		/* before the payload's steps: nobody may trace what becomes it */
	int bounded_admin;	/* CAP_SYS_ADMIN stays in the bounding set */
	const char *listen_pid;	/* LISTEN_PID= and room for the number, or NULL */
	int root_joined;	/* slot of the clone whose peer group a shared root joins */
	struct mount_state *mounts;	/* of mounts.c, between its passes */
};

/*
 * Appends a step: its kind, and from bit 8 on how many operands follow, numbers as
 * int64_t and the rest as pointers, as the table of steps has them; what is not given
 * is 0.
 */
void step_add(struct build *b, struct origin at, unsigned kind_and_count, ...);
#define N(value) ((int64_t)(value))
#define S(text) ((const char *)(text))
#define P(pointer) ((const void *)(pointer))
#define COUNT_ARGS(...) COUNT_SIXTH(__VA_ARGS__, 6, 5, 4, 3, 2, 1, 0)
#define COUNT_SIXTH(a, b, c, d, e, f, n, ...) n
#define ADD_KIND(b, at, kind, ...) \
	step_add(b, at, (unsigned)(kind) | COUNT_ARGS(__VA_ARGS__) << 8, __VA_ARGS__)
#define ADD(b, at, id, ...) ADD_KIND(b, at, STEP_##id, __VA_ARGS__)

int slot_new(struct build *b);
const char *text_printf(struct build *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Where a key was written, or the place of its default: a key without a file, which
 * origin_settle replaces wherever an origin is kept.
 */
static inline struct origin where(const struct build *b, enum key_id key)
{
	(void)b;
	return (struct origin){.key = (unsigned short)key};
}
struct origin origin_settle(const struct build *b, struct origin at);

void wrong(struct build *b, struct origin at, const char *format, ...);
#define wrong(b, at, format, ...) \
	wrong(b, at, PACKED(format, ##__VA_ARGS__), ##__VA_ARGS__)

#endif
