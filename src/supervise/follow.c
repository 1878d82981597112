/*
 * Files of services that follow the host's. None of it is kept: another program looks at all
 * files again, and one that is in its place already is left alone.
 */
#include <errno.h>

#include "apply/follow.h"
#include "archive/texts.h"
#include "kernel/k.h"
#include "supervise/launcher.h"
#include "supervise/supervise.h"

enum { HELPERS = 8 };

static struct follow_watch watch = {.fd = -1, .look = 1};	/* the first turn looks */
static struct follow files[SERVICES];	/* by place */
static unsigned helpers;

struct teller {
	struct supervisor *s;
	struct service *v;
};

static void tell(void *ctx, const char *path, int code)
{
	const struct teller *t = ctx;

	event_tell(t->s, t->v, "%s: %s: it keeps the old file", path, error_text(code));
}

/* Of what starts from here on, the launch brings in the file that is there now. */
void follow_launch(struct supervisor *s, struct service *v)
{
	struct follow *f = &files[v - s->service];
	struct teller t = {s, v};

	if (!v->conf->nfollows)
		return;
	f->told = 0;
	follow_add(&watch, v->conf->follows, v->conf->nfollows, s->now);
	follow_look(f, v->conf->follows, v->conf->nfollows, tell, &t);
	f->due = 0;
}

static void look_at_all(struct supervisor *s)
{
	unsigned some = 0;

	for (struct service *v = NULL; (v = service_next(s, v));) {
		struct teller t = {s, v};

		if (!v->conf->nfollows || !launch_lives(s, v))
			continue;
		some = 1;
		follow_add(&watch, v->conf->follows, v->conf->nfollows, s->now);
		follow_look(&files[v - s->service], v->conf->follows, v->conf->nfollows, tell, &t);
	}
	if (!some)
		k_drop(&watch.fd);
}

int follow_poll(struct pollfd *fds)
{
	fds[0] = (struct pollfd){watch.fd, POLLIN, 0};
	return watch.fd >= 0;
}

static void bring(struct supervisor *s, struct service *v)
{
	struct follow *f = &files[v - s->service];
	struct teller t = {s, v};

	follow_due(f, s->now);
	if (helpers >= HELPERS || !service_runs(v) || follow_next(f, s->now) < 0)
		return;
	f->pid = launcher_follow(v, v->conf->follows[f->which].wish);
	if (f->pid > 0)
		helpers++;
	else
		follow_ended(f, v->conf->follows, EAGAIN << 8, s->now, tell, &t);
}

void follow_turn(struct supervisor *s, const struct pollfd *fds, int n)
{
	if (n && fds[0].revents)
		follow_hear(&watch, s->now);
	if (follow_time(&watch, s->now))
		look_at_all(s);
	for (struct service *v = NULL; s->turn->count[COUNT_FOLLOWS] && (v = service_next(s, v));)
		if (v->conf->nfollows)
			bring(s, v);
}

int follow_reaped(struct supervisor *s, int pid, int status)
{
	for (unsigned i = 0; helpers && i < s->places; i++) {
		struct service *v = &s->service[i];
		struct teller t = {s, v};

		if (files[i].pid != pid)
			continue;
		files[i].pid = 0;
		helpers--;
		/* What has ended meanwhile gets the new file by itself. */
		if (v->conf && service_runs(v) && (unsigned)files[i].which < v->conf->nfollows)
			follow_ended(&files[i], v->conf->follows, status, s->now, tell, &t);
		return 1;
	}
	return 0;
}

int64_t follow_until(const struct supervisor *s)
{
	int64_t first = watch.look;

	for (struct service *v = NULL; s->turn->count[COUNT_FOLLOWS] && (v = service_next(s, v));) {
		const struct follow *f = &files[v - s->service];

		if (v->conf->nfollows && service_runs(v) && (f->pid || helpers < HELPERS))
			deadline_earlier(&first, follow_deadline(f));
	}
	return first;
}
