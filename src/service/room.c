/* The memory of a set, and what is wrong with one; see set.h. */
#include "service/set.h"

#include <string.h>

#include "base/text.h"

const char *set_text(struct set *set, const char *text)
{
	const char *to = text ? arena_text(&set->arena, text, strlen(text)) : NULL;

	set->full |= !to && text;
	return to;
}

/* An array, one longer than asked for: none is empty. */
void *set_array(struct set *set, size_t size, unsigned n)
{
	void *to = arena_alloc(&set->arena, size * (n + 1));

	set->full |= !to;
	return to;
}

struct named set_named(struct set *set, const struct profile *p, const struct item *i)
{
	char where[300];
	struct out o;

	out_init(&o, where, sizeof where);
	profile_where(p, i->at, &o);
	return (struct named){set_text(set, i->text), set_text(set, where)};
}

/* The first thing that is wrong is enough. */
void set_finding(struct set *set, struct service_conf *c, const char *where, const char *what,
		    const char *name)
{
	char text[700];

	if (c->findings)
		return;
	text_format(text, sizeof text, "%s: %s%s", where, what, name);
	c->findings = set_text(set, text);
}
