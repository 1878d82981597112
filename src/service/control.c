/* Requests and replies of the control socket, see control.h. */
#include "service/control.h"

#include <string.h>

#include "base/parse.h"
#include "base/signals.h"
#include "base/text.h"
#include "base/words.h"
#include "service/machine.h"

const struct verb_row verb_table[VERBS] = {
#define VERB(id, name, who, takes, least, most) {name, takes, who, least, most},
#include "service/verbs.def"
};

const struct status_row status_table[STATUS_FIELDS] = {
#define STATUS(id, name, kind, help) {name, kind},
#include "service/verbs.def"
};

/* A request while it is read: its words, and the next of them. */
struct reading {
	const char *word[CONTROL_WORDS + 1];	/* then a NULL */
	int next;
	char *wrong;
};

static int wrong(struct reading *g, const char *text, const char *word)
{
	text_format(g->wrong, 120, "%s%s%.64s", text, *word ? " " : "", word);
	return -1;
}
#define wrong(g, text, word) wrong(g, PACKED(text), word)

static int read_words(struct reading *g, const char *record, size_t n)
{
	const char *end = record + n;
	int count = 0;

	if (!n || n > CONTROL_REQUEST || end[-1])
		return wrong(g, "not a request", "");
	do {
		if (count == CONTROL_WORDS)
			return wrong(g, "too many words", "");
		g->word[count++] = record;
		record += strlen(record) + 1;
	} while (record < end);
	g->word[count] = NULL;
	return 0;
}

static int read_verb(struct request *r, struct reading *g)
{
	for (int i = 0; i < VERBS; i++)
		if (!strcmp(verb_table[i].name, g->word[0])) {
			r->verb = (uint8_t)i;
			g->next = 1;
			return 0;
		}
	return wrong(g, "no such request:", g->word[0]);
}

static int read_options(struct request *r, struct reading *g, const char *takes)
{
	const char *word;
	uint64_t lines;

	for (; (word = g->word[g->next]) && word[0] == '-'; g->next++) {
		if (!word[1] || word[2] || !strchr("fn", word[1]) || !strchr(takes, word[1]))
			return wrong(g, "unknown option", word);
		if (word[1] == 'f') {
			r->follow = 1;
			continue;
		}
		word = g->word[++g->next];
		if (!word || parse_number(word, 0, ALL_LINES - 1, &lines))
			return wrong(g, "not a number of lines:", word ? word : "");
		r->lines = (uint32_t)lines;
	}
	return 0;
}

/* What stands before the names. */
static int read_first(struct request *r, struct reading *g, const char *takes)
{
	const char *word = g->word[g->next];
	int number;

	if (!strchr(takes, 's'))
		return 0;
	number = word ? signal_number(word) : 0;
	if (number <= 0)
		return wrong(g, "not a signal:", word ? word : "");
	r->signal = (uint8_t)number;
	g->next++;
	return 0;
}

/* What stands behind them. */
static int read_rest(struct request *r, struct reading *g, const char *takes)
{
	const char *word = g->word[g->next];
	uint64_t time;

	if (strchr(takes, 'w')) {
		if (!word || (strcmp(word, "up") != 0 && strcmp(word, "down") != 0))
			return wrong(g, "up or down?", "");
		r->up = word[0] == 'u';
		word = g->word[++g->next];
		if (word && (parse_time(word, &time) || time > INT32_MAX))
			return wrong(g, "not a time to wait:", word);
		r->time = word ? (int64_t)time : -1;
		g->next += word != NULL;
	} else if (word && strchr(takes, 'p')) {
		if (*word && *word != '/')
			return wrong(g, "not an absolute path:", word);
		r->path = word;
		g->next++;
	} else if (word && strchr(takes, 'r')) {
		/* What is none of them is too much. */
		r->end = (uint8_t)(name_find(word, end_names + END_HALT, END_KINDS - END_HALT) + END_HALT);
		g->next += r->end != END_EXIT;
	}
	return g->word[g->next] ? wrong(g, "too much:", g->word[g->next]) : 0;
}

static int read_names(struct request *r, struct reading *g, const struct verb_row *v)
{
	while (r->n < v->most && g->word[g->next]) {
		const char *word = g->word[g->next++];

		if (!name_ok(word))
			return wrong(g, "not a name:", word);
		r->name[r->n++] = word;
	}
	return r->n < v->least ? wrong(g, "which service?", "") : 0;
}

const char *request_read(struct request *r, const char *record, size_t n, char text[120])
{
	struct reading g = {.wrong = text};
	const struct verb_row *v;

	*r = (struct request){.lines = ALL_LINES, .path = ""};
	if (read_words(&g, record, n) || read_verb(r, &g))
		return text;
	v = &verb_table[r->verb];
	if (read_options(r, &g, v->takes) || read_first(r, &g, v->takes) ||
	    read_names(r, &g, v) || read_rest(r, &g, v->takes))
		return text;
	return NULL;
}

void control_put(struct out *o, const char *key, const char *value)
{
	char clean[CONTROL_RECORD / 2];
	size_t n = 0;

	for (; *value && n < sizeof clean - 1; value++)
		clean[n++] = (char)(*value == '"' ? '\'' : *value == '\n' ? '\t' : (unsigned char)*value < ' ' ? ' ' : *value);
	clean[n] = '\0';
	out_printf(o, "%s=", key);
	out_word(o, clean);
	out_put(o, "\n");
}

const char *record_value(const char *record, const char *key, struct arena *a)
{
	size_t n = strlen(key);
	struct words w;
	unsigned column;

	for (; *record && *record != '\n'; record++) {
		size_t length = strcspn(record, "\n");
		const char *line;

		if (!strncmp(record, key, n) && record[n] == '=') {
			line = arena_text(a, record + n + 1, length - n - 1);
			return !line || words_split(&w, line, a, &column) || w.n != 1 ? NULL
										      : w.word[0];
		}
		record += length;
		if (!*record)
			break;
	}
	return NULL;
}

const char *record_body(const char *record)
{
	const char *blank = text_find(record, "\n\n");

	return blank ? blank + 2 : NULL;
}
