/*
 * Lines of text into a profile. Goes on after an error, so that one call shows
 * all of them.
 */
#include "profile/types.h"

#include <string.h>

#include "archive/texts.h"
#include "base/parse.h"
#include "base/text.h"

enum { MAX_DEPTH = 8, MAX_FILES = 256, MAX_LINE = 8192, MAX_LINES = 100000 };

typedef void value_reader(struct value *v);
static value_reader *const readers[TYPE_COUNT] = {
#define TYPE(name) read_##name,
#include "profile/types.def"
#undef TYPE
};

void profile_init(struct profile *p, struct arena *a)
{
	memset(p, 0, sizeof *p);
	p->arena = a;
	p->nfiles = FILE_FIRST;
	p->mounts.last = &p->mounts.first;
	p->boot.mounts.last = &p->boot.mounts.first;
}

void profile_reader_init(struct profile_reader *r, struct profile *p,
			 struct diags *d, profile_loader *load, void *ctx)
{
	memset(r, 0, sizeof *r);
	r->p = p;
	r->diags = d;
	r->load = load;
	r->ctx = ctx;
}

const char profile_hubs[] = "init.conf/hubs";

int profile_is_machine(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !strcmp(slash ? slash + 1 : path, "init.conf");
}

/* The key that a word names; *suffix is what follows the dot of rlimit.NAME. */
static unsigned key_find(const char *word, const char **suffix)
{
	for (const struct key *k = keys + KEY_NONE + 1; k < keys + KEY_COUNT; k++) {
		size_t n = k->length;

		if (*k->word != *word)
			continue;
		*suffix = word + n;
		if (k->word[n - 1] == '.' ? !strncmp(word, k->word, n) : !strcmp(word, k->word))
			return (unsigned)(k - keys);
	}
	return KEY_NONE;
}

static void key_unknown(struct profile_reader *r, const char *word)
{
	const char *names[KEY_COUNT + 1];
	char hint[HINT_ROOM];

	for (unsigned i = 0; i < KEY_COUNT; i++)
		names[i] = keys[i].word;
	names[KEY_COUNT] = "include";
	name_hint(hint, word, names, KEY_COUNT + 1);
	diags_add(r->diags, r->at, 1, "unknown key %.64s%s", word, *hint ? hint : ": hutch keys lists them");
}

static void include(struct profile_reader *r, const char *value)
{
	struct origin at = r->at;
	struct words w;
	unsigned column;
	const char *wrong = words_split(&w, value, r->p->arena, &column);

	if (wrong || w.n != 1)
		diags_add(r->diags, at, r->column, "include takes one file");
	else if (r->depth >= MAX_DEPTH)
		diags_add(r->diags, at, r->column,
			  "files include each other more than %d deep, or in a circle", MAX_DEPTH);
	else
		profile_file(r, w.word[0]);
	r->at = at;
}

/* Hands words to the key's reader; the line's origin is in r->at. */
static void key_value(struct profile_reader *r, unsigned id, const char *suffix,
		      const char *value)
{
	struct value v = {.r = r, .key = &keys[id], .suffix = suffix};
	unsigned column = 1;
	const char *wrong;

	v.field = (char *)r->p + keys[id].offset;
	wrong = words_split(&v.w, value, r->p->arena, &column);
	if (wrong)
		diags_add(r->diags, r->at, r->column + column - 1, "%s", wrong);
	else
		readers[keys[id].type](&v);
}

static void set_key(struct profile_reader *r, const char *word, const char *value)
{
	const char *suffix = NULL;
	unsigned id;
	struct origin *before;

	if (!strcmp(word, "include")) {
		include(r, value);
		return;
	}
	id = key_find(word, &suffix);
	if (id == KEY_NONE) {
		key_unknown(r, word);
		return;
	}
	if (key_boots(id) != r->machine && id != KEY_hub_path) {
		diags_add(r->diags, r->at, 1, "%s belongs into %s", word,
			  r->machine ? "the profile of a service" : "init.conf");
		return;
	}
	r->at.key = (unsigned short)id;
	before = &r->p->at[id];
	/* An argument replaces what a file said; a file is not heard after it. */
	if (keys[id].often == OFTEN_ONCE && before->file &&
	    (before->file == r->at.file || r->at.file != FILE_ARGS)) {
		char first[200];
		struct out o;

		out_init(&o, first, sizeof first);
		if (before->file == r->at.file && before->file != FILE_ARGS)
			out_printf(&o, "line %u", before->line);
		else
			profile_where(r->p, *before, &o);
		diags_add(r->diags, r->at, 1, "%s given twice, first in %s", word, first);
		return;
	}
	*before = r->at;
	key_value(r, id, suffix, value);
}

static int is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* One line without its end, `n` bytes; the text is copied before it is cut. */
static void read_line(struct profile_reader *r, const char *line, size_t n)
{
	size_t from = 0, equal, end, start;
	char *word, *value;

	while (from < n && is_blank(line[from]))
		from++;
	while (n > from && is_blank(line[n - 1]))
		n--;
	if (from == n || line[from] == '#')
		return;
	for (equal = from; equal < n && line[equal] != '='; equal++)
		;
	if (equal == n) {
		if (r->at.file != FILE_ARGS)
			diags_add(r->diags, r->at, (unsigned)from + 1,
				  "no = in this line: write key=value, or # before a comment");
		else if (line[from] == '-')
			diags_add(r->diags, r->at, 0, "%.64s: options come before the profile and its keys", line);
		else
			diags_add(r->diags, r->at, 0, "%.64s: write key=value, or -- before the program", line);
		return;
	}
	for (end = equal; end > from && is_blank(line[end - 1]); end--)
		;
	for (start = equal + 1; start < n && is_blank(line[start]); start++)
		;
	r->column = (unsigned)start + 1;
	word = arena_text(r->p->arena, line + from, end - from);
	value = arena_text(r->p->arena, line + start, n - start);
	if (!word || !value)
		diags_add(r->diags, r->at, 0, "the profile is too large");
	else if (!*word)
		diags_add(r->diags, r->at, (unsigned)from + 1, "no key before =");
	else if (!*value)
		diags_add(r->diags, r->at, r->column, "%.64s has no value", word);
	else
		set_key(r, word, value);
}

/* The first byte that has no business in a line of text, or n. */
static size_t bad_byte(const char *line, size_t n)
{
	size_t i;

	for (i = 0; i < n && ((unsigned char)line[i] >= 0x20 || line[i] == '\t'); i++)
		;
	return i;
}

static void read_text(struct profile_reader *r, const char *text, size_t length)
{
	static const char mark[] = "\xef\xbb\xbf";
	const char *p = text, *end = text + length;

	if (length >= 3 && !memcmp(text, mark, 3)) {
		r->at = (struct origin){.file = r->at.file, .line = 1};
		diags_add(r->diags, r->at, 1, "a byte order mark, which nobody sees: save the file without it");
		p += 3;
	}
	for (unsigned line = 1; p < end; line++) {
		size_t left = (size_t)(end - p), n = bad_byte(p, left);

		r->at.line = line;
		r->at.key = KEY_NONE;
		if (n < left && p[n] != '\n') {
			diags_add(r->diags, r->at, (unsigned)n + 1,
				  "byte 0x%02x: this is not a text file%s",
				  (unsigned char)p[n],
				  p[n] == '\r' ? " with Unix line ends" : "");
			return;
		}
		if (line > MAX_LINES) {
			diags_add(r->diags, r->at, 0, "more than %d lines", MAX_LINES);
			return;
		}
		if (n > MAX_LINE)
			diags_add(r->diags, r->at, MAX_LINE + 1,
				  "line longer than %d bytes", MAX_LINE);
		else
			read_line(r, p, n);
		p += n + 1;
	}
}

static void take_file(struct profile_reader *r, const struct profile_text *text)
{
	struct origin from = r->at;
	unsigned n = r->p->nfiles;
	const char **files = r->p->files;

	/* More room from time to time: most profiles are one file. */
	if (!(n & (n - 1)))
		files = arena_double(r->p->arena, files, n * sizeof *files);
	if (!files) {
		diags_add(r->diags, from, 0, "the profile is too large");
		return;
	}
	r->p->files = files;
	files[n] = text->name;
	r->at.file = (unsigned short)r->p->nfiles++;
	r->depth++;
	read_text(r, text->text, text->length);
	r->depth--;
	r->at = from;
}

void profile_file(struct profile_reader *r, const char *path)
{
	struct profile_text text;
	struct origin from = r->at;
	struct err e;

	if (r->p->nfiles >= MAX_FILES) {
		diags_add(r->diags, from, 0, "more than %d files", MAX_FILES);
		return;
	}
	if (r->load(r->ctx, path, from.file >= FILE_FIRST ? r->p->files[from.file] : NULL,
		    &text, &e)) {
		diags_add(r->diags, from, 0, "%s%s%s", e.text, e.code ? ": " : "",
			  e.code ? error_text(e.code) : "");
		return;
	}
	take_file(r, &text);
}

void profile_argument(struct profile_reader *r, const char *text, unsigned number)
{
	size_t n = strlen(text), bad = bad_byte(text, n);

	r->at = (struct origin){.file = FILE_ARGS, .line = number};
	if (bad < n)
		diags_add(r->diags, r->at, (unsigned)bad + 1, "byte 0x%02x in an argument",
			  (unsigned char)text[bad]);
	else if (n > MAX_LINE)
		diags_add(r->diags, r->at, MAX_LINE + 1, "argument longer than %d bytes", MAX_LINE);
	else
		read_line(r, text, n);
}

void profile_exec(struct profile_reader *r, const char *const *words, int n)
{
	struct words *w = &r->p->exec;

	r->p->at[KEY_exec] = (struct origin){.file = FILE_ARGS, .key = KEY_exec};
	w->word = ARENA_ARRAY(r->p->arena, const char *, (size_t)n + 1);
	if (!w->word) {
		diags_add(r->diags, r->p->at[KEY_exec], 0, "too many words after --");
		return;
	}
	memcpy(w->word, words, (size_t)n * sizeof *words);
	w->n = n;
}

/* Reads the documented defaults with the keys' own readers, so that they are true. */
static void read_defaults(struct profile_reader *r)
{
	r->at = (struct origin){.file = FILE_NONE};
	for (unsigned i = KEY_NONE + 1; i < KEY_COUNT; i++) {
		if (!*key_default(&keys[i]) || profile_has(r->p, i) || key_boots(i) != r->machine)
			continue;
		r->at.key = (unsigned short)i;
		key_value(r, i, "", key_default(&keys[i]));
	}
}

const struct item *hub_find(const struct profile *p, const char *name, char *why)
{
	const char **names = why ? ARENA_ARRAY(p->arena, const char *, p->hubs.n + 1) : NULL, *near;
	const struct item *i = p->hubs.first;
	int n = 0;

	for (; i && strcmp(i->name, name) != 0; i = i->next)
		if (names)
			names[n++] = i->name;
	if (!i && why) {
		near = n ? name_nearest(name, names, n) : NULL;
		text_format(why, HUB_WHY, near ? "unknown hub %.64s, did you mean %s?"
					       : "unknown hub %.64s: hub.NAME=PATH says what it is", name, near);
	}
	return i;
}

/* The paths of hubs, by their names: of this profile's own, and of the machine's where it names any. */
static void find_hubs(struct profile_reader *r)
{
	struct profile_text text;
	char why[HUB_WHY];
	int asked = 0;
	struct err e;

	for (struct mount_wish *m = r->p->mounts.first; m; m = m->next) {
		const struct item *i;

		if (m->kind != MOUNT_HUB)
			continue;
		if (!asked++ && r->hubs && r->p->nfiles < MAX_FILES && !r->load(r->ctx, r->hubs, NULL, &text, &e))
			take_file(r, &text);
		i = hub_find(r->p, m->type, why);
		m->flags |= MF_REC;
		m->prop = m->prop ? m->prop : PROP_SLAVE;
		m->src = i ? i->text : m->dst;
		if (!i)
			diags_add(r->diags, m->at, 0, "%s", why);
	}
}

void profile_finish(struct profile_reader *r)
{
	find_hubs(r);
	read_defaults(r);
	profile_rules(r);
}
