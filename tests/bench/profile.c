/*
 * profile.c - how long hutch itself thinks about a profile of 4 KiB: parse, plan and check,
 * by its library, without any process.
 *
 *	profile [ROUNDS]
 *
 * Prints the medians in microseconds. Compiled as hutch is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "base/arena.h"
#include "kernel/probe.h"
#include "plan/plan.h"
#include "profile/profile.h"

enum { SIZE = 4096, MOST = 100000 };

/* what there is once, and what is repeated with another number until it is long enough */
static const char head[] =
	"# A service with much to say.\nroot=/srv/box\npropagation=slave\ntmpfs=/tmp size=16m\nhostname=box\nnet=none\n"
	"caps=net_bind_service chown\nuser=1000\ngroup=1000\nrlimit.nofile=1024:4096\nipc=new\nipc.shmmax=67108864\n"
	"restart=always\nrestart-delay=100ms 10s\nready=notify\nexec=/usr/sbin/service --config /etc/service.conf\n";
static const char *const repeated[] = {
	"bind=/srv/data/@ /data/@ rw noexec slave\n", "bind=/usr/share/part-@ /usr/share/part-@\n",
	"env=SETTING_@=\"a value that a service reads\"\n", "tmpfs=/var/cache/@ size=1m mode=0750\n",
	"file=/etc/service.d/@.conf \"key = value\" \"other = 12\"\n", "mask=/usr/share/secret-@ optional\n",
};

static char text[SIZE + 256], memory[4 << 20] __attribute__((aligned(16)));
static size_t length;
static struct facts facts;
static uint64_t parse[MOST], plan_and_check[MOST], both[MOST];	/* ns */

/* One more line, with a number for each "@"; 0: it does not fit. */
static int add_line(const char *line, unsigned number)
{
	size_t n = length;

	for (; *line && n < SIZE; line++)
		n += *line == '@' ? (size_t)sprintf(text + n, "%u", number) : (text[n] = *line, 1);
	if (*line || n > SIZE)
		return 0;
	length = n;
	return 1;
}

static void make_text(void)
{
	const unsigned kinds = sizeof repeated / sizeof *repeated;
	unsigned n = 0;

	length = (size_t)sprintf(text, "%s", head);
	while (add_line(repeated[n % kinds], n / kinds))
		n++;
	memset(text + length, '#', SIZE - length);
	length = SIZE;
	text[SIZE - 1] = '\n';
}

static int load(void *ctx, const char *path, const char *from, struct profile_text *to, struct err *e)
{
	(void)ctx;
	(void)from;
	(void)e;
	*to = (struct profile_text){.name = path, .text = text, .length = length};
	return 0;
}

static void stop(const char *why)
{
	fprintf(stderr, "profile: %s\n", why);
	exit(1);
}

static void think(int round)
{
	static const char *const env[] = {NULL};
	static struct plan_request request = {.supervised = 1, .launch = 1, .env = env};
	static struct arena arena;
	static struct profile p;
	static struct diags diags;
	static struct plan plan;
	struct profile_reader r;
	uint64_t from, middle, to;
	struct err e;

	from = now_ns();
	arena_init(&arena, memory, sizeof memory);
	profile_init(&p, &arena);
	diags_init(&diags, &arena);
	profile_reader_init(&r, &p, &diags, load, NULL);
	profile_file(&r, "service.conf");
	profile_finish(&r);
	middle = now_ns();
	if (diags.count || plan_build(&plan, &p, &facts, &request, &diags)) {
		static struct out o;

		out_init(&o, memory + (2 << 20), 1 << 20);
		profile_print_diags(&p, &diags, &o);
		stop(o.text);
	}
	if (plan_check(&plan, &e))
		stop(e.text);
	to = now_ns();
	parse[round] = middle - from;
	plan_and_check[round] = to - middle;
	both[round] = to - from;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void say(const char *what, uint64_t *ns, int n)
{
	qsort(ns, (size_t)n, sizeof *ns, by_value);
	printf("%s %u.%u\n", what, (unsigned)(ns[n / 2] / 1000), (unsigned)(ns[n / 2] / 100 % 10));
}

int main(int argc, char **argv)
{
	const int rounds = argc > 1 ? atoi(argv[1]) : 1000;

	if (rounds < 1 || rounds > MOST)
		stop("so many rounds?");
	make_text();
	facts_probe(&facts);
	for (int i = 0; i < rounds; i++)
		think(i);
	say("parse", parse, rounds);
	say("plan-and-check", plan_and_check, rounds);
	say("both", both, rounds);
	return 0;
}
