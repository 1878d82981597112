/*
 * Every word of propagation on every kind of mount, against the running kernel. What must be is said
 * by the tables of oracle.c, never by hutch.
 */
#ifndef CROSS_H
#define CROSS_H

enum state { PRIVATE, SLAVE, SHARED, SLAVE_SHARED, UNBINDABLE, STATES };
extern const char *const state_words[STATES];

/* What a word makes of a mount whose source on the host is in a state. */
struct outcome {
	enum state becomes;
	unsigned char from_source, from_master, to_source;	/* whose later mounts and umounts arrive */
};

struct mechanism {
	const char *name, *keys;
	unsigned char inside;	/* the payload mounts by itself; else the host's root does it in there */
	unsigned char user, ordinary, sealed;
};
enum { MECHANISMS = 8 };
extern const struct mechanism mechanisms[MECHANISMS];

enum kind {
	BIND = 1, COVERED = 2, OVERLAY = 4, TMPFS = 8, INHERITED = 16, ROOT = 32, ROOT_TMPFS = 64, ROOT_OVERLAY = 128,
	UPON = 256,	/* a bind that receives, on a bind of this wish */
};

/* One cell of the product. */
struct wish {
	enum kind kind;
	enum state host, word;
	int rec, hand_on;	/* rec of the mount; rec of propagation= */
	int below;		/* 1 + the state of a mount below the source, or 0 */
};

/* The words with which a cell is refused; NULL: it is built. */
const char *refusal(const struct wish *w, const struct mechanism *m, int old, int keeps_unbindable);
struct outcome outcome(enum state host, enum state word, int keeps_unbindable);
/* Are the table of outcomes and the model of one mind? Says where not. */
int oracle_agrees(void);

/* ---- the host (host.c) ---- */

struct point {
	int id;
	enum state state;
	char src[64], master[64];	/* the mount in this state, and another one of its tree: its master, if it has one */
	struct point *below;
	int early;			/* a mount on src/early is older than all sandboxes */
	int links;			/* how many exchange with it: each has a directory of its own */
};
enum { POINTS = 200, LINKS = 720, DIRS = 80 };
extern struct point points[POINTS];
extern int npoints;

void host_begin(const char *hutch);
struct point *point_make(enum state s, int below);
void point_show(struct point *p);	/* its mount again */
void points_drop(int left);
int host_keeps_unbindable(void);
void fail(const char *what, ...);

/* Sets of "name path", of the mounts that this test knows by name. */
struct seen {
	char *item[4096];
	int n;
};
void seen_add(struct seen *s, const char *name, const char *at, const char *dir);
void seen_del(struct seen *s, const char *name, const char *at, const char *dir);
int seen_has(const struct seen *s, const char *name, const char *at);
void seen_clear(struct seen *s);
/* Tells each item that only one has. */
void seen_diff(struct seen *want, struct seen *got, void (*tell)(const char *item, int missing));
/* The known mounts of a process, and its whole table, which lives until the next call. */
void seen_read(int pid, struct seen *to);
const char *table_text(int pid);
/* In the table that was read last: what the mount on top of a place is. */
enum state seen_state(const char *path);

/* ---- one sandbox (box.c) ---- */

struct box {
	int hutch, init, agent;		/* processes; the agent is 0 where it is the payload */
	int to, payload;		/* sockets: of the agent, and of the payload where that is another one */
};
extern int box_templates;	/* how many sandboxes came from a template */
/* Runs hutch with a profile; -1: it did not start, and why. */
int box_start(struct box *b, const struct mechanism *m, const char *profile, char *why, unsigned size);
/* The errno of a mount of that name, or of an umount, done in the sandbox. */
int box_mount(struct box *b, const char *name, const char *path);
int box_umount(struct box *b, const char *path);
/* The exit status of hutch. */
int box_stop(struct box *b);
/* A profile that must be refused: hutch's status, and all that it said. */
int box_try(const struct mechanism *m, const char *profile, char *said, unsigned size);
/* The program inside. */
int agent_serve(int in, int out);

#endif
