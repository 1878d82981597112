/*
 * loaded.h - models that are loaded from tables go on like the one that the tables are of.
 *
 * For: tests/model only.
 */
#ifndef HUTCH_TESTS_MODEL_LOADED_H
#define HUTCH_TESTS_MODEL_LOADED_H

#include <stdint.h>

#include "mounts/model.h"

/* How many scripts differ; the first few are told. */
unsigned long loaded_random(unsigned long scripts, uint64_t seed);

/* The directories that every file system of random scripts has, in each of a loaded model. */
void loaded_directories(struct model *m);

#endif
