/*
 * test_mounts.c - tests of src/mounts: reading mountinfo, and piles of mounts.
 *
 * For: what the kernel prints, and what it never should.
 * Never: the real mount table.
 */
#include <stdlib.h>

#include "base/uapi.h"
#include "mounts/graph.h"
#include "mounts/table.h"
#include "test.h"

static char memory[1 << 16] __attribute__((aligned(16)));
static char text[4096];
static struct arena arena;
static struct mounts t;
static struct err e;

static int parse(const char *from)
{
	arena_init(&arena, memory, sizeof memory);
	memset(&t, 0xa5, sizeof t);
	memset(memory, 0xa5, sizeof memory);
	strcpy(text, from);
	return mounts_parse(&t, text, strlen(text), &arena, &e);
}

static void fields(void)
{
	CHECK(parse("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
		    "37 36 0:4294967295 / /mnt2/p ro,nosuid,nodev,noexec,relatime - proc proc rw,ro\n") == 0);
	CHECK(t.n == 2);
	CHECK(t.mount[0].id == 36 && t.mount[0].parent == 35);
	CHECK(t.mount[0].major == 98 && t.mount[0].minor == 0);
	CHECK_STR(t.mount[0].root, "/mnt1");
	CHECK_STR(t.mount[0].point, "/mnt2");
	CHECK_STR(t.mount[0].type, "ext3");
	CHECK_STR(t.mount[0].source, "/dev/root");
	CHECK_STR(t.mount[0].super, "rw,errors=continue");
	CHECK(t.mount[0].attrs == 0 && t.mount[0].master == 1 && !t.mount[0].shared);
	CHECK(t.mount[1].minor == 4294967295u && !t.mount[1].master && !t.mount[1].from);
	/* ro of the file system is not ro of the mount, and the other way round. */
	CHECK(t.mount[1].attrs == (MOUNT_ATTR_RDONLY_ | MOUNT_ATTR_NOSUID_ | MOUNT_ATTR_NODEV_ |
				   MOUNT_ATTR_NOEXEC_));
	CHECK(parse("1 0 8:1 / / rw - ext4 x ro\n") == 0 && t.mount[0].attrs == 0);
	CHECK(parse("1 0 8:1 / / rorw,norodev,noexecs - ext4 x ro\n") == 0 && t.mount[0].attrs == 0);
	CHECK(parse("") == 0 && t.n == 0);
}

/* The same but for numbers that the kernel gives anew; any other difference shows. */
static void sums(void)
{
	static const char once[] = "36 35 8:1 /r / ro master:1 - ext4 /dev/a rw\n37 36 0:50 / /proc rw - proc proc rw\n"
		"38 36 0:51 / /tmp rw - tmpfs tmpfs rw\n";
	static const char *const other[] = {
		"36 35 8:2 /r / ro master:1 - ext4 /dev/a rw\n37 36 0:50 / /proc rw - proc proc rw\n38 36 0:51 / /tmp rw - tmpfs tmpfs rw\n",
		"36 35 8:1 /s / ro master:1 - ext4 /dev/a rw\n37 36 0:50 / /proc rw - proc proc rw\n38 36 0:51 / /tmp rw - tmpfs tmpfs rw\n",
		"36 35 8:1 /r / rw master:1 - ext4 /dev/a rw\n37 36 0:50 / /proc rw - proc proc rw\n38 36 0:51 / /tmp rw - tmpfs tmpfs rw\n",
		"36 35 8:1 /r / ro master:2 - ext4 /dev/a rw\n37 36 0:50 / /proc rw - proc proc rw\n38 36 0:51 / /tmp rw - tmpfs tmpfs rw\n",
		"36 35 8:1 /r / ro master:1 - ext4 /dev/a rw\n37 36 0:50 / /proc rw - proc proc rw\n",
		"36 35 8:1 /r / ro master:1 - ext4 /dev/a rw\n37 36 0:50 / /proc rw - proc proc rw\n38 37 0:51 / /tmp rw - tmpfs tmpfs rw\n",
		"36 35 8:1 /r / ro master:1 - ext4 /dev/a rw\n37 36 0:50 / /proc rw - proc proc rw\n38 36 0:51 /tmp /tmp rw - tmpfs tmpfs rw\n",
		"36 35 8:1 /r / ro master:1 - ext4 /dev/a rw\n37 36 0:50 / /proc rw - proc proc rw\n38 36 0:51 / /tmp rw - tmpfs tmpfs rw\n38 36 0:51 / /tmp rw - tmpfs tmpfs rw\n",
		"36 35 8:1 /r / ro master:1 - ext4 /dev/a rw\n37 36 0:50 / /proc rw - proc proc rw\n38 36 0:51 / /tmp rw - ramfs tmpfs rw\n",
		"36 35 8:1 /r / ro master:1 - ext4 /dev/a rw\n37 36 0:50 / /proc rw - proc proc rw\n38 36 0:51 / /tmp rw shared:1 - tmpfs tmpfs rw\n",
		"",
	};
	static const char again[] = "136 99 8:1 /r / ro master:1 - ext4 /dev/a rw\n140 136 0:7 / /proc rw - proc proc rw\n"
		"199 136 0:512 / /tmp rw - tmpfs tmpfs rw\n";
	char many[65 * 21];
	uint64_t sum;

	CHECK(!parse(once));
	sum = mounts_sum(&t);
	CHECK(!parse(again) && sum == mounts_sum(&t));
	for (size_t i = 0; i < sizeof other / sizeof *other; i++)
		CHECK(!parse(other[i]) && sum != mounts_sum(&t));
	/* And without parsing it. */
	sum = mounts_text_sum(once, strlen(once));
	CHECK(sum && sum == mounts_text_sum(again, strlen(again)));
	for (size_t i = 0; i < sizeof other / sizeof *other; i++)
		CHECK(sum != mounts_text_sum(other[i], strlen(other[i])));
	for (size_t i = 0; i < 65; i++)
		memcpy(many + 21 * i, "1 1 0:1 / / rw - x x\n", 21);
	CHECK(!mounts_text_sum(many, sizeof many));
}

static void optional(void)
{
	static const struct {
		const char *text;
		uint32_t shared, master, from;
		uint8_t unbindable;
	} rows[] = {
		{"", 0, 0, 0, 0},
		{"shared:1 ", 1, 0, 0, 0},
		{"master:2 ", 0, 2, 0, 0},
		{"shared:3 master:4 ", 3, 4, 0, 0},
		{"master:4 propagate_from:5 ", 0, 4, 5, 0},
		{"shared:2147483647 master:4 propagate_from:6 ", 2147483647u, 4, 6, 0},
		{"unbindable ", 0, 0, 0, 1},
		{"new_thing:7 other shared:8 ", 8, 0, 0, 0},	/* what a later kernel may add */
		{"unbindable:1 xshared:9 ", 0, 0, 0, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char line[200];

		snprintf(line, sizeof line, "1 0 8:1 / / rw %s- ext4 x rw\n", rows[i].text);
		CHECK(parse(line) == 0);
		CHECK(t.mount[0].shared == rows[i].shared);
		CHECK(t.mount[0].master == rows[i].master);
		CHECK(t.mount[0].from == rows[i].from);
		CHECK(t.mount[0].unbindable == rows[i].unbindable);
		CHECK_STR(t.mount[0].type, "ext4");
	}
}

static void escapes(void)
{
	CHECK(parse("1 0 8:1 /a\\040b /c\\011d\\012e\\134f rw - ext4 /dev/g\\040h rw\n") == 0);
	CHECK_STR(t.mount[0].root, "/a b");
	CHECK_STR(t.mount[0].point, "/c\td\ne\\f");
	CHECK_STR(t.mount[0].source, "/dev/g h");
	/* Undone once; what is no escape stays. */
	CHECK(parse("1 0 8:1 /\\134040 /\\x\\04\\48z\\400\\ rw - ext4 \\043\\377 rw\n") == 0);
	CHECK_STR(t.mount[0].root, "/\\040");
	CHECK_STR(t.mount[0].point, "/\\x\\04\\48z\\400\\");
	CHECK_STR(t.mount[0].source, "#\xff");
	CHECK(parse("1 0 8:1 / /a\\04 rw - ext4 x\n") == 0);
	CHECK_STR(t.mount[0].point, "/a\\04");
	/* A dash is only the end when it stands alone; deleted roots and oddities go through. */
	CHECK(parse("1 0 0:4 net:[4026531840] /run/n- rw - nsfs nsfs rw\n"
		    "2 0 8:1 /x//deleted /- rw shared:2 - ext4 - rw\n") == 0);
	CHECK_STR(t.mount[0].root, "net:[4026531840]");
	CHECK_STR(t.mount[1].root, "/x//deleted");
	CHECK_STR(t.mount[1].point, "/-");
	CHECK_STR(t.mount[1].source, "-");
}

/* The source may be empty (two blanks), and the last fields missing. */
static void short_tails(void)
{
	CHECK(parse("1 0 0:4 / / rw - tmpfs  rw,size=4k\n") == 0);
	CHECK_STR(t.mount[0].source, "");
	CHECK_STR(t.mount[0].super, "rw,size=4k");
	CHECK(parse("1 0 0:4 / / rw - tmpfs none\n") == 0);
	CHECK_STR(t.mount[0].source, "none");
	CHECK_STR(t.mount[0].super, "");
	CHECK(parse("1 0 0:4 / / rw - tmpfs\n") == 0);
	CHECK_STR(t.mount[0].source, "");
	CHECK_STR(t.mount[0].type, "tmpfs");
}

static void garbage(void)
{
	static const char *const bad[] = {
		"\n", "x\n", "-\n", "1\n", "1 0\n", "1 0 8:1\n", "1 0 8:1 /\n", "1 0 8:1 / /\n",
		"1 0 8:1 / / rw\n", "1 0 8:1 / / rw shared:1\n", "1 0 8:1 / / rw -\n",
		"1 0 8:1 / / rw - \n", "1 0 81 / / rw - ext4 x\n", "x 0 8:1 / / rw - ext4 x\n",
		"1 x 8:1 / / rw - ext4 x\n", "1 0 x:1 / / rw - ext4 x\n", "1 0 8:x / / rw - ext4 x\n",
		"1 0 8: / / rw - ext4 x\n", "1 0 :1 / / rw - ext4 x\n", "-1 0 8:1 / / rw - ext4 x\n",
		"1 -1 8:1 / / rw - ext4 x\n", "4294967297 0 8:1 / / rw - ext4 x\n",
		"1 4294967297 8:1 / / rw - ext4 x\n", " 1 0 8:1 / / rw - ext4 x\n",
		"1 0 8:1 / / rw shared:x - ext4 x\n", "1 0 8:1 / / rw shared: - ext4 x\n",
		"1 0 8:1 / / rw shared:0 - ext4 x\n", "1 0 8:1 / / rw master:4294967297 - ext4 x\n",
		"1 0 8:1 / / rw propagate_from:-1 - ext4 x\n", "1 0 8:1 / relative rw - ext4 x\n",
		"1 0 8:1  / rw - ext4 x\n", "\xff\xfe\x01\n",
	};
	char line[200];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (parse(bad[i]) == 0)
			CHECK_STR(bad[i], "refused");
		CHECK_STR(e.text, "line 1 of the mount table is none");
		snprintf(line, sizeof line, "1 0 8:1 / / rw - ext4 x\n%s", bad[i]);
		CHECK(parse(line) == -1);
		CHECK_STR(e.text, "line 2 of the mount table is none");
	}
}

/* Cut anywhere, a table is whole lines or an error, never a shorter table unnoticed. */
static void truncated(void)
{
	static const char whole[] = "1 0 8:1 / / rw shared:1 - ext4 x rw\n2 1 0:5 / /a\\040b rw - proc p rw\n";
	const size_t first = sizeof "1 0 8:1 / / rw shared:1 - ext4 x rw\n" - 1;

	for (size_t n = 0; n < sizeof whole - 1; n++) {
		char cut[sizeof whole];

		memcpy(cut, whole, n);
		cut[n] = '\0';
		CHECK(parse(cut) == (n == 0 || n == first ? 0 : -1));
		if (n && n != first)
			CHECK_STR(e.text, "the mount table ends within a line");
	}
	CHECK(parse(whole) == 0 && t.n == 2);
}

static void nul_bytes(void)
{
	static const char with[] = "1 0 8:1 / /a\0b rw - ext4 x rw\n";

	arena_init(&arena, memory, sizeof memory);
	memcpy(text, with, sizeof with);
	CHECK(mounts_parse(&t, text, sizeof with - 1, &arena, &e) == -1);
}

static void no_room(void)
{
	arena_init(&arena, memory, sizeof(struct mount) * 2 - 1);
	strcpy(text, "1 0 8:1 / / rw - ext4 x\n2 1 8:1 / /a rw - ext4 x\n");
	CHECK(mounts_parse(&t, text, strlen(text), &arena, &e) == -1);
	CHECK_STR(e.text, "no room for a table of 2 mounts");
	CHECK(t.n == 0);
}

/* A million lines: all of them or none, in the room that there is. */
static void a_million(void)
{
	enum { LINES = 1000000, LINE = 64, GROUPS = 1000 };
	const size_t ties = sizeof(struct tie) * (LINES + 1) + sizeof(uint32_t) * (2 * GROUPS + 4) + 64;
	const size_t size = sizeof(struct mount) * LINES + ties;
	char *table = malloc((size_t)LINES * LINE), *room = malloc(size);
	struct view view = {.name = "host", .pid = 1};
	unsigned from = 0, to = 0, n = 0;
	size_t length = 0;
	struct graph g;

	CHECK(table && room);
	if (!table || !room)
		return;
	for (int i = 1; i <= LINES; i++)
		length += (size_t)snprintf(table + length, LINE, "%d 1 0:1 / /\\040%d rw shared:%d - tmpfs t rw\n", i, i,
					   i % GROUPS + 1);
	arena_init(&arena, memory, sizeof memory);
	CHECK(mounts_parse(&view.table, table, length, &arena, &e) == -1);
	CHECK_STR(e.text, "no room for a table of 1000000 mounts");
	arena_init(&arena, room, size);
	CHECK(!mounts_parse(&view.table, table, length, &arena, &e) && view.table.n == LINES);
	CHECK_STR(view.table.mount[LINES - 1].point, "/ 1000000");
	CHECK(!graph_build(&g, &view, 1, &arena) && g.nties == LINES);
	while (graph_next(&g, 0, &from, &to))
		n++;
	CHECK(n == GROUPS);
	CHECK(graph_build(&g, &view, 1, &arena) == -1);
	free(table);
	free(room);
}

static int top(const char *point)
{
	const struct mount *m = mounts_top(&t, point);

	return m ? m->id : -1;
}

static void piles(void)
{
	CHECK(parse("1 0 8:1 / / rw - ext4 x\n2 1 8:1 / /a rw - ext4 x\n3 2 0:5 / /a rw - proc x\n"
		    "4 3 0:6 / /a rw - tmpfs x\n5 4 0:6 / /a/b rw - tmpfs x\n6 1 0:6 / /ab rw - tmpfs x\n") == 0);
	CHECK(top("/a") == 4);
	CHECK(top("/") == 1);
	CHECK(top("/a/b") == 5);
	CHECK(top("/ab") == 6);
	CHECK(top("/b") == -1);
	CHECK(top("/a/") == -1);
	CHECK(top("") == -1);
	CHECK(mounts_by_id(&t, 3) == &t.mount[2]);
	CHECK(mounts_by_id(&t, 0) == NULL);
	/* The table's order is not the pile's. */
	CHECK(parse("4 3 0:6 / /a rw - tmpfs x\n3 2 0:5 / /a rw - proc x\n2 1 8:1 / /a rw - ext4 x\n"
		    "1 0 8:1 / / rw - ext4 x\n") == 0);
	CHECK(top("/a") == 4);
	CHECK(parse("3 2 0:5 / /a rw - proc x\n2 1 8:1 / /a rw - ext4 x\n4 3 0:6 / /a rw - tmpfs x\n"
		    "1 0 8:1 / / rw - ext4 x\n") == 0);
	CHECK(top("/a") == 4);
	/* The initramfs is its own parent, and the root lies over it. */
	CHECK(parse("1 1 0:2 / / rw - rootfs x\n2 1 8:1 / / rw - ext4 x\n") == 0);
	CHECK(top("/") == 2);
	CHECK(parse("1 1 0:2 / / rw - rootfs x\n") == 0);
	CHECK(top("/") == 1);
	/* A mount below one that another covers is not what the path shows. */
	CHECK(parse("1 0 8:1 / / rw - ext4 x\n2 1 0:6 / /dev rw - devtmpfs x\n3 2 0:7 / /dev/pts rw - devpts x\n"
		    "4 2 0:8 / /dev rw - tmpfs x\n") == 0);
	CHECK(top("/dev") == 4);
	CHECK(top("/dev/pts") == -1);
	CHECK(parse("1 0 8:1 / / rw - ext4 x\n2 1 0:6 / /dev rw - devtmpfs x\n3 2 0:7 / /dev/pts rw - devpts x\n"
		    "4 2 0:8 / /dev rw - tmpfs x\n5 4 0:9 / /dev/pts rw - devpts x\n") == 0);
	CHECK(top("/dev/pts") == 5);
	/* A circle, which no kernel prints, must not hold anybody up. */
	CHECK(parse("1 2 0:2 / / rw - a x\n2 1 8:1 / / rw - b x\n") == 0);
	CHECK(top("/") == -1);
	CHECK(!mounts_hidden(&t, &t.mount[0]) && !mounts_hidden(&t, &t.mount[1]));
	CHECK(parse("") == 0);
	CHECK(top("/") == -1);
}

/* Two namespaces: a chain of three groups, a receiver, a lone group and a private mount. */
static void groups(void)
{
	static char tables[2][512] = {
		"1 1 0:1 / / rw shared:7 - tmpfs a rw\n2 1 0:2 / /m rw shared:2 - tmpfs b rw\n"
		"3 1 0:3 / /p rw - tmpfs c rw\n",
		"4 4 0:2 / / rw shared:9 master:2 - tmpfs b rw\n5 4 0:2 / /s rw master:9 - tmpfs b rw\n",
	};
	struct view view[2] = {{.name = "host", .pid = 1}, {.name = "box", .pid = 2}};
	unsigned from = 0, to = 0, n = 0;
	char printed[1024];
	struct graph g;
	struct out o;

	arena_init(&arena, memory, sizeof memory);
	for (int i = 0; i < 2; i++)
		CHECK(!mounts_parse(&view[i].table, tables[i], strlen(tables[i]), &arena, &e));
	CHECK(!graph_build(&g, view, 2, &arena));
	CHECK(g.nties == 5);
	out_init(&o, printed, sizeof printed);
	while (graph_next(&g, 0, &from, &to))
		graph_print(&g, GRAPH_TEXT, from, to, &o);
	CHECK_STR(printed,
		  "group 2\n"
		  "    host                 /m                             peer\n"
		  "    box                  /                              receives, and is in group 9\n"
		  "group 9, receives from group 2\n"
		  "    box                  /                              peer\n"
		  "    box                  /s                             receives\n");
	for (from = to = 0; graph_next(&g, 1, &from, &to);)
		n++;
	CHECK(n == 3);
	arena.used = arena.size - 64;
	CHECK(graph_build(&g, view, 2, &arena) == -1);
}

int main(void)
{
	TEST(fields);
	TEST(sums);
	TEST(optional);
	TEST(escapes);
	TEST(short_tails);
	TEST(garbage);
	TEST(truncated);
	TEST(nul_bytes);
	TEST(no_room);
	TEST(a_million);
	TEST(piles);
	TEST(groups);
	return test_end();
}
