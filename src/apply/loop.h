/* Image files as block devices. */
#ifndef HUTCH_LOOP_H
#define HUTCH_LOOP_H

#include "apply/step.h"

/*
 * Binds the file to a free loop device, read-only; the kernel unbinds it when its
 * last user goes. Returns the device's descriptor, or -1 with errno, and *what is what
 * could not be opened or bound.
 */
int loop_open(const char *path, const char **what);

/* The same for a step, which fails then. */
int loop_attach(struct walk *w, const char *path);

/* The file system's name by its magic number, or NULL. */
const char *image_type(int fd);

#endif
