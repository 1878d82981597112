/* The processes that build a sandbox, or change one, see launcher.c. Private to this floor. */
#ifndef HUTCH_LAUNCHER_H
#define HUTCH_LAUNCHER_H

#include <stdint.h>

#include "base/arena.h"
#include "supervise/ends.h"

enum { NOTIFY_NAME = 16 };	/* bytes of an abstract address, see notify_abstract */
struct service;

struct direct_plan;

/* Memory that each of them uses for itself alone. */
void launcher_init(struct arena *a);

/*
 * Their pids, or -1 with errno. notify: NOTIFY_NAME bytes, or NULL; born: where the kernel writes the pid of the sandbox;
 * leave: where a plan for later starts goes, see direct.h, or NULL; use: that
 * the template of the ends was made of, or NULL: then an end with DIRECT_STALE asks for another one without it.
 */
int launcher_start(const struct service *v, const char *notify, int *born, const struct ends *ends, struct direct_plan *leave,
		   struct direct_plan *use);
int launcher_follow(const struct service *v, unsigned wish);	/* the file of this wish, in what runs */
int launcher_leave(const char *group);	/* nobody of a service is left: is its IPC group without members now? */

#endif
