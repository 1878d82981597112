/* The order of modules, see moddep.h. */
#include "boot/moddep.h"

#include <errno.h>
#include <string.h>

enum { MAX_DONE = 512 };

int moddep_init(struct moddep *d, struct arena *a, module_visit *visit, void *ctx)
{
	*d = (struct moddep){.arena = a, .dep = "", .builtin = "", .softdep = "", .alias = "",
			     .visit = visit, .ctx = ctx, .done = ARENA_ARRAY(a, const char *, MAX_DONE)};
	return d->done ? 0 : -1;
}

/* The name in a path: kernel/fs/ext4/ext4.ko.xz is ext4. */
static const char *base_name(const char *word, size_t *n)
{
	const char *from = word, *end = word + *n;

	for (const char *c = word; c < end; c++)
		if (*c == '/')
			from = c + 1;
	for (const char *c = from; c + 3 <= end; c++)
		if (!memcmp(c, ".ko", 3))
			end = c;
	*n = (size_t)(end - from);
	return from;
}

static char folded(char c)
{
	return (char)(c == '-' ? '_' : c);
}

/* Whether n bytes, a name or a path, are of the module `name`. */
static int is_module(const char *word, size_t n, const char *name)
{
	word = base_name(word, &n);
	while (n && folded(*word) == folded(*name)) {
		word++;
		name++;
		n--;
	}
	return !n && !*name;
}

/* The next word of the line, NULL at its end. A colon behind it is not part of it. */
static const char *next_word(const char **line, size_t *n)
{
	const char *word = *line + strspn(*line, " \t");

	*n = strcspn(word, " \t\n");
	*line = word + *n;
	if (!*n)
		return NULL;
	*n -= word[*n - 1] == ':';
	return word;
}

/*
 * The first line whose word number `at` (from 0) is of that module, which *word and *n become:
 * what stands behind it. NULL: none.
 */
static const char *find_line(const char *text, unsigned at, const char *name, const char **word,
			     size_t *n)
{
	while (*text) {
		const char *line = text;

		*word = NULL;
		for (unsigned i = 0; i <= at; i++)
			*word = next_word(&line, n);
		if (*word && is_module(*word, *n, name))
			return line;
		text = line + strcspn(line, "\n");
		text += *text == '\n';
	}
	return NULL;
}

/* Remembers the name; 1: it had been there, as in a circle. */
static int seen(struct moddep *d, const char *name)
{
	for (unsigned i = 0; i < d->ndone; i++)
		if (is_module(d->done[i], strlen(d->done[i]), name))
			return 1;
	if (d->ndone == MAX_DONE)
		return 1;
	((const char **)d->done)[d->ndone++] = name;
	return 0;
}

static int load_word(struct moddep *d, const char *word, size_t n, struct err *e)
{
	const char *from = base_name(word, &n), *name = arena_text(d->arena, from, n);

	return name ? moddep_load(d, name, "", e) : err_set(e, ENOMEM, "modules");
}

/* "softdep NAME pre: A B post: C": those of one of the two words. */
static void load_soft(struct moddep *d, const char *name, const char *when)
{
	const char *word, *line = d->softdep;
	struct err ignored;
	size_t n;

	while ((line = find_line(line, 1, name, &word, &n)))
		for (int now = 0; (word = next_word(&line, &n));)
			if (word[n] == ':')
				now = !strncmp(word, when, n);
			else if (now)
				load_word(d, word, n, &ignored);
}

/* A line names all that are needed; the last one has to be there first. */
static int load_needed(struct moddep *d, const char *line, struct err *e)
{
	size_t n;
	const char *word = next_word(&line, &n);

	return word && (load_needed(d, line, e) || load_word(d, word, n, e) < 0) ? -1 : 0;
}

static int load_aliased(struct moddep *d, const char *name, struct err *e)
{
	const char *word, *line = d->alias;
	int result = 1;
	size_t n;

	while (result >= 0 && (line = find_line(line, 1, name, &word, &n)))
		if ((word = next_word(&line, &n)))
			result = load_word(d, word, n, e) < 0 ? -1 : 0;
	return result;
}

int moddep_load(struct moddep *d, const char *name, const char *options, struct err *e)
{
	const char *word, *line;
	int result = 0;
	size_t n;

	/* Options are for the kernel to take or refuse. */
	if (seen(d, name) && !*options)
		return 0;
	line = find_line(d->dep, 0, name, &word, &n);
	load_soft(d, name, "pre");
	if (line)
		result = load_needed(d, line, e) || d->visit(d->ctx, word, n, options, e) ? -1 : 0;
	else if (!find_line(d->builtin, 0, name, &word, &n))
		result = load_aliased(d, name, e);
	if (!result)
		load_soft(d, name, "post");
	return result;
}
