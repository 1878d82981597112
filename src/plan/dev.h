/* What every program expects in /dev: of a sandbox, and of the machine. Pure. */
#ifndef HUTCH_PLAN_DEV_H
#define HUTCH_PLAN_DEV_H

#include <stdint.h>

/* The nodes of dev=minimal come first; the others are the machine's own alone. */
enum { MINIMAL_NODES = 6, DEV_NODES = 9, DEV_LINKS = 4 };

/* Numbers of the kernel's Documentation/admin-guide/devices.txt */
struct dev_node {
	const char *path;
	uint16_t mode;
	uint8_t major, minor;
};
extern const struct dev_node dev_nodes[DEV_NODES];

/* Target and path. */
extern const char *const dev_links[DEV_LINKS][2];

#endif
