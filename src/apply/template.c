/* Templates: built, checked and entered, see template.h. */
#include "apply/template.h"

#include <errno.h>
#include <fcntl.h>

#include "apply/channel.h"
#include "apply/path.h"
#include "apply/step.h"
#include "apply/walk.h"
#include "base/text.h"
#include "base/uapi.h"
#include "kernel/k.h"

/* What the child has to say; it has ended, or will. */
static void hear(struct walk *w, int *fd)
{
	struct record r;
	int passed;

	while (channel_receive(w->channel, &r, &passed, 1) == 1) {
		if (r.kind == REC_TEMPLATE && passed >= 0) {
			*fd = passed;
			passed = -1;
		}
		if (r.kind == REC_FAILED && r.step >= 0 && (unsigned)r.step < w->plan->nsteps) {
			err_set(&w->err, r.code, "%s", r.text);
			w->err.step = r.step;
		}
		k_close(passed);
	}
	if (*fd < 0 && w->err.step < 0)
		err_set(&w->err, ECHILD, "the template's process has ended");
	while (k_wait(w->pid, NULL, 0) < 0 && errno == EINTR)
		;
	w->pid = 0;
}

int template_build(const struct plan *plan, struct arena *a, struct identity *identity, int *fd, struct err *e)
{
	size_t mark = a->used;
	struct walk *w = ARENA_NEW(a, struct walk);
	int failed;

	*fd = -1;
	if (!w)
		return err_set(e, ENOMEM, "the plan is too large");
	failed = walk_init(w, plan, a);
	w->identity = identity;
	w->proc = failed ? -1 : k_open(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
	failed = failed || identity_take(w, identity) || walk_host(w);
	if (!failed) {
		hear(w, fd);
		/* The child has seen the same files; this tells of their mounts. */
		failed = *fd < 0 || identity_check(w);
	}
	k_close(w->proc);
	walk_undo(w);
	if (failed) {
		k_drop(fd);
		*e = w->err;
	}
	a->used = mark;
	return -failed;
}
