/*
 * What hutch notes below /run/hutch (an ordinary user: $XDG_RUNTIME_DIR/hutch):
 * named sandboxes for `hutch verify`, and the members of IPC groups. Every entry
 * is a pid with its start time and so cannot be mistaken for another process;
 * what a SIGKILL leaves behind is swept by the next one who looks.
 */
#ifndef HUTCH_REGISTRY_H
#define HUTCH_REGISTRY_H

#include "apply/walk.h"

/* A registered sandbox: its process, and the profile that it was built from. */
struct box {
	int pid;
	uint64_t start;		/* clock ticks since boot */
	char *profile;		/* text, in the arena */
	size_t length;
};

/* Finds a living sandbox by name. -1 fills e. */
int registry_find(const char *name, struct box *to, struct arena *a, struct err *e);

/* Takes back what this walk noted. */
void registry_leave(struct walk *w);

/* The registry's folder, made where it is missing, and nobody else's; -1 with errno. */
int registry_dir(void);

/* Takes the dead out of a group's file, and the file away when nobody is left. May wait. */
void registry_group_sweep(const char *group);

/* When a process started, in clock ticks since boot; -1 when it is gone. */
int process_start(int pid, uint64_t *start);

/* The same by its /proc/PID/stat, which is `path` below the descriptor `dir`. */
int process_start_at(int dir, const char *path, uint64_t *start);

/* The first child of the process pid whose /proc/PID is dir; 0: none, -1 with errno. */
int process_child(int dir, int pid, struct arena *a);

#endif
