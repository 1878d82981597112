/*
 * many.c - mounts a tmpfs on each of so many directories that it makes: mount(8) would take minutes.
 *
 *	many DIRECTORY COUNT
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
	char path[256];

	for (int i = 0; argc > 2 && i < atoi(argv[2]); i++) {
		snprintf(path, sizeof path, "%s/service-%d.mount", argv[1], i);
		if (mkdir(path, 0755) || mount("many", path, "tmpfs", 0, NULL))
			return 1;
	}
	return 0;
}
