/*
 * Helpers that live for a moment in a user namespace of their own. They share our
 * memory and descriptors and so can leave a descriptor behind when they end.
 */
#include "apply/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>

#include "apply/proc.h"
#include "base/text.h"
#include "kernel/k.h"

struct helper {
	int proc, fd, error;
	char pid[16];		/* as the host's /proc numbers it */
	char go[1];
	int wait[2];
};

static char stack[8192] __attribute__((aligned(16)));

static int open_mounts(void *argument)
{
	struct helper *h = argument;

	h->fd = k_open(h->proc, "self/ns/mnt", O_RDONLY, 0);
	h->error = errno;
	k_exit(0);
}

static int reap(int pid)
{
	int status;

	while (k_wait(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

int userns_sealed_mounts(struct walk *w)
{
	struct helper h = {.proc = w->proc, .fd = -1};
	int pid = k_clone(open_mounts, stack + sizeof stack,
			  CLONE_VM | CLONE_VFORK | CLONE_FILES | CLONE_NEWUSER_ | CLONE_NEWNS_ |
			  SIGCHLD, &h);

	if (pid < 0)
		return step_failed(w, PACKED("a throw-away user namespace"));
	reap(pid);
	if (h.fd < 0)
		return step_failed_code(w, h.error, "the sealed namespace");
	return h.fd;
}

/* A byte, with a descriptor. */
static int hear(int from, int *passed)
{
	char byte;
	long n;

	do
		n = k_receive(from, &byte, 1, passed, 1);
	while (n < 0 && errno == EINTR);
	return (int)n;
}

/* Tells who it is, keeps its namespace alive until the other end is closed. */
static int stand_by(void *argument)
{
	struct helper *h = argument;
	long n = k_readlink(h->proc, "self", h->pid, sizeof h->pid - 1);
	/* Nobody else may open it: we are hidden, and hutch may not have the right to look. */
	int own = k_open(h->proc, "self/ns/user", O_RDONLY, 0);
	int none;

	h->error = n < 0 || own < 0 ? errno : 0;
	k_close(h->wait[0]);
	if (k_send(h->wait[1], "", 1, own) == 1)
		hear(h->wait[1], &none);
	else
		h->error = errno;
	k_exit(0);
}

static int write_maps(struct walk *w, const char *pid, uint32_t inside, uint32_t outside,
		      uint32_t count)
{
	char path[40], text[48];

	text_format(text, sizeof text, "%u %u %u", inside, outside, count);
	text_format(path, sizeof path, "%s/uid_map", pid);
	if (proc_write(w->proc, path, text))
		return step_failed(w, "uid_map");
	text_format(path, sizeof path, "%s/gid_map", pid);
	return proc_write(w->proc, path, text) ? step_failed(w, "gid_map") : 0;
}

int userns_make(struct walk *w, uint32_t inside, uint32_t outside, uint32_t count)
{
	struct helper h = {.proc = w->proc, .fd = -1};
	int pid, fd = -1, error, got;

	if (k_socketpair(h.wait))
		return step_error(w);
	/* Descriptors of its own, so that each side sees the other one end. */
	pid = k_clone(stand_by, stack + sizeof stack, CLONE_VM | CLONE_NEWUSER_ | SIGCHLD, &h);
	error = errno;
	k_close(h.wait[1]);
	if (pid < 0) {
		step_failed_code(w, error, PACKED("a throw-away user namespace"));
	} else if ((got = hear(h.wait[0], &fd)) != 1 || h.error || fd < 0) {
		step_failed_code(w, got < 0 ? errno : h.error ? h.error : EPIPE,
				 "a throw-away user namespace");
		k_drop(&fd);
	} else if (write_maps(w, h.pid, inside, outside, count)) {
		k_drop(&fd);
	}
	k_close(h.wait[0]);
	if (pid > 0)
		reap(pid);
	return fd;
}
