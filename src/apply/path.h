/*
 * Paths inside the sandbox: always resolved beneath its root's descriptor, with
 * links taken as the sandbox sees them and the links of /proc never followed.
 * No path is ever joined as a string and trusted.
 */
#ifndef HUTCH_PATH_H
#define HUTCH_PATH_H

#include "apply/step.h"

/*
 * Opens an absolute path of the inside. flags as in open(2); mode for O_CREAT.
 * -1 with errno: ENOENT, ELOOP for a magic link, ENOTDIR.
 */
int path_open(struct walk *w, const char *path, int flags, unsigned mode);

/*
 * From now on, paths at and below `path` start at fd, which is taken over; what was
 * anchored there is forgotten. -1 with errno when there are too many.
 */
int path_anchor(struct walk *w, const char *path, int fd);

/* Forgets all anchors at and below path: something else lies there now. */
void path_unanchor(struct walk *w, const char *path);

/* The place where fd is, as this process sees it; -1 with errno. 0: it has none. */
long path_of(struct walk *w, int fd, char to[4096]);

/* The directory that path lies in, opened where it is no anchor, until it is left; *name is path's last part. */
int path_parent(struct walk *w, const char *path, const char **name);
void path_leave(const struct walk *w, int dir);

/*
 * Makes the directories above path, then path itself as a directory or an empty
 * file, each only where it is missing. Makings on a file system that outlives the
 * sandbox (memory 0) are noted for undoing.
 */
int path_make(struct walk *w, const char *path, int is_dir, unsigned mode, int memory);

/* The walker for kernels without openat2; also used by the tests on newer ones. */
int path_walk(int root, const char *path, int flags, unsigned mode);

/* Takes away the mount points that were made on somebody's disk. */
void unmake_points(struct walk *w);

#endif
