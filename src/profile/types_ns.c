/*
 * Readers and printers of values about namespaces: which ones, how each is come by, id maps, clocks,
 * the limits of IPC.
 */

#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "profile/types.h"

void read_NSSET(struct value *v)
{
	if (v->w.n == 1 && !strcmp(v->w.word[0], "none"))
		*(uint32_t *)v->field = 0;
	else
		value_bits(v, "namespace", ns_names, NS_COUNT);
}

void print_NSSET(const struct profile *p, const struct key *key, const void *field,
		 struct out *o)
{
	uint32_t set = *(const uint32_t *)field;

	(void)p;
	out_printf(o, "%s=%s", key->word, set ? "" : "none");
	out_names(o, set, ns_names, NS_COUNT, " ");
	out_put(o, "\n");
}

static const char *const ns_how_names[] = {
	[NS_HOST] = "host", [NS_NEW] = "new", [NS_PATH] = "path", [NS_GROUP] = "group",
	[NS_NONE] = "none",
};

/* The name of an IPC group, word 1. */
static const char *value_group(struct value *v)
{
	if (!name_ok(v->w.word[1]))
		value_wrong(v, 1, "group %.64s: a name has letters, digits and ._- only", v->w.word[1]);
	return v->w.word[1];
}

void read_NS(struct value *v)
{
	struct ns_wish *to = v->field;
	int how;

	if (!value_count(v, 1, 2))
		return;
	how = name_find(v->w.word[0], ns_how_names, COUNT(ns_how_names));
	/* The syntax says which of the words this kind has. */
	if (how < 0 || !text_find(key_choices(v->key), ns_how_names[how]) ||
	    v->w.n != 1 + (how == NS_PATH || how == NS_GROUP)) {
		value_wrong(v, 0, "%s is %s", v->key->word, key_syntax(v->key));
		return;
	}
	to->how = (uint8_t)how;
	to->name = NULL;
	if (how == NS_PATH) {
		to->name = value_path(v, 1);
	} else if (how == NS_GROUP) {
		to->name = value_group(v);
	}
}

void print_NS(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	const struct ns_wish *n = field;

	(void)p;
	out_printf(o, "%s=%s", key->word, ns_how_names[n->how]);
	if (n->name) {
		out_put(o, " ");
		out_word(o, n->name);
	}
	out_put(o, "\n");
}

void read_SHM(struct value *v)
{
	int named = v->w.n == 2 && !strcmp(v->w.word[0], "group");

	((struct shm_wish *)v->field)->group = named ? value_group(v) : NULL;
	v->w.n -= named;
	read_CHOICE(v);
}

void print_SHM(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	const struct shm_wish *w = field;

	if (w->group)
		out_printf(o, "%s=group %s\n", key->word, w->group);
	else
		print_CHOICE(p, key, field, o);
}

void read_IDMAP(struct value *v)
{
	uint64_t n[3];
	struct item *new;

	if (!value_count(v, 3, 3))
		return;
	for (int i = 0; i < 3; i++)
		if (parse_number(v->w.word[i], i == 2, UINT32_MAX - 1ull, &n[i])) {
			value_wrong(v, i, "%s is a number%s up to 4294967294, not %.64s",
				    i == 2 ? "COUNT" : i ? "OUTSIDE" : "INSIDE",
				    i == 2 ? " from 1" : "", v->w.word[i]);
			return;
		}
	if (n[0] + n[2] > UINT32_MAX || n[1] + n[2] > UINT32_MAX) {
		value_wrong(v, 2, "the range ends above 4294967294");
		return;
	}
	new = value_item(v);
	if (new) {
		new->a = n[0];
		new->b = n[1];
		new->c = n[2];
	}
}

void print_IDMAP(const struct profile *p, const struct key *key, const void *field,
		 struct out *o)
{
	const struct list *l = field;

	(void)p;
	for (const struct item *i = l->first; i; i = i->next)
		out_printf(o, "%s=%lu %lu %lu\n", key->word, (unsigned long)i->a,
			   (unsigned long)i->b, (unsigned long)i->c);
}

void read_TIMEOFF(struct value *v)
{
	static const char *const clocks[] = {"monotonic", "boottime"};
	int64_t seconds;
	struct item *new;
	int clock;

	if (!value_count(v, 2, 2))
		return;
	clock = name_find(v->w.word[0], clocks, 2);
	if (clock < 0) {
		value_unknown(v, 0, "clock", clocks, 2);
		return;
	}
	if (parse_integer(v->w.word[1], -4611686018LL, 4611686018LL, &seconds)) {
		value_wrong(v, 1, "SECONDS is a whole number, not %.64s", v->w.word[1]);
		return;
	}
	new = value_item(v);
	if (new) {
		new->name = v->w.word[0];
		new->text = v->w.word[1];
	}
}

void print_TIMEOFF(const struct profile *p, const struct key *key, const void *field,
		   struct out *o)
{
	const struct list *l = field;

	(void)p;
	for (const struct item *i = l->first; i; i = i->next)
		out_printf(o, "%s=%s %s\n", key->word, i->name, i->text);
}

void read_SYSCTL(struct value *v)
{
	int n = v->key == &keys[KEY_ipc_sem] ? 4 : 1;
	int64_t min = 0, max = INT32_MAX, value;
	struct item *new;
	struct out o;
	char *text;

	if (!value_count(v, n, n))
		return;
	if (n == 1)
		value_range(key_choices(v->key), &min, &max);
	for (int i = 0; i < n; i++)
		if (parse_integer(v->w.word[i], min, max, &value)) {
			value_wrong(v, i, "%s is %s%s, not %.64s", v->key->word,
				    n == 1 ? "a number in " : "four numbers: ", key_syntax(v->key),
				    v->w.word[i]);
			return;
		}
	/* An argument replaces what the file said. */
	for (new = v->r->p->sysctls.first; new && new->at.key != v->r->at.key; new = new->next)
		;
	text = arena_alloc(v->r->p->arena, 64);
	new = !text || new ? new : value_item(v);
	if (!text || !new) {
		value_wrong(v, -1, "the profile is too large");
		return;
	}
	new->at = v->r->at;
	out_init(&o, text, 64);
	for (int i = 0; i < n; i++)
		out_printf(&o, "%s%s", i ? " " : "", v->w.word[i]);
	new->text = text;
}

void print_SYSCTL(const struct profile *p, const struct key *key, const void *field,
		  struct out *o)
{
	const struct list *l = field;

	(void)p;
	/* All sysctls share one list: each key prints its own. */
	for (const struct item *i = l->first; i; i = i->next)
		if (&keys[i->at.key] == key)
			out_printf(o, "%s=%s\n", key->word, i->text);
}
