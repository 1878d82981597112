/*
 * The output of the services. Its way is pipe, ring, target: a target that takes
 * nothing now is a late reader of the ring, so a syslogd that comes up last gets the
 * first lines too, and nothing here waits for anybody.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/text.h"
#include "kernel/k.h"
#include "supervise/keep.h"
#include "supervise/supervise.h"

enum {
	READ = 16384, READS = 4,	/* one turn of the loop takes so much of a service */
	RECORDS = 64,			/* and hands on so many records */
	LINE = LOG_LINE,
	WINDOWS = 16,
	PAUSE = 1000,			/* ms, between two attempts to open a target */
};

static char writer_stack[48 << 10] __attribute__((aligned(16)));

/*
 * Where the ring is now: few are mapped at a time, for each mapping costs every fork. Who
 * cannot be mapped has none, and what it says is lost.
 */
struct ring *log_ring(struct service *v)
{
	static struct ring none;
	static uint16_t mapped[WINDOWS], next;		/* 1 + a place */
	struct service *last;

	if (v->ring.memory || !v->ring.size)
		return &v->ring;
	for (int tries = 0; tries < 2 && !v->ring.memory; tries++)
		v->ring.memory = keep_ring(place_number(v), v->ring.size);
	if (!v->ring.memory) {
		none.size = 0;
		return &none;
	}
	last = mapped[next] ? v - place_number(v) + mapped[next] - 1 : v;
	if (last != v && last->ring.memory && keep_fd() >= 0) {
		k_forget(last->ring.memory, last->ring.size);
		last->ring.memory = NULL;
	}
	mapped[next] = (uint16_t)(place_number(v) + 1);
	next = (uint16_t)((next + 1) % WINDOWS);
	return &v->ring;
}

int log_open(struct service *v)
{
	/* Memory of its own for each ring: reserved now, real when something is written. */
	if (!v->ring.size)
		ring_init(&v->ring, NULL, v->conf->log_size);
	if (v->log[0] < 0 && k_pipe(v->log)) {
		v->log[0] = v->log[1] = -1;
		return -1;
	}
	/* The last payload may have left it otherwise. */
	return k_fcntl(v->log[1], F_SETFL, O_WRONLY);
}

void log_close(struct service *v)
{
	watch_drop(v, &v->log[0]);
	k_drop(&v->log[1]);
}

static void target_close(const struct supervisor *s, struct log_target *t)
{
	k_drop(&t->fd);
	t->retry = s->now + PAUSE;
}

static int open_syslog(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	int fd = k_socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK);

	if (fd >= 0 && k_connect(fd, (void *)&to, sizeof to)) {
		k_close(fd);
		return -1;
	}
	return fd;
}

/* The other end of a socket whose reader writes files. */
static int open_writer(struct log_state *log)
{
	int ends[2];

	if (log->writer || k_socketpair(ends))
		return -1;
	if (k_fcntl(ends[0], F_SETFL, O_RDWR | O_NONBLOCK) ||
	    (log->writer = k_clone(logfile_main, writer_stack + sizeof writer_stack, SIGCHLD,
				   &ends[1])) < 0) {
		log->writer = 0;
		k_close(ends[0]);
		ends[0] = -1;
	}
	k_close(ends[1]);
	return ends[0];
}

static int target_open(const struct supervisor *s, unsigned kind)
{
	struct log_target *t = &s->log->target[kind];
	const int flags = O_WRONLY | O_NOCTTY | O_NONBLOCK;

	if (t->fd >= 0)
		return 0;
	if (s->now < t->retry)
		return -1;
	t->retry = s->now + PAUSE;
	if (kind == LOG_CONSOLE)
		s->log->nrest = 0;
	t->fd = kind == LOG_CONSOLE ? console_open(s->image ? s->image->set.machine.console : NULL)
		: kind == LOG_KMSG  ? k_open(AT_FDCWD, "/dev/kmsg", flags, 0)
		: kind == LOG_SYSLOG ? open_syslog() : open_writer(s->log);
	return t->fd < 0 ? -1 : 0;
}

/* What a terminal does not take of a line it gets before the next one. */
static long write_console(struct log_state *log, int fd, const char *text, size_t n)
{
	long done;

	if (log->nrest) {
		done = k_write(fd, log->rest, log->nrest);
		if (done < 0)
			return -1;
		log->nrest -= (uint32_t)done;
		memmove(log->rest, log->rest + done, log->nrest);
		if (log->nrest) {
			errno = EAGAIN;
			return -1;
		}
	}
	done = n ? k_write(fd, text, n) : 0;
	if (done >= 0) {
		memcpy(log->rest, text + done, n - (size_t)done);
		log->nrest = (uint32_t)(n - (size_t)done);
	}
	return done;
}

/* 0: taken; 1: it never will be; -1: not now. */
static int give(const struct supervisor *s, unsigned kind, const void *record, size_t n)
{
	struct log_target *t = &s->log->target[kind];
	long done;

	if (!target_open(s, kind)) {
		done = kind == LOG_CONSOLE ? write_console(s->log, t->fd, record, n)
			: kind == LOG_KMSG ? k_write(t->fd, record, n)
					   : k_send(t->fd, record, n, -1);
		/* The rest of a line waits for room. */
		s->log->stuck |= kind == LOG_CONSOLE && s->log->nrest ? 1u << kind : 0;
		if (done >= 0 || errno == EINVAL || errno == EMSGSIZE)
			return done < 0;
		if (errno != EAGAIN && errno != EINTR)
			target_close(s, t);
	}
	s->log->stuck |= 1u << kind;
	return -1;
}

/* A whole line from the ring, or with `many` as many as there is room for; 0: none yet. */
static size_t take(const struct ring *r, uint64_t *position, char *to, size_t room, int many)
{
	uint64_t at = *position, lost = 0;
	size_t n, have = 0, whole = 0;
	int64_t time;

	while (many || !whole) {
		if (have + RING_CHUNK > room) {
			/* A line longer than the room goes in pieces. */
			if (!whole) {
				whole = have;
				*position = at;
			}
			break;
		}
		n = ring_get(r, &at, &time, to + have, &lost);
		if (!n)
			break;
		have += n;
		if (to[have - 1] == '\n') {
			whole = have;
			*position = at;
		}
	}
	return whole;
}

/* What stands before the text; returns where it starts. */
static char *start_record(const struct service_conf *c, struct log_record *r)
{
	char *text = (char *)r;

	if (c->log == LOG_FILE) {
		r->limit = c->log_file_size;
		r->keep = c->log_keep;
		return r->text + text_format(r->text, 4096, "%s", c->log_path) + 1;
	}
	return text + text_format(text, LINE, c->log == LOG_CONSOLE ? "%s: " : "<30>%s: ", c->name);
}

/*
 * A line for people: without control characters. A terminal wants its end, and kmsg
 * shows a record without one only when the next comes.
 */
static size_t line_plain(char *text, size_t n, int end)
{
	n -= n && text[n - 1] == '\n';
	n -= n && text[n - 1] == '\r';
	text_plain(text, n);
	if (end)
		text[n++] = '\n';
	return n;
}

/* Hands one record on, if there is one: a note about what is missing, or text. */
static int forward_one(const struct supervisor *s, struct service *v)
{
	const struct service_conf *c = v->conf;
	struct log_record r;
	char *text = start_record(c, &r);
	uint64_t behind = v->log_seen;
	size_t n;
	int taken;

	if (v->log_untold)
		n = (size_t)text_format(text, LINE, "[hutch: about %llu bytes are missing here]\n",
					(unsigned long long)v->log_untold);
	else
		n = take(log_ring(v), &behind, text, c->log == LOG_FILE ? LOG_TEXT : LINE,
			 c->log == LOG_FILE);
	if (!n)
		return -1;
	if (c->log != LOG_FILE)
		n = line_plain(text, n, c->log != LOG_SYSLOG);
	taken = give(s, c->log, &r, (size_t)(text - (char *)&r) + n);
	if (taken < 0)
		return -1;
	v->log_lost += taken ? behind - v->log_seen : 0;
	v->log_untold = 0;
	v->log_seen = behind;
	return 0;
}

static void forward(const struct supervisor *s, struct service *v)
{
	unsigned bit = v->conf ? 1u << v->conf->log : 1, n = 0;

	if (bit == 1 || v->log_seen > v->ring.head)
		v->log_seen = v->ring.head;
	if (v->log_seen < v->ring.tail) {
		v->log_lost += v->ring.tail - v->log_seen;
		v->log_untold += v->ring.tail - v->log_seen;
		v->log_seen = v->ring.tail;
	}
	while (bit != 1 && !(s->log->stuck & bit) && !forward_one(s, v))
		if (++n == RECORDS) {
			s->log->more |= bit;
			break;
		}
	if ((s->log->stuck | s->log->more) & bit)
		queue_put(&s->turn->log[v->conf->log], LINK_LOG, v);
}

void log_read(struct supervisor *s, struct service *v)
{
	char text[READ];
	long n = READ;

	for (int i = 0; i < READS && n == READ; i++) {
		n = k_read(v->log[0], text, sizeof text);
		if (n > 0)
			ring_put(log_ring(v), s->now, text, (size_t)n);
	}
	forward(s, v);
}

void log_end(struct supervisor *s, struct service *v)
{
	log_read(s, v);
	if (ring_unfinished(log_ring(v)))
		ring_put(log_ring(v), s->now, "\n", 1);
	forward(s, v);
}

int log_poll(const struct supervisor *s, struct pollfd *fds)
{
	int n = 0;

	for (unsigned kind = LOG_CONSOLE; kind <= LOG_FILE; kind++)
		if ((s->log->stuck >> kind & 1) && s->log->target[kind].fd >= 0)
			fds[n++] = (struct pollfd){.fd = s->log->target[kind].fd, .events = POLLOUT};
	return n;
}

/* Who could not hand all on, each once at most: a loud one gets behind the others. */
static void move_on(struct supervisor *s, struct queue *q, unsigned bit)
{
	unsigned last = q->last;
	struct service *v;

	while (!(s->log->stuck & bit) && (v = queue_take(q, LINK_LOG))) {
		forward(s, v);
		if (place_number(v) + 1 == last)
			break;
	}
}

void log_move(struct supervisor *s)
{
	s->log->stuck = s->log->more = 0;
	if (s->log->nrest)
		give(s, LOG_CONSOLE, "", 0);
	for (unsigned kind = LOG_CONSOLE; kind <= LOG_FILE; kind++)
		move_on(s, &s->turn->log[kind], 1u << kind);
}

/* A target that is not there is looked for when something happens, but files are ours. */
int64_t log_deadline(const struct supervisor *s)
{
	const struct log_state *log = s->log;

	if (log->more)
		return s->now;
	return (log->stuck >> LOG_FILE & 1) && log->target[LOG_FILE].fd < 0 && !log->writer
		? log->target[LOG_FILE].retry : 0;
}

/* The writer ends behind the last line. */
void log_leave(struct supervisor *s)
{
	for (unsigned kind = LOG_CONSOLE; kind <= LOG_FILE; kind++)
		k_drop(&s->log->target[kind].fd);
}

int log_reaped(struct supervisor *s, int pid)
{
	if (!s->log->writer || pid != s->log->writer)
		return 0;
	s->log->writer = 0;
	target_close(s, &s->log->target[LOG_FILE]);
	return 1;
}
