/*
 * Profiles of directories and files into a draft of a set, with what is wrong: for
 * the supervisor's loader and for hutch check, which so cannot be of two minds.
 * Waits as long as a disk does: never call it where that must not be.
 */
#ifndef HUTCH_GATHER_H
#define HUTCH_GATHER_H

#include "plan/plan.h"
#include "service/service.h"

enum { GATHER_FILES = 4 * SERVICES, GATHER_MEMORY = 8 << 20, GATHER_TEXTS = 8 << 20 };

/* A profile of an archive that takes the place of one that is wrong. */
struct stand_in {
	const char *name, *findings;	/* the service, what is wrong with its own profile */
	size_t at;			/* in the archive */
};

struct gather {
	/* The caller's. */
	struct arena *scratch;		/* for one profile at a time, and what stays of init.conf */
	const struct facts *facts;
	int root;			/* paths are looked up beneath it; -1: this machine's own */
	void (*probe)(struct gather *g);	/* fills in facts before the profile at hand is planned, or NULL */
	void (*look)(struct gather *g);	/* more to find in the profile and plan at hand, or NULL */
	char *text;			/* room for the findings of one service */
	size_t size;			/* bytes */
	uint8_t as_it_was;		/* what was right is so still: it is not planned again */
	char *phase;			/* 120 bytes, for what it does now in words, or NULL */
	const struct text_archive *good;	/* where stand-ins come from; used if there are any */

	struct set draft;		/* of it `texts` is the caller's: empty, GATHER_TEXTS bytes */
	int unreadable;			/* a file is there, and nobody knows what is in it */
	struct profile profile;		/* at hand */
	struct plan plan;
	struct diags diags;
	struct err err;			/* of the last -1 */

	/* Its own. */
	const struct text_archive *source;	/* that files come from, or NULL: the disk */
	size_t at;				/* in it: the profile at hand */
	struct stand_in *in;			/* in all rounds so far */
	unsigned nin;
	int machine;				/* it is init.conf that is read */
	const char *hubs;			/* what that says of them; a profile includes it by naming one */
};

/* Begins with an empty draft in memory of GATHER_MEMORY bytes; -1 fills err, as all here. */
int gather_init(struct gather *g, void *memory);

/*
 * The machine's own settings, of the first of n paths that is an init.conf or has one; the
 * defaults if none has. What is wrong is in draft.machine.findings, and then the defaults hold too.
 */
int gather_machine(struct gather *g, char *const *paths, int n);

/*
 * A directory's NAME.conf in the order of their names, or one file. What is wrong with a
 * profile is a finding of its service; -1: the path is none, or there is no room.
 */
int gather_path(struct gather *g, const char *path);

/*
 * All services of an archive, with what it says of them; `passed_over` is what is wrong
 * with the profiles whose place they take, or NULL.
 */
int gather_archive(struct gather *g, const struct text_archive *a, enum source source,
		   const char *passed_over);

/* The settings of an archive, or the defaults: likewise. */
int gather_archived_machine(struct gather *g, const struct text_archive *a, enum source source,
			    const char *passed_over);

/* When all are there: order and circles, which are findings too. */
int gather_finish(struct gather *g);

/*
 * After that: who is wrong and has a stand-in in g->good gets it in the next round, from
 * gather_init on. How many these are; 0: nothing would change.
 */
unsigned gather_stand_in(struct gather *g);

#endif
