/* Readers and printers of the values that tell a supervisor what to do with a sandbox. */
#include "profile/types.h"

#include <string.h>

#include "base/parse.h"
#include "base/signals.h"

enum { DAY = 86400000, MAX_PAUSE = 10000, UNIX_PATH = 107, LISTEN_MODE = 0600 };
enum { LOG_SIZE = 1 << 20, LOG_LEAST = 4096, LOG_KEEP = 3 };

/* The value is nothing of what its syntax shows. */
static void value_other(struct value *v)
{
	value_wrong(v, 0, "%s is %s", v->key->word, key_syntax(v->key));
}

void read_NAMES(struct value *v)
{
	for (int i = 0; i < v->w.n; i++) {
		struct item *new;

		if (!name_ok(v->w.word[i])) {
			value_wrong(v, i, "%s takes names of services, not %.64s", v->key->word,
				    v->w.word[i]);
			continue;
		}
		new = value_item(v);
		if (new)
			new->text = v->w.word[i];
	}
}

void print_NAMES(const struct profile *p, const struct key *key, const void *field,
		 struct out *o)
{
	const struct list *l = field;

	(void)p;
	for (const struct item *i = l->first; i; i = i->next)
		out_printf(o, "%s=%s\n", key->word, i->text);
}

void read_DELAY(struct value *v)
{
	struct service_wish *s = &v->r->p->service;
	uint64_t min, max;

	if (!value_count(v, 1, 2) || value_time(v, 0, 0, DAY, &min))
		return;
	max = min > MAX_PAUSE ? min : MAX_PAUSE;
	if (v->w.n == 2 && value_time(v, 1, 0, DAY, &max))
		return;
	if (max < min) {
		value_wrong(v, 1, "%s: MAX is below MIN", v->key->word);
		return;
	}
	s->restart_delay.min = min;
	s->restart_delay.max = max;
}

void print_DELAY(const struct profile *p, const struct key *key, const void *field,
		 struct out *o)
{
	(void)field;
	out_printf(o, "%s=%llums %llums\n", key->word,
		   (unsigned long long)p->service.restart_delay.min,
		   (unsigned long long)p->service.restart_delay.max);
}

void read_LIMIT(struct value *v)
{
	struct service_wish *s = &v->r->p->service;
	uint64_t count;

	if (!value_count(v, 2, 2))
		return;
	if (parse_number(v->w.word[0], 1, 1000, &count))
		value_wrong(v, 0, "COUNT is a number in 1..1000, not %.64s", v->w.word[0]);
	else if (!value_time(v, 1, 1, SERVICE_TIME, &s->restart_limit.time))
		s->restart_limit.count = count;
}

void print_LIMIT(const struct profile *p, const struct key *key, const void *field,
		 struct out *o)
{
	(void)field;
	out_printf(o, "%s=%llu %llums\n", key->word,
		   (unsigned long long)p->service.restart_limit.count,
		   (unsigned long long)p->service.restart_limit.time);
}

static const char *const limit_names[] = {
	[LIMIT_SLOW] = "slow", [LIMIT_STOP] = "stop", [LIMIT_EXIT] = "exit",
	[LIMIT_REBOOT] = "reboot",
};

void read_ONLIMIT(struct value *v)
{
	struct service_wish *s = &v->r->p->service;
	int action = name_find(v->w.word[0], limit_names, COUNT(limit_names));
	int least = 1 + (action == LIMIT_SLOW), most = least + (action == LIMIT_EXIT);
	uint64_t status = 1, delay = 0;

	if (action < 0 || v->w.n < least || v->w.n > most) {
		value_other(v);
		return;
	}
	if (action == LIMIT_SLOW && value_time(v, 1, 1, SERVICE_TIME, &delay))
		return;
	if (action == LIMIT_EXIT && v->w.n == 2 && parse_number(v->w.word[1], 0, 255, &status)) {
		value_wrong(v, 1, "STATUS is a number in 0..255, not %.64s", v->w.word[1]);
		return;
	}
	s->on_limit.action = (uint8_t)action;
	s->on_limit.status = (uint8_t)status;
	s->on_limit.delay = delay;
}

void print_ONLIMIT(const struct profile *p, const struct key *key, const void *field,
		   struct out *o)
{
	const struct service_wish *s = &p->service;

	(void)field;
	out_printf(o, "%s=%s", key->word, limit_names[s->on_limit.action]);
	if (s->on_limit.action == LIMIT_SLOW)
		out_printf(o, " %llums", (unsigned long long)s->on_limit.delay);
	else if (s->on_limit.action == LIMIT_EXIT)
		out_printf(o, " %u", s->on_limit.status);
	out_put(o, "\n");
}

void read_SUCCESS(struct value *v)
{
	struct service_wish *s = &v->r->p->service;

	for (int i = 0; i < v->w.n; i++) {
		const char *word = v->w.word[i];
		uint64_t status;
		int number;

		if (!parse_number(word, 0, 255, &status))
			s->success.codes[status / 8] |= (uint8_t)(1u << status % 8);
		/* A number is a status, also where it would do as a signal. */
		else if ((*word < '0' || *word > '9') && (number = signal_number(word)))
			s->success.signals |= 1ull << (number - 1);
		else
			value_wrong(v, i, "%s takes statuses up to 255 and names of signals, not %.64s",
				    v->key->word, word);
	}
}

void print_SUCCESS(const struct profile *p, const struct key *key, const void *field,
		   struct out *o)
{
	const struct service_wish *s = &p->service;

	(void)field;
	for (unsigned i = 0; i < 256; i++)
		if (s->success.codes[i / 8] & 1u << i % 8)
			out_printf(o, "%s=%u\n", key->word, i);
	for (int i = 1; i <= SIGNALS; i++)
		if (s->success.signals & 1ull << (i - 1))
			out_printf(o, "%s=%s\n", key->word, signal_name(i));
}

static const char *const ready_names[] = {
	[READY_NONE] = "none", [READY_FD] = "fd", [READY_NOTIFY] = "notify",
};

void read_READY(struct value *v)
{
	struct service_wish *s = &v->r->p->service;
	int kind = name_find(v->w.word[0], ready_names, COUNT(ready_names));
	uint64_t fd = 0;

	if (kind < 0 || v->w.n != 1 + (kind == READY_FD)) {
		value_other(v);
		return;
	}
	if (kind == READY_FD && parse_number(v->w.word[1], 3, 255, &fd)) {
		value_wrong(v, 1, "%s is a descriptor from 3 to 255, not %.64s", v->key->word,
			    v->w.word[1]);
		return;
	}
	s->ready.kind = (uint8_t)kind;
	s->ready.fd = (uint8_t)fd;
}

void print_READY(const struct profile *p, const struct key *key, const void *field,
		 struct out *o)
{
	const struct service_wish *s = &p->service;

	(void)field;
	out_printf(o, "%s=%s", key->word, ready_names[s->ready.kind]);
	if (s->ready.kind == READY_FD)
		out_printf(o, " %u", s->ready.fd);
	out_put(o, "\n");
}

void read_SIGNAL(struct value *v)
{
	int number = signal_number(v->w.word[0]);

	if (!value_count(v, 1, 1))
		return;
	if (number)
		*(uint8_t *)v->field = (uint8_t)number;
	else
		value_wrong(v, 0, "%s is a signal such as TERM or 15, not %.64s", v->key->word,
			    v->w.word[0]);
}

void print_SIGNAL(const struct profile *p, const struct key *key, const void *field,
		  struct out *o)
{
	int number = *(const uint8_t *)field;

	(void)p;
	if (signal_name(number))
		out_printf(o, "%s=%s\n", key->word, signal_name(number));
	else
		out_printf(o, "%s=%d\n", key->word, number);
}

/* Whether every [ of a pattern has its ], which may be the first character of the set. */
static int brackets_close(const char *p)
{
	while ((p = strchr(p, '['))) {
		p += 1 + (p[1] == '!' || p[1] == '^');
		p = *p ? strchr(p + 1, ']') : NULL;
		if (!p)
			return 0;
	}
	return 1;
}

void read_GLOB(struct value *v)
{
	const char *path = value_count(v, 1, 1) ? value_path(v, 0) : NULL;

	if (path && !brackets_close(path))
		value_wrong(v, 0, "%s has a [ without a ]", v->key->word);
	else if (path)
		*(const char **)v->field = path;
}

void print_GLOB(const struct profile *p, const struct key *key, const void *field,
		struct out *o)
{
	print_PATH(p, key, field, o);
}

static const char *const listen_names[] = {
	[LISTEN_TCP] = "tcp", [LISTEN_UDP] = "udp", [LISTEN_UNIX] = "unix",
	[LISTEN_UNIX_DGRAM] = "dgram", [LISTEN_UNIX_SEQPACKET] = "seqpacket",
};

/* ADDRESS:PORT; the address is kept without its brackets. */
static int listen_address(struct value *v, struct item *to)
{
	const char *word = v->w.word[1], *colon = strrchr(word, ':');
	int six = *word == '[' && colon && colon > word + 1 && colon[-1] == ']';
	unsigned char bytes[16];
	char *text = NULL;

	if (colon)
		text = arena_text(v->r->p->arena, word + six, (size_t)(colon - six - (word + six)));
	if (text && !parse_number(colon + 1, 1, 65535, &to->b) &&
	    ((!six && !strcmp(text, "*")) || parse_address(text, bytes) == (six ? 16 : 4))) {
		to->text = text;
		return 0;
	}
	value_wrong(v, 1, "%s is ADDRESS:PORT such as 127.0.0.1:80, [::1]:80 or *:80, not %.64s",
		    v->key->word, word);
	return -1;
}

static int listen_path(struct value *v, struct item *to)
{
	to->text = value_path(v, 1);
	if (!to->text)
		return -1;
	if (strlen(to->text) <= UNIX_PATH)
		return 0;
	value_wrong(v, 1, "the path of a socket has at most %d bytes", UNIX_PATH);
	return -1;
}

/* Reads one option into `to`, whose mode is above all modes as long as none was said. */
static int listen_option(struct value *v, int i, struct item *to)
{
	static const char *const names[] = {"name=", "mode=", "dgram", "seqpacket"};
	const char *word = v->w.word[i];
	int kind = name_find(word, listen_names, COUNT(listen_names)), twice = 0;
	uint32_t mode = UINT32_MAX;

	if (!strncmp(word, "name=", 5)) {
		twice = to->name != NULL;
		to->name = word + 5;
		if (!name_ok(to->name)) {
			value_wrong(v, i, "%.64s: a name has letters, digits and ._- only", word);
			return -1;
		}
	} else if (to->a >= LISTEN_UNIX && kind > LISTEN_UNIX) {
		if (to->a != LISTEN_UNIX) {
			value_wrong(v, i, "a socket is dgram or seqpacket, and one of them once");
			return -1;
		}
		to->a = (unsigned)kind;
	} else if (to->a >= LISTEN_UNIX && !strncmp(word, "mode=", 5)) {
		twice = to->c != UINT32_MAX;
		if (parse_mode(word + 5, &mode) || mode > 0777) {
			value_wrong(v, i, "%.64s: a mode is octal, up to 777", word);
			return -1;
		}
		to->c = mode;
	} else {
		value_unknown(v, i, "option", names, to->a >= LISTEN_UNIX ? COUNT(names) : 1);
		return -1;
	}
	if (twice)
		value_wrong(v, i, "%.64s given twice", word);
	return -twice;
}

void read_LISTEN(struct value *v)
{
	int kind = name_find(v->w.word[0], listen_names, LISTEN_UNIX + 1);
	struct item to = {.a = (unsigned)kind, .c = UINT32_MAX}, *new;

	if (kind < 0 || v->w.n < 2) {
		value_other(v);
		return;
	}
	if (kind == LISTEN_UNIX ? listen_path(v, &to) : listen_address(v, &to))
		return;
	for (int i = 2; i < v->w.n; i++)
		if (listen_option(v, i, &to))
			return;
	if (v->r->p->service.listens.n >= LISTENS) {
		value_wrong(v, -1, "more than %d sockets", LISTENS);
		return;
	}
	new = value_item(v);
	if (!new)
		return;
	new->a = to.a;
	new->b = to.b;
	new->c = to.c != UINT32_MAX ? to.c : LISTEN_MODE;
	new->text = to.text;
	new->name = to.name;
}

void print_LISTEN(const struct profile *p, const struct key *key, const void *field,
		  struct out *o)
{
	const struct list *l = field;

	(void)p;
	for (const struct item *i = l->first; i; i = i->next) {
		int local = i->a >= LISTEN_UNIX, six = !local && strchr(i->text, ':');

		out_printf(o, "%s=%s ", key->word, listen_names[local ? LISTEN_UNIX : i->a]);
		if (local)
			out_word(o, i->text);
		else
			out_printf(o, "%s%s%s:%u", six ? "[" : "", i->text, six ? "]" : "",
				   (unsigned)i->b);
		if (i->a > LISTEN_UNIX)
			out_printf(o, " %s", listen_names[i->a]);
		if (local && i->c != LISTEN_MODE)
			out_printf(o, " mode=%03o", (unsigned)i->c);
		if (i->name)
			out_printf(o, " name=%s", i->name);
		out_put(o, "\n");
	}
}

static const char *const log_names[] = {
	[LOG_NONE] = "ring", [LOG_CONSOLE] = "console", [LOG_KMSG] = "kmsg",
	[LOG_SYSLOG] = "syslog", [LOG_FILE] = "file",
};

/* size= or keep= of a log file, both of which have defaults. */
static void log_option(struct value *v, int i, struct service_wish *s)
{
	static const char *const names[] = {"size=", "keep="};
	const char *word = v->w.word[i];
	uint64_t keep;

	for (int k = 2; k < i; k++)
		if (!strncmp(v->w.word[k], word, 5)) {
			value_wrong(v, i, "%.64s given twice", word);
			return;
		}
	if (!strncmp(word, names[0], 5)) {
		if (parse_size(word + 5, &s->log.size) || s->log.size < LOG_LEAST)
			value_wrong(v, i, "%.64s: a size from 4k, with k, m or g", word);
	} else if (!strncmp(word, names[1], 5)) {
		if (parse_number(word + 5, 0, 99, &keep))
			value_wrong(v, i, "%.64s: a number in 0..99", word);
		else
			s->log.keep = (uint8_t)keep;
	} else {
		value_unknown(v, i, "option", names, COUNT(names));
	}
}

void read_LOG(struct value *v)
{
	struct service_wish *s = &v->r->p->service;
	int kind = name_find(v->w.word[0], log_names, COUNT(log_names));

	if (kind < 0 || (kind == LOG_FILE ? v->w.n < 2 : v->w.n > 1)) {
		value_other(v);
		return;
	}
	s->log.kind = (uint8_t)kind;
	s->log.size = LOG_SIZE;
	s->log.keep = LOG_KEEP;
	s->log.path = kind == LOG_FILE ? value_path(v, 1) : NULL;
	for (int i = 2; i < v->w.n; i++)
		log_option(v, i, s);
}

void print_LOG(const struct profile *p, const struct key *key, const void *field,
	       struct out *o)
{
	const struct service_wish *s = &p->service;

	(void)field;
	out_printf(o, "%s=%s", key->word, log_names[s->log.kind]);
	if (s->log.path) {
		out_put(o, " ");
		out_word(o, s->log.path);
		out_printf(o, " size=%llu keep=%u", (unsigned long long)s->log.size, s->log.keep);
	}
	out_put(o, "\n");
}
