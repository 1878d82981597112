/*
 * Sets come from a process of their own: a disk that hangs, a profile that is a
 * riddle, a parser that falls over its input cannot hold the supervisor up. It
 * fills memory that both share, and its exit status says whether it is whole.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "apply/gather.h"
#include "archive/texts.h"
#include "base/text.h"
#include "kernel/k.h"
#include "kernel/probe.h"
#include "supervise/direct.h"
#include "supervise/keep.h"
#include "supervise/loader.h"
#include "supervise/supervise.h"

enum { IMAGE_SIZE = 16 << 20 };
enum { LOADED = 0, REFUSED = 1, SOON = 250, LATER = 10000, KEPT_MS = 10000 };	/* ms */

static char loader_stack[128 << 10] __attribute__((aligned(16)));
static struct arena *scratch;
static struct loader loader;
static const struct image *judged;	/* load_reaped has not decided yet */
static char good[256];		/* where the last good profiles are, or "" */

void load_init(struct arena *a)
{
	scratch = a;
}

static int load_main(void *unused)
{
	int result;

	(void)unused;
	k_fault_side('o');
	if (k_prctl(PR_SET_PDEATHSIG_, SIGKILL, 0, 0) || k_getppid() != loader.parent)
		k_exit(REFUSED);
	k_close_range(3, ~0u);
	result = load_set(&loader, scratch) ? REFUSED : LOADED;
	/* To end takes the kernel as long as the half of this did. */
	__atomic_store_n(&loader.image->done, 1u + (uint32_t)result, __ATOMIC_RELEASE);
	k_kill(loader.parent, SIGCHLD);
	k_exit(result);
}

void image_forget(struct supervisor *s, const struct image *image)
{
	k_drop(&s->images[image->slot].texts);
	s->images[image->slot].image = NULL;
	k_forget(image->set.texts.base, GATHER_TEXTS);
	k_forget((void *)(uintptr_t)image, IMAGE_SIZE);
}

/* Memory for a set, and for its texts, by which it can be made again: *texts; NULL with errno. */
static struct image *image_new(unsigned slot, int *texts)
{
	struct image *image = k_memory(IMAGE_SIZE, 1);
	char *text = image ? keep_memory("hutch-profiles", GATHER_TEXTS, texts) : NULL;

	if (!text) {
		if (image)
			k_forget(image, IMAGE_SIZE);
		errno = ENOMEM;
		return NULL;
	}
	arena_init(&image->set.arena, image->memory, IMAGE_SIZE - sizeof *image);
	image->set.texts = (struct text_archive){text, GATHER_TEXTS, 0};
	image->slot = (uint8_t)slot;
	return image;
}

void images_sweep(struct supervisor *s)
{
	s->turn->sweep = 0;
	for (int i = 0; i < IMAGES; i++) {
		const struct image *image = s->images[i].image;
		int used = !image || image == s->image || image == s->new_image ||
			   image == s->new_root || image == judged;

		for (struct service *v = NULL; !used && (v = service_next(s, v));)
			used = v->image == image || v->next_image == image;
		if (!used && direct_reads(image))
			s->turn->sweep = 1;
		else if (!used)
			image_forget(s, image);
	}
}

/* A slot that is free, or IMAGES. */
static unsigned slot_free(struct supervisor *s)
{
	unsigned slot = 0;

	images_sweep(s);
	while (slot < IMAGES && s->images[slot].image)
		slot++;
	return slot;
}

/* Its pid, or 0 with errno. */
static int loader_clone(struct supervisor *s, struct image *image, const struct text_archive *kept)
{
	int pid;

	loader = (struct loader){.image = image, .parent = k_getpid(), .first = !s->image && !s->no_seal,
				 .sealed = s->image && s->image->facts.self_sealed, .init = s->init,
				 .fall_back = !s->image, .source = s->image ? SOURCE_DISK : s->source,
				 .setup = s->set_up ? NULL : s->setup, .paths = s->paths, .npaths = s->npaths,
				 .good = *good ? good : NULL, .kept = kept};
	pid = k_clone(load_main, loader_stack + sizeof loader_stack, SIGCHLD, NULL);
	return pid < 0 ? 0 : pid;
}

int load_start(struct supervisor *s)
{
	struct image *image;
	unsigned slot;

	if (s->loader) {
		k_kill(s->loader, SIGKILL);
		s->load_again = 1;
		return 0;
	}
	slot = slot_free(s);
	if (slot == IMAGES) {
		errno = EBUSY;
		return -1;
	}
	image = image_new(slot, &s->images[slot].texts);
	if (!image)
		return -1;
	s->images[slot].image = image;
	s->loader = loader_clone(s, image, NULL);
	if (!s->loader) {
		int error = errno;

		image_forget(s, image);
		errno = error;
		return -1;
	}
	s->new_image = image;
	s->load_since = s->now;
	s->load_retry = 0;
	s->loading = 1;
	return 0;
}

void load_look(struct supervisor *s)
{
	uint32_t done = s->loader ? __atomic_load_n(&s->new_image->done, __ATOMIC_ACQUIRE) : 0;

	if (done)
		load_reaped(s, s->loader, (int)(done - 1) << 8);
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

int load_kept(struct supervisor *s, unsigned slot, char why[160])
{
	struct text_archive kept = {k_map(s->images[slot].texts, GATHER_TEXTS, 0, MAP_PRIVATE), GATHER_TEXTS, 0};
	int texts = -1, pid = 0;
	struct image *image = kept.base ? image_new(slot, &texts) : NULL;

	text_format(why, 160, "the profiles: %s", errno_text());
	if (image)
		pid = loader_clone(s, image, &kept);
	if (pid && wait_for(pid))
		pid = 0;
	if (pid) {
		k_close(s->images[slot].texts);
		s->images[slot].texts = texts;
		s->images[slot].image = image;
	} else if (image) {
		text_format(why, 160, "%s", image->set.notes ? image->set.notes : "the profiles cannot be read");
		k_close(texts);
		k_forget(image->set.texts.base, GATHER_TEXTS);
		k_forget(image, IMAGE_SIZE);
	}
	if (kept.base)
		k_forget(kept.base, GATHER_TEXTS);
	return pid ? 0 : -1;
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
		event_lines(s, v, v->conf->findings);
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
	place_touch(v);
	if (!again && set_same(&v->image->set, v->conf, &image->set, c)) {
		service_link(v, image, c);
		return;
	}
	report(s, "changed", c->name);
	service_link_next(v, image, c);
	if (state_lives(v->state)) {
		/* What was stopped by hand stays so, though its end may take a while. */
		v->wish_up |= again && c->start != START_MANUAL && !s->ending;
		if (v->wish_up)
			service_restart(s, v);
		return;
	}
	/* Wherever it waited, now it may have to wait for something else, or for nothing. */
	wanted = v->wish_up;
	service_event(s, v, EVENT_STOP);
	service_adopt(s, v);
	if (wanted)
		service_want_boot(s, v);
	else if (again || was_wrong)
		begin(s, v);
}

static void adopt(struct supervisor *s, const struct image *image)
{
	if (!s->init && image->set.machine.boots && !(s->image && s->image->set.machine.boots))
		event_tell(s, NULL, "init.conf: %s means nothing without PID 1", keys[image->set.machine.boots].word);
	if (!s->init && !image->set.count)
		event_tell(s, NULL, "there is no profile: a file NAME.conf");
	s->image = image;
	s->in_force = image->slot;
	s->set_since = s->now;
	/* The kernel's own threads share PID 1's root. Until 6.x, what the kernel executes is looked up
	 * there: so only now, when there is no other root to come. */
	if (s->init) {
		k_unshare(CLONE_FS);
		event_console(image->set.machine.console);
	}
	event_lines(s, NULL, image->set.notes);
	event_lines(s, NULL, image->set.machine.findings);
	for (struct service *v = NULL; (v = service_next(s, v));) {
		if (v->removed || set_find(&image->set, v->conf->name))
			continue;
		report(s, "removed", v->conf->name);
		/* Who needed it is removed as well, or has another profile and is wanted as before. */
		v->removed = 1;
		v->wish_up = 0;
		place_touch(v);
	}
	for (unsigned i = 0; i < image->set.count; i++) {
		const struct service_conf *c = &image->set.service[i];

		if (set_find(&image->set, c->name) == c)
			take(s, image, c);
		else
			event_lines(s, NULL, c->findings);
	}
	for (struct service *v = NULL; (v = service_next(s, v));) {
		/* A place of this very load: it has never been in any state. */
		if (v->image == image && !v->begun) {
			if (v->conf->passed_over && !image->set.notes) {
				event_lines(s, v, v->conf->passed_over);
				event_tell(s, v, "the last good profile is used");
			}
			begin(s, v);
		}
		v->begun = 1;
	}
	/* Before the order is looked at: who waits for what is there already is no longer waiting. */
	trigger_look(s);
	s->changed = 1;
}

static void put_findings(struct out *o, const char *text, unsigned *left)
{
	for (size_t n; text && *text; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (o->size - o->used > n + 40) {
			out_bytes(o, text, n);
			out_put(o, "\n");
		} else {
			++*left;
		}
	}
}

/* All that is wrong with a set, as far as there is room; NULL: nothing. */
static const char *all_findings(const struct set *set)
{
	static char text[3800];
	unsigned left = 0;
	struct out o;

	out_init(&o, text, sizeof text);
	put_findings(&o, set->machine.findings, &left);
	for (unsigned i = 0; i < set->count; i++)
		put_findings(&o, set->service[i].findings ? set->service[i].findings
							  : set->service[i].passed_over, &left);
	if (left)
		out_printf(&o, "and %u more\n", left);
	return o.used ? text : NULL;
}

/* What failed may have been a moment of want; a person who mends it needs longer. */
static int64_t pause_ms(const struct supervisor *s)
{
	return s->reloads <= 8 ? SOON : LATER;
}

static void refused(struct supervisor *s, struct image *image, const char *why)
{
	text_format(s->reload_text, sizeof s->reload_text, "%s%s",
		    s->image ? "refused=nothing was changed\n" : "", why);
	if (s->image)
		event_tell(s, NULL, "nothing was changed:");
	event_lines(s, NULL, why);
	if (image->good[0])
		text_format(good, sizeof good, "%s", image->good);
	/* PID 1 has no caller to whom it could give up: the last good profiles, or a shell. */
	if (s->init && !s->image && s->source < SOURCE_BUILT_IN) {
		s->source++;
		s->load_retry = s->now;
	} else if (s->init && !s->image) {
		s->load_retry = s->now + pause_ms(s);
	}
	image_forget(s, image);
}

/* Well or not: what it was about when it was ended is not tried again. */
static int was_set_up(const struct image *image)
{
	const char *phase = image->setup.phase;

	return image->set_up || (*phase && strncmp(phase, "reading ", 8) != 0);
}

/* What the set-up has to say, once. */
static void tell_setup(struct supervisor *s, const struct image *image)
{
	const struct setup_report *r = &image->setup;

	if (s->set_up || !s->setup || !was_set_up(image))
		return;
	s->set_up = 1;
	event_lines(s, NULL, r->text);
}

static int64_t given_up(const struct supervisor *s)
{
	return s->load_since + (s->new_image->limit ? s->new_image->limit : LOADER_MS);
}

int64_t load_deadline(const struct supervisor *s)
{
	return s->loader && s->init ? given_up(s) : s->load_retry;
}

/* It may not even die now: nobody waits for that, the next one has memory of its own. */
static void give_up(struct supervisor *s)
{
	struct image *image = s->new_image;
	int only_setup = s->setup && !s->set_up && !image->set_up && was_set_up(image);
	char why[200];

	k_kill(s->loader, SIGKILL);
	s->loader = 0;
	s->loading = s->load_again = 0;
	s->new_image = NULL;
	s->reloads++;
	text_format(why, sizeof why, "given up, it hangs: %.119s", image->setup.phase);
	tell_setup(s, image);
	if (!only_setup) {
		refused(s, image, why);
		return;
	}
	event_tell(s, NULL, "%s", why);
	image_forget(s, image);
	if (load_start(s))
		s->load_retry = s->now + pause_ms(s);
}

void load_due(struct supervisor *s)
{
	if (s->loader && s->init && s->now >= given_up(s))
		give_up(s);
	if (s->load_retry && s->now >= s->load_retry && !s->ending) {
		s->load_retry = 0;
		if (!s->loader && load_start(s))
			s->load_retry = s->now + pause_ms(s);
	}
}

/* Another set instead of this one, which has its memory until there is another; -1: errno. */
static int load_next(struct supervisor *s, struct image *image)
{
	s->new_image = image;
	if (load_start(s)) {
		s->new_image = NULL;
		return -1;
	}
	image_forget(s, image);
	return 0;
}

/*
 * At the first set with findings: what could not be read or probed may be no mistake of a
 * profile's author, and there is nothing that would look again.
 */
static int looks_again(struct supervisor *s, struct image *image, int status)
{
	if (s->image || s->looked_again || (status && !s->init) ||
	    (!status && !all_findings(&image->set) && !image->set.notes) || load_next(s, image))
		return 0;
	s->looked_again = 1;
	return 1;
}

static void decide(struct supervisor *s, struct image *image, int status)
{
	const char *why;

	s->loader = 0;
	s->new_image = NULL;
	s->loading = 0;
	s->reload_text[0] = '\0';
	tell_setup(s, image);
	if (!status && image->setup.init[0]) {
		s->load_again = 0;
		s->new_root = image;
		return;
	}
	if (s->load_again) {
		s->load_again = 0;
		if (load_next(s, image)) {
			s->reloads++;
			refused(s, image, errno_text());
		}
		return;
	}
	if (looks_again(s, image, status))
		return;
	s->reloads++;
	/* What was killed may have left half a set. */
	why = s->image && !status ? all_findings(&image->set) : NULL;
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
}

int load_reaped(struct supervisor *s, int pid, int status)
{
	if (pid != s->loader || !pid)
		return 0;
	judged = s->new_image;
	decide(s, s->new_image, status);
	judged = NULL;
	s->turn->sweep = 1;
	return 1;
}
