/*
 * The wish: one profile, one sandbox. Read from text, checked as a whole, printed
 * back. Pure: no system call, no allocation outside the arena.
 */
#ifndef HUTCH_PROFILE_H
#define HUTCH_PROFILE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/out.h"
#include "base/words.h"

enum key_id {
	KEY_NONE,
#define KEY(id, word, type, field, often, group, syntax, dflt, help) KEY_##id,
#include "profile/keys.def"
#undef KEY
	KEY_COUNT
};

enum type_id {
#define TYPE(name) TYPE_##name,
#include "profile/types.def"
#undef TYPE
	TYPE_COUNT
};

/* Choices, in the order of their words in keys.def; 0 is "not said". */
enum choice_yes { YES = 1, NO };
enum choice_auto { AUTO_AUTO = 1, AUTO_YES, AUTO_NO };
enum root_mode { ROOT_RO = 1, ROOT_RW, ROOT_OVERLAY };
enum dev_kind { DEV_MINIMAL = 1, DEV_HOST, DEV_NONE };
enum template_kind { TEMPLATE_AUTO = 1, TEMPLATE_NO, TEMPLATE_KEEP };
enum shm_kind { SHM_AUTO = 1, SHM_PRIVATE, SHM_GROUP, SHM_NONE };
enum keyring_kind { KEYRING_NEW = 1, KEYRING_INHERIT };

enum propagation {
	PROP_DEFAULT,	/* as the root, which is private unless it says otherwise */
	PROP_PRIVATE, PROP_SLAVE, PROP_SHARED, PROP_UNBINDABLE, PROP_SLAVE_SHARED,
	PROP_COUNT
};
extern const char *const propagation_names[PROP_COUNT];

enum ns_kind {
	NS_MOUNT, NS_IPC, NS_PID, NS_UTS, NS_NET, NS_USER, NS_CGROUP, NS_TIME, NS_COUNT
};
extern const char *const ns_names[NS_COUNT];
extern const uint32_t ns_flags[NS_COUNT];	/* CLONE_NEW* */
const char *ns_file(enum ns_kind kind);		/* below /proc/PID/ns */

enum ns_how { NS_UNSAID, NS_HOST, NS_NEW, NS_PATH, NS_GROUP, NS_NONE };
struct ns_wish {
	uint8_t how;
	const char *name;	/* of NS_PATH and NS_GROUP */
};

enum caps_set {
	CAPS_ALL, CAPS_BOUNDING, CAPS_PERMITTED, CAPS_EFFECTIVE, CAPS_INHERITABLE,
	CAPS_AMBIENT, CAPS_SETS
};
enum { CAP_NAMES = 41 };
extern const char *const cap_names[CAP_NAMES];
#define CAPS_EVERY ((1ull << CAP_NAMES) - 1)

enum { RLIMITS = 16 };
extern const char *const rlimit_names[RLIMITS];	/* by the kernel's order on most machines */

/* /dev/shm, in the end without SHM_AUTO. */
struct shm_wish {
	uint8_t kind;		/* enum shm_kind */
	const char *group;	/* of SHM_GROUP */
};

/* One element of a repeatable key. */
struct item {
	struct item *next;
	struct origin at;
	const char *name, *text;
	uint64_t a, b, c;
};

struct list {
	struct item *first, **last;
	unsigned n;
};

enum stdio_kind { STDIO_INHERIT, STDIO_NULL, STDIO_PATH, STDIO_APPEND };
struct stdio_wish {
	uint8_t kind;
	const char *path;
};

enum root_kind { ROOT_NONE, ROOT_DIR, ROOT_TMPFS, ROOT_IMAGE, ROOT_CPIO };
struct root_wish {
	uint8_t kind;
	uint8_t rec;
	const char *path;	/* on the host */
	const char *type;	/* of an image, NULL: by its magic */
	uint64_t size;		/* bytes, 0: the kernel's default */
	uint32_t mode;
};

enum mount_kind {
	MOUNT_BIND, MOUNT_TMPFS, MOUNT_PROC, MOUNT_SYSFS, MOUNT_MQUEUE, MOUNT_DEVPTS,
	MOUNT_DEVICE, MOUNT_OVERLAY, MOUNT_OTHER, MOUNT_MASK, MOUNT_FILE, MOUNT_SYMLINK,
	MOUNT_DIR, MOUNT_HUB, MOUNT_KINDS
};

/* Words that a mount line may carry; which ones, per kind, is in mount.c. */
enum mount_flag {
	MF_RO = 1 << 0, MF_RW = 1 << 1, MF_REC = 1 << 2, MF_SUID = 1 << 3,
	MF_DEV = 1 << 4, MF_EXEC = 1 << 5, MF_NOEXEC = 1 << 6, MF_OPTIONAL = 1 << 7,
	MF_CREATE = 1 << 8, MF_SUBSET_PID = 1 << 9, MF_NOSUID = 1 << 10,
	MF_NODEV = 1 << 11, MF_NONE = 1 << 12,	/* proc=none, mask=none */
	MF_SIZE = 1 << 13, MF_MODE = 1 << 14, MF_UID = 1 << 15, MF_GID = 1 << 16,
	MF_HIDEPID = 1 << 17, MF_IDMAP = 1 << 18, MF_UPPER = 1 << 19, MF_LOWER = 1 << 20,
	MF_PROP = 1 << 21, MF_NOREC = 1 << 22, MF_FOLLOW = 1 << 23,
};

struct mount_wish {
	struct mount_wish *next;
	struct origin at;
	uint8_t kind, prop;
	uint32_t flags;			/* MF_* that were written */
	const char *src, *dst;		/* host side and inside */
	const char *type, *data;	/* of mount=; type of hub= is its name */
	const char *upper, *work;
	const char *const *more;	/* further lower= directories, lines of a file */
	unsigned nmore;
	uint64_t size;			/* bytes */
	uint32_t mode, uid, gid, hidepid;
	uint32_t map[3];		/* idmap: inside, outside, count */
};

/* A bind that follows what the host has at its path. */
enum { FOLLOWS = 16 };
struct follow_conf {
	const char *path;
	uint16_t wish;			/* which of the mounts it is */
};

struct mount_list {
	struct mount_wish *first, **last;
	unsigned n;
};

/* Whether it is a directory or file of the host, as it is there. */
static inline int mount_binds(const struct mount_wish *m)
{
	return m->kind == MOUNT_BIND || m->kind == MOUNT_HUB;
}

/* What a supervisor does with the sandbox; hutch run does not look at it. */
enum service_type { SERVICE_LONG = 1, SERVICE_ONESHOT, SERVICE_CONSOLE };
enum start_kind { START_AUTO = 1, START_DEMAND, START_MANUAL };
enum restart_kind { RESTART_NEVER = 1, RESTART_ON_FAILURE, RESTART_ALWAYS };
enum limit_action { LIMIT_SLOW = 1, LIMIT_STOP, LIMIT_EXIT, LIMIT_REBOOT };
enum ready_kind { READY_NONE, READY_FD, READY_NOTIFY };
enum log_kind { LOG_NONE, LOG_CONSOLE, LOG_KMSG, LOG_SYSLOG, LOG_FILE };
enum listen_kind { LISTEN_TCP, LISTEN_UDP, LISTEN_UNIX, LISTEN_UNIX_DGRAM, LISTEN_UNIX_SEQPACKET };
enum { LISTENS = 16, NO_SIGNAL = 0 };

struct service_wish {
	uint8_t type, start, restart, critical;
	struct { uint64_t min, max; } restart_delay;			/* milliseconds */
	struct { uint64_t count, time; } restart_limit;			/* count 0: none */
	struct { uint8_t action, status; uint64_t delay; } on_limit;
	struct { uint8_t codes[32]; uint64_t signals; } success;	/* bit N-1 is signal N */
	struct { uint8_t kind, fd; } ready;
	struct { uint8_t kind, keep; const char *path; uint64_t size; } log;
	uint64_t restart_reset, start_timeout, stop_timeout, watchdog, every;	/* ms, 0: none */
	uint64_t log_size;		/* bytes of the ring */
	int64_t ahead;
	uint8_t stop_signal;
	struct list after, needs;	/* item.text: a service's name */
	struct list listens;		/* .a kind, .text address or path, .b port, .c mode, .name */
	const char *on_mount, *on_path;
};

/* What init.conf says about the machine; see keys.def. Times in ms. */
struct boot_wish {
	uint8_t lo;			/* enum choice_yes */
	const char *hostname, *console, *init;
	const char *good;		/* NULL: none */
	struct list sysctls;		/* .text: NAME=VALUE */
	struct list modules;		/* .text: NAME, or NAME OPTION=VALUE... */
	struct mount_list mounts;	/* MOUNT_OTHER */
	struct {
		const char *device, *type, *options;
		const char *overlay_device, *overlay_type;	/* of tmpfs the type only */
		uint8_t rw;
		uint64_t wait;
	} root;				/* device NULL: none */
	struct { const char *device; uint64_t time, budget; } watchdog;
	int64_t readers;		/* a group, 0: none */
	uint64_t deadline, shutdown_timeout, setup_timeout, rescue_timeout;
};

struct profile {
	/* First what is asked for most: near fields make short code. */
	uint8_t tty, init, root_mode, root_seal, dev, no_new_privs, keyring, template;
	struct { uint8_t prop, rec; } propagation;
	uint32_t ns_set, umask, securebits;
	struct arena *arena;
	const char *user, *group, *workdir, *hostname, *domainname;
	struct words exec;
	struct mount_list mounts;
	struct list hubs;		/* .name: its name, .text: path, .a: share */
	struct root_wish root;
	uint32_t ioprio, sched;		/* class or policy, level or priority << 8 */
	struct ns_wish ns[NS_COUNT];
	struct shm_wish shm;
	uint64_t caps[CAPS_SETS];
	struct list groups, env, env_pass, fds, rlimits, uidmap, gidmap, time_offset, sysctls;
	struct stdio_wish stdio[3];
	int64_t nice, oom_score;
	uint64_t shm_size, timeout;	/* bytes; milliseconds, 0: none */
	const char **files;		/* names of the files read, by origin.file */
	unsigned nfiles;
	struct origin at[KEY_COUNT];	/* where each key was last written; file 0: nowhere */
	unsigned char cpus[128];	/* 1,024 processors, as cpu_set_t */
	struct service_wish service;
	struct boot_wish boot;
};

enum { OFTEN_ONCE, OFTEN_MANY };

struct key {
	const char *word;		/* and what is known of it at once, see keys.c */
	unsigned short offset;		/* of the field in struct profile */
	uint8_t type, often : 2, length : 6;	/* length: of the word */
} __attribute__((packed, aligned(4)));	/* no holes: there are many */
extern const struct key keys[KEY_COUNT];	/* keys[KEY_NONE] is empty */

/* The other columns of keys.def; all but the default are unpacked when asked for. */
const char *key_default(const struct key *key);
const char *key_syntax(const struct key *key);
const char *key_group(const struct key *key);
const char *key_help(const struct key *key);

/* Whether it is one of init.conf: those are the last of the table. */
int key_boots(enum key_id key);

/* The syntax, where values are read by it (CHOICE, INT, SYSCTL, NS, SHM): at no cost. */
const char *key_choices(const struct key *key);

/*
 * Where included files come from: the text of `path`, which is written relative
 * to the file `from` (NULL: to the working directory). The text lives as long as
 * the profile. `name` gets the name to use in messages.
 */
struct profile_text {
	const char *name, *text;
	size_t length;
};
typedef int profile_loader(void *ctx, const char *path, const char *from,
			   struct profile_text *to, struct err *e);

struct profile_reader {
	struct profile *p;
	struct diags *diags;
	profile_loader *load;
	void *ctx;
	int depth;
	int machine;		/* what is read is init.conf: keys of the group boot, and no others */
	struct origin at;	/* of the line in hand */
	unsigned column;	/* where its value starts */
	const char *hubs;	/* what the loader knows the machine's hubs by, or NULL: there are none */
};

/* The name for that, which no file has: see gather.h. */
extern const char profile_hubs[];

void profile_init(struct profile *p, struct arena *a);
void profile_reader_init(struct profile_reader *r, struct profile *p,
			 struct diags *d, profile_loader *load, void *ctx);

/* Whether a file of this name is the machine's own, init.conf: then set reader.machine. */
int profile_is_machine(const char *path);

/* Reads a file and what it includes; findings go to the reader's diags. */
void profile_file(struct profile_reader *r, const char *path);

/* One `key=value` argument of the command line; number counts from 1. */
void profile_argument(struct profile_reader *r, const char *text, unsigned number);

/* Replaces exec by the n words behind `--`, as they stand. */
void profile_exec(struct profile_reader *r, const char *const *words, int n);

/* Fills in defaults and applies the rules between keys. Call once, at the end. */
void profile_finish(struct profile_reader *r);

/* The binds that follow, the first FOLLOWS of them; how many. */
unsigned profile_follows(const struct profile *p, struct follow_conf to[FOLLOWS]);

/* Whether the key was written anywhere. */
int profile_has(const struct profile *p, enum key_id key);

/* The IPC group that the sandbox is a member of, for its IPC namespace, its /dev/shm or both; or NULL. */
const char *profile_group(const struct profile *p);

/* CLONE_NEW* that could be made ahead of a start: new ones that belong to the first user namespace. */
uint32_t profile_ahead(const struct profile *p);

/* "web.conf:6", "argument 2", or the profile's name alone for a default. */
void profile_where(const struct profile *p, struct origin at, struct out *o);

/*
 * The hub of this name: .text is its path, .a whether it is to be shared. NULL: there is none,
 * which `why`, unless it is NULL, says with the nearest name.
 */
enum { HUB_WHY = 200 };
const struct item *hub_find(const struct profile *p, const char *name, char *why);

/* Prints what was written as a profile that reads back the same. */
void profile_print(const struct profile *p, struct out *o);

/* Its hubs alone, likewise. */
void profile_print_hubs(const struct profile *p, struct out *o);

/* file:line:column: message, one a line, then how many there were if not all fit. */
void profile_print_diags(const struct profile *p, const struct diags *d, struct out *o);

#endif
