/* The last known good profiles, on disk. Private to this floor. */
#ifndef HUTCH_GOOD_H
#define HUTCH_GOOD_H

#include "supervise/supervise.h"

/* Looked for there too when nobody can tell where they are kept: init.conf may be what is wrong. */
#define GOOD_USUAL "/var/lib/hutch/good"

/* The archive at this path into memory of its own; base stays NULL when it is none. May wait for the disk. */
void good_read(struct text_archive *to, const char *path);

#endif
