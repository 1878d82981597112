/* Reading the mounts back, before anything of the payload runs. */
#include <errno.h>
#include <fcntl.h>

#include "apply/path.h"
#include "apply/trees.h"
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
	e->path = kept;
	return 0;
}

/*
 * The table names a mount by the place where it is, a profile by a path that may
 * lead there over links of the root (/var/run). Where nothing is at the one, the
 * other is asked for.
 */
static int settle_paths(struct walk *w, const struct mounts *now)
{
	for (unsigned i = 0; i < w->plan->nexpect; i++)
		if (!mounts_top(now, w->plan->expect[i].path) && settle_path(w, &w->plan->expect[i]))
			return -1;
	return 0;
}

int do_VERIFY_MOUNTS(struct walk *w, const struct step *s)
{
	struct finding f = {.profile = w->plan->profile};
	struct mounts now;

	(void)s;
	if (table_read(w, &now) || settle_paths(w, &now))
		return -1;
	if (compare_mounts(w->plan, &now, w->note, w->before.n ? &w->before : NULL,
			   first_finding, &f))
		return step_failed_code(w, 0, f.text);
	return 0;
}
