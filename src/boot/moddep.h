/*
 * Which modules have to be loaded in which order, by the lists that depmod(8) leaves
 * beside them. In names of modules - and _ are the same. Pure.
 */
#ifndef HUTCH_MODDEP_H
#define HUTCH_MODDEP_H

#include "base/arena.h"
#include "base/err.h"

/*
 * Called for each file, in order; `path` is n bytes, as modules.dep has it. -1 with e
 * filled: it cannot be loaded.
 */
typedef int module_visit(void *ctx, const char *path, size_t n, const char *options, struct err *e);

/* One for all that are loaded at one time. */
struct moddep {
	struct arena *arena;
	const char *dep, *builtin, *softdep, *alias;	/* texts of modules.*; "" where there is none */
	module_visit *visit;
	void *ctx;
	const char *const *done;	/* names that were looked at */
	unsigned ndone;
};

/* The texts are the caller's to fill in. -1: no room. */
int moddep_init(struct moddep *d, struct arena *a, module_visit *visit, void *ctx);

/*
 * Visits what the module needs (modules.dep) and would like to have (modules.softdep),
 * those first, and then itself; each once, whatever depends on it. What a module would like
 * to have may be missing, or fail. 0, also for one that is built in; 1: no list has the name,
 * and nothing is visited; -1 fills e.
 */
int moddep_load(struct moddep *d, const char *name, const char *options, struct err *e);

#endif
