/*
 * Tables that the model prints are loaded into another one, in any order of their lines; both then do the same
 * operations. Without a kernel: see model.c for tables of one.
 */
#include "loaded.h"

#include <stdio.h>
#include <string.h>

#include "mounts/agree.h"
#include "mounts/load.h"
#include "random.h"

static char memory[2][8 << 20] __attribute__((aligned(16))), tables[4 << 20] __attribute__((aligned(16)));
static char text[MAX_NAMESPACES][256 << 10], again[256 << 10];
static struct model one, two;
static struct random dice;

/* Lines of a namespace, shuffled: which mount is on which. */
static uint32_t order[MAX_NAMESPACES][MAX_MOUNTS];

static void print_root(struct out *o, const struct model *m, uint32_t node)
{
	if (node == m->node[node].top)
		return;
	print_root(o, m, m->node[node].up);
	out_printf(o, "/%s", m->node[node].name);
}

/* The nearest group that sends to this master and has a member here; 0: the master itself, or none. */
static uint32_t from_of(const struct model *m, uint32_t ns, uint32_t master)
{
	for (uint32_t g = master; g; g = m->group[g].master)
		for (uint32_t i = 1; i <= m->mounts; i++)
			if (m->mount[i].ns == ns && m->mount[i].group == g)
				return g == master ? 0 : g;
	return 0;
}

static size_t print(struct model *m, uint32_t ns, char *to, size_t size, uint32_t *lines)
{
	uint32_t n = 0, root = m->ns[ns].root;
	struct out o;

	for (uint32_t i = root; i; i = model_next(m, i, root))
		lines[n++] = i;
	for (uint32_t i = n; i > 1; i--) {
		uint32_t k = random_below(&dice, i), was = lines[i - 1];

		lines[i - 1] = lines[k];
		lines[k] = was;
	}
	out_init(&o, to, size);
	for (uint32_t k = 0; k < n; k++) {
		const struct model_mount *x = &m->mount[lines[k]];
		uint32_t top = m->node[x->root].top, master = model_master(m, lines[k]), from = from_of(m, ns, master);
		char path[8192];

		out_printf(&o, "%u %u 0:%u ", lines[k] + 1000, x->parent + 1000, top);
		print_root(&o, m, x->root);
		out_printf(&o, "%s %s rw", x->root == top ? "/" : "", script_path(m, lines[k], x->root, path, sizeof path));
		if (x->group)
			out_printf(&o, " shared:%u", x->group);
		if (master)
			out_printf(&o, " master:%u", master);
		if (from)
			out_printf(&o, " propagate_from:%u", from);
		out_printf(&o, "%s - tmpfs %s rw\n", x->flags & MOUNT_UNBINDABLE ? " unbindable" : "", m->node[top].name);
	}
	return o.lost ? 0 : o.used;
}

void loaded_directories(struct model *m)
{
	static const char *const paths[] = {"x/x/x", "x/y", "y/x"};
	uint32_t nodes = m->nodes;

	for (uint32_t i = 1; i <= nodes; i++)
		for (int k = 0; k < 3 && !m->node[i].up && *m->node[i].name; k++)
			model_walk(m, i, paths[k], 1);
}

/* Loads those namespaces of the first model that `which` has a bit of into the second one. */
static const char *load(unsigned which, struct arena *a)
{
	static struct view view[MAX_NAMESPACES];
	static char why[200];
	uint32_t ns[MAX_NAMESPACES], n = 0;
	struct arena t;
	struct err e;

	arena_init(a, memory[1], sizeof memory[1]);
	arena_init(&t, tables, sizeof tables);
	for (uint32_t i = 1; i <= one.namespaces; i++) {
		size_t length;

		if (!one.ns[i].root || !(which >> i & 1))
			continue;
		length = print(&one, i, text[n], sizeof text[n], order[n]);
		view[n] = (struct view){.name = one.ns[i].name};
		if (!length || mounts_parse(&view[n].table, text[n], length, &t, &e))
			return "no table";
		ns[n++] = i;
	}
	if (model_load(&two, a, view, n, 3000, &e)) {
		snprintf(why, sizeof why, "%s", e.text);
		return why;
	}
	two.facts = one.facts;
	two.users = one.users;
	for (uint32_t k = 0; k < n; k++) {
		two.ns[k + 1].user = one.ns[ns[k]].user;
		for (unsigned i = 0; i < view[k].table.n; i++)
			two.mount[two.ns[k + 1].base + 1 + i].flags |= one.mount[order[k][i]].flags & MOUNT_LOCKED;
	}
	loaded_directories(&two);
	return NULL;
}

/* Whether a namespace of the second model is what the first one prints of it. */
static int same(uint32_t ns, char *why, size_t size)
{
	static uint32_t lines[MAX_MOUNTS];
	struct mounts table;
	struct arena t;
	struct out o;
	struct err e;
	size_t length = print(&one, ns, again, sizeof again, lines);

	arena_init(&t, tables, sizeof tables);
	out_init(&o, why, size);
	return length && !mounts_parse(&table, again, length, &t, &e) &&
	       model_agrees(&two, model_find_ns(&two, one.ns[ns].name), &table, &o);
}

static int all_same(unsigned which, char *why, size_t size)
{
	script_renumber(&two);
	for (uint32_t ns = 1; ns <= one.namespaces; ns++)
		if (one.ns[ns].root && which >> ns & 1 && !same(ns, why, size))
			return 0;
	return 1;
}

/* Prints a script's operations up to here, for who wants to see them done. */
static int differ(const struct op *ops, unsigned n, const char *why)
{
	printf("# after %u operations: %s\n", n, why);
	for (unsigned i = 0; i < n; i++) {
		char line[1024];
		struct out o;

		out_init(&o, line, sizeof line);
		script_print(&ops[i], &o);
		printf("# %s\n", line);
	}
	return 0;
}

static int script(uint64_t seed, uint64_t number)
{
	static struct op ops[MAX_OPS];
	static const char *const paths[] = {"x/x/x", "x/y", "y/x"};
	struct arena a, b;
	struct random r;
	unsigned length, at;
	char why[400] = "";

	random_start(&r, seed, number);
	random_start(&dice, number, seed);
	arena_init(&a, memory[0], sizeof memory[0]);
	model_init(&one, &a, MAX_MOUNTS, MAX_NAMESPACES, "root");
	for (int i = 0; i < 3; i++)
		model_walk(&one, one.mount[one.ns[1].root].root, paths[i], 1);
	length = 5 + random_below(&r, 56);
	at = random_below(&r, length);
	for (unsigned n = 0; n < length; n++) {
		const char *wrong = NULL;
		int outcome, other;

		/* Each namespace alone, some of them, then all. */
		for (uint32_t k = 1; n == at && k <= one.namespaces + 2; k++) {
			unsigned some = k <= one.namespaces ? 1u << k : k == one.namespaces + 1 ? random_below(&r, 1u << 12) : ~0u;

			wrong = load(some, &b);
			if (wrong || !all_same(some, why, sizeof why))
				return differ(ops, n, wrong ? wrong : why);
		}
		random_op(&r, &one, &a, n + 1, &ops[n], &outcome);
		if (n < at)
			continue;
		other = script_do(&two, &ops[n], &wrong);
		if (other != outcome) {
			snprintf(why, sizeof why, "%s, not %s", other < 0 ? wrong : script_errno((enum model_rule)other),
				 script_errno((enum model_rule)outcome));
			return differ(ops, n + 1, why);
		}
		if (!all_same(~0u, why, sizeof why))
			return differ(ops, n + 1, why);
	}
	return 1;
}

unsigned long loaded_random(unsigned long scripts, uint64_t seed)
{
	unsigned long bad = 0;

	for (uint64_t i = 0; i < scripts && bad < 5; i++)
		if (!script(seed, i)) {
			printf("# seed %llu, script %llu\n", (unsigned long long)seed, (unsigned long long)i);
			bad++;
		}
	return bad;
}
