/* The way to a path, watched by inotify. */
#ifndef HUTCH_WAY_H
#define HUTCH_WAY_H

/*
 * Watches each directory on the way to an absolute path as far as it is there, links included:
 * of those on the way, what goes; of the last one and of those with a link, what comes, too. With
 * `through`, a link at the end leads on. Adding a way again changes nothing. -1 with errno when
 * something cannot be watched.
 */
int way_watch(int inotify, const char *path, int through);

#endif
