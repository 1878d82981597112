/* What stamp.c says to those who measure, and where. */
#ifndef STAMP_H
#define STAMP_H

#include <stdint.h>

#define STAMP_FIFO "/stamp/fifo"
#define STAMP_SOCKET "/stamp/socket"
#define STAMP_CRASH "/stamp/crash"

struct stamp {
	uint64_t ns;		/* CLOCK_MONOTONIC when it began to run */
	uint64_t stays;
};

#endif
