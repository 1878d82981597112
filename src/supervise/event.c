/* What the supervisor tells: a line in its own ring, and one for people. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "base/out.h"
#include "base/text.h"
#include "kernel/k.h"
#include "supervise/supervise.h"

enum { RETRY = 1000 };		/* ms, until a console that is not there is looked for again */

static struct console {
	uint8_t used;			/* people are told there, and not on standard error */
	const char *path;		/* or NULL: where it is by default */
	int fd;
	int64_t retry;
} console = {.fd = -1};

void event_console(const char *path)
{
	k_drop(&console.fd);
	console = (struct console){.used = 1, .path = path, .fd = -1};
}

/* It may go and come: with each session that ends there it is hung up for all who have it open. */
static void tell_console(const char *text, size_t n)
{
	for (int i = 0; i < 2; i++) {
		struct pollfd to = {.fd = console.fd, .events = POLLOUT};

		if (to.fd < 0 && k_now_ms() >= console.retry) {
			to.fd = console.fd = console_open(console.path);
			console.retry = k_now_ms() + RETRY;
		}
		if (to.fd < 0 || k_poll(&to, 1, 0) <= 0)
			return;
		if (to.revents == POLLOUT && k_write(to.fd, text, n) >= 0)
			return;
		k_drop(&console.fd);
		console.retry = i ? console.retry : 0;
	}
}

/*
 * Standard error in a description of our own, so that the one shared with others
 * stays as it is and we do not wait even if somebody fills the pipe in between. A
 * file is left alone: its offset is shared too.
 */
static void tell_caller(const char *text, size_t n)
{
	static int own = -1, looked;
	struct pollfd to = {.fd = 2, .events = POLLOUT};
	struct k_stat st;

	if (own >= 0 && (k_write(own, text, n) >= 0 || errno == EAGAIN))
		return;
	/* A terminal that was hung up, or the first word. */
	k_drop(&own);
	if (!looked && !k_fstat(2, STATX_TYPE_, &st) && !S_ISREG(st.mode))
		own = k_open(AT_FDCWD, "/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
	looked = own < 0;
	to.fd = own < 0 ? 2 : own;
	if (k_poll(&to, 1, 0) == 1 && to.revents == POLLOUT)
		k_write(to.fd, text, n);
}

/*
 * What has happened in a turn, and the words for people about it: they are not what it is about, and whoever waits for the
 * next start comes first. The numbers lie together: of what is behind them little is touched.
 */
static struct {
	struct supervisor *s;
	size_t n, words;
	char said[2 * RING_CHUNK], text[4 * RING_CHUNK];
} happened;

static void tell(void)
{
	if (happened.words)
		(console.used ? tell_console : tell_caller)(happened.said, happened.words);
	happened.words = 0;
}

/* One line, without its end. */
static void tell_people(const struct out *o)
{
	if (happened.words + o->used >= sizeof happened.said)
		tell();
	memcpy(happened.said + happened.words, o->text, o->used);
	happened.words += o->used;
	happened.said[happened.words++] = '\n';
}

#define PUT(o, text) out_bytes(o, text, sizeof(text) - 1)

/* Several things happen in one turn of the loop, and many in one second. */
static void put_time(struct out *o, int64_t now)
{
	static char text[32];
	static int64_t second = -1;
	static size_t n;
	unsigned ms = (unsigned)(now % 1000);

	if (now / 1000 != second) {
		second = now / 1000;
		n = (size_t)text_format(text, sizeof text, "time=%lld.000", (long long)second);
	}
	text[n - 3] = (char)('0' + ms / 100);
	text[n - 2] = (char)('0' + ms / 10 % 10);
	text[n - 1] = (char)('0' + ms % 10);
	out_bytes(o, text, n);
}

/* What has happened and is not put into words yet: behind each head its service's name, if any, and why, with an end each. */
struct happening {
	int64_t time;
	uint16_t name, why;	/* bytes */
	uint8_t state, programs;	/* it is for them alone */
};

static void put_into_words(struct supervisor *s, const struct happening *h, const char *name, char *why)
{
	char line[RING_CHUNK];
	struct out o;

	/* One byte less than there is: the end of the line has room in any case. */
	out_init(&o, line, sizeof line - 1);
	put_time(&o, h->time);
	if (h->name) {
		PUT(&o, " service=");
		out_bytes(&o, name, h->name);
		PUT(&o, " state=");
		out_put(&o, state_names[h->state]);
	}
	if (h->why) {
		text_plain(why, h->why);
		PUT(&o, " text=");
		out_word(&o, why);
	}
	line[o.used++] = '\n';
	ring_line(&s->events, h->time, line, o.used);
	if (h->programs)
		return;
	out_init(&o, line, sizeof line - 1);
	PUT(&o, "hutch: ");
	if (h->name) {
		out_bytes(&o, name, h->name);
		PUT(&o, ": ");
		out_put(&o, state_names[h->state]);
		out_bytes(&o, ": ", h->why ? 2 : 0);
	}
	out_bytes(&o, why, h->why);
	tell_people(&o);
}

void event_settle(void)
{
	size_t n = happened.n;
	struct happening h;
	char *name;

	happened.n = 0;
	for (size_t at = 0; at < n; at += sizeof h + h.name + h.why + 2u) {
		memcpy(&h, happened.text + at, sizeof h);
		name = happened.text + at + sizeof h;
		put_into_words(happened.s, &h, name, name + h.name + 1);
	}
}

void event_flush(void)
{
	event_settle();
	tell();
}

void event_say(struct supervisor *s, const struct service *v, const char *why)
{
	const char *name = v && v->conf ? v->conf->name : "";
	/* Steps on the way that have nothing to say, and what has to succeed again and again, are for programs. */
	struct happening h = {
		.time = s->now, .name = (uint16_t)strlen(name), .why = (uint16_t)strnlen(why, RING_CHUNK - 1),
		.state = *name ? v->state : 0,
		.programs = *name && !s->debug && ((!*why && state_passes(v->state)) || (v->state == STATE_DONE && v->conf->every)),
	};
	char *to;

	if (happened.n + sizeof h + h.name + h.why + 2 > sizeof happened.text)
		event_settle();
	to = happened.text + happened.n;
	memcpy(to, &h, sizeof h);
	memcpy(to + sizeof h, name, h.name + 1u);
	memcpy(to + sizeof h + h.name + 1, why, h.why);
	to[sizeof h + h.name + 1 + h.why] = '\0';
	happened.s = s;
	happened.n += sizeof h + h.name + h.why + 2;
}

void event_tell(struct supervisor *s, const struct service *v, const char *format, ...)
{
	char text[RING_CHUNK];
	va_list args;

	va_start(args, format);
	text_vformat(text, sizeof text, format, args);
	va_end(args);
	event_say(s, v, text);
}

void console_tell(const char *format, ...)
{
	char human[RING_CHUNK], text[RING_CHUNK];
	struct out o;
	va_list args;

	va_start(args, format);
	text_vformat(text, sizeof text, format, args);
	va_end(args);
	text_plain(text, strlen(text));
	out_init(&o, human, sizeof human - 1);
	out_printf(&o, "hutch: %s", text);
	tell_people(&o);
	event_flush();
}

void event_lines(struct supervisor *s, const struct service *v, const char *text)
{
	for (size_t n; text && *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		event_tell(s, v, "%.*s", (int)n, text);
	}
}
