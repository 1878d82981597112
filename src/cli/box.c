/* Running sandboxes by name: their process, and the profile that they were made from. */
#include <string.h>

#include "apply/registry.h"
#include "cli/cli.h"

/* The one place that knows who may know a sandbox. */
static int find(const char *name, struct box *to, struct err *e)
{
	return registry_find(name, to, &cli_arena, e);
}

/* What was noted is the effective profile: it is read like a file of that name. */
static int load(void *ctx, const char *path, const char *from, struct profile_text *to,
		struct err *e)
{
	const struct box *box = ctx;

	(void)from;
	(void)e;
	to->name = path;
	to->text = box->profile;
	to->length = box->length;
	return 0;
}

int cli_box(struct wish *to, const char *name, const char *const *words, int n,
	    struct plan_request *request, struct target *target)
{
	struct err e = {.step = -1};
	struct box box;

	if (find(name, &box, &e)) {
		cli_error("%s%s%s", e.text, e.code ? ": " : "", e.code ? strerror(e.code) : "");
		return -1;
	}
	*target = (struct target){box.pid, box.start};
	return cli_read_from(to, name, load, &box, words, n, request);
}
