/* Who keeps a mount busy. */
#ifndef HUTCH_BUSY_H
#define HUTCH_BUSY_H

#include <stddef.h>

/*
 * Puts the processes into `to` whose directory, root, program or open file is on the mount of
 * this id, "pid 12 (sh), pid 13 (ls)", as far as they may be looked at and it has room; "" when
 * none is found. Needs Linux 5.8.
 */
void busy_who(int proc, int mount, char *to, size_t size);

#endif
