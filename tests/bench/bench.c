/*
 * bench.c - the measuring loop: runs a few commands in turn (A B C A B C ...)
 * and says how long each takes from fork to reaped. In turn, because what
 * slows a machine down for a second then slows all of them down, and the
 * ratios hold on a noisy machine where the times do not.
 *
 *	bench [-fs] [-n rounds] [-w warm-up] [-r label] [-o json] [file]
 *
 * The file (or standard input) has a line per command: label, tab, words
 * separated by blanks; the first word is a path. No quoting. "#" starts a
 * comment line. -r names the command that ratios are taken against (otherwise
 * the first one), -s shuffles each round's order, in the same way in every
 * run: without it each command always pays for what the kernel still clears
 * away after the same predecessor. -f runs it all as SCHED_FIFO: a launch is a
 * chain of wake-ups, and on a machine that has other work each of them may wait
 * for a tick, which is then all that is measured.
 *
 * Ratios are of medians, and of p10: where other work keeps the processors busy,
 * the fastest tenth is the part that did not wait for them.
 *
 * A command that does not exit with 0 ends the bench: half a launch is fast.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_COMMANDS	32
#define MAX_WORDS	1024
#define MAX_ROUNDS	100000

struct command {
	char *label;
	char *argv[MAX_WORDS + 1];
	double *ms;			/* one per round, sorted at the end */
};

static struct command commands[MAX_COMMANDS];
static int ncommands;

static void die(const char *format, ...)
{
	va_list args;

	fputs("bench: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static void read_commands(FILE *file)
{
	struct command *c;
	char *line = NULL, *tab, *save, *word;
	size_t size = 0;
	int lineno, n;

	/* the words stay where they were read: a line is never freed */
	for (lineno = 1; getline(&line, &size, file) > 0; line = NULL, size = 0, lineno++) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '\0' || line[0] == '#')
			continue;
		if (ncommands == MAX_COMMANDS)
			die("line %d: more than %d commands", lineno, MAX_COMMANDS);
		tab = strchr(line, '\t');
		if (!tab || tab == line)
			die("line %d: want a label, a tab and a command", lineno);
		*tab = '\0';
		c = &commands[ncommands++];
		c->label = line;
		n = 0;
		for (word = strtok_r(tab + 1, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
			if (n == MAX_WORDS)
				die("line %d: more than %d words", lineno, MAX_WORDS);
			c->argv[n++] = word;
		}
		/* a search of PATH would be measured, too */
		if (n == 0 || !strchr(c->argv[0], '/'))
			die("line %d: %s: the command must be a path", lineno, c->label);
	}
	if (ferror(file))
		die("commands: %s", strerror(errno));
	if (ncommands == 0)
		die("no commands");
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* vfork, so that the size of this process is no part of the time */
static double run_once(const struct command *c, int round)
{
	volatile int exec_errno = 0;
	const double start = now_ms();
	double end;
	int status;
	pid_t pid;

	pid = vfork();
	if (pid == 0) {
		execv(c->argv[0], c->argv);
		exec_errno = errno;
		_exit(127);
	}
	if (pid < 0)
		die("vfork: %s", strerror(errno));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid: %s", strerror(errno));
	end = now_ms();
	if (exec_errno)
		die("%s: %s: %s", c->label, c->argv[0], strerror(exec_errno));
	if (WIFSIGNALED(status))
		die("%s: %s was killed by signal %d (round %d)", c->label,
		    c->argv[0], WTERMSIG(status), round);
	if (WEXITSTATUS(status) != 0)
		die("%s: %s exited with %d (round %d)", c->label,
		    c->argv[0], WEXITSTATUS(status), round);
	return end - start;
}

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

	for (i = ncommands - 1; i > 0; i--) {
		j = (int)(next_random() % (unsigned)(i + 1));
		swap = order[i];
		order[i] = order[j];
		order[j] = swap;
	}
}

/* rounds below 0 are the warm-up */
static void measure(int rounds, int warmup, int shuffled)
{
	int order[MAX_COMMANDS], i, round;
	double ms;

	for (i = 0; i < ncommands; i++) {
		order[i] = i;
		commands[i].ms = calloc((size_t)rounds, sizeof(double));
		if (!commands[i].ms)
			die("out of memory");
	}
	for (round = -warmup; round < rounds; round++) {
		if (shuffled)
			shuffle(order);
		for (i = 0; i < ncommands; i++) {
			ms = run_once(&commands[order[i]], round);
			if (round >= 0)
				commands[order[i]].ms[round] = ms;
		}
	}
}

static int compare_ms(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* nearest rank, of sorted times */
static double percentile(const struct command *c, int rounds, int percent)
{
	int rank = (rounds * percent + 99) / 100;

	return c->ms[rank > 0 ? rank - 1 : 0];
}

static double ratio(const struct command *c, const struct command *ref, int rounds, int percent)
{
	return percentile(c, rounds, percent) / percentile(ref, rounds, percent);
}

static void print_table(FILE *out, const struct command *ref, int rounds)
{
	const struct command *c;

	fprintf(out, "%-16s %10s %10s %10s %10s %10s\n",
	    "command", "median/ms", "p10/ms", "p90/ms", "ratio", "ratio-p10");
	for (c = commands; c < commands + ncommands; c++)
		fprintf(out, "%-16s %10.3f %10.3f %10.3f %10.2f %10.2f\n", c->label,
		    percentile(c, rounds, 50), percentile(c, rounds, 10),
		    percentile(c, rounds, 90), ratio(c, ref, rounds, 50),
		    ratio(c, ref, rounds, 10));
}

static void put_json_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(out, "\\%c", *text);
		else if ((unsigned char)*text < ' ')
			fprintf(out, "\\u%04x", (unsigned)*text);
		else
			fputc(*text, out);
	}
}

static void put_json_string(FILE *out, const char *name, const char *text)
{
	fprintf(out, "\"%s\": \"", name);
	put_json_text(out, text);
	fputs("\", ", out);
}

static void put_json_argv(FILE *out, char *const *argv)
{
	int i;

	fputs("\"argv\": [", out);
	for (i = 0; argv[i]; i++) {
		fputs(i ? ", \"" : "\"", out);
		put_json_text(out, argv[i]);
		fputc('"', out);
	}
	fputs("], ", out);
}

static void write_json(const char *path, const struct command *ref,
    int rounds, int warmup, int fifo)
{
	const struct command *c;
	FILE *out = fopen(path, "w");

	if (!out)
		die("%s: %s", path, strerror(errno));
	fputs("{ ", out);
	put_json_string(out, "reference", ref->label);
	fprintf(out, "\"rounds\": %d, \"warmup\": %d, \"fifo\": %s, \"commands\": [\n",
	    rounds, warmup, fifo ? "true" : "false");
	for (c = commands; c < commands + ncommands; c++) {
		fputs("  { ", out);
		put_json_string(out, "label", c->label);
		put_json_argv(out, c->argv);
		fprintf(out, "\"median_ms\": %.4f, \"p10_ms\": %.4f, \"p90_ms\": %.4f, "
		    "\"ratio\": %.4f, \"ratio_p10\": %.4f }%s\n",
		    percentile(c, rounds, 50), percentile(c, rounds, 10),
		    percentile(c, rounds, 90), ratio(c, ref, rounds, 50),
		    ratio(c, ref, rounds, 10), c + 1 < commands + ncommands ? "," : "");
	}
	fputs("] }\n", out);
	if (ferror(out) | fclose(out))
		die("%s: %s", path, strerror(errno));
}

static int number(const char *text, int least)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < least || n > MAX_ROUNDS)
		die("%s: want a number from %d to %d", text, least, MAX_ROUNDS);
	return (int)n;
}

static const struct command *find_command(const char *label)
{
	int i;

	for (i = 0; i < ncommands; i++)
		if (!strcmp(commands[i].label, label))
			return &commands[i];
	die("%s: no command has this label", label);
	return NULL;
}

/*
 * Commands get /dev/null for input and output: on a terminal some launchers
 * set up a pty, and what they print is not the table.
 */
static FILE *take_stdout(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int out = fcntl(1, F_DUPFD_CLOEXEC, 3);
	FILE *file;

	if (null < 0 || out < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		die("standard input and output: %s", strerror(errno));
	file = fdopen(out, "w");
	if (!file)
		die("standard output: %s", strerror(errno));
	return file;
}

/*
 * By number, as musl's sched_setscheduler() only fails. 1 if it was granted;
 * the times are of use without it, too.
 */
static int become_fifo(void)
{
	struct sched_param param = { .sched_priority = 1 };

	if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &param) == 0)
		return 1;
	fprintf(stderr, "bench: no SCHED_FIFO: %s; expect noise\n", strerror(errno));
	return 0;
}

int main(int argc, char **argv)
{
	const char *json = NULL, *label = NULL;
	const struct command *ref;
	int i, opt, rounds = 200, warmup = 20, shuffled = 0, fifo = 0;
	FILE *in = stdin, *out;

	while ((opt = getopt(argc, argv, "fn:w:o:r:s")) != -1) {
		switch (opt) {
		case 'f': fifo = 1; break;
		case 'n': rounds = number(optarg, 1); break;
		case 'w': warmup = number(optarg, 0); break;
		case 'o': json = optarg; break;
		case 'r': label = optarg; break;
		case 's': shuffled = 1; break;
		default:
			fputs("usage: bench [-fs] [-n rounds] [-w warm-up] "
			    "[-r label] [-o json] [file]\n", stderr);
			return 2;
		}
	}
	if (optind < argc) {
		in = fopen(argv[optind], "re");
		if (!in)
			die("%s: %s", argv[optind], strerror(errno));
	}
	read_commands(in);
	ref = label ? find_command(label) : &commands[0];
	out = take_stdout();
	if (fifo)
		fifo = become_fifo();
	measure(rounds, warmup, shuffled);
	for (i = 0; i < ncommands; i++)
		qsort(commands[i].ms, (size_t)rounds, sizeof(double), compare_ms);
	print_table(out, ref, rounds);
	if (json)
		write_json(json, ref, rounds, warmup, fifo);
	if (ferror(out) | fclose(out))
		die("standard output: %s", strerror(errno));
	return 0;
}
