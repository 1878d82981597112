/*
 * test_base.c - tests of src/base: arena, text buffer, findings, strict readers.
 *
 * For: both sides of every boundary, and what libc's own readers would let through.
 * Never: needs a file or the kernel.
 */
#include "base/arena.h"
#include "base/err.h"
#include "base/out.h"
#include "base/parse.h"
#include "base/signals.h"
#include "base/words.h"
#include "test.h"

#include <signal.h>

static char memory[65536] __attribute__((aligned(16)));
static struct arena arena;

static void arena_space(void)
{
	enum { ALIGN = 2 * sizeof(void *) };
	char *p, *q;

	memset(memory, 0xa5, sizeof memory);
	arena_init(&arena, memory, 256);
	p = arena_alloc(&arena, 1);
	CHECK(p == memory && *p == 0 && p[1] == (char)0xa5);
	q = arena_alloc(&arena, 3);
	CHECK(q == memory + ALIGN && !q[0] && !q[1] && !q[2] && q[3] == (char)0xa5);
	CHECK(arena.used == ALIGN + 3);
	/* To the last byte, and not one more. */
	CHECK(!arena_alloc(&arena, 256 - 2 * ALIGN + 1));
	CHECK(!arena_alloc(&arena, (size_t)-1));
	CHECK(!arena_alloc(&arena, (size_t)-1 - 2 * ALIGN));
	CHECK(arena.used == ALIGN + 3);
	CHECK(arena_alloc(&arena, 256 - 2 * ALIGN));
	CHECK(arena.used == 256);
	CHECK(!arena_alloc(&arena, 1));
	CHECK(!arena_text(&arena, "", 0));
}

static void arena_texts(void)
{
	char *p;

	memset(memory, 0xa5, sizeof memory);
	arena_init(&arena, memory, 8);
	p = arena_text(&arena, "abcdef", 3);
	CHECK_STR(p, "abc");
	CHECK(arena.used == 4);
	CHECK(!arena_text(&arena, "abcd", 4));
	CHECK(!arena_text(&arena, "abcd", (size_t)-1));
	p = arena_text(&arena, "xyz", 3);
	CHECK_STR(p, "xyz");
	CHECK(arena.used == 8 && memory[8] == (char)0xa5);
	/* Zeroed, though the memory was used before. */
	arena_init(&arena, memory, 8);
	p = arena_alloc(&arena, 8);
	CHECK(p && !memcmp(p, "\0\0\0\0\0\0\0\0", 8));
}

static void out_cut(void)
{
	char text[9] = "........";
	struct out o;

	out_init(&o, text, 6);
	CHECK_STR(o.text, "");
	out_put(&o, "abc");
	CHECK(!o.lost && o.used == 3);
	out_put(&o, "de");
	CHECK_STR(o.text, "abcde");
	CHECK(!o.lost && o.used == 5);
	out_put(&o, "");
	CHECK(!o.lost);
	out_put(&o, "f");
	CHECK_STR(o.text, "abcde");
	CHECK(o.lost && o.used == 5 && text[6] == '.');
	out_init(&o, text, 6);
	CHECK(!o.lost && !o.used);
	out_printf(&o, "%d-%s", 12, "ab");
	CHECK_STR(o.text, "12-ab");
	CHECK(!o.lost && o.used == 5);
	out_printf(&o, "%s", "x");
	CHECK_STR(o.text, "12-ab");
	CHECK(o.lost && o.used == 5 && text[6] == '.');
	out_init(&o, text, 6);
	out_put(&o, "abcdefgh");
	CHECK_STR(o.text, "abcde");
	CHECK(o.lost);
}

static const char *word_of(const char *text)
{
	static char to[100];
	struct out o;

	out_init(&o, to, sizeof to);
	out_word(&o, text);
	return to;
}

static const char *json_of(const char *text)
{
	static char to[100];
	struct out o;

	out_init(&o, to, sizeof to);
	out_json(&o, text);
	return to;
}

static void out_words(void)
{
	CHECK_STR(word_of("abc"), "abc");
	CHECK_STR(word_of(""), "\"\"");
	CHECK_STR(word_of("a b"), "\"a b\"");
	CHECK_STR(word_of("a\tb"), "\"a\tb\"");
	CHECK_STR(word_of("#a"), "\"#a\"");
	CHECK_STR(json_of(""), "\"\"");
	CHECK_STR(json_of("a\"b\\c"), "\"a\\\"b\\\\c\"");
	CHECK_STR(json_of("\n\x1f \x7f\xc3\xa4"), "\"\\u000a\\u001f \x7f\xc3\xa4\"");
	/* The first and the last of each length, and what is next to them. */
	CHECK_STR(json_of("\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"),
		  "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"");
	CHECK_STR(json_of("\x80\xc1\xbf\xc3"), "\"????\"");
	CHECK_STR(json_of("\xe0\x9f\xbf"), "\"???\"");
	CHECK_STR(json_of("\xed\xa0\x80"), "\"???\"");
	CHECK_STR(json_of("\xed\xbf\xbf"), "\"???\"");
	CHECK_STR(json_of("\xf0\x8f\xbf\xbf"), "\"????\"");
	CHECK_STR(json_of("\xf4\x90\x80\x80"), "\"????\"");
	CHECK_STR(json_of("\xf5\x80\x80\x80\xff"), "\"?????\"");
	CHECK_STR(json_of("a\xe2\x82z\xf0\x9f\x98"), "\"a??z???\"");
}

static void errors(void)
{
	char text[300];
	struct err e;

	CHECK(err_set(&e, 2, "%s %d", "abc", 7) == -1);
	CHECK(e.code == 2 && e.step == -1);
	CHECK_STR(e.text, "abc 7");
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	err_set(&e, 0, "%s", text);
	CHECK(strlen(e.text) == sizeof e.text - 1);
}

static void findings(void)
{
	struct origin at = {.file = 2, .key = 3, .line = 4};
	struct diag *i;
	struct diags d;
	unsigned n = 0;

	arena_init(&arena, memory, sizeof memory);
	diags_init(&d, &arena);
	CHECK(!d.first && !d.count);
	for (n = 0; n < 201; n++)
		diags_add(&d, at, n, "number %u", n);
	CHECK(d.count == 201);
	for (n = 0, i = d.first; i; i = i->next, n++)
		CHECK(i->column == n && i->at.file == 2 && i->at.key == 3 && i->at.line == 4);
	CHECK(n == 200);
	CHECK_STR(d.first->next->text, "number 1");
	/* Without room they are counted all the same. */
	arena_init(&arena, memory, 10);
	diags_init(&d, &arena);
	diags_add(&d, at, 0, "x");
	CHECK(d.count == 1 && !d.first);
	/* Room for the finding, none for its text: it must not be listed without one. */
	arena_init(&arena, memory, sizeof(struct diag));
	diags_init(&d, &arena);
	diags_add(&d, at, 0, "x");
	CHECK(d.count == 1 && !d.first);
}

enum { UNTOUCHED = 4711 };

/* What parse_number makes of text, or UNTOUCHED when it refuses and leaves *to alone. */
static uint64_t number(const char *text, uint64_t min, uint64_t max)
{
	uint64_t to = UNTOUCHED;
	int result = parse_number(text, min, max, &to);

	CHECK(result == 0 || result == -1);
	CHECK(result == 0 || to == UNTOUCHED);
	return to;
}

static int64_t integer(const char *text, int64_t min, int64_t max)
{
	int64_t to = UNTOUCHED;
	int result = parse_integer(text, min, max, &to);

	CHECK(result == 0 || to == UNTOUCHED);
	return to;
}

/* What no reader of numbers takes, in whatever range. */
static const char *const junk[] = {
	"", " ", " 1", "1 ", "+1", "01", "00", "-0", "--1", "0x0", "0x1", "1e3", "1.0", "1,", "a",
	"1a", "\t1", "1\n", "\xff", "18446744073709551616", "99999999999999999999999",
	"-99999999999999999999999", "1_000", "1'000", "NaN", "inf", "0b1", "-", "+", "1-", "-+1",
	"\xd9\xa1",	/* an Arabic digit one */
};
enum { JUNK = sizeof junk / sizeof *junk };

static void numbers(void)
{
	for (unsigned i = 0; i < JUNK; i++)
		CHECK(number(junk[i], 0, UINT64_MAX) == UNTOUCHED);
	CHECK(number("-1", 0, UINT64_MAX) == UNTOUCHED);
	CHECK(number("0", 0, UINT64_MAX) == 0);
	CHECK(number("0", 1, UINT64_MAX) == UNTOUCHED);
	CHECK(number("1", 1, 1) == 1);
	CHECK(number("2", 1, 1) == UNTOUCHED);
	CHECK(number("10", 0, 100) == 10);
	CHECK(number("18446744073709551615", 0, UINT64_MAX) == UINT64_MAX);
	CHECK(number("18446744073709551616", 0, UINT64_MAX) == UNTOUCHED);
	CHECK(number("18446744073709551620", 0, UINT64_MAX) == UNTOUCHED);
	CHECK(number("4294967295", 0, UINT32_MAX) == UINT32_MAX);
	CHECK(number("4294967295", 0, UINT32_MAX - 1ull) == UNTOUCHED);
	CHECK(number("4294967296", 0, UINT32_MAX) == UNTOUCHED);
	CHECK(number("4294967294", 0, UINT32_MAX - 1ull) == UINT32_MAX - 1ull);
	/* Every digit against every small limit. */
	for (uint64_t max = 0; max < 12; max++)
		for (uint64_t n = 0; n < 30; n++) {
			char text[8];

			snprintf(text, sizeof text, "%u", (unsigned)n);
			CHECK(number(text, 0, max) == (n <= max ? n : UNTOUCHED));
		}
}

static void integers(void)
{
	for (unsigned i = 0; i < JUNK; i++)
		CHECK(integer(junk[i], INT64_MIN, INT64_MAX) == UNTOUCHED);
	CHECK(integer("9223372036854775807", INT64_MIN, INT64_MAX) == INT64_MAX);
	CHECK(integer("9223372036854775808", INT64_MIN, INT64_MAX) == UNTOUCHED);
	CHECK(integer("-9223372036854775808", INT64_MIN, INT64_MAX) == INT64_MIN);
	CHECK(integer("-9223372036854775809", INT64_MIN, INT64_MAX) == UNTOUCHED);
	CHECK(integer("-1", INT64_MIN, INT64_MAX) == -1);
	CHECK(integer("-1", 0, INT64_MAX) == UNTOUCHED);
	CHECK(integer("0", -5, 5) == 0);
	CHECK(integer("0", 1, 5) == UNTOUCHED);
	CHECK(integer("0", -5, -1) == UNTOUCHED);
	for (int min = -11; min < 5; min++)
		for (int max = min; max < 12; max++)
			for (int n = -25; n < 25; n++) {
				char text[8];

				snprintf(text, sizeof text, "%d", n);
				CHECK(integer(text, min, max) == (n >= min && n <= max ? n : UNTOUCHED));
			}
}

static uint32_t mode(const char *text)
{
	uint32_t to = UNTOUCHED;

	CHECK(parse_mode(text, &to) == 0 || to == UNTOUCHED);
	return to;
}

static void modes(void)
{
	static const char *const bad[] = {
		"", "8", "789", "0x0", "-1", "+7", " 7", "7 ", "10000", "17777", "777777", "u+x", "0o7",
		"4294967295", "7.", "\xff",
	};

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(mode(bad[i]) == UNTOUCHED);
	CHECK(mode("0") == 0);
	CHECK(mode("7") == 7);
	CHECK(mode("022") == 022);
	CHECK(mode("755") == 0755);
	CHECK(mode("7777") == 07777);
	CHECK(mode("07777") == 07777);
}

static uint64_t size(const char *text)
{
	uint64_t to = UNTOUCHED;

	CHECK(parse_size(text, &to) == 0 || to == UNTOUCHED);
	return to;
}

static void sizes(void)
{
	static const char *const bad[] = {
		"k", "1kb", "1K ", " 1k", "1 k", "-1k", "+1k", "01k", "00k", "1kk", "1t", "1.5m", "0x1k",
		"9223372036854775808", "9007199254740992k", "8796093022208m", "8589934592g",
		"18446744073709551617g", "-1",
	};

	for (unsigned i = 0; i < JUNK; i++)
		CHECK(size(junk[i]) == UNTOUCHED);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(size(bad[i]) == UNTOUCHED);
	CHECK(size("0") == 0);
	CHECK(size("0k") == 0);
	CHECK(size("1") == 1);
	CHECK(size("3k") == 3072);
	CHECK(size("3K") == 3072);
	CHECK(size("5m") == 5ull << 20);
	CHECK(size("5M") == 5ull << 20);
	CHECK(size("7g") == 7ull << 30);
	CHECK(size("7G") == 7ull << 30);
	CHECK(size("9223372036854775807") == INT64_MAX);
	CHECK(size("9007199254740991k") == 9007199254740991ull << 10);
	CHECK(size("8589934591g") == 8589934591ull << 30);
}

static uint64_t time_of(const char *text)
{
	uint64_t to = UNTOUCHED;

	CHECK(parse_time(text, &to) == 0 || to == UNTOUCHED);
	return to;
}

static void times(void)
{
	static const char *const bad[] = {
		"s", "1sec", "1 s", "-1s", "+1s", "01s", "1S", "1M", "1ms ", "1us", "1w", "1.5s", "1h30m",
		"9223372036854775808ms", "9223372036854775807", "9223372036854776", "153722867280913m",
		"-1", "0x1s",
	};

	for (unsigned i = 0; i < JUNK; i++)
		CHECK(time_of(junk[i]) == UNTOUCHED);
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(time_of(bad[i]) == UNTOUCHED);
	CHECK(time_of("0") == 0);
	CHECK(time_of("2") == 2000);
	CHECK(time_of("2s") == 2000);
	CHECK(time_of("2ms") == 2);
	CHECK(time_of("2m") == 120000);
	CHECK(time_of("2h") == 7200000);
	CHECK(time_of("2d") == 172800000);
	CHECK(time_of("9223372036854775807ms") == INT64_MAX);
	CHECK(time_of("9223372036854775s") == 9223372036854775000ull);
}

static int set_is(const char *text, unsigned bits, const char *want)
{
	unsigned char mask[16];
	char got[129] = "";

	memset(mask, 0xff, sizeof mask);
	if (parse_set(text, mask, bits))
		return !want;
	for (unsigned i = 0; i < bits; i++)
		got[i] = mask[i / 8] & 1u << i % 8 ? '1' : '0';
	got[bits] = '\0';
	return want && !strcmp(got, want);
}

static void sets(void)
{
	static const char *const bad[] = {
		"", ",", "0,", ",0", "0,,1", "0-", "-0", "-", "0-1-2", "2-1", " 0", "0 ", "0, 1", "8", "0-8",
		"7,8", "a", "0a", "0x0", "+0", "4294967296", "18446744073709551616", "0;1", "9", "99",
	};

	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(set_is(bad[i], 8, NULL));
	CHECK(set_is("0", 8, "10000000"));
	CHECK(set_is("7", 8, "00000001"));
	CHECK(set_is("0-7", 8, "11111111"));
	CHECK(set_is("3-3", 8, "00010000"));
	CHECK(set_is("0-1,5", 8, "11000100"));
	CHECK(set_is("5,0-1,1-2", 8, "11100100"));
	CHECK(set_is("0,9", 10, "1000000001"));
	CHECK(set_is("10", 10, NULL));
	CHECK(set_is("0", 1, "1"));
	CHECK(set_is("1", 1, NULL));
	CHECK(set_is("5", 3, NULL));
}

static void paths(void)
{
	static const char absolute[] = "must be an absolute path", dot[] = "must not contain .",
		dots[] = "must not contain ..", empty[] = "has an empty part: write each / once, none at the end",
		part[] = "has a part longer than 255 bytes", length[] = "is longer than 4095 bytes";
	char text[5000];

	CHECK_STR(path_wrong("/"), NULL);
	CHECK_STR(path_wrong("/a"), NULL);
	CHECK_STR(path_wrong("/a/b.c/..d/e../.f/..."), NULL);
	CHECK_STR(path_wrong("/ a b"), NULL);
	CHECK_STR(path_wrong(""), absolute);
	CHECK_STR(path_wrong("a"), absolute);
	CHECK_STR(path_wrong("./a"), absolute);
	CHECK_STR(path_wrong("../a"), absolute);
	CHECK_STR(path_wrong(" /a"), absolute);
	CHECK_STR(path_wrong("//"), empty);
	CHECK_STR(path_wrong("//a"), empty);
	CHECK_STR(path_wrong("/a/"), empty);
	CHECK_STR(path_wrong("/a//b"), empty);
	CHECK_STR(path_wrong("/."), dot);
	CHECK_STR(path_wrong("/./a"), dot);
	CHECK_STR(path_wrong("/a/."), dot);
	CHECK_STR(path_wrong("/.."), dots);
	CHECK_STR(path_wrong("/../a"), dots);
	CHECK_STR(path_wrong("/a/../b"), dots);
	CHECK_STR(path_wrong("/a/.."), dots);
	memset(text, 'a', sizeof text);
	text[0] = '/';
	text[256] = '\0';
	CHECK_STR(path_wrong(text), NULL);
	text[256] = 'a';
	text[257] = '\0';
	CHECK_STR(path_wrong(text), part);
	for (unsigned i = 0; i < 4095; i += 200)
		text[i] = '/';
	text[256] = text[257] = 'a';
	text[4095] = '\0';
	CHECK_STR(path_wrong(text), NULL);
	text[4095] = 'a';
	text[4096] = '\0';
	CHECK_STR(path_wrong(text), length);
}

static void names(void)
{
	static const char *const good[] = { "a", "A", "0", "_", "a.b", "a-b", "_a", "web-1.2_x" };
	static const char *const bad[] = {
		"", ".", "..", "-", "-a", ".a", "a/b", "/", "a b", " a", "a ", "a\n", "a:b", "\xc3\xa4", "a*", "~",
	};
	char text[66];

	for (unsigned i = 0; i < sizeof good / sizeof *good; i++)
		CHECK(name_ok(good[i]));
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
		CHECK(!name_ok(bad[i]));
	memset(text, 'a', sizeof text);
	text[64] = '\0';
	CHECK(name_ok(text));
	text[64] = 'a';
	text[65] = '\0';
	CHECK(!name_ok(text));
}

static void nearest(void)
{
	static const char *const from[] = { "bind", NULL, "tmpfs", "propagation", "hostname", "uidmap", "gidmap" };
	static const char long_word[] = "abcdefghijklmnopqrstuvwxyzabcdefg";
	const char *longer[] = { long_word };
	enum { N = 7 };

	CHECK(name_find("bind", from, N) == 0);
	CHECK(name_find("tmpfs", from, N) == 2);
	CHECK(name_find("tmpf", from, N) == -1);
	CHECK(name_find("", from, N) == -1);
	CHECK(name_find("gidmap", from, N - 1) == -1);
	CHECK_STR(name_nearest("bind", from, N), "bind");
	CHECK_STR(name_nearest("bnid", from, N), "bind");	/* swapped: one edit */
	CHECK_STR(name_nearest("bin", from, N), "bind");
	CHECK_STR(name_nearest("binds", from, N), "bind");
	CHECK_STR(name_nearest("bond", from, N), "bind");
	CHECK_STR(name_nearest("bo", from, N), NULL);
	CHECK_STR(name_nearest("fs", from, N), NULL);
	CHECK_STR(name_nearest("propogatoin", from, N), "propagation");
	CHECK_STR(name_nearest("host-name", from, N), "hostname");
	CHECK_STR(name_nearest("idmap", from, N), "uidmap");	/* the first of two */
	CHECK_STR(name_nearest("gdimap", from, N), "gidmap");
	/* A word of three letters keeps its first one, unless the rest is right. */
	CHECK_STR(name_nearest("bnd", from, N), "bind");
	CHECK_STR(name_nearest("bud", from, N), "bind");
	CHECK_STR(name_nearest("nid", from, N), NULL);
	CHECK_STR(name_nearest("ns.bind", from, N), "bind");
	CHECK_STR(name_nearest("ns.", from, N), NULL);
	CHECK_STR(name_nearest("bind-mount", from, N), "bind");
	CHECK_STR(name_nearest("", from, N), NULL);
	CHECK_STR(name_nearest("zzzzzz", from, N), NULL);
	CHECK_STR(name_nearest(long_word, from, N), NULL);
	/* Too long to measure. */
	CHECK_STR(name_nearest(long_word + 1, longer, 1), NULL);
	CHECK_STR(name_nearest("bind", from, 0), NULL);
}

static void hints(void)
{
	static const char *const from[] = { "bind", NULL, "rlimit." };
	char hint[HINT_ROOM];

	CHECK_STR(name_hint(hint, "bnid", from, 3), ", did you mean bind?");
	CHECK_STR(name_hint(hint, "rlimit", from, 3), ", did you mean rlimit.NAME?");
	CHECK_STR(name_hint(hint, "bind,x", from, 3), ": words have blanks between them, no commas");
	CHECK_STR(name_hint(hint, "zzzzzz", from, 3), "");
}

static unsigned column;

static const char *split(struct words *w, const char *value)
{
	arena_init(&arena, memory, sizeof memory);
	column = 77;
	return words_split(w, value, &arena, &column);
}

static void words_cut(void)
{
	struct words w;

	CHECK_STR(split(&w, ""), NULL);
	CHECK(w.n == 0 && !w.word[0]);
	CHECK_STR(split(&w, " \t "), NULL);
	CHECK(w.n == 0);
	CHECK_STR(split(&w, "a \t bc  "), NULL);
	CHECK(w.n == 2 && !w.word[2] && w.column[0] == 1 && w.column[1] == 5);
	CHECK_STR(w.word[0], "a");
	CHECK_STR(w.word[1], "bc");
	CHECK_STR(split(&w, "\"a  b\" c\"d e\"f \"\" \"\"\"\" g=\"h i\""), NULL);
	CHECK(w.n == 5);
	CHECK_STR(w.word[0], "a  b");
	CHECK_STR(w.word[1], "cd ef");
	CHECK_STR(w.word[2], "");
	CHECK_STR(w.word[3], "");
	CHECK_STR(w.word[4], "g=h i");
	CHECK(w.column[1] == 8);
	/* No other magic. */
	CHECK_STR(split(&w, "a\\ b 'c d' $e #f"), NULL);
	CHECK(w.n == 6);
	CHECK_STR(w.word[0], "a\\");
	CHECK_STR(w.word[2], "'c");
	CHECK_STR(w.word[5], "#f");
	CHECK_STR(split(&w, "a \"b c"), "a double quote has no end");
	CHECK(column == 3);
	CHECK_STR(split(&w, "\""), "a double quote has no end");
	CHECK(column == 1);
	CHECK_STR(split(&w, "ab c\"d\"\"e"), "a double quote has no end");
	CHECK(column == 4);
}

/* With every size of memory from none on: refused or whole, never beyond. */
static void words_room(void)
{
	struct words w;
	unsigned refused = 0;

	for (size_t size = 0; size < 200; size++) {
		memset(memory, 0xa5, sizeof memory);
		arena_init(&arena, memory, size);
		if (words_split(&w, "one two \"three four\"", &arena, &column)) {
			refused++;
		} else {
			CHECK(w.n == 3 && !w.word[3]);
			CHECK_STR(w.word[2], "three four");
		}
		CHECK(memory[size] == (char)0xa5);
	}
	CHECK(refused > 0 && refused < 199);
}

static void addresses(void)
{
	static const char *const wrong[] = {
		"", "1", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "1.2.3.-4",
		" 1.2.3.4", "1.2.3.4 ", ".1.2.3", "1..2.3", "a.b.c.d", ":", ":::", "1:", ":1", "1::2::3",
		"::1:", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8",
		"12345::", "g::", "::1.2.3.4", "[::1]", "::1%lo",
	};
	unsigned char to[16];

	memset(to, 0xa5, sizeof to);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		if (parse_address(wrong[i], to) != -1 || to[0] != 0xa5)
			CHECK_STR(wrong[i], "refused");
	CHECK(parse_address("0.10.200.255", to) == 4 && !memcmp(to, "\0\12\310\377\245", 5));
	CHECK(parse_address("::", to) == 16 && !memcmp(to, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16));
	CHECK(parse_address("::1", to) == 16 && to[14] == 0 && to[15] == 1);
	CHECK(parse_address("fE80::", to) == 16 && to[0] == 0xfe && to[1] == 0x80 && !to[2] && !to[15]);
	CHECK(parse_address("1:2::7:89ab", to) == 16 && !memcmp(to, "\0\1\0\2\0\0\0\0\0\0\0\0\0\7\211\253", 16));
	CHECK(parse_address("1:2:3:4:5:6:7:8", to) == 16 && !memcmp(to, "\0\1\0\2\0\3\0\4\0\5\0\6\0\7\0\10", 16));
	CHECK(parse_address("1:2:3:4:5:6:7::", to) == 16 && to[13] == 7 && !to[15]);
}

static void signals(void)
{
	CHECK(signal_number("TERM") == SIGTERM && signal_number("SIGTERM") == SIGTERM);
	CHECK(signal_number("USR1") == SIGUSR1 && signal_number("SIGWINCH") == SIGWINCH);
	CHECK(signal_number("1") == 1 && signal_number("64") == 64);
	CHECK(!signal_number("0") && !signal_number("65") && !signal_number("") && !signal_number("SIG"));
	CHECK(signal_number("hup") == SIGHUP && signal_number("SigHup") == SIGHUP && !signal_number("hu"));
	CHECK(!signal_number("sig") && !signal_number("SIGSIGTERM") && !signal_number("TERM ") && !signal_number("-1"));
	CHECK_STR(signal_name(SIGKILL), "KILL");
	CHECK_STR(signal_name(SIGVTALRM), "VTALRM");
	CHECK(!signal_name(0) && !signal_name(-1) && !signal_name(64) && !signal_name(1000));
	for (int i = 1; i <= SIGNALS; i++)
		if (signal_name(i))
			CHECK(signal_number(signal_name(i)) == i);
}

int main(void)
{
	TEST(arena_space);
	TEST(arena_texts);
	TEST(out_cut);
	TEST(out_words);
	TEST(errors);
	TEST(findings);
	TEST(numbers);
	TEST(integers);
	TEST(modes);
	TEST(sizes);
	TEST(times);
	TEST(sets);
	TEST(paths);
	TEST(names);
	TEST(nearest);
	TEST(hints);
	TEST(words_cut);
	TEST(words_room);
	TEST(addresses);
	TEST(signals);
	return test_end();
}
