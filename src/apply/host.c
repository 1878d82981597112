/* Steps of the host side: what surrounds the clone. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "apply/proc.h"
#include "apply/walk.h"
#include "base/text.h"
#include "kernel/k.h"

/* Bytes; more than what a call of clone has on the stack. */
enum { VFORK_GAP = 1024 };

char walk_stack[WALK_STACK] __attribute__((aligned(4096)));

int self_copy(int program)
{
	int copy = k_memfd("hutch", 1);
	long n = -1;

	while (copy >= 0 && (n = k_sendfile(copy, program, 1 << 20)) > 0)
		;
	if (n < 0 || k_fcntl(copy, F_ADD_SEALS_, F_SEALS_ALL_))
		k_drop(&copy);
	k_close(program);
	return copy;
}

int self_seal(char *const *argv, uint64_t sigmask)
{
	int exe = k_open(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0), copy, error;
	uint64_t blocked;

	copy = exe < 0 ? -1 : self_copy(exe);
	if (copy < 0)
		return -1;
	/* Comes back only to fail. The first fact of the new life is self_sealed, and
	 * its mask of signals the caller's, or the payload would get hutch's. */
	if (!k_sigmask(sigmask, &blocked)) {
		k_execve_fd(copy, argv, environ);
		error = errno;
		k_sigmask(blocked, NULL);
		errno = error;
	}
	k_close(copy);
	return -1;
}

int do_SELF_SEAL(struct walk *w, const struct step *s)
{
	(void)s;
	return self_seal(w->argv, w->sigmask) ? step_failed(w, "") : 0;
}

int do_PID_JOIN(struct walk *w, const struct step *s)
{
	int own = k_open(AT_FDCWD, "/proc/self/ns/pid", O_RDONLY, 0), fd;

	if (own < 0)
		return step_error(w);
	w->fd[s->op[0].n] = own;
	fd = k_open(AT_FDCWD, s->op[1].s, O_RDONLY, 0);
	if (fd < 0)
		return step_error(w);
	return step_close(w, fd, k_setns(fd, CLONE_NEWPID_));
}

int do_PID_LEAVE(struct walk *w, const struct step *s)
{
	return step_done(w, k_setns(w->fd[s->op[0].n], CLONE_NEWPID_));
}

int do_CHANNEL(struct walk *w, const struct step *s)
{
	int fd[2];

	(void)s;
	if (plan_tells(w->plan)) {
		w->told = ARENA_NEW(w->arena, struct told);
		if (!w->told)
			return step_failed_code(w, ENOMEM, "");
		w->told->host_lives = w->told->apart = 1;
		return step_done(w, k_clear_at_death(&w->told->host_lives));
	}
	if (k_socketpair(fd))
		return step_error(w);
	w->channel = fd[0];
	w->far_channel = fd[1];
	return 0;
}

int do_CLONE(struct walk *w, const struct step *s)
{
	unsigned flags = (unsigned)s->op[0].n | SIGCHLD;

	char *stack = walk_stack + sizeof walk_stack;

	if (s->op[3].n && k_prctl(PR_SET_DUMPABLE_, 0, 0, 0))
		return step_error(w);
	/* The host side sleeps: its stack below the frames of this call is free, and warm. */
	if (s->op[1].n) {
		flags |= CLONE_VM | CLONE_VFORK;
		stack = (char *)__builtin_frame_address(0) - VFORK_GAP;
	}
	/* A launch ends when its sandbox is built: the supervisor is its parent from the start. */
	w->pid = w->born ? k_clone_sibling(walk_inside, walk_stack + sizeof walk_stack,
					   (unsigned)s->op[0].n, w, w->born)
			 : k_clone(walk_inside, stack, flags, w);
	if (w->pid < 0) {
		w->pid = 0;
		return step_error(w);
	}
	/* With the child alone holding it, the channel ends when the child does. */
	k_close(w->far_channel);
	w->far_channel = -1;
	return 0;
}

/* All lines of a map in one write, as the kernel wants it. */
static int write_map(struct walk *w, const char *file, const struct list *map)
{
	char path[40], text[340 * 36];
	struct out o;

	out_init(&o, text, sizeof text);
	for (const struct item *i = map->first; i; i = i->next)
		out_printf(&o, "%lu %lu %lu\n", (unsigned long)i->a, (unsigned long)i->b,
			   (unsigned long)i->c);
	if (o.lost)
		return step_failed_code(w, E2BIG, file);
	text_format(path, sizeof path, "/proc/%d/%s", w->pid, file);
	return proc_write(AT_FDCWD, path, text) ? step_failed(w, file) : 0;
}

int do_MAP_WRITE(struct walk *w, const struct step *s)
{
	return write_map(w, "uid_map", s->op[0].p) || write_map(w, "gid_map", s->op[1].p) ? -1 : 0;
}

int do_RELEASE(struct walk *w, const struct step *s)
{
	(void)s;
	return step_done(w, channel_send(w, REC_GO, 0, 0, "", -1));
}

int do_MEET(struct walk *w, const struct step *s)
{
	/* The walker stops here by itself and goes on when REC_READY has come. */
	(void)w;
	(void)s;
	return 0;
}
