/* Readers and printers of the values that tell PID 1 about its machine. */
#include "profile/types.h"

#include <string.h>

#include "base/parse.h"

enum { DEVICE_WAIT = 10000, DOG_BUDGET = 60000 };	/* ms */

/* A module's options stand behind its name, as modprobe's own. */
void read_MODULE(struct value *v)
{
	struct item *new;
	char text[400];
	struct out o;

	out_init(&o, text, sizeof text);
	for (int i = 0; i < v->w.n; i++) {
		if (i ? !strchr(v->w.word[i], '=') || v->w.word[i][0] == '=' : !name_ok(v->w.word[0])) {
			value_wrong(v, i, "%s%s, not %.64s", v->key->word, i ? ": one module a line, then OPTION=VALUE"
				    : " is the name of a module", v->w.word[i]);
			return;
		}
		if (i)
			out_put(&o, " ");
		out_word(&o, v->w.word[i]);
	}
	if (o.lost)
		value_wrong(v, -1, "%s: too long", v->key->word);
	new = value_item(v);
	if (new)
		new->text = arena_text(v->r->p->arena, text, o.used);
}

void print_MODULE(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	const struct list *l = field;

	(void)p;
	for (const struct item *i = l->first; i; i = i->next)
		out_printf(o, "%s=%s\n", key->word, i->text);
}

/* The text behind `name` when word i starts with it, said for the first time; or NULL. */
static const char *option(struct value *v, int i, const char *name, unsigned bit, unsigned *said)
{
	const char *word = v->w.word[i];
	size_t n = strlen(name);

	if (!word || strncmp(word, name, n) != 0 || (name[n - 1] != '=' && word[n]))
		return NULL;
	if (*said & bit)
		value_wrong(v, i, "%.64s given twice", word);
	*said |= bit;
	return word + n;
}

static int time_option(struct value *v, int i, const char *text, uint64_t *to)
{
	if (!parse_time(text, to) && *to && *to <= SERVICE_TIME)
		return 0;
	value_wrong(v, i, "%.64s: a time such as 500ms, 10s or 5m", v->w.word[i]);
	return -1;
}

/* DEVICE:TYPE or tmpfs */
static void overlay_option(struct value *v, int i, const char *text)
{
	struct boot_wish *b = &v->r->p->boot;
	const char *colon = strrchr(text, ':');

	b->root.overlay_type = colon ? colon + 1 : text;
	b->root.overlay_device = colon ? arena_text(v->r->p->arena, text, (size_t)(colon - text)) : NULL;
	if (colon ? !b->root.overlay_device || path_wrong(b->root.overlay_device) || !colon[1]
		  : strcmp(text, "tmpfs") != 0)
		value_wrong(v, i, "%.64s: write overlay=tmpfs or overlay=DEVICE:TYPE", v->w.word[i]);
}

void read_BOOTROOT(struct value *v)
{
	static const char *const names[] = {"ro", "rw", "overlay=", "options=", "wait="};
	struct boot_wish *b = &v->r->p->boot;
	unsigned said = 0;
	const char *text;

	if (v->w.n < 2 || !name_ok(v->w.word[1])) {
		value_wrong(v, -1, "%s takes %s", v->key->word, key_syntax(v->key));
		return;
	}
	b->root.device = value_path(v, 0);
	b->root.type = v->w.word[1];
	b->root.wait = DEVICE_WAIT;
	for (int i = 2; i < v->w.n; i++) {
		if (option(v, i, "ro", 1, &said))
			b->root.rw = 0;
		else if (option(v, i, "rw", 1, &said))
			b->root.rw = 1;
		else if ((text = option(v, i, "overlay=", 2, &said)))
			overlay_option(v, i, text);
		else if ((text = option(v, i, "options=", 4, &said)))
			b->root.options = text;
		else if ((text = option(v, i, "wait=", 8, &said)))
			time_option(v, i, text, &b->root.wait);
		else
			value_unknown(v, i, "option", names, COUNT(names));
	}
}

void print_BOOTROOT(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	const struct boot_wish *b = &p->boot;

	(void)field;
	out_printf(o, "%s=", key->word);
	out_word(o, b->root.device);
	out_printf(o, " %s %s", b->root.type, b->root.rw ? "rw" : "ro");
	if (b->root.overlay_device)
		out_printf(o, " \"overlay=%s:%s\"", b->root.overlay_device, b->root.overlay_type);
	else if (b->root.overlay_type)
		out_put(o, " overlay=tmpfs");
	if (b->root.options)
		out_printf(o, " \"options=%s\"", b->root.options);
	out_printf(o, " wait=%llums\n", (unsigned long long)b->root.wait);
}

void read_BOOTDOG(struct value *v)
{
	static const char *const names[] = {"budget="};
	struct boot_wish *b = &v->r->p->boot;
	unsigned said = 0;
	const char *text;

	if (!value_count(v, 2, 3) || value_time(v, 1, 1, SERVICE_TIME, &b->watchdog.time))
		return;
	b->watchdog.device = value_path(v, 0);
	b->watchdog.budget = DOG_BUDGET;
	if (v->w.n == 3 && (text = option(v, 2, names[0], 1, &said)))
		time_option(v, 2, text, &b->watchdog.budget);
	else if (v->w.n == 3)
		value_unknown(v, 2, "option", names, COUNT(names));
}

void print_BOOTDOG(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	(void)field;
	out_printf(o, "%s=", key->word);
	out_word(o, p->boot.watchdog.device);
	out_printf(o, " %llums budget=%llums\n", (unsigned long long)p->boot.watchdog.time,
		   (unsigned long long)p->boot.watchdog.budget);
}

void read_GOOD(struct value *v)
{
	if (value_count(v, 1, 1))
		*(const char **)v->field = strcmp(v->w.word[0], "none") ? value_path(v, 0) : NULL;
}

void print_GOOD(const struct profile *p, const struct key *key, const void *field, struct out *o)
{
	if (*(const char *const *)field)
		print_PATH(p, key, field, o);
	else
		out_printf(o, "%s=none\n", key->word);
}
