/* Sums of bytes, see sum.h. */
#include "base/sum.h"

uint64_t sum_bytes(uint64_t sum, const void *data, size_t n)
{
	for (const unsigned char *byte = data; n; n--)
		sum = (sum ^ *byte++) * 0x100000001b3;
	return sum;
}

uint64_t sum_text(uint64_t sum, const char *text)
{
	do
		sum = (sum ^ (unsigned char)*text) * 0x100000001b3;
	while (*text++);
	return sum;
}

uint32_t sum32_bytes(uint32_t sum, const void *data, size_t n)
{
	for (const unsigned char *byte = data; n; n--)
		sum = (sum ^ *byte++) * 16777619u;
	return sum;
}
