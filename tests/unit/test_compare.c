/*
 * test_compare.c - tests of src/plan/compare: wishes against a mount table.
 *
 * For: every propagation word on every state of its source against every state
 * that the kernel can show, from a table of its own.
 * Never: the real mount table.
 */
#include "base/uapi.h"
#include "plan/compare.h"
#include "test.h"

static char memory[1 << 16] __attribute__((aligned(16)));
static struct arena arena;
static struct plan plan;
static struct expect expect[8];
static struct note notes[8];
static struct mounts now, before;
static char now_text[4096], before_text[4096];
static char told[4096];		/* "PATH: text" lines; PATH is - for a mount that nobody asked for */
static int stop_after;

static int tell(void *ctx, const struct expect *e, const char *text)
{
	size_t n = strlen(told);

	CHECK(ctx == &plan);
	snprintf(told + n, sizeof told - n, "%s: %s\n", e ? e->path : "-", text);
	return stop_after && --stop_after == 0;
}

static void parse(struct mounts *to, char *buffer, const char *text)
{
	struct err e;

	strcpy(buffer, text);
	CHECK(mounts_parse(to, buffer, strlen(buffer), &arena, &e) == 0);
}

/* A new comparison: the sandbox's root, private and read-only, is wished for. */
static struct expect *begin(void)
{
	arena_init(&arena, memory, sizeof memory);
	memset(&plan, 0, sizeof plan);
	memset(expect, 0, sizeof expect);
	memset(notes, 0, sizeof notes);
	before.n = 0;
	plan.expect = expect;
	stop_after = 0;
	expect[0] = (struct expect){
		.path = "/", .prop = PROP_PRIVATE, .note = NO_SLOT, .attrs = MOUNT_ATTR_RDONLY_,
	};
	plan.nexpect = 1;
	return &expect[0];
}

static struct expect *wish(const char *path, uint8_t prop, int note)
{
	struct expect *e = &expect[plan.nexpect++];

	*e = (struct expect){ .path = path, .prop = prop, .note = note };
	return e;
}

static int compare(const char *table, const char *want)
{
	int n, lines = 0;

	parse(&now, now_text, table);
	told[0] = '\0';
	n = compare_mounts(&plan, &now, notes, before.n ? &before : NULL, tell, &plan);
	for (const char *p = told; *p; p++)
		lines += *p == '\n';
	CHECK(n == lines);
	if (want)
		CHECK_STR(told, want);
	return n;
}

#define ROOT "1 0 8:1 / / ro - ext4 /dev/a rw\n"

/* What the source was when it was cloned: in group 5, receiving from group 7. */
static const struct note sources[] = {
	{1, 0, 0}, {1, 5, 0}, {1, 0, 7}, {1, 5, 7},
};
enum { PRIVATE, SHARED, SLAVE, SLAVE_SHARED, SOURCES };

/* What the kernel may show for the mount in the sandbox. */
static const char *const shown[] = {
	"", "unbindable ", "shared:5 ", "shared:9 ", "master:5 ", "master:7 ", "master:8 ",
	"shared:9 master:5 ", "shared:9 master:7 ", "shared:5 master:7 ", "shared:9 master:8 ",
};
enum { STATES = sizeof shown / sizeof *shown };

/* Which of these are right: mount_namespaces(7), by hand. One column per state. */
static const struct {
	uint8_t prop;
	const char *right[SOURCES];
} rules[] = {
	/*                          -ubSs5789+7+ */
	{PROP_PRIVATE, {"x..........", "x..........", "x..........", "x.........."}},
	{PROP_UNBINDABLE, {".x.........", ".x.........", ".x.........", ".x........."}},
	/* Receives from the source's group; of a source that is only a slave, from its master. */
	{PROP_SLAVE, {"x..........", "....x......", ".....x.....", "....x......"}},
	/* In the source's group; of a slave, in a new group that receives what it receives. */
	{PROP_SHARED, {"..xx.......", "..x........", "........xx.", ".........x."}},
	/* As slave, and in a group that is not the source's. */
	{PROP_SLAVE_SHARED, {"..xx.......", ".......x...", "........xx.", ".......x..."}},
};

static void propagation(void)
{
	for (size_t r = 0; r < sizeof rules / sizeof *rules; r++)
		for (int s = 0; s < SOURCES; s++)
			for (int k = 0; k < STATES; k++) {
				char table[300], what[5000];
				int right;

				begin();
				wish("/a", rules[r].prop, 3);
				notes[3] = sources[s];
				snprintf(table, sizeof table, ROOT "2 1 8:1 /src /a ro %s- ext4 /dev/a rw\n", shown[k]);
				right = compare(table, NULL) == 0;
				if (right == (rules[r].right[s][k] == 'x'))
					continue;
				snprintf(what, sizeof what, "word %u, source shared:%u master:%u, shown %s: %s",
					 rules[r].prop, sources[s].shared, sources[s].master, shown[k], told);
				CHECK_STR(what, "");
			}
}

static void propagation_text(void)
{
	begin();
	wish("/a", PROP_SLAVE, 0);
	notes[0] = sources[SHARED];
	compare(ROOT "2 1 8:1 /s /a rw - ext4 x\n", "/a: /a should be slave of its source but is private\n");
	compare(ROOT "2 1 8:1 /s /a rw shared:5 - ext4 x\n", "/a: /a should be slave of its source but is shared (shared:5)\n");
	compare(ROOT "2 1 8:1 /s /a rw master:8 - ext4 x\n", "/a: /a should be slave of its source but is slave (master:8)\n");
	compare(ROOT "2 1 8:1 /s /a rw shared:9 master:5 - ext4 x\n",
		"/a: /a should be slave of its source but is slave+shared (shared:9 master:5)\n");
	expect[1].prop = PROP_SLAVE_SHARED;
	CHECK(compare(ROOT "2 1 8:1 /s /a rw shared:5 master:5 - ext4 x\n", NULL) == 1);
	expect[1].prop = PROP_PRIVATE;
	compare(ROOT "2 1 8:1 /s /a rw unbindable - ext4 x\n", "/a: /a should be private but is unbindable\n");
	expect[1].prop = PROP_SHARED;
	notes[0] = sources[PRIVATE];
	compare(ROOT "2 1 8:1 /s /a rw - ext4 x\n", "/a: /a should be shared but is private\n");
}

/* Nothing noted: the word's own half is checked, the relation cannot be. */
static void unknown_source(void)
{
	static const struct {
		uint8_t prop;
		const char *right;
	} rows[] = {
		{PROP_PRIVATE, "x.........."}, {PROP_UNBINDABLE, ".x........."},
		{PROP_SLAVE, "x...xxx...."}, {PROP_SHARED, "..xx...xxxx"},
		{PROP_SLAVE_SHARED, "..xx...xxxx"},
	};

	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
		for (int k = 0; k < STATES; k++) {
			char table[300];

			begin();
			wish("/a", rows[r].prop, NO_SLOT);
			snprintf(table, sizeof table, ROOT "2 1 8:1 /s /a ro %s- ext4 x\n", shown[k]);
			CHECK((compare(table, NULL) == 0) == (rows[r].right[k] == 'x'));
		}
}

/* Made by hutch: a master is nothing that it could have, whatever stands at its note. */
static void own_mounts(void)
{
	begin();
	wish("/a", PROP_SLAVE, 0)->own = 1;
	notes[0] = sources[SHARED];
	compare(ROOT "2 1 0:9 / /a rw - tmpfs x\n", "");
	compare(ROOT "2 1 0:9 / /a rw master:5 - tmpfs x\n", "/a: /a should be slave but is slave (master:5)\n");
	expect[1].prop = PROP_SHARED;
	compare(ROOT "2 1 0:9 / /a rw shared:5 - tmpfs x\n", "");
	CHECK(compare(ROOT "2 1 0:9 / /a rw shared:5 master:7 - tmpfs x\n", NULL) == 1);
}

static void attributes(void)
{
	static const char *const words[] = { "ro", "nosuid", "nodev", "noexec" };
	static const char *const long_words[] = { "read-only", "nosuid", "nodev", "noexec" };

	/* Each set that may be wished for against each that may be there. */
	for (uint32_t wished = 0; wished < 16; wished++)
		for (uint32_t there = 0; there < 16; there++) {
			char table[200], want[400] = "";

			begin();
			wish("/a", PROP_PRIVATE, NO_SLOT)->attrs = wished;
			strcpy(table, ROOT "2 1 8:1 /s /a relatime");
			for (int i = 0; i < 4; i++) {
				if (there & 1u << i)
					strcat(strcat(table, ","), words[i]);
				if (wished & ~there & 1u << i)
					strcat(strcat(strcat(want, "/a: /a is not "), long_words[i]), "\n");
			}
			compare(strcat(table, " - ext4 x\n"), want);
		}
	begin();
	compare("1 0 8:1 / / rw - ext4 x\n", "/: / is not read-only\n");
}

static void types(void)
{
	begin();
	wish("/a", PROP_PRIVATE, NO_SLOT)->type = "proc";
	compare(ROOT "2 1 0:5 / /a ro - proc x\n", "");
	compare(ROOT "2 1 0:5 / /a ro - tmpfs x\n", "/a: /a is tmpfs, not proc\n");
}

static void missing(void)
{
	begin();
	wish("/a", PROP_PRIVATE, NO_SLOT);
	compare(ROOT, "/a: /a is not mounted\n");
	compare(ROOT "2 1 8:1 /s /ab ro - ext4 x\n",
		"/a: /a is not mounted\n-: /ab (ext4) is mounted, and nobody asked for it\n");
	expect[1].optional = 1;
	compare(ROOT, "");
	/* Optional, but there: then it must be right. */
	compare(ROOT "2 1 8:1 /s /a ro shared:1 - ext4 x\n", "/a: /a should be private but is shared (shared:1)\n");
	begin();
	compare("", "/: / is not mounted\n");
}

static void unexpected(void)
{
	begin();
	compare(ROOT "2 1 0:9 / /x/y rw - tmpfs t\n", "-: /x/y (tmpfs) is mounted, and nobody asked for it\n");
	wish("/a", PROP_PRIVATE, NO_SLOT);
	compare(ROOT "2 1 8:1 /s /a rw - ext4 x\n3 2 0:9 / /a/b rw - tmpfs t\n",
		"-: /a/b (tmpfs) is mounted, and nobody asked for it\n");
}

/* What arrives later is what slave, shared and slave+shared are for; the rest is not. */
static void arrivals(void)
{
	static const struct {
		uint8_t prop;
		const char *state;
		int welcome;
	} rows[] = {
		{PROP_PRIVATE, "", 0}, {PROP_UNBINDABLE, "unbindable ", 0},
		{PROP_SLAVE, "master:5 ", 1}, {PROP_SHARED, "shared:5 ", 1},
		{PROP_SLAVE_SHARED, "shared:9 master:5 ", 1},
	};

	for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
		char table[400];

		begin();
		wish("/a", rows[r].prop, 0);
		notes[0] = sources[SHARED];
		snprintf(table, sizeof table,
			 ROOT "2 1 8:1 /s /a ro %s- ext4 x\n3 2 0:9 / /a/usb rw master:30 - vfat u\n", rows[r].state);
		CHECK((compare(table, NULL) == 0) == rows[r].welcome);
		/* Beside it, nothing is welcome. */
		snprintf(table, sizeof table,
			 ROOT "2 1 8:1 /s /a ro %s- ext4 x\n3 1 0:9 / /ab rw - vfat u\n", rows[r].state);
		CHECK(compare(table, NULL) == 1);
	}
	/* A mount of hutch's own has no source to receive from. */
	begin();
	wish("/a", PROP_SHARED, NO_SLOT)->own = 1;
	CHECK(compare(ROOT "2 1 0:8 / /a rw shared:1 - tmpfs x\n3 2 0:9 / /a/b rw - tmpfs y\n", NULL) == 1);
}

#define BEFORE "10 0 8:1 / / rw shared:5 - ext4 x\n11 10 0:7 / /s/sub rw shared:6 - vfat y\n"

/* Below a recursive bind, each mount is held against its own source. */
static void recursive(void)
{
	struct expect *e;

	begin();
	e = wish("/a", PROP_SLAVE, 0);
	e->rec = 1;
	e->attrs = MOUNT_ATTR_RDONLY_;
	notes[0] = sources[SHARED];
	parse(&before, before_text, BEFORE);
	compare(ROOT "2 1 8:1 /s /a ro master:5 - ext4 x\n3 2 0:7 / /a/sub ro master:6 - vfat y\n", "");
	compare(ROOT "2 1 8:1 /s /a ro master:5 - ext4 x\n3 2 0:7 / /a/sub rw master:6 - vfat y\n",
		"/a: /a/sub is not read-only\n");
	compare(ROOT "2 1 8:1 /s /a ro master:5 - ext4 x\n3 2 0:7 / /a/sub ro - vfat y\n",
		"/a: /a/sub should be slave of its source but is private\n");
	compare(ROOT "2 1 8:1 /s /a ro master:5 - ext4 x\n3 2 0:7 / /a/sub ro master:5 - vfat y\n",
		"/a: /a/sub should be slave of its source but is slave (master:5)\n");
	/* Not in the table of before: it arrived. */
	compare(ROOT "2 1 8:1 /s /a ro master:5 - ext4 x\n3 2 0:77 / /a/usb rw master:31 - vfat z\n", "");
	/* Mounted twice before: its group cannot be told, all else can. */
	parse(&before, before_text, BEFORE "12 10 0:7 / /t rw shared:8 - vfat y\n");
	compare(ROOT "2 1 8:1 /s /a ro master:5 - ext4 x\n3 2 0:7 / /a/sub ro master:8 - vfat y\n", "");
	compare(ROOT "2 1 8:1 /s /a ro master:5 - ext4 x\n3 2 0:7 / /a/sub ro master:6 - vfat y\n", "");
	/* Private and recursive: what comes along must be private, and nothing may arrive. */
	begin();
	e = wish("/a", PROP_PRIVATE, NO_SLOT);
	e->rec = 1;
	e->attrs = MOUNT_ATTR_RDONLY_;
	compare(ROOT "2 1 8:1 /s /a ro - ext4 x\n3 2 0:7 / /a/sub ro - vfat y\n", "");
	compare(ROOT "2 1 8:1 /s /a ro - ext4 x\n3 2 0:7 / /a/sub ro master:6 - vfat y\n",
		"/a: /a/sub should be private but is slave (master:6)\n");
	compare(ROOT "2 1 8:1 /s /a ro - ext4 x\n3 2 0:7 / /a/sub rw - vfat y\n", "/a: /a/sub is not read-only\n");
	/* The nearest wish above a mount is the one that counts. */
	wish("/a/sub", PROP_PRIVATE, NO_SLOT);
	compare(ROOT "2 1 8:1 /s /a ro - ext4 x\n3 2 0:7 / /a/sub rw - vfat y\n4 3 0:9 / /a/sub/x ro - vfat z\n",
		"-: /a/sub/x (vfat) is mounted, and nobody asked for it\n");
}

/* A later line at the same place or above hides an earlier one. */
static void covered(void)
{
	begin();
	wish("/a", PROP_PRIVATE, NO_SLOT)->type = "proc";
	wish("/a", PROP_PRIVATE, NO_SLOT)->type = "tmpfs";
	compare(ROOT "2 1 0:5 / /a ro - proc x\n3 2 0:9 / /a ro - tmpfs x\n", "");
	compare(ROOT "2 1 0:5 / /a ro - proc x\n", "/a: /a is proc, not tmpfs\n");
	begin();
	wish("/a/b", PROP_PRIVATE, NO_SLOT)->type = "proc";
	wish("/a", PROP_PRIVATE, NO_SLOT)->type = "tmpfs";
	compare(ROOT "3 1 0:9 / /a ro - tmpfs x\n", "");
	/* An optional one that is not there hides nothing. */
	expect[2].optional = 1;
	compare(ROOT, "/a/b: /a/b is not mounted\n");
}

static void stops(void)
{
	begin();
	wish("/a", PROP_PRIVATE, NO_SLOT);
	wish("/b", PROP_PRIVATE, NO_SLOT);
	compare(ROOT, "/a: /a is not mounted\n/b: /b is not mounted\n");
	stop_after = 1;
	compare(ROOT, "/a: /a is not mounted\n");
	stop_after = 1;
	compare(ROOT "2 1 8:1 / /a ro - ext4 x\n3 1 8:1 / /b ro - ext4 x\n4 1 8:1 / /x ro - ext4 x\n5 1 8:1 / /y ro - ext4 x\n",
		"-: /x (ext4) is mounted, and nobody asked for it\n");
}

/* Long paths are cut in messages, never written beyond. */
static void long_paths(void)
{
	static char path[256], table[600];

	begin();
	memset(path, 'p', 255);
	path[0] = '/';
	wish(path, PROP_SLAVE, 0)->attrs = 15;
	notes[0] = sources[SLAVE_SHARED];
	snprintf(table, sizeof table, ROOT "2 1 8:1 /s %s rw shared:2147483647 master:2147483646 - ext4 x\n", path);
	CHECK(compare(table, NULL) == 5);
	CHECK(compare(ROOT, NULL) == 1);
}

int main(void)
{
	TEST(propagation);
	TEST(propagation_text);
	TEST(unknown_source);
	TEST(own_mounts);
	TEST(attributes);
	TEST(types);
	TEST(missing);
	TEST(unexpected);
	TEST(arrivals);
	TEST(recursive);
	TEST(covered);
	TEST(stops);
	TEST(long_paths);
	return test_end();
}
