/*
 * profile.c - what hutch does with a profile before it touches anything: reads it, plans, checks the plan.
 *
 *	profile [ROUNDS]
 *
 * The profile has 4 KiB, as a long one of a service has: mounts, files, environment, limits, comments. Prints
 * the median time of a round; under `valgrind --tool=callgrind` one round more or less tells its
 * instructions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan/plan.h"
#include "profile/profile.h"

enum { SIZE = 4096, MOST = 100000 };

static const char head[] =
	"# A service in a box of its own.\nroot=/srv/box\nhostname=box\nuser=nobody\nnet=new\ntmpfs=/tmp size=16m mode=1777\n"
	"tmpfs=/run size=1m\ncaps=net_bind_service\nrlimit.nofile=1024\nrlimit.core=0\nenv=LANG=C.UTF-8\nenv=HOME=/var/empty\n"
	"umask=027\nstop-timeout=10s\nrestart=always\nready=notify\nexec=/usr/sbin/daemon --foreground --config /etc/daemon.conf\n";

static const char facts_text[] =
	"uid=0\ngid=0\nprivileged=1\nlast_cap=40\nnew_mount_api=1\nopenat2=1\nclose_range=1\nmount_setattr=1\nset_group=1\n"
	"mount_beneath=1\nstatmount=1\npivot_root=1\nns_mount=1\nns_ipc=1\nns_pid=1\nns_uts=1\nns_net=1\nns_user=1\n"
	"ns_cgroup=1\nns_time=1\nself_sealed=0\n";

static char text[SIZE + 512], memory[1 << 20];
static long long took[MOST];

static size_t write_profile(void)
{
	size_t n = (size_t)snprintf(text, sizeof text, "%s", head);

	for (int i = 0; n < SIZE; i += 4) {
		n += (size_t)snprintf(text + n, sizeof text - n, "bind=/srv/data/%d /var/lib/daemon/%d ro noexec\n", i, i);
		n += (size_t)snprintf(text + n, sizeof text - n, "# What it asks for in part %d, see daemon.conf(5).\n", i);
		n += (size_t)snprintf(text + n, sizeof text - n, "env=DAEMON_OPTION_%d=value-%d\n", i, i);
		n += (size_t)snprintf(text + n, sizeof text - n, "bind=/etc/daemon.d/%d.conf /etc/daemon.d/%d.conf optional\n", i, i);
	}
	while (text[--n] != '\n' || n >= SIZE)
		;
	return n + 1;
}

static int load(void *ctx, const char *path, const char *from, struct profile_text *to, struct err *e)
{
	(void)from;
	(void)e;
	*to = (struct profile_text){path, text, *(size_t *)ctx};
	return 0;
}

static int round_of(size_t length, const struct facts *facts)
{
	struct plan_request request = {.launch = 1};
	struct profile_reader r;
	static struct profile p;
	static struct plan plan;
	struct diags diags;
	struct arena a;
	struct err e;

	arena_init(&a, memory, sizeof memory);
	profile_init(&p, &a);
	diags_init(&diags, &a);
	profile_reader_init(&r, &p, &diags, load, &length);
	profile_file(&r, "box.conf");
	profile_finish(&r);
	for (const struct diag *d = diags.first; d; d = d->next)
		fprintf(stderr, "line %u: %s\n", d->at.line, d->text);
	return diags.count || plan_build(&plan, &p, facts, &request, &diags) || plan_check(&plan, &e) ? -1 : (int)plan.nsteps;
}

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	return (*(const long long *)a > *(const long long *)b) - (*(const long long *)a < *(const long long *)b);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 2000, steps = 0;
	size_t length = write_profile();
	struct facts facts;
	struct err e;

	if (rounds < 1 || rounds > MOST || facts_parse(&facts, facts_text, sizeof facts_text - 1, &e))
		return 2;
	for (int i = 0; i < rounds; i++) {
		long long from = now_ns();

		steps = round_of(length, &facts);
		took[i] = now_ns() - from;
		if (steps < 0)
			return 1;
	}
	qsort(took, (size_t)rounds, sizeof *took, by_value);
	printf("%zu bytes, %d steps: %lld ns (p10 %lld)\n", length, steps, took[rounds / 2], took[rounds / 10]);
	return 0;
}
