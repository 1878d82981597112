/* hutch why: who sees a mount or an umount, where, and which link keeps it from the others. */
#include "mounts/why.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "apply/path.h"
#include "apply/process.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/survey.h"

/* What the words of a reason speak of. */
enum what { NOTHING, BY, ROOT, GROUPS };

static const struct reason {
	const char *word, *text;
	enum what what;
} reasons[] = {
#define REASON(id, word, text, what) {word, text, what},
#include "mounts/reasons.def"
#undef REASON
};

/* The view of a sandbox, a service or a process. */
static const struct view *view_of(const char *name)
{
	uint64_t pid, ino;

	for (unsigned i = 0; i < survey.n; i++)
		if (!strcmp(survey.view[i].name, name))
			return &survey.view[i];
	ino = parse_number(name, 1, INT32_MAX, &pid) ? 0 : process_ns((int)pid, "mnt");
	for (unsigned i = 0; ino && i < survey.n; i++)
		if (survey.view[i].ino == ino)
			return &survey.view[i];
	return NULL;
}

static long link_of(int fd, char *to, size_t size)
{
	char path[32];
	long n;

	text_format(path, sizeof path, "/proc/self/fd/%d", fd);
	n = k_readlink(AT_FDCWD, path, to, size - 1);
	to[n > 0 ? n : 0] = '\0';
	return n > 0 ? 0 : -1;
}

/* The path without links, as the view's process sees it; NULL: reported. */
static const char *resolve(const struct view *v, const char *path)
{
	static char root[4096], to[4096];
	int fd, dir;

	text_format(root, sizeof root, "/proc/%d/root", v->pid);
	dir = k_open(AT_FDCWD, root, O_PATH | O_DIRECTORY, 0);
	fd = dir < 0 ? -1 : path_walk(dir, path, O_PATH, 0);
	if (fd < 0 || link_of(dir, root, sizeof root) || link_of(fd, to, sizeof to)) {
		cli_failed(path, errno);
		return NULL;
	}
	/* Of a process in a chroot both come with the way to there. */
	if (!root[1] || !path_below(to, root))
		return to;
	return to[strlen(root)] ? to + strlen(root) : "/";
}

static void put_groups(struct out *o, const struct mount *m)
{
	if (m->master)
		out_printf(o, "receives from group %u", (unsigned)m->master);
	if (m->shared)
		out_printf(o, "%s group %u", m->master ? ", in" : "in", (unsigned)m->shared);
	if (!m->shared && !m->master)
		out_put(o, "private");
}

static void put_reason(struct out *o, const struct why_row *r)
{
	const struct reason *reason = &reasons[r->reason];
	const char *mark = text_find(reason->text, "%s");

	out_bytes(o, reason->text, mark ? (size_t)(mark - reason->text) : strlen(reason->text));
	if (reason->what == GROUPS)
		put_groups(o, r->mount);
	else if (mark)
		out_put(o, reason->what == ROOT ? r->mount->root : r->by->point);
	out_put(o, mark ? mark + 2 : "");
}

/* A row for each write would take longer than all the rest. */
static void make_room(void)
{
	if (cli_out.used > cli_out.size / 2)
		cli_flush(1);
}

/* The rows from one reason up to another under a heading. */
static void print_part(const struct why *w, const char *heading, unsigned from, unsigned to)
{
	for (const struct why_row *r = w->row; r; r = r->next) {
		if (r->reason < from || r->reason > to || (r->along && r->reason == WHY_GONE))
			continue;
		out_printf(&cli_out, "%s    %-20s ", heading, r->view->name);
		heading = "";
		/* What the heading says is not said again. */
		out_printf(&cli_out, r->reason < WHY_SEEN ? "%-30s " : "%s", r->path);
		if (r->reason < WHY_SEEN)
			put_reason(&cli_out, r);
		out_put(&cli_out, "\n");
		make_room();
	}
}

static void print_sum(const struct why *w, enum why_reason reason)
{
	unsigned n = 0;

	for (const struct why_row *r = w->row; r; r = r->next)
		n += r->reason == reason;
	if (n)
		out_printf(&cli_out, "and %u other%s: %s\n", n, n > 1 ? "s" : "", reasons[reason].text);
}

static void print_text(const struct why *w, const char *path)
{
	const struct mount *on = w->on;

	out_printf(&cli_out, "%s %s, on %s (%s %s", w->gone ? "umount of" : "mount at", path, on->point, on->type,
		   on->source);
	if (on->root[1])
		out_printf(&cli_out, ", of which %s", on->root);
	out_put(&cli_out, "), ");
	put_groups(&cli_out, on);
	out_put(&cli_out, w->group ? "\n" : ": sends nothing\n");
	if (w->along)
		out_packed(&cli_out, "only by umount -l: %u mounts are on it, and go along\n", w->along);
	print_part(w, "seen at\n", WHY_SEEN, WHY_SEEN);
	print_part(w, "gone at\n", WHY_GONE, WHY_GONE);
	print_part(w, "but\n", WHY_HIDDEN, WHY_STAYS);
	print_part(w, "not in\n", WHY_PART, WHY_KEEPS);
	print_sum(w, WHY_SILENT);
	print_sum(w, WHY_NONE);
	if (w->gone)
		out_packed(&cli_out, "Nobody looked whether one of them is locked or in use: a plain umount fails then.\n");
	cli_flush(1);
}

static void print_json(const struct why *w, const char *path)
{
	const char *comma = "";
	char text[4200];
	struct out o;

	out_printf(&cli_out, "{\"do\":\"%s\",\"in\":", w->gone ? "umount" : "mount");
	out_json(&cli_out, w->view->name);
	out_put(&cli_out, ",\"path\":");
	out_json(&cli_out, path);
	out_put(&cli_out, ",\"on\":");
	out_json(&cli_out, w->on->point);
	out_printf(&cli_out, ",\"group\":%u,\"along\":%u,\"rows\":[", (unsigned)w->group, w->along);
	for (const struct why_row *r = w->row; r; r = r->next, comma = ",") {
		out_printf(&cli_out, "%s\n{\"reason\":\"%s\",\"in\":", comma, reasons[r->reason].word);
		out_json(&cli_out, r->view->name);
		out_printf(&cli_out, ",\"pid\":%d,\"path\":", r->view->pid);
		if (r->path)
			out_json(&cli_out, r->path);
		else
			out_put(&cli_out, "null");
		out_put(&cli_out, ",\"text\":");
		out_init(&o, text, sizeof text);
		put_reason(&o, r);
		out_json(&cli_out, text);
		out_put(&cli_out, "}");
		make_room();
	}
	out_put(&cli_out, "]}\n");
	cli_flush(1);
}

int command_why(int argc, char **argv)
{
	static const char *const names[] = {"--mount", "--umount", "--from=", "--json", NULL};
	const char *from = "host", *value, *path, *wrong;
	int i = 1, option, umount = 0, json = 0;
	const struct view *v;
	struct err e = {0};
	struct graph g;
	struct why w;

	while ((option = cli_option(argc, argv, &i, names, &value)) >= 0) {
		umount = option < 2 ? option : umount;
		from = option == 2 ? value : from;
		json |= option == 3;
	}
	if (option == -2 || i + 1 != argc)
		return cli_usage("why");
	path = argv[i];
	wrong = path_wrong(path);
	if (wrong) {
		cli_error("%s: %s", path, wrong);
		return EXIT_USAGE;
	}
	if (survey_take())
		return EXIT_HUTCH;
	v = view_of(from);
	if (!v)
		cli_error("%.64s: no sandbox, service or process with a mount namespace of its own", from);
	if (!v || !(path = resolve(v, path)))
		return EXIT_HUTCH;
	if (graph_build(&g, survey.view, survey.n, &survey.arena)) {
		cli_error("no room for the groups of %u mount namespaces", survey.n);
		return EXIT_HUTCH;
	}
	if (why_ask(&w, &g, (unsigned)(v - survey.view), path, umount, &survey.arena, &e)) {
		cli_failed(e.text, e.code);
		return EXIT_HUTCH;
	}
	(json ? print_json : print_text)(&w, path);
	return 0;
}
