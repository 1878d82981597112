/*
 * floor-default.c - floor.c for hutch's defaults: an init as PID 1, a minimal
 * /dev with pts, shm and mqueue, and the protected parts of /proc. One source,
 * so that the two floors can not drift apart.
 */
#define DEFAULTS
#include "floor.c"
