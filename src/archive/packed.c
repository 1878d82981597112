/* The section of texts, packed: made from a first link of the program, for the second one. */
#include "archive/texts.h"

#ifdef TEXTS
const uint8_t texts_packed[] = {
#include "texts.inc"
};
#else
const uint8_t texts_packed[] = {0};
#endif
const unsigned long texts_packed_size = sizeof texts_packed;
