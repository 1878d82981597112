/* Mount namespaces and their peer groups as text, for dot(1), as JSON or as a picture. */
#ifndef HUTCH_CLI_GRAPH_H
#define HUTCH_CLI_GRAPH_H

#include "mounts/graph.h"

/* Prints n views, or draws them into a file when svg is its name, - for standard output. An exit status. */
int graph_show(const struct view *view, unsigned n, struct arena *a, enum graph_form form, int all,
	       const char *svg);

#endif
