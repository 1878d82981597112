/*
 * test_plan.c - tests of src/plan: facts as text, the planner on every kind of
 * kernel, and the invariants of plans.
 *
 * For: plans that are broken on purpose, and every combination of facts.
 * Never: walks a plan.
 */
#include "archive/texts.h"
#include "base/uapi.h"
#include "plan/plan.h"
#include "test.h"

#include <errno.h>
#include <stdlib.h>

static char memory[1 << 20] __attribute__((aligned(16)));
static char text[64 << 10];
static struct arena arena;
static struct profile p;
static struct diags diags;
static struct facts facts;
static struct plan plan;
static struct out o;
static struct err e;

static const char modern[] =
	"uid=0\ngid=0\nprivileged=1\nlast_cap=40\nnew_mount_api=1\nopenat2=1\nclose_range=1\n"
	"mount_setattr=1\nset_group=1\nmount_beneath=1\nstatmount=1\ntree_namespace=0\nempty_namespace=0\npivot_root=1\nns_mount=1\nns_ipc=1\nns_pid=1\n"
	"ns_uts=1\nns_net=1\nns_user=1\nns_cgroup=1\nns_time=1\nsuid_dumpable=0\nself_sealed=0\n";

static int parse(const char *from)
{
	memset(&facts, 0, sizeof facts);
	e.text[0] = '\0';
	return facts_parse(&facts, from, strlen(from), &e);
}

static void facts_round_trip(void)
{
	uint32_t *f = (uint32_t *)&facts;

	CHECK(parse(modern) == 0);
	CHECK(facts.last_cap == 40 && facts.privileged == 1 && facts.self_sealed == 0);
	out_init(&o, text, sizeof text);
	facts_print(&facts, &o);
	CHECK_STR(text, modern);
	/* Each fact has a place of its own. */
	CHECK(sizeof facts == FACTS * sizeof *f);
	for (unsigned i = 0; i < FACTS; i++)
		f[i] = 4294967295u - i;
	out_init(&o, text, sizeof text);
	facts_print(&facts, &o);
	CHECK(parse(text) == 0);
	for (unsigned i = 0; i < FACTS; i++)
		CHECK(f[i] == 4294967295u - i);
}

/* Every packed text is the column of its table. */
static void texts(void)
{
	unsigned n = 0;

#define ERROR(code, text) CHECK_STR(error_text(code), text);
#include "archive/errors.def"
#undef ERROR
	CHECK_STR(error_text(9999), "error 9999");
#define KEY(id, word_, type, field, often, group, syntax, dflt, help) \
	CHECK_STR(keys[KEY_##id].word, word_); \
	CHECK_STR(key_default(&keys[KEY_##id]), dflt); \
	CHECK_STR(key_group(&keys[KEY_##id]), #group); \
	CHECK_STR(key_syntax(&keys[KEY_##id]), syntax); \
	CHECK_STR(key_help(&keys[KEY_##id]), help);
#include "profile/keys.def"
#undef KEY
#define STEP(id, name, side_, blocks, operands, help) \
	CHECK_STR(step_name(STEP_##id), name); \
	CHECK_STR(step_operands(STEP_##id), operands);
#include "plan/steps.def"
#undef STEP
#define CAUSE(kind, code, text) CHECK_STR(step_cause(STEP_##kind, code), text);
#include "plan/causes.def"
#undef CAUSE
#define FACT(name, since, help) \
	CHECK_STR(fact_name(n), #name); \
	CHECK_STR(fact_since(n), since); \
	CHECK_STR(fact_help(n++), help);
#include "plan/facts.def"
#undef FACT
	n = 0;
#define COMMAND(id, name, usage, help) \
	CHECK_STR(text_of(TEXTS_COMMANDS, n++), usage); \
	CHECK_STR(text_of(TEXTS_COMMANDS, n++), help);
#include "cli/commands.def"
#undef COMMAND
}

static void facts_wrong(void)
{
	char from[2000];

	sprintf(from, "# a comment\n\n%s", modern);
	CHECK(parse(from) == 0);
	CHECK(facts_parse(&facts, modern, strlen(modern) - 1, &e) == 0);	/* no newline at the end */
	/* Each one missing. */
	for (const char *line = modern; *line; line = strchr(line, '\n') + 1) {
		char want[100];

		sprintf(from, "%.*s%s", (int)(line - modern), modern, strchr(line, '\n') + 1);
		CHECK(parse(from) == -1);
		sprintf(want, "fact %.*s is missing", (int)strcspn(line, "="), line);
		CHECK_STR(e.text, want);
	}
	CHECK(parse("") == -1);
	CHECK_STR(e.text, "fact uid is missing");
	CHECK(parse("uid=1\nuid=1\n") == -1);
	CHECK_STR(e.text, "line 2: uid given twice");
	CHECK(parse("\n#\nuid=-1\n") == -1);
	CHECK_STR(e.text, "line 3: uid is a number");
	CHECK(parse("uid=4294967296\n") == -1);
	CHECK_STR(e.text, "line 1: uid is a number");
	CHECK(parse("uid=\n") == -1 && parse("uid=1 \n") == -1 && parse("uid=0x1\n") == -1 && parse("uid=01\n") == -1);
	CHECK(parse("uid\n") == -1);
	CHECK_STR(e.text, "line 1: unknown fact uid");
	CHECK(parse(" uid=1\n") == -1 && parse("uid =1\n") == -1 && parse("uidx=1\n") == -1 && parse("ui=1\n") == -1);
	memset(from, '#', 127);
	strcpy(from + 127, "\n");
	CHECK(parse(from) == -1);
	CHECK_STR(e.text, "fact uid is missing");
	memset(from, '#', 128);
	strcpy(from + 128, "\n");
	CHECK(parse(from) == -1);
	CHECK_STR(e.text, "line 1 is too long");
	CHECK(facts_parse(&facts, "uid=1\0\n", 7, &e) == -1);
}

static int no_files(void *ctx, const char *path, const char *from, struct profile_text *to, struct err *err)
{
	(void)from;
	if (strcmp(path, "t") != 0)
		return err_set(err, ENOENT, "%s", path);
	to->name = "t";
	to->text = ctx;
	to->length = strlen(ctx);
	return 0;
}

static const char *const env[] = { "TERM=xterm", "HOME=/root", "HOMER=x", NULL };

static enum plan_part part;

/* Text to a plan in what is left of the memory. The number of findings. */
static unsigned build_more(const char *profile)
{
	struct plan_request request = { .name = NULL, .terminal = 0, .env = env, .part = part };
	struct profile_reader r;

	profile_init(&p, &arena);
	diags_init(&diags, &arena);
	profile_reader_init(&r, &p, &diags, no_files, (void *)(uintptr_t)profile);
	profile_file(&r, "t");
	profile_finish(&r);
	if (!diags.count && plan_build(&plan, &p, &facts, &request, &diags) != -!!diags.count)
		CHECK_STR("result", "the same as findings");
	return diags.count;
}

static unsigned build(const char *profile)
{
	arena_init(&arena, memory, sizeof memory);
	return build_more(profile);
}

static const char *const profiles[] = {
	"exec=/x\nroot=/r\n",
	"exec=/x\nns=none\n",
	"exec=/x\nroot=/ rec\nroot-mode=rw\ncaps=all\nipc.msgmax=1\n",
	"exec=/x\nroot=/r\nroot-mode=overlay\nfile=/etc/a \"b\"\ntty=yes\nhostname=a\nmask=/x\n",
	"exec=/x\nroot=tmpfs\nroot-mode=rw\nbind=/a /a slave rec\nbind=/b /b slave+shared\ntmpfs=/t ro\nsymlink=a /b\n",
	"exec=/x\nroot=/r\npropagation=shared\nbind=/a /a shared\nbind=/b /b shared\ntmpfs=/b/t\n",
	"exec=/x\nroot=image /i\nnet=none\noom-score=1\nuser=a\ncaps=kill\nsecurebits=locked\n",
	"exec=/x\nroot=cpio /i\nuidmap=0 0 1\ngidmap=0 0 1\ndevice=/dev/x rw\ndev=host\n",
	"exec=/x\nroot=/r\nns.user=path /u\nns=mount pid\nnet=path /n\n",
	"exec=/x\nroot=/r\nns.pid=path /u\ninit=no\nrlimit.core=1\nnice=1\nsched=idle\nioprio=idle\ncpus=0\n",
	"exec=/x\nroot=/r\nipc=group a\ninit=no\nstdin=null\nkeyring=inherit\nno-new-privs=no\n",
	"exec=/x\nroot=/r\ntime-offset=monotonic 1\nproc=none\ndev=none\ninit=no\n",
	"exec=/x\nroot=/r\npropagation=unbindable\nroot-seal=yes\noverlay=/a /b\nmount=ext4 /d /e\nshm=none\n",
};
enum { PROFILES = sizeof profiles / sizeof *profiles };

/* A plan is right or refused, on every kernel and for everybody. */
static void every_kernel(void)
{
	static uint32_t *const bits[] = {
		&facts.close_range, &facts.self_sealed, &facts.statmount, &facts.set_group, &facts.privileged,
		&facts.new_mount_api, &facts.openat2, &facts.mount_setattr, &facts.pivot_root, &facts.ns_user,
	};
	enum { BITS = sizeof bits / sizeof *bits };
	unsigned built = 0;

	CHECK(parse(modern) == 0);
	for (unsigned set = 0; set < 3u << BITS; set++) {
		/* The ways to a root have nothing to do with the first of the bits. */
		if (set >> BITS && set & 7)
			continue;
		facts.tree_namespace = set >> BITS > 0;
		facts.empty_namespace = set >> BITS > 1;
		for (unsigned i = 0; i < BITS; i++)
			*bits[i] = set >> i & 1;
		facts.uid = facts.gid = facts.privileged ? 0 : 1000;
		for (unsigned k = 0; k < PROFILES; k++) {
			if (build(profiles[k]))
				continue;
			built++;
			if (plan_check(&plan, &e))
				CHECK_STR(e.text, profiles[k]);
			out_init(&o, text, sizeof text);
			plan_print(&plan, &o);
			CHECK(!o.lost);
			/* No call that this kernel lacks. */
			if (!facts.new_mount_api || !facts.mount_setattr)
				CHECK(!strstr(text, " tree.clone ") && !strstr(text, " tree.attr ") &&
				      !strstr(text, " mount.tree ") && !strstr(text, " root.tree "));
			if (!facts.close_range)
				CHECK(!strstr(text, " fds.close "));
			if (!facts.set_group)
				CHECK(!strstr(text, " mount.join "));
			if (!facts.pivot_root)
				CHECK(!strstr(text, " root.pivot "));
			if (!facts.tree_namespace)
				CHECK(!strstr(text, " root.namespace "));
			if (!facts.empty_namespace)
				CHECK(!strstr(text, " ns.empty "));
			/* Nothing of the host's is made private or left behind where nothing of it is copied. */
			if (strstr(text, " root.namespace ") || strstr(text, " ns.empty "))
				CHECK(facts.privileged && !strstr(text, " tree.private ") && !strstr(text, " root.pivot ") &&
				      (facts.empty_namespace || !strstr(text, " scratch ")) && !(plan.step[plan.clone].op[0].n & CLONE_NEWNS_));
			if (!facts.ns_user)
				CHECK(!strstr(text, " seal ") && !(plan.namespaces & CLONE_NEWUSER_));
		}
	}
	CHECK(built > 1000);
}

static int kind_at(enum step_kind kind)
{
	for (unsigned i = 0; i < plan.nsteps; i++)
		if (plan.step[i].kind == kind)
			return (int)i;
	return -1;
}

static void move_step(int from, int to)
{
	struct step s = plan.step[from];

	for (; from < to; from++)
		plan.step[from] = plan.step[from + 1];
	for (; from > to; from--)
		plan.step[from] = plan.step[from - 1];
	plan.step[to] = s;
}

static void remove_step(int at)
{
	for (plan.nsteps--; (unsigned)at < plan.nsteps; at++)
		plan.step[at] = plan.step[at + 1];
}

static int is_same(const struct step *a, const struct step *b)
{
	const char *operands = step_operands(a->kind);
	char type;

	if (a->kind != b->kind)
		return 0;
	for (int i = 0; a->kind != STEP_CLONE && (type = operand_next(&operands)); i++)
		if (type == 's' ? strcmp(a->op[i].s ? a->op[i].s : "", b->op[i].s ? b->op[i].s : "") != 0
		    : strchr("oimdapbnh", type) != NULL && a->op[i].n != b->op[i].n)
			return 0;
	return 1;
}

/* Of a part, the steps that are the whole's, in its order; marks them. The number of others. */
static unsigned mark_steps(const struct plan *whole, const struct plan *of, uint8_t *marks, unsigned bit)
{
	unsigned at = 0, others = 0;

	for (unsigned i = 0; i < of->nsteps; i++) {
		unsigned k = at;

		while (k < whole->nsteps && !is_same(&whole->step[k], &of->step[i]))
			k++;
		if (k == whole->nsteps) {
			others++;
			continue;
		}
		marks[k] |= (uint8_t)bit;
		at = k + 1;
	}
	return others;
}

static int index_of(const struct plan *of, enum step_kind kind, int last)
{
	int found = -1;

	for (unsigned i = 0; i < of->nsteps && (last || found < 0); i++)
		if (of->step[i].kind == kind)
			found = (int)i;
	return found;
}

/* Both parts keep the order of the whole, nothing is left out, and what a launch takes along is cloned before. */
static unsigned check_parts(const char *profile)
{
	static uint8_t marks[1000];
	struct plan whole, root, launch;
	unsigned twice = 0;

	part = PART_WHOLE;
	if (build(profile))
		return 0;
	whole = plan;
	part = PART_ROOT;
	CHECK(!build_more(profile));
	root = plan;
	CHECK(plan.part == (plan.no_template ? PART_WHOLE : PART_ROOT) && plan.no_template == whole.no_template);
	CHECK(plan_check(&plan, &e) == 0);
	part = PART_LAUNCH;
	CHECK(!build_more(profile));
	launch = plan;
	part = PART_WHOLE;
	if (root.no_template) {
		CHECK(launch.nsteps == whole.nsteps && root.nsteps == whole.nsteps && strlen(template_reason(root.no_template)) > 10);
		return 0;
	}
	if (plan_check(&launch, &e))
		CHECK_STR(e.text, profile);
	CHECK(root.nsources == launch.nsources && root.nexpect == launch.nexpect);
	CHECK(!(launch.namespaces & CLONE_NEWNS_) && root.namespaces == CLONE_NEWNS_);
	memset(marks, 0, sizeof marks);
	CHECK(mark_steps(&whole, &root, marks, 1) == 1);
	CHECK(mark_steps(&whole, &launch, marks, 2) == 3);
	for (unsigned i = 0; i < whole.nsteps; i++) {
		CHECK(marks[i] != 0);
		twice += marks[i] == 3;
		/* What is new at each launch is in no template, and who has no root of the host's yet makes no root. */
		if (whole.step[i].kind == STEP_MOUNT_NEW || step_table[whole.step[i].kind].side == SIDE_PAYLOAD)
			CHECK(marks[i] == 2);
		if (whole.step[i].kind == STEP_TREE_PRIVATE || whole.step[i].kind == STEP_ROOT_PIVOT)
			CHECK(marks[i] == 1);
	}
	CHECK(twice >= 5 && twice < 12);
	for (unsigned i = (unsigned)index_of(&launch, STEP_TEMPLATE_ENTER, 0); i < launch.nsteps; i++)
		CHECK(launch.step[i].kind != STEP_TREE_CLONE || launch.step[i].op[5].n);
	CHECK(index_of(&launch, STEP_MOUNT_NEW, 0) < 0 || index_of(&launch, STEP_MOUNT_NEW, 0) > index_of(&launch, STEP_TEMPLATE_ENTER, 0));
	return 1;
}

static void parts(void)
{
	static const char *const more[] = {
		"exec=/x\nroot=/r\n",
		"exec=/x\nroot=/r\nbind=/a /a rec\nmask=/etc/b\nmask=/etc/c optional\nfile=/d e\nbind=/f /dev/f create\n",
		"exec=/x\nroot=/r\ntmpfs=/t\nbind=/a /t/a\nbind=/b /t/a/b\nbind=/c /c\nbind=/d /\n",
		"exec=/x\nroot=/r\ntmpfs=/t\nfile=/t/a b\nfile=/c d\n",
		"exec=/x\nroot=/r\ncaps=all\nbind=/a /a slave\nbind=/b /b shared\nbind=/c /c shared\ntmpfs=/c/t\nbind=/d /d slave+shared rec\n",
		"exec=/x\nroot=cpio /i\nroot-mode=ro\nsymlink=/a /b\ndir=/c\ndevice=/dev/x\nbind=/f /g follow\n",
		"exec=/x\nroot=image /i\nroot-seal=yes\ndev=host\nhub=/y z\n",
		"exec=/x\nroot=/r rec\ninit=no\ndev=none\nmask=none\npropagation=slave\nipc=group a\n",
	};
	/* Each is the other way round than on the modern kernel. */
	static uint32_t *const others[] = {
		NULL, &facts.pivot_root, &facts.statmount, &facts.close_range, &facts.openat2, &facts.tree_namespace, &facts.empty_namespace,
	};
	unsigned made = 0;

	for (size_t k = 0; k < sizeof others / sizeof *others; k++) {
		parse(modern);
		if (others[k])
			*others[k] = !*others[k];
		for (unsigned i = 0; i < PROFILES; i++)
			made += check_parts(profiles[i]);
		for (size_t i = 0; i < sizeof more / sizeof *more; i++)
			made += check_parts(more[i]);
	}
	CHECK(made > 40);
	/* Before Linux 5.12 what each launch mounts cannot be of the host. */
	parse(modern);
	facts.mount_setattr = facts.set_group = 0;
	CHECK(check_parts("exec=/x\nroot=/r\n") == 0);
	CHECK(check_parts("exec=/x\nroot=/r\nmask=none\nbind=/a /a slave rec\ntmpfs=/t\n") == 1);
}

#define FULL "exec=/x\nroot=/r\ncaps=all\nbind=/a /a slave\nbind=/b /b shared\nuser=a\nbind=/c /c shared\ntmpfs=/c/t\n"

static void full(void)
{
	parse(modern);
	CHECK(build(FULL) == 0);
	CHECK(plan_check(&plan, &e) == 0);
	e.text[0] = '\0';
}

/* No step may be done to the mounts of the host, and one namespace is enough. */
static void entry(void)
{
	static const enum step_kind entries[] = {STEP_NS_EMPTY, STEP_ROOT_NAMESPACE};

	for (int i = 0; i < 2; i++) {
		parse(modern);
		facts.empty_namespace = !i;
		facts.tree_namespace = 1;
		CHECK(build(FULL) == 0 && plan_check(&plan, &e) == 0);
		CHECK(plan.root_switch == (i ? SWITCH_TREE : SWITCH_EMPTY));
		plan.step[kind_at(entries[i])].kind = STEP_PARENT_BIND;
		CHECK(plan_check(&plan, &e) == -1);
		CHECK(strstr(e.text, "done to the host's mounts"));
		/* A whole namespace behind it would be one more. */
		CHECK(build(FULL) == 0);
		plan.step[plan.clone].op[0].n |= CLONE_NEWNS_;
		CHECK(plan_check(&plan, &e) == -1);
		CHECK_STR(e.text, "2 mount namespaces are entered");
		/* Each kind that mounts, or changes a mount, comes later. */
		for (enum step_kind k = STEP_TREE_SLAVE; k <= STEP_VERIFY_MOUNTS; k++) {
			int at;

			CHECK(build(FULL) == 0);
			at = kind_at(STEP_KEYRING_NEW);
			CHECK(at > 0);
			plan.step[at].kind = (uint16_t)k;
			for (int n = 0; n < OPERANDS; n++)
				plan.step[at].op[n].n = 0;
			CHECK((plan_check(&plan, &e) == 0) == (k == STEP_TREE_CLONE || k == STEP_TREE_ATTR ||
							       k == STEP_TREE_IDMAP || k == STEP_NULL_CHECK));
		}
	}
}

/* Each rule between two kinds of steps: the last `first` comes before the last `then`. */
static void orders(void)
{
	static const struct {
		enum step_kind first, then;
		const char *text;
	} broken[] = {
		{STEP_TREE_CLONE, STEP_ROOT_PIVOT, "sources are cloned before the root is left"},
		{STEP_ROOT_PIVOT, STEP_SEAL, "the seal comes after the root switch"},
		{STEP_MOUNT_TREE, STEP_VERIFY_MOUNTS, "what is verified is what the payload gets"},
		{STEP_MOUNT_PROPAGATE, STEP_VERIFY_MOUNTS, "what is verified is what the payload gets"},
		{STEP_SEAL, STEP_VERIFY_MOUNTS, "what is verified is what the payload gets"},
		{STEP_VERIFY_MOUNTS, STEP_INIT_START, "nothing is mounted after the comparison"},
		{STEP_IDS_SET, STEP_CAPS_SET, "ids before capabilities"},
		{STEP_CAPS_BOUND, STEP_IDS_SET, "the bounding set needs CAP_SETPCAP"},
	};

	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		int a, b;

		full();
		a = kind_at(broken[i].first);
		b = kind_at(broken[i].then);
		CHECK(a >= 0 && b > a);
		/* All of the first kind behind, so that slots stay in order. */
		move_step(b, a);
		CHECK(plan_check(&plan, &e) == -1);
		if (strncmp(e.text, "step ", 5) != 0)
			CHECK_STR(e.text, broken[i].text);
	}
	full();
	plan.step[kind_at(STEP_VERIFY_MOUNTS)].kind = STEP_PARENT_BIND;
	CHECK(plan_check(&plan, &e) == -1);
	CHECK_STR(e.text, "mounts are never verified");
	full();
	plan.step[kind_at(STEP_FDS_CLOSE)].kind = STEP_READY;
	CHECK(plan_check(&plan, &e) == -1);
	CHECK_STR(e.text, "descriptors are never closed");
}

static void sides(void)
{
	full();
	plan.nsteps--;
	CHECK(plan_check(&plan, &e) == -1);
	CHECK_STR(e.text, "the last step is neither exec nor done");
	full();
	move_step((int)plan.nsteps - 1, (int)plan.nsteps - 2);
	CHECK(plan_check(&plan, &e) == -1);
	CHECK_STR(e.text, "the last step is neither exec nor done");
	full();
	plan.clone++;
	CHECK(plan_check(&plan, &e) == -1);
	CHECK_STR(e.text, "no clone where it should be");
	full();
	plan.clone = plan.nsteps;
	CHECK(plan_check(&plan, &e) == -1);
	CHECK_STR(e.text, "no clone where it should be");
	full();
	remove_step((int)plan.clone);
	CHECK(plan_check(&plan, &e) == -1);
	CHECK_STR(e.text, "no clone where it should be");
	/* An inside step on the host side, a host step inside, a payload step before the init. */
	full();
	move_step(kind_at(STEP_PARENT_BIND), 0);
	plan.clone++;
	CHECK(plan_check(&plan, &e) == -1);
	CHECK(strstr(e.text, "sides out of order") != NULL);
	full();
	move_step(kind_at(STEP_CHANNEL), kind_at(STEP_KEYRING_NEW));
	plan.clone--;
	CHECK(plan_check(&plan, &e) == -1);
	CHECK(strstr(e.text, "sides out of order") != NULL);
	full();
	move_step(kind_at(STEP_SESSION_NEW), kind_at(STEP_INIT_START));
	CHECK(plan_check(&plan, &e) == -1);
	CHECK(strstr(e.text, "sides out of order") != NULL);
}

static void slots(void)
{
	char want[100];
	int at;

	/* Without the step that fills it, a slot is empty when it is used. */
	full();
	at = kind_at(STEP_TREE_CLONE);
	remove_step(at);
	CHECK(plan_check(&plan, &e) == -1);
	snprintf(want, sizeof want, "step %d: slot %d used before it is filled", at + 1, (int)plan.step[at].op[0].n);
	CHECK_STR(e.text, want);
	full();
	at = kind_at(STEP_TREE_CLONE);
	move_step(at, at + 1);
	CHECK(plan_check(&plan, &e) == -1);
	CHECK(strstr(e.text, "used before it is filled") != NULL);
	full();
	at = kind_at(STEP_TREE_CLONE);
	plan.step[at].op[0].n = plan.slots;
	CHECK(plan_check(&plan, &e) == -1);
	snprintf(want, sizeof want, "step %d: slot %u out of range", at + 1, plan.slots);
	CHECK_STR(e.text, want);
	full();
	plan.step[at].op[0].n = 1024;
	plan.slots = 5000;
	CHECK(plan_check(&plan, &e) == -1);
	CHECK_STR(e.text + strlen(e.text) - 12, "out of range");
	/* A slot that is none is left alone. */
	full();
	plan.step[kind_at(STEP_PARENT_BIND)].op[0].n = 99999;
	CHECK(plan_check(&plan, &e) == 0);
}

static const char *step_of(enum step_kind kind)
{
	out_init(&o, text, sizeof text);
	step_print(&plan, &plan.step[kind_at(kind)], &o);
	return text;
}

static void printing(void)
{
	full();
	CHECK_STR(step_of(STEP_CHANNEL), "host     channel        ");
	CHECK_STR(step_of(STEP_EXEC), "payload  exec            /x PATH=   # t:1");
	CHECK_STR(step_of(STEP_CAPS_BOUND), "payload  caps.bound      all   # t:3");
	CHECK_STR(step_of(STEP_MOUNT_PROPAGATE), "inside   mount.propagate /b shared   # t:5");
	CHECK_STR(step_of(STEP_TREE_CLONE), "inside   tree.clone      #1=/r   # t:2");
	CHECK_STR(step_of(STEP_CLONE), "host     clone           mount ipc pid uts hidden");
	CHECK(plan.host_equivalent && plan.sealed && !plan.rootless && plan.child == CHILD_FORK);
	CHECK_STR(step_subject(&plan.step[kind_at(STEP_TREE_CLONE)]), "/r");
	CHECK_STR(step_subject(&plan.step[kind_at(STEP_CHANNEL)]), "");
	CHECK_STR(step_subject(&plan.step[kind_at(STEP_MOUNT_NEW)]), "/proc");
	/* Every kind of step has a name of its own. */
	for (int i = 0; i < STEP_KINDS; i++) {
		CHECK(*step_name(i) != 0);
		for (int k = 0; k < i; k++)
			CHECK(strcmp(step_name(i), step_name(k)) != 0);
	}
}

static const char *error_of(int step, int code, const char *what)
{
	err_set(&e, code, "%s", what);
	e.step = step;
	out_init(&o, text, sizeof text);
	plan_print_error(&plan, &e, &o);
	return text;
}

static void errors(void)
{
	char want[400];
	int at;

	full();
	at = kind_at(STEP_TREE_CLONE);
	sprintf(want, "t:2: root /r: No such file or directory (step %d of %u, tree.clone)\n", at + 1, plan.nsteps);
	CHECK_STR(error_of(at, ENOENT, ""), want);
	sprintf(want, "t:2: root /r: words: Invalid argument (step %d of %u, tree.clone)\n  usual cause: the source is "
		"unbindable, or has mounts below it that a user namespace must not uncover: add rec\n", at + 1, plan.nsteps);
	CHECK_STR(error_of(at, EINVAL, "words"), want);
	at = kind_at(STEP_CHANNEL);
	sprintf(want, "t: channel: words (step %d of %u, channel)\n", at + 1, plan.nsteps);
	CHECK_STR(error_of(at, 0, "words"), want);
	/* What failed is named once, and a limit as its key is written. */
	CHECK(build("rlimit.core=1\nroot=/r\nexec=/x\n") == 0);
	at = kind_at(STEP_TREE_CLONE);
	sprintf(want, "t:2: root /r: Permission denied (step %d of %u, tree.clone)\n", at + 1, plan.nsteps);
	CHECK_STR(error_of(at, EACCES, "/r"), want);
	at = kind_at(STEP_RLIMIT_SET);
	sprintf(want, "t:1: rlimit.core: Permission denied (step %d of %u, rlimit.set)\n", at + 1, plan.nsteps);
	CHECK_STR(error_of(at, EACCES, ""), want);
	CHECK_STR(error_of(-1, 0, "words"), "t: words\n");
	CHECK_STR(error_of((int)plan.nsteps, ENOENT, ""), "t: No such file or directory\n");
	CHECK(step_cause(STEP_EXEC, ENOEXEC) != NULL);
	CHECK(step_cause(STEP_EXEC, EIO) == NULL);
	CHECK(step_cause(STEP_CHANNEL, ENOENT) == NULL);
}

static void environment(void)
{
	const char *const *vars;

	parse(modern);
	CHECK(build("exec=/x\nroot=/r\nenv-pass=HOME PATH NOT\nenv=A=1 B=2\nenv=A=3\n") == 0);
	vars = plan.step[plan.nsteps - 1].op[2].p;
	CHECK(!strncmp(vars[0], "PATH=/usr/local/sbin:", 21));
	CHECK_STR(vars[1], "HOME=/root");
	CHECK_STR(vars[2], "A=3");
	CHECK_STR(vars[3], "B=2");
	CHECK(!vars[4]);
	CHECK(build("exec=/x\nroot=/r\nenv=PATH=/mine\ntty=yes\n") == 0);
	vars = plan.step[plan.nsteps - 1].op[2].p;
	CHECK_STR(vars[0], "PATH=/mine");
	CHECK_STR(vars[1], "TERM=xterm");
	CHECK(!vars[2]);
}

/* The largest profile that may be read is planned or refused, never cut. */
static void many_lines(void)
{
	static char big[200000];
	size_t n = (size_t)sprintf(big, "exec=/x\nroot=/r\n");

	for (int i = 0; i < 3000; i++)
		n += (size_t)sprintf(big + n, "tmpfs=/t%d\nenv=A%d=1\n", i, i);
	parse(modern);
	if (!build(big))
		CHECK(plan_check(&plan, &e) == 0 && kind_at(STEP_EXEC) == (int)plan.nsteps - 1);
	/* Every slot is numbered within what plan_check can hold. */
	n = (size_t)sprintf(big, "exec=/x\nroot=/r\n");
	for (int i = 0; i < 400; i++)
		n += (size_t)sprintf(big + n, "bind=/a%d shared\n", i);
	if (!build(big) && plan_check(&plan, &e))
		CHECK_STR(e.text, "");
}

int main(void)
{
	TEST(facts_round_trip);
	TEST(texts);
	TEST(facts_wrong);
	TEST(every_kernel);
	TEST(entry);
	TEST(parts);
	TEST(orders);
	TEST(sides);
	TEST(slots);
	TEST(printing);
	TEST(errors);
	TEST(environment);
	TEST(many_lines);
	return test_end();
}
