/* The way to a path, watched, see way.h. */
#include "apply/way.h"

#include <errno.h>
#include <string.h>
#include <sys/inotify.h>

#include "base/text.h"
#include "kernel/k.h"

enum { ROOM = 4096, MOST_LINKS = 40 };

/* Others may be busy in a directory on the way: of that one only what goes is of interest. */
enum {
	GOES = IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD,
	COMES = GOES | IN_CREATE | IN_MOVED_TO,
};

static int is_missing(void)
{
	return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG;
}

/* 1: `here` is the next directory now; 0: no directory; -1. The rest has lost its first part. */
static int go(int inotify, char *here, char *rest, char *name)
{
	size_t n = strlen(here), part = strcspn(rest, "/"), behind = part + strspn(rest + part, "/");
	int dots = part == 2 && !memcmp(rest, "..", 2), last = !rest[behind];

	if (part > 255 || n + part + 2 > ROOM) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(name, rest, part);
	name[part] = '\0';
	memmove(rest, rest + behind, strlen(rest + behind) + 1);
	if (dots || (part == 1 && *name == '.')) {
		here[dots && strrchr(here, '/') ? (size_t)(strrchr(here, '/') - here) : n] = '\0';
		return 1;
	}
	text_format(here + n, ROOM - n, "/%s", name);
	/* Directories first: what takes the place of anything else is told, or found now. */
	if (!last && k_inotify_add(inotify, here, GOES | IN_DONT_FOLLOW) >= 0)
		return 1;
	here[n] = '\0';
	return k_inotify_add(inotify, n ? here : "/", COMES) < 0 ? -1 : 0;
}

int way_watch(int inotify, const char *path, int through)
{
	char here[ROOM] = "", rest[ROOM], target[ROOM], name[256];
	int found = k_inotify_add(inotify, "/", GOES) < 0 ? -1 : 1;

	text_format(rest, sizeof rest, "%s", path + strspn(path, "/"));
	for (int links = 0; found >= 0 && *rest;) {
		size_t n = strlen(here), left;
		long got;

		found = go(inotify, here, rest, name);
		if (found)
			continue;
		left = strlen(rest);
		text_format(target, sizeof target, "%s/%s", here, name);
		got = k_readlink(-100 /* AT_FDCWD */, target, target, sizeof target);
		if ((!left && !through) || got <= 0 || (size_t)got + left + 2 > sizeof rest || ++links > MOST_LINKS)
			return 0;
		memmove(rest + got + 1, rest, left + 1);
		memcpy(rest, target, (size_t)got);
		rest[got] = left ? '/' : '\0';
		here[*target == '/' ? 0 : n] = '\0';
		memmove(rest, rest + strspn(rest, "/"), strlen(rest + strspn(rest, "/")) + 1);
	}
	return found >= 0 || is_missing() ? 0 : -1;
}
