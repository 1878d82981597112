/* Peer groups as a picture, see draw.h. */
#include "mounts/draw.h"

#include <limits.h>
#include <string.h>

#include "base/text.h"

enum { LINE = 24, EDGE = 24, MARGIN = 18, LANE = 14, NAME = 20, PATH = 40, TYPE = 16 };

/* The line of a group; one that is alone in it has a lane of 0 and needs none. */
struct band {
	int lane, top, bottom;
};

struct drawing {
	const struct graph *g;
	struct out *o;
	int all;
	int **y;			/* of each mount of each view: the middle of its line, 0: it has none */
	struct band *band;		/* of each group */
	int *until;			/* of each lane: how far down it is in use */
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

/* With all of it in a tooltip where it is cut. */
static void put_label(struct out *o, int x, int y, const char *kind, const char *text, int most)
{
	out_packed(o, "<text x='%d' y='%d'%s>", x, y, kind);
	if (characters(text) > most) {
		out_put(o, "<title>");
		put_text(o, text, INT_MAX);
		out_put(o, "</title>");
	}
	put_text(o, text, most);
	out_put(o, "</text>\n");
}

/* A box, and the places of its lines. */
static void draw_box(const struct drawing *d, unsigned v, int x, int y)
{
	static const char right[] = " class='r'";
	const struct view *view = &d->g->view[v];
	int end = x + d->width - MARGIN;
	char count[24];

	out_packed(d->o, "<rect x='%d' y='%d' width='%d' height='%d' rx='4' fill='#f4f6f8' stroke='#999'/>\n",
		   x, y, d->width, height(d, v));
	x += MARGIN;
	put_label(d->o, x, y + 17, " font-weight='bold'", view->name, NAME);
	text_format(count, sizeof count, "%u mount%s", view->table.n, view->table.n == 1 ? "" : "s");
	put_label(d->o, end, y + 17, right, count, NAME);
	for (unsigned i = 0; i < view->table.n; i++) {
		const struct mount *m = &view->table.mount[i];

		if (!d->y[v][i])
			continue;
		y += LINE;
		d->y[v][i] = y + LINE / 2;
		put_label(d->o, x, y + 16, "", m->point, PATH);
		put_label(d->o, end, y + 16, right, m->type, TYPE);
	}
}

/* All boxes; how high the picture is. */
static int draw_boxes(const struct drawing *d)
{
	int y = EDGE, left;

	draw_box(d, 0, EDGE, y);
	left = y + height(d, 0);
	for (unsigned v = 1; v < d->g->nviews; v++) {
		draw_box(d, v, d->right, y);
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

/* Groups that never are beside each other share a lane. */
static void choose_lanes(struct drawing *d)
{
	unsigned from = 0, to = 0;
	int lane;

	for (struct band *b = d->band; graph_next(d->g, d->all, &from, &to); b++) {
		b->top = b->bottom = level(d, &d->g->tie[from]);
		for (unsigned i = from; i < to; i++) {
			int y = level(d, &d->g->tie[i]);

			b->top = y < b->top ? y : b->top;
			b->bottom = y > b->bottom ? y : b->bottom;
		}
		if (to - from == 1)
			continue;
		for (lane = 0; lane < d->lanes && d->until[lane] >= b->top; lane++)
			;
		d->lanes += lane == d->lanes;
		d->until[lane] = b->bottom;
		b->lane = EDGE + d->width + (lane + 2) * LANE;
	}
}

/* What joins a mount with its group: a dot there for a peer, an arrow from there to who receives. */
static void draw_tie(const struct drawing *d, const struct tie *t, int lane)
{
	int right = t->view > d->g->view, y = level(d, t), x = right ? d->right : EDGE + d->width;
	int out = right ? -1 : 1;

	lane = lane ? lane : x + out * 2 * LANE;
	out_packed(d->o, "<path d='M%d %dH%d", lane, y, x + out * LANE);
	if (t->receives)
		out_printf(d->o, "m%d -4l%d 4l%d 4", out * 6, out * -6, out * 6);
	out_put(d->o, "'/>");
	if (!t->receives)
		out_packed(d->o, "<circle cx='%d' cy='%d' r='3'/>", lane, y);
	out_packed(d->o, "<rect x='%d' y='%d' width='28' height='11' rx='3'/><text x='%d' y='%d'>%u</text>\n",
		   x - 14, y - 5, x, y + 4, (unsigned)t->group);
}

static void draw_groups(const struct drawing *d)
{
	static const char colours[][7] = {
		"0072b2", "d55e00", "009e73", "cc79a7", "b8860b", "56b4e9", "7f3c8d", "666666",
	};
	unsigned from = 0, to = 0;

	for (const struct band *b = d->band; graph_next(d->g, d->all, &from, &to); b++) {
		const char *colour = colours[(b - d->band) % 8];

		out_packed(d->o, "<g stroke='#%s' fill='#%s'><path d='M%d %dV%d'/>\n", colour, colour, b->lane, b->top,
			   b->bottom);
		for (unsigned i = from; i < to; i++)
			draw_tie(d, &d->g->tie[i], b->lane);
		out_put(d->o, "</g>\n");
	}
}

int draw_svg(const struct graph *g, int all, struct arena *a, struct out *o)
{
	struct drawing d = {.g = g, .o = o, .all = all, .y = ARENA_ARRAY(a, int *, g->nviews),
			    .band = ARENA_ARRAY(a, struct band, g->nties + 1),
			    .until = ARENA_ARRAY(a, int, g->nties + 1)};
	int w, h;

	if (!d.y || !d.band || !d.until || choose(&d, a))
		return -1;
	/* Lanes want the places first, the right boxes the lanes: what is printed here is forgotten. */
	h = draw_boxes(&d);
	*o = (struct out){.text = o->text, .size = o->size};
	choose_lanes(&d);
	d.right = EDGE + d.width + (d.lanes + 4) * LANE;
	w = d.right + (g->nviews > 1 ? d.width + EDGE : 0);
	out_packed(o, "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' viewBox='0 0 %d %d' "
		   "font-family='monospace' font-size='12'>\n<style>.r{text-anchor:end;fill:#666}path{fill:none;"
		   "stroke-width:2}g text{text-anchor:middle;font-size:10px;stroke:none;fill:#fff}</style>\n"
		   "<rect width='100%%' height='100%%' fill='#fff'/>\n", w, h + LINE * 3 / 2, w, h + LINE * 3 / 2);
	draw_boxes(&d);
	draw_groups(&d);
	out_packed(o, "<text y='%d'><tspan x='24'>What is mounted below one dot of a line</tspan><tspan x='24' "
		   "dy='16'>appears below its other dots and arrows.</tspan></text>\n</svg>\n", h);
	return 0;
}
