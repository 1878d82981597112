/* Whole files of the host into memory: profiles and what they include. */
#ifndef HUTCH_FILE_H
#define HUTCH_FILE_H

#include "profile/profile.h"

/*
 * A regular file of at most 1 MiB, which must not grow meanwhile; the text is the
 * arena's. -1 fills e; never waits for a pipe or a terminal.
 */
int file_read(struct arena *a, const char *path, struct profile_text *to, struct err *e);

/* An included file is looked for beside the one that includes it. NULL: no room. */
const char *file_beside(struct arena *a, const char *path, const char *from);

#endif
