/*
 * prefix.h - the prefix codes of deflate (RFC 1951 3.2.2).
 *
 * For: building a code from its lengths and finding the symbol that a string
 * of bits begins with.
 * Never: reads a stream, keeps a position or knows what a symbol means.
 */
#ifndef HUTCH_ARCHIVE_PREFIX_H
#define HUTCH_ARCHIVE_PREFIX_H

#include <stdint.h>

#define PREFIX_BITS	15	/* the longest code, RFC 1951 3.2.7 */
#define PREFIX_FAST	9	/* bits of a code that are looked up at once */
#define PREFIX_SYMBOLS	288	/* the largest alphabet, RFC 1951 3.2.6 */

/*
 * One code: short codes by table, long ones by canonical order. An entry is
 * symbol << 4 | length of its code in bits, and 0 stands for none.
 */
struct prefix {
	uint16_t fast[1 << PREFIX_FAST];
	uint16_t limit[PREFIX_BITS + 1];	/* first 15-bit string beyond codes this long */
	uint16_t base[PREFIX_BITS + 1];		/* code + base = place in sorted, modulo 2^16 */
	uint16_t sorted[PREFIX_SYMBOLS];	/* symbols in order of their codes */
};

/*
 * Build the canonical code whose n (1..288) symbols have codes of len[i] bits
 * (0..15, 0 for a symbol not used). Returns 0; 1 if some strings of bits have
 * no symbol but there is at most a single code, of one bit, the only such
 * case in use (RFC 1951 3.2.7); or -1 if the lengths fit no code, p is then
 * not to be used.
 */
int prefix_build(struct prefix *p, const uint8_t *len, unsigned n);

/*
 * The entry for the code that bits (15 of them, the first one lowest; higher
 * ones are ignored) begin with, or 0 if there is none. Finds any code, yet
 * is meant for those that p->fast has no entry for.
 */
unsigned prefix_find(const struct prefix *p, uint32_t bits);

#endif
