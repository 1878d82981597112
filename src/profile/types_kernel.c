/*
 * Readers and printers of values that name things of the kernel: processors,
 * scheduling, limits, standard streams, propagation, capabilities.
 */

#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "profile/types.h"

enum { CPUS = 1024 };

void read_CPUS(struct value *v)
{
	if (value_count(v, 1, 1) && parse_set(v->w.word[0], v->field, CPUS))
		value_wrong(v, 0, "%s is a list such as 0-3,5 of numbers below %d, not %.64s",
			    v->key->word, CPUS, v->w.word[0]);
}

void print_CPUS(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	(void)p;
	print_key_line(key, o);
	out_set(o, field, CPUS);
	out_put(o, "\n");
}

/*
 * A policy and its level: ioprio= and sched= are both a word, for some of them
 * with a number in a range. Kept as number << 8 | (policy + 1).
 */
struct policy {
	char name[12];
	uint8_t number, min, max;	/* 0..0: takes no level */
};
/* IOPRIO_CLASS_* of ioprio.h */
static const struct policy ioprio_policies[] = {
	{"realtime", 1, 0, 7}, {"best-effort", 2, 0, 7}, {"idle", 3, 0, 0},
};
/* SCHED_* of sched.h */
static const struct policy sched_policies[] = {
	{"other", 0, 0, 0}, {"batch", 3, 0, 0}, {"idle", 5, 0, 0},
	{"fifo", 1, 1, 99}, {"rr", 2, 1, 99},
};

static void read_policy(struct value *v, const struct policy *table, int n)
{
	if (!value_count(v, 1, 2))
		return;
	for (int i = 0; i < n; i++) {
		uint64_t level = 0;

		if (strcmp(table[i].name, v->w.word[0]) != 0)
			continue;
		if (v->w.n != 1 + !!table[i].max ||
		    (table[i].max && parse_number(v->w.word[1], table[i].min, table[i].max, &level)))
			break;
		*(uint32_t *)v->field = table[i].number | (uint32_t)level << 8;
		return;
	}
	value_wrong(v, 0, "%s is %s", v->key->word, key_syntax(v->key));
}

static void print_policy(const struct key *key, const void *field, const struct policy *table,
			 int n, struct out *o)
{
	uint32_t value = *(const uint32_t *)field;

	for (int i = 0; i < n; i++)
		if (table[i].number == (value & 0xff)) {
			out_printf(o, "%s=%s", key->word, table[i].name);
			if (table[i].max)
				out_printf(o, " %u", value >> 8);
			out_put(o, "\n");
		}
}

void read_IOPRIO(struct value *v)
{
	read_policy(v, ioprio_policies, COUNT(ioprio_policies));
}

void print_IOPRIO(const struct profile *p, const struct key *key, const void *field,
		  struct out *o)
{
	(void)p;
	print_policy(key, field, ioprio_policies, COUNT(ioprio_policies), o);
}

void read_SCHED(struct value *v)
{
	read_policy(v, sched_policies, COUNT(sched_policies));
}

void print_SCHED(const struct profile *p, const struct key *key, const void *field,
		 struct out *o)
{
	(void)p;
	print_policy(key, field, sched_policies, COUNT(sched_policies), o);
}

static int read_limit(const char *text, uint64_t *to)
{
	if (!strcmp(text, "unlimited")) {
		*to = UINT64_MAX;
		return 0;
	}
	return parse_size(text, to);
}

void read_RLIMIT(struct value *v)
{
	int number = name_find(v->suffix, rlimit_names, RLIMITS);
	struct item *new;
	char soft[32];
	const char *colon;
	uint64_t a, b;
	size_t n;

	if (number < 0) {
		value_unknown(v, -1, "limit", rlimit_names, RLIMITS);
		return;
	}
	if (!value_count(v, 1, 1))
		return;
	colon = strchr(v->w.word[0], ':');
	n = colon ? (size_t)(colon - v->w.word[0]) : strlen(v->w.word[0]);
	if (n < sizeof soft) {
		memcpy(soft, v->w.word[0], n);
		soft[n] = '\0';
	}
	if (n >= sizeof soft || read_limit(soft, &a) ||
	    (b = a, colon && read_limit(colon + 1, &b)) || a > b) {
		value_wrong(v, 0, "rlimit.%s is SOFT[:HARD], numbers or unlimited, SOFT not above HARD, not %.64s",
			    v->suffix, v->w.word[0]);
		return;
	}
	for (new = v->r->p->rlimits.first; new && new->c != (uint64_t)number; new = new->next)
		;
	/* An argument replaces what the file said. */
	if (new && (new->at.file == v->r->at.file || v->r->at.file != FILE_ARGS)) {
		value_twice(v, new->at);
		return;
	}
	new = new ? new : value_item(v);
	if (!new)
		return;
	new->at = v->r->at;
	new->text = v->w.word[0];
	new->a = a;
	new->b = b;
	new->c = (uint64_t)number;
}

void print_RLIMIT(const struct profile *p, const struct key *key, const void *field,
		  struct out *o)
{
	const struct list *l = field;

	(void)p;
	for (const struct item *i = l->first; i; i = i->next)
		out_printf(o, "%s%s=%s\n", key->word, rlimit_names[i->c], i->text);
}

void read_HUB(struct value *v)
{
	struct item *new = v->r->p->hubs.first, *same = new;

	if (!name_ok(v->suffix)) {
		value_wrong(v, -1, "hub.NAME: a name has letters, digits and ._- only, not %.64s", v->suffix);
		return;
	}
	if (!value_count(v, 1, 2) || !value_path(v, 0))
		return;
	if (v->w.n == 2 && strcmp(v->w.word[1], "share") != 0) {
		value_unknown(v, 1, "option", (const char *const[]){"share"}, 1);
		return;
	}
	while (new && strcmp(new->name, v->suffix) != 0)
		new = new->next;
	while (same && (same == new || strcmp(same->text, v->w.word[0]) != 0))
		same = same->next;
	/* An argument replaces what the file said. */
	if (new && (new->at.file == v->r->at.file || v->r->at.file != FILE_ARGS))
		value_twice(v, new->at);
	else if (same)
		value_wrong(v, 0, "%s is hub %.64s already", same->text, same->name);
	else if (new || (new = value_item(v)))
		*new = (struct item){.next = new->next, .at = v->r->at, .name = v->suffix,
				     .text = v->w.word[0], .a = v->w.n == 2};
}

void print_HUB(const struct profile *p, const struct key *key, const void *field,
	       struct out *o)
{
	const struct list *l = field;

	(void)p;
	for (const struct item *i = l->first; i; i = i->next) {
		out_printf(o, "%s%s=", key->word, i->name);
		out_word(o, i->text);
		out_put(o, i->a ? " share\n" : "\n");
	}
}

void read_STDIO(struct value *v)
{
	struct stdio_wish *to = v->field;
	int append;

	if (!value_count(v, 1, 2))
		return;
	to->path = NULL;
	append = v->w.n == 2 && !strcmp(v->w.word[0], "append") && v->key != &keys[KEY_stdin];
	if (v->w.n == 2 && !append) {
		value_wrong(v, 0, "%s is %s", v->key->word, key_syntax(v->key));
	} else if (!strcmp(v->w.word[0], "inherit")) {
		to->kind = STDIO_INHERIT;
	} else if (!strcmp(v->w.word[0], "null")) {
		to->kind = STDIO_NULL;
	} else {
		to->kind = append ? STDIO_APPEND : STDIO_PATH;
		to->path = value_path(v, append);
	}
}

void print_STDIO(const struct profile *p, const struct key *key, const void *field,
		 struct out *o)
{
	const struct stdio_wish *s = field;
	static const char *const words[] = {"inherit", "null", "", "append "};

	(void)p;
	out_printf(o, "%s=%s", key->word, words[s->kind]);
	if (s->path)
		out_word(o, s->path);
	out_put(o, "\n");
}

void read_PROPAGATION(struct value *v)
{
	struct profile *p = v->r->p;
	int prop;

	if (!value_count(v, 1, 2))
		return;
	prop = name_find(v->w.word[0], propagation_names, PROP_COUNT);
	if (prop < 0)
		value_unknown(v, 0, "propagation", propagation_names, PROP_COUNT);
	else
		p->propagation.prop = (uint8_t)prop;
	if (v->w.n == 2 && strcmp(v->w.word[1], "rec") != 0)
		value_wrong(v, 1, "%s is %s", v->key->word, key_syntax(v->key));
	p->propagation.rec = v->w.n == 2;
}

void print_PROPAGATION(const struct profile *p, const struct key *key, const void *field,
		       struct out *o)
{
	(void)field;
	out_printf(o, "%s=%s%s\n", key->word, propagation_names[p->propagation.prop],
		   p->propagation.rec ? " rec" : "");
}

void read_CAPS(struct value *v)
{
	uint64_t set = 0;

	for (int i = 0; i < v->w.n; i++) {
		const char *word = v->w.word[i];
		int minus = *word == '-', cap;

		if (!strcmp(word, "none") && v->w.n == 1)
			break;
		if (!strcmp(word, "all")) {
			set = CAPS_EVERY;
			continue;
		}
		word = word_past(word + minus, "CAP_");
		for (cap = 0; cap < CAP_NAMES && !word_same(word, cap_names[cap]); cap++)
			;
		if (cap == CAP_NAMES) {
			value_unknown(v, i, "capability", cap_names, CAP_NAMES);
			continue;
		}
		if (minus)
			set &= ~(1ull << cap);
		else
			set |= 1ull << cap;
	}
	*(uint64_t *)v->field = set;
}

void print_CAPS(const struct profile *p, const struct key *key, const void *field,
		struct out *o)
{
	uint64_t set = *(const uint64_t *)field;

	(void)p;
	out_printf(o, "%s=%s", key->word, set == CAPS_EVERY ? "all" : set ? "" : "none");
	if (set != CAPS_EVERY)
		out_names(o, set, cap_names, CAP_NAMES, " ");
	out_put(o, "\n");
}

/* SECBIT_* of securebits.h; `locked` adds the neighbour of each. */
static const char *const securebit_names[] = {
	"noroot", NULL, "no-setuid-fixup", NULL, "keep-caps", NULL, "no-ambient-raise", NULL,
	"locked",
};
enum { SECUREBITS = 8 };

void read_SECUREBITS(struct value *v)
{
	value_bits(v, "securebit", securebit_names, SECUREBITS + 1);
}

void print_SECUREBITS(const struct profile *p, const struct key *key, const void *field,
		      struct out *o)
{
	uint32_t set = *(const uint32_t *)field;

	(void)p;
	print_key_line(key, o);
	out_names(o, set, securebit_names, SECUREBITS + 1, " ");
	out_put(o, "\n");
}
