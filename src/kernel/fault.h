/* What a test build shares with its harness, see fault.c. */
#ifndef HUTCH_FAULT_H
#define HUTCH_FAULT_H

enum { FAULT_OFF, FAULT_LIST, FAULT_FAIL, FAULT_STOP };

/* Of HUTCH_FAULT=shared; `armed` is set last and taken back first. */
struct fault_wish {
	int armed;		/* FAULT_* */
	int nth, code;		/* the nth call like this, from 1, fails with this errno */
	int count;		/* calls like this so far */
	char side;		/* supervisor, launcher, inside of a sandbox, l(o)ader, log (w)riter */
	char call[24], step[24];
};

struct fault_log {
	int count[2];		/* calls so far, host side and inside */
	int stopped, go;	/* ERRNO "stop": waits at the call; may go on */
	struct fault_wish wish;
	unsigned used;		/* bytes of text, also of those that found no room */
	char text[1 << 17];	/* lines "SIDE NUMBER CALL STEP" */
};

#endif
