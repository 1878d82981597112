/*
 * What this kernel can do and who asks, as plain numbers. The planner looks at
 * nothing else, so that a plan for a device can be made anywhere.
 */
#ifndef HUTCH_FACTS_H
#define HUTCH_FACTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/out.h"

struct facts {
#define FACT(name, since, help) uint32_t name;
#include "plan/facts.def"
#undef FACT
};

/* All are numbers, in the order of the table. */
enum {
#define FACT(name, since, help) FACT_##name,
#include "plan/facts.def"
#undef FACT
	FACTS
};
uint32_t *fact_at(struct facts *f, unsigned n);

/* The columns of facts.def. */
const char *fact_name(unsigned n);
const char *fact_since(unsigned n);
const char *fact_help(unsigned n);

/*
 * CLONE_NEW* that the kernel needs long to make: network namespaces, and those of IPC before Linux 6.3
 * (told by the nearest release that a fact knows).
 */
uint32_t facts_slow(const struct facts *f);

/* key=value lines; every fact exactly once or an error that names the line. */
int facts_parse(struct facts *f, const char *text, size_t length, struct err *e);
void facts_print(const struct facts *f, struct out *o);

#endif
