/* Plans as text, for hutch plan and for what has failed. */
#include <errno.h>
#include <string.h>

#include "archive/texts.h"
#include "base/parse.h"
#include "base/uapi.h"
#include "mounts/table.h"
#include "plan/plan.h"

static void print_caps(uint64_t set, struct out *o)
{
	if (!set)
		out_put(o, " none");
	else if ((set & CAPS_EVERY) == CAPS_EVERY)
		out_put(o, " all");
	else if (set & CAPS_EVERY)
		out_put(o, " ");
	if ((set & CAPS_EVERY) != CAPS_EVERY)
		out_names(o, set, cap_names, CAP_NAMES, ",");
}

static void print_attrs(uint32_t set, struct out *o)
{
	for (int i = 0; i < ATTRS; i++)
		if (set & 1u << i)
			out_printf(o, " %s", attr_names[i]);
}

static void print_namespaces(uint32_t set, struct out *o)
{
	for (int i = 0; i < NS_COUNT; i++)
		if (set & ns_flags[i])
			out_printf(o, " %s", ns_names[i]);
}

/* Maps, offsets, ids and descriptors: three numbers, or one or two texts an item. */
static void print_items(const struct list *l, struct out *o)
{
	for (const struct item *i = l->first; i; i = i->next) {
		if (i->text)
			out_printf(o, " %s%s%s", i->name ? i->name : "", i->name ? " " : "", i->text);
		else
			out_printf(o, " %u:%u:%u", (unsigned)i->a, (unsigned)i->b, (unsigned)i->c);
	}
}

static void print_vector(const char *const *word, char type, struct out *o)
{
	for (; word && *word; word++) {
		out_put(o, " ");
		if (type == 'v')
			out_word(o, *word);
		else
			out_printf(o, "%.*s=", (int)strcspn(*word, "="), *word);
	}
}

static void print_layers(const struct mount_wish *m, struct out *o)
{
	for (unsigned i = 0; i < m->nmore; i++)
		if (!strncmp(m->more[i], "lower=", 6))
			out_printf(o, " %s", m->more[i]);
	if (m->upper)
		out_printf(o, " upper=%s work=%s", m->upper, m->work);
}

static void print_pointer(char type, const void *p, struct out *o)
{
	if (type == 'l') {
		print_items(p, o);
	} else if (type == 'u') {
		out_put(o, " ");
		out_set(o, p, 8 * sizeof ((struct profile *)0)->cpus);
	} else if (type == 'w') {
		print_layers(p, o);
	} else if (p) {
		print_vector((const char *const *)p + (type == 'v'), type, o);
	}
}

static void print_operand(char type, const char *label, union operand op, struct out *o)
{
	switch (type) {
	case 'o':
	case 'i':
		if (op.n >= 0)
			out_printf(o, type == 'o' ? " #%lld=" : " #%lld", (long long)op.n);
		break;
	case 's':
		if (!op.s || !*op.s)
			break;
		/* "#1=/srv" reads as one word. */
		if (!o->used || o->text[o->used - 1] != '=')
			out_put(o, " ");
		out_word(o, op.s);
		break;
	case 'd':
		out_printf(o, " %lld", (long long)op.n);
		break;
	case 'm':
		out_printf(o, " %04o", (unsigned)op.n);
		break;
	case 'p':
		if (op.n)
			out_printf(o, " %s", propagation_names[op.n]);
		break;
	case 'c':
		print_caps((uint64_t)op.n, o);
		break;
	case 'b':
		if (op.n)
			out_printf(o, " %.*s", (int)strcspn(label, " "), label);
		break;
	case 'l':
	case 'v':
	case 'e':
	case 'u':
	case 'w':
		print_pointer(type, op.p, o);
		break;
	case 'a':
		print_attrs((uint32_t)op.n, o);
		break;
	case 'n':
		print_namespaces((uint32_t)op.n, o);
		break;
	}
}

void step_print(const struct plan *plan, const struct step *s, struct out *o)
{
	static const char *const sides[] = {"host   ", "inside ", "payload"};
	const char *operands = step_operands(s->kind), *label = operands + 2;
	char type;

	out_printf(o, "%s  %-15s", sides[step_table[s->kind].side], step_name(s->kind));
	for (int i = 0; (type = operand_next(&operands)); i++, label = operands + 2)
		print_operand(type, label, s->op[i], o);
	if (s->at.file != FILE_NONE) {
		out_put(o, "   # ");
		profile_where(plan->profile, s->at, o);
	}
}

static int late_mounts(const struct plan *plan)
{
	int sealed = 0;

	for (unsigned i = 0; i < plan->nsteps; i++) {
		sealed |= plan->step[i].kind == STEP_SEAL;
		if (sealed && plan->step[i].kind == STEP_MOUNT_TREE)
			return 1;
	}
	return 0;
}

static void print_header(const struct plan *plan, struct out *o)
{
	static const char *const parts[] = {"one can be made", "this makes it", "a launch from it"};

	out_put(o, "# ");
	profile_where(plan->profile, (struct origin){0}, o);
	out_packed(o, ": %u steps, %s%s%s\n", plan->nsteps, way_text(plan->root_switch),
		   plan->sealed ? ", sealed" : "",
		   plan->rootless ? ", in a user namespace for an ordinary user" : "");
	out_packed(o, "# mounts by %s, paths inside by %s, child by %s: %s\n",
		   plan->new_mounts ? "open_tree and mount_setattr" : "mount(2)",
		   plan->openat2 ? "openat2" : "hutch's own walk",
		   plan->child == CHILD_FORK ? "fork" : plan->child == CHILD_VFORK ? "vfork" : "clone with shared memory",
		   child_why(plan));
	if (plan->bar)
		out_packed(o, "# all of the host's mounts are copied first: %s\n", bar_text(plan->bar));
	if (late_mounts(plan))
		out_packed(o, "# what is mounted after the seal can be unmounted by a payload with sys_admin\n");
	if (plan->host_equivalent)
		out_packed(o, "# host-equivalent: CAP_SYS_ADMIN in the caller's user namespace can take over the host\n");
	for (unsigned i = 0; i < plan->nshared; i++)
		out_printf(o, "%s%s", i ? ", " : "# shared with the host: ", shared_text(&plan->shared[i]));
	out_put(o, plan->nshared ? "\n" : "");
	if (plan->root_switch < SWITCH_OVER)
		return;
	if (plan->no_template)
		out_packed(o, "# no template: %s\n", template_reason(plan->no_template));
	else
		out_printf(o, "# template: %s\n", parts[plan->part]);
}

void plan_print(const struct plan *plan, struct out *o)
{
	print_header(plan, o);
	for (unsigned i = 0; i < plan->nsteps; i++) {
		out_printf(o, "%3u ", i + 1);
		step_print(plan, &plan->step[i], o);
		out_put(o, "\n");
	}
}

void plan_print_error(const struct plan *plan, const struct err *e, struct out *o)
{
	const struct step *s;
	const char *cause, *word, *subject;

	if (e->step < 0 || (unsigned)e->step >= plan->nsteps) {
		profile_where(plan->profile, (struct origin){0}, o);
		out_printf(o, ": %s%s%s\n", e->text, e->code && *e->text ? ": " : "",
			   e->code ? error_text(e->code) : "");
		return;
	}
	s = &plan->step[e->step];
	word = s->at.key ? keys[s->at.key].word : step_name(s->kind);
	subject = step_subject(s);
	profile_where(plan->profile, s->at, o);
	out_printf(o, ": %s", word);
	/* rlimit. is followed by a name at once. */
	if (*subject)
		out_printf(o, "%s%s", word[strlen(word) - 1] == '.' ? "" : " ", subject);
	if (*e->text && strcmp(e->text, subject) != 0)
		out_printf(o, ": %s", e->text);
	if (e->code)
		out_printf(o, ": %s", error_text(e->code));
	out_packed(o, " (step %d of %u, %s)\n", e->step + 1, plan->nsteps,
		   step_name(s->kind));
	cause = step_cause(s->kind, e->code);
	if (cause)
		out_packed(o, "  usual cause: %s\n", cause);
}
