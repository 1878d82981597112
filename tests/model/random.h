/*
 * random.h - random scripts for the model and the kernel.
 *
 * For: tests/model only.
 */
#ifndef HUTCH_TESTS_MODEL_RANDOM_H
#define HUTCH_TESTS_MODEL_RANDOM_H

#include "mounts/script.h"

enum { MAX_OPS = 80, MAX_MOUNTS = 512, MAX_NAMESPACES = 12 };

struct random {
	uint64_t state;
	int same_user;		/* no user namespaces: what they lock is in no table */
};

/* Script number n of a seed: the same on every machine. */
void random_start(struct random *r, uint64_t seed, uint64_t n);
unsigned random_below(struct random *r, unsigned n);

/*
 * The next operation, which is done in the model already; *outcome is what it said. Words are the
 * arena's, `line` numbers the operation. Most of them succeed.
 */
void random_op(struct random *r, struct model *m, struct arena *a, unsigned line, struct op *to,
	       int *outcome);

#endif
