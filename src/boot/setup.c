/* What init.conf asks of the machine, done in a process that may hang and fail; see machine_setup. */
#include <stdarg.h>
#include <string.h>

#include "archive/texts.h"
#include "base/text.h"
#include "boot/boot.h"
#include "boot/modules.h"
#include "boot/root.h"

/* What is tried now: if it hangs, these are the words. */
static void phase(struct setup_report *to, const char *key, const char *value)
{
	text_format(to->phase, sizeof to->phase, "%s=%.90s", key, value);
}

/* The phase failed. */
static void failed(struct setup_report *to, const struct err *e)
{
	size_t n = strlen(to->text);

	text_format(to->text + n, sizeof to->text - n, "%s%.*s: %s%s%s", n ? "\n" : "",
		    (int)strcspn(to->phase, "="), to->phase, e->text, e->code ? ": " : "",
		    e->code ? error_text(e->code) : "");
}

static void load_modules(const struct machine_conf *m, struct setup_report *to)
{
	struct modules all;
	struct err e;

	if (!m->nmodule)
		return;
	modules_open(&all, boot_arena);
	for (unsigned i = 0; i < m->nmodule; i++) {
		phase(to, "boot.module", m->module[i]);
		if (module_load(&all, m->module[i], &e))
			failed(to, &e);
	}
	modules_close(&all);
}

void boot_setup(const struct machine_conf *m, struct setup_report *to)
{
	struct err e;

	load_modules(m, to);
	phase(to, "boot.root", m->root.device ? m->root.device : "");
	if (root_prepare(m, to, &e))
		failed(to, &e);
	/* What follows is for whoever is executed there to decide. */
	if (to->init[0])
		return;
}
