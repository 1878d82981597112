/*
 * test_model.c - tests of the model of shared subtrees: its tables, its limits, its language.
 *
 * For: what does not need a kernel; tests/model compares with one.
 * Never: a system call.
 */
#include "archive/texts.h"
#include "mounts/agree.h"
#include "mounts/script.h"
#include "test.h"

static char memory[1 << 20] __attribute__((aligned(16))), said[4096];
static struct arena arena;
static struct model m;
static struct out out;
static unsigned line;

static void start(uint32_t mounts)
{
	arena_init(&arena, memory, sizeof memory);
	out_init(&out, said, sizeof said);
	line = 0;
	CHECK(!model_init(&m, &arena, mounts, 8, "root"));
}

/* Does one line; the rule that forbids it, or -1. */
static int one(const char *text)
{
	const char *why = NULL;
	struct op op;
	unsigned column;

	if (script_read(&op, text, ++line, &arena, &why, &column) <= 0)
		return -1;
	return op.kind == OP_EXPECT ? script_holds(&m, &op, MODEL_OK, &out, &why) - 1 : script_do(&m, &op, &why);
}

/* Does lines apart by semicolons, of which the last may be refused. */
static int does(const char *text)
{
	char part[256];
	int r = MODEL_OK;

	while (*text) {
		size_t n = strcspn(text, ";");

		if (r)
			printf("# refused before: %s\n", text);
		CHECK(!r);
		snprintf(part, sizeof part, "%.*s", (int)n, text);
		r = one(part);
		text += n + (text[n] == ';');
	}
	return r;
}

static uint32_t at(const char *path)
{
	uint32_t mount, node;

	return model_resolve(&m, 1, path, &mount, &node) ? 0 : mount;
}

/* The kinds of mounts: how /k becomes one, alone or with a peer at /p. */
static const struct kind {
	const char *name, *made;
} kinds[] = {
	{"private", ""},
	{"shared", "make-shared /k"},
	{"shared with a peer", "make-shared /k;mkdir /p;bind /k /p"},
	{"slave", "make-shared /k;mkdir /m;bind /k /m;make-slave /k"},
	{"slave+shared", "make-shared /k;mkdir /m;bind /k /m;make-slave /k;make-shared /k"},
	{"slave+shared with a peer", "make-shared /k;mkdir /m;bind /k /m;make-slave /k;make-shared /k;"
				     "mkdir /p;bind /k /p"},
	{"unbindable", "make-unbindable /k"},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void start_kind(int i)
{
	start(64);
	CHECK(!does("mkdir /k;mount tmpfs /k x"));
	CHECK(!does(kinds[i].made));
}

static void types(void)
{
	static const char *const to[] = {"shared", "slave", "private", "unbindable"};
	static const char *const becomes[KINDS][4] = {
		{"shared", "private", "private", "unbindable"},
		{"shared", "private", "private", "unbindable"},
		{"shared peer /p", "slave from /p", "private", "unbindable"},
		{"slave+shared from /m", "slave from /m", "private", "unbindable"},
		{"slave+shared from /m", "slave from /m", "private", "unbindable"},
		{"slave+shared from /m peer /p", "slave from /p", "private", "unbindable"},
		{"shared", "unbindable", "private", "unbindable"},
	};

	for (int i = 0; i < KINDS; i++)
		for (int k = 0; k < 4; k++) {
			char text[128];

			start_kind(i);
			snprintf(text, sizeof text, "make-%s /k;expect /k %s", to[k], becomes[i][k]);
			CHECK(!does(text));
		}
}

static void binds(void)
{
	static const char *const onto_private[KINDS] = {
		"private", "shared peer /k", "shared peer /k", "slave from /m", "slave+shared peer /k",
		"slave+shared peer /k", NULL,
	};
	static const char *const onto_shared[KINDS] = {
		"shared", "shared peer /k", "shared peer /k", "slave+shared from /m", "slave+shared peer /k",
		"slave+shared peer /k", NULL,
	};

	for (int i = 0; i < KINDS; i++)
		for (int shared = 0; shared < 2; shared++) {
			const char *is = (shared ? onto_shared : onto_private)[i];
			char text[128];

			start_kind(i);
			CHECK(!does("mkdir /t;mkdir /u;mount tmpfs /t d"));
			if (shared)
				CHECK(!does("make-shared /t;bind /t /u"));
			CHECK(one("bind /k /t/d") == (is ? MODEL_OK : MODEL_UNBINDABLE));
			snprintf(text, sizeof text, "expect /t/d %s", is ? is : "none");
			CHECK(!does(text));
			snprintf(text, sizeof text, "expect /u/d %s", is && shared ? is : "none");
			if (shared)
				CHECK(!does(text));
		}
}

static void moves(void)
{
	static const char *const onto_private[KINDS] = {
		"private", "shared", "shared peer /p", "slave from /m", "slave+shared from /m",
		"slave+shared peer /p", "unbindable",
	};
	static const char *const onto_shared[KINDS] = {
		"shared", "shared", "shared peer /p", "slave+shared from /m", "slave+shared from /m",
		"slave+shared peer /p", NULL,
	};

	for (int i = 0; i < KINDS; i++)
		for (int shared = 0; shared < 2; shared++) {
			const char *is = (shared ? onto_shared : onto_private)[i];
			char text[128];

			start_kind(i);
			CHECK(!does("mkdir /t;mkdir /u;mount tmpfs /t d"));
			if (shared)
				CHECK(!does("make-shared /t;bind /t /u"));
			CHECK(one("move /k /t/d") == (is ? MODEL_OK : MODEL_UNBINDABLE_TO_SHARED));
			snprintf(text, sizeof text, is ? "expect /t/d %s;expect /k none" : "expect /t/d none", is);
			CHECK(!does(text));
			if (is && shared)
				CHECK(!does("expect /u/d shared peer /t/d") || !does("expect /u/d peer /t/d"));
		}
}

static void clones(void)
{
	static const char *const same[KINDS] = {
		"private", "shared peer main:/k", "shared peer main:/k", "slave from main:/m",
		"slave+shared peer main:/k", "slave+shared peer main:/k", "unbindable",
	};
	static const char *const foreign[KINDS] = {
		"private locked", "slave from main:/k locked", "slave from main:/k locked",
		"slave from main:/m locked", "slave from main:/k locked", "slave from main:/k locked",
		"unbindable locked",
	};

	for (int i = 0; i < KINDS; i++) {
		char text[128];

		start_kind(i);
		snprintf(text, sizeof text, "clone c;clone d user;in c: expect /k %s;in d: expect /k %s", same[i],
			 foreign[i]);
		CHECK(!does(text));
	}
	start_kind(KINDS - 1);
	m.facts.keeps_unbindable = 0;
	CHECK(!does("clone c;in c: expect /k private"));
}

/* Each fact makes its probe end otherwise; what other facts have to be is said here. */
static void facts(void)
{
	for (unsigned i = 0; i < MODEL_FACTS; i++) {
		int end[2];

		for (int v = 0; v < 2; v++) {
			start(64);
			m.facts.tuck_moves_lock = 1;
			((uint8_t *)&m.facts)[i] = (uint8_t)v;
			end[v] = does(text_of(TEXTS_MODEL_FACTS, 3 * i + 2));
			CHECK(end[v] >= 0);
		}
		CHECK(model_errno((enum model_rule)end[0]) != model_errno((enum model_rule)end[1]));
	}
}

static unsigned live(void)
{
	return m.max_mounts - m.spare_mounts;
}

/* What is refused changes nothing, also for want of room in the middle of an operation. */
static void limits(void)
{
	uint32_t groups;

	start(64);
	CHECK(!does("mkdir /a;mkdir /b;mkdir /c;mount tmpfs /a x;make-shared /a;bind /a /b;bind /a /c"));
	m.limit = m.ns[1].mounts + 2;
	CHECK(one("mount tmpfs /a/x") == MODEL_TOO_MANY);
	CHECK(one("bind /c /a/x") == MODEL_TOO_MANY);
	CHECK(live() == 5 && m.ns[1].mounts == 5 && !does("expect /a/x none;expect /c shared peer /a"));
	m.limit++;
	CHECK(!one("mount tmpfs /a/x") && live() == 8);

	start(8);
	CHECK(!does("mkdir /a;mkdir /b;mount tmpfs /a x;make-shared /a;bind /a /b"));
	groups = m.spare_groups;
	m.spare_mounts = 1;
	CHECK(one("mount tmpfs /a/x") == MODEL_FULL);
	CHECK(one("rbind / /b/x") == MODEL_FULL);
	CHECK(one("clone c") == MODEL_FULL);
	CHECK(m.spare_mounts == 1 && m.spare_groups == groups && m.ns[1].mounts == 4);
	m.spare_mounts = 4;
	CHECK(!one("mount tmpfs /a/x") && m.spare_mounts == 2);
	m.spare_groups = 0;
	CHECK(one("make-shared /") == MODEL_FULL && one("make-private /") == MODEL_OK);

	/* Nothing is lost over many operations. */
	start(64);
	CHECK(!does("mkdir /a;mkdir /b;mount tmpfs /a x;make-shared /a;bind /a /b;make-slave /b"));
	groups = m.spare_groups;
	for (int i = 0; i < 1000; i++)
		CHECK(!does("rbind / /a/x;clone c user;umount -l /a/x;in c: end"));
	CHECK(live() == 4 && m.spare_groups == groups);
}

static void walks(void)
{
	char buf[64];
	uint32_t mount, node;

	start(64);
	CHECK(!does("mkdir /a;mkdir /a/b;mount tmpfs /a/b c/d"));
	CHECK(!model_resolve(&m, 1, "/a/b/c/d", &mount, &node));
	CHECK_STR(script_path(&m, mount, node, buf, sizeof buf), "/a/b/c/d");
	CHECK_STR(script_path(&m, m.ns[1].root, m.mount[m.ns[1].root].root, buf, sizeof buf), "/");
	CHECK_STR(script_path(&m, mount, node, buf, 6), "/c/d");
	CHECK(model_resolve(&m, 1, "/a/b/c/e", &mount, &node) == MODEL_MISSING);
	CHECK(model_resolve(&m, 1, "/a/bb", &mount, &node) == MODEL_MISSING);
	CHECK(one("mkdir /") == MODEL_EXISTS && one("mkdir /x/y") == MODEL_MISSING && one("mkdir /a") == MODEL_EXISTS);
	/* What covers / is met by nobody who stands below it. */
	CHECK(!does("mount tmpfs / q;expect /a/b private") && at("/") == m.ns[1].root);
	CHECK(one("bind /q /a") == MODEL_MISSING);
}

static void tables(void)
{
	start(64);
	CHECK(!does("mkdir /a;mkdir /b;mount tmpfs /a x;make-shared /a;bind /a/x /b;make-slave /b;make-shared /b;"
		    "bind /b /b;clone c user"));
	script_table(&m, 1, &out);
	CHECK_STR(said, "/                        root private\n"
			"/a                       tmpfs.3 shared:1\n"
			"/b                       tmpfs.3/x shared:2 master:1 hidden\n"
			"/b                       tmpfs.3/x shared:2 master:1\n");
	out_init(&out, said, sizeof said);
	script_table(&m, 2, &out);
	CHECK_STR(said, "/                        root private locked\n"
			"/a                       tmpfs.3 master:1 locked\n"
			"/b                       tmpfs.3/x master:2 locked hidden\n"
			"/b                       tmpfs.3/x master:2 locked\n");
}

static void language(void)
{
	static const struct {
		const char *text, *plain, *why;
		unsigned column;
	} lines[] = {
		{"", NULL, NULL, 1}, {"  # words", NULL, NULL, 1}, {"\t", NULL, NULL, 1},
		{" bind  /a\t/b ", "bind /a /b", NULL, 0},
		{"in n: umount -l \"/a b\"", "in n: umount -l \"/a b\"", NULL, 0},
		{"mount tmpfs /a x y/z", "mount tmpfs /a x y/z", NULL, 0},
		{"clone c user", "clone c user", NULL, 0},
		{"in n:", NULL, "an operation is missing", 1},
		{"in n mkdir /a", NULL, "in NAME: wants a colon", 4},
		{" mkdri /a", NULL, "unknown operation", 2},
		{"umount", NULL, "something is missing behind this", 1},
		{"umount -l", NULL, "something is missing behind this", 8},
		{"umount -l /a /b", NULL, "too much", 14},
		{"bind /a b", NULL, "must be an absolute path", 9},
		{"mount tmpfs /a /x", NULL, "directories in it are named without the first /", 16},
		{"mount .x /a", NULL, "not a plain name", 7},
		{"clone a/b", NULL, "not a plain name", 7},
		{"clone a root", NULL, "only user may follow", 9},
		{"expect EINVAL now", NULL, "nothing follows an errno", 15},
	};

	start(8);
	for (unsigned i = 0; i < sizeof lines / sizeof *lines; i++) {
		const char *why = NULL;
		struct op op;
		unsigned column;
		int is = script_read(&op, lines[i].text, i, &arena, &why, &column);

		CHECK(is == (lines[i].plain ? 1 : lines[i].why ? -1 : 0));
		if (is < 0) {
			CHECK_STR(why, lines[i].why);
			CHECK(column == lines[i].column);
		} else if (is > 0) {
			out_init(&out, said, sizeof said);
			script_print(&op, &out);
			CHECK_STR(said, lines[i].plain);
		}
	}
}

static void agreement(void)
{
	static const struct {
		const char *table, *why;
	} tries[] = {
		/* Numbers and order mean nothing. */
		{"9 8 0:3 /x /b rw master:7 - tmpfs tmpfs.3 rw\n8 1 0:2 / / rw - tmpfs root rw\n"
		 "7 8 0:3 / /a rw shared:7 - tmpfs tmpfs.3 rw\n", NULL},
		{"8 1 0:2 / / rw - tmpfs root rw\n", "1 mounts, not 3"},
		{"8 1 0:2 / / rw - tmpfs root rw\n9 8 0:3 /x /b rw master:7 - tmpfs tmpfs.3 rw\n"
		 "7 8 0:3 / /c rw shared:7 - tmpfs tmpfs.3 rw\n", "tmpfs.3 on /c: no such mount"},
		{"8 1 0:2 / / rw - tmpfs root rw\n9 8 0:3 /x /b rw master:7 - tmpfs tmpfs.3 rw\n"
		 "7 8 0:3 / /b rw shared:7 - tmpfs tmpfs.3 rw\n", "tmpfs.3 on /b: no such mount"},
		{"8 1 0:2 / / rw - tmpfs root rw\n7 8 0:3 / /a rw shared:7 - tmpfs tmpfs.3 rw\n"
		 "9 7 0:3 /x /a/x rw master:7 - tmpfs tmpfs.3 rw\n", "tmpfs.3 on /a/x: no such mount"},
		{"8 1 0:2 / / rw - tmpfs root rw\n7 8 0:3 / /a rw shared:7 - tmpfs tmpfs.3 rw\n"
		 "9 8 0:3 /x /b rw master:6 - tmpfs tmpfs.3 rw\n", "tmpfs.3 on /b: another master"},
		{"8 1 0:2 / / rw - tmpfs root rw\n7 8 0:3 / /a rw - tmpfs tmpfs.3 rw\n"
		 "9 8 0:3 /x /b rw master:7 - tmpfs tmpfs.3 rw\n", "tmpfs.3 on /a: another peer group"},
		{"8 1 0:2 / / rw unbindable - tmpfs root rw\n7 8 0:3 / /a rw shared:7 - tmpfs tmpfs.3 rw\n"
		 "9 8 0:3 /x /b rw master:7 - tmpfs tmpfs.3 rw\n", "root on /: unbindable"},
		{"8 1 0:2 / / rw - tmpfs root rw\n7 8 0:3 / /a rw shared:7 - tmpfs tmpfs.3 rw\n"
		 "9 8 0:3 /x /b rw master:7 propagate_from:2 - tmpfs tmpfs.3 rw\n",
		 "tmpfs.3 on /b: another propagate_from"},
	};

	start(64);
	CHECK(!does("mkdir /a;mkdir /b;mount tmpfs /a x;make-shared /a;bind /a/x /b;make-slave /b"));
	for (unsigned i = 0; i < sizeof tries / sizeof *tries; i++) {
		char text[512];
		struct mounts t;
		struct err e;

		strcpy(text, tries[i].table);
		CHECK(!mounts_parse(&t, text, strlen(text), &arena, &e));
		out_init(&out, said, sizeof said);
		script_renumber(&m);
		CHECK(model_agrees(&m, 1, &t, &out) == !tries[i].why);
		CHECK_STR(said, tries[i].why ? tries[i].why : "");
	}
}

int main(void)
{
	TEST(types);
	TEST(binds);
	TEST(moves);
	TEST(clones);
	TEST(facts);
	TEST(limits);
	TEST(walks);
	TEST(tables);
	TEST(language);
	TEST(agreement);
	return test_end();
}
