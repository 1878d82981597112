/* Reading and writing below a checked descriptor of a proc file system. */
#ifndef HUTCH_APPLY_PROC_H
#define HUTCH_APPLY_PROC_H

#include <stddef.h>

#include "base/arena.h"

/* The /proc that is seen here, for paths below it. -1: errno; ENODEV: what lies there is none. */
int proc_open(void);

/* Writes text in one call. -1 with errno. */
int proc_write(int proc, const char *path, const char *text);

/* Reads what is left of fd into the arena, NUL-terminated; NULL with errno. */
char *read_all(int fd, struct arena *a, size_t *length);

/* Reads a whole file into the arena, NUL-terminated; NULL with errno. */
char *proc_read(int proc, const char *path, struct arena *a, size_t *length);

/* The value behind "Name:" in the text of a status file, NULL when it has none. */
const char *status_field(const char *status, const char *name);

/* "/proc/self/fd/N": how mount(2), which knows paths only, is given a descriptor. */
void fd_path(char to[32], int fd);

#endif
