/*
 * layout.c - what the model makes of a plan against what the kernel made of it.
 *
 *	layout HOST BOX PROFILE-WORD...
 *
 * For: claims. HOST is the host's mount table before the sandbox was built, BOX the sandbox's own, as files;
 * the words are those of `hutch run`. Prints nothing when both are the same. Superblocks have no names here, and
 * of masks is known only where they are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/probe.h"
#include "mounts/agree.h"
#include "mounts/script.h"
#include "plan/layout.h"

static char memory[64 << 20] __attribute__((aligned(16))), text[2][1 << 20];
static struct arena arena;

static void stop(const char *what, const char *why)
{
	printf("%s: %s\n", what, why);
	exit(1);
}

static struct mounts read_table(int which, const char *path)
{
	FILE *f = fopen(path, "r");
	struct mounts t;
	struct err e;
	size_t n;

	if (!f)
		stop(path, "cannot be read");
	n = fread(text[which], 1, sizeof text[which] - 1, f);
	fclose(f);
	if (mounts_parse(&t, text[which], n, &arena, &e))
		stop(path, e.text);
	return t;
}

static void plan(struct plan *to, struct profile *p, int argc, char **argv)
{
	static struct facts facts;
	struct plan_request request = {.env = (const char *const *)environ};
	struct profile_reader r;
	struct diags d;
	char said[4096];
	struct out o;

	facts_probe(&facts);
	profile_init(p, &arena);
	diags_init(&d, &arena);
	profile_reader_init(&r, p, &d, NULL, NULL);
	for (int i = 0; i < argc; i++)
		profile_argument(&r, argv[i], (unsigned)i + 1);
	profile_finish(&r);
	if (!d.count && !plan_build(to, p, &facts, &request, &d))
		return;
	out_init(&o, said, sizeof said);
	profile_print_diags(p, &d, &o);
	stop("no plan", said);
}

/* What is there on some hosts only, and not on this one: nothing is done for it. */
static void leave_out(struct plan *p, const struct mounts *box)
{
	for (unsigned i = 0; i < p->nsteps; i++) {
		struct step *s = &p->step[i];
		const char *path = s->kind == STEP_MOUNT_SELF ? s->op[0].s : s->kind == STEP_MASK ? s->op[1].s
				 : s->kind == STEP_MOUNT_NEW ? s->op[2].s : NULL;

		if (path && s->op[s->kind == STEP_MOUNT_NEW ? 5 : 2].n && !mounts_top(box, path))
			s->kind = STEP_MEET;
	}
}

/* The host's groups have the numbers that the kernel gave them. */
static void label(struct model *m, const struct mounts *host)
{
	script_renumber(m);
	for (unsigned i = 0; i < host->n; i++) {
		uint32_t mount = m->ns[1].base + 1 + i, master = model_master(m, mount);

		m->group[m->mount[mount].group].label = host->mount[i].shared;
		if (master)
			m->group[master].label = host->mount[i].master;
	}
	m->group[0].label = 0;
}

static void forget_names(struct model *m, struct mounts *box, const struct plan *p)
{
	for (uint32_t i = 1; i <= m->nodes; i++)
		if (!m->node[i].up)
			m->node[i].name = "";
	for (unsigned i = 0; i < box->n; i++) {
		box->mount[i].source = "";
		for (unsigned k = 0; k < p->nsteps; k++)
			if (p->step[k].kind == STEP_MASK && !strcmp(p->step[k].op[1].s, box->mount[i].point))
				box->mount[i].root = "/";
	}
}

int main(int argc, char **argv)
{
	static struct profile profile;
	static struct plan p;
	char why[4096];
	struct layout l = {.plan = &p};
	struct view host = {.name = "host"};
	struct mounts box;
	struct diags d;
	struct err e;
	struct out o;

	if (argc < 4)
		return 2;
	arena_init(&arena, memory, sizeof memory);
	host.table = read_table(0, argv[1]);
	box = read_table(1, argv[2]);
	plan(&p, &profile, argc - 3, argv + 3);
	leave_out(&p, &box);
	diags_init(&d, &arena);
	l.host = &host;
	l.arena = &arena;
	l.diags = &d;
	if (layout_check(&l, &e))
		stop("no model", e.text);
	if (!l.box)
		stop("model", "the sandbox has no mounts of its own");
	label(&l.model, &host.table);
	forget_names(&l.model, &box, &p);
	out_init(&o, why, sizeof why);
	if (!model_agrees(&l.model, l.box, &box, &o)) {
		printf("%s\n", why);
		out_init(&o, text[0], sizeof text[0]);
		script_table(&l.model, l.box, &o);
		fputs(text[0], stdout);
		return 1;
	}
	return 0;
}
