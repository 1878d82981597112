/* What the two sides of a walk tell each other. */
#ifndef HUTCH_CHANNEL_H
#define HUTCH_CHANNEL_H

#include <stdint.h>

struct walk;

/* What the inside tells the host side, always whole and of this size. */
enum record_kind { REC_FAILED = 1, REC_READY, REC_TTY, REC_STARTED, REC_EXITED, REC_GO, REC_NOTIFY, REC_TEMPLATE };
struct record {
	uint32_t kind;
	int32_t step, code, value;
	char text[200];
};

/* With vfork the memory is the same: what the inside has to say until it executes the payload. */
struct told {
	const volatile int *host_lives;	/* the kernel makes it 0 when hutch dies, see k_clear_at_death */
	int apart;		/* it is not: whoever watches has made a fork of it, and nothing can be told */
	unsigned n, heard;
	struct record record[2];
};

/* Sends a record about the step in hand; pass is a descriptor to hand over or -1. */
int channel_send(struct walk *w, enum record_kind kind, int code, int value, const char *text,
		 int pass);

/* 1 a record, 0 the other side is gone, -1 nothing yet (wait 0) or an error. */
int channel_receive(int channel, struct record *r, int *passed, int wait);

#endif
