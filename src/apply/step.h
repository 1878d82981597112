/*
 * What the executor of a step has in hand: the whole state of a walk. Which executors there are says
 * plan/steps.def; in what order they are called, walk.h.
 */
#ifndef HUTCH_STEP_H
#define HUTCH_STEP_H

#include "apply/channel.h"
#include "base/arena.h"
#include "mounts/table.h"
#include "plan/compare.h"
#include "plan/plan.h"

enum { ANCHORS = 64, MAX_GROUPS = 64, MADE_POINTS = 32 };

/* A new file system inside, by the descriptor of its root: what the plan puts into it
 * is resolved from there, whatever happens to the way that led to it. */
struct anchor {
	const char *path;
	int fd;
};

/* A mount point made on a file system that outlives the sandbox. */
struct made {
	int dir;
	char name[256];
	uint8_t is_dir;
};

struct identity;

struct ids {
	uint32_t uid, gid, group[MAX_GROUPS];
	unsigned ngroups;
	uint8_t set_uid, set_gid;
};

struct walk {
	const struct plan *plan;
	struct arena *arena;	/* scratch memory of this side */
	unsigned at;		/* the step in hand */
	int *fd;		/* by slot; -1: empty */
	struct note *note;	/* by slot */
	struct told *told;	/* instead of a channel, with vfork; else NULL */
	int channel;		/* this side's end, or -1 */
	int far_channel;	/* host side, until the clone: the inside's end */
	int pid;		/* host side: of the child, 0 before the clone */
	char *waste;		/* whole pages that nobody needs once the payload runs, or NULL */
	size_t nwaste;
	uint64_t signals;	/* that the payload may not find as they are here: ignored, or handled */
	uint8_t *built;		/* inside: where it is noted that only exec is left, for nobody waits for the word; or NULL */
	int *born;		/* host side under a supervisor: where the child's pid goes; else NULL */
	int group_fd;		/* host side: the group's file while it is locked, see registry.h */
	uint8_t registered, published;
	char *const *argv;	/* hutch's own, for self.seal */
	uint64_t sigmask;	/* the caller's, for self.seal */
	int ahead[NS_COUNT];	/* namespaces made ahead, or -1 */

	int template;		/* of a launch from it: its mount namespace, or -1; the caller's */
	uint64_t *seen;		/* mounts_sum of the table that was right last time, or NULL */
	struct identity *identity;	/* of a part: of plan->source, and one more of the template */

	/* inside only */
	int proc;		/* the host's /proc */
	int base;		/* the first mount of a namespace that was entered empty, or the root of a template; else -1 */
	int root;		/* the sandbox's root */
	int scratch;		/* the place to stage things on */
	unsigned piled;		/* mounts put over "/", before the root switch */
	int null_used;		/* the null device is attached: copy it from there */
	int payload;		/* of the init: pid of its child */
	int gate[2];		/* between an init that its payload could trace, and that payload until exec; or -1 */
	uint8_t own_tty;	/* the standard streams are a pty of the sandbox's devpts */
	struct made *made;	/* NULL until one is */
	unsigned nmade;
	unsigned nanchors;
	struct mounts before;

	struct err err;
	uint64_t bound;		/* capabilities that the payload may have at all */
	uint64_t bset;		/* those that the bounding set may still have */
	struct ids ids;
	struct anchor anchor[ANCHORS];
};

/* The inside runs on it, and after that the init. */
enum { WALK_STACK = 128 << 10 };
extern char walk_stack[WALK_STACK];

/* One executor per kind of step: 0, or -1 with w->err filled. */
typedef int step_fn(struct walk *w, const struct step *s);
#define STEP(id, name, side, blocks, operands, help) step_fn do_##id;
#include "plan/steps.def"
#undef STEP

/* Fails the step in hand with errno, with a text too, or with another code. Always -1. */
int step_error(struct walk *w);
int step_failed(struct walk *w, const char *text);
int step_failed_code(struct walk *w, int code, const char *text);

/* 0 for the step in hand, or where it failed, -1 and errno kept; the latter closes fd. */
int step_done(struct walk *w, int failed);
int step_close(struct walk *w, int fd, int failed);

/* An operand of the plan's first step of a kind; NULL where it has none. */
const char *step_text(const struct plan *plan, enum step_kind kind, int operand);

#endif
