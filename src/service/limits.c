/* The limits of IPC groups, over all profiles of a set. */
#include "service/set.h"

#include <string.h>

#include "base/text.h"

static struct limit limit_of(struct set *set, const struct profile *p, enum key_id key, const struct item *i)
{
	struct named value = set_named(set, p, i);

	return (struct limit){(uint16_t)key, value.name, value.where};
}

void limits_keep(struct set *set, struct service_conf *c, const struct profile *p)
{
	struct limit *to = c->group ? set_array(set, sizeof *to, p->sysctls.n + 1) : NULL;
	struct item size = {.at = p->at[KEY_shm_size], .text = ""};
	char text[24];

	c->limits = to;
	if (!to)
		return;
	for (const struct item *i = p->sysctls.first; i && p->ns[NS_IPC].how == NS_GROUP; i = i->next)
		to[c->nlimits++] = limit_of(set, p, (enum key_id)i->at.key, i);
	text_format(text, sizeof text, "%llu", (unsigned long long)p->shm_size);
	size.text = text;
	if (p->shm.kind == SHM_GROUP && p->shm_size)
		to[c->nlimits++] = limit_of(set, p, KEY_shm_size, &size);
}

static void differ(struct set *set, struct service_conf *c, const struct limit *a, const struct limit *b)
{
	char text[500];

	text_format(text, sizeof text, "%s of the group %s is %s here and %s at %s", keys[a->key].word,
		    c->group, a->value, b->value, b->where);
	set_finding(set, c, a->where, text, "");
}

/* A group has one set of limits, whoever is its first member. Who says nothing takes what is there. */
static int one_group(const struct service_conf *x, const struct service_conf *y)
{
	return x->group && y->group && !strcmp(x->group, y->group);
}

static void compare_limits(struct set *set, struct service_conf *x, struct service_conf *y)
{
	if (!one_group(x, y))
		return;
	for (unsigned i = 0; i < x->nlimits; i++)
		for (unsigned k = 0; k < y->nlimits; k++) {
			const struct limit *a = &x->limits[i], *b = &y->limits[k];

			if (a->key != b->key || !strcmp(a->value, b->value))
				continue;
			differ(set, x, a, b);
			differ(set, y, b, a);
		}
}

static int has_limit(const struct limit *in, unsigned n, unsigned key)
{
	while (n > 0)
		if (in[--n].key == key)
			return 1;
	return 0;
}

/* Nobody knows who will be the first member: each gets the limits that any of them says. */
static void join_limits(struct set *set, unsigned first)
{
	struct service_conf *c = &set->service[first];
	unsigned n = 0, room = 0;
	struct limit *to;

	for (unsigned i = 0; i < first; i++)
		if (one_group(c, &set->service[i])) {
			c->limits = set->service[i].limits;
			c->nlimits = set->service[i].nlimits;
			return;
		}
	for (unsigned i = first; i < set->count; i++)
		room += one_group(c, &set->service[i]) ? set->service[i].nlimits : 0;
	to = set_array(set, sizeof *to, room);
	for (unsigned i = first; to && i < set->count; i++)
		for (unsigned k = 0; one_group(c, &set->service[i]) && k < set->service[i].nlimits; k++)
			if (!has_limit(to, n, set->service[i].limits[k].key))
				to[n++] = set->service[i].limits[k];
	c->limits = to;
	c->nlimits = (uint16_t)n;
}

void limits_join(struct set *set)
{
	for (unsigned i = 0; i < set->count; i++)
		for (unsigned k = 0; k < i; k++)
			compare_limits(set, &set->service[i], &set->service[k]);
	for (unsigned i = 0; i < set->count; i++)
		join_limits(set, i);
}
