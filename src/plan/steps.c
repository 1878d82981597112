/* The table of steps. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "archive/texts.h"
#include "base/parse.h"
#include "base/uapi.h"
#include "mounts/table.h"
#include "plan/plan.h"

enum { NEVER, MAY, HOST = SIDE_HOST, INSIDE = SIDE_INSIDE, PAYLOAD = SIDE_PAYLOAD };

/* One text after the other: two bytes tell where each begins, a pointer takes eight. */
static const struct {
#define STEP(id, name, side, blocks, operands, help) char id[sizeof operands];
#include "plan/steps.def"
#undef STEP
} operands_of = {
#define STEP(id, name, side, blocks, operands, help) .id = operands,
#include "plan/steps.def"
#undef STEP
};

const struct step_info step_table[STEP_KINDS] = {
#define STEP(id, name, side_, blocks, operands_, help) \
	{.operands = offsetof(__typeof__(operands_of), id), .side = side_, .may_block = blocks},
#include "plan/steps.def"
#undef STEP
};

const char *step_name(enum step_kind kind) { return text_of(TEXTS_STEPS, kind); }

const char *step_operands(enum step_kind kind)
{
	return (const char *)&operands_of + step_table[kind].operands;
}

/* Errors with a usual cause. */
static const struct {
	uint16_t kind, code;
} causes[] = {
#define CAUSE(kind_, code_, text_) {STEP_##kind_, code_},
#include "plan/causes.def"
#undef CAUSE
};

const char *step_cause(enum step_kind kind, int code)
{
	for (unsigned i = 0; i < sizeof causes / sizeof *causes; i++)
		if (causes[i].kind == (unsigned)kind && causes[i].code == (unsigned)code)
			return text_of(TEXTS_CAUSES, i);
	return NULL;
}

char operand_next(const char **operands)
{
	const char *p = *operands;
	char type = *p;

	/* Behind the letter, and behind the word that a flag has. */
	while (*p && *p++ != ' ')
		;
	*operands = p;
	return type;
}

const char *step_subject(const struct step *s)
{
	const char *operands = step_operands(s->kind), *found = "";
	char type;

	for (int i = 0; (type = operand_next(&operands)); i++) {
		if (type != 's' || !s->op[i].s || !*s->op[i].s)
			continue;
		/* The first absolute path says most; else the first text. */
		if (*s->op[i].s == '/')
			return s->op[i].s;
		if (!*found)
			found = s->op[i].s;
	}
	return found;
}

static int is_fresh(const struct step *s)
{
	return s->kind == STEP_MOUNT_NEW || s->kind == STEP_SHM_MOUNT;
}

/* Of the new mounts so far, those that the path goes below are needed. */
static void need(struct plan *plan, unsigned first, unsigned end, const char *path)
{
	for (unsigned i = first; i < end; i++) {
		struct step *s = &plan->step[i];
		const char *place;

		if (!is_fresh(s) || s->needed)
			continue;
		place = s->op[s->kind == STEP_MOUNT_NEW ? 2 : 1].s;
		s->needed = path_below(path, place) && strcmp(path, place) != 0;
	}
}

/* What is laid over directories of the host is not meant: it may have links for its own root. */
void steps_settle(struct plan *plan)
{
	unsigned first = plan->nsteps, end = 0;

	for (unsigned i = 0; i < plan->nsteps; i++) {
		struct step *s = &plan->step[i];
		const char *operands = step_operands(s->kind);
		char type;

		if (is_fresh(s)) {
			s->needed = 0;
			first = first < i ? first : i;
		}
		if (step_table[s->kind].side == SIDE_PAYLOAD && s->kind != STEP_STDIO_SET && s->kind != STEP_DIR_CHANGE)
			continue;
		for (int k = 0; end && (type = operand_next(&operands)); k++)
			if (type == 's' && s->op[k].s && *s->op[k].s == '/')
				need(plan, first, end, s->op[k].s);
		if (is_fresh(s))
			end = i + 1;
	}
}
