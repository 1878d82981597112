/*
 * What init.conf says about the machine, in numbers and texts of a set, and how a
 * supervisor's time ends. Pure.
 */
#ifndef HUTCH_MACHINE_H
#define HUTCH_MACHINE_H

#include <stdint.h>

struct profile;
struct set;

/* How it ends; all but the first are the machine's end too. In the order of their words. */
enum end_kind { END_EXIT, END_HALT, END_POWEROFF, END_REBOOT, END_KINDS };
extern const char *const end_names[END_KINDS];	/* "exit", "halt", "poweroff", "reboot" */

struct machine_mount {
	const char *type, *source, *target;
	const char *data;		/* or NULL */
	uint32_t flags;			/* enum mount_flag: what was written */
	uint32_t prop;			/* enum propagation, 0: not said */
};

struct machine_conf {
	const char *findings;		/* what is wrong with init.conf, NULL: nothing; then all else is by default, or `source`'s */
	const char *hostname, *console, *init, *good;	/* NULL: not said, or none */
	const char *const *sysctl;	/* nsysctl of NAME=VALUE */
	const char *const *module;	/* nmodule of NAME or NAME OPTIONS */
	const struct machine_mount *mount;
	uint16_t nsysctl, nmodule, nmount;
	uint8_t lo;
	uint8_t said;			/* there is an init.conf */
	uint8_t boots;			/* a key of it that only PID 1 heeds, 0: none is written */
	uint8_t source;			/* enum source, see service.h */
	struct {
		uint8_t rw;
		uint32_t wait;					/* ms, for the device */
		const char *device, *type, *options;		/* device NULL: stay on the initramfs */
		const char *overlay_device, *overlay_type;	/* type NULL: no overlay */
	} root;
	struct { const char *device; uint32_t time, budget; } watchdog;	/* ms */
	uint32_t readers;		/* group that may look on, 0: none */
	uint32_t deadline, shutdown_timeout, setup_timeout, rescue_timeout;	/* ms */
};

/*
 * In numbers what was read; texts and arrays stay the profile's. -1: its arena is full.
 */
int machine_read(struct machine_conf *to, const struct profile *p);

/* Into the set's own memory. -1: no room. */
int machine_copy(struct set *to, const struct machine_conf *from);

#endif
