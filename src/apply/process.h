/* What /proc tells of another process. */
#ifndef HUTCH_APPLY_PROCESS_H
#define HUTCH_APPLY_PROCESS_H

#include "base/arena.h"
#include "kernel/k.h"

/*
 * When a process started, in clock ticks since boot; -1 with errno, ENOENT or ESRCH when it
 * is gone: with pid, this tells one process from all others.
 */
int process_start(int pid, uint64_t *start);

/* The same by its /proc/PID/stat, which is `path` below the descriptor `dir`. */
int process_start_at(int dir, const char *path, uint64_t *start);

/* The first child of the process pid whose /proc/PID is dir; 0: none, -1 with errno. */
int process_child(int dir, int pid, struct arena *a);

/* The inode number of its namespace of a kind; 0 with errno. Not by stat(2), which makes an inode first. */
uint64_t process_ns(int pid, const char *kind);

/* The exit status that tells of a wait status: 128+N for signal N, as in a shell. */
int status_code(int status);

#endif
