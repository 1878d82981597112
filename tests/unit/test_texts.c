/* Profiles as one text: what goes in comes out, and of anything else nothing is believed. */
#include <stdlib.h>

#include "service/texts.h"
#include "test.h"

enum { ROOM = 4096 };

/* On the heap, to the byte: a sanitizer sees who reads behind it. */
static struct text_archive room(size_t size)
{
	return (struct text_archive){malloc(size), size, 0};
}

static struct text_archive sample(size_t size)
{
	struct text_archive t = room(size);

	CHECK(!texts_add(&t, ENTRY_MACHINE, "init.conf", "boot.lo=yes\n", 12, NULL) &&
	      !texts_add(&t, ENTRY_SERVICE, "a b.conf", "# one\nexec=/bin/a\n \t# two", 25, NULL) &&
	      !texts_add(&t, ENTRY_INCLUDE, "", "x\0y", 3, NULL) &&
	      !texts_add(&t, ENTRY_FINDINGS, "", "it is wrong", 11, NULL) && !texts_end(&t));
	return t;
}

static void round_trip(void)
{
	struct text_archive t = sample(ROOM), copy;
	struct entry e;
	size_t at = 0;

	CHECK(texts_next(&t, &at, &e) == 1 && e.kind == ENTRY_MACHINE);
	CHECK_STR(e.name, "init.conf");
	CHECK_STR(e.text, "boot.lo=yes\n");
	/* Comments go, their lines stay. */
	CHECK(texts_next(&t, &at, &e) == 1 && e.kind == ENTRY_SERVICE && e.length == 14);
	CHECK_STR(e.name, "a b.conf");
	CHECK_STR(e.text, "\nexec=/bin/a\n\n");
	/* Any byte may be in it. */
	CHECK(texts_next(&t, &at, &e) == 1 && e.kind == ENTRY_INCLUDE && e.length == 3 && !memcmp(e.text, "x\0y", 4));
	CHECK(texts_next(&t, &at, &e) == 1 && e.kind == ENTRY_FINDINGS);
	CHECK(texts_next(&t, &at, &e) == 0 && at == t.used);
	/* Somewhere else it is the same, whatever lies behind it. */
	copy = (struct text_archive){t.base, t.size, 0};
	CHECK(!texts_check(&copy) && copy.used == t.used);
	copy.size = t.used;
	CHECK(!texts_check(&copy) && copy.used == t.used);
	free(t.base);
}

static void no_room(void)
{
	struct text_archive whole = sample(ROOM), t;

	/* To the byte, and one byte less. */
	t = sample(whole.used);
	CHECK(t.used == t.size);
	free(t.base);
	for (size_t size = 0; size < whole.used; size++) {
		t = room(size);
		CHECK(texts_add(&t, ENTRY_MACHINE, "init.conf", "boot.lo=yes\n", 12, NULL) ||
		      texts_add(&t, ENTRY_SERVICE, "a b.conf", "# one\nexec=/bin/a\n \t# two", 25, NULL) ||
		      texts_add(&t, ENTRY_INCLUDE, "", "x\0y", 3, NULL) ||
		      texts_add(&t, ENTRY_FINDINGS, "", "it is wrong", 11, NULL) || texts_end(&t));
		CHECK(t.used <= size);
		free(t.base);
	}
	free(whole.base);
}

static void truncated(void)
{
	struct text_archive whole = sample(ROOM);

	for (size_t size = 0; size < whole.used; size++) {
		struct text_archive t = room(size);

		memcpy(t.base, whole.base, size);
		CHECK(texts_check(&t) == -1);
		free(t.base);
	}
	free(whole.base);
}

static void flipped(void)
{
	struct text_archive t = sample(ROOM);

	for (size_t i = 0; i < 8 * t.used; i++) {
		struct text_archive copy = {t.base, t.used, 0};

		t.base[i / 8] ^= (char)(1 << i % 8);
		CHECK(texts_check(&copy) == -1);
		t.base[i / 8] ^= (char)(1 << i % 8);
	}
	free(t.base);
}

static void garbage(void)
{
	static const char *const bad[] = {
		"", "x", "service", "service ", "service 0000000", "service 00000001 ", "service 00000001 a",
		"service 99999999 a", "service 0000000a a", "service -0000001 a", "end 00000000 ", "end 00000000 0",
		"end 00000000 811c9dc50", "services 00000000 a", " end 00000000 811c9dc5",
	};
	unsigned seed = 1;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		for (int nul = 0; nul < 2; nul++) {
			size_t n = strlen(bad[i]) + (size_t)nul;
			struct text_archive t = room(n);

			memcpy(t.base, bad[i], n);
			CHECK(texts_check(&t) == -1);
			free(t.base);
		}
	for (int i = 0; i < 2000; i++) {
		struct text_archive t = room(64);

		memcpy(t.base, "service 00000009 a", 18);
		for (size_t k = i % 20; k < t.size; k++)
			t.base[k] = (char)((seed = seed * 1103515245u + 12345u) >> 16);
		CHECK(texts_check(&t) == -1);
		free(t.base);
	}
}

/* Nothing at all is an archive of nothing. */
static void empty(void)
{
	struct text_archive t = room(ROOM);

	CHECK(!texts_end(&t) && t.used == 23);
	CHECK_STR(t.base, "end 00000000 811c9dc5");
	CHECK(!texts_check(&t));
	free(t.base);
}

int main(void)
{
	TEST(round_trip);
	TEST(no_room);
	TEST(truncated);
	TEST(flipped);
	TEST(garbage);
	TEST(empty);
	return test_end();
}
