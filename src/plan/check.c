/* Invariants that every plan keeps, whatever profile it came from. */
#include "archive/texts.h"
#include "base/uapi.h"
#include "plan/plan.h"

/* Where each kind of step is last, -1 where it is not. */
static void find_last(const struct plan *plan, int last[STEP_KINDS])
{
	for (int k = 0; k < STEP_KINDS; k++)
		last[k] = -1;
	for (unsigned i = 0; i < plan->nsteps; i++)
		last[plan->step[i].kind] = (int)i;
}

/* Slots are filled before they are used. Slots of joins stay empty at times. */
static int check_slots(const struct plan *plan, struct err *e)
{
	unsigned char filled[1024] = {0};

	for (unsigned i = 0; i < plan->nsteps; i++) {
		const struct step *s = &plan->step[i];
		const char *operands = step_operands(s->kind);
		char type;

		for (int k = 0; (type = operand_next(&operands)); k++) {
			int64_t n = s->op[k].n;

			if ((type != 'o' && type != 'i') || n < 0)
				continue;
			if (n >= (int64_t)plan->slots || n >= (int64_t)sizeof filled)
				return err_set(e, 0, "step %u: slot %d out of range", i + 1, (int)n);
			if (type == 'i' && !filled[n])
				return err_set(e, 0, "step %u: slot %d used before it is filled", i + 1, (int)n);
			filled[n] = 1;
		}
	}
	return 0;
}

/* Host steps, then the clone, then what the child does; PAYLOAD steps last. */
static int check_sides(const struct plan *plan, struct err *e)
{
	int side = SIDE_HOST;

	if (plan->clone >= plan->nsteps || plan->step[plan->clone].kind != STEP_CLONE)
		return err_set(e, 0, "no clone where it should be");
	for (unsigned i = 0; i < plan->nsteps; i++) {
		int now = step_table[plan->step[i].kind].side;

		if (now < side)
			return err_set(e, 0, "step %u: sides out of order", i + 1);
		side = now;
	}
	return 0;
}

static int check_end(const struct plan *plan, struct err *e)
{
	unsigned last = plan->step[plan->nsteps - 1].kind;

	if (plan->part == PART_ROOT && last != STEP_TEMPLATE_GIVE)
		return err_set(e, 0, "the last step is not template.give");
	if (plan->part != PART_ROOT && last != STEP_EXEC && last != STEP_DONE)
		return err_set(e, 0, "the last step is neither exec nor done");
	return 0;
}

/* Nothing is mounted while the inside is still in the host's mount namespace. */
static int check_entry(const struct plan *plan, struct err *e)
{
	int entered = 0;

	for (unsigned i = plan->clone; plan->root_switch >= SWITCH_OVER && i < plan->nsteps; i++) {
		enum step_kind kind = plan->step[i].kind;

		if (kind == STEP_NS_EMPTY || kind == STEP_ROOT_NAMESPACE || kind == STEP_TEMPLATE_ENTER)
			entered++;
		else if (kind == STEP_CLONE || kind == STEP_NS_NEW)
			entered += (plan->step[i].op[0].n & CLONE_NEWNS_) != 0;
		else if (entered && plan->part == PART_LAUNCH && kind == STEP_TREE_CLONE && !plan->step[i].op[5].n)
			return err_set(e, 0, "step %u: the host's mounts are left already", i + 1);
		else if (!entered && kind >= STEP_TREE_SLAVE && kind <= STEP_VERIFY_MOUNTS &&
			 kind != STEP_TREE_CLONE && kind != STEP_TREE_ATTR && kind != STEP_TREE_IDMAP && kind != STEP_NULL_CHECK && kind != STEP_TEMPLATE_CHECK)
			return err_set(e, 0, "step %u, %s: done to the host's mounts", i + 1, step_name(kind));
	}
	return entered == (plan->root_switch >= SWITCH_OVER) ? 0 : err_set(e, 0, "%d mount namespaces are entered", entered);
}

static const struct {
	uint8_t first, then;
} orders[] = {
#define ORDER(first, then, rule) {STEP_##first, STEP_##then},
#include "plan/orders.def"
#undef ORDER
};

int plan_check(const struct plan *plan, struct err *e)
{
	int last[STEP_KINDS];

	if (check_slots(plan, e) || check_sides(plan, e) || check_entry(plan, e) || check_end(plan, e))
		return -1;
	find_last(plan, last);
	for (unsigned i = 0; i < sizeof orders / sizeof *orders; i++) {
		int a = last[orders[i].first], b = last[orders[i].then];

		if (a >= 0 && b >= 0 && a > b)
			return err_set(e, 0, "%s", text_of(TEXTS_ORDERS, i));
	}
	if ((plan->part == PART_LAUNCH) != (last[STEP_TEMPLATE_ENTER] >= 0) ||
	    (last[STEP_TEMPLATE_ENTER] >= 0) != (last[STEP_TEMPLATE_CHECK] >= 0))
		return err_set(e, 0, "a launch enters a template that was checked, and nothing else does");
	if ((plan->namespaces & CLONE_NEWNS_ || plan->part) && last[STEP_VERIFY_MOUNTS] < 0)
		return err_set(e, 0, "mounts are never verified");
	if (last[STEP_EXEC] >= 0 && last[STEP_FDS_CLOSE] < 0 && last[STEP_FDS_WALK] < 0)
		return err_set(e, 0, "descriptors are never closed");
	return 0;
}
