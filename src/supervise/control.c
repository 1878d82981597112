/*
 * The control socket: who may ask, and records in and out. Nothing is queued here: a
 * reply is made record by record, each when the socket takes it, and whoever does
 * not take one in time is dropped.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "apply/process.h"
#include "apply/registry.h"
#include "archive/texts.h"
#include "base/text.h"
#include "kernel/k.h"
#include "supervise/answer.h"

enum {
	ASK_MS = 2000, TAKE_MS = 5000,		/* what a client has for it */
	PAUSE_MS = 100,				/* when no descriptor is left */
	RETRY_MS = 1000, RETRY_MAX_MS = 60000,
	LOCK_TRIES = 100, TAKEN_TRIES = 15, TAKEN_PAUSE_MS = 20,
	TURN = 64, GROUPS = 256,
};

static char record[CONTROL_RECORD];

typedef int address_call(int fd, const void *address, unsigned n);

/*
 * A name in a folder of which we know the descriptor only: through /proc, or where
 * that is not, from within: the profiles are named from where we are, so we come back.
 */
static int at(int dir, const char *name, int fd, address_call *call)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int result, error, here;

	text_format(a.sun_path, sizeof a.sun_path, "/proc/self/fd/%d/%s", dir, name);
	result = call(fd, &a, sizeof a);
	if (!result || errno != ENOENT || (here = k_open(AT_FDCWD, ".", O_PATH, 0)) < 0)
		return result;
	if (!k_fchdir(dir)) {
		text_format(a.sun_path, sizeof a.sun_path, "%s", name);
		result = call(fd, &a, sizeof a);
	}
	error = errno;
	k_fchdir(here);
	k_close(here);
	errno = error;
	return result;
}

/* Whether somebody answers there. */
static int is_taken(int dir)
{
	int fd = k_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK), taken;

	if (fd < 0)
		return 0;
	/* EAGAIN: too many wait for it to answer. */
	taken = !at(dir, "control", fd, k_connect) || errno == EAGAIN;
	k_close(fd);
	return taken;
}

/* Under a draft's name until it listens, so that nobody meets a socket without us. */
static int listen_in(int dir)
{
	int fd = k_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK), failed, error;
	char draft[24];
	unsigned mask;

	if (fd < 0)
		return -1;
	text_format(draft, sizeof draft, ".control.%d", k_getpid());
	k_unlink(dir, draft, 0);
	mask = k_umask(0111);	/* everybody may connect: rights are the peer's */
	failed = at(dir, draft, fd, k_bind);
	k_umask(mask);
	if (!failed && !k_listen(fd) && !k_rename(dir, draft, "control"))
		return fd;
	error = errno;
	k_unlink(dir, draft, 0);
	k_close(fd);
	errno = error;
	return -1;
}

/* One at a time looks who is there and takes the name. -1 with errno. */
static int open_socket(struct supervisor *s, int tries)
{
	int dir = registry_dir();

	s->control->listener = -1;
	if (dir < 0)
		return -1;
	if (!registry_lock(dir, tries)) {
		if (is_taken(dir))
			errno = EADDRINUSE;
		else
			s->control->listener = listen_in(dir);
	}
	k_close(dir);
	return s->control->listener < 0 ? -1 : 0;
}

/* Tells once, tries for ever. */
static void try_later(struct supervisor *s)
{
	if (!s->control->delay)
		event_tell(s, NULL, "no control socket in %s: %s", registry_place(), errno_text());
	s->control->delay = !s->control->delay ? RETRY_MS
		: s->control->delay < RETRY_MAX_MS / 2 ? s->control->delay * 2 : RETRY_MAX_MS;
	s->control->retry = s->now + s->control->delay;
}

int control_open(struct supervisor *s, long readers_gid)
{
	s->control->readers = readers_gid;
	/* The children of one that was killed may hold its socket for a moment. */
	for (int tries = 0; open_socket(s, LOCK_TRIES); tries++) {
		if (errno != EADDRINUSE || tries == TAKEN_TRIES)
			break;
		k_poll(NULL, 0, TAKEN_PAUSE_MS);
	}
	if (s->control->listener >= 0)
		return 0;
	if (errno != EADDRINUSE) {
		try_later(s);
		return 0;
	}
	text_format(s->reload_text, sizeof s->reload_text, "another supervisor is in charge here");
	return -1;
}

static void reopen(struct supervisor *s)
{
	s->control->retry = 0;
	if (open_socket(s, 1)) {
		try_later(s);
		return;
	}
	s->control->delay = 0;
	event_tell(s, NULL, "the control socket is there");
}

void control_look(struct supervisor *s)
{
	int dir = registry_dir();
	struct k_stat st;
	int gone = dir < 0 || (k_stat(dir, "control", AT_SYMLINK_NOFOLLOW, STATX_TYPE_, &st) && errno == ENOENT);

	/* What else is there now is not ours to judge: another supervisor may be in charge. */
	if (s->control->listener >= 0 && gone) {
		k_drop(&s->control->listener);
		reopen(s);
	}
	k_close(dir);
}

static int in_group(int fd, uint32_t gid)
{
	uint32_t groups[GROUPS];
	unsigned size = sizeof groups;

	/* Before Linux 4.13, and for one with more groups, only the first one counts. */
	if (k_getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS_, groups, &size))
		return 0;
	for (unsigned i = 0; i < size / sizeof *groups; i++)
		if (groups[i] == gid)
			return 1;
	return 0;
}

/* The root of a sandbox that sees our /run is uid 0 too, and nobody to give orders. */
static int is_outside(int pid)
{
	uint64_t own = process_ns(k_getpid(), "mnt");

	return pid <= 0 || !own || process_ns(pid, "mnt") != own;
}

/* The group that may look on: of the command line, or of a machine's own settings; -1: none. */
static int64_t readers_of(const struct supervisor *s)
{
	uint32_t readers = s->image ? s->image->set.machine.readers : 0;

	return readers ? (int64_t)readers : s->control->readers;
}

static enum rights rights_of(const struct supervisor *s, int fd)
{
	int64_t readers = readers_of(s);
	struct ucred peer;
	unsigned size = sizeof peer;

	if (k_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return NOBODY;
	if (is_outside(peer.pid))
		return NOBODY;
	if (!peer.uid || peer.uid == geteuid())
		return OWNER;
	if (readers != -1 && (peer.gid == (uint32_t)readers || in_group(fd, (uint32_t)readers)))
		return READER;
	return NOBODY;
}

struct client *client_next(const struct supervisor *s, struct client *c)
{
	unsigned i = c ? (unsigned)(c - s->client) + 1 : 0;

	uint32_t rest = i < CLIENTS ? s->control->busy >> i : 0;

	for (; rest && !(rest & 1); rest >>= 1)
		i++;
	return rest ? &s->client[i] : NULL;
}

static void drop(struct supervisor *s, struct client *c)
{
	s->control->busy &= ~(1u << (c - s->client));
	k_close(c->fd);
	c->fd = 0;
}

/* The one record that a client gets who gets nothing else. */
static void turn_away(int fd, const char *text)
{
	k_send(fd, text, strlen(text), -1);
	k_close(fd);
}

/* Who makes room: one who has not asked, then one who only looks on; the oldest. */
static struct client *place_for(struct supervisor *s)
{
	struct client *silent = NULL, *watcher = NULL;

	for (int i = 0; i < CLIENTS; i++)
		if (!(s->control->busy >> i & 1))
			return &s->client[i];
	for (struct client *c = NULL; (c = client_next(s, c));) {
		if (!c->asked && (!silent || c->age < silent->age))
			silent = c;
		if (c->asked && c->rights != OWNER && (!watcher || c->age < watcher->age))
			watcher = c;
	}
	if (!silent)
		silent = watcher;
	if (silent)
		drop(s, silent);
	return silent;
}

/* The whole reply is one record about what is wrong. */
static void refuse(struct supervisor *s, struct client *c, const char *end, const char *text)
{
	struct out o;

	out_init(&o, record, sizeof record);
	control_put(&o, "end", end);
	if (text)
		control_put(&o, "text", text);
	k_send(c->fd, o.text, o.used, -1);
	drop(s, c);
}

/* read(2) and not recvmsg(2): descriptors that come along are closed by the kernel. */
static void take_request(struct supervisor *s, struct client *c)
{
	long n = k_read(c->fd, c->text, sizeof c->text);
	char text[120];

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		drop(s, c);
	} else if (request_read(&c->request, c->text, (size_t)n, text)) {
		refuse(s, c, "error", text);
	} else if (verb_table[c->request.verb].who > c->rights) {
		refuse(s, c, "denied", NULL);
	} else {
		c->asked = 1;
		c->length = (uint16_t)n;
		c->deadline = 0;
		answer_begin(s, c);
	}
}

/* Sends what can be sent now, but lets others have their turn. */
static void reply(struct supervisor *s, struct client *c)
{
	for (int i = 0; i < TURN; i++) {
		const struct cursor before = c->cursor;
		enum answer answer;
		struct out o;

		c->deadline = s->now + TAKE_MS;
		out_init(&o, record, sizeof record);
		answer = answer_next(s, c, &o);
		if (answer == ANSWER_LATER) {
			c->deadline = 0;
			return;
		}
		/* Who has the answer finds on the console what it was about. */
		event_flush();
		if (k_send(c->fd, o.text, o.used, -1) < 0) {
			c->cursor = before;
			c->full = errno == EAGAIN;
			if (!c->full)
				drop(s, c);
			return;
		}
		if (answer == ANSWER_LAST) {
			drop(s, c);
			return;
		}
	}
	c->full = 1;
}

static void admit(struct supervisor *s, int fd)
{
	enum rights rights = rights_of(s, fd);
	struct client *c;

	if (rights == NOBODY) {
		turn_away(fd, "end=denied\n");
		return;
	}
	c = place_for(s);
	if (!c) {
		turn_away(fd, "end=error\ntext=\"too many ask at once\"\n");
		return;
	}
	*c = (struct client){.fd = fd, .rights = (uint8_t)rights, .age = s->control->age++,
			     .deadline = s->now + ASK_MS};
	s->control->busy |= 1u << (c - s->client);
	/* Most have asked already, and this may be the last turn. */
	take_request(s, c);
	if (c->fd > 0 && c->asked)
		reply(s, c);
}

static void accept_all(struct supervisor *s)
{
	for (int i = 0; i < CLIENTS; i++) {
		int fd = k_accept(s->control->listener);

		if (fd >= 0) {
			admit(s, fd);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		/* No descriptor or memory: whoever waits would wake us in a loop. */
		if (errno != EAGAIN)
			s->control->paused = s->now + PAUSE_MS;
		break;
	}
}

static struct client *client_of(struct supervisor *s, int fd)
{
	struct client *c = NULL;

	while ((c = client_next(s, c)) && c->fd != fd)
		;
	return c;
}

/* It has asked: what comes now is its end, or nonsense. Or poll(2) had no memory to look. */
static void look_after(struct supervisor *s, struct client *c)
{
	char byte;

	if (k_read(c->fd, &byte, 1) >= 0 || (errno != EAGAIN && errno != EINTR))
		drop(s, c);
}

static void move(struct supervisor *s, struct client *c, int events)
{
	if (!c->asked && events)
		take_request(s, c);
	else if (events & ~POLLOUT)
		look_after(s, c);
	if (c->fd > 0 && events & POLLOUT)
		c->full = 0;
}

static void reply_all(struct supervisor *s)
{
	for (struct client *c = NULL; (c = client_next(s, c));)
		if (c->asked && !c->full)
			reply(s, c);
}

void control_move(struct supervisor *s, const struct pollfd *fds, int n)
{
	int knock = 0;

	for (int i = 0; i < n; i++) {
		struct client *c = fds[i].revents ? client_of(s, fds[i].fd) : NULL;

		if (c)
			move(s, c, fds[i].revents);
		else if (fds[i].revents && fds[i].fd == s->control->listener)
			knock = 1;
	}
	reply_all(s);
	for (struct client *c = NULL; (c = client_next(s, c));)
		if (c->deadline && s->now >= c->deadline)
			drop(s, c);
	if (knock)
		accept_all(s);
	if (s->control->retry && s->now >= s->control->retry)
		reopen(s);
}

int control_poll(struct supervisor *s, struct pollfd *fds)
{
	int n = 0;

	/* Who asks before the first profiles are read waits for them; PID 1 may have to do without any. */
	if (s->control->listener >= 0 && (s->image || (s->init && !s->loading)) && s->now >= s->control->paused) {
		s->control->paused = 0;
		fds[n++] = (struct pollfd){.fd = s->control->listener, .events = POLLIN};
	}
	for (struct client *c = NULL; (c = client_next(s, c));)
		fds[n++] = (struct pollfd){.fd = c->fd,
					   .events = c->full ? POLLIN | POLLOUT : POLLIN};
	return n;
}

void control_close(struct supervisor *s)
{
	int dir;

	reply_all(s);
	for (struct client *c = NULL; (c = client_next(s, c));)
		k_close(c->fd);
	if (s->control->listener < 0)
		return;
	/* A child that has just begun has a copy still: it must not seem to answer. */
	k_shutdown(s->control->listener);
	k_close(s->control->listener);
	s->control->listener = -1;
	dir = registry_dir();
	if (dir < 0)
		return;
	if (!is_taken(dir))
		k_unlink(dir, "control", 0);
	k_close(dir);
}

int64_t control_deadline(struct supervisor *s)
{
	int64_t first = 0;

	reply_all(s);
	deadline_earlier(&first, s->control->retry);
	deadline_earlier(&first, s->control->paused);
	for (struct client *c = NULL; (c = client_next(s, c));) {
		deadline_earlier(&first, c->deadline);
		deadline_earlier(&first, c->until);
	}
	return first;
}
