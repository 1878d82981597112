/*
 * The deed: an ordered list of steps as data. It can be printed, checked, walked
 * and verified. Built from a profile and facts alone: pure, no system call.
 */
#ifndef HUTCH_PLAN_H
#define HUTCH_PLAN_H

#include "plan/facts.h"
#include "profile/profile.h"

enum step_kind {
#define STEP(id, name, side, blocks, operands, help) STEP_##id,
#include "plan/steps.def"
#undef STEP
	STEP_KINDS
};

enum step_side { SIDE_HOST, SIDE_INSIDE, SIDE_PAYLOAD };

struct step_info {
	uint16_t operands;	/* see step_operands */
	uint8_t side, may_block;
};
extern const struct step_info step_table[STEP_KINDS];

/* The columns of steps.def that are texts. */
const char *step_name(enum step_kind kind);
const char *step_operands(enum step_kind kind);

/* The letter of the next operand, 0 behind the last; *operands goes on behind it. */
char operand_next(const char **operands);

enum { OPERANDS = 6, NO_SLOT = -1 };

union operand {
	int64_t n;
	const char *s;
	const void *p;
};

struct step {
	uint16_t kind;
	uint8_t needed;		/* a later step goes to a place below where it mounts */
	struct origin at;	/* the profile line it serves; file 0: a default */
	union operand op[OPERANDS];
};

/* A mount that must be there in the end, and how. */
struct expect {
	const char *path;	/* inside */
	const char *type;	/* of the file system, NULL: that of the source */
	struct origin at;
	uint32_t attrs;		/* MOUNT_ATTR_* that must be set */
	int note;		/* slot of the clone whose source was noted, or NO_SLOT */
	uint8_t prop, rec, optional, memory;
	uint8_t own;		/* made by hutch: no source on the host */
	uint8_t hub;		/* it has to receive, whatever its source is now */
	uint8_t each;		/* enum expect_each */
};

/*
 * Who makes it, where the plan is a part: the template, or each launch. Where a launch mounts before something
 * of the template in the profile's order, the place has to be the path itself and not where a link leads.
 */
enum expect_each { EACH_NOT, EACH_LAUNCH, EACH_LITERAL };

/* private and slave are made at once; the rest waits until all is mounted: that is what a mount is until then. */
uint8_t early_prop(uint8_t prop);

/*
 * What a plan makes: a whole sandbox; a template, which is a mount namespace with that part of the root that
 * no launch changes; or one launch from such a template. See template.def.
 */
enum plan_part { PART_WHOLE, PART_ROOT, PART_LAUNCH };

/* What of the host a template was made of, see apply/identity.h. */
struct plan_source {
	const char *path;
	int slot;		/* of the clone */
	uint8_t rec, optional;
	uint8_t receives;	/* its peer group counts */
	uint8_t content;	/* a file that was read, not mounted as it is */
};

/* How the root is come to, see ways.def. From SWITCH_OVER on it is one of the sandbox's own. */
enum switch_kind {
	SWITCH_NONE, SWITCH_JOIN, SWITCH_LIVE, SWITCH_OVER, SWITCH_PIVOT, SWITCH_EMPTY, SWITCH_TREE,
};

/* How the process is made: a copy, or one that shares the memory until exec, while its parent waits or goes on. */
enum child_kind { CHILD_FORK, CHILD_VFORK, CHILD_VM };

struct plan {
	const struct profile *profile;
	struct step *step;
	struct expect *expect;
	struct shared *shared;
	unsigned nsteps, nexpect, nshared, slots;
	unsigned clone;		/* index of the clone step */
	uint32_t namespaces;	/* CLONE_NEW* that the sandbox has of its own */
	uint8_t child;		/* enum child_kind */
	uint8_t child_row;	/* of child.def, which says why */
	uint8_t init, tty;
	uint8_t root_switch, sealed, rootless;
	uint8_t bar;		/* a row of ways.def, from 1: why a newer way was not taken */
	uint8_t statmount;	/* mounts are read back one by one, else as a table */
	uint8_t openat2;	/* paths inside: by openat2, else by a walker of our own */
	uint8_t new_mounts;	/* open_tree and mount_setattr, else mount(2) */
	uint8_t needs_seal;	/* hutch has to run from a sealed copy of itself */
	uint8_t host_equivalent;	/* the payload could take over the host */
	uint8_t part;		/* enum plan_part */
	uint8_t no_template;	/* why it has no parts, for template_reason; 0: it has, or nobody asked */
	unsigned literal;	/* steps below this one follow no links inside */
	struct plan_source *source;	/* of the template */
	unsigned nsources;
};

/* The words of ways.def. */
const char *way_text(enum switch_kind kind);
const char *bar_text(unsigned bar);

/* What the sandbox shares with the host past its namespaces, and which line of the profile lets it. */
struct shared {
	struct origin at;
	const char *text;	/* NULL: that of a row of shares.def */
	uint8_t row;
	uint8_t said;		/* the profile says so in as many words, or keeps nothing apart */
};
const char *shared_text(const struct shared *s);

/* Why its process is made as it is. */
const char *child_why(const struct plan *plan);

/* What a member shares of its IPC group. */
enum group_part { GROUP_IPC = 1, GROUP_SHM };

/* The first process of a running sandbox, as one that cannot be mistaken. */
struct target {
	int pid;
	uint64_t start;		/* clock ticks since boot */
};

/* What is done to the mounts of a running sandbox, instead of one more program in it. */
enum live_kind { LIVE_MOUNT = 1, LIVE_UMOUNT, LIVE_FOLLOW };
struct live {
	uint8_t kind, lazy;
	unsigned from;		/* of the profile's mounts: MOUNT: the first that is new; FOLLOW: which one */
	const char *path;	/* UMOUNT: inside */
	const char *const *line;	/* MOUNT: the lines that are new */
	int nlines;
	const char *gone;	/* UMOUNT: the line that was noted for what goes, or NULL */
};

/* Where a supervised payload finds its sockets. */
enum { SERVICE_FIRST_FD = 3 };
#define SERVICE_NOTIFY "/dev/notify"

struct limit;	/* service/service.h */

enum { EXACT_MOST = 32 << 10 };

/* What the caller adds to profile and facts. */
struct plan_request {
	const char *name;	/* of run --name, or NULL */
	int terminal;		/* standard input is one */
	int launch;		/* the plan is for now: only needed facts are looked up */
	const char *const *env;	/* of the caller, for env-pass */
	enum plan_part part;	/* plan->part says what came of it: the whole, where there is no template */
	struct out *exact;	/* with PART_LAUNCH: gets what the steps of its template do, see step_exact, in the
				 * profile's memory, EXACT_MOST bytes at most; or NULL */
	const struct target *join;	/* the plan is for one more program in this sandbox, or NULL */
	struct live *live;		/* with join: for its mounts instead, or NULL */

	/* By a supervisor: the payload waits for its word, and gets what service keys say. */
	int supervised;
	int direct;		/* and it makes the process by itself: nobody is met, nothing is waited for */
	const char *notify;	/* the address of a NOTIFY_SOCKET that is not inside */
	const char *console;	/* the terminal of type=console, NULL: /dev/console */
	const struct limit *limits;	/* of its IPC group, that other profiles say */
	unsigned nlimits;
};

/*
 * Plans. Findings go to diags (then the plan must not be walked). Returns 0, or -1
 * when there were findings.
 */
int plan_build(struct plan *plan, const struct profile *p, const struct facts *f,
	       const struct plan_request *request, struct diags *d);

/* Whether the inside reports by memory that both sides have; a pty, or a template, can only be handed over by a socket. */
static inline int plan_tells(const struct plan *plan)
{
	return plan->child == CHILD_VFORK && !plan->tty && plan->part != PART_ROOT;
}

/* What every plan must keep; a broken one is a defect of the planner. -1 fills e. */
int plan_check(const struct plan *plan, struct err *e);

/* Why a plan has no template, in words. */
const char *template_reason(unsigned no_template);

void plan_print(const struct plan *plan, struct out *o);

/* One step without its number: `inside  tree.clone #1=/srv rec`. */
void step_print(const struct plan *plan, const struct step *s, struct out *o);

/*
 * One step as bytes, with all that it does and nothing of where the profile says so. -1: it has
 * an operand that cannot be told.
 */
int step_exact(const struct step *s, struct out *o);

/* The operand that a person knows the step by: a path, a name; "" when it has none. */
const char *step_subject(const struct step *s);

/* Notes in the steps what is needed of them later. */
void steps_settle(struct plan *plan);

/*
 * file:line: key subject: error (step N of M, name); then the usual cause, if the
 * table of causes knows one.
 */
void plan_print_error(const struct plan *plan, const struct err *e, struct out *o);

/* The usual cause of this error in this step, or NULL. */
const char *step_cause(enum step_kind kind, int code);

#endif
