/*
 * The mounts of every mount namespace that can be looked at: of the host (of this process),
 * then by name of sandboxes and of a supervisor's services, then of others by the first process in them.
 */
#ifndef HUTCH_CLI_SURVEY_H
#define HUTCH_CLI_SURVEY_H

#include "mounts/graph.h"

enum { SURVEY_VIEWS = 4096 };

extern struct survey {
	struct arena arena;		/* has room for what is made of them */
	struct view view[SURVEY_VIEWS];	/* the first is the host */
	unsigned n;
} survey;

/*
 * A whole mountinfo into an arena, NULL with errno. It comes page by page, and what changes in between
 * may be missing or there twice: the kernel tells of a change, and then all of it is read again.
 */
char *survey_read(int fd, struct arena *a, size_t *length);

/* Reads them all; -1: reported. */
int survey_take(void);

#endif
