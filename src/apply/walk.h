/*
 * The walker: takes a plan's steps one after the other to the kernel. One list,
 * two walkers: the host side goes over the HOST steps, the child that the clone
 * step makes goes over the others. Its whole state is struct walk.
 */
#ifndef HUTCH_WALK_H
#define HUTCH_WALK_H

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

/* What the inside tells the host side, always whole and of this size. */
enum record_kind { REC_FAILED = 1, REC_READY, REC_TTY, REC_STARTED, REC_EXITED, REC_GO, REC_NOTIFY, REC_TEMPLATE };
struct record {
	uint32_t kind;
	int32_t step, code, value;
	char text[200];
};

/* With vfork the memory is the same: what the inside has to say until it executes the payload. */
struct told {
	const volatile int *host_lives;	/* the kernel makes it 0 when hutch dies, see k_clear_at_death */
	int apart;		/* it is not: whoever watches has made a fork of it, and nothing can be told */
	unsigned n, heard;
	struct record record[2];
};

/* Prepares a walk; the memory of the slots comes from the arena. -1 when full. */
int walk_init(struct walk *w, const struct plan *plan, struct arena *a);

/*
 * Takes the HOST steps, up to the meeting with the inside where the plan has one. On
 * success the child runs and w->channel is open for its records. On failure
 * everything is undone, the child dead and reaped.
 */
int walk_host(struct walk *w);

/* Takes the HOST steps behind the meeting, once the inside has told REC_READY. */
int walk_met(struct walk *w);

/* Undoes what the host side holds: descriptors, the child, entries in the registry. */
void walk_undo(struct walk *w);

/* The child's part; never returns. The argument is the host's struct walk. */
int walk_inside(void *host_walk);

/*
 * Copies this program into sealed memory and executes that: what a payload may see of
 * hutch through /proc can then be written to by nobody. Returns only with an error.
 */
int self_seal(char *const *argv, uint64_t sigmask);

/* A sealed copy of a program, whose descriptor is closed; -1 with errno. */
int self_copy(int program);

/* Brings a network interface up; the kernel gives loopback its addresses. -1 with errno. */
int net_up(const char *name);

/* Goes on with the steps behind the one in hand until exec; never returns. */
void walk_on(struct walk *w) __attribute__((noreturn));

/* Takes away what the plan has mounted so far in a sandbox that runs. */
void live_undo(struct walk *w);

/* Takes away the mount points that were made on somebody's disk. */
void unmake_points(struct walk *w);

/* Fails the step in hand with errno, with a text too, or with another code. Always -1. */
int step_error(struct walk *w);
int step_failed(struct walk *w, const char *text);
int step_failed_code(struct walk *w, int code, const char *text);

/* 0 for the step in hand, or where it failed, -1 and errno kept; the latter closes fd. */
int step_done(struct walk *w, int failed);
int step_close(struct walk *w, int fd, int failed);

/* The exit status that tells of a wait status: 128+N for signal N, as in a shell. */
int status_code(int status);

/* Sends a record about the step in hand; pass is a descriptor to hand over or -1. */
int channel_send(struct walk *w, enum record_kind kind, int code, int value, const char *text,
		 int pass);

/* The same on the host side of a walk, which may have no channel; a closed one is closed here too. */
int walk_hear(struct walk *w, struct record *r, int *passed);

/* 1 a record, 0 the other side is gone, -1 nothing yet (wait 0) or an error. */
int channel_receive(int channel, struct record *r, int *passed, int wait);

#endif
