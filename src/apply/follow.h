/*
 * Files of the host that sandboxes have and that the host may replace: whoever owns the
 * launch watches the way to each, and a process of its own brings the new one in.
 */
#ifndef HUTCH_FOLLOW_H
#define HUTCH_FOLLOW_H

#include "plan/plan.h"

enum { FOLLOW_PAUSE = 100, FOLLOW_TIME = 10000 };	/* ms between two looks; for one file */

/* What is watched, for any number of sandboxes. All 0 but fd, which is -1, at first. */
struct follow_watch {
	int fd;			/* inotify, or -1 */
	uint8_t renew, blind;	/* some directories are no longer those on the way; cannot be told */
	int64_t look, looked;	/* ms: when to look next, 0: not; and when that was last done */
};

/* The files of one sandbox. All 0 at first. */
struct follow {
	uint64_t seen[FOLLOWS];	/* which file was there at the last look, 0: none */
	uint32_t due, told;	/* by bit: a new one is there; that this one stays was told */
	int pid;		/* of who brings one in, or 0 */
	int which;		/* that one */
	int64_t deadline;	/* ms: of that process; without one, of the next attempt */
};

/* Says why a file that was replaced, or is gone, stays the old one: an errno. */
typedef void follow_tell(void *ctx, const char *path, int code);

/* Watches these files, too. It may have to be done without: then they are looked at each second. */
void follow_add(struct follow_watch *w, const struct follow_conf *c, unsigned n, int64_t now);

/* Takes what is told, if anything is. */
void follow_hear(struct follow_watch *w, int64_t now);

/* Whether all are to be looked at now, and watched again. */
int follow_time(struct follow_watch *w, int64_t now);

/* Which of them are other files than before. */
void follow_look(struct follow *f, const struct follow_conf *c, unsigned n, follow_tell *tell, void *ctx);

/* The file to bring in next, or -1; it is then in f->which, and the caller sets f->pid. */
int follow_next(struct follow *f, int64_t now);

/* When something is due: ms, 0: never. */
int64_t follow_deadline(const struct follow *f);

/* Kills the process that takes too long. */
void follow_due(struct follow *f, int64_t now);

/* That process has ended, with this status of wait(2). */
void follow_ended(struct follow *f, const struct follow_conf *c, int status, int64_t now, follow_tell *tell,
		  void *ctx);

/* What that process does: the status it is to end with. The arena is its own. */
int follow_bring(const struct profile *p, const struct facts *facts, const struct target *target, unsigned wish);

#endif
