/* Profiles into a draft of a set, see gather.h. */
#include "apply/gather.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "apply/file.h"
#include "apply/path.h"
#include "base/parse.h"
#include "base/text.h"
#include "kernel/k.h"

enum { NAMES_SIZE = 64 << 10 };

static const char no_room[] = "no room left for this set";

int gather_init(struct gather *g, void *memory)
{
	g->unreadable = 0;
	if (!memory)
		return err_set(&g->err, errno, "the set");
	arena_init(&g->draft.arena, memory, GATHER_MEMORY);
	return set_init(&g->draft, SERVICES, GATHER_FILES) ? err_set(&g->err, 0, "%s", no_room) : 0;
}

static int load_file(void *ctx, const char *path, const char *from, struct profile_text *to,
		     struct err *e)
{
	enum entry_kind kind = from ? ENTRY_INCLUDE : ENTRY_SERVICE;
	struct gather *g = ctx;

	to->name = file_beside(g->scratch, path, from);
	if (!to->name)
		return err_set(e, ENOMEM, "%.150s", path);
	if (file_read(g->scratch, g->root, to->name, to, e)) {
		g->unreadable |= e->code && e->code != ENOENT;
		return -1;
	}
	if (g->draft.nfiles >= GATHER_FILES ||
	    set_add_file(&g->draft, kind, to->name, to->text, to->length))
		return err_set(e, 0, "%.150s: %s", path, no_room);
	return 0;
}

static void look(struct gather *g)
{
	static const struct plan_request request = {.supervised = 1};
	struct err e;

	if (plan_build(&g->plan, &g->profile, g->facts, &request, &g->diags))
		return;
	if (plan_check(&g->plan, &e))
		diags_add(&g->diags, (struct origin){0}, 0, "defect in the plan: %s", e.text);
	if (g->look)
		g->look(g);
	g->draft.needs_seal |= g->plan.needs_seal;
}

/* NAME.conf is service NAME. One that is too long is cut where it still is too long. */
static void service_name(char to[NAME_ROOM + 1], const char *path)
{
	const char *base = strrchr(path, '/');
	size_t n;

	base = base ? base + 1 : path;
	n = strlen(base);
	if (n > 5 && !strcmp(base + n - 5, ".conf"))
		n -= 5;
	if (n > NAME_ROOM)
		n = NAME_ROOM;
	memcpy(to, base, n);
	to[n] = '\0';
}

static int add(struct gather *g, const char *path)
{
	unsigned file = g->draft.nfiles;
	size_t mark = g->scratch->used;
	struct profile_reader r;
	char name[NAME_ROOM + 1];
	struct out o;

	if (g->draft.count >= SERVICES)
		return err_set(&g->err, 0, "%.150s: more services than there is room for", path);
	service_name(name, path);
	profile_init(&g->profile, g->scratch);
	diags_init(&g->diags, g->scratch);
	profile_reader_init(&r, &g->profile, &g->diags, load_file, g);
	if (!name_ok(name))
		diags_add(&g->diags, (struct origin){0}, 0, "%.80s: not a name for a service", name);
	profile_file(&r, path);
	profile_finish(&r);
	if (!g->diags.count)
		look(g);
	out_init(&o, g->text, g->size);
	if (g->diags.count)
		profile_print_diags(&g->profile, &g->diags, &o);
	if (o.used && o.text[o.used - 1] == '\n')
		o.text[--o.used] = '\0';
	if (set_add(&g->draft, name, &g->profile, file, g->draft.nfiles - file,
		    g->diags.count ? g->text : NULL) ||
	    (g->diags.count && texts_add(&g->draft.texts, ENTRY_FINDINGS, "", g->text, o.used, NULL)))
		return err_set(&g->err, 0, "%.150s: %s", path, no_room);
	g->scratch->used = mark;
	return 0;
}

/* The names of a directory's profiles, each with a NUL, in one piece of memory. -1 fills err. */
static long list(struct gather *g, int dir, const char *path, char *names)
{
	char buf[4096] __attribute__((aligned(8)));
	size_t used = 0;
	long n;

	while ((n = k_getdents(dir, buf, sizeof buf)) > 0)
		for (long at = 0; at < n; at += ((struct k_dirent *)(buf + at))->length) {
			const char *name = ((struct k_dirent *)(buf + at))->name;
			size_t length = strlen(name);

			if (*name == '.' || length < 6 || strcmp(name + length - 5, ".conf") != 0)
				continue;
			if (used + length + 1 > NAMES_SIZE)
				return err_set(&g->err, 0, "%.150s: too many profiles", path);
			memcpy(names + used, name, length + 1);
			used += length + 1;
		}
	return n < 0 ? err_set(&g->err, errno, "%.150s", path) : (long)used;
}

/* The smallest name behind `after`, or NULL: sets are small, and in order. */
static const char *next_name(const char *names, size_t used, const char *after)
{
	const char *best = NULL;

	for (const char *p = names; p < names + used; p += strlen(p) + 1)
		if ((!after || strcmp(p, after) > 0) && (!best || strcmp(p, best) < 0))
			best = p;
	return best;
}

static int add_directory(struct gather *g, const char *path, int dir)
{
	char *names = arena_room(g->scratch, NAMES_SIZE), full[4096];
	const char *name = NULL;
	long used;

	if (!names)
		return err_set(&g->err, 0, "%.150s: %s", path, no_room);
	used = list(g, dir, path, names);
	while (used >= 0 && (name = next_name(names, (size_t)used, name))) {
		if ((size_t)text_format(full, sizeof full, "%s/%s", path, name) >= sizeof full)
			return err_set(&g->err, ENAMETOOLONG, "%.150s", path);
		if (add(g, full))
			return -1;
	}
	return used < 0 ? -1 : 0;
}

int gather_path(struct gather *g, const char *path)
{
	int dir = file_open(g->root, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK), result;

	if (dir < 0)
		return errno == ENOTDIR ? add(g, path) : err_set(&g->err, errno, "%.150s", path);
	result = add_directory(g, path, dir);
	k_close(dir);
	return result;
}

int gather_finish(struct gather *g)
{
	return texts_end(&g->draft.texts) || set_order(&g->draft) ? err_set(&g->err, 0, "%s", no_room) : 0;
}
