/* Steps of the host side: what surrounds the clone. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "apply/channel.h"
#include "apply/proc.h"
#include "apply/step.h"
#include "base/text.h"
#include "kernel/k.h"

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
	static int lives;
	int fd[2];

	(void)s;
	if (plan_tells(w->plan)) {
		w->told = ARENA_NEW(w->arena, struct told);
		if (!w->told)
			return step_failed_code(w, ENOMEM, "");
		w->told->host_lives = &lives;
		lives = w->told->apart = 1;
		return step_done(w, k_clear_at_death(&lives));
	}
	if (k_socketpair(fd))
		return step_error(w);
	w->channel = fd[0];
	w->far_channel = fd[1];
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
