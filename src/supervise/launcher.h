/* The processes that build a sandbox, or change one, see launcher.c. Private to this floor. */
#ifndef HUTCH_LAUNCHER_H
#define HUTCH_LAUNCHER_H

#include <stdint.h>

#include "base/arena.h"
#include "profile/profile.h"

enum { NOTIFY_NAME = 16 };	/* bytes of an abstract address, see notify_abstract */
struct service;

/* Memory that each of them uses for itself alone; the limit that payloads start with. */
void launcher_init(struct arena *a, const uint64_t nofile[2]);

/*
 * Their pids, or -1 with errno. notify: NOTIFY_NAME bytes, or NULL; born: where the kernel writes the pid of the sandbox;
 * report, ready: the ends that it has to itself; ahead: namespaces
 * made ahead, or -1.
 */
int launcher_start(const struct service *v, const char *notify, int *born, int report, int ready,
		   const int ahead[NS_COUNT]);
int launcher_follow(const struct service *v, unsigned wish);	/* the file of this wish, in what runs */
int launcher_leave(const char *group);	/* nobody of a service is left: is its IPC group without members now? */

#endif
