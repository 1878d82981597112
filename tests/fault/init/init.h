/* What the files of the sweep over PID 1 share; see ../init.c. */
#ifndef TESTS_FAULT_INIT_H
#define TESTS_FAULT_INIT_H

#include <stddef.h>

#include "../shared/calls.h"
#include "../shared/place.h"
#include "kernel/fault.h"

#define R W "/root"	/* the machine's root; in the phase root, only what it shares with us */

enum phase { BOOT, ROOT, REBOOT, POWEROFF, PHASES };
struct phase_row {
	const char *name, *quick, *full, *hang;	/* sides as in kernel/fault.h, by mode */
	int signal, end;			/* what PID 1 is told, and what its parent sees */
};
extern const struct phase_row phases[PHASES];

/* ---- what is going on: init.c ---- */

extern enum phase phase_now;
extern char side_now;
extern unsigned bad;

/* ---- machine.c: the machine, and the fault in it ---- */

enum { ALL_UP = 3 };
extern struct fault_log *fault_log;
extern struct fault_wish now_wish;	/* what is to be armed, or was last */
extern int machine, machine_end;	/* pid of its PID 1; waitpid's word, -1 for 0, 0: it lives */
extern unsigned heard;			/* services that have said that they run, as bits */
extern char version;			/* that the last of them said */

void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
void read_file(const char *path, char *to, size_t size);	/* always ended */
void build_root(const char *dir);
void start(void);
int pump(int ms);		/* looks on for so long, or until something is heard: whether it lives */
int pressed(char key);		/* of the kernel's emergency keys, in a test build */
void prepare(int how, const struct call *c, int nth, int code);
void arm(void);			/* what was prepared */
void disarm(void);
int fired(void);

/*
 * ram.c: for the phase root, a machine that begins in an initramfs, RAM, and goes to a real root: the
 * service there is of version 2. build_ram is called by each machine, because it deletes it.
 */
#define RAM W "/ram"
void build_image(const char *dir);
void build_ram(void);

#endif
