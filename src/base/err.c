/* Errors and lists of findings, see err.h. */
#include "base/err.h"

#include <string.h>

/* A person reads the first ones; a file of nonsense must not fill the arena. */
enum { KEPT = 200 };

int (err_set)(struct err *e, int code, const char *format, ...)
{
	va_list args;

	e->code = code;
	e->step = -1;
	va_start(args, format);
	text_vformat(e->text, sizeof e->text, format, args);
	va_end(args);
	return -1;
}

void diags_init(struct diags *d, struct arena *a)
{
	d->arena = a;
	d->first = NULL;
	d->last = &d->first;
	d->count = 0;
}

void (diags_add)(struct diags *d, struct origin at, unsigned column,
	       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	diags_vadd(d, at, column, format, args);
	va_end(args);
}

void diags_vadd(struct diags *d, struct origin at, unsigned column,
		const char *format, va_list args)
{
	char text[512];
	struct diag *new;

	if (d->count++ >= KEPT)
		return;
	text_vformat(text, sizeof text, format, args);
	new = ARENA_NEW(d->arena, struct diag);
	if (!new)
		return;
	new->at = at;
	new->column = column;
	new->text = arena_text(d->arena, text, strlen(text));
	if (!new->text)
		return;
	*d->last = new;
	d->last = &new->next;
}
