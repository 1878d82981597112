/*
 * bench.c - the measuring loop: asks a few subjects in turn (A B C B C A ...), so
 * that what slows a machine down for a second slows all of them down, and the
 * ratios hold on a noisy machine where the times do not.
 *
 *	bench [-f] [-n rounds] [-w warm-up] [-p pause] [list]
 *
 * The list (or standard input) has a line per subject: label, kind, world and words,
 * with a tab between them and blanks between the words. No quoting. "#" starts a
 * comment line. The world is a file that is a mount namespace, "-" for this one, or
 * "@" and the label of a line above of the kind life, for that one's. With a "+" before
 * it, it is copied, with a /run of its own, so that supervisors do not meet there.
 *
 *	run PROGRAM...		ms from fork until it is reaped
 *	end BOX PROGRAM...	ms from SIGKILL to the payload until PROGRAM is reaped
 *	first BOX PROGRAM...	ms from PROGRAM's exec until its payload runs
 *	life COUNT BOX PROGRAM...	a supervisor of COUNT payloads, alive in all rounds:
 *				ms from SIGKILL to a payload until the next one runs. In
 *				every other round it is looked when the old one had ended:
 *				label-end and label-next are the two parts
 *	rate HOW-MANY COUNT BOX PROGRAM...	so many supervisors at a time, whose payloads end at
 *				once: starts per second of COUNT each. A "%" in a word is
 *				the number of the supervisor
 *
 * BOX is the root of the sandbox, with the payload stamp.c in it and a directory stamp
 * by which it tells that it runs. What life says besides, once: label-memory, PSS in
 * KiB, and label-descriptors of the supervisor before its first restart.
 *
 * Each round's order is shuffled, in the same way in every run: without it each
 * command always pays for what the kernel still clears away after the same
 * predecessor. Where that is so much that whoever comes next has to wait for it, -p is a
 * pause, in ms, before each, and a turn of its own that is not told: after a pause
 * everything is slow. -f runs it all as SCHED_FIFO: a launch is a chain of wake-ups, and
 * on a machine that has other work each of them may wait for a tick, which is then
 * all that is measured.
 *
 * Each value is a line "label value" on standard output. A command that does not
 * exit with 0 ends the bench: half a launch is fast.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

static struct subject subjects[MAX_SUBJECTS];
static int nsubjects;
static FILE *out;

void say(const struct subject *s, const char *suffix, double value)
{
	if (out)
		fprintf(out, "%s%s %.6g\n", s->label, suffix, value);
}

/* ---- the list */

static const struct { const char *name; int words; struct kind kind; } kinds[] = {
	{ "run", 0, { NULL, run_once, NULL } },
	{ "end", 1, { NULL, end_once, NULL } },
	{ "first", 1, { NULL, first_once, NULL } },
	{ "life", 2, { life_start, life_once, life_stop } },
	{ "rate", 3, { NULL, rate_once, NULL } },
};

static void read_kind(struct subject *s, const char *word, int lineno)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(word, kinds[i].name)) {
			s->kind = &kinds[i].kind;
			s->nwords = kinds[i].words;
			return;
		}
	die("line %d: %s: no such kind", lineno, word);
}

static void read_world(struct subject *s, const char *word, int lineno)
{
	s->world = -1;
	s->copy = word[0] == '+';
	word += s->copy;
	for (int i = 0; word[0] == '@' && i < nsubjects; i++)
		if (!strcmp(word + 1, subjects[i].label))
			s->with = &subjects[i];
	if (!strcmp(word, "-") || s->with)
		return;
	s->world = open(word, O_RDONLY | O_CLOEXEC);
	if (s->world < 0)
		die("line %d: %s: %s", lineno, word, strerror(errno));
}

static void read_line(struct subject *s, char *line, int lineno)
{
	char *field[4], *save = NULL, *word;
	int n;

	for (n = 0; n < 4; n++) {
		field[n] = strsep(&line, "\t");
		if (!field[n] || !*field[n])
			die("line %d: want a label, a kind, a world and words, with tabs", lineno);
	}
	s->label = field[0];
	read_kind(s, field[1], lineno);
	read_world(s, field[2], lineno);
	for (n = 0, word = strtok_r(field[3], " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (n == MAX_WORDS)
			die("line %d: more than %d words", lineno, MAX_WORDS);
		s->word[n++] = word;
	}
	/* a search of PATH would be measured, too */
	if (n <= s->nwords || !strchr(s->word[s->nwords], '/'))
		die("line %d: %s: the command must be a path", lineno, s->label);
}

static void read_list(FILE *file)
{
	char *line = NULL;
	size_t size = 0;

	/* the words stay where they were read: a line is never freed */
	for (int lineno = 1; getline(&line, &size, file) > 0; line = NULL, size = 0, lineno++) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (nsubjects == MAX_SUBJECTS)
			die("line %d: more than %d subjects", lineno, MAX_SUBJECTS);
		read_line(&subjects[nsubjects], line, lineno);
		nsubjects++;
	}
	if (ferror(file))
		die("list: %s", strerror(errno));
	if (nsubjects == 0)
		die("no subjects");
}

/* ---- the rounds */

/* a fixed seed: two runs of the bench differ in the machine only */
static unsigned next_random(void)
{
	static uint32_t x = 2463534242U;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static void shuffle(int *order)
{
	int i, j, swap;

	for (i = nsubjects - 1; i > 0; i--) {
		j = (int)(next_random() % (unsigned)(i + 1));
		swap = order[i];
		order[i] = order[j];
		order[j] = swap;
	}
}

static void one_turn(struct subject *s, int round, int pause)
{
	FILE *const to = out;

	enter_world(s);
	if (pause > 0) {
		poll(NULL, 0, pause);
		out = NULL;
		s->kind->once(s, round);
		out = to;
	}
	s->kind->once(s, round);
}

/* rounds below 0 are the warm-up */
static void measure(int rounds, int warmup, int pause)
{
	FILE *const to = out;
	int order[MAX_SUBJECTS], i, round;

	for (i = 0; i < nsubjects; i++) {
		order[i] = i;
		enter_world(&subjects[i]);
		if (subjects[i].kind->start)
			subjects[i].kind->start(&subjects[i]);
	}
	for (round = -warmup; round < rounds; round++) {
		out = round < 0 ? NULL : to;
		shuffle(order);
		for (i = 0; i < nsubjects; i++)
			one_turn(&subjects[order[i]], round, pause);
	}
	for (i = 0; i < nsubjects; i++)
		if (subjects[i].kind->stop)
			subjects[i].kind->stop(&subjects[i]);
}

static int number(const char *text, int least)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < least || n > 100000)
		die("%s: want a number from %d to 100000", text, least);
	return (int)n;
}

/*
 * Commands get /dev/null for input and output: on a terminal some launchers
 * set up a pty, and what they print is no result.
 */
static FILE *take_stdout(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fd = fcntl(1, F_DUPFD_CLOEXEC, 3);
	FILE *file;

	if (null < 0 || fd < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		die("standard input and output: %s", strerror(errno));
	file = fdopen(fd, "w");
	if (!file)
		die("standard output: %s", strerror(errno));
	return file;
}

/* By number, as musl's sched_setscheduler() only fails. The times are of use without it, too. */
static void become_fifo(void)
{
	struct sched_param param = { .sched_priority = 1 };

	if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param) < 0)
		fprintf(stderr, "bench: no SCHED_FIFO: %s; expect noise\n", strerror(errno));
}

int main(int argc, char **argv)
{
	int opt, rounds = 200, warmup = 20, pause = 0, fifo = 0;
	FILE *in = stdin;

	while ((opt = getopt(argc, argv, "fn:p:w:")) != -1) {
		switch (opt) {
		case 'f': fifo = 1; break;
		case 'n': rounds = number(optarg, 1); break;
		case 'p': pause = number(optarg, 0); break;
		case 'w': warmup = number(optarg, 0); break;
		default:
			fputs("usage: bench [-f] [-n rounds] [-w warm-up] [-p pause] [list]\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		in = fopen(argv[optind], "re");
		if (!in)
			die("%s: %s", argv[optind], strerror(errno));
	}
	read_list(in);
	find_home();
	if (fifo)
		become_fifo();
	out = take_stdout();
	measure(rounds, warmup, pause);
	if (ferror(out) | fclose(out))
		die("standard output: %s", strerror(errno));
	return 0;
}
