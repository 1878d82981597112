/* Templates that hutch run leaves for its next run: found, made, and what to do without. */
#include <errno.h>
#include <string.h>

#include "apply/note.h"
#include "apply/template.h"
#include "cli/drive.h"
#include "cli/tell.h"
#include "kernel/k.h"

/* What is found by it is as large as the plan of a root: a larger one is built each time. */
enum { KEY_MOST = 64 << 10 };

enum { GONE_MS = 100 };

/* The plan of another part, of the same wish. */
static int replan(struct run *r, struct plan *to, enum plan_part part)
{
	struct err e;

	r->request->part = part;
	r->request->exact = NULL;
	if (plan_build(to, &r->wish->profile, &r->wish->facts, r->request, &r->wish->diags) || plan_check(to, &e) ||
	    to->part != part)
		return -1;
	return 0;
}

static void do_without(struct run *r)
{
	k_drop(&r->template);
	replan(r, &r->wish->plan, PART_WHOLE);
}

/* Which template this run is for; its key is in the one memory. */
static struct pin pin;

static int find_key(struct run *r)
{
	const struct plan *plan = &r->wish->plan;
	struct out key;

	r->identity = ARENA_ARRAY(&cli_arena, struct identity, plan->nsources + 1);
	out_arena(&key, &cli_arena, KEY_MOST);
	if (!r->identity || note_key(plan, &r->steps, &key))
		return -1;
	cli_arena.used += key.used + 1;
	pin = (struct pin){key.text, r->identity, key.used, (plan->nsources + 1) * sizeof *r->identity};
	return 0;
}

/* An error that says nothing of the profile: the next time it may work. */
static int passes(int code)
{
	return code == ESTALE || code == ENOSPC || code == ENOMEM || code == EMFILE || code == ENFILE || code == EAGAIN;
}

static int build_in(struct run *r, int dir)
{
	struct plan root;
	struct err e;

	if (replan(r, &root, PART_ROOT) || root.nsources != r->wish->plan.nsources)
		return -1;
	/* ESTALE: the host changed while it was built, which it may not do the next time. */
	for (int tries = 3; template_build(&root, &cli_arena, r->identity, &r->template, &e);)
		if (e.code != ESTALE || !--tries) {
			r->useless = !passes(e.code);
			return -1;
		}
	/* Where it cannot be kept, this run has it all the same. */
	tell_event(r->status_fd, "template", "pinned", pin_keep(dir, &pin, r->template, &cli_arena) ? -errno : 1);
	return 0;
}

static int build(struct run *r)
{
	int dir = pin_lock(), failed = dir < 0 || build_in(r, dir);

	if (failed)
		k_close(dir);
	return failed;
}

void keep_begin(struct run *r)
{
	const struct plan *plan = &r->wish->plan;

	r->template = -1;
	/* Sealed, hutch comes here again. */
	if (plan->part != PART_LAUNCH || plan->needs_seal)
		return;
	k_fault_step("template.keep");
	if (find_key(r))
		return do_without(r);
	r->template = pin_open(&pin, &cli_arena);
	if (r->template >= 0)
		tell_event(r->status_fd, "template", "copied", 1);
	else if (errno == EPERM || build(r))
		do_without(r);
}

int keep_again(struct run *r)
{
	const struct step *step = r->wish->plan.step + r->err.step;
	int other;

	if (r->wish->plan.part != PART_LAUNCH || r->template < 0 || r->built || r->err.step < 0 ||
	    step_table[step->kind].side != SIDE_INSIDE)
		return 0;
	k_fault_step("template.keep");
	/* It is of other sources, or none at all. */
	other = r->err.code == ESTALE || step->kind == STEP_TEMPLATE_ENTER;
	k_drop(&r->template);
	r->useless = !other && !passes(r->err.code);
	/* Templates may be what there are too many of; the kernel needs a moment to see that they are gone. */
	if (r->err.code == ENOSPC) {
		pins_sweep(NULL, NULL, NULL, 1, &cli_arena);
		k_poll(NULL, 0, GONE_MS);
		other = 0;
	}
	if (!other || r->again++ || build(r))
		do_without(r);
	return 1;
}

void keep_built(struct run *r)
{
	int dir = r->useless ? pin_lock() : -1;

	/* From now on nothing is held that hutch clean takes away. */
	k_drop(&r->template);
	if (dir >= 0)
		pin_keep(dir, &pin, -1, &cli_arena);
}
