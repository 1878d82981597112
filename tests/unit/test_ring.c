/*
 * test_ring.c - tests of src/supervise/ring: what stays, what gives way, what readers see.
 *
 * For: the seam of the ring, late readers, the last lines, against a model that
 * remembers every byte.
 * Never: needs a file or the kernel.
 */
#include "supervise/ring.h"
#include "test.h"

enum { ROOM = 16384, ALL = 4 << 20 };

static char memory[ROOM + 1];
static char all[ALL], got[ALL];		/* every byte that was put; what a reader got */
static size_t put;
static struct ring ring;

static void start(size_t size)
{
	memset(memory, 0x55, sizeof memory);
	ring_init(&ring, memory, size);
	put = 0;
}

static void add(const char *text, size_t n)
{
	memcpy(all + put, text, n);
	put += n;
	ring_put(&ring, (int64_t)put, text, n);
}

/* All that can be read from `at` on, into `got`. */
static size_t read_from(uint64_t at, uint64_t *lost)
{
	char chunk[RING_CHUNK];
	size_t n, have = 0;
	int64_t time, before = 0;

	*lost = 0;
	while ((n = ring_get(&ring, &at, &time, chunk, lost))) {
		CHECK(time >= before && time <= (int64_t)put);
		CHECK(!memchr(chunk, '\n', n - 1));
		before = time;
		memcpy(got + have, chunk, n);
		have += n;
	}
	CHECK(at == ring.head);
	return have;
}

/* Where the last n lines of what is left start, as an offset into `all`. */
static size_t model_last(unsigned lines)
{
	size_t at = put;

	for (; at > ring.lost; at--)
		if (at < put && all[at - 1] == '\n' && !--lines)
			break;
	return at;
}

static void sizes(void)
{
	static const struct { size_t given, is; } want[] = {
		{0, 0}, {RING_MIN - 1, 0}, {RING_MIN, RING_MIN}, {RING_MIN + 1, RING_MIN},
		{8191, 4096}, {8192, 8192}, {16777216, 16777216}, {16777217, 16777216},
	};

	for (unsigned i = 0; i < sizeof want / sizeof *want; i++) {
		ring_init(&ring, memory, want[i].given);
		CHECK(ring.size == want[i].is && !ring.head && !ring.tail && !ring.lost);
	}
}

static void none(void)
{
	uint64_t lost;

	start(0);
	add("abc\n", 4);
	add("d", 1);
	CHECK(ring.lost == 5 && ring_last(&ring, 1) == 0);
	CHECK(read_from(0, &lost) == 0 && lost == 0);
	CHECK(memory[0] == 0x55);
}

static void few(void)
{
	uint64_t lost, at = 0;
	int64_t time = 0;
	char chunk[RING_CHUNK];

	start(RING_MIN);
	CHECK(ring_last(&ring, 5) == 0 && ring_get(&ring, &at, &time, chunk, &lost) == 0);
	ring_put(&ring, 1234567890123, "one\ntw", 6);
	ring_put(&ring, 1234567890124, "o\n\nthree", 8);
	lost = 0;
	CHECK(ring_get(&ring, &at, &time, chunk, &lost) == 4 && !memcmp(chunk, "one\n", 4));
	CHECK(time == 1234567890123 && lost == 0);
	CHECK(ring_get(&ring, &at, &time, chunk, &lost) == 2 && !memcmp(chunk, "tw", 2));
	CHECK(ring_get(&ring, &at, &time, chunk, &lost) == 2 && !memcmp(chunk, "o\n", 2));
	CHECK(time == 1234567890124);
	put = sizeof chunk;
	CHECK(ring_last(&ring, 0) == ring.head);
	at = ring_last(&ring, 1);
	CHECK(ring_get(&ring, &at, &time, chunk, &lost) == 5 && !memcmp(chunk, "three", 5));
	at = ring_last(&ring, 2);
	CHECK(ring_get(&ring, &at, &time, chunk, &lost) == 1 && chunk[0] == '\n');
	at = ring_last(&ring, 3);
	CHECK(ring_get(&ring, &at, &time, chunk, &lost) == 2 && !memcmp(chunk, "tw", 2));
	CHECK(ring_last(&ring, 4) == 0 && ring_last(&ring, 5) == 0 && ring_last(&ring, ~0u) == 0);
}

/* Only what is written is touched: the rest costs no memory. */
static void untouched(void)
{
	start(ROOM);
	add("abc\n", 4);
	for (size_t i = 12; i < sizeof memory; i++)
		CHECK(memory[i] == 0x55);
}

static void late(void)
{
	uint64_t lost, at = 0;
	char chunk[RING_CHUNK];
	int64_t time;

	start(RING_MIN);
	for (int i = 0; i < 1000; i++)
		add("12345678\n", 9);
	/* 17 bytes a chunk: 240 of them have room. */
	CHECK(ring.lost == 760 * 9 && ring.tail == 760 * 17 && ring.head == 17000);
	CHECK(read_from(at, &lost) == 240 * 9 && lost == 760 * 17);
	/* Positions of another ring do no harm, and come to an end. */
	for (uint64_t from = 0; from < 20000; from++) {
		for (at = from; ring_get(&ring, &at, &time, chunk, &lost);)
			;
		CHECK(at == (from < ring.head ? ring.head : from));
	}
}

static uint32_t seed = 1;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

/* Random texts of random sizes; after each, all that is left and the last lines. */
static void model(void)
{
	static const size_t room[] = {4096, 8192, 16384};
	static const uint32_t most[] = {3, 60, 500, 9000};
	char text[9000];

	for (unsigned i = 0; i < 12; i++) {
		uint64_t reader = 0, read = 0, lost;

		start(room[i % 3]);
		for (int turn = 0; turn < 400; turn++) {
			size_t n = any(most[i / 3] + 1), have;
			unsigned lines = any(20) + 1;
			uint64_t tail = ring.tail;

			for (size_t k = 0; k < n; k++)
				text[k] = any(i % 2 ? 40 : 600) ? (char)('a' + any(26)) : '\n';
			add(text, n);
			CHECK(ring.head - ring.tail <= ring.size && ring.tail >= tail);
			have = read_from(ring.tail, &lost);
			CHECK(have == put - ring.lost && !memcmp(got, all + ring.lost, have) && !lost);
			have = read_from(ring_last(&ring, lines), &lost);
			CHECK(have == put - model_last(lines) && !memcmp(got, all + put - have, have));
			if (any(4))
				continue;
			/* A reader now and then: it gets the end of all, and what it missed is told. */
			have = read_from(reader, &lost);
			CHECK(!memcmp(got, all + put - have, have) && !lost == (read + have == put));
			CHECK(lost >= put - read - have);
			reader = ring.head;
			read = put;
		}
		CHECK(memory[room[i % 3]] == 0x55);
	}
}

int main(void)
{
	TEST(sizes);
	TEST(none);
	TEST(few);
	TEST(untouched);
	TEST(late);
	TEST(model);
	return test_end();
}
