/* What a test build shares with its harness, see fault.c. */
#ifndef HUTCH_FAULT_H
#define HUTCH_FAULT_H

struct fault_log {
	int inside;		/* the child has begun */
	int count[2];		/* calls so far, host side and inside */
	int stopped, go;	/* ERRNO "stop": waits at the call; may go on */
	unsigned used;		/* bytes of text, also of those that found no room */
	char text[1 << 16];	/* lines "SIDE NUMBER CALL STEP" */
};

#endif
