/* A profile: what it says at all, and where. */
#include "profile/profile.h"

int profile_has(const struct profile *p, enum key_id key)
{
	return p->at[key].file != FILE_NONE;
}

void profile_where(const struct profile *p, struct origin at, struct out *o)
{
	if (at.file == FILE_ARGS && at.line)
		out_printf(o, "argument %u", at.line);
	else if (at.file == FILE_ARGS)
		out_put(o, "command line");
	else if (at.file >= FILE_FIRST)
		out_printf(o, "%s:%u", p->files[at.file], at.line);
	else if (p->nfiles > FILE_FIRST)
		out_put(o, p->files[FILE_FIRST]);
	else
		out_put(o, "hutch");
}
