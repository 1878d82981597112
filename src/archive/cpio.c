/*
 * cpio.c - newc cpio entries out of a stream of bytes.
 *
 * For: walking an archive once from front to back, handing out headers and
 * data. The format is that of linux
 * Documentation/driver-api/early-userspace/buffer-format.rst.
 * Never: makes a system call, allocates, or lets a length from the archive
 * size anything that was not bounded first.
 */
#include "archive/cpio.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"

#define HEADER_SIZE	110	/* magic and 13 fields, bytes */
#define MAGIC_SIZE	6
#define DIGITS		8	/* of a field, hexadecimal */

#define MODE_TYPE	0170000u	/* <sys/stat.h> need not agree, cpio does */
#define MODE_REGULAR	0100000u

/* The fields in the order of the header. */
enum field {
	FIELD_INO, FIELD_MODE, FIELD_UID, FIELD_GID, FIELD_NLINK, FIELD_MTIME,
	FIELD_SIZE, FIELD_DEV_MAJOR, FIELD_DEV_MINOR, FIELD_RDEV_MAJOR,
	FIELD_RDEV_MINOR, FIELD_NAME_SIZE, FIELD_CHECK, FIELDS
};

/* Nothing goes on after an error, so there is only ever one. */
static int cpio_fail(struct cpio *c, const char *why)
{
	c->error = why;
	return -1;
}

/* Some of the stream into buf; its end is an error here. */
static long stream_read(struct cpio *c, void *buf, unsigned long len)
{
	long n = inflate_read(&c->in, buf, len);

	if (n < 0)
		return cpio_fail(c, c->in.error);
	if (!n && len)
		return cpio_fail(c, PACKED("truncated archive"));
	return n;
}

/* All len bytes of the stream into buf. Returns 0 or -1. */
static int stream_take(struct cpio *c, char *buf, unsigned long len)
{
	long n;

	while (len) {
		n = stream_read(c, buf, len);
		if (n < 0)
			return -1;
		buf += n;
		len -= (unsigned long)n;
	}
	return 0;
}

/* Up to three bytes that bring a length to a multiple of four. */
static int pad_take(struct cpio *c, unsigned pad)
{
	char scrap[4];

	return stream_take(c, scrap, pad);
}

/*
 * Pass the zeros before an archive; its first byte goes to *first. Returns 1,
 * or 0 if nothing else comes.
 */
static int archive_find(struct cpio *c, char *first)
{
	long n;

	inflate_part(&c->in);
	do
		n = inflate_read(&c->in, first, 1);
	while (n > 0 && !*first);
	if (n < 0)
		return cpio_fail(c, c->in.error);
	if (!n && !c->archives)
		return cpio_fail(c, PACKED("empty archive"));
	return (int)n;
}

/* Exactly eight hexadecimal digits at p, no sign or space. Returns 0 or -1. */
static int field_parse(const char *p, uint32_t *v)
{
	unsigned i, d;

	*v = 0;
	for (i = 0; i < DIGITS; i++) {
		d = (unsigned char)p[i];
		if (d - '0' < 10)
			d -= '0';
		else if ((d | 0x20) - 'a' < 6)
			d = (d | 0x20) - 'a' + 10;
		else
			return -1;
		*v = *v << 4 | d;
	}
	return 0;
}

static int header_parse(struct cpio *c, const char *head, uint32_t *field)
{
	size_t i;

	if (memcmp(head, "07070", MAGIC_SIZE - 1) != 0 ||
	    (head[MAGIC_SIZE - 1] != '1' && head[MAGIC_SIZE - 1] != '2'))
		return cpio_fail(c, PACKED("not a newc cpio archive"));
	for (i = 0; i < FIELDS; i++)
		if (field_parse(head + MAGIC_SIZE + i * DIGITS, &field[i]) < 0)
			return cpio_fail(c, PACKED("bad number in archive"));
	c->left = field[FIELD_SIZE];
	c->pad = -field[FIELD_SIZE] & 3;
	c->sum = 0;
	c->want = field[FIELD_CHECK];
	c->summed = head[MAGIC_SIZE - 1] == '2' &&
		(field[FIELD_MODE] & MODE_TYPE) == MODE_REGULAR;
	return 0;
}

/* The name and the padding after it. Returns 0 or -1. */
static int name_take(struct cpio *c, char *name, uint32_t size)
{
	if (size < 1 || size > CPIO_NAME_MAX)
		return cpio_fail(c, PACKED("bad name in archive"));
	if (stream_take(c, name, size) < 0)
		return -1;
	if (memchr(name, 0, size) != name + size - 1)
		return cpio_fail(c, PACKED("bad name in archive"));
	return pad_take(c, -(HEADER_SIZE + size) & 3);
}

static void entry_fill(struct cpio_entry *e, const uint32_t *field)
{
	e->mode = field[FIELD_MODE];
	e->uid = field[FIELD_UID];
	e->gid = field[FIELD_GID];
	e->nlink = field[FIELD_NLINK];
	e->mtime = field[FIELD_MTIME];
	e->ino = field[FIELD_INO];
	e->dev_major = field[FIELD_DEV_MAJOR];
	e->dev_minor = field[FIELD_DEV_MINOR];
	e->rdev_major = field[FIELD_RDEV_MAJOR];
	e->rdev_minor = field[FIELD_RDEV_MINOR];
	e->size = field[FIELD_SIZE];
}

void cpio_init(struct cpio *c, byte_source *read, void *ctx)
{
	memset(c, 0, offsetof(struct cpio, in));
	c->outside = 1;
	inflate_init(&c->in, read, ctx);
}

int cpio_next(struct cpio *c, struct cpio_entry *e)
{
	uint32_t field[FIELDS];
	char head[HEADER_SIZE];
	unsigned got;
	int n;

	for (;;) {
		/* e is about to be filled, until then it is scratch space */
		while (c->left && !c->error)
			cpio_read(c, e->name, sizeof(e->name));
		if (c->error || pad_take(c, c->pad) < 0)
			return -1;
		c->pad = 0;
		got = c->outside;
		if (got) {
			n = archive_find(c, head);
			if (n <= 0)
				return n;
		}
		if (stream_take(c, head + got, HEADER_SIZE - got) < 0 ||
		    header_parse(c, head, field) < 0 ||
		    name_take(c, e->name, field[FIELD_NAME_SIZE]) < 0)
			return -1;
		c->outside = strcmp(e->name, "TRAILER!!!") == 0;
		if (!c->outside)
			break;
		c->archives = 1;
	}
	entry_fill(e, field);
	return 1;
}

long cpio_read(struct cpio *c, void *buf, unsigned long len)
{
	const unsigned char *p = buf;
	long n, i;

	if (c->error)
		return -1;
	n = stream_read(c, buf, len < c->left ? len : c->left);
	if (n <= 0)
		return n;
	c->left -= (unsigned long)n;
	if (c->summed) {
		for (i = 0; i < n; i++)
			c->sum += p[i];
		if (!c->left && c->sum != c->want)
			return cpio_fail(c, PACKED("checksum differs"));
	}
	return n;
}
