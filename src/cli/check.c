/*
 * hutch check: one profile with its arguments, or all that a supervisor would read, here
 * or in the tree of another machine. What can be known before anything runs is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/file.h"
#include "apply/gather.h"
#include "apply/proc.h"
#include "archive/texts.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/survey.h"
#include "kernel/k.h"
#include "plan/layout.h"

enum { FINDINGS_SIZE = 64 << 10, ROOM = 128 << 20 };

/* What is looked at: a profile with its plan, and the machine whose paths it names. */
struct look {
	const struct profile *p;
	const struct plan *plan;
	struct diags *diags;
	int root;		/* its tree, or -1: this one */
	const struct machine_conf *machine;	/* what it mounts, or NULL */
};

static void found(struct look *l, struct origin at, const char *what, const char *why)
{
	diags_add(l->diags, at, 0, "%s %.200s: %s", keys[at.key].word, what, why);
}

static int set_up_mounts(const struct look *l, const char *path)
{
	for (unsigned i = 0; l->machine && i < l->machine->nmount; i++)
		if (path_below(path, l->machine->mount[i].target))
			return 1;
	return 0;
}

/* In a tree that no kernel has booted, nothing is there yet. */
static int comes_at_boot(const struct look *l, const char *path)
{
	static const char *const mounted[] = {"/dev", "/proc", "/sys", "/run", "/tmp"};

	for (unsigned i = 0; l->root >= 0 && i < sizeof mounted / sizeof *mounted; i++)
		if (path_below(path, mounted[i]))
			return 1;
	return l->root >= 0 && set_up_mounts(l, path);
}

static void look_at_sources(struct look *l)
{
	for (unsigned i = 0; i < l->plan->nsteps; i++) {
		const struct step *s = &l->plan->step[i];
		int clone = s->kind == STEP_TREE_CLONE || s->kind == STEP_TREE_BIND, fd;
		int file = s->kind == STEP_ROOT_CPIO || s->kind == STEP_LOOP_ATTACH;

		if ((!clone && !file) || (clone && (s->op[3].n || s->op[5].n)) || comes_at_boot(l, s->op[1].s))
			continue;
		fd = file_open(l->root, s->op[1].s, s->at.key == KEY_root && clone ? O_PATH | O_DIRECTORY : O_PATH);
		if (fd < 0)
			found(l, s->at, s->op[1].s, errno_text());
		k_close(fd);
	}
}

/* Whether the way to a path is a link somewhere, from where nobody knows where it leads. */
static int has_link(int root, const char *path)
{
	char part[4096];
	struct k_stat st;

	for (size_t n = 1; n < sizeof part; n++) {
		memcpy(part, path, n);
		part[n] = '\0';
		if ((!path[n] || path[n] == '/') &&
		    !k_stat(root < 0 ? AT_FDCWD : root, root < 0 ? part : part + 1, AT_SYMLINK_NOFOLLOW,
			    STATX_TYPE_, &st) && S_ISLNK(st.mode))
			return 1;
		if (!path[n])
			return 0;
	}
	return 1;
}

/* What is made or mounted there by this step. */
static const char *place_of(const struct step *s)
{
	switch (s->kind) {
	case STEP_MOUNT_POINT:
	case STEP_DIR_MAKE:
		return s->op[0].s;
	case STEP_MOUNT_TREE:
	case STEP_MOUNT_MOVE:
	case STEP_MOUNT_OVERLAY:
	case STEP_SHM_MOUNT:
	case STEP_LINK_MAKE:
		return s->op[1].s;
	case STEP_MOUNT_NEW:
		return s->op[2].s;
	}
	return NULL;
}

/* Of what a step mounts: 1, a directory; 0, something else; -1, nobody knows yet. */
static int brings_directory(const struct look *l, const struct step *s)
{
	const struct step *from = l->plan->step;
	struct k_stat st;
	int fd, is = -1;

	if (s->kind == STEP_MOUNT_NEW || s->kind == STEP_MOUNT_OVERLAY)
		return 1;
	while (from < s && ((from->kind != STEP_TREE_CLONE && from->kind != STEP_TREE_BIND) || from->op[0].n != s->op[0].n))
		from++;
	fd = from == s || comes_at_boot(l, from->op[1].s) ? -1 : file_open(l->root, from->op[1].s, O_PATH);
	if (fd >= 0 && !k_fstat(fd, STATX_TYPE_, &st))
		is = S_ISDIR(st.mode);
	k_close(fd);
	return is;
}

/* Where in the root something is to be mounted there must be a place for it, and of its kind. */
static void look_at_place(struct look *l, int box, const struct step *s)
{
	const char *path = place_of(s), *root = l->p->root.path;
	int fd, is, code = 0, overlay = s->kind == STEP_MOUNT_OVERLAY;
	struct k_stat st;

	if (s->kind < STEP_MOUNT_TREE || s->kind > STEP_MOUNT_OVERLAY ||
	    (!overlay && s->op[s->kind == STEP_MOUNT_NEW ? 5 : 2].n) || (!root[1] && comes_at_boot(l, path)))
		return;
	for (const struct step *before = l->plan->step; before < s; before++)
		if (place_of(before) && path_below(path, place_of(before)))
			return;
	fd = file_open(box, path, O_PATH);
	is = brings_directory(l, s);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR) && !has_link(box, path))
		code = errno;
	else if (fd >= 0 && is >= 0 && !k_fstat(fd, STATX_TYPE_, &st) && S_ISDIR(st.mode) != is)
		code = ENOTDIR;
	if (code)
		found(l, s->at, path, step_cause(overlay ? STEP_MOUNT_TREE : s->kind, code));
	k_close(fd);
}

static void look_at_places(struct look *l)
{
	const struct root_wish *r = &l->p->root;
	int box = r->kind == ROOT_DIR && !comes_at_boot(l, r->path) ? file_open(l->root, r->path, O_PATH | O_DIRECTORY) : -1;

	for (unsigned i = 0; box >= 0 && i < l->plan->nsteps; i++)
		look_at_place(l, box, &l->plan->step[i]);
	k_close(box);
}

/*
 * A path as the sandbox will see it. -1 with errno, ENODATA: that is not known before
 * it is built.
 */
static int open_inside(struct look *l, const char *path, int flags)
{
	const struct mount_wish *over = NULL;
	int box = -1, fd = -1, code = ENODATA;
	char source[4096];

	if (path_below(path, "/dev") || path_below(path, "/proc"))
		goto unknown;
	for (const struct mount_wish *m = l->p->mounts.first; m; m = m->next)
		if (m->dst && path_below(path, m->dst))
			over = m;
	if (over && mount_binds(over) && !(over->flags & MF_OPTIONAL)) {
		text_format(source, sizeof source, "%s%s", over->src, path + strlen(over->dst));
		fd = comes_at_boot(l, source) ? -1 : file_open(l->root, source, flags);
		errno = fd < 0 && has_link(l->root, source) ? ENODATA : errno;
		return fd;
	}
	if (over || l->p->root.kind != ROOT_DIR || comes_at_boot(l, l->p->root.path))
		goto unknown;
	box = file_open(l->root, l->p->root.path, O_PATH | O_DIRECTORY);
	if (box < 0)
		goto unknown;	/* told as a source */
	fd = file_open(box, path, flags);
	code = fd < 0 && l->p->mounts.n && has_link(box, path) ? ENODATA : errno;
	k_close(box);
unknown:
	errno = code;
	return fd;
}

/* Whether the walk over PATH ends here: with a program, or where nobody knows. Else *why may change. */
static int is_program(struct look *l, const char *path, const char **why)
{
	int fd = open_inside(l, path, O_PATH), is = fd < 0 && errno != ENOENT && errno != ENOTDIR;
	struct k_stat st;

	if (fd >= 0 && !(is = k_fstat(fd, 3, &st) || (S_ISREG(st.mode) && st.mode & 0111)))
		*why = PACKED("not a program that may be executed");
	k_close(fd);
	return is;
}

static void look_at_program(struct look *l)
{
	const char *name = l->p->exec.word[0], *dir, *why;
	const struct step *s = l->plan->step;
	char path[4096];

	while (s->kind != STEP_EXEC)
		s++;
	dir = strchr(name, '/') ? NULL : env_value((const char *const *)s->op[2].p, "PATH");
	why = dir ? PACKED("not in the sandbox, wherever PATH leads") : error_text(ENOENT);
	if ((!dir && *name != '/') || (!dir && is_program(l, name, &why)))
		return;
	for (size_t n; dir && *dir; dir += n + (dir[n] == ':')) {
		n = strcspn(dir, ":");
		if (*dir != '/' || text_format(path, sizeof path, "%.*s/%s", (int)n, dir, name) >= (int)sizeof path ||
		    is_program(l, path, &why))
			return;
	}
	found(l, l->p->at[KEY_exec], name, why);
}

/* A user or group by its name, in the sandbox's own file. */
static void look_at_name(struct look *l, struct origin at, const char *name, const char *file)
{
	char *text = NULL, *fields[4], why[80];
	size_t n;
	int fd;

	if (!name || (*name >= '0' && *name <= '9'))
		return;
	fd = open_inside(l, file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno != ENOENT)
		return;
	if (fd < 0)
		text_format(why, sizeof why, "the sandbox has no %s: use a number", file);
	else
		text_format(why, sizeof why, "not in the sandbox's %s", file);
	if (fd >= 0)
		text = read_all(fd, l->p->arena, &n);
	if (fd < 0 || (text && !file_line(text, 0, name, fields)))
		found(l, at, name, why);
	k_close(fd);
}

/* The mount table that layouts are looked at with, and room for models; without a name there is none. */
static struct view host;
static struct arena room;
static int files;	/* what is named is there to be looked at */
static int failed;	/* a status, or 0 */

static int read_host(const char *file)
{
	int fd = file_open(-1, file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	char *text = NULL;
	struct err e;
	size_t n;

	arena_init(&room, fd < 0 ? NULL : k_memory(ROOM, 0), ROOM);
	if (room.base)
		text = survey_read(fd, &room, &n);
	if (!text) {
		cli_failed(file, errno);
	} else if (mounts_parse(&host.table, text, n, &room, &e)) {
		cli_error("%.150s: %s", file, e.text);
		text = NULL;
	}
	host.name = text ? file : NULL;
	k_close(fd);
	return text ? 0 : -1;
}

/* Over a link, of the host or in the sandbox's root; or to what is mounted before any sandbox is built. */
static int leads_elsewhere(void *ctx, int inside, const char *path)
{
	const struct look *l = ctx;
	int box = l->root, is;

	if (!inside && set_up_mounts(l, path))
		return 1;
	if (!files)
		return 0;
	if (inside && (l->p->root.kind != ROOT_DIR || (box = file_open(l->root, l->p->root.path, O_PATH)) < 0))
		return 0;
	is = has_link(box, path);
	if (inside)
		k_close(box);
	return is;
}

/* What the kernel builds without a word, and is told all the same. */
static void look_at_layout(struct look *l)
{
	size_t mark = room.used;
	struct diags warnings;
	struct layout layout = {.plan = l->plan, .host = &host, .arena = &room, .diags = &warnings,
				.elsewhere = files || l->machine ? leads_elsewhere : NULL, .ctx = l};
	struct err e;

	if (!host.name)
		return;
	diags_init(&warnings, &room);
	if (layout_check(&layout, &e)) {
		cli_error("%.150s: %s", host.name, e.text);
		failed = EXIT_HUTCH;
	}
	profile_print_diags(l->p, &warnings, &cli_out);
	cli_flush(2);
	room.used = mark;
}

static void look_at_all(struct look *l)
{
	look_at_layout(l);
	if (!files)
		return;
	look_at_sources(l);
	look_at_places(l);
	look_at_program(l);
	look_at_name(l, l->p->at[KEY_user], l->p->user, "/etc/passwd");
	look_at_name(l, l->p->at[KEY_group], l->p->group, "/etc/group");
	for (const struct item *i = l->p->groups.first; i; i = i->next)
		look_at_name(l, i->at, i->text, "/etc/group");
}

/*
 * What goes past the IPC namespace of one who cares for it, and does not say so. No mistake, and
 * so no finding.
 */
static void print_notes(const struct profile *p, const struct plan *plan)
{
	for (unsigned i = 0; i < plan->nshared; i++) {
		const struct shared *s = &plan->shared[i];

		if (s->said)
			continue;
		profile_where(p, s->at, &cli_out);
		out_printf(&cli_out, ": note: shared with the host: %s\n", shared_text(s));
	}
}

static void look_at_service(struct gather *g)
{
	struct look l = {&g->profile, &g->plan, &g->diags, g->root, &g->draft.machine};

	look_at_all(&l);
	print_notes(l.p, l.plan);
}

/* What a device's kernel can do is not known here: everything. */
static void facts_all(struct facts *f)
{
	for (unsigned i = 0; i < FACTS; i++)
		*fact_at(f, i) = 1;
	f->uid = f->gid = 0;
	f->last_cap = CAP_NAMES - 1;
}

static int could_not(const struct err *e, const char *root)
{
	char text[400];

	text_format(text, sizeof text, "%s%s%.150s", e->text, root ? " in " : "", root ? root : "");
	cli_failed(text, e->code);
	return EXIT_HUTCH;
}

/* A path of the tree, also when it is named as it lies here. */
static const char *within(const char *path, const char *root)
{
	size_t n = root ? strlen(root) : 0;

	while (n && root[n - 1] == '/')
		n--;
	return n && !strncmp(path, root, n) && path[n] == '/' ? path + n : path;
}

/* Tells them; whether there are any. */
static int print_findings(const char *text)
{
	if (text)
		out_printf(&cli_out, "%s\n", text);
	cli_flush(2);
	return text != NULL;
}

static int check_set(const char *root, const char *facts_file, char **paths, int n)
{
	static char *usual[] = {"/etc/hutch"};
	static struct gather g;
	static struct facts facts;
	int status = 0;

	g = (struct gather){.scratch = &cli_arena, .facts = &facts, .root = -1,
			    .look = look_at_service,
			    .text = arena_room(&cli_arena, FINDINGS_SIZE), .size = FINDINGS_SIZE,
			    .draft.texts = {arena_room(&cli_arena, GATHER_TEXTS), GATHER_TEXTS, 0}};
	if (root && (g.root = k_open(AT_FDCWD, root, O_PATH | O_DIRECTORY, 0)) < 0) {
		cli_failed(root, errno);
		return EXIT_HUTCH;
	}
	if (root && !facts_file)
		facts_all(&facts);
	else if (cli_facts(&facts, facts_file))
		return EXIT_HUTCH;
	if (!n) {
		paths = usual;
		n = 1;
	}
	for (int i = 0; i < n; i++)
		paths[i] = (char *)(uintptr_t)within(paths[i], root);
	if (gather_init(&g, arena_room(&cli_arena, GATHER_MEMORY)) || gather_machine(&g, paths, n))
		return could_not(&g.err, root);
	for (int i = 0; i < n; i++) {
		unsigned before = g.draft.count;

		if (gather_path(&g, paths[i]))
			return could_not(&g.err, root);
		if (g.draft.count == before && !profile_is_machine(paths[i])) {
			out_printf(&cli_out, "%s: no profile in it: a file NAME.conf\n", paths[i]);
			status = EXIT_NOT;
		}
	}
	if (gather_finish(&g))
		return could_not(&g.err, root);
	status |= print_findings(g.draft.machine.findings);
	for (unsigned i = 0; i < g.draft.count; i++)
		status |= print_findings(g.draft.service[i].findings);
	return failed || (status && g.unreadable) ? EXIT_HUTCH : status;
}

static int check_one(int argc, char **argv, int i, const char *facts, const char *name, int service)
{
	struct plan_request request = {.env = (const char *const *)environ, .name = name,
				       .supervised = service};
	static struct wish wish;
	struct look l = {&wish.profile, &wish.plan, &wish.diags, -1, NULL};

	if (cli_read(&wish, argc, argv, i, facts, &request))
		return wish.unreadable ? EXIT_HUTCH : EXIT_NOT;
	if (!wish.machine)
		look_at_all(&l);
	profile_print_diags(&wish.profile, &wish.diags, &cli_out);
	if (!wish.machine)
		print_notes(&wish.profile, &wish.plan);
	cli_flush(2);
	return failed ? failed : wish.diags.count ? EXIT_NOT : 0;
}

static int is_directory(const char *path)
{
	struct k_stat st;

	return !k_stat(AT_FDCWD, path, 0, STATX_TYPE_, &st) && S_ISDIR(st.mode);
}

int command_check(int argc, char **argv)
{
	enum { FACTS_FILE, NAME, SERVICE, ROOT, MOUNTS, OPTIONS };
	static const char *const names[] = {"--facts=", "--name=", "--service", "--root=", "--mounts=", NULL};
	const char *given[OPTIONS] = {NULL}, *value;
	int i = 1, option;

	while ((option = cli_option(argc, argv, &i, names, &value)) >= 0)
		given[option] = option == SERVICE ? names[option] : value;
	if (option == -2 || (i >= argc && !given[ROOT]))
		return cli_usage("check");
	/* With the facts of another machine, neither its files nor its mounts are here. */
	files = given[ROOT] || !given[FACTS_FILE];
	if (!given[MOUNTS] && files && !given[ROOT])
		given[MOUNTS] = "/proc/self/mountinfo";
	if (given[MOUNTS] && read_host(given[MOUNTS]))
		return EXIT_HUTCH;
	/* Several paths are what a supervisor would read, as a directory is. */
	if (given[ROOT] || is_directory(argv[i]) || (i + 1 < argc && !strchr(argv[i + 1], '=') && *argv[i + 1] != '-'))
		return check_set(given[ROOT], given[FACTS_FILE], argv + i, argc - i);
	return check_one(argc, argv, i, given[FACTS_FILE], given[NAME], given[SERVICE] != NULL);
}
