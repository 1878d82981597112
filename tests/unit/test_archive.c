/*
 * test_archive.c - tests of src/archive: gzip and newc cpio reading.
 *
 * For: known streams, every truncation and every flipped bit of small ones.
 * Never: needs a file, a library or a tool; inputs are built here or embedded.
 */
#include "archive/cpio.h"
#include "test.h"

#include <stdlib.h>

/* Bytes under construction, with a deflate bit writer. */
struct blob {
	unsigned char data[512 * 1024];
	unsigned long len;
	unsigned hold, bits;
};

/* A source over bytes, in steps of step (0: no limit); fails at fail_at. */
struct feed {
	const unsigned char *data;
	unsigned long len, at, step, fail_at;
	unsigned ends;		/* how often it was asked past its end */
};

static struct blob in, part, plain, out;
static struct inflate z;
static struct cpio c;
static struct cpio_entry e;

static long feed_read(void *ctx, void *buf, unsigned long len)
{
	struct feed *f = ctx;
	unsigned long n = f->len - f->at;

	if (f->fail_at && f->at >= f->fail_at)
		return -1;
	if (n > len)
		n = len;
	if (f->step && n > f->step)
		n = f->step;
	f->ends += !n;
	memcpy(buf, f->data + f->at, n);
	f->at += n;
	return (long)n;
}

static void put(struct blob *b, const void *p, unsigned long n)
{
	if (n > sizeof(b->data) - b->len)
		abort();
	memcpy(b->data + b->len, p, n);
	b->len += n;
}

static void put_byte(struct blob *b, unsigned v)
{
	unsigned char byte = (unsigned char)v;

	put(b, &byte, 1);
}

static void put_zeros(struct blob *b, unsigned n)
{
	while (n--)
		put_byte(b, 0);
}

static void put_hex(struct blob *b, const char *hex)
{
	unsigned v;

	for (; *hex; hex += 2) {
		if (sscanf(hex, "%2x", &v) != 1)
			abort();
		put_byte(b, v);
	}
}

/* n bits of v, lowest first; a field of RFC 1951. */
static void put_bits(struct blob *b, unsigned v, unsigned n)
{
	for (; n--; v >>= 1) {
		b->hold |= (v & 1) << b->bits;
		if (++b->bits < 8)
			continue;
		put_byte(b, b->hold);
		b->hold = b->bits = 0;
	}
}

/* n bits of v, highest first; a code of RFC 1951. */
static void put_code(struct blob *b, unsigned v, unsigned n)
{
	while (n--)
		put_bits(b, v >> n & 1, 1);
}

static void put_align(struct blob *b)
{
	while (b->bits)
		put_bits(b, 0, 1);
}

static void put_u32(struct blob *b, unsigned v)
{
	put_bits(b, v & 0xffff, 16);
	put_bits(b, v >> 16, 16);
}

/* CRC-32 bit by bit, so as not to share a mistake with the code tested. */
static unsigned crc_of(const unsigned char *p, unsigned long n)
{
	unsigned crc = ~0u, i;

	while (n--) {
		crc ^= *p++;
		for (i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static void put_header(struct blob *b, unsigned flags)
{
	static const char head[] = "\x1f\x8b\x08";

	put(b, head, 3);
	put_byte(b, flags);
	put(b, "\1\2\3\4\2\3", 6);
}

static void put_trailer(struct blob *b, const struct blob *from)
{
	put_align(b);
	put_u32(b, crc_of(from->data, from->len));
	put_u32(b, (unsigned)from->len);
}

static void put_stored(struct blob *b, const unsigned char *p, unsigned n, int final)
{
	put_bits(b, (unsigned)final, 3);
	put_align(b);
	put_bits(b, n, 16);
	put_bits(b, n ^ 0xffff, 16);
	put(b, p, n);
}

/* A whole member of stored blocks of at most step bytes. */
static void put_member(struct blob *b, const struct blob *from, unsigned step)
{
	unsigned long at = 0;
	unsigned n;

	put_header(b, 0);
	do {
		n = from->len - at < step ? (unsigned)(from->len - at) : step;
		put_stored(b, from->data + at, n, at + n == from->len);
		at += n;
	} while (at < from->len);
	put_trailer(b, from);
}

static void blob_clear(void)
{
	in.len = part.len = plain.len = out.len = 0;
	in.hold = in.bits = part.hold = part.bits = 0;
}

static void plain_random(unsigned long n)
{
	unsigned seed = 7;

	for (plain.len = 0; plain.len < n; ) {
		seed = seed * 1103515245u + 12345;
		put_byte(&plain, seed >> 16);
	}
}

/* Inflate len bytes of from into out. Returns the error or NULL. */
static const char *inflate_all(const struct blob *from, unsigned long len,
			       unsigned step, unsigned size)
{
	struct feed f = { from->data, len, 0, step, 0, 0 };
	unsigned char buf[70000];
	long n;

	out.len = 0;
	memset(&z, 0xa5, sizeof(z));
	inflate_init(&z, feed_read, &f);
	CHECK(inflate_read(&z, buf, 0) == 0);
	while ((n = inflate_read(&z, buf, size)) > 0)
		put(&out, buf, (unsigned long)n);
	CHECK((n < 0) == (z.error != NULL));
	CHECK(inflate_read(&z, buf, size) == n);
	CHECK(f.ends <= 1);
	return z.error;
}

static int same(const struct blob *a, const struct blob *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

/* in must unpack to plain, however it is cut up. */
static void inflate_good(void)
{
	static const unsigned size[] = { 1, 7, 4096, 70000 };
	unsigned i;

	for (i = 0; i < 4; i++) {
		CHECK_STR(inflate_all(&in, in.len, size[i], 70000), NULL);
		CHECK(same(&out, &plain));
		CHECK_STR(inflate_all(&in, in.len, 0, size[i]), NULL);
		CHECK(same(&out, &plain));
	}
}

static const char *inflate_error(void)
{
	return inflate_all(&in, in.len, 0, 70000);
}

/* Every proper prefix of the member in in is an error, save 0 and 1 bytes. */
static void inflate_truncations(void)
{
	unsigned long n;

	for (n = 0; n < 2; n++)
		CHECK_STR(inflate_all(&in, n, 0, 4096), NULL);
	for (; n < in.len; n++)
		CHECK_STR(inflate_all(&in, n, 0, 4096), "truncated");
}

/*
 * No single bit of the member in in can go wrong and change what comes out
 * unnoticed, save in the magic, which then is none.
 */
static void inflate_flips(void)
{
	unsigned long i;
	const char *error;

	for (i = 16; i < in.len * 8; i++) {
		in.data[i / 8] ^= (unsigned char)(1 << i % 8);
		error = inflate_error();
		CHECK(error || same(&out, &plain));
		in.data[i / 8] ^= (unsigned char)(1 << i % 8);
	}
}

static void passthrough(void)
{
	blob_clear();
	inflate_good();			/* nothing at all */
	put(&plain, "\x1f", 1);
	put(&in, "\x1f", 1);
	inflate_good();
	put(&plain, "\0\x1f\x8b\x08", 4);
	put(&in, "\0\x1f\x8b\x08", 4);
	inflate_good();
	plain_random(100000);
	plain.data[0] = plain.data[1] = 0;
	in.len = 0;
	put(&in, plain.data, plain.len);
	inflate_good();
}

static void read_error(void)
{
	struct feed f = { in.data, 0, 0, 1, 0, 0 };
	char buf[16];
	long n;

	blob_clear();
	put(&plain, "hello", 5);
	put_member(&in, &plain, 100);
	for (f.len = f.fail_at = 1; f.len < in.len; f.len++, f.fail_at++) {
		f.at = 0;
		inflate_init(&z, feed_read, &f);
		while ((n = inflate_read(&z, buf, sizeof(buf))) > 0)
			;
		CHECK(n == -1);
		CHECK_STR(z.error, "read error");
	}
}

static void stored(void)
{
	blob_clear();
	put_member(&in, &plain, 100);	/* an empty member */
	inflate_good();
	in.len = 0;
	plain_random(200000);
	put_member(&in, &plain, 65535);
	inflate_good();
	in.len = 0;
	plain_random(32768);
	put_member(&in, &plain, 100);
	inflate_good();
	in.len = 0;
	plain_random(40);
	put_member(&in, &plain, 30);
	inflate_good();
	inflate_truncations();
	inflate_flips();
	in.data[13] ^= 1;		/* the complement of the length */
	CHECK_STR(inflate_error(), "corrupt deflate data");
}

/* gzip -9n of these bytes: a block of fixed codes. */
static void fixed(void)
{
	blob_clear();
	put(&plain, "aaaaaaaaaaaaaaaaabc", 19);
	put_hex(&in, "1f8b08000000000002034b4c440349c9009820f27c13000000");
	inflate_good();
	inflate_truncations();
	inflate_flips();
}

/* A..N as often as Fibonacci's numbers, shuffled: codes of many lengths. */
static void plain_skewed(void)
{
	unsigned a = 1, b = 1, i, j, k, seed = 1;
	unsigned char v;

	for (k = 0; k < 14; k++) {
		for (i = 0; i < a; i++)
			put_byte(&plain, 'A' + k);
		i = a + b;
		a = b;
		b = i;
	}
	for (i = (unsigned)plain.len - 1; i > 0; i--) {
		seed = seed * 1103515245u + 12345;
		j = (seed >> 16) % (i + 1);
		v = plain.data[i];
		plain.data[i] = plain.data[j];
		plain.data[j] = v;
	}
}

/* gzip -9n of plain_skewed(). */
static const char skewed_hex[] =
	"1f8b08000000000002032d530b76c330083bdbb636311f71ffe34c127eed7312"
	"1b849070d7541f7462663005340e1f5dfe9e46554f4ee43c8d410d620f7a627e"
	"babb1a5c1b51da6ca6f5b34f4172053e0c3d29307c52fb8dacd239119d013f78"
	"96af3ff9d5fcf1787ec72f7ac7b73b4a1503caece812151e761636aae7407495"
	"25e6e41c3840aa35a297c921757a5cd9f9e4a360a7616bef2a5e14c652b041e9"
	"22ee8423de674ebdce624dac306f85e9e7e97e05162ff0f084d52826f3aaa831"
	"58aecb8d533aa14d84a0de421dfb3156b1e072af055293a98d513f8ca21dc8af"
	"b6559fb2a6b070c8d368f0c62883f5e3d8e75c6459c8aeaeb88d479221b7e8b6"
	"cf52ea74287d96297db586dd633cc7077fe6aad615a2e8657ad5137f290f6692"
	"6d6a881e897acdd738ac9e1786fa4819e96d1d092139a85a9cb951eddf72d50e"
	"69d20acf12335296ed3c707dd61e4d69c5dcc964d5dc313545a9ab29918c9667"
	"c7f3045684567b7527d1ccfade056ba714f793e2c0dba01ee608c6fc5a574bf6"
	"d3dda7efb5304505a48c70330afdc30b2536f65690deeb99115d1ae87a65a73d"
	"21fb675474723954a23ae31f122ad137da030000";

static void dynamic(void)
{
	blob_clear();
	plain_skewed();
	put_hex(&in, skewed_hex);
	inflate_good();
	inflate_truncations();
	inflate_flips();
}

/* gzip -9n of 100000 times x: matches across the end of the window. */
static void window_matches(void)
{
	blob_clear();
	memset(plain.data, 'x', plain.len = 100000);
	put_hex(&in,
		"1f8b0800000000000203edc13101000000c2a0da8b6f0d0fa000000000000000"
		"0000000000000000000000000000000000000000000000000000000000000000"
		"0000000000000000000000000000000000000000000000000000000000000000"
		"00000000000000000000000000000000000000000000000000805703711107fe"
		"a0860100");
	inflate_good();
	inflate_truncations();
}

/* n bytes as they are, then a match of 258 from distance 32768. */
static void put_far(unsigned n)
{
	unsigned i;

	blob_clear();
	plain_random(n);
	put_header(&in, 0);
	put_stored(&in, plain.data, n, 0);
	put_bits(&in, 3, 3);		/* final, fixed codes */
	put_code(&in, 0xc5, 8);		/* 285: 258 bytes */
	put_code(&in, 29, 5);
	put_bits(&in, 8191, 13);
	put_code(&in, 0, 7);
	for (i = 0; i < 258; i++)
		put_byte(&plain, plain.data[plain.len - 32768]);
	put_trailer(&in, &plain);
}

static void far_matches(void)
{
	put_far(32768);
	inflate_good();
	put_far(60000);
	inflate_good();
	put_far(32768);			/* a byte less than what it reaches for */
	part.len = plain.len = 0;
	plain_random(32767);
	in.len = 10;
	put_stored(&in, plain.data, 32767, 0);
	put_bits(&in, 3, 3);
	put_code(&in, 0xc5, 8);
	put_code(&in, 29, 5);
	put_bits(&in, 8191, 13);
	put_code(&in, 0, 7);
	put_trailer(&in, &plain);
	CHECK_STR(inflate_error(), "corrupt deflate data");
}

/* A member has no past: a match must not reach into the one before. */
static void match_before_member(void)
{
	blob_clear();
	plain_random(40000);
	put_member(&in, &plain, 40000);
	put_header(&in, 0);
	put_bits(&in, 3, 3);
	put_code(&in, 1, 7);		/* 257: 3 bytes */
	put_code(&in, 0, 5);		/* distance 1 */
	put_code(&in, 0, 7);
	put_trailer(&in, &plain);
	CHECK_STR(inflate_error(), "corrupt deflate data");
}

/* A fixed block of one code and its distance after one literal. */
static const char *odd_fixed(unsigned code, unsigned bits, unsigned dist)
{
	blob_clear();
	put_header(&in, 0);
	put_bits(&in, 3, 3);
	put_code(&in, 0x30, 8);
	put_code(&in, code, bits);
	put_code(&in, dist, 5);
	put_code(&in, 0, 7);
	put_trailer(&in, &plain);
	return inflate_error();
}

static void odd_symbols(void)
{
	CHECK_STR(odd_fixed(1, 7, 0), "checksum differs");	/* in order */
	CHECK_STR(odd_fixed(1, 7, 1), "corrupt deflate data");	/* too far */
	CHECK_STR(odd_fixed(1, 7, 30), "corrupt deflate data");
	CHECK_STR(odd_fixed(1, 7, 31), "corrupt deflate data");
	CHECK_STR(odd_fixed(0xc6, 8, 0), "corrupt deflate data");
	CHECK_STR(odd_fixed(0xc7, 8, 0), "corrupt deflate data");
}

/* Begin a dynamic block with lengths for the code length symbols 0..18. */
static void put_dynamic(unsigned literals, unsigned dists, const char *len)
{
	static const unsigned order[19] = {
		16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
	};
	unsigned i;

	blob_clear();
	put_header(&in, 0);
	put_bits(&in, 5, 3);
	put_bits(&in, literals - 257, 5);
	put_bits(&in, dists - 1, 5);
	put_bits(&in, 15, 4);
	for (i = 0; i < 19; i++)
		put_bits(&in, (unsigned)(len[order[i]] - '0'), 3);
}

static const char *dynamic_error(void)
{
	put_align(&in);
	put_zeros(&in, 16);
	return inflate_error();
}

static void bad_lengths(void)
{
	static const char bad[] = "corrupt deflate data";

	put_dynamic(257, 1, "1110000000000000000");	/* over-subscribed */
	CHECK_STR(dynamic_error(), bad);
	put_dynamic(257, 1, "1000000000000000000");	/* incomplete */
	CHECK_STR(dynamic_error(), bad);
	put_dynamic(257, 1, "0000000000000000000");	/* no codes */
	CHECK_STR(dynamic_error(), bad);
	put_dynamic(287, 1, "1100000000000000000");	/* too many literals */
	CHECK_STR(dynamic_error(), bad);
	put_dynamic(257, 31, "1100000000000000000");	/* too many distances */
	CHECK_STR(dynamic_error(), bad);
	put_dynamic(257, 1, "1000000000000000100");	/* repeat of nothing */
	put_code(&in, 1, 1);
	CHECK_STR(dynamic_error(), bad);
	put_dynamic(257, 1, "1000000000000000001");	/* repeat past the end */
	put_code(&in, 1, 1);
	put_bits(&in, 127, 7);
	put_code(&in, 1, 1);
	put_bits(&in, 127, 7);
	CHECK_STR(dynamic_error(), bad);
	put_dynamic(257, 1, "1100000000000000000");	/* all are 0: no 256 */
	put_zeros(&in, 40);
	CHECK_STR(dynamic_error(), bad);
	blob_clear();
	put_header(&in, 0);
	put_bits(&in, 7, 3);				/* block type 3 */
	CHECK_STR(dynamic_error(), bad);
}

/*
 * A dynamic block in which symbol 0 of the literals has a code of first bits
 * (0..2), symbol 256 one of second and the only distance one of dist bits.
 */
static void put_codes(unsigned first, unsigned second, unsigned dist)
{
	unsigned i;
	const unsigned v[] = { first, 3, 3, second, dist };

	put_dynamic(257, 1, "2220000000000000002");	/* 00 01 10 11 */
	for (i = 0; i < 5; i++) {
		put_code(&in, v[i], 2);
		if (i == 1 || i == 2)
			put_bits(&in, (i == 1 ? 138 : 117) - 11, 7);
	}
}

/* Literals 0..14 with codes of 1..15 bits: longer than any table. */
static void long_codes(void)
{
	unsigned i, v;

	put_dynamic(257, 1, "4444444444444445005");	/* 0..14: 4 bits, 15 and 18: 5 */
	for (i = 1; i <= 14; i++)
		put_code(&in, i, 4);
	put_code(&in, 30, 5);
	put_code(&in, 31, 5);
	put_bits(&in, 138 - 11, 7);
	put_code(&in, 31, 5);
	put_bits(&in, 103 - 11, 7);
	put_code(&in, 30, 5);
	put_code(&in, 0, 4);
	for (i = 0; i < 100; i++) {
		v = i * i % 15;
		if (i < 15)
			v = i;
		put_code(&in, (1u << (v + 1)) - 2, v + 1);
		put_byte(&plain, v);
	}
	put_code(&in, 0x7fff, 15);
	put_trailer(&in, &plain);
	inflate_good();
	inflate_truncations();
	inflate_flips();
}

static void odd_codes(void)
{
	put_codes(1, 2, 0);				/* 0, 256: 1 and 2 bits */
	CHECK_STR(dynamic_error(), "corrupt deflate data");
	put_codes(1, 1, 2);				/* one distance, of 2 bits */
	CHECK_STR(dynamic_error(), "corrupt deflate data");
	put_codes(1, 1, 0);				/* no distance is fine */
	put_code(&in, 0, 1);
	put_code(&in, 0, 1);
	put_code(&in, 1, 1);
	put_zeros(&plain, 2);
	put_trailer(&in, &plain);
	inflate_good();
	put_codes(0, 1, 1);				/* only 256, one distance */
	put_code(&in, 0, 1);
	put_trailer(&in, &plain);
	inflate_good();
	put_codes(0, 1, 1);				/* the string it lacks */
	put_code(&in, 1, 1);
	CHECK_STR(dynamic_error(), "corrupt deflate data");
}

static void header_fields(void)
{
	unsigned crc;

	blob_clear();
	put(&plain, "hello", 5);
	put_header(&in, 2 | 4 | 8 | 16 | 1);
	put(&in, "\5\0extra", 7);
	put(&in, "a name", 7);
	put(&in, "a comment", 10);
	crc = crc_of(in.data, in.len);
	put_bits(&in, crc & 0xffff, 16);
	put_stored(&in, plain.data, 5, 1);
	put_trailer(&in, &plain);
	inflate_good();
	inflate_truncations();
	inflate_flips();
	in.data[18] ^= 1;
	CHECK_STR(inflate_error(), "checksum differs");
	in.data[18] ^= 1;
	in.data[2] = 7;
	CHECK_STR(inflate_error(), "not a gzip stream");
	in.data[2] = 8;
	in.data[3] = 0x20;
	CHECK_STR(inflate_error(), "not a gzip stream");
	in.len = 0;
	put_header(&in, 8);		/* a name without end */
	memset(in.data + in.len, 'n', 200000);
	in.len += 200000;
	CHECK_STR(inflate_error(), "not a gzip stream");
}

static void trailer_fields(void)
{
	unsigned i;

	blob_clear();
	put(&plain, "hello", 5);
	put_member(&in, &plain, 100);
	for (i = 1; i <= 8; i++) {
		in.data[in.len - i] ^= 0x10;
		CHECK_STR(inflate_error(), "checksum differs");
		in.data[in.len - i] ^= 0x10;
	}
	inflate_good();
}

static void members(void)
{
	blob_clear();
	put(&plain, "hello", 5);
	put_member(&in, &plain, 100);
	put_zeros(&in, 5000);
	put_member(&in, &plain, 2);
	put_member(&in, &plain, 5);
	put(&plain, "hellohello", 10);
	put_zeros(&in, 3);
	inflate_good();
	put(&in, "\x1f plain \0 text", 15);
	put(&plain, "\x1f plain \0 text", 15);
	inflate_good();
	put_member(&in, &plain, 100);	/* in plain text: not looked for */
	put(&plain, in.data + in.len - (10 + 5 + 30 + 8), 10 + 5 + 30 + 8);
	CHECK(inflate_error() == NULL && out.len > 30);
	CHECK(memcmp(out.data, plain.data, 30) == 0);
}

static void part_again(void)
{
	struct feed f = { in.data, 0, 0, 0, 0, 0 };
	static const char want[] = "abchello";
	char byte;
	int i;

	blob_clear();
	put(&in, "abc\0\0\0", 6);
	put(&plain, "hello", 5);
	put_member(&in, &plain, 100);
	f.len = in.len;
	inflate_init(&z, feed_read, &f);
	for (i = 0; i < 8; i++) {
		if (i >= 3)		/* also inside a member: no effect */
			inflate_part(&z);
		CHECK(inflate_read(&z, &byte, 1) == 1 && byte == want[i]);
	}
	CHECK(inflate_read(&z, &byte, 1) == 0);
}

/* One entry into b; digits of the header by way of a format. */
static void put_entry(struct blob *b, const char *magic, const char *name,
		      unsigned mode, const char *data, unsigned size, unsigned check)
{
	unsigned name_size = (unsigned)strlen(name) + 1;
	char head[111];

	snprintf(head, sizeof(head), "%s%08X%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		 magic, 0xABCDEFu, mode, 1001u, 1002u, 2u, 0xfedcba98u, size,
		 8u, 1u, 5u, 6u, name_size, check);
	put(b, head, 110);
	put(b, name, name_size);
	put_zeros(b, -(110 + name_size) & 3);
	put(b, data, size);
	put_zeros(b, -size & 3);
}

static void put_end(struct blob *b)
{
	put_entry(b, "070701", "TRAILER!!!", 0, "", 0, 0);
}

/* An archive of four entries. */
static void put_archive(struct blob *b)
{
	put_entry(b, "070701", "dir", 040755, "", 0, 0);
	put_entry(b, "070701", "dir/file", 0100644, "hello", 5, 99);
	put_entry(b, "070702", "dir/sum", 0100644, "abc", 3, 'a' + 'b' + 'c');
	put_entry(b, "070702", "link", 0120777, "file", 4, 99);
	put_end(b);
}

/*
 * Walk len bytes of from, reading data in steps of size (0: not at all).
 * Returns the number of entries or -1 with c.error set; names and data go
 * to out.
 */
static int cpio_walk(const struct blob *from, unsigned long len, unsigned size)
{
	struct feed f = { from->data, len, 0, 0, 0, 0 };
	char buf[4096];
	int n = 0, more;
	long got = 0;

	out.len = 0;
	memset(&c, 0xa5, sizeof(c));
	cpio_init(&c, feed_read, &f);
	CHECK(cpio_read(&c, buf, 1) == 0);
	while ((more = cpio_next(&c, &e)) > 0) {
		n++;
		put(&out, e.name, strlen(e.name));
		while (size && (got = cpio_read(&c, buf, size)) > 0)
			put(&out, buf, (unsigned long)got);
		if (got < 0)
			CHECK(c.error != NULL);
	}
	CHECK((more < 0) == (c.error != NULL));
	CHECK(cpio_next(&c, &e) == more);
	CHECK(cpio_read(&c, buf, 1) == more);
	return more < 0 ? -1 : n;
}

static const char *cpio_error(void)
{
	return cpio_walk(&in, in.len, 0) < 0 ? c.error : NULL;
}

static void archive_good(int entries)
{
	static const char all[] = "dirdir/filehellodir/sumabclinkfile";
	int i;

	for (i = 1; i < 6; i++) {
		CHECK(cpio_walk(&in, in.len, (unsigned)i) == entries);
		CHECK_STR(c.error, NULL);
		CHECK(out.len == (unsigned long)entries / 4 * (sizeof(all) - 1));
		CHECK(memcmp(out.data, all, sizeof(all) - 1) == 0);
	}
	CHECK(cpio_walk(&in, in.len, 0) == entries);
}

static void cpio_fields(void)
{
	struct feed f = { in.data, 0, 0, 1, 0, 0 };
	char buf[8];

	blob_clear();
	put_archive(&in);
	f.len = in.len;
	cpio_init(&c, feed_read, &f);
	CHECK(cpio_next(&c, &e) == 1);
	CHECK_STR(e.name, "dir");
	CHECK(e.mode == 040755 && e.size == 0);
	CHECK(cpio_next(&c, &e) == 1);
	CHECK_STR(e.name, "dir/file");
	CHECK(e.ino == 0xabcdef && e.mode == 0100644 && e.uid == 1001);
	CHECK(e.gid == 1002 && e.nlink == 2 && e.mtime == 0xfedcba98);
	CHECK(e.size == 5 && e.dev_major == 8 && e.dev_minor == 1);
	CHECK(e.rdev_major == 5 && e.rdev_minor == 6);
	CHECK(cpio_read(&c, buf, 2) > 0);
	CHECK(cpio_next(&c, &e) == 1);	/* the rest is skipped */
	CHECK_STR(e.name, "dir/sum");
}

static void cpio_archives(void)
{
	int gz, i;

	for (gz = 0; gz < 8; gz++) {	/* every mix of three archives */
		blob_clear();
		put_archive(&plain);
		for (i = 0; i < 3; i++) {
			if (gz >> i & 1)
				put_member(&in, &plain, 1000);
			else
				put_archive(&in);
			archive_good(4 * (i + 1));
			put_zeros(&in, i ? 1 : 511);
			archive_good(4 * (i + 1));
		}
	}
	blob_clear();
	put_zeros(&plain, 8);		/* two archives in one member */
	put_archive(&plain);
	put_zeros(&plain, 512);
	put_archive(&plain);
	put_zeros(&in, 4);
	put_member(&in, &plain, 1000);
	archive_good(8);
}

static void cpio_magic(void)
{
	blob_clear();
	CHECK_STR(cpio_error(), "empty archive");
	put_zeros(&in, 512);
	CHECK_STR(cpio_error(), "empty archive");
	put_member(&in, &plain, 10);
	CHECK_STR(cpio_error(), "empty archive");
	put_archive(&in);
	CHECK_STR(cpio_error(), NULL);
	put(&in, "x", 1);
	CHECK_STR(cpio_error(), "truncated archive");
	in.len = 0;
	put_entry(&in, "070707", "a", 0, "", 0, 0);
	CHECK_STR(cpio_error(), "not a newc cpio archive");
	in.len = 0;
	put_entry(&in, "070700", "a", 0, "", 0, 0);
	CHECK_STR(cpio_error(), "not a newc cpio archive");
	in.len = 0;
	put_entry(&in, "070701", "a", 0, "", 0, 0);
	put_zeros(&in, 4);		/* padding has no place here */
	put_end(&in);
	CHECK_STR(cpio_error(), "not a newc cpio archive");
}

static void cpio_digits(void)
{
	static const char bad[] = " +-xXgG/:@`\0\x80";
	unsigned i, at;

	for (at = 6; at < 110; at += 5) {
		for (i = 0; i < sizeof(bad) - 1; i++) {
			blob_clear();
			put_archive(&in);
			in.data[at] = (unsigned char)bad[i];
			CHECK_STR(cpio_error(), "bad number in archive");
		}
	}
}

/* An archive of one entry whose name is of this many bytes with its NUL. */
static const char *name_error(unsigned size, int nul, int embedded)
{
	static char name[5000];

	blob_clear();
	memset(name, 'n', sizeof(name));
	name[size ? size - 1 : 0] = 0;
	put_entry(&in, "070701", name, 0, "", 0, 0);
	if (!size)
		memcpy(in.data + 94, "00000000", 8);
	if (!nul)
		in.data[110 + size - 1] = 'n';
	if (embedded)
		in.data[110 + size / 2] = 0;
	put_end(&in);
	return cpio_error();
}

static void cpio_names(void)
{
	CHECK_STR(name_error(4096, 1, 0), NULL);
	CHECK_STR(name_error(4095, 1, 0), NULL);
	CHECK_STR(name_error(1, 1, 0), NULL);
	CHECK_STR(name_error(4097, 1, 0), "bad name in archive");
	CHECK_STR(name_error(0, 1, 0), "bad name in archive");
	CHECK_STR(name_error(1, 0, 0), "bad name in archive");
	CHECK_STR(name_error(100, 0, 0), "bad name in archive");
	CHECK_STR(name_error(100, 1, 1), "bad name in archive");
	memcpy(in.data + 94, "ffffffff", 8);
	CHECK_STR(cpio_error(), "bad name in archive");
}

static void cpio_checksum(void)
{
	unsigned size;

	for (size = 0; size < 6; size++) {
		blob_clear();
		put_entry(&in, "070702", "sum", 0100644, "abc", 3, 'a' + 'b' + 'c' + 1);
		put_end(&in);
		CHECK(cpio_walk(&in, in.len, size) == -1);
		CHECK_STR(c.error, "checksum differs");
		CHECK(out.len < 6);	/* the last byte is not handed out */
	}
}

/* 4 GiB - 1 of data that is not there. */
static void cpio_huge(void)
{
	blob_clear();
	put_archive(&in);
	memcpy(in.data + 54, "ffffffff", 8);
	CHECK_STR(cpio_error(), "truncated archive");
	CHECK(cpio_walk(&in, in.len, 4096) == -1);
}

static void cpio_truncations(void)
{
	unsigned long n, first;

	blob_clear();
	put_archive(&in);
	first = in.len;
	put_zeros(&in, 8);
	put_archive(&plain);
	put_member(&in, &plain, 1000);
	CHECK_STR(cpio_error(), NULL);
	for (n = 0; n < in.len; n++) {
		if (n >= first && n <= first + 8)
			CHECK(cpio_walk(&in, n, 100) == 4);
		else
			CHECK(cpio_walk(&in, n, 100) == -1);
	}
}

static void cpio_flips(void)
{
	unsigned long i;
	int gz;

	for (gz = 0; gz < 2; gz++) {
		blob_clear();
		put_archive(&plain);
		if (gz)
			put_member(&in, &plain, 1000);
		else
			put_archive(&in);
		for (i = 0; i < in.len * 8; i++) {
			in.data[i / 8] ^= (unsigned char)(1 << i % 8);
			CHECK(cpio_walk(&in, in.len, 100) <= 4);
			in.data[i / 8] ^= (unsigned char)(1 << i % 8);
		}
	}
}

int main(void)
{
	TEST(passthrough);
	TEST(read_error);
	TEST(stored);
	TEST(fixed);
	TEST(dynamic);
	TEST(window_matches);
	TEST(far_matches);
	TEST(match_before_member);
	TEST(odd_symbols);
	TEST(bad_lengths);
	TEST(long_codes);
	TEST(odd_codes);
	TEST(header_fields);
	TEST(trailer_fields);
	TEST(members);
	TEST(part_again);
	TEST(cpio_fields);
	TEST(cpio_archives);
	TEST(cpio_magic);
	TEST(cpio_digits);
	TEST(cpio_names);
	TEST(cpio_checksum);
	TEST(cpio_huge);
	TEST(cpio_truncations);
	TEST(cpio_flips);
	return test_end();
}
