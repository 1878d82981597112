/*
 * Signals by name. The numbers are those of the machine that the program is built
 * for: on MIPS many differ.
 */
#ifndef HUTCH_SIGNALS_H
#define HUTCH_SIGNALS_H

/* In a set of signals, whose lowest bit is signal 1. */
#define SIGNAL_BIT(signal) (1ull << ((signal) - 1))

enum { SIGNALS = 64 };	/* the highest that a profile or a command can name */

/* A name with or without SIG, in any case, or a number from 1 to 64; 0 when it is neither. */
int signal_number(const char *text);

/* The name without SIG; NULL for a number without one, such as a real-time signal. */
const char *signal_name(int number);

#endif
