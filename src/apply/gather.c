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

enum { NAMES_SIZE = 64 << 10, HUBS_SIZE = 16 << 10 };

static const char no_room[] = "no room left for this set";

static int full(struct gather *g, const char *path)
{
	return err_set(&g->err, 0, "%.150s: %s", path, no_room);
}

int gather_init(struct gather *g, void *memory)
{
	g->unreadable = 0;
	g->source = NULL;
	g->hubs = "";
	g->draft.texts.used = 0;
	if (!memory)
		return err_set(&g->err, errno, "the set");
	arena_init(&g->draft.arena, memory, GATHER_MEMORY);
	return set_init(&g->draft, SERVICES, GATHER_FILES) ? full(g, "the set") : 0;
}

/* An entry of the profile that begins at g->at: itself, what it includes, what was found wrong. */
static int archived(const struct gather *g, enum entry_kind kind, const char *name, struct entry *e)
{
	size_t at = g->at;

	if (!g->source)
		return 0;
	for (int first = 1; texts_next(g->source, &at, e) > 0; first = 0) {
		if (!first && e->kind != ENTRY_INCLUDE && e->kind != ENTRY_FINDINGS)
			break;
		if (e->kind == kind && !strcmp(e->name, name))
			return 1;
	}
	return 0;
}

static int read_source(struct gather *g, enum entry_kind kind, struct profile_text *to, struct err *e)
{
	struct entry found;

	if (!g->source)
		return file_read(g->scratch, g->root, to->name, to, e);
	if (!archived(g, kind, to->name, &found))
		return err_set(e, 0, "%.150s: was not kept with the profile", to->name);
	to->text = found.text;
	to->length = found.length;
	return 0;
}

static int load_file(void *ctx, const char *path, const char *from, struct profile_text *to,
		     struct err *e)
{
	struct gather *g = ctx;
	enum entry_kind kind = from ? ENTRY_INCLUDE : g->machine ? ENTRY_MACHINE : ENTRY_SERVICE;

	/* Of the machine at hand, wherever the profile comes from. */
	if (path == profile_hubs) {
		kind = ENTRY_INCLUDE;
		*to = (struct profile_text){path, g->hubs, strlen(g->hubs)};
	} else if (!(to->name = file_beside(g->scratch, path, from))) {
		return err_set(e, ENOMEM, "%.150s", path);
	} else if (read_source(g, kind, to, e)) {
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
	const struct plan_request request = {.supervised = 1, .console = g->draft.machine.console};
	struct err e;

	if (g->probe)
		g->probe(g);
	if (plan_build(&g->plan, &g->profile, g->facts, &request, &g->diags))
		return;
	if (plan_check(&g->plan, &e))
		diags_add(&g->diags, (struct origin){0}, 0, "defect in the plan: %s", e.text);
	if (g->look)
		g->look(g);
	g->draft.needs_seal |= g->plan.needs_seal;
}

/* What was found wrong, without the last line's end; NULL: nothing. */
static const char *findings(struct gather *g)
{
	struct out o;

	if (!g->diags.count)
		return NULL;
	out_init(&o, g->text, g->size);
	profile_print_diags(&g->profile, &g->diags, &o);
	if (o.used && o.text[o.used - 1] == '\n')
		o.text[--o.used] = '\0';
	/* Without a file it says who speaks, which is not what is wrong. */
	return g->text + (g->profile.nfiles == FILE_FIRST ? strlen("hutch: ") : 0);
}

/* It may hang there: then somebody else will have to tell it. */
static void about_to(struct gather *g, const char *path)
{
	if (g->phase && path)
		text_format(g->phase, 120, "reading %s", path);
}

static void start_reading(struct gather *g, struct profile_reader *r, int machine)
{
	profile_init(&g->profile, g->scratch);
	diags_init(&g->diags, g->scratch);
	profile_reader_init(r, &g->profile, &g->diags, load_file, g);
	r->machine = g->machine = machine;
	r->hubs = *g->hubs ? profile_hubs : NULL;
}

/* What is known of a profile besides its text. */
struct about {
	const char *wrong;		/* with itself, or NULL */
	const char *passed_over;	/* with the one whose place it takes, or NULL */
	uint8_t source;
};

/* An archive says what was found when there was a disk to look at. */
static void recall(const struct gather *g, struct about *a)
{
	struct entry e;

	for (int k = SOURCE_DISK; k < SOURCES; k++)
		if (archived(g, ENTRY_FINDINGS, source_names[k], &e)) {
			*(k ? &a->passed_over : &a->wrong) = e.text;
			a->source = (uint8_t)k;
		}
	/* Who cannot stand in: then it is the profile on disk that counts. */
	if (a->wrong && a->source == SOURCE_GOOD)
		*a = (struct about){.wrong = a->passed_over ? a->passed_over : a->wrong};
}

/* Behind the profile's files: what recall will find. -1: no room. */
static int note(struct gather *g, const struct about *a)
{
	struct text_archive *t = &g->draft.texts;

	if (a->wrong && texts_add(t, ENTRY_FINDINGS, "", a->wrong, strlen(a->wrong), NULL))
		return -1;
	return a->source && texts_add(t, ENTRY_FINDINGS, source_names[a->source],
				      a->passed_over ? a->passed_over : "",
				      a->passed_over ? strlen(a->passed_over) : 0, NULL) ? -1 : 0;
}

/* The hubs of the machine that was read, as a text for those who name one; NULL: no room. */
static const char *hubs_text(struct gather *g)
{
	char *room = arena_room(g->scratch, HUBS_SIZE);
	struct out o;

	if (!room)
		return NULL;
	out_init(&o, room, HUBS_SIZE);
	profile_print_hubs(&g->profile, &o);
	return o.lost ? NULL : room;
}

/* A key that was written and that only PID 1 heeds, or KEY_NONE. */
static enum key_id boots(const struct profile *p)
{
	enum key_id k = KEY_COUNT;

	while (--k > KEY_NONE)
		if (key_boots(k) && profile_has(p, k) && k != KEY_boot_good && k != KEY_boot_readers &&
		    k != KEY_boot_deadline && k != KEY_boot_console)
			break;
	return k;
}

/* Path NULL: there is none, and the defaults hold. What it says stays in scratch. */
static int add_machine(struct gather *g, const char *path, struct about a)
{
	struct profile_reader r;
	const char *good;
	enum key_id boot;

	about_to(g, path);
	start_reading(g, &r, 1);
	if (path)
		profile_file(&r, path);
	profile_finish(&r);
	a.wrong = findings(g);
	good = g->profile.boot.good;
	boot = boots(&g->profile);
	/* Where help may be, and what others name, is true whatever else is wrong. */
	g->hubs = hubs_text(g);
	recall(g, &a);
	if (a.wrong) {
		a.wrong = arena_text(g->scratch, a.wrong, strlen(a.wrong));
		start_reading(g, &r, 1);
		profile_finish(&r);
		g->profile.boot.good = good;
	}
	if (!g->hubs || machine_read(&g->draft.machine, &g->profile) || note(g, &a))
		return full(g, path ? path : "init.conf");
	g->draft.machine.boots = (uint8_t)boot;
	g->draft.machine.findings = a.wrong ? a.wrong : a.passed_over;
	g->draft.machine.source = a.source;
	g->draft.machine.said = path != NULL;
	return 0;
}

int gather_machine(struct gather *g, char *const *paths, int n)
{
	const struct about a = {.source = SOURCE_DISK};
	char path[4096];
	int fd;

	for (int i = 0; i < n; i++) {
		if (profile_is_machine(paths[i]))
			return add_machine(g, paths[i], a);
		if ((size_t)text_format(path, sizeof path, "%s/init.conf", paths[i]) >= sizeof path)
			continue;
		fd = file_open(g->root, path, O_PATH);
		if (fd >= 0 || (errno != ENOENT && errno != ENOTDIR)) {
			k_close(fd);
			return add_machine(g, path, a);
		}
	}
	return add_machine(g, NULL, a);
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

static int add(struct gather *g, const char *path, struct about a)
{
	unsigned file = g->draft.nfiles;
	size_t mark = g->scratch->used;
	struct profile_reader r;
	char name[NAME_ROOM + 1];
	struct service_conf *c = &g->draft.service[g->draft.count];

	if (g->draft.count >= SERVICES)
		return err_set(&g->err, 0, "%.150s: more services than there is room for", path);
	service_name(name, path);
	about_to(g, path);
	start_reading(g, &r, 0);
	if (!name_ok(name))
		diags_add(&g->diags, (struct origin){0}, 0, "%.80s: not a name for a service", name);
	profile_file(&r, path);
	profile_finish(&r);
	if (!g->diags.count && !g->as_it_was)
		look(g);
	a.wrong = findings(g);
	recall(g, &a);
	if (set_add(&g->draft, name, &g->profile, file, g->draft.nfiles - file, a.wrong) || note(g, &a))
		return full(g, path);
	c->source = a.source;
	if (a.passed_over && !(c->passed_over = arena_text(&g->draft.arena, a.passed_over, strlen(a.passed_over))))
		return full(g, path);
	g->scratch->used = mark;
	return 0;
}

/* One of the disk, or who stands in for it. */
static int add_file(struct gather *g, const char *path)
{
	char name[NAME_ROOM + 1];
	struct entry e;
	int result;

	service_name(name, path);
	for (unsigned i = 0; i < g->nin; i++)
		if (!strcmp(g->in[i].name, name)) {
			size_t at = g->in[i].at;

			texts_next(g->good, &at, &e);
			g->source = g->good;
			g->at = g->in[i].at;
			result = add(g, e.name, (struct about){.passed_over = g->in[i].findings,
							       .source = SOURCE_GOOD});
			g->source = NULL;
			return result;
		}
	return add(g, path, (struct about){.source = SOURCE_DISK});
}

/* The next service or machine of an archive: 1, *at is behind its first entry and g->at before it. */
static int next_profile(struct gather *g, const struct text_archive *t, size_t *at,
			enum entry_kind kind, struct entry *e)
{
	for (g->at = *at; texts_next(t, at, e) > 0; g->at = *at)
		if (e->kind == kind) {
			g->source = t;
			return 1;
		}
	g->source = NULL;
	return 0;
}

int gather_archive(struct gather *g, const struct text_archive *t, enum source source,
		   const char *passed_over)
{
	struct about a = {.passed_over = passed_over, .source = (uint8_t)source};
	struct entry e;

	for (size_t at = 0; next_profile(g, t, &at, ENTRY_SERVICE, &e);)
		if (add(g, e.name, a))
			return -1;
	return 0;
}

int gather_archived_machine(struct gather *g, const struct text_archive *t, enum source source,
			    const char *passed_over)
{
	struct about a = {.passed_over = passed_over, .source = (uint8_t)source};
	struct entry e;
	size_t at = 0;
	int there = next_profile(g, t, &at, ENTRY_MACHINE, &e), result;

	result = add_machine(g, there ? e.name : NULL, a);
	g->source = NULL;
	return result;
}

unsigned gather_stand_in(struct gather *g)
{
	const struct text_archive *source = g->source;
	unsigned before = g->nin;
	char name[NAME_ROOM + 1];
	struct entry e;

	if (!g->in)
		g->in = arena_room(g->scratch, SERVICES * sizeof *g->in);
	for (size_t at = 0; g->in && g->good && next_profile(g, g->good, &at, ENTRY_SERVICE, &e);) {
		const struct service_conf *c;

		service_name(name, e.name);
		c = set_find(&g->draft, name);
		if (!c || !c->findings || c->source != SOURCE_DISK || g->nin == SERVICES)
			continue;
		for (unsigned i = 0; c && i < before; i++)
			if (!strcmp(g->in[i].name, name))
				c = NULL;	/* stood in already, and could not */
		if (c)
			g->in[g->nin++] = (struct stand_in){
				arena_text(g->scratch, name, strlen(name)),
				arena_text(g->scratch, c->findings, strlen(c->findings)), g->at};
	}
	g->source = source;
	return g->nin - before;
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

			if (*name == '.' || length < 6 || strcmp(name + length - 5, ".conf") != 0 ||
			    profile_is_machine(name))
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
	char *names = arena_room(g->scratch, NAMES_SIZE), path_of[4096];
	const char *name = NULL;
	long used;

	if (!names)
		return full(g, path);
	used = list(g, dir, path, names);
	while (used >= 0 && (name = next_name(names, (size_t)used, name))) {
		if ((size_t)text_format(path_of, sizeof path_of, "%s/%s", path, name) >= sizeof path_of)
			return err_set(&g->err, ENAMETOOLONG, "%.150s", path);
		if (add_file(g, path_of))
			return -1;
	}
	return used < 0 ? -1 : 0;
}

int gather_path(struct gather *g, const char *path)
{
	int dir, result;

	if (profile_is_machine(path))
		return 0;
	about_to(g, path);
	dir = file_open(g->root, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	if (dir < 0)
		return errno == ENOTDIR ? add_file(g, path) : err_set(&g->err, errno, "%.150s", path);
	result = add_directory(g, path, dir);
	k_close(dir);
	return result;
}

int gather_finish(struct gather *g)
{
	return texts_end(&g->draft.texts) || set_order(&g->draft) ? full(g, "the set") : 0;
}
