/* How the process of a sandbox is made, by the table child.def. */
#include "plan/parts.h"

#include "archive/texts.h"

static int has_step(const struct plan *plan, enum step_kind kind)
{
	for (unsigned i = plan->clone; i < plan->nsteps; i++)
		if (plan->step[i].kind == kind)
			return 1;
	return 0;
}

static int is_template(const struct build *b) { return b->plan->part == PART_ROOT; }
static int has_init(const struct build *b) { return b->plan->init; }
static int is_live(const struct build *b) { return b->request->live != NULL; }
static int has_time(const struct build *b) { return has_step(b->plan, STEP_TIME_NEW); }
static int forks_on(const struct build *b) { return has_step(b->plan, STEP_FORK); }
static int joins_pid(const struct build *b) { return b->p->ns[NS_PID].how == NS_PATH; }
static int shows_memory(const struct build *b) { return b->f->suid_dumpable == 1; }
static int is_direct(const struct build *b) { return b->request->direct; }
static int waits_hidden(const struct build *b) { return is_direct(b) && !b->f->privileged; }
static int has_helpers(const struct build *b)
{
	return is_direct(b) && (has_step(b->plan, STEP_SEAL) || has_step(b->plan, STEP_TREE_IDMAP));
}
static int waits_oom(const struct build *b) { return is_direct(b) && has_step(b->plan, STEP_OOM_SET); }
static int meets(const struct build *b)
{
	return has_step(b->plan, STEP_RELEASE) || has_step(b->plan, STEP_MEET);
}
static int always(const struct build *b) { return b != NULL; }

static const struct {
	uint8_t kind;
	int (*test)(const struct build *b);
} rows[] = {
#define CHILD(kind, test, why) {CHILD_##kind, test},
#include "plan/child.def"
#undef CHILD
};

void plan_child(struct build *b)
{
	unsigned i = 0;

	while (!rows[i].test(b))
		i++;
	b->plan->child = rows[i].kind;
	b->plan->step[b->plan->clone].op[1].n = rows[i].kind == CHILD_VFORK;
	b->plan->step[b->plan->clone].op[2].n = rows[i].kind == CHILD_VM;
	b->plan->child_row = (uint8_t)i;
}

const char *child_why(const struct plan *plan)
{
	return text_of(TEXTS_CHILD, plan->child_row);
}
