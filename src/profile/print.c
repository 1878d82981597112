/* A profile, a place in it, and findings about it as text. */
#include "profile/types.h"

#include <string.h>

typedef void value_printer(const struct profile *p, const struct key *key,
			   const void *field, struct out *o);
static value_printer *const printers[TYPE_COUNT] = {
#define TYPE(name) print_##name,
#include "profile/types.def"
#undef TYPE
};

void profile_print(const struct profile *p, struct out *o)
{
	for (unsigned i = KEY_NONE + 1; i < KEY_COUNT; i++)
		if (profile_has(p, i))
			printers[keys[i].type](p, &keys[i],
					       (const char *)p + keys[i].offset, o);
}

void profile_print_hubs(const struct profile *p, struct out *o)
{
	print_HUB(p, &keys[KEY_hub_path], &p->hubs, o);
}

void profile_print_diags(const struct profile *p, const struct diags *d, struct out *o)
{
	unsigned shown = 0;

	for (const struct diag *i = d->first; i && o->size - o->used > 800; i = i->next) {
		profile_where(p, i->at, o);
		if (i->column && i->at.file >= FILE_FIRST)
			out_printf(o, ":%u", i->column);
		out_printf(o, ": %s\n", i->text);
		shown++;
	}
	if (shown < d->count)
		out_printf(o, "and %u more\n", d->count - shown);
}
