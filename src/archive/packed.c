/* The section of texts, packed: made from a first link of the program, for the second one. */
#include "archive/texts.h"

/* Among the code that is seldom needed: between the constants they would take everybody's window of the kernel. */
#ifdef TEXTS
__attribute__((section(".text.packed"))) const uint8_t texts_packed[] = {
#include "texts.inc"
};
#else
const uint8_t texts_packed[] = {0};
#endif
const unsigned long texts_packed_size = sizeof texts_packed;
