/* The descriptors of services that the kernel watches, and those that it does not, see place.h. */
#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>

#include "kernel/k.h"
#include "supervise/supervise.h"

enum { READY = 64 };		/* of them in one turn; the others come in the next */

static int epoll = -1;
static int renew;		/* it may watch what is not known here any more */
static unsigned watched;	/* so many */

unsigned watch_count(void)
{
	return watched;
}

static int *fd_of(struct service *v, unsigned kind)
{
	static const uint16_t at[] = {
		offsetof(struct service, report), offsetof(struct service, channel), offsetof(struct service, ready),
		offsetof(struct service, notify), offsetof(struct service, log),
	};

	return kind < WATCH_LISTEN ? (int *)(void *)((char *)v + at[kind]) : &v->listen[kind - WATCH_LISTEN];
}

/* Bits of those that are open; a socket that a payload would get counts only while one is to come of it. */
static uint32_t wanted(struct service *v)
{
	unsigned n = WATCH_LISTEN;
	uint32_t bits = 0;

	if (!v->conf)
		return 0;
	if (v->state == STATE_ARMED && v->conf->start == START_DEMAND && v->wish_up)
		n += v->conf->nlistens;
	for (unsigned kind = 0; kind < n; kind++)
		bits |= (uint32_t)(*fd_of(v, kind) >= 0) << kind;
	/* What its init has to say about its end is read behind that: nobody needs to wake up twice. */
	return v->told & TOLD_STARTED ? bits & ~(1u << WATCH_CHANNEL) : bits;
}

static int add(unsigned place, unsigned kind, int fd)
{
	uint64_t tag = place << 8 | kind;

	if (epoll < 0)
		epoll = k_epoll();
	return epoll >= 0 && (!k_epoll_ctl(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, tag) ||
			      (errno == EEXIST && !k_epoll_ctl(epoll, EPOLL_CTL_MOD, fd, EPOLLIN, tag)));
}

/* Of what could not be taken away the kernel would tell as long as any child has it. */
static void stop(struct spot *p, unsigned kind, int fd)
{
	p->watched &= ~(1u << kind);
	watched--;
	if (k_epoll_ctl(epoll, EPOLL_CTL_DEL, fd, 0, 0))
		renew = 1;
}

int watch_look(struct service *v)
{
	struct spot *p = place_spot(v);
	uint32_t want = wanted(v);

	for (unsigned kind = 0; (want ^ p->watched) >> kind; kind++) {
		uint32_t is = p->watched >> kind & 1, should = want >> kind & 1;

		if (should && !is && add(place_number(v), kind, *fd_of(v, kind))) {
			p->watched |= 1u << kind;
			watched++;
		} else if (is && !should) {
			stop(p, kind, *fd_of(v, kind));
		}
	}
	return want != p->watched;
}

void watch_drop(struct service *v, int *fd)
{
	struct spot *p = place_spot(v);

	if (*fd < 0)
		return;
	for (unsigned kind = 0; p->watched >> kind; kind++)
		if ((p->watched >> kind & 1) && fd_of(v, kind) == fd)
			stop(p, kind, *fd);
	k_drop(fd);
}

void watch_drop_listens(struct service *v)
{
	struct spot *p = place_spot(v);

	for (unsigned kind = WATCH_LISTEN; p->watched >> kind; kind++)
		if (p->watched >> kind & 1)
			stop(p, kind, *fd_of(v, kind));
}

static void begin_again(struct supervisor *s)
{
	k_drop(&epoll);
	renew = 0;
	watched = 0;
	for (unsigned i = 0; i < s->places; i++) {
		s->turn->spot[i].watched = 0;
		place_touch(&s->service[i]);
	}
}

int watch_poll(struct pollfd *fds)
{
	*fds = (struct pollfd){.fd = epoll, .events = POLLIN};
	return 1;
}

int watch_poll_loose(struct supervisor *s, struct pollfd *fds)
{
	int n = 0;

	for (unsigned i = 0; s->turn->count[COUNT_LOOSE] && i < s->places; i++) {
		struct service *v = &s->service[i];
		uint32_t loose = 0;

		if (!(s->turn->spot[i].counted >> COUNT_LOOSE & 1))
			continue;
		place_touch(v);		/* the next settling tries again */
		loose = wanted(v) & ~s->turn->spot[i].watched;
		for (unsigned kind = 0; loose >> kind; kind++)
			if (loose >> kind & 1) {
				fds[n] = (struct pollfd){.fd = *fd_of(v, kind), .events = POLLIN};
				s->turn->tag[n++] = i << 8 | kind;
			}
	}
	return n;
}

static void serve(struct supervisor *s, struct service *v)
{
	struct spot *p = place_spot(v);
	uint32_t came = p->came;

	p->came = 0;
	if (came & (1 << WATCH_REPORT | 1 << WATCH_CHANNEL | 1 << WATCH_READY))
		launch_read(s, v);
	if (came & 1 << WATCH_NOTIFY)
		notify_read(s, v);
	if (came & 1 << WATCH_LOG)
		log_read(s, v);
	if (came >> WATCH_LISTEN)
		listen_read(s, v);
	if (came != 1 << WATCH_LOG)
		place_touch(v);
}

/* What has come, by place; a place is told once. */
static int note(struct supervisor *s, uint64_t tag, uint16_t *to)
{
	struct spot *p = &s->turn->spot[tag >> 8];
	int first = !p->came;

	p->came |= 1u << (tag & 0xff);
	*to = (uint16_t)(tag >> 8);
	return first;
}

static void read_watched(struct supervisor *s)
{
	struct epoll_event e[READY];
	uint16_t places[READY] = {0};
	int got = k_epoll_ready(epoll, e, READY), n = 0;

	for (int i = 0; i < got; i++) {
		uint64_t tag = e[i].data.u64;

		if (tag >> 8 < s->places && s->turn->spot[tag >> 8].watched >> (tag & 0xff) & 1)
			n += note(s, tag, &places[n]);
		else
			renew = 1;
	}
	for (int i = 0; i < n; i++)
		serve(s, &s->service[places[i]]);
}

void watch_read(struct supervisor *s, const struct pollfd *own, const struct pollfd *loose, int n)
{
	uint16_t place, last = UINT16_MAX;

	if (own->revents)
		read_watched(s);
	for (int i = 0; i < n; i++) {
		if (!loose[i].revents)
			continue;
		place = (uint16_t)(s->turn->tag[i] >> 8);
		if (last != UINT16_MAX && last != place)
			serve(s, &s->service[last]);
		note(s, s->turn->tag[i], &last);
	}
	if (last != UINT16_MAX)
		serve(s, &s->service[last]);
	if (renew)
		begin_again(s);
}
