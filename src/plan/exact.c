/* A plan as bytes that no two different ones share: what a template is found by. */
#include <string.h>

#include "plan/plan.h"

static void put_number(struct out *o, int64_t n) { out_bytes(o, (const char *)&n, sizeof n); }

static void put_text(struct out *o, const char *s)
{
	out_bytes(o, s ? "+" : "-", 1);
	if (s)
		out_bytes(o, s, strlen(s) + 1);
}

static void put_items(struct out *o, const struct list *l)
{
	put_number(o, l->n);
	for (const struct item *i = l->first; i; i = i->next) {
		put_text(o, i->name);
		put_text(o, i->text);
		put_number(o, (int64_t)i->a);
		put_number(o, (int64_t)i->b);
		put_number(o, (int64_t)i->c);
	}
}

/* The layers of an overlay, the lines of a file. */
static void put_mount(struct out *o, const struct mount_wish *m)
{
	put_number(o, m->flags);
	put_number(o, m->nmore);
	put_number(o, (int64_t)m->size);
	put_text(o, m->src);
	put_text(o, m->data);
	put_text(o, m->upper);
	put_text(o, m->work);
	for (unsigned i = 0; i < m->nmore; i++)
		put_text(o, m->more[i]);
}

/* -1: what it points at is known to the one who reads it alone. */
static int put_operand(struct out *o, char type, union operand op, int of_mount)
{
	switch (type) {
	case 's':
		put_text(o, op.s);
		return 0;
	case 'l':
		put_items(o, op.p);
		return 0;
	case 'v':
	case 'e':
		for (const char *const *word = op.p; word && *word; word++)
			put_text(o, *word);
		put_text(o, NULL);
		return 0;
	case 'u':
		out_bytes(o, op.p, sizeof ((struct profile *)0)->cpus);
		return 0;
	case 'w':
	case 'x':
		if (of_mount)
			put_mount(o, op.p);
		return of_mount - 1;
	}
	put_number(o, op.n);
	return 0;
}

int step_exact(const struct step *s, struct out *o)
{
	const char *operands = step_operands(s->kind);
	int failed = 0, of_mount = s->kind == STEP_FILE_STAGE || s->kind == STEP_MOUNT_OVERLAY;
	char type;

	put_number(o, s->kind);
	for (int i = 0; (type = operand_next(&operands)); i++)
		failed |= put_operand(o, type, s->op[i], of_mount);
	return failed;
}
