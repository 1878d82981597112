/* Reading the mounts back, before anything of the payload runs. */

#include "apply/trees.h"

struct finding {
	const struct profile *profile;
	char text[200];
};

static int first_finding(void *ctx, const struct expect *e, const char *text)
{
	struct finding *f = ctx;
	struct out o;

	out_init(&o, f->text, sizeof f->text);
	if (e && e->at.file != FILE_NONE) {
		profile_where(f->profile, e->at, &o);
		out_put(&o, ": ");
	}
	out_put(&o, text);
	return 1;
}

int do_VERIFY_MOUNTS(struct walk *w, const struct step *s)
{
	struct finding f = {.profile = w->plan->profile};
	struct mounts now;

	(void)s;
	if (table_read(w, &now))
		return -1;
	if (compare_mounts(w->plan, &now, w->note, w->before.n ? &w->before : NULL,
			   first_finding, &f))
		return step_failed_code(w, 0, f.text);
	return 0;
}
