/* Templates: built, checked and entered, see template.h. */
#include "apply/template.h"

#include <errno.h>
#include <fcntl.h>

#include "apply/path.h"
#include "apply/trees.h"
#include "base/text.h"
#include "base/uapi.h"
#include "kernel/k.h"

int do_TEMPLATE_CHECK(struct walk *w, const struct step *s)
{
	(void)s;
	return identity_check(w);
}

/* setns makes the template's root ours, unshare the copy's. */
int do_TEMPLATE_ENTER(struct walk *w, const struct step *s)
{
	/* Where nothing more is looked for on the host, there is no way back to it. */
	if (s[1].kind == STEP_ROOT_ENTER)
		w->root = k_setns(w->template, CLONE_NEWNS_) || k_unshare(CLONE_NEWNS_)
			? -1 : k_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	else
		w->root = namespace_enter(w->template, CLONE_NEWNS_);
	w->base = w->fd[s->op[0].n] = w->root;
	return step_done(w, w->root < 0);
}

int do_TEMPLATE_GIVE(struct walk *w, const struct step *s)
{
	int fd = k_open(w->proc, "self/ns/mnt", O_RDONLY, 0);

	(void)s;
	return step_close(w, fd, fd < 0 || channel_send(w, REC_TEMPLATE, 0, 0, "", fd));
}

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
