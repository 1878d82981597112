/* Reading the mounts back, before anything of the payload runs. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "apply/identity.h"
#include "apply/path.h"
#include "apply/step.h"
#include "apply/table.h"
#include "base/text.h"
#include "kernel/k.h"

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

/*
 * Out of line: its buffer is more stack than the whole walk needs where all is in place.
 */
static __attribute__((noinline)) int settle_path(struct walk *w, struct expect *e)
{
	char path[4096];
	const char *kept;
	int fd = path_open(w, e->path, O_PATH, 0);
	long n;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;	/* the comparison says what is missing */
	if (fd < 0)
		return step_failed(w, e->path);
	n = path_of(w, fd, path);
	if (n < 0)
		step_failed(w, e->path);
	k_close(fd);
	if (n < 0)
		return -1;
	if (!n)
		return 0;
	kept = arena_text(w->arena, path, (size_t)n);
	if (!kept)
		return step_failed_code(w, ENOMEM, "");
	if (e->each == EACH_LITERAL && strcmp(kept, e->path) != 0)
		return step_failed_code(w, ELOOP, e->path);
	e->path = kept;
	return 0;
}

/*
 * The table names a mount by the place where it is, a profile by a path that may
 * lead there over links of the root (/var/run). Where nothing is at the one, the
 * other is asked for. Those of a template are where their path says, or it is stale.
 */
static int is_settled(const struct walk *w, const struct mounts *now, const struct expect *e)
{
	return mounts_top(now, e->path) || (w->plan->part && !e->each);
}

/*
 * The plan as it is looked at. It is the caller's, who may walk it again; a template has only those of its mounts that
 * no launch makes, and they neither send nor are unbindable yet.
 */
static int view(struct walk *w, const struct mounts *now, struct plan *to)
{
	const struct plan *plan = w->plan;
	struct expect *e = ARENA_ARRAY(w->arena, struct expect, plan->nexpect + 1);

	if (!e) {
		step_failed_code(w, ENOMEM, "");
		return -1;
	}
	memcpy(e, plan->expect, sizeof *e * plan->nexpect);
	*to = *plan;
	to->expect = e;
	for (unsigned i = 0; i < plan->nexpect; i++)
		if (!is_settled(w, now, &e[i]) && settle_path(w, &e[i]))
			return -1;
	return 0;
}

static void keep_once(struct plan *view)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < view->nexpect; i++) {
		struct expect *e = &view->expect[i];

		if (e->each)
			continue;
		view->expect[kept] = *e;
		view->expect[kept++].prop = early_prop(e->prop);
	}
	view->nexpect = kept;
}

int do_VERIFY_MOUNTS(struct walk *w, const struct step *s)
{
	struct identity *own = w->identity ? w->identity + w->plan->nsources : NULL;
	struct finding f = {.profile = w->plan->profile};
	struct mounts now;
	struct plan plan;
	uint64_t sum, seen;
	int same = table_now(w, &now, &seen);

	(void)s;
	/* All is as it was when it was compared with the same plan. */
	if (same)
		return same < 0 ? -1 : 0;
	if (view(w, &now, &plan))
		return -1;
	sum = w->plan->part && own ? identity_table(w, &plan, &now) : 0;
	/* Somebody took away what a mount of the template was on, or one has arrived or gone. */
	if (w->plan->part == PART_LAUNCH && (!own || own->below != sum))
		return step_failed_code(w, ESTALE, "");
	if (w->plan->part == PART_ROOT) {
		keep_once(&plan);
		if (own)
			own->below = sum;
	}
	if (compare_mounts(&plan, &now, w->note, w->before.n ? &w->before : NULL, first_finding, &f))
		return step_failed_code(w, 0, f.text);
	if (w->seen)
		*w->seen = seen;
	return 0;
}
