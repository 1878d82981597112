/*
 * What hutch notes below /run/hutch (an ordinary user: $XDG_RUNTIME_DIR/hutch):
 * named sandboxes for `hutch verify`, and the members of IPC groups. Every entry
 * is a pid with its start time and so cannot be mistaken for another process;
 * what a SIGKILL leaves behind is swept by the next one who looks.
 */
#ifndef HUTCH_REGISTRY_H
#define HUTCH_REGISTRY_H

#include "apply/step.h"

/* A registered sandbox: its process, and the profile that it was built from. */
struct box {
	int pid;
	uint64_t start;		/* clock ticks since boot */
	char *profile;		/* text, in the arena */
	size_t length;
};

/* Finds a living sandbox by name. -1 fills e. */
int registry_find(const char *name, struct box *to, struct arena *a, struct err *e);

/* The lines of `hutch mount` for the sandbox of this process, length 0: none. -1 with errno. */
int registry_added(const char *name, const struct target *t, struct box *to, struct arena *a);

/* Those of one that has ended, and its entry. */
void registry_forget(const char *name);

/* Tells of each living sandbox that has a name; the arena is for reading, and as it was. */
void registry_each(void (*tell)(void *ctx, const char *name, int pid), void *ctx, struct arena *a);

/* Takes back what this walk noted. */
void registry_leave(struct walk *w);

/* The registry's folder, made where it is missing, and nobody else's; -1 with errno. */
int registry_dir(void);

/* Where that is, for a message. */
const char *registry_place(void);

/* One in a directory, made with this mode, 0: only if it is there; the same. */
int registry_folder(int at, const char *name, unsigned mode);

/* Tells of each name in a folder that ends so, without the end; closes it. */
void registry_entries(int dir, const char *end, void (*tell)(void *ctx, const char *name, int dir), void *ctx);

/* Who is in an IPC group. */
enum { GROUP_MEMBERS = 256 };
struct group_member {
	int pid;
	unsigned parts;		/* enum group_part: what it shares with the others */
	uint64_t start;		/* clock ticks since boot */
};

/* After a failed look at a process: there is none of that number. */
int registry_gone(void);

/* Who cannot be looked at counts as alive: he would lose his group. */
int registry_alive(const struct group_member *m);

/* The file of an entry: NAME.KIND */
void registry_entry(char to[80], const char *name, const char *kind);

/* Takes a walk's process, and the dead, out of the group that it has joined; gives up the lock where it holds it. */
void group_leave(struct walk *w);

/* Tells of each IPC group that is noted, in no order. */
void registry_groups(void (*tell)(void *ctx, const char *name, int), void *ctx);

/* The living members of a group; 0 where there is none, -1 with errno. */
int registry_members(const char *group, struct group_member *to);

/*
 * What the first of n members that shares this part lends goes to *fd: its IPC namespace, or its
 * /dev/shm to read; -1: nobody has it. Fails, with errno, where somebody has and none lets us in.
 */
int registry_borrow(const struct group_member *m, int n, enum group_part part, int *fd);

/* Takes the dead out of a group's file, and the file away when nobody is left. May wait. */
void registry_group_sweep(const char *group);

/*
 * Locks a file or folder of the registry, `tries` times with pauses of 20 ms: who holds a
 * lock builds a sandbox, and that may hang; while we waited in the kernel, no signal
 * but KILL would end us. -1 with errno.
 */
enum { REGISTRY_TRIES = 1000 };
int registry_lock(int fd, int tries);

#endif
