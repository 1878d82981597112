/*
 * test_layout.c - tests of models that are loaded from mount tables.
 *
 * For: what tables say that no model prints; tests/model has the rest, and tests/golden what is told of layouts.
 * Never: a system call.
 */
#include "mounts/load.h"
#include "mounts/script.h"
#include "test.h"

static char memory[16 << 20] __attribute__((aligned(16))), text[1 << 20], said[4096];
static struct arena arena;
static struct model m;
static struct view view[2];
static struct err err;

/* Loads up to two tables; 0, or -1. */
static int load(const char *one, const char *two)
{
	const char *const of[] = {one, two};
	unsigned n = 0;
	char *at = text;

	arena_init(&arena, memory, sizeof memory);
	for (; n < 2 && of[n]; n++) {
		view[n] = (struct view){.name = n ? "two" : "one"};
		strcpy(at, of[n]);
		CHECK(!mounts_parse(&view[n].table, at, strlen(at), &arena, &err));
		at += strlen(of[n]) + 1;
	}
	return model_load(&m, &arena, view, n, 64, &err);
}

static const char *table(uint32_t ns)
{
	struct out o;

	out_init(&o, said, sizeof said);
	script_renumber(&m);
	script_table(&m, ns, &o);
	return said;
}

static uint32_t at(uint32_t ns, const char *path)
{
	uint32_t mount, node;

	return model_resolve(&m, ns, path, &mount, &node) ? 0 : mount;
}

static void roots(void)
{
	CHECK(!load("9 5 8:1 /x/y /a\\040b rw shared:3 - ext4 /dev/a rw\n"
		    "5 1 8:1 / / rw shared:4 - ext4 /dev/a rw\n"
		    "7 9 0:4 net:[4026531840] /a\\040b/net rw - nsfs nsfs rw\n"
		    "8 5 8:1 /x//deleted /c rw unbindable - ext4 /dev/a rw\n", NULL));
	CHECK_STR(table(1), "/                        /dev/a shared:1\n"
			    "/a b                     /dev/a/x/y shared:2\n"
			    "/a b/net                 nsfs/net:[4026531840] private\n"
			    "/c                       /dev/a/x//deleted unbindable\n");
	/* What shows a deleted directory shows nothing of a new one of that name, nor of one named so. */
	CHECK(!model_mkdir(&m, 1, "/x/deleted") && !model_mkdir(&m, 1, "/x/deleted/sub"));
	CHECK(model_resolve(&m, 1, "/c/sub", &(uint32_t){0}, &(uint32_t){0}) == MODEL_MISSING);
	CHECK(!model_resolve(&m, 1, "/x/deleted/sub", &(uint32_t){0}, &(uint32_t){0}));
}

/* The way a table begins: with a mount on one that it does not have, on itself, covered, or not at all. */
static void starts(void)
{
	CHECK(!load("1 1 0:2 / / rw - rootfs rootfs rw\n", NULL));
	CHECK_STR(table(1), "/                        rootfs private\n");
	CHECK(!load("20 1 8:1 / / rw - ext4 a rw\n1 1 0:2 / / rw - rootfs rootfs rw\n", NULL));
	CHECK_STR(table(1), "/                        rootfs private\n/                        a private hidden\n");
	CHECK(at(1, "/") == m.ns[1].base + 2);
	/* chroot to a directory: its mount is not shown, and those below it are on nothing that is. */
	CHECK(!load("3 2 0:3 / /proc rw - proc proc rw\n4 3 0:4 / /proc/a rw - x y rw\n5 2 0:5 / /sys rw shared:1 - sysfs sysfs rw\n",
		    NULL));
	CHECK_STR(table(1), "/                        ? private\n/proc                    proc private\n"
			    "/proc/a                  y private\n/sys                     sysfs shared:1\n");
	CHECK(!load("", NULL));
	CHECK_STR(table(1), "/                        ? private\n");
}

static void groups(void)
{
	/* A group that no table has a member of goes on being the master of its slaves. */
	CHECK(!load("1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /a rw master:7 - ext4 b rw\n3 1 8:2 / /b rw master:7 - ext4 b rw\n",
		    NULL));
	CHECK(model_master(&m, at(1, "/a")) && model_master(&m, at(1, "/a")) == model_master(&m, at(1, "/b")));
	CHECK(!model_change(&m, 1, "/a", TYPE_PRIVATE, 0) && model_master(&m, at(1, "/b")));
	/* Peers are peers over several tables, superblocks the same by their numbers alone. */
	CHECK(!load("1 0 8:1 / / rw shared:1 - ext4 a rw\n2 1 8:2 / /a rw shared:2 - ext4 b rw\n",
		    "1 0 8:1 / / rw master:1 - ext4 other rw\n2 1 8:2 / /c rw shared:2 - ext4 b rw\n"));
	CHECK(m.mount[at(1, "/a")].group == m.mount[at(2, "/c")].group && at(1, "/a") != at(2, "/c"));
	CHECK(!model_mkdir(&m, 1, "/new") && !model_mount(&m, 1, "c", "/new", &(uint32_t){0}) && at(2, "/new") != at(2, "/"));
	CHECK(m.ns[1].mounts == 4 && m.ns[2].mounts == 4);
}

static void nonsense(void)
{
	static const char *const tables[] = {
		"1 0 8:1 / / rw - ext4 a\n1 1 8:1 / /a rw - ext4 a\n",
		"1 0 8:1 / / rw - ext4 a\n2 3 8:1 / /a rw - ext4 a\n3 2 8:1 / /a rw - ext4 a\n",
		"1 0 8:1 / / rw - ext4 a\n2 1 8:2 / /a rw - ext4 a\n3 2 8:3 / /b rw - ext4 a\n",
		"1 0 8:1 / / rw shared:1 master:1 - ext4 a\n",
		"1 0 8:1 / / rw shared:1 master:2 - ext4 a\n2 1 8:1 / /a rw shared:2 master:1 - ext4 a\n",
		"1 0 8:1 / / rw master:3 propagate_from:3 - ext4 a\n",
	};

	for (unsigned i = 0; i < sizeof tables / sizeof *tables; i++) {
		err.text[0] = '\0';
		CHECK(load(tables[i], NULL) == -1 && err.text[0]);
	}
}

/* As many as a large host has; a way of each that grows with their number would not end. */
static void many(void)
{
	static char lines[5 << 20];
	size_t n = (size_t)sprintf(lines, "1 0 8:1 / / rw shared:1 - ext4 a rw\n");
	static char big[192 << 20] __attribute__((aligned(16)));
	struct mounts *t = &view[0].table;

	for (unsigned i = 2; i <= 50000; i++)
		n += (size_t)sprintf(lines + n, "%u %u 0:%u / /d%u%s rw shared:%u - tmpfs t%u rw\n", i, i % 2 ? i - 1 : 1, i,
				     i - i % 2, i % 2 ? "/on" : "", i, i);
	arena_init(&arena, big, sizeof big);
	view[0].name = "many";
	CHECK(!mounts_parse(t, lines, n, &arena, &err));
	CHECK(!model_load(&m, &arena, view, 1, 64, &err) && m.ns[1].mounts == 50001);
	CHECK(at(1, "/d49998/on") && at(1, "/d49998/on") != at(1, "/d49998"));
	/* No room is no model. */
	arena_init(&arena, big, 4 << 20);
	CHECK(model_load(&m, &arena, view, 1, 64, &err) == -1);
}

int main(void)
{
	TEST(roots);
	TEST(starts);
	TEST(groups);
	TEST(nonsense);
	TEST(many);
	return test_end();
}
