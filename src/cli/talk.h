/* One talk with the supervisor that is in charge here, see service/control.h. */
#ifndef HUTCH_TALK_H
#define HUTCH_TALK_H

#include "service/control.h"

struct talk {
	int fd;
	uint8_t quiet;			/* that there is no supervisor is not told */
	int timeout;			/* ms between two records, -1: for ever */
	size_t n;			/* bytes of the record */
	char record[CONTROL_RECORD + 1];	/* a NUL behind it */
};

/* Sends words, each ended by a NUL. -1: told; it will not answer. */
int talk_open(struct talk *t, const char *request, size_t n);

/* The next record: 1, or 0 when it was the last one, or none came (told). */
int talk_next(struct talk *t);

/* Closes; tells what the last record says, and returns the exit status. */
int talk_close(struct talk *t);

#endif
