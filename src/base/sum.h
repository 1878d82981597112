/*
 * FNV-1a: a sum of bytes that tells what is another one, or finds it in a table. Not against people: who looks for two
 * texts with one sum finds them.
 */
#ifndef HUTCH_SUM_H
#define HUTCH_SUM_H

#include <stddef.h>
#include <stdint.h>

#define SUM_START 0xcbf29ce484222325u
#define SUM32_START 2166136261u

/* What is added to a sum, or to SUM_START; of a text with the NUL at its end, so that two of them are not one. */
uint64_t sum_bytes(uint64_t sum, const void *data, size_t n);
uint64_t sum_text(uint64_t sum, const char *text);

/* The same in 32 bits. For a table: the lower ones; the last bytes hardly reach the upper ones. */
uint32_t sum32_bytes(uint32_t sum, const void *data, size_t n);

#endif
