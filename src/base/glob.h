/* Paths against a pattern: fnmatch(3) with FNM_PATHNAME costs 18 KiB of wide characters. */
#ifndef HUTCH_GLOB_H
#define HUTCH_GLOB_H

/*
 * Whether the whole path matches: * and ? stand for anything but a slash, [a-z] and
 * [!a-z] for one byte, a backslash takes the next byte as it is.
 */
int glob_matches(const char *glob, const char *path);

#endif
