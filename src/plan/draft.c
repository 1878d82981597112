/* The plan while it is made, see draft.h. */
#include "plan/draft.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

void step_add(struct build *b, struct origin at, unsigned kind_and_count, ...)
{
	unsigned kind = kind_and_count & 0xff, count = kind_and_count >> 8;
	const char *operands = step_operands(kind);
	struct step *s;
	va_list args;

	if (b->plan->nsteps == b->max_steps) {
		s = arena_double(b->a, b->plan->step, b->max_steps * sizeof *s);
		if (!s) {
			wrong(b, at, "the plan is too large");
			return;
		}
		b->plan->step = s;
		b->max_steps *= 2;
	}
	s = &b->plan->step[b->plan->nsteps++];
	memset(s, 0, sizeof *s);
	s->kind = (uint16_t)kind;
	s->at = origin_settle(b, at);
	va_start(args, kind_and_count);
	for (unsigned i = 0; i < count; i++) {
		/* Where pointers are as large as numbers they are handed over alike. */
		if (sizeof(void *) < sizeof(int64_t) && strchr("slveuwx", operand_next(&operands)))
			s->op[i].p = va_arg(args, const void *);
		else
			s->op[i].n = va_arg(args, int64_t);
	}
	va_end(args);
}

int slot_new(struct build *b)
{
	return (int)b->plan->slots++;
}

const char *text_printf(struct build *b, const char *format, ...)
{
	/* Straight into the arena: its next bytes are free until they are taken. */
	char *to = b->a->base + b->a->used;
	size_t room = b->a->size - b->a->used;
	va_list args;
	int n;

	va_start(args, format);
	n = text_vformat(to, room, format, args);
	va_end(args);
	if ((size_t)n >= room) {
		wrong(b, (struct origin){0}, "the plan is too large");
		return "";
	}
	b->a->used += (size_t)n + 1;
	return to;
}

struct origin origin_settle(const struct build *b, struct origin at)
{
	unsigned short key = at.key;

	if (at.file == FILE_NONE)
		at = b->p->at[key];
	at.key = key;
	return at;
}

void (wrong)(struct build *b, struct origin at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	diags_vadd(b->d, origin_settle(b, at), 0, format, args);
	va_end(args);
}
