/*
 * inrootfs COMMAND...: runs a command whose root is the kernel's own initial rootfs,
 * without a reboot, so that what is claimed about an initramfs is tried on the live
 * kernel. Needs CAP_SYS_ADMIN. The initial rootfs is one for the whole machine: a
 * lock keeps two of these apart, and all that is made in it is removed at the end.
 */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENTRIES = 64, CLONE_TREE = 1 | 0x8000 /* OPEN_TREE_CLONE, AT_RECURSIVE */, FROM_FD = 4 };
#define MARK "/.hutch-initramfs"

static struct {
	char name[256], link[256];
	int tree, made;
} entry[ENTRIES];
static int entries;

static void fail(const char *what)
{
	fprintf(stderr, "inrootfs: %s: %s\n", what, strerror(errno));
	exit(125);
}

/* What the host's root holds, each directory as a detached copy with what lies below. */
static void collect(void)
{
	DIR *dir = opendir("/");
	struct dirent *e;

	if (!dir)
		fail("/");
	while ((e = readdir(dir)) && entries < ENTRIES) {
		char path[300];
		struct stat st;

		snprintf(path, sizeof path, "/%s", e->d_name);
		if (e->d_name[0] == '.' || lstat(path, &st))
			continue;
		strcpy(entry[entries].name, path);
		entry[entries].tree = -1;
		if (S_ISLNK(st.st_mode)) {
			ssize_t n = readlink(path, entry[entries].link, sizeof entry->link - 1);

			if (n < 0)
				continue;
		} else if (S_ISDIR(st.st_mode)) {
			entry[entries].tree = (int)syscall(428 /* open_tree */, AT_FDCWD, path, CLONE_TREE);
			if (entry[entries].tree < 0)
				continue;
		} else {
			continue;
		}
		entries++;
	}
	closedir(dir);
}

static void furnish(void)
{
	for (int i = 0; i < entries; i++) {
		const char *name = entry[i].name;

		if (entry[i].tree < 0) {
			entry[i].made = !symlink(entry[i].link, name);
			continue;
		}
		entry[i].made = !mkdir(name, 0755);
		if (syscall(429 /* move_mount */, entry[i].tree, "", AT_FDCWD, name, FROM_FD))
			fail(name);
		close(entry[i].tree);
	}
	close(open(MARK, O_WRONLY | O_CREAT, 0600));
}

/* The mounts go with our namespace; the names would stay. */
static void tidy(void)
{
	unlink(MARK);
	for (int i = entries; i-- > 0;) {
		if (entry[i].tree >= 0)
			umount2(entry[i].name, MNT_DETACH);
		if (entry[i].made && (entry[i].tree < 0 ? unlink(entry[i].name) : rmdir(entry[i].name)))
			fprintf(stderr, "inrootfs: %s stays: %s\n", entry[i].name, strerror(errno));
	}
}

/* Names in the bare rootfs, to see afterwards that there is no more than before. */
static int count(void)
{
	DIR *dir = opendir("/");
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	int lock = open("/", O_RDONLY | O_CLOEXEC), own, pid, status = 0, before;
	struct stat st;

	if (argc < 2)
		return 2;
	if (lock < 0 || flock(lock, LOCK_EX))
		fail("lock");
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		fail("namespace");
	collect();
	own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (own < 0 || umount2("/", MNT_DETACH) || setns(own, CLONE_NEWNS))
		fail("rootfs");
	if (chdir("/") || stat("/", &st))
		fail("/");
	before = count();
	furnish();
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	pid = fork();
	if (!pid) {
		signal(SIGTERM, SIG_DFL);
		signal(SIGINT, SIG_DFL);
		execvp(argv[1], argv + 1);
		fail(argv[1]);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	tidy();
	if (count() != before)
		fprintf(stderr, "inrootfs: %d names are left\n", count() - before);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
