/* What the files of the measuring loop share; see bench.c. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <sys/types.h>

#include "clock.h"
#include "die.h"

enum { MAX_SUBJECTS = 64, MAX_WORDS = 1024, MAX_LIVES = 8 };

struct subject;

struct kind {
	void (*start)(struct subject *s);
	void (*once)(struct subject *s, int round);	/* one value, or none */
	void (*stop)(struct subject *s);
};

struct subject {
	const char *label;
	const struct kind *kind;
	int world;			/* a descriptor, or -1 */
	struct subject *with;		/* it is where this one is, or NULL */
	int copy;			/* of the world, with a /run of its own */
	char *word[MAX_WORDS + 1];
	int nwords;			/* before the command */
	pid_t life, payload;		/* of a supervisor */
};

void say(const struct subject *s, const char *suffix, double value);

/* worlds.c: where, and who tells what from inside. */
void find_home(void);
void enter_world(const struct subject *s);

/* A child that executes the subject's command; `number` stands for "%". */
pid_t start_life(struct subject *s, int number);
void stop_life(pid_t pid);

/* Where the payloads in this box tell that they run: the process and when. Waits for a minute at most. */
int stamp_socket(const char *box);
pid_t wait_stamp(const struct subject *s, int fd, uint64_t *ns);
uint64_t started_ns(void);		/* when the last start_life executed its command */

/* kinds.c */
void run_once(struct subject *s, int round);
void end_once(struct subject *s, int round);
void first_once(struct subject *s, int round);
void life_start(struct subject *s);
void life_once(struct subject *s, int round);
void life_stop(struct subject *s);
void rate_once(struct subject *s, int round);

#endif
