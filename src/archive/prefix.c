/*
 * prefix.c - builds and searches the prefix codes of deflate.
 *
 * For: inflate.c.
 * Never: indexes by a length or code that was not bounded before; lengths
 * come from a hostile stream.
 */
#include "archive/prefix.h"

#include <string.h>

/* The lowest n bits of v in reverse: codes are stored highest bit first. */
static unsigned bits_reverse(unsigned v, unsigned n)
{
	unsigned r = 0;

	while (n--) {
		r = r << 1 | (v & 1);
		v >>= 1;
	}
	return r;
}

/*
 * Number the codes of each length. place[l] becomes the place in sorted of
 * the first symbol with l bits. Returns as prefix_build() does.
 */
static int lengths_number(struct prefix *p, const uint16_t *count, uint16_t *place)
{
	unsigned l, code = 0, used = 0;

	for (l = 1; l <= PREFIX_BITS; l++) {
		code <<= 1;
		place[l] = (uint16_t)used;
		p->base[l] = (uint16_t)(used - code);
		code += count[l];
		used += count[l];
		if (code > 1u << l)
			return -1;
		p->limit[l] = (uint16_t)(code << (PREFIX_BITS - l));
	}
	if (code == 1u << PREFIX_BITS)
		return 0;
	return used == count[1] ? 1 : -1;
}

int prefix_build(struct prefix *p, const uint8_t *len, unsigned n)
{
	uint16_t count[PREFIX_BITS + 1] = { 0 }, place[PREFIX_BITS + 1];
	unsigned i, l, r;
	int kind;

	for (i = 0; i < n; i++)
		count[len[i]]++;
	kind = lengths_number(p, count, place);
	if (kind < 0)
		return kind;
	memset(p->fast, 0, sizeof(p->fast));
	for (i = 0; i < n; i++) {
		l = len[i];
		if (!l)
			continue;
		p->sorted[place[l]] = (uint16_t)i;
		r = (uint16_t)(place[l]++ - p->base[l]);
		if (l > PREFIX_FAST)
			continue;
		/* every string of bits that begins with this code */
		for (r = bits_reverse(r, l); r < 1 << PREFIX_FAST; r += 1u << l)
			p->fast[r] = (uint16_t)(i << 4 | l);
	}
	return kind;
}

unsigned prefix_find(const struct prefix *p, uint32_t bits)
{
	unsigned v = bits_reverse(bits, PREFIX_BITS);
	unsigned l, place;

	/* limits never fall as codes get longer: the first one above v fits */
	for (l = 1; l <= PREFIX_BITS; l++) {
		if (v >= p->limit[l])
			continue;
		place = (uint16_t)((v >> (PREFIX_BITS - l)) + p->base[l]);
		return (unsigned)p->sorted[place] << 4 | l;
	}
	return 0;
}
