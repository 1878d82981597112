/* Whole files of the host into memory: profiles and what they include. */
#ifndef HUTCH_FILE_H
#define HUTCH_FILE_H

#include "profile/profile.h"

/*
 * Opens a path of this machine (root -1), or one that means what it would mean if the
 * directory `root` were "/", links too. -1 with errno.
 */
int file_open(int root, const char *path, int flags);

/*
 * A regular file of at most 1 MiB, which must not grow meanwhile; the text is the
 * arena's. -1 fills e; never waits for a pipe or a terminal. For root see file_open.
 */
int file_read(struct arena *a, int root, const char *path, struct profile_text *to, struct err *e);

/* All of a text; -1 with errno: some of it may be there. */
int file_write(int fd, const char *text, size_t n);

/* An included file is looked for beside the one that includes it. NULL: no room. */
const char *file_beside(struct arena *a, const char *path, const char *from);

/*
 * Finds the line of a colon-separated file whose field `which` is `text`; cuts it into
 * its first fields. NULL: there is none. The text of the file is cut too.
 */
char *file_line(char *file, int which, const char *text, char *fields[4]);

#endif
