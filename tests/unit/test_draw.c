/*
 * test_draw.c - tests of src/mounts/draw: pictures of peer groups.
 *
 * For: one picture to the byte, names that are no text, too little room, many namespaces.
 * Never: how it looks. src/man/propagation.svg is compared by tests/model/manual.sh.
 */
#include "mounts/draw.h"
#include "test.h"

static char memory[1 << 20] __attribute__((aligned(16)));
static char printed[1 << 20];
static struct arena arena;
static struct view view[600];
static struct out o;

static void table(struct view *v, const char *name, int pid, struct mount *m, unsigned n)
{
	*v = (struct view){.name = name, .pid = pid, .table = {m, n}};
	for (; n--; m++) {
		m->type = m->type ? m->type : "tmpfs";
		m->source = "x";
		m->root = m->root ? m->root : "/";
	}
}

static int draw(unsigned n, int all)
{
	struct graph g;

	out_init(&o, printed, sizeof printed);
	return graph_build(&g, view, n, &arena) || draw_svg(&g, all, &arena, &o) || o.lost ? -1 : 0;
}

static int drawn(unsigned n, int all)
{
	arena_init(&arena, memory, sizeof memory);
	return draw(n, all);
}

static unsigned count(const char *part)
{
	unsigned n = 0;

	for (const char *p = printed; (p = strstr(p, part)); p++)
		n++;
	return n;
}

#define HAS(part) CHECK_STR(strstr(printed, part) ? part : "no such part", part)

static void exact(void)
{
	struct mount host[] = {{.point = "/"}, {.point = "/m", .shared = 7}};
	struct mount box[] = {{.point = "/in", .shared = 8, .master = 7, .root = "/d"}};

	table(&view[0], "host", 1, host, 2);
	table(&view[1], "box", 9, box, 1);
	CHECK(!drawn(2, 0));
	CHECK_STR(printed,
		"<svg xmlns='http://www.w3.org/2000/svg' width='634' height='150' viewBox='0 0 634 150' "
		"font-family='monospace' font-size='12'>\n"
		"<style>.r{text-anchor:end;fill:#666}path{fill:none;stroke-width:2}g "
		"text{text-anchor:middle;font-size:10px;stroke:none;fill:#fff}</style>\n"
		"<rect width='100%' height='100%' fill='#fff'/>\n"
		"<rect x='24' y='24' width='258' height='54' rx='4' fill='#f4f6f8' stroke='#999'/>\n"
		"<text x='42' y='41' font-weight='bold'>host</text>\n"
		"<text x='264' y='41' class='r'>2 mounts</text>\n"
		"<text x='42' y='64'>/m</text>\n"
		"<text x='264' y='64' class='r'>tmpfs</text>\n"
		"<rect x='352' y='24' width='258' height='54' rx='4' fill='#f4f6f8' stroke='#999'/>\n"
		"<text x='370' y='41' font-weight='bold'>box</text>\n"
		"<text x='592' y='41' class='r'>1 mount</text>\n"
		"<text x='370' y='64'>/in</text>\n"
		"<text x='592' y='64' class='r'>tmpfs</text>\n"
		"<g stroke='#0072b2' fill='#0072b2'><path d='M310 60V66'/>\n"
		"<path d='M310 60H296'/><circle cx='310' cy='60' r='3'/>"
		"<rect x='268' y='55' width='28' height='11' rx='3'/><text x='282' y='64'>7</text>\n"
		"<path d='M310 66H338m-6 -4l6 4l-6 4'/><rect x='338' y='61' width='28' height='11' rx='3'/>"
		"<text x='352' y='70'>7</text>\n"
		"</g>\n"
		"<text y='114'><tspan x='24'>What is mounted below one dot of a line</tspan>"
		"<tspan x='24' dy='16'>appears below its other dots and arrows.</tspan></text>\n"
		"</svg>\n");
}

/* Only what is in a group with others, or everything. */
static void selection(void)
{
	struct mount host[] = {{.point = "/"}, {.point = "/m", .shared = 7}, {.point = "/lone", .shared = 3}};
	struct mount box[] = {{.point = "/in", .master = 7}, {.point = "/far", .master = 2}};

	table(&view[0], "host", 1, host, 3);
	table(&view[1], "box", 9, box, 2);
	CHECK(!drawn(2, 0));
	CHECK(count(">tmpfs<") == 2 && count("<g ") == 1 && count("<circle") == 1);
	HAS(">3 mounts<");
	HAS(">2 mounts<");
	CHECK(!drawn(2, 1));
	CHECK(count(">tmpfs<") == 5 && count("<g ") == 3 && count("<circle") == 2);
	/* Who is alone needs no lane. */
	HAS("width='634'");
	CHECK(!drawn(1, 0));
	CHECK(count(">tmpfs<") == 0 && count("<g ") == 0);
}

/* What is no character of XML is a question mark; what would be markup is none. */
static void hostile(void)
{
	static const struct {
		const char *name, *shown;
	} rows[] = {
		{"/a<b>&\"']]>", "/a&#60;b&#62;&#38;\"']]&#62;"},
		{"/\x01\x1f\x7f\n\t", "/?????"},
		{"/\xc3\xa4\xe2\x82\xac\xf0\x9f\x92\xbf", "/\xc3\xa4\xe2\x82\xac\xf0\x9f\x92\xbf"},
		{"/\xff\xfe\x80\xbf", "/????"},
		{"/\xc3", "/?"},			/* ends within a character */
		{"/\xc3/", "/?/"},
		{"/\xe2\x82", "/??"},
		{"/\xc0\xaf\xc1\xbf", "/????"},	/* longer than need be */
		{"/\xe0\x80\xaf", "/???"},
		{"/\xf0\x80\x80\xaf", "/????"},
		{"/\xed\xa0\x80", "/???"},		/* a surrogate */
		{"/\xef\xbf\xbf\xef\xbf\xbe", "/??????"},
		{"/\xf4\x90\x80\x80", "/????"},	/* behind the last one */
		{"/\xf8\x80\x80\x80", "/????"},
		{"/\xc2\x9b" "31m", "/??31m"},	/* C1 */
		{"/\xc2\xa0|", "/\xc2\xa0|"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct mount m = {.point = rows[i].name, .type = rows[i].name, .root = rows[i].name};

		char shown[64];

		snprintf(shown, sizeof shown, ">%s<", rows[i].shown);
		table(&view[0], rows[i].name, 1, &m, 1);
		CHECK(!drawn(1, 1));
		HAS(shown);
		/* The name of the namespace, the path, the type. */
		CHECK(count(shown) == 3);
	}
}

/* The middle goes, by characters; the tooltip has all of it. */
static void cut(void)
{
	char path[300] = "/", end[] = "\xc3\xa4\xc3\xb6";
	struct mount m = {.point = path};

	for (int i = 0; i < 37; i++)
		strcat(path, "x");
	strcat(path, end);
	table(&view[0], "host", 1, &m, 1);
	CHECK(!drawn(1, 1));
	CHECK(!strstr(printed, "…") && !strstr(printed, "<title>"));
	strcat(path, end);
	CHECK(!drawn(1, 1));
	HAS("</title>/xxxxxxxxxxxxxxxxxxx…xxxxxxxxxxxxxxx\xc3\xa4\xc3\xb6\xc3\xa4\xc3\xb6</text>");
	CHECK(count(path) == 1);
}

/* Groups that never are beside each other share a lane; those that are do not. */
static void lanes(void)
{
	static struct mount m[600][2];

	for (unsigned i = 0; i < 600; i++) {
		m[i][0] = (struct mount){.point = "/a", .shared = 1};
		m[i][1] = (struct mount){.point = "/b", .shared = 2 + i / 2};
		table(&view[i], "n", (int)i, m[i], 2);
	}
	arena_init(&arena, memory, sizeof memory);
	CHECK(!draw(600, 0));
	CHECK(count("<g ") == 301);
	/* The host's /b and the next one's are beside each other with nobody: two lanes for all. */
	HAS("width='648'");
}

/* Also not when one ends where the other one begins. */
static void neighbours(void)
{
	struct mount host[] = {{.point = "/a", .shared = 1}, {.point = "/b", .shared = 1}};
	struct mount box[] = {{.point = "/", .shared = 1}, {.point = "/c", .shared = 2}, {.point = "/d", .shared = 2}};

	table(&view[0], "host", 1, host, 2);
	table(&view[1], "box", 2, box, 3);
	CHECK(!drawn(2, 0));
	HAS("width='648'");
	box[1].shared = 1;
	box[2].shared = 2;
	CHECK(!drawn(2, 1));
	HAS("width='634'");
}

static void no_room(void)
{
	struct mount m[2] = {{.point = "/a", .shared = 1}, {.point = "/b", .shared = 1}};
	size_t need;

	table(&view[0], "host", 1, m, 2);
	CHECK(!drawn(1, 0));
	need = arena.used;
	for (size_t n = 16; n < need; n += 8) {
		arena_init(&arena, memory, n);
		CHECK(draw(1, 0) == -1);
	}
	arena_init(&arena, memory, need);
	CHECK(!draw(1, 0));
}

int main(void)
{
	TEST(exact);
	TEST(selection);
	TEST(hostile);
	TEST(cut);
	TEST(lanes);
	TEST(neighbours);
	TEST(no_room);
	return test_end();
}
