/*
 * Sets come from a process of their own: a disk that hangs, a profile that is a
 * riddle, a parser that falls over its input cannot hold the supervisor up. It
 * fills memory that both share, and its exit status says whether it is whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "apply/file.h"
#include "archive/texts.h"
#include "base/parse.h"
#include "base/text.h"
#include "kernel/k.h"
#include "kernel/probe.h"
#include "plan/plan.h"
#include "supervise/keep.h"
#include "supervise/launch.h"
#include "supervise/supervise.h"

enum { IMAGE_SIZE = 16 << 20, TEXTS_SIZE = 8 << 20, MAX_FILES = 4 * SERVICES, DRAFT_SIZE = 8 << 20, NAMES_SIZE = 64 << 10 };
enum { LOADED = 0, REFUSED = 1, LIMIT = 30000, PAUSE = 10000, KEPT_MS = 10000 };	/* ms */

static char loader_stack[128 << 10] __attribute__((aligned(16)));
static struct arena *scratch;

/* Only in the loader's own copy. */
static struct loader {
	struct image *image;
	int parent, first, sealed, init;
	int kept;			/* from the image's own texts */
	machine_setup *setup;
	char *const *paths;
	int npaths;
	struct set draft;
	struct profile profile;
	struct plan plan;
	struct diags diags;
	char text[1000];		/* of findings */
} loader;

void load_init(struct arena *a)
{
	scratch = a;
}

/* The whole set is refused, with these words. */
static void refuse(const char *path, const char *why)
{
	char text[300];

	text_format(text, sizeof text, "%.200s: %s", path, why);
	loader.image->set.notes = arena_text(&loader.image->set.arena, text, strlen(text));
	k_exit(REFUSED);
}

static const char no_room[] = "no room left for this set";

static int load_file(void *ctx, const char *path, const char *from, struct profile_text *to,
		     struct err *e)
{
	enum entry_kind kind = from ? ENTRY_INCLUDE : profile_is_machine(path) ? ENTRY_MACHINE : ENTRY_SERVICE;

	(void)ctx;
	to->name = file_beside(scratch, path, from);
	if (!to->name)
		return err_set(e, ENOMEM, "%.150s", path);
	if (file_read(scratch, to->name, to, e))
		return -1;
	if (loader.draft.nfiles >= MAX_FILES ||
	    set_add_file(&loader.draft, kind, to->name, to->text, to->length))
		return err_set(e, 0, "%.150s: %s", path, no_room);
	return 0;
}

static void check_service(struct profile *p)
{
	static const struct plan_request request = {.supervised = 1};
	struct err e;

	if (plan_build(&loader.plan, p, &loader.image->facts, &request, &loader.diags))
		return;
	if (plan_check(&loader.plan, &e))
		diags_add(&loader.diags, (struct origin){0}, 0, "defect in the plan: %s", e.text);
	if (loader.plan.needs_seal && !loader.first && !loader.sealed)
		diags_add(&loader.diags, p->at[KEY_exec], 0, "needs a hutch that runs from a sealed copy: start the supervisor again");
	loader.draft.needs_seal |= loader.plan.needs_seal;
}

/* What was found wrong, without the last line's end; NULL: nothing. */
static const char *findings(void)
{
	struct out o;

	if (!loader.diags.count)
		return NULL;
	out_init(&o, loader.text, sizeof loader.text);
	profile_print_diags(&loader.profile, &loader.diags, &o);
	if (o.used && o.text[o.used - 1] == '\n')
		o.text[--o.used] = '\0';
	return loader.text;
}

static void start_reading(struct profile_reader *r)
{
	profile_init(&loader.profile, scratch);
	diags_init(&loader.diags, scratch);
	profile_reader_init(r, &loader.profile, &loader.diags, loader.kept ? set_load : load_file, &loader.draft);
}

/* What is wrong with the files that were read last goes along with them. */
static void keep_findings(const char *path, const char *wrong)
{
	if (wrong && !loader.kept && texts_add(&loader.draft.texts, ENTRY_FINDINGS, "", wrong, strlen(wrong), NULL))
		refuse(path, no_room);
}

/*
 * The machine's own profile; NULL: there is none, and the defaults hold. `wrong` is what is known
 * to be wrong with it. What it says stays in scratch.
 */
static void add_machine(const char *path, const char *wrong)
{
	struct profile_reader r;

	start_reading(&r);
	r.machine = 1;
	if (path && !wrong)
		profile_file(&r, path);
	profile_finish(&r);
	if (!wrong && (wrong = findings())) {
		wrong = arena_text(scratch, wrong, strlen(wrong));
		start_reading(&r);
		r.machine = 1;
		profile_finish(&r);
	}
	keep_findings(path, wrong);
	if (machine_read(&loader.draft.machine, &loader.profile))
		refuse(path, no_room);
	loader.draft.machine.findings = wrong;
	loader.draft.machine.said = path != NULL;
}

/* The first path that has an init.conf, or is one. */
static const char *find_machine(char *full, size_t room)
{
	struct k_stat st;

	for (int i = 0; i < loader.npaths; i++) {
		if (profile_is_machine(loader.paths[i]))
			return loader.paths[i];
		if ((size_t)text_format(full, room, "%s/init.conf", loader.paths[i]) < room &&
		    (!k_stat(AT_FDCWD, full, 0, 0, &st) || (errno != ENOENT && errno != ENOTDIR)))
			return full;
	}
	return NULL;
}

/* Before the services: what is set up may change what this kernel can do for them. */
static void load_machine(void)
{
	char full[4096];

	add_machine(find_machine(full, sizeof full), NULL);
	loader.image->limit = loader.draft.machine.setup_timeout;
	if (!loader.setup)
		return;
	if (loader.image->limit < LIMIT)
		k_kill(loader.parent, SIGCHLD);	/* it has to know sooner than it thought */
	loader.setup(&loader.draft.machine, &loader.image->setup);
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

static void add(const char *path)
{
	unsigned file = loader.draft.nfiles;
	size_t mark = scratch->used;
	struct profile_reader r;
	char name[NAME_ROOM + 1];
	const char *wrong;

	if (loader.draft.count >= SERVICES)
		refuse(path, "more services than there is room for");
	service_name(name, path);
	start_reading(&r);
	if (!name_ok(name))
		diags_add(&loader.diags, (struct origin){0}, 0, "%.80s: not a name for a service", name);
	profile_file(&r, path);
	profile_finish(&r);
	if (!loader.diags.count)
		check_service(&loader.profile);
	wrong = findings();
	if (set_add(&loader.draft, name, &loader.profile, file, loader.draft.nfiles - file, wrong))
		refuse(path, no_room);
	keep_findings(path, wrong);
	scratch->used = mark;
}

/* A service as it was: what was right then is, whatever this kernel says to it now. */
static void add_kept(const char *path, unsigned file, unsigned nfiles, const char *wrong)
{
	size_t mark = scratch->used;
	struct profile_reader r;
	char name[NAME_ROOM + 1];

	service_name(name, path);
	start_reading(&r);
	if (!wrong) {
		profile_file(&r, path);
		profile_finish(&r);
		wrong = findings();
		if (wrong && !loader.draft.notes)
			loader.draft.notes = arena_text(&loader.draft.arena, wrong, strlen(wrong));
	}
	if (loader.draft.count >= SERVICES ||
	    set_add(&loader.draft, name, &loader.profile, file, nfiles, wrong))
		refuse(path, no_room);
	scratch->used = mark;
}

/* The set that the texts are of. */
static void add_all_kept(void)
{
	struct entry e, first;
	unsigned file = 0, n;
	size_t at = 0;
	int got;

	if (set_list_files(&loader.draft, MAX_FILES))
		refuse("profiles", "what was kept of them is broken");
	add_machine(NULL, NULL);
	for (got = texts_next(&loader.draft.texts, &at, &e); got > 0; file += n) {
		const char *wrong = NULL;

		first = e;
		for (n = 1; (got = texts_next(&loader.draft.texts, &at, &e)) > 0 && e.kind == ENTRY_INCLUDE; n++)
			;
		if (got > 0 && e.kind == ENTRY_FINDINGS) {
			wrong = e.text;
			got = texts_next(&loader.draft.texts, &at, &e);
		}
		if (first.kind == ENTRY_SERVICE)
			add_kept(first.name, file, n, wrong);
		else if (first.kind == ENTRY_MACHINE)
			add_machine(first.name, wrong);
	}
}

/* The names of a directory's profiles, each with a NUL, in one piece of memory. */
static size_t list(int dir, const char *path, char *names)
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
				refuse(path, "too many profiles");
			memcpy(names + used, name, length + 1);
			used += length + 1;
		}
	if (n < 0)
		refuse(path, error_text(errno));
	return used;
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

static void add_directory(const char *path, int dir)
{
	char *names = arena_room(scratch, NAMES_SIZE), full[4096];
	const char *name = NULL;
	size_t used;

	if (!names)
		refuse(path, no_room);
	used = list(dir, path, names);
	while ((name = next_name(names, used, name))) {
		if ((size_t)text_format(full, sizeof full, "%s/%s", path, name) >= sizeof full)
			refuse(path, error_text(ENAMETOOLONG));
		add(full);
	}
}

static void add_paths(void)
{
	for (int i = 0; i < loader.npaths; i++) {
		if (profile_is_machine(loader.paths[i]))
			continue;
		int dir = k_open(AT_FDCWD, loader.paths[i], O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0);

		if (dir >= 0)
			add_directory(loader.paths[i], dir);
		else if (errno == ENOTDIR)
			add(loader.paths[i]);
		else
			refuse(loader.paths[i], error_text(errno));
	}
	if (texts_end(&loader.draft.texts))
		refuse(*loader.paths, no_room);
}

static int load_main(void *unused)
{
	void *draft;

	(void)unused;
	k_fault_side('o');
	draft = k_memory(DRAFT_SIZE, 0);
	if (k_prctl(PR_SET_PDEATHSIG_, SIGKILL, 0, 0) || k_getppid() != loader.parent)
		k_exit(REFUSED);
	k_close_range(3, ~0u);
	if (!draft)
		refuse("profiles", error_text(errno));
	arena_init(&loader.draft.arena, draft, DRAFT_SIZE);
	loader.draft.texts = loader.image->set.texts;
	if (set_init(&loader.draft, SERVICES, MAX_FILES))
		refuse("profiles", no_room);
	if (!loader.kept)
		load_machine();
	facts_probe(&loader.image->facts);
	if (loader.kept)
		add_all_kept();
	else
		add_paths();
	if (set_order(&loader.draft) || set_copy(&loader.image->set, &loader.draft))
		refuse("profiles", no_room);
	k_exit(LOADED);
}

static void forget(struct supervisor *s, struct image *image)
{
	k_drop(&s->images[image->slot].texts);
	s->images[image->slot].image = NULL;
	k_forget(image->set.texts.base, TEXTS_SIZE);
	k_forget(image, IMAGE_SIZE);
}

/* Memory for a set, by these texts, in this slot. NULL with errno: and nothing is taken. */
static struct image *image_new(struct supervisor *s, unsigned slot, char *texts)
{
	struct image *image = texts ? k_memory(IMAGE_SIZE, 1) : NULL;

	if (!image)
		return NULL;
	arena_init(&image->set.arena, image->memory, IMAGE_SIZE - sizeof *image);
	image->set.texts = (struct text_archive){texts, TEXTS_SIZE, 0};
	image->slot = (uint8_t)slot;
	s->images[slot].image = image;
	return image;
}

/* Memory that no place looks at any more. */
static void forget_unused(struct supervisor *s)
{
	for (int i = 0; i < IMAGES; i++) {
		struct image *image = (struct image *)(uintptr_t)s->images[i].image;
		int used = !image || image == s->image || image == s->new_image;

		for (struct service *v = NULL; !used && (v = service_next(s, v));)
			used = v->image == image || v->next_image == image;
		if (!used)
			forget(s, image);
	}
}

/* A free slot, its texts in memory that outlives us if there is any; -1 with errno. */
static struct image *image_first(struct supervisor *s)
{
	unsigned slot = 0;
	struct image *image;
	char *texts;

	forget_unused(s);
	while (slot < IMAGES && s->images[slot].image)
		slot++;
	if (slot == IMAGES) {
		errno = EBUSY;
		return NULL;
	}
	texts = keep_memory("hutch-profiles", TEXTS_SIZE, &s->images[slot].texts);
	image = image_new(s, slot, texts);
	if (!image) {
		k_drop(&s->images[slot].texts);
		if (texts)
			k_forget(texts, TEXTS_SIZE);
		errno = ENOMEM;
	}
	return image;
}

static int loader_clone(struct supervisor *s, struct image *image, int kept)
{
	int pid;

	loader = (struct loader){.image = image, .parent = k_getpid(), .first = !s->image && !s->no_seal,
				 .sealed = s->image && s->image->facts.self_sealed, .init = s->init,
				 .kept = kept, .setup = s->set_up ? NULL : s->setup, .paths = s->paths,
				 .npaths = s->npaths};
	pid = k_clone(load_main, loader_stack + sizeof loader_stack, SIGCHLD, NULL);
	return pid < 0 ? 0 : pid;
}

int load_start(struct supervisor *s)
{
	struct image *image;

	if (s->loader) {
		k_kill(s->loader, SIGKILL);
		s->load_again = 1;
		return 0;
	}
	image = image_first(s);
	if (!image)
		return -1;
	s->loader = loader_clone(s, image, 0);
	if (!s->loader) {
		int error = errno;

		forget(s, image);
		errno = error;
		return -1;
	}
	s->new_image = image;
	s->load_since = s->now;
	s->load_retry = 0;
	s->loading = 1;
	return 0;
}

/* Nobody else is reaped: whose child he was is not known yet. -1: it failed, or takes too long. */
static int wait_for(int pid)
{
	int64_t until = k_now_ms() + KEPT_MS;
	int got, status = -1;

	while (!(got = k_wait(pid, &status, WNOHANG)) && k_now_ms() < until)
		k_poll(NULL, 0, 1);
	if (!got)
		k_kill(pid, SIGKILL);
	return got == pid && !status ? 0 : -1;
}

int load_kept(struct supervisor *s, unsigned slot)
{
	char *texts = k_map(s->images[slot].texts, TEXTS_SIZE, 0, MAP_PRIVATE);
	struct image *image = image_new(s, slot, texts);
	int pid = image ? loader_clone(s, image, 1) : 0;

	if (pid && !wait_for(pid))
		return 0;
	if (image)
		k_forget(image, IMAGE_SIZE);
	if (texts)
		k_forget(texts, TEXTS_SIZE);
	return -1;
}

static void report(struct supervisor *s, const char *what, const char *name)
{
	size_t used = strlen(s->reload_text);

	text_format(s->reload_text + used, sizeof s->reload_text - used, "%s=%s\n", what, name);
}

/* Boot, or a service that is new: up by itself unless its profile says otherwise. */
static void begin(struct supervisor *s, struct service *v)
{
	v->removed = 0;
	if (v->conf->findings)
		event_tell(s, v, "%s", v->conf->findings);
	else if (v->conf->start != START_MANUAL)
		service_want_boot(s, v);
}

static void take(struct supervisor *s, const struct image *image, const struct service_conf *c)
{
	struct service *v = service_find(s, c->name);
	int again, was_wrong, wanted;

	if (!v) {
		v = service_place(s, image, c);
		if (!v)
			return;
		report(s, "added", c->name);
		return;
	}
	again = v->removed;
	was_wrong = v->conf->findings != NULL;
	v->removed = 0;
	if (!again && set_same(&v->image->set, v->conf, &image->set, c)) {
		service_link(v, image, c);
		return;
	}
	report(s, "changed", c->name);
	service_link_next(v, image, c);
	if (state_lives(v->state)) {
		/* What was stopped by hand stays so, though its end may take a while. */
		v->wish_up |= again && c->start != START_MANUAL;
		if (v->wish_up)
			service_restart(s, v);
		return;
	}
	/* Wherever it waited, now it may have to wait for something else, or for nothing. */
	wanted = v->wish_up;
	service_event(s, v, EVENT_STOP);
	service_adopt(v);
	if (wanted)
		service_want_boot(s, v);
	else if (again || was_wrong)
		begin(s, v);
}

static void adopt(struct supervisor *s, const struct image *image)
{
	s->image = image;
	s->in_force = image->slot;
	if (image->set.machine.findings)
		event_tell(s, NULL, "%s", image->set.machine.findings);
	for (struct service *v = NULL; (v = service_next(s, v));) {
		if (v->removed || set_find(&image->set, v->conf->name))
			continue;
		report(s, "removed", v->conf->name);
		v->removed = 1;
		service_want(s, v, 0);
	}
	for (unsigned i = 0; i < image->set.count; i++) {
		const struct service_conf *c = &image->set.service[i];

		if (set_find(&image->set, c->name) == c)
			take(s, image, c);
		else
			event_tell(s, NULL, "%s", c->findings);
	}
	for (struct service *v = NULL; (v = service_next(s, v));) {
		/* A place of this very load: it has never been in any state. */
		if (v->image == image && !v->begun)
			begin(s, v);
		v->begun = 1;
	}
	/* Before the order is looked at: who waits for what is there already is no longer waiting. */
	trigger_look(s);
	s->changed = 1;
}

/* A set that comes later must be whole: else what runs stays as it is. */
static const char *first_finding(const struct set *set)
{
	if (set->machine.findings)
		return set->machine.findings;
	for (unsigned i = 0; i < set->count; i++)
		if (set->service[i].findings)
			return set->service[i].findings;
	return NULL;
}

static void refused(struct supervisor *s, struct image *image, const char *why)
{
	if (s->image)
		text_format(s->reload_text, sizeof s->reload_text, "refused=nothing was changed\n%s", why);
	else
		text_format(s->reload_text, sizeof s->reload_text, "%s", why);
	event_tell(s, NULL, "%s%s", s->image ? "nothing was changed: " : "", why);
	if (s->init && !s->image)
		s->load_retry = s->now + PAUSE;
	forget(s, image);
}

/* What the set-up has to say, once. */
static void tell_setup(struct supervisor *s, const struct image *image)
{
	const struct setup_report *r = &image->setup;

	if (s->set_up || !s->setup)
		return;
	s->set_up = 1;
	for (size_t at = 0, n; at < sizeof r->text && r->text[at]; at += n + 1) {
		n = strcspn(r->text + at, "\n");
		event_tell(s, NULL, "%.*s", (int)n, r->text + at);
	}
}

static int64_t given_up(const struct supervisor *s)
{
	return s->load_since + (s->new_image->limit ? s->new_image->limit : LIMIT);
}

int64_t load_deadline(const struct supervisor *s)
{
	return s->loader && s->init ? given_up(s) : s->load_retry;
}

/* It may not even die now: nobody waits for that, the next one has memory of its own. */
static void give_up(struct supervisor *s)
{
	struct image *image = s->new_image;
	const char *phase = !s->set_up && s->setup && image->setup.phase[0] ? image->setup.phase
									   : "reading the profiles";
	char why[200];

	k_kill(s->loader, SIGKILL);
	s->loader = 0;
	s->loading = s->load_again = 0;
	s->new_image = NULL;
	s->reloads++;
	text_format(why, sizeof why, "given up, it hangs: %.150s", phase);
	if (s->set_up || !s->setup) {
		refused(s, image, why);
		return;
	}
	event_tell(s, NULL, "%s", why);
	tell_setup(s, image);
	forget(s, image);
	if (load_start(s))
		s->load_retry = s->now + PAUSE;
}

void load_due(struct supervisor *s)
{
	if (s->loader && s->init && s->now >= given_up(s))
		give_up(s);
	if (s->load_retry && s->now >= s->load_retry && !s->ending) {
		s->load_retry = 0;
		if (!s->loader && load_start(s))
			s->load_retry = s->now + PAUSE;
	}
}

/*
 * At the first set with findings: what could not be read or probed may be no mistake of a
 * profile's author, and there is nothing that would look again.
 */
static int looks_again(struct supervisor *s, struct image *image)
{
	if (s->image || s->looked_again || !first_finding(&image->set) || load_start(s))
		return 0;
	s->looked_again = 1;
	forget(s, image);
	return 1;
}

int load_reaped(struct supervisor *s, int pid, int status)
{
	struct image *image = s->new_image;
	const char *why;

	if (pid != s->loader || !pid)
		return 0;
	s->loader = 0;
	s->new_image = NULL;
	s->loading = 0;
	s->reloads++;
	s->reload_text[0] = '\0';
	tell_setup(s, image);
	if (s->load_again) {
		s->load_again = 0;
		if (load_start(s))
			refused(s, image, error_text(errno));
		else
			forget(s, image);
		return 1;
	}
	if (!status && looks_again(s, image))
		return 1;
	/* What was killed may have left half a set. */
	why = s->image && !status ? first_finding(&image->set) : NULL;
	if (WIFSIGNALED(status))
		refused(s, image, "what reads the profiles was ended by a signal");
	else if (status)
		refused(s, image, image->set.notes ? image->set.notes : "the profiles cannot be read");
	else if (why)
		refused(s, image, why);
	else if (!s->image && image->set.needs_seal && !image->facts.self_sealed && !s->no_seal)
		s->must_seal = 1;	/* before anything of it runs */
	else
		adopt(s, image);
	return 1;
}
