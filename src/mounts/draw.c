/* Peer groups as a picture, see draw.h. */
#include "mounts/draw.h"

#include <string.h>

enum { LINE = 24, EDGE = 24, LANE = 14, PATH = 40, TYPE = 16 };

struct drawing {
	const struct graph *g;
	struct out *o;
	int all;
	int **y;			/* of each mount of each view: the middle of its line, 0: it has none */
	int *lane, *until;		/* of a group, by its first tie; the lowest line of a lane */
	int width, right, lanes;	/* of a box; where the right boxes begin */
};

/* The bytes of the character at p, 0 when XML cannot have it or nobody can see it. */
static unsigned character(const char *text)
{
	static const uint32_t least[] = {0, ' ', 0xa0, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)text;
	unsigned n = 1u + (*p >= 0xc0) + (*p >= 0xe0) + (*p >= 0xf0), i;
	uint32_t c = n == 1 ? *p : *p & 0xffu >> n;

	for (i = 1; i < n && (p[i] & 0xc0) == 0x80; i++)
		c = c << 6 | (p[i] & 0x3f);
	return i == n && c >= least[n] && (n > 1 || c < 0x7f) && c < 0x110000 && c - 0xd800 >= 0x800 &&
	       (c | 1) != 0xffff ? n : 0;
}

static int characters(const char *p)
{
	int n = 0;

	for (unsigned k; *p; p += k ? k : 1, n++)
		k = character(p);
	return n;
}

/* At most so many characters, those of the middle are left out. */
static void put_text(struct out *o, const char *p, int most)
{
	int skip = characters(p) - most, i = 0;

	for (unsigned k; *p; p += k ? k : 1, i++) {
		k = character(p);
		if (skip > 0 && i == most / 2)
			out_put(o, "…");
		if (skip > 0 && i >= most / 2 && i <= most / 2 + skip)
			continue;
		if (strchr("<>&", *p))
			out_printf(o, "&#%d;", *p);
		else
			out_bytes(o, k ? p : "?", k ? k : 1);
	}
}

static int *place(const struct drawing *d, const struct tie *t)
{
	return &d->y[t->view - d->g->view][t->mount - t->view->table.mount];
}

/* Which mounts have a line, and how wide the boxes have to be. -1: no room. */
static int choose(struct drawing *d, struct arena *a)
{
	unsigned from = 0, to = 0;
	int wide = 28;

	for (unsigned v = 0; v < d->g->nviews; v++) {
		unsigned n = d->g->view[v].table.n;

		d->y[v] = ARENA_ARRAY(a, int, n + 1);
		if (!d->y[v])
			return -1;
		for (unsigned i = 0; i < n; i++)
			d->y[v][i] = d->all;
	}
	while (graph_next(d->g, d->all, &from, &to))
		for (unsigned i = from; i < to; i++)
			*place(d, &d->g->tie[i]) = 1;
	for (unsigned v = 0; v < d->g->nviews; v++)
		for (unsigned i = 0; i < d->g->view[v].table.n; i++) {
			const struct mount *m = &d->g->view[v].table.mount[i];
			int path = characters(m->point), type = characters(m->type);

			path = (path < PATH ? path : PATH) + (type < TYPE ? type : TYPE);
			wide = d->y[v][i] && path > wide ? path : wide;
		}
	d->width = wide * 15 / 2 + 2 * EDGE;
	return 0;
}

static int height(const struct drawing *d, unsigned v)
{
	int n = 1;

	for (unsigned i = 0; i < d->g->view[v].table.n; i++)
		n += d->y[v][i] != 0;
	return n * LINE + LINE / 4;
}

/* A box, if `print`, and the places of its lines. */
static void draw_box(const struct drawing *d, unsigned v, int x, int y, int print)
{
	const struct view *view = &d->g->view[v];
	int right = x + d->width - EDGE * 3 / 4;

	x += EDGE * 3 / 4;
	if (print) {
		out_printf(d->o, "<rect x='%d' y='%d' width='%d' height='%d' rx='4' fill='#f4f6f8' "
			   "stroke='#999'/>\n<text x='%d' y='%d' font-weight='bold'>", x - EDGE * 3 / 4, y,
			   d->width, height(d, v), x, y + 17);
		put_text(d->o, view->name, 20);
		out_printf(d->o, "</text><text x='%d' y='%d' class='t'>", right, y + 17);
		/* Of the host it is who draws. */
		if (v && view->pid)
			out_printf(d->o, "pid %d, ", view->pid);
		out_printf(d->o, "%u mount%s</text>\n", view->table.n, view->table.n == 1 ? "" : "s");
	}
	for (unsigned i = 0; i < view->table.n; i++) {
		const struct mount *m = &view->table.mount[i];

		if (!d->y[v][i])
			continue;
		y += LINE;
		d->y[v][i] = y + LINE / 2;
		if (!print)
			continue;
		out_printf(d->o, "<text x='%d' y='%d'><title>", x, y + 16);
		put_text(d->o, m->point, 4096);
		out_put(d->o, ": ");
		put_text(d->o, m->root, 4096);
		out_put(d->o, " of ");
		put_text(d->o, m->source, 4096);
		out_put(d->o, "</title>");
		put_text(d->o, m->point, PATH);
		out_printf(d->o, "</text><text x='%d' y='%d' class='t'>", right, y + 16);
		put_text(d->o, m->type, TYPE);
		out_put(d->o, "</text>\n");
	}
}

/* All boxes; how high the picture is. */
static int draw_boxes(const struct drawing *d, int print)
{
	int y = EDGE, left;

	draw_box(d, 0, EDGE, y, print);
	left = y + height(d, 0);
	for (unsigned v = 1; v < d->g->nviews; v++) {
		draw_box(d, v, d->right, y, print);
		y += height(d, v) + LINE / 2;
	}
	return (y > left ? y : left) + LINE;
}

/* Where a mount meets a group: who receives and sends on does both on one line. */
static int level(const struct drawing *d, const struct tie *t)
{
	int both = t->mount->shared && t->mount->master ? LINE / 4 : 0;

	return *place(d, t) + (t->receives ? both : -both);
}

static void span(const struct drawing *d, unsigned from, unsigned to, int *top, int *bottom)
{
	*top = *bottom = level(d, &d->g->tie[from]);
	for (; from < to; from++) {
		int y = level(d, &d->g->tie[from]);

		*top = y < *top ? y : *top;
		*bottom = y > *bottom ? y : *bottom;
	}
}

/* Groups that never are beside each other share a lane. */
static void choose_lanes(struct drawing *d)
{
	unsigned from = 0, to = 0;
	int top, bottom, lane;

	while (graph_next(d->g, d->all, &from, &to)) {
		span(d, from, to, &top, &bottom);
		for (lane = 0; lane < d->lanes && d->until[lane] >= top; lane++)
			;
		d->lanes += lane == d->lanes;
		d->until[lane] = bottom;
		d->lane[from] = EDGE + d->width + 2 * LANE + lane * LANE;
	}
}

/* What joins a mount with its group: a dot there for a peer, an arrow from there to who receives. */
static void draw_tie(const struct drawing *d, const struct tie *t, int lane)
{
	int right = t->view > d->g->view, y = level(d, t), x = right ? d->right : EDGE + d->width;
	int out = right ? -1 : 1;

	out_printf(d->o, "<path d='M%d %dH%d", lane, y, x + out * LANE);
	if (t->receives)
		out_printf(d->o, "m%d -4l%d 4l%d 4", out * 6, out * -6, out * 6);
	out_put(d->o, "'/>");
	if (!t->receives)
		out_printf(d->o, "<circle cx='%d' cy='%d' r='3'/>", lane, y);
	out_printf(d->o, "<rect x='%d' y='%d' width='28' height='11' rx='3'/><text x='%d' y='%d'>%u</text>\n",
		   x - 14, y - 5, x, y + 4, (unsigned)t->group);
}

static void draw_groups(const struct drawing *d)
{
	static const char colours[][7] = {
		"0072b2", "d55e00", "009e73", "cc79a7", "b8860b", "56b4e9", "7f3c8d", "666666",
	};
	unsigned from = 0, to = 0, n = 0;

	while (graph_next(d->g, d->all, &from, &to)) {
		int top, bottom;

		span(d, from, to, &top, &bottom);
		out_printf(d->o, "<g stroke='#%s' fill='#%s'><path d='M%d %dV%d'/>\n", colours[n % 8],
			   colours[n % 8], d->lane[from], top, bottom);
		for (unsigned i = from; i < to; i++)
			draw_tie(d, &d->g->tie[i], d->lane[from]);
		out_put(d->o, "</g>\n");
		n++;
	}
}

int draw_svg(const struct graph *g, int all, struct arena *a, struct out *o)
{
	struct drawing d = {.g = g, .o = o, .all = all, .y = ARENA_ARRAY(a, int *, g->nviews),
			    .lane = ARENA_ARRAY(a, int, g->nties + 1), .until = ARENA_ARRAY(a, int, g->nties + 1)};
	int w, h;

	/* First only the places. */
	if (!d.y || !d.lane || !d.until || choose(&d, a))
		return -1;
	h = draw_boxes(&d, 0);
	choose_lanes(&d);
	d.right = EDGE + d.width + (d.lanes + 4) * LANE;
	w = d.right + (g->nviews > 1 ? d.width + EDGE : 0);
	out_printf(o, "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d' "
		   "font-family='monospace' font-size='12'>\n<style>.t{text-anchor:end;fill:#666}path{fill:none;"
		   "stroke-width:2}g text{text-anchor:middle;font-size:10px;stroke:none;fill:#fff}</style>\n"
		   "<rect width='100%%' height='100%%' fill='#fff'/>\n", w, h + LINE * 3 / 2, w, h + LINE * 3 / 2);
	draw_boxes(&d, 1);
	draw_groups(&d);
	out_printf(o, "<text y='%d'><tspan x='24'>What is mounted below one dot of a line</tspan><tspan x='24' "
		   "dy='16'>appears below its other dots and arrows.</tspan></text>\n</svg>\n", h);
	return 0;
}
