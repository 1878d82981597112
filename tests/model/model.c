/*
 * The model of shared subtrees against the running kernel: random scripts are done in both, and what
 * they say is compared after each operation.
 *
 *	model random OPERATIONS [SEED [SCRIPT [MOST]]]	from a script on, to so many differences;
 *							a script that differs is shrunk and printed
 *	model loaded ...				the same; half-way the model is made anew of the kernel's tables
 *	model printed SCRIPTS [SEED]			the same with tables of the model, and without a kernel
 *	model speed					of the model alone
 *
 * Prints TAP. Also /init of an initramfs, with its arguments behind the -- of the kernel's command line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "apply/simulate.h"
#include "loaded.h"
#include "mounts/agree.h"
#include "mounts/load.h"
#include "random.h"

static char memory[8 << 20] __attribute__((aligned(16))), table_memory[4 << 20] __attribute__((aligned(16))), table[1 << 20], say[4096];
static struct kernel kernel;
static struct model_facts facts;
static unsigned long succeeded, refused, unsure, by_rule[MODEL_RULES];

static void model_start(struct model *m, struct arena *a, char *at)
{
	arena_init(a, at, sizeof memory / 2);
	if (model_init(m, a, MAX_MOUNTS, MAX_NAMESPACES, "root")) {
		fprintf(stderr, "no room for the model\n");
		exit(1);
	}
	m->facts = facts;
	for (const char *const *p = (const char *const[]){"x", "x/x", "x/x/x", "x/y", "y", "y/x", NULL}; *p; p++) {
		char path[16];

		snprintf(path, sizeof path, "/%s", *p);
		model_mkdir(m, 1, path);
	}
}

static int kernel_start(void)
{
	static const char *const paths[] = {"/x", "/x/x", "/x/x/x", "/x/y", "/y", "/y/x"};
	struct err e;

	if (kernel_begin(&kernel, &e)) {
		printf("# %s: %s\n", e.text, strerror(e.code));
		return -1;
	}
	for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++)
		mkdir(paths[i], 0755);
	return 0;
}

/* Compares one namespace, 1: the same. */
static int same(struct model *m, uint32_t ns)
{
	long n = kernel_table(&kernel, m->ns[ns].name, table, sizeof table);
	struct mounts t;
	struct arena a;
	struct out o;
	struct err e;

	arena_init(&a, table_memory, sizeof table_memory);
	out_init(&o, say, sizeof say);
	if (n < 0 || mounts_parse(&t, table, (size_t)n, &a, &e)) {
		out_printf(&o, "no table of %s", m->ns[ns].name);
		return 0;
	}
	return model_agrees(m, ns, &t, &o);
}

static int all_same(struct model *m)
{
	script_renumber(m);
	for (uint32_t ns = 1; ns <= m->namespaces; ns++)
		if (m->ns[ns].root && !same(m, ns))
			return 0;
	return 1;
}

/* One operation, done in the model already, in the kernel; 1: the same, 0: not, -1: could not. */
static int one(struct model *m, const struct op *op, int outcome, int all)
{
	struct err e = {.code = 0};
	int code = kernel_do(&kernel, op, &e), ok;
	uint32_t ns;

	if (code < 0) {
		snprintf(say, sizeof say, "%s: %s", e.text, strerror(e.code));
		return -1;
	}
	if (code != model_errno((enum model_rule)outcome)) {
		snprintf(say, sizeof say, "the kernel says %d (%s), the model %s", code, strerror(code),
			 script_errno((enum model_rule)outcome));
		return 0;
	}
	ns = model_find_ns(m, op->ns);
	script_renumber(m);
	ok = all ? all_same(m) : !ns || same(m, ns);
	return ok;
}

/* A script again, in part: the index of the operation that differs, or -1. Looks at everything each time. */
static int replay(const struct op *ops, const unsigned char *left_out, int n)
{
	static struct model m;
	struct arena a;
	int result = -1;

	model_start(&m, &a, memory + sizeof memory / 2);
	if (kernel_start())
		return -1;
	for (int i = 0; i < n && result < 0; i++) {
		const char *why;
		int outcome, is;

		if (left_out[i])
			continue;
		outcome = script_do(&m, &ops[i], &why);
		if (outcome < 0)
			continue;
		is = one(&m, &ops[i], outcome, 1);
		if (is < 0)
			break;
		result = is ? -1 : i;
	}
	kernel_end(&kernel);
	return result;
}

static void print_script(const struct op *ops, const unsigned char *left_out, int n, FILE *to)
{
	for (int i = 0; i < n; i++) {
		char text[1024];
		struct out o;

		if (left_out[i])
			continue;
		out_init(&o, text, sizeof text);
		script_print(&ops[i], &o);
		fprintf(to, "%s\n", text);
	}
}

/* Leaves out what can be left out with a difference still there. */
static void shrink(const struct op *ops, int n, unsigned char *left_out)
{
	int changed = 1;

	while (changed) {
		changed = 0;
		for (int i = n; i-- > 0;) {
			if (left_out[i])
				continue;
			left_out[i] = 1;
			if (replay(ops, left_out, n) >= 0)
				changed = 1;
			else
				left_out[i] = 0;
		}
	}
}

static void tell(const struct op *ops, int n, uint64_t seed, uint64_t script)
{
	unsigned char left_out[MAX_OPS] = {0};

	printf("# seed %llu, script %llu, operation %d: %s\n", (unsigned long long)seed,
	       (unsigned long long)script, n, say);
	if (replay(ops, left_out, n) < 0) {
		printf("# done again, it does not differ\n");
		print_script(ops, left_out, n, stdout);
		return;
	}
	shrink(ops, n, left_out);
	replay(ops, left_out, n);
	printf("# shrunk: %s\n", say);
	printf("mkdir /x\nmkdir /x/x\nmkdir /x/x/x\nmkdir /x/y\nmkdir /y\nmkdir /y/x\n");
	print_script(ops, left_out, n, stdout);
	fflush(stdout);
}

/* From here on, the model is one that was loaded from the kernel's tables. */
static int load(struct model *m, struct arena *a)
{
	static char texts[MAX_NAMESPACES][64 << 10], tables[1 << 20] __attribute__((aligned(16)));
	static struct view view[MAX_NAMESPACES];
	unsigned n = 0;
	struct arena t;
	struct err e = {.text = "no table"};

	arena_init(&t, tables, sizeof tables);
	for (uint32_t ns = 1; ns <= m->namespaces; ns++) {
		long length = m->ns[ns].root ? kernel_table(&kernel, m->ns[ns].name, texts[n], sizeof texts[n]) : 0;

		if (!m->ns[ns].root)
			continue;
		view[n].name = m->ns[ns].name;
		if (length < 0 || mounts_parse(&view[n].table, texts[n], (size_t)length, &t, &e)) {
			snprintf(say, sizeof say, "%s", e.text);
			return -1;
		}
		n++;
	}
	/* Words of the operations so far stay where they are. */
	arena_init(a, memory + sizeof memory / 2, sizeof memory / 2);
	if (model_load(m, a, view, n, MAX_MOUNTS, &e)) {
		snprintf(say, sizeof say, "%s", e.text);
		return -1;
	}
	m->facts = facts;
	loaded_directories(m);
	return 1;
}

/* One random script; returns how many operations it did, or -1 for a difference. */
static int try(uint64_t seed, uint64_t script, int loads)
{
	static struct op ops[MAX_OPS];
	static struct model m;
	struct arena a;
	struct random r;
	int n, length, at, is = 1;

	random_start(&r, seed, script);
	r.same_user = loads;
	length = 5 + (int)random_below(&r, 56);
	at = loads ? (int)random_below(&r, (unsigned)length) : -1;
	model_start(&m, &a, memory);
	if (kernel_start())
		exit(1);
	for (n = 0; n < length && is > 0; n++) {
		int outcome;

		if (n == at && (is = load(&m, &a)) < 0)
			break;
		random_op(&r, &m, &a, (unsigned)n + 1, &ops[n], &outcome);
		if (m.unsure) {
			unsure++;
			break;
		}
		*(outcome ? &refused : &succeeded) += 1;
		by_rule[outcome]++;
		is = one(&m, &ops[n], outcome, 0);
	}
	if (is > 0 && !m.unsure)
		is = all_same(&m);
	kernel_end(&kernel);
	if (is < 0) {
		printf("# %s\n", say);
		exit(1);
	}
	if (!is)
		tell(ops, n, seed, script);
	return is ? n : -1;
}

/* Microseconds; hutch is built without floating point, and so is this. */
static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int run_random(unsigned long count, uint64_t seed, uint64_t first, unsigned long most, int loads)
{
	unsigned long done = 0, scripts = 0, differ = 0;
	uint64_t start = now();

	while (done < count && differ < most) {
		int n = try(seed, first + scripts, loads);

		scripts++;
		if (n < 0)
			differ++;
		else
			done += (unsigned long)n;
	}
	printf("%s - the model%s is the kernel in %lu operations of %lu scripts, seed %llu: %lu differ\n",
	       differ ? "not ok" : "ok", loads ? ", loaded half-way," : "", done, scripts, (unsigned long long)seed, differ);
	printf("# %lu done, %lu refused, %lu scripts given up, %llu ms\n", succeeded, refused, unsure,
	       (unsigned long long)(now() - start) / 1000);
#define RULE(id, code, words) printf("# %8lu refused: %s\n", by_rule[MODEL_##id], words);
#include "mounts/rules.def"
	return differ != 0;
}

/* How many mounts there are in the model whose speed is measured. */
enum { SPEED_MOUNTS = 1000, SPEED_ROUNDS = 200000, SPEED_COPIES = 1000 };

static char speed_memory[64 << 20] __attribute__((aligned(16)));

static int is_fast(const char *what, uint64_t count, uint64_t start, unsigned long least)
{
	unsigned long speed = (unsigned long)(count * 1000000 / (now() - start + 1));

	printf("%s - %s: %lu a second, at least %lu\n", speed >= least ? "ok" : "not ok", what, speed, least);
	return speed < least;
}

static int run_speed(void)
{
	static struct model m;
	struct arena a;
	char path[32], other[32];
	uint32_t made;
	uint64_t start;
	int bad = 0;

	arena_init(&a, speed_memory, sizeof speed_memory);
	if (model_init(&m, &a, 20000, 16, "root"))
		return 1;
	for (unsigned i = 0; i < SPEED_MOUNTS; i++) {
		snprintf(path, sizeof path, "/d%u", i);
		bad |= model_mkdir(&m, 1, path) || model_mount(&m, 1, "fs", path, &made);
	}
	model_mkdir(&m, 1, "/x");
	start = now();
	for (unsigned i = 0; i < SPEED_ROUNDS; i++) {
		snprintf(path, sizeof path, "/d%u", i * 7 % SPEED_MOUNTS);
		snprintf(other, sizeof other, "/d%u", i * 13 % SPEED_MOUNTS);
		bad |= model_bind(&m, 1, path, other, 0) || model_umount(&m, 1, other, 0);
	}
	bad |= is_fast("bind and umount over 1,000 mounts", 2 * SPEED_ROUNDS, start, 100000);
	start = now();
	for (unsigned i = 0; i < SPEED_COPIES; i++) {
		bad |= model_clone(&m, 1, "c", 0) != MODEL_OK;
		model_end(&m, m.namespaces--);
	}
	bad |= is_fast("mounts cloned and dropped", SPEED_COPIES * (SPEED_MOUNTS + 2), start, 2000000);
	start = now();
	for (unsigned i = 0; i < SPEED_COPIES; i++)
		bad |= model_bind(&m, 1, "/", "/x", 1) || model_umount(&m, 1, "/x", 1);
	return bad | is_fast("mounts bound and unmounted", SPEED_COPIES * (SPEED_MOUNTS + 1), start, 2000000);
}

/* Operations with + for blanks and ; between them: what the kernel says to each. */
static int run_say(char *text)
{
	struct arena a;
	struct err e = {0};
	unsigned line = 0;

	arena_init(&a, memory, sizeof memory);
	if (kernel_begin(&kernel, &e))
		return 1;
	for (char *p = text; *p; p++)
		if (*p == '+')
			*p = ' ';
	for (char *p = strtok(text, ";"); p; p = strtok(NULL, ";")) {
		struct op op;
		const char *why;
		unsigned column;
		int code = -1;

		if (script_read(&op, p, ++line, &a, &why, &column) > 0)
			code = kernel_do(&kernel, &op, &e);
		printf("# %s: %d %s\n", p, code, code > 0 ? strerror(code) : code ? e.text : "");
		if (op.kind == OP_SHOW) {
			long n = kernel_table(&kernel, op.ns, table, sizeof table);

			printf("%.*s", (int)n, table);
		}
	}
	kernel_end(&kernel);
	return 0;
}

static uint64_t any_seed(void)
{
	return (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
}

static int run_printed(unsigned long scripts, uint64_t seed)
{
	unsigned long bad = loaded_random(scripts, seed);

	printf("%s - models loaded from tables go on as those that printed them, %lu scripts, seed %llu: %lu differ\n",
	       bad ? "not ok" : "ok", scripts, (unsigned long long)seed, bad);
	return bad != 0;
}

static int run(int argc, char **argv)
{
	struct arena a;
	struct err e;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "speed"))
		return run_speed();
	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "printed"))
		return run_printed(strtoul(argv[2], NULL, 10), argc > 3 ? strtoull(argv[3], NULL, 10) : any_seed());
	arena_init(&a, memory, sizeof memory);
	if (!strcmp(argv[1], "say"))
		return kernel_open(&kernel, &e) || run_say(argv[2]);
	if (kernel_open(&kernel, &e) || kernel_facts(&kernel, &facts, &a, &e)) {
		printf("not ok - %s: %s\n", e.text, strerror(e.code));
		return 1;
	}
#define MODEL_FACT(id, word, yes, help, script) printf("# %s: %s\n", word, facts.id ? "yes" : "no");
#include "mounts/model_facts.def"
	return run_random(strtoul(argv[2], NULL, 10),
			  argc > 3 ? strtoull(argv[3], NULL, 10) : any_seed(),
			  argc > 4 ? strtoull(argv[4], NULL, 10) : 0,
			  argc > 5 ? strtoul(argv[5], NULL, 10) : 10, !strcmp(argv[1], "loaded"));
}

int main(int argc, char **argv)
{
	int status = 1;

	if (getpid() != 1)
		return run(argc, argv);
	/* Process 1 shares its root with the kernel's threads, and may not change namespaces. */
	mkdir("/proc", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	if (!fork())
		_exit(run(argc, argv));
	wait(&status);
	printf("# status %d\n", status);
	fflush(stdout);
	return reboot(RB_POWER_OFF);
}
