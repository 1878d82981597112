/*
 * inflate.h - a stream of bytes, unpacked if it is gzip (RFC 1951, RFC 1952).
 *
 * For: reading images that may or may not be compressed, from any source,
 * with a fixed amount of memory the caller owns.
 * Never: makes a system call, allocates, keeps global state, or trusts a
 * single byte of its input.
 */
#ifndef HUTCH_ARCHIVE_INFLATE_H
#define HUTCH_ARCHIVE_INFLATE_H

#include "archive/prefix.h"

#include <stdint.h>

#define INFLATE_WINDOW	32768	/* bytes; the farthest a match reaches, RFC 1951 2. */
#define INFLATE_INPUT	4096	/* bytes asked of the source at a time */

/*
 * Where the raw bytes come from. Puts at most len bytes into buf and returns
 * how many (1..len), 0 at the end, or -1 on a read error; errno stays the
 * source's own affair. It is not called again after it returned 0 or -1.
 */
typedef long byte_source(void *ctx, void *buf, unsigned long len);

/* About 40 KiB; owned by the caller, nothing to free. Only error is public. */
struct inflate {
	const char *error;	/* constant text once a call returned -1, else NULL */
	byte_source *read;
	void *ctx;
	unsigned state;
	unsigned final;		/* the present block is the member's last */
	unsigned match;		/* bytes of a match still to copy */
	unsigned distance;	/* how far back that match reaches, bytes */
	unsigned stored;	/* bytes left of a stored block */
	unsigned made, sent;	/* window bytes decoded and handed out */
	unsigned full;		/* the window has been filled once */
	uint32_t crc, size;	/* of this member's plain bytes, RFC 1952 2.3.1 */
	uint32_t hold;		/* bits taken from in, the next one lowest */
	unsigned bits;		/* how many of them */
	unsigned in_at, in_end;	/* bytes of in taken and present */
	unsigned ended;		/* the source has no more */
	struct prefix literal, dist;
	uint8_t in[INFLATE_INPUT];
	uint8_t window[INFLATE_WINDOW];
};

/* Prepare z to take bytes from read(ctx, ...); reads nothing yet. */
void inflate_init(struct inflate *z, byte_source *read, void *ctx);

/*
 * Put the next 1..len plain bytes into buf and return how many; fewer than
 * len is no sign of the end. Returns 0 at the end (or if len is 0) and -1 on
 * an error, for good, with z->error set.
 *
 * A stream that begins with 1f 8b is gzip, any other passes unchanged. After
 * a gzip member zero bytes are skipped, then another member or plain bytes
 * may follow. A member's checksum is compared after its last byte is handed
 * out: what was read is only known to be whole once 0 is returned.
 */
long inflate_read(struct inflate *z, void *buf, unsigned long len);

/*
 * Tell z that the reader stands between two parts of the stream: if plain
 * bytes are passing through, zeros are skipped and gzip is looked for again.
 * Without effect inside a gzip member. This is how an initramfs image is put
 * together (linux Documentation/driver-api/early-userspace/buffer-format.rst).
 */
void inflate_part(struct inflate *z);

#endif
