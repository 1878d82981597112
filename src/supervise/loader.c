/*
 * In the process that reads a set: the profiles on disk; for those that are wrong at boot
 * the ones with which the last boot was complete; and where nothing of all that can run,
 * a shell, so that somebody can repair it. Never called in the supervisor itself.
 */
#include "supervise/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "apply/gather.h"
#include "archive/texts.h"
#include "base/text.h"
#include "kernel/k.h"
#include "kernel/probe.h"
#include "supervise/good.h"

enum { FINDINGS = 2000, ROUNDS = 8 };

static const struct loader *l;
static struct gather g;
static struct text_archive good;	/* base NULL: there is none */
static char findings[FINDINGS];

static const char shell_name[] = "hutch-rescue.conf";
static const char shell[] =
	"ns=none\n"
	"type=console\n"
	"exec=/bin/sh\n"
	"caps=all\n"
	"no-new-privs=no\n"
	"env=HOME=/\n"
	"stop-signal=HUP\n"
	"restart-delay=1s\n";

/* The set's own words: why there is none, or what it is instead. */
static int say(const struct err *e, const char *instead)
{
	char text[400];

	text_format(text, sizeof text, "%s%s%s%s", e->text, e->code ? ": " : "",
		    e->code ? error_text(e->code) : "", instead);
	l->image->set.notes = arena_text(&l->image->set.arena, text, strlen(text));
	return -1;
}

/* Namespaces are asked for when a profile wants them: each takes the kernel longer than a profile does. */
static uint32_t asked;

static void probe(struct gather *found)
{
	facts_probe_more(&l->image->facts, &asked, &found->profile);
}

/* Too late to be sealed: what runs has seen this copy. */
static void look(struct gather *found)
{
	if (found->plan.needs_seal && !l->first && !l->sealed)
		diags_add(&found->diags, found->profile.at[KEY_exec], 0, "needs a hutch that runs from a sealed copy: start the supervisor again");
}

/* Whether there are last good profiles; what is said of where they are may come later. */
static int have_good(void)
{
	const char *path = g.draft.machine.good ? g.draft.machine.good : l->good ? l->good
			 : l->init ? GOOD_USUAL : NULL;

	if (!good.base && l->fall_back && path)
		good_read(&good, path);
	g.good = good.base ? &good : NULL;
	return good.base != NULL;
}

static int read_machine(enum source source)
{
	static const char *wrong;
	int result = 0;

	if (source == SOURCE_DISK)
		result = gather_machine(&g, l->paths, l->npaths);
	if (source == SOURCE_GOOD && have_good())
		return gather_archived_machine(&g, &good, SOURCE_GOOD, wrong);
	if (source != SOURCE_DISK)
		return gather_machine(&g, NULL, 0);
	wrong = g.draft.machine.findings;
	return result;
}

/* Before the services: what is set up may change what this kernel can do for them. 1: there are none here. */
static int set_up(void)
{
	const struct machine_conf *m = &g.draft.machine;

	l->image->limit = m->setup_timeout;
	if (m->good)
		text_format(l->image->good, sizeof l->image->good, "%s", m->good);
	if (l->setup) {
		if (l->image->limit < LOADER_MS)
			k_kill(l->parent, SIGCHLD);	/* it has to know sooner than it thought */
		l->setup(m, &l->image->setup);
	}
	l->image->set_up = 1;
	/* Where there is another root, the services are those of that one. */
	if (l->image->setup.init[0])
		return 1;
	asked = 0;
	facts_probe_base(&l->image->facts);
	return 0;
}

static int read_services(enum source source)
{
	if (source == SOURCE_GOOD)
		return gather_archive(&g, &good, SOURCE_GOOD, l->image->set.notes);
	for (int i = 0; source == SOURCE_DISK && i < l->npaths; i++)
		if (gather_path(&g, l->paths[i]))
			return -1;
	return source == SOURCE_DISK && !g.draft.count && l->init
		? err_set(&g.err, 0, "%.150s: no profile in it", *l->paths) : 0;
}

static int add_shell(void)
{
	static char memory[sizeof shell + 100];
	struct text_archive t = {memory, sizeof memory, 0};

	texts_add(&t, ENTRY_SERVICE, shell_name, shell, sizeof shell - 1, NULL);
	texts_end(&t);
	return gather_archive(&g, &t, SOURCE_BUILT_IN, NULL);
}

/* How many have findings, or with wrong 0 have none. */
static unsigned count(int wrong)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g.draft.count; i++)
		n += (g.draft.service[i].findings != NULL) == wrong;
	return n;
}

/* Where the profiles of all services come from when those on disk cannot be had. */
static enum source other_source(void)
{
	int rest = have_good();

	say(&g.err, rest ? "; the last good profiles are used" : "; there is a shell on the console");
	return rest ? SOURCE_GOOD : SOURCE_BUILT_IN;
}

/* Round by round, until nothing is to be had any more that would be better. */
static int read_all(void *memory)
{
	enum source machine = l->source, services = l->source;
	int with_shell = services == SOURCE_BUILT_IN, again = 0;

	if (services == SOURCE_GOOD && !have_good())
		machine = services = SOURCE_BUILT_IN;
	if (gather_init(&g, memory) || read_machine(machine))
		return -1;
	if (g.draft.machine.findings && machine == SOURCE_DISK && have_good()) {
		machine = SOURCE_GOOD;
		again = 1;
	}
	for (int round = 0; round < ROUNDS; round++, again = 1) {
		if (again && (gather_init(&g, memory) || read_machine(machine)))
			return -1;
		if (!round && set_up())
			return 0;
		if (read_services(services)) {
			if (!l->fall_back || !l->init || services != SOURCE_DISK)
				return -1;
			services = other_source();
			with_shell = services == SOURCE_BUILT_IN;
			continue;
		}
		if ((with_shell && add_shell()) || gather_finish(&g))
			return -1;
		if (count(1) && have_good() && gather_stand_in(&g))
			continue;
		if (count(0) || with_shell || !l->fall_back || !l->init)
			break;
		/* All of them are wrong: whatever was good is better, and else the shell comes beside them. */
		if (services == SOURCE_DISK && !round && have_good()) {
			err_set(&g.err, 0, "%.180s", g.draft.service[0].findings);
			services = other_source();
			continue;
		}
		with_shell = 1;
	}
	return 0;
}

/* The set of an earlier program, as it was. What this one does not understand of it is noted. */
static int read_kept(void *memory)
{
	const struct text_archive *t = &g.draft.texts;
	struct text_archive from = *l->kept;

	g.as_it_was = 1;
	facts_probe(&l->image->facts);
	if (texts_check(&from) || gather_init(&g, memory) ||
	    gather_archived_machine(&g, &from, SOURCE_DISK, NULL) ||
	    gather_archive(&g, &from, SOURCE_DISK, NULL) || gather_finish(&g))
		return -1;
	if (from.used == t->used && !memcmp(from.base, t->base, t->used))
		return 0;
	for (unsigned i = 0; i < g.draft.count; i++)
		if (g.draft.service[i].findings && !g.draft.service[i].source)
			l->image->set.notes = g.draft.service[i].findings;
	if (!l->image->set.notes)
		l->image->set.notes = "it understands the profiles otherwise";
	return 0;
}

int load_set(const struct loader *told, struct arena *scratch)
{
	l = told;
	g = (struct gather){.scratch = scratch, .facts = &l->image->facts, .root = -1, .probe = probe, .look = look,
			    .text = findings, .size = sizeof findings, .phase = l->image->setup.phase,
			    .draft.texts = l->image->set.texts};
	if (l->kept ? read_kept(k_memory(GATHER_MEMORY, 0)) : read_all(k_memory(GATHER_MEMORY, 0)))
		return say(&g.err, "");
	if (l->image->setup.init[0])
		return 0;
	g.draft.notes = l->image->set.notes;
	if (!set_copy(&l->image->set, &g.draft))
		return 0;
	err_set(&g.err, 0, "no room left for this set");
	return say(&g.err, "");
}
