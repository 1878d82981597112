/* What every executor needs, see step.h. */
#include "apply/step.h"

#include <errno.h>

#include "kernel/k.h"

char walk_stack[WALK_STACK] __attribute__((aligned(4096)));

int step_failed_code(struct walk *w, int code, const char *text)
{
	err_set(&w->err, code, "%s", text);
	w->err.step = (int)w->at;
	return -1;
}

int step_failed(struct walk *w, const char *text)
{
	return step_failed_code(w, errno, text);
}

int step_error(struct walk *w)
{
	return step_failed(w, "");
}

int step_done(struct walk *w, int failed)
{
	return failed ? step_error(w) : 0;
}

int step_close(struct walk *w, int fd, int failed)
{
	int result = step_done(w, failed);

	k_close(fd);
	return result;
}

const char *step_text(const struct plan *plan, enum step_kind kind, int operand)
{
	for (unsigned i = 0; i < plan->nsteps; i++)
		if (plan->step[i].kind == kind)
			return plan->step[i].op[operand].s;
	return NULL;
}
