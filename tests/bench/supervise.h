/* What the files of the supervision bench share; see supervise.c. */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include <stdint.h>
#include <sys/types.h>

#include "clock.h"
#include "die.h"

struct options {
	int count, uptime, secs, limit;
	const char *pids, *cpu, *root;
};

extern struct options opt;
extern volatile uint64_t *started;	/* ns, when it was executed */

/* dir/name; a few of them live at a time */
const char *path(const char *dir, const char *name);

/* All of the file; -1: could not be read. */
long read_text(const char *at, char *to, size_t size);
void write_file(const char *at, const char *text);
void sleep_ms(int t);

/* cage.c: starts it in namespaces, groups and a root of its own. */
void start(char **argv);

/* look.c: a process below PID 1, and sums over those that are not the payload. */
enum { MAX_TREE = 4096 };

struct process {
	pid_t pid, parent;
	int below, payload;
};

extern struct process tree[MAX_TREE];
extern int ntree;

struct sums {
	int processes, descriptors;
	double pss, rss, wakeups, own;	/* own: CPU ms of those that still live */
	double rss1, private1;		/* of PID 1 */
	double cpu;			/* CPU ms of everything in the group, -1: no group */
};

void look(void);
struct sums sum(void);
double private_memory(pid_t pid);

#endif
