/*
 * What a supervisor wants to know of a profile, and of many of them: a service's
 * wishes in numbers, what it comes after, and the set of all services. Pure.
 *
 * A set is made in one arena and never changed again: a reload makes another one
 * beside it. Its texts are kept so that each launch reads its profile as if it
 * came from the file, with the file's own line numbers.
 */
#ifndef HUTCH_SERVICE_H
#define HUTCH_SERVICE_H

#include "profile/profile.h"
#include "service/machine.h"
#include "service/texts.h"

enum { SERVICES = 4096, NAME_ROOM = 65 };


struct listen_conf {
	uint8_t kind;			/* enum listen_kind */
	uint16_t port, mode;
	const char *address, *name;	/* name: for LISTEN_FDNAMES */
};

/* A limit of an IPC group: a key ipc.*, or shm-size. */
struct limit {
	uint16_t key;
	const char *value, *where;	/* where: only while the set is made */
};

/* Where a profile comes from. */
enum source { SOURCE_DISK, SOURCE_GOOD, SOURCE_BUILT_IN, SOURCES };
extern const char *const source_names[SOURCES];	/* "", "last-good", "built-in" */

struct service_conf {
	const char *name;
	const char *findings;		/* what is wrong with the profile, NULL: nothing */
	const char *passed_over;	/* what is wrong with the one on disk, whose place this one takes */
	uint16_t file, nfiles;		/* into set.file: the profile, then what it includes */
	uint8_t type, start, restart, critical, ready, ready_fd, stop_signal;
	uint8_t on_limit, limit_status, log, log_keep, nlistens, own_pid_ns, own_init, own_mounts;
	uint8_t source;			/* enum source */
	uint16_t nneeds, nafter;	/* in `order`, the needs first */
	const uint16_t *order;		/* indices of other services of the set */
	uint16_t nbefore;
	const uint16_t *before;		/* of those in whose `order` this one is, once the set is copied */
	const struct named *named;	/* and their names, only while the set is made */
	uint32_t delay_min, delay_max, reset;			/* ms */
	uint32_t limit_count, limit_time, limit_delay;
	uint32_t start_timeout, stop_timeout, watchdog;
	uint64_t every;						/* ms, 0: not periodic */
	uint64_t log_file_size;					/* bytes */
	uint32_t log_size;
	uint8_t ahead;			/* namespaces made ahead, of each kind */
	uint32_t ahead_kinds;		/* CLONE_NEW* that could be */
	uint8_t success_codes[32];
	uint64_t success_signals;
	const struct listen_conf *listens;
	const struct follow_conf *follows;	/* files that follow the host's */
	uint16_t nfollows;
	const char *on_mount, *on_path, *log_path;
	const char *group;		/* of IPC, or NULL */
	uint16_t nlimits;
	const struct limit *limits;	/* of the group, by whichever profile: its first member sets them */
};

struct set {
	struct arena arena;
	struct service_conf *service;	/* in an order in which they can start */
	struct entry *file;		/* machine, service and include, in `texts` */
	struct text_archive texts;	/* memory of the caller's */
	unsigned count, nfiles;
	uint16_t *index;		/* by a hash of their names: 1 + each service; NULL: there is none now */
	unsigned mask;			/* of that hash */
	uint8_t needs_seal;		/* a plan wants hutch to run from a sealed copy */
	uint8_t full;			/* a text or array found no room in the arena */
	struct machine_conf machine;	/* of init.conf */
	const char *notes;		/* findings that belong to no service, or NULL */
};

/*
 * Fills a set's empty arena with room for n services. -1 when it is too small. The
 * memory of set->texts is the caller's too.
 */
int set_init(struct set *set, unsigned services, unsigned files);

/*
 * Adds a service that was read from `file` (index into set.file) and the nfiles - 1 behind
 * it. `findings` is NULL or what is wrong; then only the name of the profile counts.
 * -1: no room.
 */
int set_add(struct set *set, const char *name, const struct profile *p, unsigned file,
	    unsigned nfiles, const char *findings);

/* A copy of a file without its comments, line for line, in set->texts; -1: no room. */
int set_add_file(struct set *set, enum entry_kind kind, const char *name, const char *text,
		 size_t length);

/* Lists the files that are in set->texts already. -1: no whole archive, or no room for so many. */
int set_list_files(struct set *set, unsigned most);

/* The same set in an arena of its own, without what the making of it left there; of the same texts. */
int set_copy(struct set *to, const struct set *from);

/*
 * Resolves after= and needs= (the names were kept by set_add), finds circles and
 * sorts. A service whose order cannot be kept gets findings, and so do those of one IPC
 * group that differ about its limits. -1: no room.
 */
int set_order(struct set *set);

/* The service of this name, or NULL. */
const struct service_conf *set_find(const struct set *set, const char *name);

/* Whether the service would run exactly as that of another set does. */
int set_same(const struct set *a, const struct service_conf *x, const struct set *b,
	     const struct service_conf *y);

/* A loader (see profile.h) whose ctx is the set: files come from its memory. */
int set_load(void *ctx, const char *path, const char *from, struct profile_text *to,
	     struct err *e);

#endif
