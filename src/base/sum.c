/* Sums, see sum.h. */
#include "base/sum.h"

#include <string.h>

uint64_t sum_word(uint64_t sum, uint64_t word)
{
	sum = (sum ^ word) * 0x100000001b3;
	return sum ^ sum >> 32;
}

uint64_t sum_bytes(uint64_t sum, const void *data, size_t n)
{
	const unsigned char *byte = data;
	uint64_t word;

	for (; n >= sizeof word; n -= sizeof word, byte += sizeof word) {
		memcpy(&word, byte, sizeof word);
		sum = sum_word(sum, word);
	}
	while (n--)
		sum = sum_word(sum, *byte++);
	return sum;
}

uint64_t sum_text(uint64_t sum, const char *text)
{
	uint64_t word = 1;

	/* Its end is in the last word in any case. */
	for (; *text; text++) {
		word = word << 8 | (unsigned char)*text;
		if (word >> 56) {
			sum = sum_word(sum, word);
			word = 1;
		}
	}
	return sum_word(sum, word);
}

uint32_t sum32_bytes(uint32_t sum, const void *data, size_t n)
{
	for (const unsigned char *byte = data; n; n--)
		sum = (sum ^ *byte++) * 16777619u;
	return sum;
}
