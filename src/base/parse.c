/* Strict readers, see parse.h. */
#include "base/parse.h"

#include <stddef.h>
#include <string.h>

#include "base/text.h"

static int digits(const char **text, unsigned base, uint64_t max, uint64_t *to)
{
	uint64_t value = 0;
	const char *p = *text;

	for (; *p >= '0' && *p < (char)('0' + base); p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (digit > max || value > (max - digit) / base)
			return -1;
		value = value * base + digit;
	}
	if (p == *text)
		return -1;
	*text = p;
	*to = value;
	return 0;
}

int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *to)
{
	uint64_t value;

	if (text[0] == '0' && text[1])
		return -1;
	if (digits(&text, 10, max, &value) || *text || value < min)
		return -1;
	*to = value;
	return 0;
}

int parse_integer(const char *text, int64_t min, int64_t max, int64_t *to)
{
	uint64_t value;

	if (*text != '-') {
		if (max < 0 || parse_number(text, 0, (uint64_t)max, &value) ||
		    (int64_t)value < min)
			return -1;
		*to = (int64_t)value;
		return 0;
	}
	if (min >= 0 || parse_number(text + 1, 1, (uint64_t)-(min + 1) + 1, &value) ||
	    -(int64_t)(value - 1) - 1 > max)
		return -1;
	*to = -(int64_t)(value - 1) - 1;
	return 0;
}

int parse_mode(const char *text, uint32_t *to)
{
	uint64_t value;

	if (digits(&text, 8, 07777, &value) || *text)
		return -1;
	*to = (uint32_t)value;
	return 0;
}

/* A number and one of the units; `units` lists name and factor, ends with NULL. */
struct unit {
	const char *name;
	uint64_t factor;
};

static int with_unit(const char *text, const struct unit *units, uint64_t *to)
{
	uint64_t value;

	if (text[0] == '0' && text[1] >= '0' && text[1] <= '9')
		return -1;
	if (digits(&text, 10, INT64_MAX, &value))
		return -1;
	for (; units->name; units++) {
		if (strcmp(text, units->name) != 0)
			continue;
		if (value > INT64_MAX / units->factor)
			return -1;
		*to = value * units->factor;
		return 0;
	}
	return -1;
}

int parse_size(const char *text, uint64_t *to)
{
	static const struct unit units[] = {
		{"", 1},          {"k", 1 << 10}, {"K", 1 << 10}, {"m", 1 << 20},
		{"M", 1 << 20},   {"g", 1 << 30}, {"G", 1 << 30}, {NULL, 0},
	};

	return with_unit(text, units, to);
}

int parse_time(const char *text, uint64_t *to)
{
	static const struct unit units[] = {
		{"", 1000},    {"ms", 1},        {"s", 1000},  {"m", 60000},
		{"h", 3600000}, {"d", 86400000}, {NULL, 0},
	};

	return with_unit(text, units, to);
}

static int parse_ipv4(const char *text, unsigned char to[4])
{
	unsigned char bytes[4];

	for (int i = 0; i < 4; i++) {
		uint64_t part;

		if (i && *text++ != '.')
			return -1;
		if ((text[0] == '0' && text[1] >= '0' && text[1] <= '9') || digits(&text, 10, 255, &part))
			return -1;
		bytes[i] = (unsigned char)part;
	}
	if (*text)
		return -1;
	memcpy(to, bytes, 4);
	return 4;
}

/* One to four hexadecimal digits. */
static int ipv6_part(const char **text, unsigned char to[2])
{
	static const char known[] = "0123456789abcdefABCDEF";
	const char *at;
	unsigned value = 0, n = 0;

	for (; **text && (at = strchr(known, **text)) && n < 5; n++, ++*text)
		value = value << 4 | (unsigned)(at - known < 16 ? at - known : at - known - 6);
	to[0] = (unsigned char)(value >> 8);
	to[1] = (unsigned char)value;
	return n && n < 5 ? 0 : -1;
}

static int parse_ipv6(const char *text, unsigned char to[16])
{
	unsigned char bytes[16] = {0};
	int n = 0, gap = -1;

	if (text[0] == ':' && text[1] == ':') {
		gap = 0;
		text += 2;
	}
	while (*text) {
		if (n == 16 || ipv6_part(&text, bytes + n))
			return -1;
		n += 2;
		if (*text && (*text++ != ':' || !*text))
			return -1;
		if (*text == ':') {
			if (gap >= 0)
				return -1;
			gap = n;
			text++;
		}
	}
	/* :: stands for one part at least. */
	if (gap < 0 ? n != 16 : n == 16)
		return -1;
	gap = gap < 0 ? n : gap;
	memset(to, 0, 16);
	memcpy(to, bytes, (size_t)gap);
	memcpy(to + 16 - (n - gap), bytes + gap, (size_t)(n - gap));
	return 16;
}

int parse_address(const char *text, unsigned char to[16])
{
	return strchr(text, ':') ? parse_ipv6(text, to) : parse_ipv4(text, to);
}

int parse_set(const char *text, unsigned char *mask, unsigned bits)
{
	memset(mask, 0, (bits + 7) / 8);
	do {
		uint64_t from, to;

		if (digits(&text, 10, bits - 1, &from))
			return -1;
		to = from;
		if (*text == '-') {
			text++;
			if (digits(&text, 10, bits - 1, &to) || to < from)
				return -1;
		}
		for (; from <= to; from++)
			mask[from / 8] |= (unsigned char)(1u << from % 8);
	} while (*text == ',' && *++text);
	return *text || text[-1] == ',' ? -1 : 0;
}

const char *path_wrong(const char *text)
{
	const char *p = text;

	if (*text != '/')
		return PACKED("must be an absolute path");
	if (strlen(text) >= 4096)
		return PACKED("is longer than 4095 bytes");
	while (*p) {
		const char *end;

		p++;	/* the slash */
		end = p + strcspn(p, "/");
		if (end == p && (*end || p != text + 1))
			return PACKED("has an empty part: write each / once, none at the end");
		if (end - p == 1 && p[0] == '.')
			return PACKED("must not contain .");
		if (end - p == 2 && p[0] == '.' && p[1] == '.')
			return PACKED("must not contain ..");
		if (end - p > 255)
			return PACKED("has a part longer than 255 bytes");
		p = end;
	}
	return NULL;
}

int path_below(const char *path, const char *prefix)
{
	if (prefix[0] && !prefix[1])
		return 1;
	for (; *prefix && *path == *prefix; path++, prefix++)
		;
	return !*prefix && (*path == '/' || !*path);
}

int name_ok(const char *text)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t n = strspn(text, allowed);

	return n && !text[n] && n <= 64 && *text != '.' && *text != '-';
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
}

int word_same(const char *a, const char *b)
{
	for (; *a && lower(*a) == lower(*b); a++, b++)
		;
	return lower(*a) == lower(*b);
}

const char *word_past(const char *text, const char *prefix)
{
	size_t n = 0;

	while (prefix[n] && lower(text[n]) == lower(prefix[n]))
		n++;
	return text + (prefix[n] ? 0 : n);
}

int name_find(const char *text, const char *const *names, int n)
{
	for (int i = 0; i < n; i++)
		if (names[i] && !strcmp(text, names[i]))
			return i;
	return -1;
}

/* Edit distance with neighbours swapped as one edit; words are short. */
static int distance(const char *a, const char *b)
{
	enum { MAX = 32 };
	int row[3][MAX + 1], la = (int)strlen(a), lb = (int)strlen(b);

	if (la > MAX || lb > MAX)
		return MAX;
	for (int j = 0; j <= lb; j++)
		row[0][j] = j;
	for (int i = 1; i <= la; i++) {
		int *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];

		now[0] = i;
		for (int j = 1; j <= lb; j++) {
			int best = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && up2[j - 2] + 1 < best)
				best = up2[j - 2] + 1;
			now[j] = best;
		}
	}
	return row[la % 3][lb];
}

const char *name_nearest(const char *text, const char *const *names, int n)
{
	const char *best = NULL, *dot = strrchr(text, '.');
	int length = (int)strlen(text), least = length / 3 + 1;
	int whole = dot ? name_find(dot + 1, names, n) : -1;

	if (whole >= 0)
		return names[whole];
	if (least > 3)
		least = 3;
	for (int i = 0; i < n; i++) {
		const char *name = names[i];
		int d = name ? distance(text, name) : 99;

		/* Of three letters one may be another, or two are missing. */
		if (name && d <= least && (d < least || !best) && (d < 2 || length > 3 || *text == *name)) {
			least = d;
			best = name;
		}
	}
	for (int i = 0; i < n && !best; i++)
		if (names[i] && strlen(names[i]) > 2 && !strncmp(text, names[i], strlen(names[i])))
			best = names[i];
	return best;
}

const char *name_hint(char to[HINT_ROOM], const char *text, const char *const *names, int n)
{
	const char *near = name_nearest(text, names, n);

	*to = '\0';
	if (strchr(text, ','))
		text_format(to, HINT_ROOM, ": words have blanks between them, no commas");
	else if (near)
		text_format(to, HINT_ROOM, ", did you mean %s%s?", near, near[strlen(near) - 1] == '.' ? "NAME" : "");
	return to;
}

const char *parse_sysctl(const char *text, char path[SYSCTL_ROOM])
{
	size_t n = strcspn(text, "=");
	char separator = text[strcspn(text, "./=")];

	if (text[n] != '=' || n + 2 > SYSCTL_ROOM)
		return NULL;
	path[0] = '/';
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c == separator)
			c = '/';
		else if (separator == '.' && c == '/')
			c = '.';
		path[i + 1] = c;
	}
	path[n + 1] = '\0';
	if (path_wrong(path) || n < 1)
		return NULL;
	memmove(path, path + 1, n + 1);
	return text + n + 1;
}
