/* Kernel modules out of /lib/modules, with those that they depend on. */
#ifndef HUTCH_MODULES_H
#define HUTCH_MODULES_H

#include "boot/moddep.h"

/* One for all that are loaded at one time. */
struct modules {
	struct moddep dep;
	int dir;			/* /lib/modules/RELEASE, or -1 */
	char directory[96];
};

/*
 * Its lists are of the arena. A missing directory is no error yet: what is asked for
 * may be built in.
 */
void modules_open(struct modules *m, struct arena *a);
void modules_close(struct modules *m);

/*
 * Loads "NAME" or "NAME OPTION=VALUE..." after those that it needs. What is built in or
 * loaded already is no error, unless there are options, which come too late then.
 * -1 fills e.
 */
int module_load(struct modules *m, const char *line, struct err *e);

#endif
