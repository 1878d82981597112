/*
 * look.c - part of supervise.c: what /proc tells of the supervision processes.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "supervise.h"

struct process tree[MAX_TREE];
int ntree;

static const char *proc(pid_t pid, const char *name)
{
	static char text[3][64];
	static unsigned n;
	char *to = text[n++ % 3];

	snprintf(to, sizeof text[0], "/proc/%d/%s", (int)pid, name);
	return to;
}

static int is_payload(pid_t pid)
{
	struct stat a, b;

	return stat(path(opt.root, "stamp/run"), &a) == 0 && stat(proc(pid, "exe"), &b) == 0 &&
		a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static pid_t parent_of(pid_t pid)
{
	char text[1024], *at;
	int parent = 0;

	if (read_text(proc(pid, "stat"), text, sizeof text) > 0 && (at = strrchr(text, ')')))
		sscanf(at + 2, "%*c %d", &parent);
	return parent;
}

/* Fills the table with PID 1 of the namespace and everything below. */
void look(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int i, j, more;

	ntree = 0;
	while (d && (e = readdir(d)) && ntree < MAX_TREE) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		tree[ntree].pid = atoi(e->d_name);
		tree[ntree].parent = parent_of(tree[ntree].pid);
		tree[ntree].below = tree[ntree].pid == init;
		ntree++;
	}
	if (d)
		closedir(d);
	for (more = 1; more;)
		for (more = i = 0; i < ntree; i++)
			for (j = 0; !tree[i].below && j < ntree; j++)
				if (tree[j].below && tree[j].pid == tree[i].parent)
					more = tree[i].below = 1;
	for (i = j = 0; i < ntree; i++)
		if (tree[i].below) {
			tree[j] = tree[i];
			tree[j].payload = is_payload(tree[j].pid);
			j++;
		}
	ntree = j;
}

/* A number after "key:" in a file of /proc/PID; 0 when it is not there. */
static double field(pid_t pid, const char *file, const char *key)
{
	static char text[65536];
	const char *at;

	if (read_text(proc(pid, file), text, sizeof text) <= 0)
		return 0;
	at = strstr(text, key);
	return at ? strtod(at + strlen(key), NULL) : 0;
}

static int descriptors(pid_t pid)
{
	DIR *d = opendir(proc(pid, "fd"));
	int n = -2;

	if (!d)
		return 0;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static double own_cpu(pid_t pid)
{
	char text[128];

	return read_text(proc(pid, "schedstat"), text, sizeof text) > 0 ? strtod(text, NULL) / 1e6 : 0;
}

double private_memory(pid_t pid)
{
	return field(pid, "smaps_rollup", "Private_Clean:") + field(pid, "smaps_rollup", "Private_Dirty:");
}

/* Of the accounting group: v1 has ns in a file, v2 has a line with us. */
static double group_cpu(void)
{
	char text[1024];

	if (!opt.cpu)
		return -1;
	if (read_text(path(opt.cpu, "cpuacct.usage"), text, sizeof text) > 0)
		return strtod(text, NULL) / 1e6;
	if (read_text(path(opt.cpu, "cpu.stat"), text, sizeof text) > 0 && strncmp(text, "usage_usec ", 11) == 0)
		return strtod(text + 11, NULL) / 1e3;
	return -1;
}

struct sums sum(void)
{
	struct sums s = { .cpu = group_cpu() };
	int i;

	look();
	for (i = 0; i < ntree; i++) {
		if (tree[i].payload)
			continue;
		s.processes++;
		s.descriptors += descriptors(tree[i].pid);
		s.pss += field(tree[i].pid, "smaps_rollup", "Pss:");
		s.rss += field(tree[i].pid, "smaps_rollup", "Rss:");
		s.wakeups += field(tree[i].pid, "status", "\nvoluntary_ctxt_switches:");
		s.own += own_cpu(tree[i].pid);
	}
	s.rss1 = field(init, "smaps_rollup", "Rss:");
	s.private1 = private_memory(init);
	return s;
}
