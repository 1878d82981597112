/*
 * Sums that tell what is another one, or find it in a table: as FNV-1a, in 64 bits by words as long as there are any.
 * Not against people: who looks for two of one sum finds them.
 */
#ifndef HUTCH_SUM_H
#define HUTCH_SUM_H

#include <stddef.h>
#include <stdint.h>

#define SUM_START 0xcbf29ce484222325u
#define SUM32_START 2166136261u

/* What is added to a sum, or to SUM_START. */
uint64_t sum_word(uint64_t sum, uint64_t word);
uint64_t sum_bytes(uint64_t sum, const void *data, size_t n);
uint64_t sum_text(uint64_t sum, const char *text);	/* and where it ends */

/* In 32 bits, byte by byte. For a table: the lower bits; the last bytes hardly reach the upper ones. */
uint32_t sum32_bytes(uint32_t sum, const void *data, size_t n);

#endif
