/*
 * Operations on mounts done to the kernel, in namespaces that are thrown away: what the model says is
 * compared with them. The caller's process changes its namespaces, root and directory.
 */
#ifndef HUTCH_APPLY_SIMULATE_H
#define HUTCH_APPLY_SIMULATE_H

#include "base/err.h"
#include "mounts/script.h"

enum { KERNEL_NAMESPACES = 16 };

struct kernel_ns {
	const char *name;		/* NULL: none is here */
	int mounts, user, root, table;	/* descriptors; user -1: that of the first */
};

struct kernel {
	int proc, home, current;	/* descriptors of /proc and of an almost empty namespace */
	struct kernel_ns ns[KERNEL_NAMESPACES];
};

/* Once in a process. -1 fills e: no rights, or no namespaces. */
int kernel_open(struct kernel *k, struct err *e);

/* The first namespace of a script: nothing but a tmpfs, which is /. */
int kernel_begin(struct kernel *k, struct err *e);
/* All namespaces of a script go. */
void kernel_end(struct kernel *k);

/* Does an operation that is no expect. 0, its errno, or -1 when it could not be tried and e says why. */
int kernel_do(struct kernel *k, const struct op *op, struct err *e);

/*
 * Where this kernel differs, found by the probes of model_facts.def; a model is made in the arena, which is
 * as before then. -1 fills e, also when the kernel is neither way.
 */
int kernel_facts(struct kernel *k, struct model_facts *to, struct arena *a, struct err *e);

/* The mount table of a namespace, at most size bytes; -1: none. */
long kernel_table(const struct kernel *k, const char *ns, char *buf, size_t size);

#endif
