/* Templates that hutch run leaves for its next run: found, made, and what to do without. */
#include <errno.h>
#include <string.h>

#include "apply/note.h"
#include "apply/template.h"
#include "cli/drive.h"
#include "kernel/k.h"

/* What is found by it is as large as the plan of a root: a larger one is built each time. */
enum { KEY_MOST = 64 << 10 };

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

static int pin_of(struct run *r, struct pin *p)
{
	struct out key;

	out_arena(&key, &cli_arena, KEY_MOST);
	*p = (struct pin){key.text, r->identity, 0, (r->wish->plan.nsources + 1) * sizeof *r->identity};
	if (note_key(&r->wish->plan, &r->steps, &key))
		return -1;
	p->length = key.used;
	cli_arena.used += key.used + 1;
	return 0;
}

/* ESTALE: the host changed while it was built, which it may not do the next time. */
static int build(struct run *r, const struct pin *p)
{
	int dir = pin_lock();
	struct plan root;
	struct err e;

	if (dir < 0 || replan(r, &root, PART_ROOT) || root.nsources != r->wish->plan.nsources) {
		k_close(dir);
		return -1;
	}
	for (int tries = 3; template_build(&root, &cli_arena, r->identity, &r->template, &e);)
		if (e.code != ESTALE || !--tries) {
			k_close(dir);
			return -1;
		}
	/* Where it cannot be kept, this run has it all the same. */
	drive_tell(r, "template", "pinned", pin_keep(dir, p, r->template, &cli_arena) ? -errno : 1);
	return 0;
}

void keep_begin(struct run *r)
{
	struct plan *plan = &r->wish->plan;
	struct pin p;

	r->template = -1;
	/* Sealed, hutch comes here again. */
	if (plan->part != PART_LAUNCH || plan->needs_seal)
		return;
	k_fault_step("template.keep");
	r->identity = ARENA_ARRAY(&cli_arena, struct identity, plan->nsources + 1);
	if (!r->identity || pin_of(r, &p))
		return do_without(r);
	r->template = pin_open(&p, &cli_arena);
	if (r->template >= 0)
		drive_tell(r, "template", "copied", 1);
	else if (build(r, &p))
		do_without(r);
}

int keep_again(struct run *r)
{
	const struct plan *plan = &r->wish->plan;
	struct pin p;

	if (plan->part != PART_LAUNCH || r->template < 0 || r->built || r->err.step < 0 ||
	    step_table[plan->step[r->err.step].kind].side != SIDE_INSIDE)
		return 0;
	k_fault_step("template.keep");
	/* Whatever keeps templates may be what there is too little of. */
	if (r->err.code == ENOSPC)
		pins_sweep(NULL, NULL, NULL, 1, &cli_arena);
	k_drop(&r->template);
	if (r->err.code != ESTALE || r->again++ || pin_of(r, &p) || build(r, &p))
		do_without(r);
	return 1;
}
