/* Words of the command line and files into a wish, facts and a plan. */
#include <string.h>

#include "apply/file.h"
#include "cli/cli.h"
#include "kernel/probe.h"

int cli_load(void *ctx, const char *path, const char *from, struct profile_text *to,
	     struct err *e)
{
	struct wish *wish = ctx;

	to->name = file_beside(&cli_arena, path, from);
	if (!to->name)
		return err_set(e, 0, "%.150s: no room left", path);
	if (!file_read(&cli_arena, -1, to->name, to, e))
		return 0;
	wish->unreadable = 1;
	return -1;
}

int cli_facts(struct facts *to, const char *file)
{
	struct profile_text text = {0};
	struct err e = {0};

	if (!file) {
		facts_probe(to);
		return 0;
	}
	if (file_read(&cli_arena, -1, file, &text, &e)) {
		cli_failed(e.text, e.code);
		return -1;
	}
	if (!facts_parse(to, text.text, text.length, &e))
		return 0;
	cli_error("%.150s: %s", file, e.text);
	return -1;
}

static int print_findings(struct wish *to)
{
	profile_print_diags(&to->profile, &to->diags, &cli_out);
	cli_flush(2);
	return -1;
}

static void start_reading(struct wish *to, struct profile_reader *r, profile_loader *load,
			  void *ctx)
{
	memset(to, 0, sizeof *to);
	profile_init(&to->profile, &cli_arena);
	diags_init(&to->diags, &cli_arena);
	profile_reader_init(r, &to->profile, &to->diags, load, ctx);
}

/* Lines that are added to a running sandbox: mounts, and nothing else. */
static void add_lines(struct profile_reader *r, struct live *live)
{
	unsigned from = 0;

	live->from = r->p->mounts.n;
	for (const struct mount_wish *m = r->p->mounts.first; m && live->kind == LIVE_FOLLOW; m = m->next, from++)
		if (m->flags & MF_FOLLOW && !strcmp(m->dst, live->path))
			live->from = from;
	if (live->kind == LIVE_FOLLOW && live->from == r->p->mounts.n)
		diags_add(r->diags, (struct origin){.file = FILE_ARGS}, 0, "no bind at %.150s follows", live->path);
	for (int i = 0; i < live->nlines; i++) {
		unsigned n = r->p->mounts.n, told = r->diags->count;

		profile_argument(r, live->line[i], (unsigned)i + 1);
		if (r->p->mounts.n != n + 1 && r->diags->count == told)
			diags_add(r->diags, r->at, 0, "not a mount: nothing else changes in a running sandbox");
	}
}

/* From the words that were read to a plan that may be walked. */
static int finish_reading(struct wish *to, struct profile_reader *r, const char *facts_file,
			  const struct plan_request *request)
{
	struct plan_request asked = *request;
	struct err e;

	if (request->live)
		add_lines(r, request->live);
	profile_finish(r);
	if (to->diags.count)
		return print_findings(to);
	if (to->machine && !request->launch)
		return 0;
	if (to->machine) {
		cli_error("init.conf is for PID 1, see hutch-init(8): it makes no sandbox");
		return -1;
	}
	if (!facts_file && request->launch) {
		facts_probe_for(&to->facts, &to->profile);
	} else if (cli_facts(&to->facts, facts_file)) {
		to->unreadable = 1;
		return -1;
	}
	/* A template that is only for this one launch would cost more than it saves. */
	if (request->launch && (to->profile.template != TEMPLATE_KEEP || !to->facts.privileged))
		asked.part = PART_WHOLE;
	if (plan_build(&to->plan, &to->profile, &to->facts, &asked, &to->diags))
		return print_findings(to);
	if (plan_check(&to->plan, &e)) {
		cli_error("defect in the plan: %s", e.text);
		return -1;
	}
	return 0;
}

int cli_read(struct wish *to, int argc, char **argv, int first, const char *facts_file,
	     const struct plan_request *request)
{
	struct profile_reader r;
	int i = first;

	start_reading(to, &r, cli_load, to);
	if (i < argc && !strchr(argv[i], '=') && strcmp(argv[i], "--") != 0) {
		r.machine = to->machine = profile_is_machine(argv[i]);
		profile_file(&r, argv[i++]);
	}
	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		profile_argument(&r, argv[i], (unsigned)(i - first + 1));
	if (i + 1 < argc)
		profile_exec(&r, (const char *const *)argv + i + 1, argc - i - 1);
	return finish_reading(to, &r, facts_file, request);
}

int cli_read_from(struct wish *to, const char *const name[2], profile_loader *load, void *ctx,
		  const char *const *words, int n, const struct plan_request *request)
{
	struct profile_reader r;

	start_reading(to, &r, load, ctx);
	r.hubs = profile_hubs;
	profile_file(&r, name[0]);
	if (name[1])
		profile_file(&r, name[1]);
	if (n)
		profile_exec(&r, words, n);
	return finish_reading(to, &r, NULL, request);
}
