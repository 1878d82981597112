/* The nodes and links of a /dev, see dev.h. */
#include "plan/dev.h"

const struct dev_node dev_nodes[DEV_NODES] = {
	{"/dev/null", 0666, 1, 3}, {"/dev/zero", 0666, 1, 5}, {"/dev/full", 0666, 1, 7},
	{"/dev/random", 0666, 1, 8}, {"/dev/urandom", 0666, 1, 9}, {"/dev/tty", 0666, 5, 0},
	{"/dev/kmsg", 0644, 1, 11}, {"/dev/console", 0600, 5, 1}, {"/dev/ptmx", 0666, 5, 2},
};

const char *const dev_links[DEV_LINKS][2] = {
	{"/proc/self/fd", "/dev/fd"}, {"/proc/self/fd/0", "/dev/stdin"},
	{"/proc/self/fd/1", "/dev/stdout"}, {"/proc/self/fd/2", "/dev/stderr"},
};
