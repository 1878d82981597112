/*
 * world.c - a mount namespace with a root, /proc, /run and as many mounts as wanted, in
 * which launches are measured.
 *
 *	world TREE MOUNTS PROPAGATION [DIRECTORY...]
 *
 * TREE becomes the root, its /dev a mount; with directories of this machine bound at the same place. MOUNTS
 * are tmpfs below /many, as those of services; all of it but /run is private, shared, or
 * slave of another namespace that has the same. Prints the path of the namespace, which is
 * there until somebody ends this process; it leaves with what it is in, at the latest.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static void must(long result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "world: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static void make_directory(const char *at)
{
	if (mkdir(at, 0755) < 0 && errno != EEXIST)
		must(-1, at);
}

/* a directory and those above it */
static void make_place(const char *at)
{
	char path[4096];

	snprintf(path, sizeof path, "%s", at);
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		make_directory(path);
		*p = '/';
	}
	make_directory(path);
}

static void make_mounts(int n)
{
	char path[64];

	make_directory("many");
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "many/service-%d.mount", i);
		make_directory(path);
		must(mount("many", path, "tmpfs", 0, NULL), path);
	}
}

static void make_world(const char *tree, int n, char **bound)
{
	must(unshare(CLONE_NEWNS), "unshare");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
	must(mount(tree, tree, NULL, MS_BIND, NULL), tree);
	must(chdir(tree), tree);
	for (; *bound; bound++) {
		make_place(*bound + 1);
		must(mount(*bound, *bound + 1, NULL, MS_BIND | MS_REC, NULL), *bound);
	}
	/* As on every machine, it is none of the directories on which all the others are. */
	must(mount("dev", "dev", NULL, MS_BIND, NULL), "dev");
	must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "proc");
	must(mount("run", "run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755"), "run");
	make_mounts(n);
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount");
	must(chdir("/"), "/");
}

static void set_propagation(const char *how)
{
	if (strcmp(how, "private") != 0)
		must(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL), "shared");
	if (!strcmp(how, "slave")) {
		/* a slave whose master is gone is none: the descriptor keeps it */
		must(open("/proc/self/ns/mnt", O_RDONLY), "namespace");
		must(unshare(CLONE_NEWNS), "unshare");
		must(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "slave");
	}
	must(mount(NULL, "/run", NULL, MS_PRIVATE, NULL), "run");
}

int main(int argc, char **argv)
{
	int ready[2];
	pid_t pid;
	char c;

	if (argc < 4) {
		fputs("usage: world TREE MOUNTS PROPAGATION [DIRECTORY...]\n", stderr);
		return 2;
	}
	must(pipe(ready), "pipe");
	must(pid = fork(), "fork");
	if (pid > 0) {
		close(ready[1]);
		if (read(ready[0], &c, 1) != 1)
			return 1;
		printf("/proc/%d/ns/mnt\n", (int)pid);
		return 0;
	}
	make_world(argv[1], atoi(argv[2]), argv + 4);
	set_propagation(argv[3]);
	must(write(ready[1], "", 1), "ready");
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	close(ready[1]);
	for (;;)
		pause();
}
