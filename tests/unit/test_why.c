/*
 * test_why.c - tests of hutch why: its answers against the model of shared subtrees, and against tables
 * that no model makes.
 *
 * For: mounts/why and mounts/places.
 * Never: a system call.
 */
#include "mounts/why.h"

#include "../model/random.c"
#include <stdlib.h>

#include "base/parse.h"
#include "test.h"

enum { SCRIPTS = 5000, QUESTIONS = 2, VIEWS = MAX_NAMESPACES + 1 };

static char model_memory[1 << 20] __attribute__((aligned(16))), saved_model[1 << 20], before[MAX_MOUNTS + 1];
static char memory[4 << 20] __attribute__((aligned(16))), names[VIEWS][16];
static struct arena model_arena, arena;
static struct model m;
static struct view views[VIEWS];
static struct graph graph;
static struct why why;
static struct err e;
static unsigned nviews, answers[WHY_REASONS], locked;

/* ---- the model's namespaces as mountinfo ---- */

static void put_node(struct out *o, uint32_t node)
{
	if (!m.node[node].up)
		return;
	put_node(o, m.node[node].up);
	out_printf(o, "/%s", m.node[node].name);
}

static void put_line(struct out *o, uint32_t i)
{
	const struct model_mount *x = &m.mount[i];
	uint32_t top = m.node[x->root].top;
	char buf[1024];

	out_printf(o, "%u %u 0:%u %s", i, x->parent, top, x->root == top ? "/" : "");
	put_node(o, x->root);
	out_printf(o, " %s rw", script_path(&m, i, x->root, buf, sizeof buf));
	if (x->group)
		out_printf(o, " shared:%u", x->group);
	if (model_master(&m, i))
		out_printf(o, " master:%u", model_master(&m, i));
	out_printf(o, "%s - tmpfs x rw\n", x->flags & MOUNT_UNBINDABLE ? " unbindable" : "");
}

/* One table more, in the text of the kernel. */
static void add_view(const char *name, const char *text)
{
	struct view *v = &views[nviews++];
	char *copy = arena_text(&arena, text, strlen(text));

	*v = (struct view){.name = name, .pid = (int)nviews, .ino = nviews};
	CHECK(!mounts_parse(&v->table, copy, strlen(copy), &arena, &e));
}

static void look_at_model(void)
{
	static char text[1 << 18];
	struct out o;

	arena_init(&arena, memory, sizeof memory);
	nviews = 0;
	for (uint32_t ns = 1; ns <= m.namespaces; ns++) {
		uint32_t root = m.ns[ns].root;

		if (!root)
			continue;
		out_init(&o, text, sizeof text);
		for (uint32_t i = root; i; i = model_next(&m, i, root))
			put_line(&o, i);
		snprintf(names[nviews], sizeof *names, "%u", ns);
		add_view(names[nviews], text);
	}
	CHECK(!graph_build(&graph, views, nviews, &arena));
}

static uint32_t ns_of(const struct view *v)
{
	return (uint32_t)strtoul(v->name, NULL, 10);
}

/* ---- what the model says ---- */

static int is_below(uint32_t node, uint32_t above)
{
	while (node && node != above)
		node = m.node[node].up;
	return node != 0;
}

static int is_above(uint32_t group, uint32_t mount)
{
	uint32_t g = model_master(&m, mount);

	while (g && g != group)
		g = m.group[g].master;
	return group && g;
}

/* Why a mount gets nothing of what comes to a directory of another one. */
static enum why_reason reason_in_model(uint32_t i, uint32_t on, uint32_t node, uint32_t gone)
{
	const struct model_mount *x = &m.mount[i];

	if (gone && x->root == m.mount[gone].root)
		return WHY_KEEPS;
	if (m.node[x->root].top != m.node[node].top)
		return WHY_NONE;
	if (m.mount[on].group && !is_below(node, x->root))
		return WHY_PART;
	if (is_above(x->group, on))
		return WHY_ABOVE;
	if (!m.mount[on].group)
		return WHY_SILENT;
	return x->group || x->master ? WHY_APART : WHY_PRIVATE;
}

static int in_vain(const struct why_row *r)
{
	return r->reason <= WHY_KEEPS;
}

/* The rows of views in which nothing happens: one each, and the nearest reason. */
static int same_others(uint32_t on, uint32_t node, uint32_t gone)
{
	for (unsigned v = 0; v < nviews; v++) {
		uint32_t root = m.ns[ns_of(&views[v])].root;
		enum why_reason best = WHY_NONE;
		const struct why_row *found = NULL;
		unsigned vain = 0, rows = 0;

		for (const struct why_row *r = why.row; r; r = r->next)
			if (r->view == &views[v]) {
				found = in_vain(r) ? r : found;
				vain += in_vain(r);
				rows++;
			}
		if (!rows || (vain && rows > 1))
			return 0;
		if (!vain)
			continue;
		for (uint32_t i = root; i; i = model_next(&m, i, root)) {
			enum why_reason is = reason_in_model(i, on, node, gone);

			best = is > best ? is : best;
		}
		if (found->reason != best ||
		    (best && reason_in_model((uint32_t)found->mount->id, on, node, gone) != best))
			return 0;
	}
	return 1;
}

static const struct why_row *row_of(int id)
{
	for (const struct why_row *r = why.row; r; r = r->next)
		if (r->mount && r->mount->id == id && !in_vain(r) && r->reason != WHY_EMPTY)
			return r;
	return NULL;
}

/* ---- questions ---- */

static struct model kept;
static size_t kept_used;

static void model_keep(void)
{
	kept = m;
	kept_used = model_arena.used;
	memcpy(saved_model, model_arena.base, kept_used);
}

static void model_restore(void)
{
	m = kept;
	model_arena.used = kept_used;
	memcpy(model_arena.base, saved_model, kept_used);
}

static unsigned view_of(uint32_t ns)
{
	for (unsigned v = 0; v < nviews; v++)
		if (ns_of(&views[v]) == ns)
			return v;
	return 0;
}

static void count_answers(void)
{
	for (const struct why_row *r = why.row; r; r = r->next)
		answers[r->reason]++;
}

/* A mount is made in the model: every copy of it has its row, and is seen or not as that says. */
static int same_mount(uint32_t ns, const char *path)
{
	unsigned copies = 0, rows = 0;
	uint32_t made, on, node;

	if (why_ask(&why, &graph, view_of(ns), path, 0, &arena, &e))
		return 0;
	if (model_mount(&m, ns, "new", path, &made))
		return 1;
	count_answers();
	on = m.mount[made].parent;
	node = m.mount[made].point;
	if (why.on->id != (int)on || why.row->mount != why.on || why.group != kept.mount[on].group)
		return 0;
	for (uint32_t i = 1; i <= m.mounts; i++) {
		const struct why_row *r;
		uint32_t shown, root;
		char buf[1024];

		if (!m.mount[i].ns || m.mount[i].root != m.mount[made].root)
			continue;
		copies++;
		r = row_of((int)m.mount[i].parent);
		if (!r || ns_of(r->view) != m.mount[i].ns ||
		    strcmp(r->path, script_path(&m, i, m.mount[i].root, buf, sizeof buf)) != 0)
			return 0;
		if ((r->reason == WHY_SEEN) != (!model_resolve(&m, m.mount[i].ns, r->path, &shown, &root) && shown == i))
			return 0;
		if (r->reason == WHY_HIDDEN && !path_below(r->path, r->by->point))
			return 0;
	}
	for (const struct why_row *r = why.row; r; r = r->next)
		rows += !in_vain(r);
	model_restore();
	return rows == copies && same_others(on, node, 0);
}

static int any_locked(uint32_t ns)
{
	for (uint32_t i = 1; i <= kept.mounts; i++)
		if (kept.mount[i].ns == ns && before[i] & MOUNT_LOCKED)
			return 1;
	return 0;
}

/* An umount is made in the model: what is gone has its row, or was on what was asked about. */
static int same_umount(uint32_t ns, const char *path)
{
	uint32_t mount, node, on;
	enum model_rule r = model_resolve(&m, ns, path, &mount, &node);
	int bad = why_ask(&why, &graph, view_of(ns), path, 1, &arena, &e), is = 1;
	unsigned gone = 0, rows = 0;

	if (r || node != m.mount[mount].root || mount == m.ns[ns].root)
		return bad;
	/* Over a root: no path leads there. */
	on = m.mount[mount].parent;
	node = m.mount[mount].point;
	for (uint32_t i = 1; i <= m.mounts; i++)
		before[i] = (char)(m.mount[i].ns ? m.mount[i].flags | 64 : 0);
	if (model_umount(&m, ns, path, m.mount[mount].child != 0))
		return !bad;
	if (bad || why.gone->id != (int)mount || why.on->id != (int)on)
		return 0;
	count_answers();
	for (uint32_t i = 1; i <= m.mounts && is; i++) {
		const struct why_row *row = row_of((int)i);

		if (before[i] && !m.mount[i].ns) {
			gone++;
			rows += row && row->reason == WHY_GONE;
		} else if (row && row->reason == WHY_GONE) {
			/* Locks are in no table. */
			is = row->along && any_locked(ns_of(row->view));
			locked++;
		}
	}
	model_restore();
	return is && gone == rows && same_others(on, node, mount);
}

static void start(void)
{
	static const char *const paths[] = {"/x", "/x/x", "/x/x/x", "/x/y", "/y", "/y/x"};

	arena_init(&model_arena, model_memory, sizeof model_memory);
	CHECK(!model_init(&m, &model_arena, MAX_MOUNTS, MAX_NAMESPACES, "root"));
	for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++)
		model_mkdir(&m, 1, paths[i]);
}

static void tell(unsigned script, const char *what, uint32_t ns, const char *path)
{
	printf("# script %u: %s at %s in %u differs\n", script, what, path, ns);
	for (unsigned v = 0; v < nviews; v++)
		for (unsigned i = 0; i < views[v].table.n; i++) {
			const struct mount *x = &views[v].table.mount[i];

			printf("# %s: %d on %d, 0:%u %s at %s, shared %u master %u\n", views[v].name, x->id, x->parent,
			       x->minor, x->root, x->point, x->shared, x->master);
		}
	for (const struct why_row *r = why.row; r; r = r->next)
		printf("# -> %s: %d %s, %d by %s\n", r->view->name, r->mount ? r->mount->id : 0, r->path ? r->path : "",
		       r->reason, r->by ? r->by->point : "");
}

static void model_agrees_with_why(void)
{
	unsigned differ = 0, asked = 0;

	for (unsigned script = 0; script < SCRIPTS && differ < 3; script++) {
		struct random r;
		unsigned length;

		random_start(&r, 5, script);
		length = 5 + random_below(&r, 40);
		start();
		for (unsigned n = 1; n <= length; n++) {
			struct op op;
			int outcome;

			random_op(&r, &m, &model_arena, n, &op, &outcome);
		}
		look_at_model();
		for (int k = 0; k < 2 * QUESTIONS; k++) {
			uint32_t ns = any_ns(&r, &m);
			const char *path = any_path(&r, &m, ns, &model_arena, k % 2 ? 0 : 3);
			size_t used = arena.used;
			int is;

			model_keep();
			is = k % 2 ? same_umount(ns, path) : same_mount(ns, path);
			model_restore();
			asked++;
			if (!is)
				tell(script, k % 2 ? "umount" : "mount", ns, path);
			differ += !is;
			arena.used = used;
		}
	}
	printf("# %u questions, %u answers doubtful for locks; rows:", asked, locked);
	for (unsigned i = 0; i < WHY_REASONS; i++)
		printf(" %u", answers[i]);
	printf("\n");
	CHECK(!differ);
	/* A script that never comes there proves nothing; nearly every view has the whole of every file system. */
	for (unsigned i = 0; i < WHY_REASONS; i++)
		CHECK(answers[i] > 100 || i == WHY_PART);
}

/* ---- tables that no model makes ---- */

static void tables(const char *const *text)
{
	arena_init(&arena, memory, sizeof memory);
	nviews = 0;
	for (; *text; text += 2)
		add_view(text[0], text[1]);
	CHECK(!graph_build(&graph, views, nviews, &arena));
}

static int ask(unsigned from, const char *path, int umount)
{
	e.text[0] = '\0';
	return why_ask(&why, &graph, from, path, umount, &arena, &e);
}

/* The only row of a view: its reason, or -1. */
static int reason_in(const char *name)
{
	int reason = -1;

	for (const struct why_row *r = why.row; r; r = r->next)
		if (!strcmp(r->view->name, name))
			reason = reason < 0 ? (int)r->reason : -1;
	return reason;
}

static const char *path_in(const char *name)
{
	for (const struct why_row *r = why.row; r; r = r->next)
		if (!strcmp(r->view->name, name))
			return r->path;
	return NULL;
}

static void reasons(void)
{
	static const char *const text[] = {
		"host", "1 0 8:1 / / rw - ext4 x\n2 1 0:5 / /media rw shared:1 - tmpfs x\n",
		"private", "4 0 9:1 / / rw - ext4 x\n5 4 0:5 / /mnt rw - tmpfs x\n",
		"part", "6 0 9:1 / / rw - ext4 x\n7 6 0:5 /dvd /mnt rw master:1 - tmpfs x\n",
		"cd", "8 0 9:1 / / rw - ext4 x\n9 8 0:5 /cd /mnt\\040a rw master:1 - tmpfs x\n",
		"apart", "10 0 9:1 / / rw - ext4 x\n11 10 0:5 / /mnt rw shared:7 - tmpfs x\n",
		"slave", "12 0 9:1 / / rw - ext4 x\n13 12 0:5 / /mnt rw master:1 - tmpfs x\n",
		"over", "14 0 9:1 / / rw - ext4 x\n15 14 0:5 / /mnt rw master:1 - tmpfs x\n16 14 0:9 / /mnt rw - tmpfs x\n",
		"none", "17 0 9:1 / / rw - ext4 x\n", NULL,
	};

	tables(text);
	CHECK(!ask(0, "/media/cd", 0));
	CHECK(reason_in("host") == WHY_SEEN && reason_in("private") == WHY_PRIVATE);
	CHECK(reason_in("part") == WHY_PART && reason_in("apart") == WHY_APART);
	CHECK(reason_in("slave") == WHY_SEEN && reason_in("none") == WHY_NONE);
	CHECK(reason_in("over") == WHY_HIDDEN && reason_in("cd") == WHY_SEEN);
	CHECK_STR(path_in("slave"), "/mnt/cd");
	CHECK_STR(path_in("part"), "/mnt");
	/* The mount at the directory itself, with the blank in its name. */
	CHECK_STR(path_in("cd"), "/mnt a");
	CHECK(!ask(0, "/media/cdrom", 0));
	CHECK(reason_in("cd") == WHY_PART);
	CHECK(!ask(5, "/mnt/cd", 0));
	CHECK(!why.group && reason_in("host") == WHY_ABOVE && reason_in("private") == WHY_SILENT);
	CHECK(ask(0, "/media/cd", 1) && !strcmp(e.text, "/media/cd: nothing is mounted there"));
	CHECK(ask(0, "/", 1) && !strcmp(e.text, "/: a root is not unmounted"));
	/* Another name as long, and one that begins alike. */
	CHECK(!ask(0, "/mediu/cd", 0) && !strcmp(why.on->point, "/"));
	CHECK(!ask(0, "/medi", 0) && !strcmp(why.on->point, "/"));
}

static void umounts(void)
{
	static const char *const text[] = {
		"host", "1 0 8:1 / / rw - ext4 x\n2 1 0:5 / /m rw shared:1 - tmpfs x\n3 2 0:6 / /m/cd rw shared:2 - tmpfs x\n",
		"gone", "4 0 9:1 / / rw - ext4 x\n5 4 0:5 / /m rw master:1 - tmpfs x\n6 5 0:6 / /m/cd rw master:2 - tmpfs x\n",
		"other", "7 0 9:1 / / rw - ext4 x\n8 7 0:5 / /m rw master:1 - tmpfs x\n9 8 0:7 / /m/cd rw - tmpfs x\n",
		"stays", "10 0 9:1 / / rw - ext4 x\n11 10 0:5 / /m rw master:1 - tmpfs x\n"
			 "12 11 0:6 / /m/cd rw master:2 - tmpfs x\n13 12 0:8 / /m/cd/a rw - tmpfs x\n",
		"empty", "14 0 9:1 / / rw - ext4 x\n15 14 0:5 / /m rw master:1 - tmpfs x\n",
		"keeps", "16 0 9:1 / / rw - ext4 x\n17 16 0:6 / /cd rw master:2 - tmpfs x\n",
		"none", "18 0 9:1 / / rw - ext4 x\n", NULL,
	};

	tables(text);
	CHECK(!ask(0, "/m/cd", 1) && !why.along);
	CHECK(reason_in("host") == WHY_GONE && reason_in("gone") == WHY_GONE && reason_in("other") == WHY_GONE);
	CHECK(reason_in("stays") == WHY_STAYS && reason_in("empty") == WHY_EMPTY);
	CHECK(reason_in("keeps") == WHY_KEEPS && reason_in("none") == WHY_NONE);
	/* What is on it goes along; where the tree itself does not come, nobody misses its parts. */
	CHECK(!ask(0, "/m", 1) && why.along == 1 && reason_in("empty") == WHY_KEEPS);
}

/* Between the group that sends and the one that is named as master there are some that nobody can see. */
static void unseen_groups(void)
{
	static const char *const text[] = {
		"host", "1 0 8:1 / / rw - ext4 x\n2 1 0:5 / /m rw shared:1 - tmpfs x\n",
		"far", "3 0 9:1 / / rw - ext4 x\n4 3 0:5 / /m rw master:3 propagate_from:1 - tmpfs x\n",
		"as far", "5 0 9:1 / / rw - ext4 x\n6 5 0:5 / /m rw shared:9 master:3 - tmpfs x\n",
		"farther", "7 0 9:1 / / rw - ext4 x\n8 7 0:5 / /m rw master:9 - tmpfs x\n", NULL,
	};

	tables(text);
	CHECK(!ask(0, "/m/a", 0));
	CHECK(reason_in("far") == WHY_SEEN && reason_in("as far") == WHY_SEEN && reason_in("farther") == WHY_SEEN);
	CHECK(!ask(3, "/m/a", 0));
	CHECK(reason_in("host") == WHY_ABOVE && reason_in("as far") == WHY_ABOVE && reason_in("far") == WHY_SILENT);
}

/* A process in a chroot has no mount for its root; a circle is in no kernel. */
static void odd_tables(void)
{
	static const char *const text[] = {
		"chroot", "21 7 0:9 / /proc rw shared:3 - proc x\n22 21 0:9 / /proc/a rw - proc x\n",
		"circle", "1 2 0:9 / / rw shared:3 - a x\n2 1 0:9 / / rw shared:3 - b x\n3 4 0:9 / /a rw shared:3 - b x\n"
			  "4 3 0:9 / /a rw shared:3 master:3 - b x\n5 5 0:9 / / rw master:3 - c x\n6 6 0:9 / / rw - d x\n",
		"gone", "1 0 8:1 / / rw - ext4 x\n2 1 8:1 /a//deleted /m rw shared:5 - ext4 x\n",
		"net", "1 0 8:1 / / rw - ext4 x\n3 1 0:4 net:[4026532001] /run/net rw shared:6 - nsfs nsfs\n",
		"asker", "1 0 9:1 / / rw shared:8 - a x\n2 1 9:2 / /b rw - b x\n",
		"round", "1 2 9:1 /b /b rw shared:8 - a x\n2 1 9:1 /b /b rw shared:8 - a x\n3 2 9:3 / /b/c rw - c x\n", NULL,
	};

	tables(text);
	CHECK(ask(0, "/etc", 0));
	CHECK_STR(e.text, "/etc: the mount that it is on is outside the root of chroot");
	CHECK(!ask(0, "/proc/b", 0) && reason_in("chroot") == WHY_SEEN);
	CHECK(!ask(0, "/proc/a", 1) && reason_in("chroot") == WHY_GONE);
	CHECK(ask(0, "/proc", 1));
	for (int k = 0; k < 2; k++) {
		ask(1, "/a", k);
		ask(1, "/a/a/a/a", k);
		ask(1, "/", k);
	}
	/* All of a circle would go, but for what is on it. */
	CHECK(!ask(4, "/b", 1) && reason_in("round") == -1);
	CHECK(!ask(2, "/m/x", 0) && reason_in("gone") == WHY_SEEN);
	CHECK(!ask(3, "/run/net", 0) && reason_in("net") == WHY_SEEN);
	CHECK(!ask(3, "/run/net", 1) && reason_in("net") == WHY_GONE);
}

/* As much room as the command has, and more lines than any kernel prints by itself. */
static void a_million_lines(void)
{
	enum { ROOM = 256 << 20, LINES = 1000000 };

	for (int peers = 0; peers < 2; peers++) {
		char *room = malloc(ROOM), *text = room;
		size_t n;

		if (!room) {
			printf("# no memory for it\n");
			return;
		}
		n = (size_t)sprintf(text, "1 0 0:1 / / rw shared:1 - x x rw\n");
		for (unsigned i = 2; i <= LINES; i++)
			n += (size_t)sprintf(text + n, "%u 1 0:%u / /a/%u rw shared:%u - x x rw\n", i, peers ? 1 : i, i,
					     peers ? 1 : i);
		arena_init(&arena, room, ROOM);
		arena.used = n;
		nviews = 1;
		views[0] = (struct view){.name = "host", .pid = 1, .ino = 1};
		CHECK(!mounts_parse(&views[0].table, text, n, &arena, &e) && views[0].table.n == LINES);
		if (graph_build(&graph, views, nviews, &arena) || ask(0, "/b", 0))
			CHECK(peers && !strcmp(e.text, "no room for the mounts of 1 mount namespaces"));
		else
			/* Where pointers are short there is room for a million peers. */
			CHECK(why.on->id == 1 && why.row && !why.row->next == !peers);
		free(room);
	}
}

int main(void)
{
	TEST(reasons);
	TEST(umounts);
	TEST(unseen_groups);
	TEST(odd_tables);
	TEST(model_agrees_with_why);
	TEST(a_million_lines);
	return test_end();
}
