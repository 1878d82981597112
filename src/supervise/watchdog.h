/*
 * The hardware watchdog of a machine. It is opened once and never closed: what ends
 * without the machine's end, or hangs, is followed by a reset.
 */
#ifndef HUTCH_WATCHDOG_H
#define HUTCH_WATCHDOG_H

#include <stdint.h>

struct supervisor;

struct watchdog {
	int fd;			/* 0: none */
	uint32_t wanted, time;	/* ms: as asked for, and as the device has it */
	uint32_t budget;	/* ms, of critical services */
	int64_t next;		/* ms: when it is petted, or looked for again; 0: never */
	int64_t deadline;	/* ms: when the boot has to be complete */
	int64_t complete;	/* ms: when it was, 0: not yet */
	uint8_t stall;		/* enum stall: why it is not petted */
	uint8_t told;		/* that it cannot be opened */
};

/* In each turn of the loop: opens what the machine's conf names; pets it when it is time and there is progress. */
void watchdog_look(struct supervisor *s);
int64_t watchdog_deadline(const struct supervisor *s);	/* ms, 0: none */

/* At the machine's end: when it is time. */
void watchdog_pet(struct watchdog *w, int64_t now);
/* The last time: from now on it has little time left. */
void watchdog_last(struct watchdog *w);

#endif
