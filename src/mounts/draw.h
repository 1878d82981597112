/*
 * Mount namespaces and their peer groups as a picture: SVG that needs no script, font or program but
 * a browser. Pure: the same tables are the same picture.
 */
#ifndef HUTCH_MOUNTS_DRAW_H
#define HUTCH_MOUNTS_DRAW_H

#include "mounts/graph.h"

/*
 * The first namespace is on the left, the others are on the right, groups are lines between them. Only mounts
 * in groups of several are shown, without `all`. o is empty before. -1: no room in the arena.
 */
int draw_svg(const struct graph *g, int all, struct arena *a, struct out *o);

#endif
