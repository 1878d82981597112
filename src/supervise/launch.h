/* What launch.c and load.c lend each other. Private to this floor. */
#ifndef HUTCH_LAUNCH_H
#define HUTCH_LAUNCH_H

#include <stdint.h>

#include "base/arena.h"

/* Memory that each launch uses for itself alone; the limit that payloads start with. */
void launch_init(struct arena *a, const uint64_t nofile[2]);
void load_init(struct arena *a);

#endif
