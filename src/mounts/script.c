/* The language of operations, see script.h. */
#include "mounts/script.h"

#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "base/words.h"

static const struct operation_row {
	const char word[20];
	uint8_t least, most;
} rows[] = {
#define OPERATION(id, word, least, most, usage, help) {word, least, most},
#include "mounts/operations.def"
#undef OPERATION
};

static const char errnos[][8] = {
	"ok",
#define RULE(id, code, words) #code,
#include "mounts/rules.def"
#undef RULE
	"full",
};

const char *script_errno(enum model_rule r)
{
	return errnos[r];
}

static int find_operation(const char *word)
{
	for (int i = 0; i < OPERATIONS; i++)
		if (!strcmp(rows[i].word, word))
			return i;
	return -1;
}

/* Takes words off the front: `in NAME:`, the operation itself, and the -l of an umount. */
static const char *read_words(struct op *to, struct words *w, struct arena *a, int *at)
{
	int kind;

	if (w->n >= 2 && !strcmp(w->word[0], "in")) {
		size_t n = strlen(w->word[1]);

		*at = 1;
		if (!n || w->word[1][n - 1] != ':')
			return PACKED("in NAME: wants a colon");
		to->ns = arena_text(a, w->word[1], n - 1);
		if (!to->ns)
			return PACKED("no room left");
		*at = 2;
	}
	if (*at >= w->n)
		return PACKED("an operation is missing");
	kind = find_operation(w->word[*at]);
	if (kind < 0)
		return PACKED("unknown operation");
	to->kind = (enum operation)kind;
	++*at;
	to->lazy = kind == OP_UMOUNT && *at < w->n && !strcmp(w->word[*at], "-l");
	*at += to->lazy;
	to->n = w->n - *at;
	to->word = w->word + *at;
	to->column = w->column + *at;
	if (to->n < rows[kind].least) {
		*at = w->n - 1;
		return PACKED("something is missing behind this");
	}
	*at += rows[kind].most - to->lazy;
	return *at < w->n ? "too much" : NULL;
}

/* Whether word i of an operation is a path. */
static int is_path(const struct op *op, int i)
{
	switch (op->kind) {
	case OP_CLONE: return 0;
	case OP_MOUNT: return i == 1;
	case OP_EXPECT: return i == 0 && op->word[0][0] == '/';
	default: return 1;
	}
}

static const char *check_words(struct op *to, int *at)
{
	for (int i = 0; i < to->n; i++) {
		const char *why = is_path(to, i) ? path_wrong(to->word[i]) : NULL;

		*at = i;
		if (why)
			return why;
		if (to->kind == OP_MOUNT && i > 1 && to->word[i][0] == '/')
			return PACKED("directories in it are named without the first /");
	}
	if ((to->kind == OP_CLONE || to->kind == OP_MOUNT) && !name_ok(to->word[*at = 0]))
		return PACKED("not a plain name");
	if (to->kind == OP_CLONE && to->n > 1 && strcmp(to->word[*at = 1], "user") != 0)
		return PACKED("only user may follow");
	if (to->kind == OP_EXPECT && !is_path(to, 0) && to->n > 1) {
		*at = 1;
		return PACKED("nothing follows an errno");
	}
	return NULL;
}

int script_read(struct op *to, const char *text, unsigned line, struct arena *a, const char **why,
		unsigned *column)
{
	struct words w;
	unsigned blanks = (unsigned)strspn(text, " \t");
	char name[96];
	int at = 0;

	*to = (struct op){.line = line, .ns = "main"};
	*column = 1;
	text += blanks;
	if (!*text || *text == '#')
		return 0;
	*why = words_split(&w, text, a, column);
	*column += blanks;
	if (*why)
		return -1;
	for (int i = 0; i < w.n; i++)
		w.column[i] += blanks;
	to->start = w.column[0];
	*why = read_words(to, &w, a, &at);
	*column = w.column[at < w.n ? at : 0];
	if (!*why) {
		*why = check_words(to, &at);
		*column = to->n ? to->column[at] : 1;
	}
	if (*why)
		return -1;
	if (to->kind == OP_MOUNT) {
		text_format(name, sizeof name, "%s.%u", to->word[0], line);
		to->source = arena_text(a, name, strlen(name));
	}
	return 1;
}

void script_print(const struct op *op, struct out *o)
{
	if (strcmp(op->ns, "main") != 0)
		out_printf(o, "in %s: ", op->ns);
	out_printf(o, "%s%s", rows[op->kind].word, op->lazy ? " -l" : "");
	for (int i = 0; i < op->n; i++) {
		out_put(o, " ");
		out_word(o, op->word[i]);
	}
}

static enum model_rule do_mount(struct model *m, uint32_t ns, const struct op *op)
{
	uint32_t mount;
	enum model_rule r = model_mount(m, ns, op->source, op->word[1], &mount);

	for (int i = 2; !r && i < op->n; i++)
		if (!model_walk(m, m->mount[mount].root, op->word[i], 1))
			r = MODEL_FULL;
	return r;
}

int script_do(struct model *m, const struct op *op, const char **why)
{
	uint32_t ns = model_find_ns(m, op->ns);
	const char *a = op->n > 0 ? op->word[0] : "", *b = op->n > 1 ? op->word[1] : "";

	m->unsure = 0;
	*why = PACKED("no namespace of that name");
	if (!ns)
		return -1;
	switch (op->kind) {
	case OP_MKDIR:
		return (int)model_mkdir(m, ns, a);
	case OP_MOUNT:
		return (int)do_mount(m, ns, op);
	case OP_BIND:
	case OP_RBIND:
		return (int)model_bind(m, ns, a, b, op->kind == OP_RBIND);
	case OP_MOVE:
	case OP_BENEATH:
		return (int)model_move(m, ns, a, b, op->kind == OP_BENEATH);
	case OP_UMOUNT:
		*why = PACKED("the root of a namespace stays");
		return strcmp(a, "/") != 0 ? (int)model_umount(m, ns, a, op->lazy) : -1;
	case OP_CLONE:
		*why = PACKED("a namespace of that name lives");
		return model_find_ns(m, a) ? -1 : (int)model_clone(m, ns, a, op->n > 1);
	case OP_END:
		*why = PACKED("the first namespace stays");
		if (ns == 1)
			return -1;
		model_end(m, ns);
		return MODEL_OK;
	case OP_EXPECT:
	case OP_SHOW:
	case OPERATIONS:
		return MODEL_OK;
	default:
		return (int)model_change(m, ns, a, (enum model_type)((op->kind - OP_MAKE_SHARED) % 4),
					 op->kind >= OP_MAKE_RSHARED);
	}
}

const char *script_path(const struct model *m, uint32_t mount, uint32_t node, char *buf, size_t size)
{
	uint32_t root = m->ns[m->mount[mount].ns].root;
	char *p = buf + size - 1;

	*p = '\0';
	while (mount != root || node != m->mount[root].root) {
		if (node == m->mount[mount].root) {
			node = m->mount[mount].point;
			mount = m->mount[mount].parent;
			if (!mount)
				break;
		} else {
			size_t n = strlen(m->node[node].name);

			if (n + 1 > (size_t)(p - buf))
				break;
			p -= n + 1;
			*p = '/';
			memcpy(p + 1, m->node[node].name, n);
			node = m->node[node].up;
		}
	}
	return *p ? p : "/";
}

void script_renumber(struct model *m)
{
	for (uint32_t i = 0; i <= m->groups; i++)
		m->group[i].label = 0;
}

/* The number of a group in the tables, by who is met first; group 0 counts them. */
static uint32_t label(struct model *m, uint32_t group)
{
	if (!m->group[group].label)
		m->group[group].label = ++m->group[0].label;
	return m->group[group].label;
}

enum { TYPES = 5 };
static const char types[TYPES][13] = {"private", "slave", "shared", "slave+shared", "unbindable"};

static const char *type_of(const struct model *m, uint32_t mount)
{
	if (m->mount[mount].flags & MOUNT_UNBINDABLE)
		return types[4];
	return types[(m->mount[mount].group ? 2 : 0) + (model_master(m, mount) ? 1 : 0)];
}

/* The directory of its superblock that a mount shows. */
static void print_root(const struct model *m, uint32_t node, struct out *o)
{
	if (node == m->node[node].top)
		return;
	print_root(m, m->node[node].up, o);
	out_printf(o, "/%s", m->node[node].name);
}

static void print_row(struct model *m, uint32_t ns, uint32_t mount, struct out *o)
{
	const struct model_mount *x = &m->mount[mount];
	char buf[1024];
	const char *path = script_path(m, mount, x->root, buf, sizeof buf);
	uint32_t shown, node, master = model_master(m, mount);
	int hidden = model_resolve(m, ns, path, &shown, &node) || shown != mount;

	out_printf(o, "%-24s %s", path, m->node[m->node[x->root].top].name);
	print_root(m, x->root, o);
	out_put(o, x->group ? "" : " ");
	if (x->group)
		out_printf(o, " shared:%u%s", label(m, x->group), master ? " " : "");
	if (master)
		out_printf(o, "master:%u", label(m, master));
	else if (!x->group)
		out_put(o, type_of(m, mount));
	out_put(o, x->flags & MOUNT_LOCKED ? " locked" : "");
	out_put(o, hidden ? " hidden\n" : "\n");
}

void script_table(struct model *m, uint32_t ns, struct out *o)
{
	uint32_t root = m->ns[ns].root;

	for (uint32_t i = root; i; i = model_next(m, i, root))
		print_row(m, ns, i, o);
}

int script_view(struct model *m, uint32_t ns, struct view *v, struct arena *a)
{
	uint32_t top = m->ns[ns].root;
	struct mount *to = ARENA_ARRAY(a, struct mount, m->ns[ns].mounts);

	v->name = m->ns[ns].name;
	v->table.mount = to;
	for (uint32_t i = top; to && i; i = model_next(m, i, top), to++) {
		const struct model_mount *x = &m->mount[i];
		uint32_t master = model_master(m, i);
		char buf[1024];
		const char *path = script_path(m, i, x->root, buf, sizeof buf);

		to->type = m->node[m->node[x->root].top].name;
		to->point = arena_text(a, path, strlen(path));
		to->shared = x->group ? label(m, x->group) : 0;
		to->master = master ? label(m, master) : 0;
		v->table.n++;
		if (!to->point)
			return -1;
	}
	return to ? 0 : -1;
}

/* [NAME:]PATH as a mount whose root it is, or 0. */
static uint32_t mount_at(const struct model *m, uint32_t ns, const char *text)
{
	const char *path = strchr(text, ':');
	uint32_t mount, node;
	char name[80];

	if (path) {
		text_format(name, sizeof name, "%.*s", (int)(path - text), text);
		ns = model_find_ns(m, name);
	}
	path = path ? path + 1 : text;
	if (!ns || *path != '/' || model_resolve(m, ns, path, &mount, &node))
		return 0;
	return node == m->mount[mount].root ? mount : 0;
}

/* One word, or a word and its mount, of what a mount shall be; -1: no such word. */
static int is_so(const struct model *m, uint32_t ns, uint32_t mount, const char *word, const char *of)
{
	uint32_t other = of ? mount_at(m, ns, of) : 0, group = m->mount[other].group;

	if (!strcmp(word, "peer"))
		return other ? group && group == m->mount[mount].group : -1;
	if (!strcmp(word, "from"))
		return other ? group && group == model_master(m, mount) : -1;
	if (!strcmp(word, "locked"))
		return (m->mount[mount].flags & MOUNT_LOCKED) != 0;
	for (int i = 0; i < TYPES; i++)
		if (!strcmp(word, types[i]))
			return !strcmp(word, type_of(m, mount));
	return text_find(word, ".") ? !strcmp(word, m->node[m->node[m->mount[mount].root].top].name) : -1;
}

int script_holds(struct model *m, const struct op *op, enum model_rule last, struct out *o, const char **why)
{
	uint32_t ns = model_find_ns(m, op->ns), mount;

	*why = PACKED("no namespace of that name");
	if (!ns)
		return -1;
	if (op->word[0][0] != '/') {
		if (strcmp(op->word[0], script_errno(last)) != 0)
			out_put(o, script_errno(last));
		return !strcmp(op->word[0], script_errno(last));
	}
	mount = mount_at(m, ns, op->word[0]);
	if (!mount || op->n == 1 || !strcmp(op->word[1], "none")) {
		int is = mount ? op->n == 1 : op->n > 1 && !strcmp(op->word[1], "none");

		out_put(o, is ? "" : mount ? "something is mounted there" : "nothing is mounted there");
		return is;
	}
	for (int i = 1; i < op->n; i++) {
		int relation = !strcmp(op->word[i], "peer") || !strcmp(op->word[i], "from");
		int is = is_so(m, ns, mount, op->word[i], i + 1 < op->n ? op->word[i + 1] : NULL);

		*why = PACKED("no word for a mount, or no mount to compare with");
		if (is < 0)
			return -1;
		if (!is) {
			script_renumber(m);
			print_row(m, ns, mount, o);
			if (o->used)
				o->text[--o->used] = '\0';
			return 0;
		}
		i += relation;
	}
	return 1;
}
