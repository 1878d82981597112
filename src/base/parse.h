/*
 * Strict readers of numbers, sizes, times and names: the whole text or nothing,
 * in range or nothing. libc's own readers accept blanks, signs, wrap-around and
 * trailing junk, each of which has been somebody's security hole.
 *
 * All return 0, or -1 and leave *to alone.
 */
#ifndef HUTCH_PARSE_H
#define HUTCH_PARSE_H

#include <stdint.h>

/* Decimal digits only, no leading zero but "0" itself. */
int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *to);

/* The same with an optional minus. */
int parse_integer(const char *text, int64_t min, int64_t max, int64_t *to);

/* Octal digits, up to 07777. */
int parse_mode(const char *text, uint32_t *to);

/* Bytes: a number and k, m or g (powers of 1024, either case). */
int parse_size(const char *text, uint64_t *to);

/* Milliseconds: a number and ms, s, m, h or d; a bare number is seconds. */
int parse_time(const char *text, uint64_t *to);

/* An IPv4 address with dots, or an IPv6 one with colons: returns 4 or 16, how many bytes it has. */
int parse_address(const char *text, unsigned char to[16]);

/* A list such as 0-3,5 into a bit mask of `bits` bits. */
int parse_set(const char *text, unsigned char *mask, unsigned bits);

/*
 * An absolute path without "..", ".", doubled or trailing slashes; returns NULL
 * when it is one, else what is wrong with it in words.
 */
const char *path_wrong(const char *text);

/* Whether path is prefix or lies below it; both absolute. */
int path_below(const char *path, const char *prefix);

/* A plain name: letters, digits and ._- , not starting with . or -, up to 64. */
int name_ok(const char *text);

/* Whether two words are the same but for the case of their letters (ASCII). */
int word_same(const char *a, const char *b);

/* What of the text stands behind this prefix, in any case; the whole text without it. */
const char *word_past(const char *text, const char *prefix);

/* Index of text among n names `step` bytes apart, or -1. NULL names are skipped. */
int name_find(const char *text, const char *const *names, int n);

/*
 * The name closest to text among n, or NULL when none is close enough to suggest: what stands
 * behind its dot, a few letters from it, or what it begins with.
 */
const char *name_nearest(const char *text, const char *const *names, int n);

/* The same as words behind "unknown ...": ", did you mean X?", or what else it looks like, or nothing. Returns `to`. */
enum { HINT_ROOM = 100 };
const char *name_hint(char to[HINT_ROOM], const char *text, const char *const *names, int n);

/*
 * NAME=VALUE of a sysctl: the path below /proc/sys goes to `path`. As with sysctl(8) the first
 * dot or slash tells which of them parts the name; the other one stands for itself, as the
 * dot of an interface. Returns the value in the text, NULL when it is no name, or would leave
 * /proc/sys.
 */
enum { SYSCTL_ROOM = 256 };
const char *parse_sysctl(const char *text, char path[SYSCTL_ROOM]);

#endif
