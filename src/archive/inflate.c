/*
 * inflate.c - unpacks gzip, passes anything else through.
 *
 * For: turning a pull of plain bytes into as many pulls of raw bytes as are
 * needed. Decoding stops whenever the window is full and resumes from there.
 * Never: makes a system call, allocates, or lets input decide an index or a
 * shift that was not checked first.
 *
 * Errors stick: the first one is kept in z->error, from then on reads of bits
 * give zeros, and every loop that depends on input looks at z->error.
 */
#include "archive/inflate.h"

#include <stddef.h>
#include <string.h>

enum state {
	STATE_START,	/* nothing seen yet */
	STATE_GAP,	/* between parts: zeros are padding */
	STATE_PLAIN,	/* passing bytes through */
	STATE_BLOCK,	/* a deflate block header is next */
	STATE_STORED,	/* inside a stored block */
	STATE_CODES,	/* inside a block of codes */
	STATE_TRAILER,	/* a gzip trailer is next */
	STATE_END
};

enum gzip_flag {	/* RFC 1952 2.3.1 */
	GZIP_HCRC = 2,
	GZIP_EXTRA = 4,
	GZIP_NAME = 8,
	GZIP_COMMENT = 16,
	GZIP_RESERVED = 0xe0
};

#define GZIP_TEXT_MAX	65535	/* bytes of a file name or comment put up with */
#define LENGTHS_MAX	(286 + 30)	/* code lengths in a block header, RFC 1951 3.2.7 */

static void inflate_fail(struct inflate *z, const char *why)
{
	if (!z->error)
		z->error = why;
}

/* Have at least one byte in in[]. Returns 0 at the end or on an error. */
static int input_more(struct inflate *z)
{
	long n;

	if (z->in_at < z->in_end)
		return 1;
	if (z->ended)
		return 0;
	n = z->read(z->ctx, z->in, sizeof(z->in));
	if (n < 0 || n > (long)sizeof(z->in)) {
		inflate_fail(z, "read error");
		n = 0;
	}
	z->ended = !n;
	z->in_at = 0;
	z->in_end = (unsigned)n;
	return n > 0;
}

/*
 * Have n (0..16) bits in hold. Takes no byte more than needed, so that hold
 * is empty after every 16 bit field that follows an alignment.
 */
static int bits_fill(struct inflate *z, unsigned n)
{
	while (z->bits < n) {
		if (z->in_at == z->in_end && !input_more(z))
			return 0;
		z->hold |= (uint32_t)z->in[z->in_at++] << z->bits;
		z->bits += 8;
	}
	return 1;
}

static void bits_drop(struct inflate *z, unsigned n)
{
	z->hold >>= n;
	z->bits -= n;
}

/* The next n (0..16) bits; 0 after an error. */
static unsigned bits_take(struct inflate *z, unsigned n)
{
	unsigned v;

	if (!bits_fill(z, n)) {
		inflate_fail(z, "truncated");
		return 0;
	}
	v = z->hold & ((1u << n) - 1);
	bits_drop(z, n);
	return v;
}

static uint32_t take_u32(struct inflate *z)
{
	uint32_t low = bits_take(z, 16);

	return low | (uint32_t)bits_take(z, 16) << 16;
}

/* CRC-32 of RFC 1952 8., four bits at a time: 64 bytes of table, not 1024. */
static uint32_t crc_update(uint32_t crc, const uint8_t *p, unsigned n)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};

	crc = ~crc;
	while (n--) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* A byte of the gzip header, counted into its checksum. */
static unsigned header_byte(struct inflate *z)
{
	uint8_t b = (uint8_t)bits_take(z, 8);

	z->crc = crc_update(z->crc, &b, 1);
	return b;
}

static void header_text(struct inflate *z)
{
	unsigned n = 0;

	while (header_byte(z) && !z->error)
		if (++n > GZIP_TEXT_MAX)
			inflate_fail(z, "not a gzip stream");
}

/* The header of a member, RFC 1952 2.3. */
static void header_read(struct inflate *z)
{
	unsigned method, flags, n;

	z->crc = 0;
	header_byte(z);			/* the magic, seen by part_find() */
	header_byte(z);
	method = header_byte(z);
	flags = header_byte(z);
	if (method != 8 || (flags & GZIP_RESERVED))
		inflate_fail(z, "not a gzip stream");
	for (n = 0; n < 6; n++)		/* time, extra flags, system */
		header_byte(z);
	if (flags & GZIP_EXTRA) {
		n = header_byte(z);
		n |= header_byte(z) << 8;
		while (n-- && !z->error)
			header_byte(z);
	}
	if (flags & GZIP_NAME)
		header_text(z);
	if (flags & GZIP_COMMENT)
		header_text(z);
	if (flags & GZIP_HCRC) {
		n = z->crc & 0xffff;
		if (n != bits_take(z, 16))
			inflate_fail(z, "checksum differs");
	}
	z->crc = z->size = 0;
	z->made = z->sent = z->full = 0;
	z->state = STATE_BLOCK;
}

static void trailer_read(struct inflate *z)
{
	bits_drop(z, z->bits & 7);
	if (take_u32(z) != z->crc || take_u32(z) != z->size)
		inflate_fail(z, "checksum differs");
	z->state = STATE_GAP;
}

/* Decide what the next part of the stream is. */
static void part_find(struct inflate *z)
{
	while (bits_fill(z, 8) && !(z->hold & 0xff) && z->state == STATE_GAP)
		bits_drop(z, 8);
	if (!z->bits)
		z->state = STATE_END;
	else if ((z->hold & 0xff) == 0x1f && bits_fill(z, 16) && z->hold == 0x8b1f)
		header_read(z);
	else
		z->state = STATE_PLAIN;
}

/*
 * The next symbol; 0 after an error. Looking 15 bits ahead is no overreach:
 * the 64 bits of the gzip trailer follow the last code.
 */
static unsigned code_take(struct inflate *z, const struct prefix *p)
{
	unsigned entry;

	if (!bits_fill(z, PREFIX_BITS)) {
		inflate_fail(z, "truncated");
		return 0;
	}
	entry = p->fast[z->hold & ((1 << PREFIX_FAST) - 1)];
	if (!entry)
		entry = prefix_find(p, z->hold);
	if (!entry)
		inflate_fail(z, "corrupt deflate data");
	bits_drop(z, entry & 15);
	return entry >> 4;
}

/* The codes of a fixed block, RFC 1951 3.2.6; both are complete. */
static void codes_fixed(struct inflate *z)
{
	uint8_t len[PREFIX_SYMBOLS];
	unsigned i;

	for (i = 0; i < PREFIX_SYMBOLS; i++)
		len[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	prefix_build(&z->literal, len, PREFIX_SYMBOLS);
	memset(len, 5, 32);
	prefix_build(&z->dist, len, 32);
}

/* Code lengths, packed with the code in z->literal, into len[0..n). */
static int lengths_read(struct inflate *z, uint8_t *len, unsigned n)
{
	unsigned i = 0, sym, again;
	uint8_t fill;

	while (i < n) {
		sym = code_take(z, &z->literal);
		if (z->error)
			return -1;
		if (sym < 16) {
			len[i++] = (uint8_t)sym;
			continue;
		}
		if (sym == 16 && !i)
			return -1;
		fill = sym == 16 ? len[i - 1] : 0;
		/* 16 and 17 have 2 and 3 bits of count, 18 has 7 */
		again = sym < 18 ? 3 + bits_take(z, sym - 14) : 11 + bits_take(z, 7);
		if (again > n - i)
			return -1;
		memset(len + i, fill, again);
		i += again;
	}
	return 0;
}

/* The codes of a dynamic block, RFC 1951 3.2.7. */
static int codes_dynamic(struct inflate *z)
{
	static const uint8_t order[19] = {
		16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
	};
	uint8_t len[LENGTHS_MAX];
	unsigned literals, dists, n, i;

	literals = bits_take(z, 5) + 257;
	dists = bits_take(z, 5) + 1;
	n = bits_take(z, 4) + 4;
	if (literals > 286 || dists > 30)
		return -1;
	memset(len, 0, sizeof(order));
	for (i = 0; i < n; i++)
		len[order[i]] = (uint8_t)bits_take(z, 3);
	if (prefix_build(&z->literal, len, sizeof(order)) != 0 ||
	    lengths_read(z, len, literals + dists) < 0)
		return -1;
	if (!len[256])		/* the block could never end */
		return -1;
	if (prefix_build(&z->literal, len, literals) < 0)
		return -1;
	return prefix_build(&z->dist, len + literals, dists) < 0 ? -1 : 0;
}

static void block_read(struct inflate *z)
{
	unsigned type;
	int bad = 0;

	z->final = bits_take(z, 1);
	type = bits_take(z, 2);
	z->state = STATE_CODES;
	switch (type) {
	case 0:
		bits_drop(z, z->bits & 7);
		z->stored = bits_take(z, 16);
		bad = (z->stored ^ 0xffff) != bits_take(z, 16);
		z->state = STATE_STORED;
		break;
	case 1:
		codes_fixed(z);
		break;
	case 2:
		bad = codes_dynamic(z) < 0;
		break;
	default:
		bad = 1;
	}
	if (bad)
		inflate_fail(z, "corrupt deflate data");
}

static void block_end(struct inflate *z)
{
	z->state = z->final ? STATE_TRAILER : STATE_BLOCK;
}

/* Copy what the window and the input have room for; hold is empty here. */
static void stored_run(struct inflate *z)
{
	unsigned n = INFLATE_WINDOW - z->made;

	if (!z->stored) {
		block_end(z);
		return;
	}
	if (!input_more(z)) {
		inflate_fail(z, "truncated");
		return;
	}
	if (n > z->stored)
		n = z->stored;
	if (n > z->in_end - z->in_at)
		n = z->in_end - z->in_at;
	memcpy(z->window + z->made, z->in + z->in_at, n);
	z->in_at += n;
	z->made += n;
	z->stored -= n;
}

/*
 * Length and distance of a match, RFC 1951 3.2.5. Both alphabets grow by a
 * bit every few symbols, so their bases are computed rather than tabled.
 */
static void match_read(struct inflate *z, unsigned sym)
{
	unsigned extra, d;

	sym -= 257;
	if (sym < 8) {
		z->match = 3 + sym;
	} else if (sym < 28) {
		extra = (sym >> 2) - 1;
		z->match = 3 + ((4 + (sym & 3)) << extra) + bits_take(z, extra);
	} else {
		z->match = 258;
	}
	d = code_take(z, &z->dist);
	if (d < 4) {
		z->distance = 1 + d;
	} else if (d < 30) {
		extra = (d >> 1) - 1;
		z->distance = 1 + ((2 + (d & 1)) << extra) + bits_take(z, extra);
	}
	/* symbols 286, 287 and distances 30, 31 have codes but no meaning */
	if (sym > 28 || d > 29 || (z->distance > z->made && !z->full))
		inflate_fail(z, "corrupt deflate data");
}

static void match_copy(struct inflate *z)
{
	unsigned n = INFLATE_WINDOW - z->made;
	unsigned from = z->made - z->distance;	/* wraps, the mask undoes it */

	if (n > z->match)
		n = z->match;
	z->match -= n;
	while (n--)
		z->window[z->made++] = z->window[from++ & (INFLATE_WINDOW - 1)];
}

static void codes_run(struct inflate *z)
{
	unsigned sym;

	while (z->made < INFLATE_WINDOW && !z->error) {
		if (z->match) {
			match_copy(z);
			continue;
		}
		sym = code_take(z, &z->literal);
		if (sym < 256) {
			z->window[z->made++] = (uint8_t)sym;
		} else if (sym > 256) {
			match_read(z, sym);
		} else {
			block_end(z);
			return;
		}
	}
}

/* Decode into the window, all of which has been handed out. */
static void block_run(struct inflate *z)
{
	unsigned n;

	if (z->made == INFLATE_WINDOW) {
		z->made = z->sent = 0;
		z->full = 1;
	}
	if (z->state == STATE_STORED)
		stored_run(z);
	else
		codes_run(z);
	n = z->made - z->sent;
	z->crc = crc_update(z->crc, z->window + z->sent, n);
	z->size += n;
}

static long plain_read(struct inflate *z, uint8_t *buf, unsigned long len)
{
	unsigned long n;

	if (z->bits) {		/* what part_find() looked at */
		*buf = (uint8_t)bits_take(z, 8);
		return 1;
	}
	if (!input_more(z)) {
		z->state = STATE_END;
		return z->error ? -1 : 0;
	}
	n = z->in_end - z->in_at;
	if (n > len)
		n = len;
	memcpy(buf, z->in + z->in_at, n);
	z->in_at += (unsigned)n;
	return (long)n;
}

void inflate_init(struct inflate *z, byte_source *read, void *ctx)
{
	/* the tables and buffers behind are written before they are read */
	memset(z, 0, offsetof(struct inflate, literal));
	z->read = read;
	z->ctx = ctx;
	z->state = STATE_START;
}

void inflate_part(struct inflate *z)
{
	if (z->state <= STATE_PLAIN)
		z->state = STATE_GAP;
}

long inflate_read(struct inflate *z, void *buf, unsigned long len)
{
	unsigned long n;

	while (len && !z->error) {
		n = z->made - z->sent;
		if (n) {
			n = n < len ? n : len;
			memcpy(buf, z->window + z->sent, n);
			z->sent += (unsigned)n;
			return (long)n;
		}
		if (z->state == STATE_END)
			return 0;
		if (z->state == STATE_PLAIN)
			return plain_read(z, buf, len);
		if (z->state <= STATE_GAP)
			part_find(z);
		else if (z->state == STATE_BLOCK)
			block_read(z);
		else if (z->state == STATE_TRAILER)
			trailer_read(z);
		else
			block_run(z);
	}
	return z->error ? -1 : 0;
}
