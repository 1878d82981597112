/* What the files that make a set share. Private to this floor. */
#ifndef HUTCH_SET_H
#define HUTCH_SET_H

#include "service/service.h"

/* What is named or said, and where: what is wrong with it is told there. */
struct named {
	const char *name, *where;
};
struct named set_named(struct set *set, const struct profile *p, const struct item *i);

/* A copy in the set's arena, and an array, one longer than asked for: none is empty. set->full: no room. */
const char *set_text(struct set *set, const char *text);
void *set_array(struct set *set, size_t size, unsigned n);

/* The first thing that is wrong with a service is enough. */
void set_finding(struct set *set, struct service_conf *c, const char *where, const char *what, const char *name);

/* What the profile says of its group's limits, and where. */
void limits_keep(struct set *set, struct service_conf *c, const struct profile *p);

/* Where two profiles of a group differ, both are wrong; then each has what any of them says. */
void limits_join(struct set *set);

#endif
