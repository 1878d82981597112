/* What the files of the sweep over a supervisor share; see ../supervise.c. */
#ifndef TESTS_FAULT_SUPERVISE_H
#define TESTS_FAULT_SUPERVISE_H

#include <sys/types.h>

#include "../shared/calls.h"
#include "../shared/place.h"
#include "kernel/fault.h"

enum {
	IN_TIME = 1500,		/* ms: the longest pause of 200 and what a start takes on a busy machine */
	AT_MOST = 5000,		/* with a reason from the table of what is slow */
	ANSWER = 3000,
};

enum phase { BOOT, KILL, DIRECT, COPY, RESTART, RELOAD, HUP, STOP, ASK, PATH, UPGRADE, SHUTDOWN, PHASES };
struct phase_row {
	const char *name, *quick, *full, *kill;	/* sides as in kernel/fault.h, by mode */
	unsigned again;				/* services that run anew, as bits */
};
extern const struct phase_row phases[PHASES];

enum { SERVICES = 4, ALL = (1 << SERVICES) - 1 };
extern struct service {
	const char *name, *conf;	/* @: the version */
	int ups, said, version;		/* what was heard since the action began */
	int pid, is_up;			/* by the last status */
} services[SERVICES];

/* ---- what is going on: supervise.c ---- */

extern enum phase phase_now;
extern char side_now;
extern unsigned bad, refused, lost;
extern long slowest;		/* ms */
extern long base_rss;		/* KiB */

/* ---- place.c ---- */

extern struct fault_log *fault_log;
extern struct fault_wish now_wish;	/* what is armed, or was last */
extern int said_fd;			/* where the services say that they run */
extern int version;			/* of the first profile */

void put_profile(const struct service *v);	/* with the version as it is now */
ssize_t read_file(const char *path, char *to, size_t size);	/* always ended; -1: errno */
void build_place(const char *dir);
void disarm(void);
void arm(int how, const struct call *c, int nth, int code);
int fired(void);
int is_stopped(void);

/* ---- talk.c ---- */

extern int supervisor, ended, end_status, err_fd;	/* pid; waitpid's word; its stderr */
extern char told[8192];					/* what it has said on that */

void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void reap(void);
void pump(int ms);	/* looks on for so long, or until something is heard */
void forget(void);	/* whatever was heard until now */
int ask(const char *request, char *reply, size_t size);	/* 0: no answer */
int read_status(void);	/* state and pid of all; 0: no answer */

/* ---- look.c ---- */

int children(int pid, int *to, int room);
int payload_of(const struct service *v);
int count_fds(void);
int settled_fds(void);	/* behind the end of our own question */
long rss_kb(void);
int has_lock(const struct service *v);
const char *leftover(const char *dir, const char *a, const char *b);	/* NULL: nothing */
int processes(void);

/* ---- life.c ---- */

extern int base_fds;			/* what it has in peace */
extern char base_mounts[1 << 16];

void start(void);
void kill_world(void);
int wait_up(unsigned mask);
int wait_gone(unsigned mask);
void check_up(void);
void check_house(void);
void check_nothing(int killed);	/* stays */
int wait_end(void);
void shut_down(void);		/* ends it unharmed */
void start_whole(void);

/* ---- phases.c ---- */

void act(enum phase phase);	/* what begins it */
void pass(enum phase phase);	/* one way through it, with whatever is armed, and all checks */

#endif
