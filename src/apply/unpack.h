/* A cpio archive into the sandbox's root. */
#ifndef HUTCH_UNPACK_H
#define HUTCH_UNPACK_H

#include "apply/step.h"

/* Unpacks the archive (newc, plain or gzip) that fd reads. -1: the step has failed. */
int unpack(struct walk *w, int fd);

#endif
