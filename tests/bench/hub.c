/*
 * hub.c - one medium for many sandboxes: mounted once in a hub that all of them have as a
 * slave, next to the best that can be done without: a copy of the mount for each of
 * them, which somebody takes there (open_tree, setns, move_mount).
 *
 *	hub [SANDBOXES [ROUNDS]]
 *
 * The sandboxes are mount namespaces without processes; what they cost besides is not the
 * question here. Both ways take turns in one run; each time is told in ms. Each time it is looked, in all of them,
 * whether the medium is there, and gone. Wants root and Linux 5.2; leaves nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"

enum { MOST = 4000, ROUNDS = 99, OPEN_TREE = 428, MOVE_MOUNT = 429, CLONE_CLOEXEC = 02000001, EMPTY_FROM = 4 };

static const char top[] = "/tmp", hub[] = "/tmp/hub", place[] = "/tmp/hub/medium", source[] = "/tmp/medium";
static int sandbox[MOST], base, n = 1000, rounds = 21;

static void must(long result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "hub: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static double now(void)
{
	return (double)now_ns() / 1e6;
}

static void enter(int ns)
{
	must(setns(ns, CLONE_NEWNS), "setns");
}

static void make_sandboxes(void)
{
	must(unshare(CLONE_NEWNS), "unshare");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private");
	must(mount("bench", top, "tmpfs", 0, NULL), top);
	must(mkdir(hub, 0755), hub);
	must(mkdir(source, 0755), source);
	must(mount("hub", hub, "tmpfs", 0, NULL), hub);
	must(mount(NULL, hub, NULL, MS_SHARED, NULL), "shared");
	must(mkdir(place, 0755), place);
	must(base = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), "namespace");
	for (int i = 0; i < n; i++) {
		enter(base);
		must(unshare(CLONE_NEWNS), "unshare");
		must(mount(NULL, hub, NULL, MS_SLAVE, NULL), "slave");
		must(sandbox[i] = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), "namespace");
	}
	enter(base);
}

/* In how many of them it is. */
static int seen(dev_t medium)
{
	struct stat st;
	int found = 0;

	for (int i = 0; i < n; i++) {
		enter(sandbox[i]);
		found += !stat(place, &st) && st.st_dev == medium;
	}
	enter(base);
	return found;
}

static void all_or_none(dev_t medium, int want, const char *when)
{
	int found = seen(medium);

	if (found != want) {
		fprintf(stderr, "hub: %s: seen in %d of %d\n", when, found, n);
		exit(1);
	}
}

enum { HUB_IN, HUB_OUT, EACH_IN, EACH_OUT, KINDS };
static double took[KINDS][ROUNDS];

static void one_round(int round)
{
	struct stat st;
	double t;

	must(mount("medium", source, "tmpfs", 0, NULL), source);
	must(stat(source, &st), source);

	t = now();
	must(mount(source, place, NULL, MS_BIND, NULL), place);
	took[HUB_IN][round] = now() - t;
	all_or_none(st.st_dev, n, "in the hub");
	t = now();
	must(umount(place), place);
	took[HUB_OUT][round] = now() - t;
	all_or_none(st.st_dev, 0, "out of the hub");

	t = now();
	for (int i = 0; i < n; i++) {
		long copy = syscall(OPEN_TREE, AT_FDCWD, source, CLONE_CLOEXEC);

		must(copy, "open_tree");
		enter(sandbox[i]);
		must(syscall(MOVE_MOUNT, copy, "", AT_FDCWD, place, EMPTY_FROM), "move_mount");
		close((int)copy);
		enter(base);
	}
	took[EACH_IN][round] = now() - t;
	all_or_none(st.st_dev, n, "put into each");
	t = now();
	for (int i = 0; i < n; i++) {
		enter(sandbox[i]);
		must(umount(place), place);
	}
	took[EACH_OUT][round] = now() - t;
	all_or_none(st.st_dev, 0, "taken from each");
	must(umount(source), source);
}

static void say(const char *what, const char *how, int kind)
{
	for (int i = 0; i < rounds; i++)
		printf("%s %s %.4f\n", what, how, took[kind][i]);
}

int main(int argc, char **argv)
{
	struct rlimit files = {MOST + 50, MOST + 50};

	n = argc > 1 ? atoi(argv[1]) : n;
	rounds = argc > 2 ? atoi(argv[2]) : rounds;
	if (argc > 3 || n < 1 || n > MOST || rounds < 1 || rounds > ROUNDS) {
		fprintf(stderr, "usage: hub [SANDBOXES (1..%d) [ROUNDS (1..%d)]]\n", MOST, ROUNDS);
		return 2;
	}
	must(setrlimit(RLIMIT_NOFILE, &files), "descriptors");
	make_sandboxes();
	for (int i = 0; i < rounds; i++)
		one_round(i);
	say("mount", "hub", HUB_IN);
	say("mount", "each", EACH_IN);
	say("umount", "hub", HUB_OUT);
	say("umount", "each", EACH_OUT);
	return 0;
}
