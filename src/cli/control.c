/* The commands that ask a supervisor. */
#include <fcntl.h>
#include <string.h>

#include "base/text.h"
#include "base/words.h"
#include "cli/cli.h"
#include "cli/talk.h"
#include "kernel/k.h"

enum { WAIT_PAUSE_MS = 50 };

/* A command while it is carried out. */
struct ask {
	struct talk talk;
	struct request request;
	struct out words;		/* what is sent */
	uint8_t json, times;		/* --json, -t */
	uint8_t terminal;		/* output goes to one */
	uint8_t midline;		/* the text so far has no end of line */
	const char *comma;		/* before the next object */
	char memory[CONTROL_REQUEST + 1];
};

static void put_word(struct ask *a, const char *word)
{
	out_bytes(&a->words, word, strlen(word) + 1);
}

/* Options first, wherever they stood; the rest is judged by request_read. */
static int read_words(struct ask *a, int argc, char **argv)
{
	static const char *const names[] = {"-f", "-n=", "--json", "-t", NULL};
	const char *rest[CONTROL_WORDS], *value;
	int n = 0;

	out_init(&a->words, a->memory, sizeof a->memory);
	put_word(a, argv[0]);
	for (int i = 1; i < argc;) {
		int option = cli_option(argc, argv, &i, names, &value);

		if (option == -2 || (option == -1 && n == CONTROL_WORDS))
			return -1;
		if (option == -1)
			rest[n++] = argv[i++];
		else if (option >= 2)
			*(option == 2 ? &a->json : &a->times) = 1;
		else
			put_word(a, names[option][1] == 'f' ? "-f" : "-n");
		if (option == 1)
			put_word(a, value);
	}
	for (int i = 0; i < n; i++)
		put_word(a, rest[i]);
	return a->words.lost ? -1 : 0;
}

static int is_wrong(struct ask *a, int argc, char **argv)
{
	const char *found;
	char text[120];
	int verb;

	if (read_words(a, argc, argv))
		return 1;
	found = request_read(&a->request, a->memory, a->words.used, text);
	if (found) {
		cli_error("%s", found);
		return 1;
	}
	verb = a->request.verb;
	return (a->json && verb != VERB_STATUS && verb != VERB_EVENTS) ||
	       (a->times && verb != VERB_LOGS);
}

/* How long the next record may take: for ever only where that was asked for. */
static int patience(const struct ask *a)
{
	const struct request *r = &a->request;

	if (r->follow || (r->verb == VERB_WAIT && r->time < 0))
		return -1;
	if (r->verb == VERB_WAIT && r->time < INT32_MAX - a->talk.timeout)
		return (int)r->time + a->talk.timeout;
	return r->verb == VERB_RELOAD || r->verb == VERB_UPGRADE ? 6 * a->talk.timeout : a->talk.timeout;
}

/* Whoever waits for a service waits for its supervisor too. */
static int talk_open_wait(struct ask *a)
{
	const struct request *r = &a->request;
	int64_t until = r->verb == VERB_WAIT && r->time > 0 ? k_now_ms() + r->time : 0;

	for (;;) {
		a->talk.quiet = until && k_now_ms() < until;
		if (!talk_open(&a->talk, a->memory, a->words.used))
			return 0;
		if (!a->talk.quiet)
			return -1;
		k_poll(NULL, 0, WAIT_PAUSE_MS);
	}
}

/* Asks, lets `print` see each record but the last, and returns the exit status. */
static int ask(struct ask *a, int argc, char **argv, void (*print)(struct ask *a))
{
	if (is_wrong(a, argc, argv))
		return cli_usage(!strcmp(argv[0], "upgrade") ? "reload" : argv[0]);
	if (talk_open_wait(a))
		return EXIT_HUTCH;
	a->talk.timeout = patience(a);
	a->terminal = (uint8_t)k_is_terminal(1);
	while (talk_next(&a->talk))
		if (print)
			print(a);
	return talk_close(&a->talk);
}

#define PLAIN(id) \
	int command_##id(int argc, char **argv) \
	{ \
		struct ask a = {.comma = ""}; \
\
		return ask(&a, argc, argv, NULL); \
	}
PLAIN(start)
PLAIN(stop)
PLAIN(restart)
PLAIN(signal)
PLAIN(wait)
PLAIN(shutdown)

/* reload --exec [PATH]: what follows is for another request. A path is meant from where we are. */
int command_reload(int argc, char **argv)
{
	char *words[3] = {(char *)"upgrade", NULL, NULL}, path[CONTROL_REQUEST];
	struct ask a = {.comma = ""};
	long n = 0;

	if (argc < 2 || strcmp(argv[1], "--exec") != 0)
		return ask(&a, argc, argv, NULL);
	if (argc > 3)
		return cli_usage("reload");
	if (argc == 3 && *argv[2] != '/') {
		n = k_readlink(AT_FDCWD, "/proc/self/cwd", path, sizeof path - 1);
		n = n < 0 ? 0 : n;
	}
	if (argc == 3) {
		text_format(path + n, sizeof path - (size_t)n, "%s%s", n ? "/" : "", argv[2]);
		words[1] = path;
	}
	return ask(&a, argc - 1, words, NULL);
}

/* Key and value of an object; a word as it is but for text. */
static void print_member(const char *comma, const char *key, const char *value, int kind)
{
	out_put(&cli_out, comma);
	out_json(&cli_out, key);
	out_put(&cli_out, ":");
	if (!value)
		out_put(&cli_out, "null");
	else if (kind == TEXT)
		out_json(&cli_out, value);
	else
		out_put(&cli_out, kind == NUMBER ? value : !strcmp(value, "yes") ? "true" : "false");
}

static const char *field(struct ask *a, enum status_field f)
{
	return record_value(a->talk.record, status_table[f].name, &cli_arena);
}

static void print_object(struct ask *a)
{
	size_t mark = cli_arena.used;

	out_put(&cli_out, a->comma);
	a->comma = ",\n";
	for (int f = 0; f < STATUS_FIELDS; f++)
		print_member(f ? "," : "{", status_table[f].name, field(a, f), status_table[f].kind);
	out_put(&cli_out, "}");
	cli_flush(1);
	cli_arena.used = mark;
}

void cli_age(char to[24], const char *since)
{
	static const struct { unsigned seconds; char letter; } unit[] = {
		{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'},
	};
	uint64_t n = since ? number_at(since) : 0;
	int i = 0;

	while (i < 3 && n < unit[i].seconds)
		i++;
	text_format(to, 24, "%llu%c", (unsigned long long)n / unit[i].seconds, unit[i].letter);
}

/* What is wrong with a profile, below its service: a line each, unless it is the reason that was told. */
static void print_findings(struct ask *a, const char *why)
{
	const char *source = field(a, STATUS_PROFILE), *text = field(a, STATUS_FINDINGS);

	if (source)
		out_printf(&cli_out, "  profile: %s\n", source);
	if (text && why && !strncmp(text, why, strlen(why)))
		text += strcspn(text, "\t");
	text += text && *text == '\t';
	for (size_t n; text && *text; text += n + (text[n] == '\t')) {
		n = strcspn(text, "\t");
		out_printf(&cli_out, "  %.*s\n", (int)n, text);
	}
}

static void print_row(struct ask *a)
{
	size_t mark = cli_arena.used;
	const char *pid = field(a, STATUS_PID), *why = field(a, STATUS_WHY);
	const char *next = field(a, STATUS_NEXT), *end = field(a, STATUS_EXIT);
	char since[24], wait[24];

	/* init.conf is no service: of it there is only what is wrong. */
	if (!field(a, STATUS_STATE)) {
		out_printf(&cli_out, "%s%s\n", a->comma, field(a, STATUS_NAME));
		a->comma = "";
		print_findings(a, NULL);
		cli_flush(1);
		cli_arena.used = mark;
		return;
	}
	if (!why && strcmp(field(a, STATUS_STATE), "up") != 0)
		why = end;
	cli_age(since, field(a, STATUS_SINCE));
	out_printf(&cli_out, "%s%-20s %-9s %6s %7s %8s  ", a->comma, field(a, STATUS_NAME),
		   field(a, STATUS_STATE), since, pid ? pid : "-", field(a, STATUS_RESTARTS));
	a->comma = "";
	if (next) {
		cli_age(wait, next);
		out_printf(&cli_out, "in %s%s", wait, why ? ": " : "");
	}
	out_printf(&cli_out, "%s\n", why ? why : "");
	print_findings(a, why);
	cli_flush(1);
	cli_arena.used = mark;
}

static void print_status(struct ask *a)
{
	if (a->json)
		print_object(a);
	else
		print_row(a);
}

int command_status(int argc, char **argv)
{
	struct ask a = {.comma = ""};
	int status;

	a.comma = "NAME                 STATE      SINCE     PID RESTARTS  WHY\n";
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--json"))
			a.comma = "[";
	status = ask(&a, argc, argv, print_status);
	if (a.json && status != EXIT_USAGE && status != EXIT_HUTCH)
		out_printf(&cli_out, "%s]\n", *a.comma == '[' ? a.comma : "");
	cli_flush(1);
	return status;
}

/* When the text came, and how much of it is missing. */
static uint64_t time_of(struct ask *a)
{
	const char *time = record_value(a->talk.record, "time", &cli_arena);
	const char *lost = record_value(a->talk.record, "lost", &cli_arena);

	if (lost)
		cli_error("%s bytes are lost here", lost);
	return time ? number_at(time) : 0;
}

static void print_text(struct ask *a)
{
	char *body = (char *)record_body(a->talk.record), *end = a->talk.record + a->talk.n;
	size_t mark = cli_arena.used;
	uint64_t time = time_of(a);

	for (; body && body < end;) {
		char *line = memchr(body, '\n', (size_t)(end - body));
		size_t n = (size_t)((line ? line + 1 : end) - body);

		/* A payload has nothing to say to the terminal of whoever looks on. */
		if (a->terminal)
			text_plain(body, n - (line != NULL));
		if (a->times && !a->midline)
			out_printf(&cli_out, "%llu.%03u ", (unsigned long long)time / 1000,
				   (unsigned)(time % 1000));
		out_bytes(&cli_out, body, n);
		a->midline = !line;
		body += n;
	}
	cli_flush(1);
	cli_arena.used = mark;
}

/* What an event's line begins with; the rest of it is text. */
static const struct status_row event_keys[] = {
	{"time", NUMBER}, {"service", TEXT}, {"state", TEXT},
};
enum { EVENT_KEYS = sizeof event_keys / sizeof *event_keys };

static void print_event(struct ask *a)
{
	char *p = (char *)record_body(a->talk.record), *end;
	size_t mark = cli_arena.used;
	const char *comma = "{";
	struct words w;
	unsigned column;

	if (!p || *p == '\n')
		return;
	p[strcspn(p, "\n")] = '\0';
	for (int i = 0; i < EVENT_KEYS; i++) {
		size_t n = strlen(event_keys[i].name);

		if (strncmp(p, event_keys[i].name, n) != 0 || p[n] != '=')
			continue;
		end = p + strcspn(p, " ");
		if (*end)
			*end++ = '\0';
		print_member(comma, event_keys[i].name, p + n + 1, event_keys[i].kind);
		comma = ",";
		p = end;
	}
	if (!strncmp(p, "text=", 5) && !words_split(&w, p + 5, &cli_arena, &column) && w.n)
		print_member(comma, "text", w.word[0], TEXT);
	out_put(&cli_out, "}\n");
	cli_flush(1);
	cli_arena.used = mark;
}

static void print_events(struct ask *a)
{
	if (a->json)
		print_event(a);
	else
		print_text(a);
}

int command_logs(int argc, char **argv)
{
	struct ask a = {.comma = ""};

	return ask(&a, argc, argv, print_text);
}

int command_events(int argc, char **argv)
{
	struct ask a = {.comma = ""};

	return ask(&a, argc, argv, print_events);
}
