/*
 * Sets come from a process of their own: a disk that hangs, a profile that is a
 * riddle, a parser that falls over its input cannot hold the supervisor up. It
 * fills memory that both share, and its exit status says whether it is whole.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "apply/gather.h"
#include "archive/texts.h"
#include "base/text.h"
#include "kernel/k.h"
#include "kernel/probe.h"
#include "supervise/launch.h"
#include "supervise/supervise.h"

enum { IMAGE_SIZE = 16 << 20 };
enum { LOADED = 0, REFUSED = 1 };

static char loader_stack[128 << 10] __attribute__((aligned(16)));
static struct arena *scratch;

/* Only in the loader's own copy. */
static struct loader {
	struct image *image;
	int parent, first, sealed;
	char *const *paths;
	int npaths;
	char text[1000];		/* of findings */
} loader;
static struct gather gather;

void load_init(struct arena *a)
{
	scratch = a;
}

/* The whole set is refused. */
static void refuse(const struct err *e)
{
	char text[300];

	text_format(text, sizeof text, "%s%s%s", e->text, e->code ? ": " : "",
		    e->code ? error_text(e->code) : "");
	loader.image->set.notes = arena_text(&loader.image->set.arena, text, strlen(text));
	k_exit(REFUSED);
}

/* Too late to be sealed: what runs has seen this copy. */
static void look(struct gather *g)
{
	if (g->plan.needs_seal && !loader.first && !loader.sealed)
		diags_add(&g->diags, g->profile.at[KEY_exec], 0, "needs a hutch that runs from a sealed copy: start the supervisor again");
}

static int load_main(void *unused)
{
	(void)unused;
	k_fault_side('o');
	if (k_prctl(PR_SET_PDEATHSIG_, SIGKILL, 0, 0) || k_getppid() != loader.parent)
		k_exit(REFUSED);
	k_close_range(3, ~0u);
	gather = (struct gather){.scratch = scratch, .facts = &loader.image->facts, .root = -1,
				 .look = look, .text = loader.text, .size = sizeof loader.text,
				 .draft.texts = loader.image->set.texts};
	if (gather_init(&gather, k_memory(GATHER_MEMORY, 0)))
		refuse(&gather.err);
	facts_probe(&loader.image->facts);
	for (int i = 0; i < loader.npaths; i++)
		if (gather_path(&gather, loader.paths[i]))
			refuse(&gather.err);
	if (gather_finish(&gather))
		refuse(&gather.err);
	if (set_copy(&loader.image->set, &gather.draft)) {
		err_set(&gather.err, 0, "no room left for this set");
		refuse(&gather.err);
	}
	k_exit(LOADED);
}

static void forget(const struct image *image)
{
	k_forget(image->set.texts.base, GATHER_TEXTS);
	k_forget((void *)(uintptr_t)image, IMAGE_SIZE);
}

/* Memory for a set and its texts; NULL with errno. */
static struct image *image_new(void)
{
	struct image *image = k_memory(IMAGE_SIZE, 1);
	char *texts = image ? k_memory(GATHER_TEXTS, 1) : NULL;

	if (!texts) {
		if (image)
			k_forget(image, IMAGE_SIZE);
		errno = ENOMEM;
		return NULL;
	}
	arena_init(&image->set.arena, image->memory, IMAGE_SIZE - sizeof *image);
	image->set.texts = (struct text_archive){texts, GATHER_TEXTS, 0};
	return image;
}

int load_start(struct supervisor *s)
{
	struct image *image;

	if (s->loader) {
		k_kill(s->loader, SIGKILL);
		s->load_again = 1;
		return 0;
	}
	image = image_new();
	if (!image)
		return -1;
	loader = (struct loader){.image = image, .parent = k_getpid(), .first = !s->image,
				 .sealed = s->image && s->image->facts.self_sealed,
				 .paths = s->paths, .npaths = s->npaths};
	s->loader = k_clone(load_main, loader_stack + sizeof loader_stack, SIGCHLD, NULL);
	if (s->loader < 0) {
		int error = errno;

		s->loader = 0;
		forget(image);
		errno = error;
		return -1;
	}
	s->new_image = image;
	s->loading = 1;
	return 0;
}

/* Memory that no place looks at any more. */
static void forget_unused(struct supervisor *s)
{
	for (int i = 0; i < OLD_IMAGES; i++) {
		int used = !s->old[i] || s->old[i] == s->image;

		for (struct service *v = NULL; !used && (v = service_next(s, v));)
			used = v->image == s->old[i] || v->next_image == s->old[i];
		if (!used) {
			forget(s->old[i]);
			s->old[i] = NULL;
		}
	}
}

static int keep_old(struct supervisor *s)
{
	forget_unused(s);
	for (int i = 0; s->image && i < OLD_IMAGES; i++)
		if (!s->old[i]) {
			s->old[i] = s->image;
			return 0;
		}
	return s->image ? -1 : 0;
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
		v->conf = c;
		v->image = image;
		v->next = NULL;
		v->next_image = NULL;
		return;
	}
	report(s, "changed", c->name);
	v->next = c;
	v->next_image = image;
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
	forget(image);
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
	forget(image);
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
	if (s->load_again) {
		s->load_again = 0;
		if (load_start(s))
			refused(s, image, error_text(errno));
		else
			forget(image);
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
	else if (keep_old(s))
		refused(s, image, "services of earlier sets are still being stopped");
	else if (!s->image && image->set.needs_seal && !image->facts.self_sealed)
		s->must_seal = 1;	/* before anything of it runs */
	else
		adopt(s, image);
	return 1;
}
