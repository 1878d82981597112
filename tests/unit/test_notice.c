/*
 * test_notice.c - tests of what the supervisor is told: datagrams of sd_notify, mount
 * points out of a stream, and paths against a pattern.
 *
 * For: what payloads and the kernel say, what they never should, and every cut.
 * Never: a socket, the real mount table.
 */
#include "base/glob.h"
#include "mounts/points.h"
#include "service/state.h"
#include "test.h"

static struct notice n;

static void read_text(const char *text)
{
	memset(&n, 0xa5, sizeof n);
	notice_read(&n, text, strlen(text));
}

static int is_empty(void)
{
	static const struct notice none;

	return !memcmp(&n, &none, sizeof n);
}

static void words(void)
{
	read_text("READY=1");
	CHECK(n.ready && !n.stopping && !n.watchdog && !n.extend_usec && !*n.status);
	read_text("STOPPING=1\nRELOADING=1\n");
	CHECK(!n.ready && n.stopping && n.reloading);
	read_text("WATCHDOG=1\n");
	CHECK(n.watchdog && !n.trigger_watchdog);
	read_text("WATCHDOG=trigger");
	CHECK(!n.watchdog && n.trigger_watchdog);
	read_text("X=1\n\nSTATUS=fine\nREADY=1\nMAINPID=17\n");
	CHECK(n.ready && n.mainpid);
	CHECK_STR(n.status, "fine");
	notice_read(&n, "READY=1", 8);
	CHECK(n.ready);
	notice_read(&n, "READY=1\0\0WATCHDOG=1\n\0", 21);
	CHECK(n.ready && n.watchdog);
}

static void none(void)
{
	static const char *const texts[] = {
		"", "\n", "\n\n\n", "READY", "READY=", "READY=0", "READY=11", "READY=1 ", " READY=1",
		"ready=1", "XREADY=1", "READY=1\r", "WATCHDOG=2", "WATCHDOG=", "WATCHDOG=triggers",
		"STATUS=", "STATUS", "MAINPID", "BARRIER=1", "FDSTORE=1\nFDNAME=x",
		"EXTEND_TIMEOUT_USEC=", "WATCHDOG_USEC=x",
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		read_text(texts[i]);
		if (!is_empty())
			printf("# %s\n", texts[i]);
		CHECK(is_empty());
	}
}

static void numbers(void)
{
	static const struct {
		const char *text;
		uint64_t value;
	} rows[] = {
		{"1", 1}, {"0", 0}, {"5000000", 5000000}, {"18446744073709551615", UINT64_MAX},
		{"18446744073709551616", 0}, {"-1", 0}, {"+1", 0}, {" 1", 0}, {"1 ", 0}, {"01", 0},
		{"1s", 0}, {"0x10", 0}, {"1\r", 0}, {"999999999999999999999999999999999", 0},
		{"11111111111111111111111", 0},
	};
	char text[80];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		sprintf(text, "EXTEND_TIMEOUT_USEC=%s\n", rows[i].text);
		read_text(text);
		CHECK(n.extend_usec == rows[i].value && !n.watchdog_usec);
		sprintf(text, "WATCHDOG_USEC=%s", rows[i].text);
		read_text(text);
		CHECK(n.watchdog_usec == rows[i].value && !n.extend_usec);
	}
	notice_read(&n, "EXTEND_TIMEOUT_USEC=5\0" "7", 23);
	CHECK(n.extend_usec == 5);
}

static void status(void)
{
	char text[200] = "STATUS=";

	read_text("STATUS=a\tb\x1b[2Jc\x7f" "d\xc3\xa4");
	CHECK_STR(n.status, "a?b?[2Jc?d??");
	memset(text + 7, 'x', 190);
	read_text(text);
	CHECK(strlen(n.status) == sizeof n.status - 1);
	read_text("STATUS=one\nSTATUS=two");
	CHECK_STR(n.status, "two");
	notice_read(&n, "STATUS=a\0b", 10);
	CHECK_STR(n.status, "a");
}

static void garbage(void)
{
	static char all[65536];
	static const char whole[] = "READY=1\nSTATUS=x\nEXTEND_TIMEOUT_USEC=12\nWATCHDOG=trigger\n";
	uint32_t seed = 1;

	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < sizeof all; i++) {
			seed = seed * 1664525u + 1013904223u;
			all[i] = round % 5 ? whole[(seed >> 24) % sizeof whole] : (char)(seed >> 24);
		}
		notice_read(&n, all, sizeof all);
		CHECK(memchr(n.status, 0, sizeof n.status) != NULL);
	}
	memset(all, '=', sizeof all);
	memcpy(all, "STATUS=", 7);
	notice_read(&n, all, sizeof all);
	CHECK(strlen(n.status) == sizeof n.status - 1);
	for (size_t cut = 0; cut <= sizeof whole; cut++) {
		memcpy(all, whole, cut);
		notice_read(&n, all, cut);
		CHECK(n.ready == (cut >= 7) && n.trigger_watchdog == (cut >= sizeof whole - 2));
	}
}

static char points[512];

static void seen(void *ctx, const char *point)
{
	(void)ctx;
	if (strlen(points) + strlen(point) + 2 < sizeof points)
		strcat(strcat(points, point), "|");
}

static void mount_points(void)
{
	static const char table[] =
		"36 35 98:0 / / rw,noatime master:1 - ext3 /dev/root rw\n"
		"37 36 0:5 /a\\040b /mnt\\040x\\134y rw shared:1 - tmpfs t rw\n"
		"38 36 0:5 / /p rw - tmpfs  rw\n"
		"39 36 0:5 / /not-complete";
	struct points p;

	for (size_t step = 1; step < sizeof table; step++) {
		memset(&p, 0, sizeof p);
		*points = '\0';
		for (size_t at = 0; at < sizeof table - 1; at += step)
			points_take(&p, table + at, sizeof table - 1 - at < step ? sizeof table - 1 - at : step,
				    seen, NULL);
		CHECK_STR(points, "/|/mnt x\\y|/p|");
	}
	memset(&p, 0, sizeof p);
	*points = '\0';
	points_take(&p, "1 2 3 4 /", 9, seen, NULL);
	for (int i = 0; i < 10000; i++)
		points_take(&p, "long", 4, seen, NULL);
	points_take(&p, " rw\n5 6 7 8 /z ", 15, seen, NULL);
	CHECK_STR(points, "/z|");
}

static void globs(void)
{
	static const struct {
		const char *glob, *path;
		int hit;
	} rows[] = {
		{"/media/*", "/media/usb", 1}, {"/media/*", "/media/", 1}, {"/media/*", "/media", 0},
		{"/media/*", "/media/usb/x", 0}, {"/media/*/x", "/media/usb/x", 1},
		{"/*/*", "/a/b", 1}, {"/*/*", "/a/b/c", 0}, {"*", "/", 0}, {"/", "/", 1}, {"/*", "/", 1},
		{"/a*b*c", "/aXbXbXc", 1}, {"/a*b*c", "/aXbX/c", 0}, {"/a*/b", "/ax/c/b", 0},
		{"/a**", "/a", 1}, {"/mnt?", "/mnt1", 1}, {"/mnt?x", "/mnt/x", 0}, {"/mnt?", "/mnt", 0},
		{"/[abc]", "/b", 1}, {"/[abc]", "/d", 0}, {"/[a-c]x", "/bx", 1}, {"/[!a-c]", "/b", 0},
		{"/[!a-c]", "/d", 1}, {"/[^a-c]", "/b", 0}, {"/[^a-c]", "/d", 1}, {"/a[!x]b", "/a/b", 0}, {"/a[/]b", "/a/b", 0}, {"/[]]", "/]", 1},
		{"/[a-]", "/-", 1}, {"/[", "/[", 1}, {"/[a", "/[a", 1}, {"/[a", "/a", 0}, {"/[!", "/[!", 1},
		{"/\\*", "/*", 1}, {"/\\*", "/x", 0}, {"/x\\", "/x\\", 1}, {"", "/", 0}, {"/a", "", 0},
		{"/\xc3*", "/\xc3\xa4", 1}, {"/.*", "/.x", 1}, {"/*", "/.x", 1},
		{"/*a*a*a*a*a*a*a*b", "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (glob_matches(rows[i].glob, rows[i].path) != rows[i].hit)
			printf("# %s %s\n", rows[i].glob, rows[i].path);
		CHECK(glob_matches(rows[i].glob, rows[i].path) == rows[i].hit);
	}
}

int main(void)
{
	TEST(words);
	TEST(none);
	TEST(numbers);
	TEST(status);
	TEST(garbage);
	TEST(mount_points);
	TEST(globs);
	return test_end();
}
