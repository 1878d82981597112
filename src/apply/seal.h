/* Copies of a program that nobody can write to. */
#ifndef HUTCH_SEAL_H
#define HUTCH_SEAL_H

#include <stdint.h>

/*
 * Copies this program into sealed memory and executes that: what a payload may see of
 * hutch through /proc can then be written to by nobody. Returns only with an error.
 */
int self_seal(char *const *argv, uint64_t sigmask);

/* A sealed copy of a program, whose descriptor is closed; -1 with errno. */
int self_copy(int program);

#endif
