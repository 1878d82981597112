/*
 * Formatted text and plain searches. libc has them all, but with floating point,
 * wide characters and streams behind them: 15 KiB of a static program of 100.
 */
#ifndef HUTCH_TEXT_H
#define HUTCH_TEXT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/*
 * As snprintf(3), for %s %c %d %u %x %o with l and ll, a width, 0 and -, and a
 * precision for %s (a number or *). Returns the length that the whole text has.
 */
int text_format(char *to, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int text_vformat(char *to, size_t size, const char *format, va_list args);

/*
 * A literal that the released program carries packed, see archive/texts.h. Only text_vformat can read
 * it, as its format or for a %s: it is for what goes wrong, which seldom does. The arguments are
 * those of the format, if it is one: the compiler compares them.
 */
#define PACKED(literal, ...) \
	__extension__({ \
		(void)sizeof text_checked(literal, ##__VA_ARGS__); \
		static const char packed_[] TEXT_SECTION = literal; \
		packed_; \
	})
#define TEXT_SECTION __attribute__((section("packed_texts"), aligned(1)))

/* Called with a text that seems to be empty: unpacks the packed ones if it is of them. NULL: nothing is packed. */
extern void (*text_unpack)(const char *text);

int text_checked(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The digits at *text as a number, behind blanks; *text ends behind them. */
uint64_t text_number(const char **text, unsigned base);

/* The same for a text whose end nobody asks for, in base 10. */
uint64_t number_at(const char *text);

/* The one of these NAME=VALUE texts that sets `name`, or NULL; env may be NULL. */
const char *env_find(const char *const *env, const char *name);

/* The same, and only what stands behind the =. */
const char *env_value(const char *const *env, const char *name);

/* Where `part` is in text, or NULL. */
char *text_find(const char *text, const char *part);

/* Makes each control character but the tab a ?, also those of C1: nothing commands a terminal. */
void text_plain(char *text, size_t n);

#endif
