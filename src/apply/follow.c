/* Files that the host may replace, see follow.h. */
#include "apply/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdalign.h>
#include <sys/inotify.h>
#include <sys/wait.h>

#include "apply/channel.h"
#include "apply/walk.h"
#include "apply/way.h"
#include "kernel/k.h"
#include "service/state.h"

enum { AGAIN = 1000, READS = 16 };

void follow_add(struct follow_watch *w, const struct follow_conf *c, unsigned n, int64_t now)
{
	w->blind = 0;
	if (n && w->fd < 0 && (w->fd = k_inotify()) < 0)
		w->blind = 1;
	for (unsigned i = 0; i < n && !w->blind; i++)
		w->blind = way_watch(w->fd, c[i].path, 1) != 0;
	if (w->blind)
		w->look = now + AGAIN;
}

void follow_hear(struct follow_watch *w, int64_t now)
{
	alignas(struct inotify_event) char text[4096];
	const struct inotify_event *e;
	long got;

	for (int reads = 0; w->fd >= 0 && reads < READS && (got = k_read(w->fd, text, sizeof text)) > 0; reads++) {
		for (long at = 0; at < got; at += (long)(sizeof *e + e->len)) {
			e = (const struct inotify_event *)(text + at);
			w->renew |= !e->len || e->mask & IN_ISDIR;
		}
		/* Storms of changes are looked at together. */
		if (!w->look)
			w->look = now < w->looked + FOLLOW_PAUSE ? w->looked + FOLLOW_PAUSE : now;
	}
}

int follow_time(struct follow_watch *w, int64_t now)
{
	if (!w->look || now < w->look)
		return 0;
	if (w->renew)
		k_drop(&w->fd);
	w->renew = 0;
	w->look = 0;
	w->looked = now;
	return 1;
}

/*
 * A number for the file that is there, 0 with errno: none. The old one is still mounted, so that
 * no other has its number; the time of its birth is for when that failed.
 */
static uint64_t identity(const char *path)
{
	struct k_stat st;
	uint64_t id;

	if (k_stat(AT_FDCWD, path, 0, STATX_INO_ | STATX_BTIME_, &st))
		return 0;
	id = st.ino ^ ((uint64_t)st.dev_major << 32 | st.dev_minor) * 0x9e3779b97f4a7c15u;
	if (st.mask & STATX_BTIME_)
		id ^= ((uint64_t)st.btime.sec << 30 ^ st.btime.nsec) * 0xff51afd7ed558ccdu;
	return id ? id : 1;
}

static void tell_once(struct follow *f, unsigned i, const struct follow_conf *c, int code, follow_tell *tell,
		      void *ctx)
{
	if (!(f->told >> i & 1))
		tell(ctx, c[i].path, code);
	f->told |= 1u << i;
}

void follow_look(struct follow *f, const struct follow_conf *c, unsigned n, follow_tell *tell, void *ctx)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t id = identity(c[i].path);

		if (!id)
			tell_once(f, i, c, errno, tell, ctx);
		else if (id != f->seen[i])
			f->due |= 1u << i;
		if (id)
			f->seen[i] = id;
	}
}

int follow_next(struct follow *f, int64_t now)
{
	if (f->pid || !f->due || now < f->deadline)
		return -1;
	/* The next one after the last, so that none has to wait for ever. */
	do
		f->which = (f->which + 1) % FOLLOWS;
	while (!(f->due >> f->which & 1));
	f->due &= ~(1u << f->which);
	f->deadline = now + FOLLOW_TIME;
	return f->which;
}

int64_t follow_deadline(const struct follow *f)
{
	return f->pid || f->due ? (f->deadline ? f->deadline : 1) : 0;
}

void follow_due(struct follow *f, int64_t now)
{
	if (f->pid && now >= f->deadline) {
		k_kill(f->pid, SIGKILL);
		f->deadline = now + FOLLOW_TIME;
	}
}

void follow_ended(struct follow *f, const struct follow_conf *c, int status, int64_t now, follow_tell *tell,
		  void *ctx)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : ETIMEDOUT;

	f->pid = 0;
	f->deadline = 0;
	if (!code) {
		f->told &= ~(1u << f->which);
	} else if (code == ESTALE || code_is_short(code)) {
		f->due |= 1u << f->which;
		f->deadline = now + (code == ESTALE ? FOLLOW_PAUSE : AGAIN);
	} else {
		tell_once(f, (unsigned)f->which, c, code, tell, ctx);
	}
}

int follow_bring(const struct profile *p, const struct facts *facts, const struct target *target, unsigned wish)
{
	struct live live = {.kind = LIVE_FOLLOW, .from = wish};
	struct plan_request request = {.join = target, .live = &live, .launch = 1};
	struct record r;
	struct diags diags;
	struct plan plan;
	struct walk w;
	int passed, code = 0, ready = 0;

	diags_init(&diags, p->arena);
	if (plan_build(&plan, p, facts, &request, &diags))
		return EINVAL;
	if (walk_init(&w, &plan, p->arena) || walk_host(&w))
		return w.err.code ? w.err.code : EINVAL;
	while (channel_receive(w.channel, &r, &passed, 1) == 1) {
		k_close(passed);
		if (r.kind == REC_FAILED)
			code = r.code ? r.code : EINVAL;
		ready |= r.kind == REC_READY;
	}
	return code || ready ? code : EAGAIN;
}
