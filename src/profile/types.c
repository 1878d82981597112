/* Readers and printers of the plain values: numbers, words, paths, lists of names. */
#include "profile/types.h"

#include <stdarg.h>
#include <string.h>

#include "base/parse.h"
#include "base/text.h"

void (value_wrong)(struct value *v, int i, const char *format, ...)
{
	unsigned column = v->r->column;
	va_list args;

	if (i >= 0 && i < v->w.n)
		column += v->w.column[i] - 1;
	va_start(args, format);
	diags_vadd(v->r->diags, v->r->at, column, format, args);
	va_end(args);
}

void value_unknown(struct value *v, int i, const char *what, const char *const *names, int n)
{
	const char *word = i < 0 ? v->suffix : v->w.word[i];
	char hint[HINT_ROOM];

	value_wrong(v, i, "unknown %s %.64s%s", what, word, name_hint(hint, word, names, n));
}

void value_twice(struct value *v, struct origin first)
{
	char where[200];
	struct out o;

	out_init(&o, where, sizeof where);
	if (first.file == v->r->at.file && first.file >= FILE_FIRST)
		out_printf(&o, "line %u", first.line);
	else
		profile_where(v->r->p, first, &o);
	value_wrong(v, -1, "%s%s given twice, first in %s", v->key->word, v->suffix, where);
}

int value_count(struct value *v, int min, int max)
{
	if (v->w.n >= min && v->w.n <= max)
		return 1;
	value_wrong(v, v->w.n > max ? max : -1, "%s%s takes %s", v->key->word, v->suffix, key_syntax(v->key));
	return 0;
}

void value_bits(struct value *v, const char *what, const char *const *names, int n)
{
	uint32_t *set = v->field;

	*set = 0;
	for (int i = 0; i < v->w.n; i++) {
		int bit = name_find(v->w.word[i], names, n);

		if (bit < 0)
			value_unknown(v, i, what, names, n);
		else
			*set |= 1u << bit;
	}
}

struct item *value_item(struct value *v)
{
	struct list *l = v->field;
	struct item *new = ARENA_NEW(v->r->p->arena, struct item);

	if (!new) {
		value_wrong(v, -1, "the profile is too large");
		return NULL;
	}
	new->at = v->r->at;
	if (!l->last)
		l->last = &l->first;
	*l->last = new;
	l->last = &new->next;
	l->n++;
	return new;
}

const char *value_path(struct value *v, int i)
{
	const char *wrong = path_wrong(v->w.word[i]);

	if (!wrong)
		return v->w.word[i];
	value_wrong(v, i, "path %.80s %s", v->w.word[i], wrong);
	return NULL;
}

/* To behind the next bar of a syntax, or its end. */
static const char *choice_next(const char *syntax)
{
	while (*syntax && *syntax++ != '|')
		;
	return syntax;
}

/* What may follow a word of the syntax is in brackets behind a blank. */
static int ends_choice(char c)
{
	return c == '|' || c == ' ' || !c;
}

void read_CHOICE(struct value *v)
{
	const char *syntax = key_choices(v->key);

	if (!value_count(v, 1, 1))
		return;
	for (int i = 1; *syntax; i++, syntax = choice_next(syntax)) {
		const char *word = v->w.word[0];

		for (; *word == *syntax && !ends_choice(*word); word++, syntax++)
			;
		if (!*word && ends_choice(*syntax)) {
			*(uint8_t *)v->field = (uint8_t)i;
			return;
		}
	}
	value_wrong(v, 0, "%s is %s, not %.64s", v->key->word, key_syntax(v->key), v->w.word[0]);
}

void print_CHOICE(const struct profile *p, const struct key *key, const void *field,
		  struct out *o)
{
	const char *word = key_choices(key);

	(void)p;
	for (int i = *(const uint8_t *)field; i > 1; i--)
		word = choice_next(word);
	out_printf(o, "%s=%.*s\n", key->word, (int)strcspn(word, " |"), word);
}

void value_range(const char *syntax, int64_t *min, int64_t *max)
{
	char text[24];
	size_t n = strcspn(syntax, ".");

	memcpy(text, syntax, n);
	text[n] = '\0';
	parse_integer(text, INT64_MIN, INT64_MAX, min);
	parse_integer(syntax + n + 2, INT64_MIN, INT64_MAX, max);
}

void read_INT(struct value *v)
{
	int64_t min = 0, max = 0;

	value_range(key_choices(v->key), &min, &max);
	if (value_count(v, 1, 1) && parse_integer(v->w.word[0], min, max, v->field))
		value_wrong(v, 0, "%s is a number in %s, not %.64s", v->key->word,
			    key_syntax(v->key), v->w.word[0]);
}

void print_INT(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	(void)p;
	out_printf(o, "%s=%lld\n", key->word, (long long)*(const int64_t *)field);
}

void read_SIZE(struct value *v)
{
	if (value_count(v, 1, 1) && parse_size(v->w.word[0], v->field))
		value_wrong(v, 0, "%s is a size such as 512k, 64m or 1g, not %.64s",
			    v->key->word, v->w.word[0]);
}

void print_SIZE(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	(void)p;
	out_printf(o, "%s=%llu\n", key->word, (unsigned long long)*(const uint64_t *)field);
}

int value_time(struct value *v, int i, uint64_t least, uint64_t most, uint64_t *to)
{
	const char *word = v->w.word[i];
	uint64_t time;

	if (parse_time(word, &time)) {
		value_wrong(v, i, "%s is a time such as 500ms, 10s or 5m, not %.64s",
			    v->key->word, word);
	} else if (time < least) {
		value_wrong(v, i, "%s is a time above 0", v->key->word);
	} else if (time > most) {
		value_wrong(v, i, "%s is a time up to %ud, not %.64s", v->key->word,
			    (unsigned)(most / 86400000), word);
	} else {
		*to = time;
		return 0;
	}
	return -1;
}

void read_TIME(struct value *v)
{
	uint64_t most = UINT64_MAX;

	/* The keys of the group service are the last ones. */
	if (v->key >= &keys[KEY_type] && v->key != &keys[KEY_every])
		most = SERVICE_TIME;
	if (value_count(v, 1, 1))
		value_time(v, 0, 0, most, v->field);
}

void print_TIME(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	(void)p;
	out_printf(o, "%s=%llums\n", key->word, (unsigned long long)*(const uint64_t *)field);
}

void read_MODE(struct value *v)
{
	if (value_count(v, 1, 1) && parse_mode(v->w.word[0], v->field))
		value_wrong(v, 0, "%s is an octal mode up to 7777, not %.64s", v->key->word,
			    v->w.word[0]);
}

void print_MODE(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	(void)p;
	out_printf(o, "%s=%03o\n", key->word, (unsigned)*(const uint32_t *)field);
}

void read_PATH(struct value *v)
{
	if (value_count(v, 1, 1))
		*(const char **)v->field = value_path(v, 0);
}

static void print_text(const struct profile *p, const struct key *key, const void *field,
		       struct out *o)
{
	const char *text = *(const char *const *)field;

	(void)p;
	if (!text)
		return;
	print_key_line(key, o);
	out_word(o, text);
	out_put(o, "\n");
}

void print_PATH(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	print_text(p, key, field, o);
}

void read_NAME(struct value *v)
{
	if (!value_count(v, 1, 1))
		return;
	if (name_ok(v->w.word[0]))
		*(const char **)v->field = v->w.word[0];
	else
		value_wrong(v, 0, "%s is a name of letters, digits and ._- up to 64 bytes, not %.64s",
			    v->key->word, v->w.word[0]);
}

void print_NAME(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	print_text(p, key, field, o);
}

/* A user or group: a name, or a number below 2^32-1, which means "no change". */
static int id_ok(struct value *v, int i)
{
	const char *text = v->w.word[i];
	uint64_t id;

	if (*text >= '0' && *text <= '9' ? !parse_number(text, 0, UINT32_MAX - 1ull, &id)
					 : name_ok(text))
		return 1;
	value_wrong(v, i, "%s is a name or a number up to 4294967294, not %.64s",
		    v->key->word, *text ? text : "nothing");
	return 0;
}

void read_ID(struct value *v)
{
	if (value_count(v, 1, 1) && id_ok(v, 0))
		*(const char **)v->field = v->w.word[0];
}

void print_ID(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	print_text(p, key, field, o);
}

void read_IDS(struct value *v)
{
	for (int i = 0; i < v->w.n; i++) {
		struct item *new = id_ok(v, i) ? value_item(v) : NULL;

		if (new)
			new->text = v->w.word[i];
	}
}

/* Every element of a list of single words, one line each. */
static void print_list(const struct key *key, const void *field, struct out *o)
{
	const struct list *l = field;

	for (const struct item *i = l->first; i; i = i->next) {
		print_key_line(key, o);
		out_word(o, i->text);
		out_put(o, "\n");
	}
}

void print_IDS(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	(void)p;
	print_list(key, field, o);
}

void read_ARGS(struct value *v)
{
	if (!v->w.word[0][0])
		value_wrong(v, 0, "%s has an empty program", v->key->word);
	else
		*(struct words *)v->field = v->w;
}

void print_ARGS(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	const struct words *w = field;

	(void)p;
	out_printf(o, "%s=", key->word);
	for (int i = 0; i < w->n; i++) {
		if (i)
			out_put(o, " ");
		/* What came behind -- may hold what the language cannot say. */
		out_word(o, strpbrk(w->word[i], "\"\n") ? "?" : w->word[i]);
	}
	out_put(o, "\n");
}

void read_ENV(struct value *v)
{
	for (int i = 0; i < v->w.n; i++) {
		const char *equal = strchr(v->w.word[i], '=');
		struct item *new;

		if (!equal || equal == v->w.word[i]) {
			value_wrong(v, i, "%s takes NAME=VALUE, not %.64s", v->key->word,
				    v->w.word[i]);
			continue;
		}
		new = value_item(v);
		if (new)
			new->text = v->w.word[i];
	}
}

void print_ENV(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	(void)p;
	print_list(key, field, o);
}

void read_VARS(struct value *v)
{
	for (int i = 0; i < v->w.n; i++) {
		struct item *new;

		if (strchr(v->w.word[i], '=') || !*v->w.word[i]) {
			value_wrong(v, i, "%s takes names of variables, not %.64s",
				    v->key->word, v->w.word[i]);
			continue;
		}
		new = value_item(v);
		if (new)
			new->text = v->w.word[i];
	}
}

void print_VARS(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	(void)p;
	print_list(key, field, o);
}

void read_FDS(struct value *v)
{
	for (int i = 0; i < v->w.n; i++) {
		struct item *new;
		uint64_t fd;

		if (parse_number(v->w.word[i], 3, 1023, &fd)) {
			value_wrong(v, i, "%s is a descriptor from 3 to 1023, not %.64s",
				    v->key->word, v->w.word[i]);
			continue;
		}
		new = value_item(v);
		if (new) {
			new->text = v->w.word[i];
			new->a = fd;
		}
	}
}

void print_FDS(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	(void)p;
	print_list(key, field, o);
}
