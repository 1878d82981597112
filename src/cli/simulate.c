/* hutch simulate: a script of operations on mounts, through the model and the kernel. */
#include <fcntl.h>
#include <string.h>

#include "apply/file.h"
#include "apply/simulate.h"
#include "archive/texts.h"
#include "cli/cli.h"
#include "cli/graph.h"
#include "mounts/agree.h"

enum { MOUNTS = 60000, NAMESPACES = 10000, TABLE = 1 << 20 };

struct simulation {
	const char *file;
	struct op *op;
	unsigned n;
	struct model model;
	struct kernel *kernel;		/* NULL without --real */
	const char *svg;		/* a file for a picture of the end, or NULL */
	int dot, fd;			/* a graph in place of its tables; where all else is told */
	int status;
};

/* What is wrong with the script itself. */
static int complain(const char *file, unsigned line, unsigned column, const char *why)
{
	out_printf(&cli_out, "%s:%u:%u: %s\n", file, line, column, why);
	return -1;
}

static int read_script(struct simulation *s)
{
	struct profile_text text = {0};
	unsigned lines = 1, column;
	struct err e = {0};
	const char *why = PACKED("no room left");
	int bad = 0;

	if (file_read(&cli_arena, AT_FDCWD, s->file, &text, &e)) {
		cli_failed(e.text, e.code);
		return -1;
	}
	for (size_t i = 0; i < text.length; i++)
		lines += text.text[i] == '\n';
	s->op = arena_room(&cli_arena, sizeof *s->op * lines);
	if (!s->op)
		return complain(s->file, 1, 1, why);
	for (unsigned line = 1; line <= lines; line++) {
		const char *end = memchr(text.text, '\n', text.length);
		size_t n = end ? (size_t)(end - text.text) : text.length;
		const char *copy = arena_text(&cli_arena, text.text, n);
		int is = -1;

		column = 1;
		if (copy && strlen(copy) < n)
			why = "a NUL byte";
		else if (copy)
			is = script_read(&s->op[s->n], copy, line, &cli_arena, &why, &column);
		s->n += is > 0;
		bad |= is < 0 ? complain(s->file, line, column, why) : 0;
		text.text += n + 1;
		text.length -= end ? n + 1 : n;
	}
	return bad;
}

static void print_tables(struct simulation *s)
{
	script_renumber(&s->model);
	for (uint32_t ns = 1; ns <= s->model.namespaces; ns++) {
		if (!s->model.ns[ns].root)
			continue;
		out_printf(&cli_out, "%s:\n", s->model.ns[ns].name);
		script_table(&s->model, ns, &cli_out);
		cli_flush(s->fd);
	}
}

/* The head of a message: where, and which operation. */
static void print_at(const struct simulation *s, const struct op *op)
{
	out_printf(&cli_out, "%s:%u: ", s->file, op->line);
	script_print(op, &cli_out);
	out_put(&cli_out, ": ");
}

/* All namespaces in the kernel; what differs is told. */
static int compare(struct simulation *s, const struct op *op)
{
	static char text[TABLE];
	size_t used = cli_arena.used;
	char why[512];
	struct mounts t;
	struct out o;
	struct err e;
	int same = 1;

	script_renumber(&s->model);
	for (uint32_t ns = 1; ns <= s->model.namespaces && same; ns++) {
		const char *name = s->model.ns[ns].name;
		long n;

		if (!s->model.ns[ns].root)
			continue;
		out_init(&o, why, sizeof why);
		n = kernel_table(s->kernel, name, text, sizeof text);
		if (n < 0 || mounts_parse(&t, text, (size_t)n, &cli_arena, &e)) {
			cli_error("the mount table of %s cannot be read", name);
			return -1;
		}
		same = model_agrees(&s->model, ns, &t, &o);
		if (!same) {
			print_at(s, op);
			out_printf(&cli_out, "the kernel differs: in %s, %s\n", name, why);
		}
		cli_arena.used = used;
	}
	return same;
}

/* The same in the kernel: 1: the model is right, 0: it is not, -1: it could not be done. */
static int do_real(struct simulation *s, const struct op *op, enum model_rule r)
{
	struct err e = {0};
	int code = kernel_do(s->kernel, op, &e);

	if (code < 0) {
		cli_failed(e.text, e.code);
		return -1;
	}
	if (code == model_errno(r))
		return compare(s, op);
	print_at(s, op);
	out_printf(&cli_out, "the kernel differs: %s\n", code ? error_text(code) : "it does it");
	return 0;
}

/* Says which rule forbids it; whoever expects that has said so in the next line. */
static void refuse(struct simulation *s, unsigned i, enum model_rule r)
{
	const struct op *op = &s->op[i];

	print_at(s, op);
	out_printf(&cli_out, "%s: %s\n", script_errno(r), text_of(TEXTS_MOUNT_RULES, r - 1u));
	if (i + 1 == s->n || op[1].kind != OP_EXPECT || op[1].word[0][0] == '/')
		s->status = EXIT_NOT;
}

static int expect(struct simulation *s, const struct op *op, enum model_rule last)
{
	char truth[512];
	struct out o;
	const char *why;
	int is;

	out_init(&o, truth, sizeof truth);
	is = script_holds(&s->model, op, last, &o, &why);
	if (is < 0)
		return complain(s->file, op->line, op->start, why);
	if (!is) {
		print_at(s, op);
		out_printf(&cli_out, "not so: %s\n", truth);
		s->status = EXIT_NOT;
	}
	return 0;
}

/* What the model says in the end. -1: reported. */
static int print_end(struct simulation *s)
{
	struct view *view = ARENA_ARRAY(&cli_arena, struct view, s->model.namespaces);
	unsigned n = 0;

	if (s->fd == 1)
		print_tables(s);
	if (!s->dot && !s->svg)
		return 0;
	script_renumber(&s->model);
	for (uint32_t ns = 1; view && ns <= s->model.namespaces; ns++)
		if (s->model.ns[ns].root && script_view(&s->model, ns, &view[n++], &cli_arena))
			view = NULL;
	if (!view) {
		cli_error("no room for a picture");
		return -1;
	}
	return graph_show(view, n, &cli_arena, GRAPH_DOT, 1, s->svg) ? -1 : 0;
}

/* -1: it could not be looked at to its end. */
static int run(struct simulation *s)
{
	enum model_rule last = MODEL_OK;

	for (unsigned i = 0; i < s->n; i++) {
		const struct op *op = &s->op[i];
		const char *why;
		int r, real = 1;

		if (op->kind == OP_SHOW || op->kind == OP_EXPECT) {
			if (op->kind == OP_SHOW)
				print_tables(s);
			else if (expect(s, op, last))
				return -1;
			continue;
		}
		r = script_do(&s->model, op, &why);
		if (r < 0 || r == MODEL_FULL)
			return complain(s->file, op->line, op->start,
					r < 0 ? why : PACKED("more mounts or namespaces than there is room for: 60000, 10000"));
		last = (enum model_rule)r;
		if (last)
			refuse(s, i, last);
		if (s->model.unsure) {
			print_at(s, op);
			out_put(&cli_out, "a kernel as old as this decides by the order of its lists, so the model may be wrong from here on\n");
		}
		if (s->kernel)
			real = do_real(s, op, last);
		cli_flush(s->fd);
		if (real <= 0) {
			s->status = EXIT_NOT;
			return real;
		}
	}
	return print_end(s);
}

static int set_fact(struct model_facts *f, const char *text)
{
	size_t n = strcspn(text, "=");

	for (unsigned i = 0; i < MODEL_FACTS; i++) {
		const char *word = text_of(TEXTS_MODEL_FACTS, 3 * i);

		if (strlen(word) != n || strncmp(word, text, n) != 0)
			continue;
		((uint8_t *)f)[i] = !strcmp(text + n, "=yes");
		if (((uint8_t *)f)[i] || !strcmp(text + n, "=no"))
			return 0;
	}
	cli_error("%.64s: a fact is NAME=yes or NAME=no, of these", text);
	for (unsigned i = 0; i < MODEL_FACTS; i++)
		out_printf(&cli_out, "  %-18s %s\n", text_of(TEXTS_MODEL_FACTS, 3 * i),
			   text_of(TEXTS_MODEL_FACTS, 3 * i + 1));
	cli_flush(2);
	return -1;
}

int command_simulate(int argc, char **argv)
{
	const char *const names[] = {"--real", "--fact=", "--dot", "--svg=", NULL};
	static struct simulation s = {.fd = 1};
	static struct kernel kernel;
	struct model_facts facts = model_newest;
	struct err e = {0};
	const char *value;
	int i = 1, option;

	while ((option = cli_option(argc, argv, &i, names, &value)) >= 0) {
		if (option == 1 && set_fact(&facts, value))
			return EXIT_USAGE;
		s.kernel = option ? s.kernel : &kernel;
		s.dot |= option == 2;
		s.svg = option == 3 ? value : s.svg;
	}
	/* With the kernel goes the root, and with it the place of the picture. */
	if (option == -2 || i + 1 != argc || !!s.kernel + s.dot + !!s.svg > 1)
		return cli_usage("simulate");
	s.fd += s.dot || (s.svg && !strcmp(s.svg, "-"));
	s.file = argv[i];
	if (read_script(&s)) {
		cli_flush(2);
		return EXIT_HUTCH;
	}
	if (s.kernel && (kernel_open(s.kernel, &e) || kernel_facts(s.kernel, &facts, &cli_arena, &e) ||
			 kernel_begin(s.kernel, &e))) {
		cli_failed(e.text, e.code);
		return EXIT_HUTCH;
	}
	if (model_init(&s.model, &cli_arena, MOUNTS, NAMESPACES, "root")) {
		cli_error("no room for a model");
		return EXIT_HUTCH;
	}
	s.model.facts = facts;
	if (!run(&s))
		return s.status;
	cli_flush(2);
	return EXIT_HUTCH;
}
