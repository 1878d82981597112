/* Peer groups over several mount tables, see graph.h. */
#include "mounts/graph.h"

#include <string.h>

/* How many ties a mount has, into `to` unless that is NULL. */
static unsigned ties_of(const struct view *v, const struct mount *m, struct tie *to)
{
	unsigned n = 0;

	/* Without a master that the reader can see, the nearest one that is named. */
	for (int receives = 0; receives < 2; receives++) {
		uint32_t group = receives ? m->master : m->shared;

		if (!group)
			continue;
		if (to)
			to[n] = (struct tie){v, m, group, (uint8_t)receives};
		n++;
	}
	return n;
}

/* The kernel gives the smallest free number to a group: few numbers, sorted by counting. */
int graph_build(struct graph *g, const struct view *view, unsigned n, struct arena *a)
{
	uint32_t last = 0, *start;
	struct tie two[2];

	*g = (struct graph){.view = view, .nviews = n};
	for (unsigned v = 0; v < n; v++)
		for (unsigned m = 0; m < view[v].table.n; m++) {
			unsigned k = ties_of(&view[v], &view[v].table.mount[m], two);

			g->nties += k;
			while (k--)
				last = two[k].group > last ? two[k].group : last;
		}
	g->tie = ARENA_ARRAY(a, struct tie, g->nties + 1);
	if (last >= UINT32_MAX / 16 || !(start = ARENA_ARRAY(a, uint32_t, 2 * last + 4)) || !g->tie)
		return -1;
	/* start[k] is where the ties of key k begin: a group's peers have 2 * group, the others one more. */
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned v = 0; v < n; v++)
			for (unsigned m = 0; m < view[v].table.n; m++) {
				unsigned k = ties_of(&view[v], &view[v].table.mount[m], two);

				for (unsigned i = 0; i < k; i++) {
					uint32_t key = 2 * two[i].group + two[i].receives;

					if (pass)
						g->tie[start[key]++] = two[i];
					else
						start[key + 1]++;
				}
			}
		for (uint32_t k = 1; !pass && k < 2 * last + 3; k++)
			start[k] += start[k - 1];
	}
	return 0;
}

int graph_next(const struct graph *g, int all, unsigned *from, unsigned *to)
{
	for (*from = *to; *from < g->nties; *from = *to) {
		while (*to < g->nties && g->tie[*to].group == g->tie[*from].group)
			++*to;
		if (all || *to - *from > 1)
			return 1;
	}
	return 0;
}

static void put_name(struct out *o, const struct tie *t)
{
	out_printf(o, "%s:%s", t->view->name, t->mount->point);
}

static void print_text(const struct graph *g, unsigned from, unsigned to, struct out *o)
{
	uint32_t master = 0;

	for (unsigned i = from; i < to; i++)
		if (!g->tie[i].receives && g->tie[i].mount->master)
			master = g->tie[i].mount->master;
	out_printf(o, "group %u", (unsigned)g->tie[from].group);
	if (master)
		out_printf(o, ", receives from group %u", (unsigned)master);
	out_put(o, "\n");
	for (unsigned i = from; i < to; i++) {
		const struct tie *t = &g->tie[i];

		/* What receives and sends on is told in its own group's first line. */
		out_printf(o, "    %-20s %-30s %s", t->view->name, t->mount->point,
			   t->receives ? "receives" : "peer");
		if (t->receives && t->mount->shared)
			out_printf(o, ", and is in group %u", (unsigned)t->mount->shared);
		out_put(o, "\n");
	}
}

static void print_dot(const struct graph *g, unsigned from, unsigned to, struct out *o)
{
	for (unsigned i = from; i < to; i++) {
		const struct tie *t = &g->tie[i];
		char name[4200];
		struct out text;

		out_init(&text, name, sizeof name);
		put_name(&text, t);
		out_put(o, "\t");
		if (t->receives)
			out_printf(o, "g%u -> ", (unsigned)t->group);
		out_json(o, name);
		if (!t->receives)
			out_printf(o, " -> g%u [dir=both]", (unsigned)t->group);
		out_put(o, "\n");
	}
	out_printf(o, "\tg%u [shape=circle label=\"%u\"]\n", (unsigned)g->tie[from].group, (unsigned)g->tie[from].group);
}

static void print_json(const struct graph *g, unsigned from, unsigned to, struct out *o)
{
	out_printf(o, "{\"group\":%u,\"mounts\":[", (unsigned)g->tie[from].group);
	for (unsigned i = from; i < to; i++) {
		const struct tie *t = &g->tie[i];

		out_put(o, i > from ? ",{\"in\":" : "{\"in\":");
		out_json(o, t->view->name);
		out_printf(o, ",\"pid\":%d,\"point\":", t->view->pid);
		out_json(o, t->mount->point);
		out_printf(o, ",\"receives\":%s}", t->receives ? "true" : "false");
	}
	out_put(o, "]}\n");
}

void graph_print(const struct graph *g, enum graph_form form, unsigned from, unsigned to,
		 struct out *o)
{
	static void (*const print[])(const struct graph *g, unsigned from, unsigned to,
				     struct out *o) = {
		[GRAPH_TEXT] = print_text, [GRAPH_DOT] = print_dot, [GRAPH_JSON] = print_json,
	};

	print[form](g, from, to, o);
}
