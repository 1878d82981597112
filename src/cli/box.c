/* Running sandboxes by name: their process, and the profile that they were made from. */
#include <errno.h>
#include <string.h>

#include "apply/file.h"
#include "apply/registry.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/talk.h"
#include "kernel/k.h"

enum { FILES = 64 };

/* The effective profile, or a service's with all that it includes; the first is the whole. */
struct files {
	struct profile_text file[FILES + 1];	/* the last one: what was added since */
	unsigned n;
};

/* One more piece of a file; the arena is filled piece by piece without a gap. */
static int take_piece(struct files *f, struct talk *t, int more)
{
	const char *body = record_body(t->record);
	size_t end = cli_arena.used, n = body ? (size_t)(t->record + t->n - body) : 0;
	const char *name = record_value(t->record, "file", &cli_arena);
	struct profile_text *last = f->n ? &f->file[f->n - 1] : NULL;

	if (!name)
		return 0;
	if (more && last && !strcmp(last->name, name)) {
		cli_arena.used = end;
	} else if (f->n < FILES) {
		last = &f->file[f->n++];
		*last = (struct profile_text){.name = name, .text = cli_arena.base + cli_arena.used};
	} else {
		return 0;
	}
	if (n > cli_arena.size - cli_arena.used)
		return 0;
	memcpy(cli_arena.base + cli_arena.used, body ? body : "", n);
	cli_arena.used += n;
	last->length += n;
	return n == CONTROL_PIECE;
}

void box_each(void (*tell)(void *ctx, const char *name, int pid), void *ctx)
{
	static const char request[] = "status";
	struct talk t = {.quiet = 1};

	registry_each(tell, ctx, &cli_arena);
	if (talk_open(&t, request, sizeof request))
		return;
	while (talk_next(&t)) {
		size_t mark = cli_arena.used;
		const char *name = record_value(t.record, "name", &cli_arena);
		const char *pid = record_value(t.record, "pid", &cli_arena);

		if (name && pid)
			tell(ctx, name, (int)number_at(pid));
		cli_arena.used = mark;
	}
	k_close(t.fd);
}

/* -1: there is no supervisor. Else what it answered, as an exit status. */
static int ask(const char *name, struct files *f, struct target *target)
{
	char request[80];
	size_t n = (size_t)text_format(request, sizeof request, "describe%c%.64s", 0, name) + !!*name;
	struct talk t = {.quiet = 1};
	int more = 0;

	if (talk_open(&t, request, n))
		return -1;
	while (talk_next(&t)) {
		const char *pid = record_value(t.record, "pid", &cli_arena);
		const char *start = record_value(t.record, "start", &cli_arena);

		if (pid && start)
			*target = (struct target){(int)number_at(pid), number_at(start)};
		else
			more = take_piece(f, &t, more);
	}
	return talk_close(&t);
}

/* A sandbox of hutch run --name, else a service of the supervisor. */
static int find(const char *name, struct files *f, struct target *target, int *supervised)
{
	struct err e = {.step = -1};
	struct box box;
	int answer;

	if (!registry_find(name, &box, &cli_arena, &e)) {
		f->file[f->n++] = (struct profile_text){name, box.profile, box.length};
		*target = (struct target){box.pid, box.start};
		return 0;
	}
	*supervised = 1;
	answer = ask(name, f, target);
	if (answer >= 0)
		return answer || !f->n || target->pid <= 0 ? -1 : 0;
	cli_failed(e.text, e.code);
	return -1;
}

static int load(void *ctx, const char *path, const char *from, struct profile_text *to,
		struct err *e)
{
	const struct files *f = ctx;

	to->name = file_beside(&cli_arena, path, from);
	for (unsigned i = 0; to->name && i <= FILES; i++)
		if ((i < f->n || i == FILES) && f->file[i].name && !strcmp(f->file[i].name, to->name)) {
			*to = f->file[i];
			return 0;
		}
	return err_set(e, 0, "%.150s: not told", path);
}

/* The line that was added for the mount that shall go. */
static void find_gone(const struct profile *p, const struct profile_text *added, struct live *live)
{
	for (const struct mount_wish *m = p->mounts.first; m; m = m->next) {
		const char *line = added->text, *end;

		if (!m->dst || strcmp(m->dst, live->path) != 0 || m->at.file < FILE_FIRST ||
		    p->files[m->at.file] != added->name)
			continue;
		for (unsigned n = m->at.line; --n;)
			line = strchr(line, '\n') + 1;
		end = strchr(line, '\n');
		live->gone = arena_text(&cli_arena, line, (size_t)(end - line));
	}
}

int cli_box(struct wish *to, const char *name, const char *const *words, int n,
	    struct plan_request *request, struct target *target)
{
	struct files f = {.n = 0};
	char added_name[80];
	const char *files[2] = {NULL, NULL};
	struct profile_text *added = &f.file[FILES];
	struct box box;
	int supervised = 0;

	*target = (struct target){0};
	if (find(name, &f, target, &supervised))
		return -1;
	if (registry_added(name, target, &box, &cli_arena)) {
		cli_failed("what was added to it", errno);
		return -1;
	}
	files[0] = f.file[0].name;
	text_format(added_name, sizeof added_name, "%s.added", name);
	if (box.length) {
		files[1] = arena_text(&cli_arena, added_name, strlen(added_name));
		*added = (struct profile_text){files[1], box.profile, box.length};
	}
	/* One that joins gets nothing of what a supervisor hands to its payload. */
	request->supervised = supervised && !request->join;
	if (cli_read_from(to, files, load, &f, words, n, request))
		return -1;
	if (files[1] && request->live && request->live->path)
		find_gone(&to->profile, added, request->live);
	return 0;
}

int cli_hubs(struct profile *to)
{
	struct files f = {.n = 0};
	struct profile_reader r;
	struct target target;
	struct diags diags;
	int answer = ask("", &f, &target);

	profile_init(to, &cli_arena);
	diags_init(&diags, &cli_arena);
	profile_reader_init(&r, to, &diags, load, &f);
	r.machine = 1;
	if (!answer && f.n)
		profile_file(&r, f.file[0].name);
	return answer;
}
