/* place.c - part of supervise.c: the place of a supervisor, and the fault in it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervise.h"

#define COMMON "restart-delay=10ms 50ms\nstop-timeout=300ms\n"
/* The supervisor starts the first and the third by itself when it has done so twice: a copy, and one that shares its memory. */
#define BOX "root=" W "/root\nbind=" W "/shared /shared rw\n" COMMON
struct service services[SERVICES] = {
	{.name = "a", .conf = BOX "ready=fd 4\nexec=/bin/service a /shared @ 4\n"},
	{.name = "b", .conf = COMMON "ns=none\ninit=no\nready=notify\nlisten=unix " W "/b.sock\nlog=file " W "/b.log\n"
		"exec=" W "/root/bin/service b " W "/shared @\n"},
	{.name = "c", .conf = BOX "ready=notify\nafter=a\non-path=" W "/flag\ninit=no\nexec=/bin/service c /shared @\n"},
	{.name = "d", .conf = BOX "ready=fd 4\nhub.h=" W "/hub\nhub=h /tmp\nexec=/bin/service d /shared @ 4\n"},
};

struct fault_log *fault_log;
struct fault_wish now_wish;
int said_fd, version = 1;

void put_profile(const struct service *v)
{
	const char *at = strchr(v->conf, '@');
	char path[64], text[1024];

	snprintf(path, sizeof path, W "/d/%s.conf", v->name);
	snprintf(text, sizeof text, "%.*s%d%s", (int)(at - v->conf), v->conf, version, at + 1);
	put_file(path, text, strlen(text), 0644);
}

ssize_t read_file(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = -1;

	while (fd >= 0 && (n = read(fd, to + used, size - 1 - used)) > 0)
		used += (size_t)n;
	to[used] = '\0';
	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : (ssize_t)used;
}

void build_place(const char *dir)
{
	static const char *const folders[] = {
		"", "/d", "/shared", "/root", "/root/bin", "/root/dev", "/root/proc", "/root/sys",
		"/root/tmp", "/root/shared", "/hub",
	};
	char path[64];
	int fd;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", 0, NULL) ||
	    mount("fault", "/run", "tmpfs", 0, "mode=0755") || mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL))
		die("a mount namespace");
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		snprintf(path, sizeof path, W "%s", folders[i]);
		mkdir(path, 0755);
	}
	if (mount("hub", W "/hub", "tmpfs", 0, NULL))
		die("a hub");
	copy_file(dir, "hutch", W "/hutch");
	copy_file(dir, "service", W "/root/bin/service");
	put_file(W "/flag", "", 0, 0644);
	put_file(W "/log", "", 0, 0666);
	fd = open(W "/log", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ftruncate(fd, sizeof *fault_log))
		die("log");
	fault_log = mmap(NULL, sizeof *fault_log, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fault_log == MAP_FAILED || close(fd) || mkfifo(W "/shared/said", 0666))
		die("log");
	said_fd = open(W "/shared/said", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	for (int i = 0; i < SERVICES; i++)
		put_profile(&services[i]);
	chdir("/");
}

void disarm(void)
{
	__atomic_store_n(&fault_log->wish.armed, FAULT_OFF, __ATOMIC_SEQ_CST);
}

void arm(int how, const struct call *c, int nth, int code)
{
	struct fault_wish *w = &fault_log->wish;

	disarm();
	memset(fault_log->text, 0, fault_log->used < sizeof fault_log->text ? fault_log->used : sizeof fault_log->text);
	fault_log->used = 0;
	fault_log->stopped = fault_log->go = 0;
	*w = (struct fault_wish){.side = side_now, .nth = nth, .code = code};
	if (c) {
		strcpy(w->call, c->call);
		strcpy(w->step, c->step);
	}
	now_wish = *w;
	now_wish.armed = how;
	__atomic_store_n(&w->armed, how, __ATOMIC_SEQ_CST);
}

int fired(void)
{
	return __atomic_load_n(&fault_log->used, __ATOMIC_SEQ_CST) > 0;
}

/* Who stands still at a call that is meant for a kill answers no more. */
int is_stopped(void)
{
	return __atomic_load_n(&fault_log->stopped, __ATOMIC_SEQ_CST);
}
