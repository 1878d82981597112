/* Formatted text and plain searches, see text.h. */
#include "base/text.h"

#include <string.h>

void (*text_unpack)(const char *text);

static const char *readable(const char *text)
{
	if (!*text && text_unpack)
		text_unpack(text);
	return text;
}

/* Where the text goes, and how long it would be with room for all. */
struct sink {
	char *to;
	size_t size, length;
};

static void put(struct sink *s, const char *text, size_t n)
{
	size_t room = s->size > s->length + 1 ? s->size - s->length - 1 : 0;

	if (room)
		memcpy(s->to + s->length, text, n < room ? n : room);
	s->length += n;
}

static void pad(struct sink *s, char with, int n)
{
	for (; n > 0; n--)
		put(s, &with, 1);
}

/* One conversion: what stands between the percent sign and its letter. */
struct spec {
	int left, zero, width, precision, longs;
};

static const char *read_spec(struct spec *c, const char *p, va_list *args)
{
	*c = (struct spec){.precision = -1};
	for (; *p == '-' || *p == '0'; p++) {
		c->left |= *p == '-';
		c->zero |= *p == '0';
	}
	for (; *p >= '0' && *p <= '9'; p++)
		c->width = c->width * 10 + *p - '0';
	if (*p == '.' && *++p == '*') {
		c->precision = va_arg(*args, int);
		p++;
	} else if (p[-1] == '.') {
		for (c->precision = 0; *p >= '0' && *p <= '9'; p++)
			c->precision = c->precision * 10 + *p - '0';
	}
	for (; *p == 'l'; p++)
		c->longs++;
	return p;
}

static void put_field(struct sink *s, const struct spec *c, const char *text, size_t n)
{
	int room = c->width - (int)n;

	if (!c->left)
		pad(s, c->zero ? '0' : ' ', room);
	put(s, text, n);
	if (c->left)
		pad(s, ' ', room);
}

static void put_number(struct sink *s, const struct spec *c, uint64_t value, unsigned base,
		       int minus)
{
	char digits[24], *p = digits + sizeof digits;

	do
		*--p = "0123456789abcdef"[value % base];
	while (value /= base);
	if (minus)
		*--p = '-';
	put_field(s, c, p, (size_t)(digits + sizeof digits - p));
}

static uint64_t take_unsigned(const struct spec *c, va_list *args)
{
	if (c->longs > 1)
		return va_arg(*args, unsigned long long);
	return c->longs ? va_arg(*args, unsigned long) : va_arg(*args, unsigned);
}

static int64_t take_signed(const struct spec *c, va_list *args)
{
	if (c->longs > 1)
		return va_arg(*args, long long);
	return c->longs ? va_arg(*args, long) : va_arg(*args, int);
}

static void convert(struct sink *s, const struct spec *c, char letter, va_list *args)
{
	const char *text;
	int64_t number;
	char one;

	switch (letter) {
	case 's':
		text = va_arg(*args, const char *);
		text = text ? readable(text) : "(null)";
		put_field(s, c, text, c->precision < 0 ? strlen(text)
						       : strnlen(text, (size_t)c->precision));
		break;
	case 'c':
		one = (char)va_arg(*args, int);
		put_field(s, c, &one, 1);
		break;
	case 'd':
		number = take_signed(c, args);
		put_number(s, c, number < 0 ? -(uint64_t)number : (uint64_t)number, 10, number < 0);
		break;
	case 'x':
	case 'o':
	case 'u':
		put_number(s, c, take_unsigned(c, args), letter == 'x' ? 16 : letter == 'o' ? 8 : 10, 0);
		break;
	default:
		put(s, &letter, 1);
	}
}

int text_vformat(char *to, size_t size, const char *format, va_list args)
{
	struct sink s = {to, size, 0};
	va_list own;

	readable(format);
	va_copy(own, args);
	while (*format) {
		const char *from = format;
		struct spec c;

		while (*format && *format != '%')
			format++;
		put(&s, from, (size_t)(format - from));
		/* What most conversions are. */
		if (*format && format[1] == 's') {
			from = va_arg(own, const char *);
			from = from ? readable(from) : "(null)";
			put(&s, from, strlen(from));
			format += 2;
			continue;
		}
		if (!*format)
			break;
		format = read_spec(&c, format + 1, &own);
		convert(&s, &c, *format, &own);
		format += *format != '\0';
	}
	va_end(own);
	if (size)
		to[s.length < size ? s.length : size - 1] = '\0';
	return (int)s.length;
}

int text_format(char *to, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = text_vformat(to, size, format, args);
	va_end(args);
	return n;
}

uint64_t text_number(const char **text, unsigned base)
{
	const char *p = *text + strspn(*text, " \t");
	uint64_t value = 0;

	for (;; p++) {
		unsigned digit = *p >= '0' && *p <= '9' ? (unsigned)(*p - '0')
				 : *p >= 'a' && *p <= 'f' ? (unsigned)(*p - 'a' + 10) : 99;

		if (digit >= base)
			break;
		value = value * base + digit;
	}
	*text = p;
	return value;
}

uint64_t number_at(const char *text)
{
	return text_number(&text, 10);
}

const char *env_find(const char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; env && *env; env++)
		if (!strncmp(*env, name, n) && (*env)[n] == '=')
			return *env;
	return NULL;
}

const char *env_value(const char *const *env, const char *name)
{
	const char *found = env_find(env, name);

	return found ? found + strlen(name) + 1 : NULL;
}

char *text_find(const char *text, const char *part)
{
	size_t n = strlen(part);

	for (; *text; text++)
		if (!strncmp(text, part, n))
			return (char *)text;
	return NULL;
}

/* C1 controls too: bare ones, and those behind 0xc2 as UTF-8 has them. */
void text_plain(char *text, size_t n)
{
	unsigned char before = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f ||
		    (c >= 0x80 && c < 0xa0 && (before < 0x80 || before == 0xc2)))
			text[i] = '?';
		before = c;
	}
}
