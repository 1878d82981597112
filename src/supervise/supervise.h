/*
 * The supervisor's own house. Private to this floor; its door is main.h.
 *
 * Everything that runs is in struct supervisor, which is reserved when hutch
 * starts and not handed on to any child. A launch is a process of its own that
 * reads the profile, plans and builds, and whose sandbox is this process's child:
 * nothing that can block or fail for long is done here.
 */
#ifndef HUTCH_SUPERVISE_H
#define HUTCH_SUPERVISE_H

#include <signal.h>

#include "base/arena.h"
#include "plan/facts.h"
#include "service/service.h"
#include "service/state.h"
#include "supervise/main.h"
#include "supervise/place.h"
#include "supervise/ring.h"

enum { CLIENTS = 32, WHY_ROOM = 160 };

/*
 * What is KEPT lies in memory that outlives this program (keep.h): a later one, or this
 * one after a crash, goes on with it. Fields are only added, at the end and up to the room
 * that keep.c gives, and a new one's zero means that all is as before. Pointers are made anew.
 */
#define KEPT_ROOM(bytes) __attribute__((aligned(bytes)))

/*
 * A set of services with the facts it was made under: memory of its own, which the
 * loader fills and the supervisor and its launches only read. The set's texts have another
 * one, of which it can be made again.
 */
struct image {
	struct set set;
	struct facts facts;
	uint32_t done;			/* 1 + the exit status that the loader is going to have */
	uint8_t slot;			/* of supervisor.images */
	volatile uint32_t limit;	/* ms that the loader may take, 0: not said */
	struct setup_report setup;
	volatile uint8_t set_up;	/* that is over */
	char good[256];			/* where the last good profiles are, as soon as it is known */
	char memory[] __attribute__((aligned(16)));	/* of the set's arena, which aligns to it */
};

/* A place: a service's name and all that belongs to it while the supervisor runs. KEPT. */
struct service {
	const struct service_conf *conf;	/* NULL: a free place */
	const struct image *image;		/* that conf lies in */
	const struct service_conf *next;	/* takes conf's place when nothing runs; or NULL */
	const struct image *next_image;
	uint8_t state, verdict, wish_up, removed;
	uint8_t triggered;		/* what triggers it is there */
	uint8_t attempted;		/* its first attempt has an end, good or bad */
	uint8_t told;			/* bit mask of TOLD_*: said once per run */
	uint8_t begun;			/* has been in a set that is in force */
	uint8_t has_ended;		/* `status` is one of wait(2) */
	uint8_t was_ready;		/* once, with this profile */
	int launcher, pid;		/* 0: none */
	int report;			/* from the launcher, or -1 */
	int channel;			/* from the sandbox, or -1 */
	int notify;			/* its NOTIFY_SOCKET, or -1 */
	int ready;			/* read end of ready=fd, or -1 */
	int log[2];			/* the pipe of its output, kept over restarts, or -1 */
	int listen[LISTENS];		/* sockets held for it, or -1 */
	int status;			/* of the last end, as wait(2) tells it */
	uint32_t pause;			/* ms, until the next attempt */
	int64_t since;			/* ms, of the state */
	int64_t deadline;		/* ms, 0: none */
	int64_t started, ready_since;	/* ms */
	int64_t away;			/* ms: since when it is not up though critical, 0: it is */
	uint64_t restarts;
	struct past past;
	struct ring ring;
	uint64_t log_seen;		/* position in the ring: forwarded up to here */
	uint64_t log_lost, log_untold;	/* bytes that could not be forwarded; not told there yet */
	char why[WHY_ROOM];		/* what the status says about the state */
	uint16_t file, next_file;	/* of conf and next, in the texts of their images */
	uint8_t slot, next_slot;	/* of their images */
	uint8_t starts;			/* of this conf that came to exec, 2: or more */
	uint8_t direct;			/* the last start: without a launcher */
	uint8_t no_direct;		/* it cannot be: 1 and a row of direct.def */
	uint8_t no_template;		/* how many starts in a row from one have failed; TEMPLATE_TRIES: there is none any more */
	uint8_t again;			/* it did not do, and a launcher has the next turn */
	uint8_t templated;		/* the last launcher has been given a template */
#ifdef HUTCH_NEXT
	uint64_t later;			/* in tests: a field that comes with the next version */
#endif
	char behind[];
} KEPT_ROOM(1024);
enum { TEMPLATE_TRIES = 3, IMAGES = 10, LEAVERS = 8 };
enum { TOLD_MAINPID = 1, TOLD_STRANGER = 2, TOLD_LONG = 4, TOLD_STARTED = 8 };

/* By enum log_kind: where the services' output goes. KEPT. */
enum { LOG_TARGETS = LOG_FILE + 1, LOG_LINE = 2 * RING_CHUNK };	/* with its prefix a line has to fit a record of kmsg */
struct log_state {
	struct log_target {
		int fd;
		int64_t retry;		/* ms: not opened before */
	} target[LOG_TARGETS];
	unsigned stuck, more;		/* bits of kinds: takes nothing now; has had its share */
	unsigned unused;
	int writer;			/* pid of the process that writes files, or 0 */
	uint32_t nrest;
	char rest[LOG_LINE + 128];	/* a terminal may take half a line */
	char behind[];
};

/* An attempt at another program for this process. */
struct upgrade {
	int pid;			/* of who looks whether it would work, or 0 */
	int exe, words;			/* the program; what is said about it, or -1 */
	int64_t deadline;		/* ms */
	unsigned reloads;		/* of the supervisor, when it began to look */
	uint32_t count;			/* attempts that came to an end */
	uint8_t ready, late;		/* it would work; it took too long */
	char text[160];			/* how the last one ended; "": well */
};

/* KEPT. */
struct supervisor {
	struct service *service;	/* SERVICES places, `places` of them touched */
	unsigned places;
	const struct image *image;	/* in force; NULL before the first */
	int *born;			/* by place: pid of the sandbox, written by the kernel */
	char *const *paths;		/* what to load: directories and files */
	int npaths;
	struct turn *turn;
	struct log_state *log;
	struct client *client;		/* CLIENTS of them */
	struct control_state *control;
	int64_t now;			/* ms, of this turn of the loop */
	int64_t last_orphan;		/* ms: when somebody's orphan was reaped */
	uint8_t storm;			/* they come in masses: the next turn waits for more of them */
	int signals;			/* signalfd */
	uint8_t ending;			/* shutdown was asked for: bit 0, and again: bit 1 */
	uint8_t end;			/* enum end_kind: what follows */
	uint8_t init;			/* this is PID 1: there is nobody to give up to */
	uint8_t debug;			/* each event is for people too */
	uint8_t set_up;			/* the machine's settings are in force, or were given up */
	uint8_t no_seal;		/* no sealed copy of this program can be made */
	uint8_t changed;		/* more than some services: look at the order of all again */
	const struct image *new_root;	/* its set-up has prepared one; NULL: none */
	uint8_t loading, load_again, looked_again, must_seal;
	uint8_t source;			/* enum source: where the first set is looked for, from the disk on */
	uint8_t exit_status;
	int loader;			/* pid, or 0 */
	int64_t load_since;		/* ms: when it began */
	int64_t set_since;		/* ms: when the set came into force */
	int64_t load_retry;		/* ms: when PID 1 without a set looks again, 0: not */
	int64_t end_stop, end_leave;	/* ms: when services are killed, and left alone, as PID 1 */
	int64_t end_deadline;		/* ms: when all of it has to be over */
	struct watchdog watchdog;
	machine_setup *setup;		/* or NULL */
	int leaver[LEAVERS];		/* pids of who takes services out of IPC groups, or 0 */
	int64_t leave_until;		/* ms: at the end, those are waited for so long */
	struct image *new_image;	/* that the loader fills */
	struct {
		const struct image *image;	/* of which something may still run; NULL: a free slot */
		int texts;			/* memfd, or -1 */
	} images[IMAGES];
	uint8_t in_force;		/* the slot of `image`; IMAGES: none */
	uint8_t crash_signal;
	uint8_t resuming;		/* another program has just taken over */
	int exe;			/* this program, or -1 */
	uint64_t nofile[2];		/* the limit that payloads start with */
	uint32_t crashes, upgrades;	/* that this came through */
	int64_t crashed;		/* ms, of the last one, 0: none */
	unsigned reloads;		/* sets that came into force or were refused */
	struct ring events;		/* key=value lines: the supervisor's own log */
	struct upgrade upgrade;
	char reload_text[4000];		/* about the last load; here, it is on a page that is seldom touched */
	char behind[];
};

/* loop.c: one turn: what is due, then what has come. */
void loop_turn(struct supervisor *s);

/* Deadlines in ms, 0: none; *first becomes the earlier one. */
void deadline_earlier(int64_t *first, int64_t deadline);

/*
 * end.c: ends orderly; status is the supervisor's own in the end. PID 1 does not end without
 * the machine: for END_EXIT it reboots.
 */
void supervisor_end(struct supervisor *s, int status, enum end_kind kind);
void end_signal(struct supervisor *s, int signal);	/* one of those that end it; others mean nothing */
uint64_t end_signals(const struct supervisor *s);	/* those, as a set */

/* PID 1 has to be through with the services while there is time for the rest. */
int end_is_hasty(const struct supervisor *s);
/* What cannot be killed does not keep PID 1 from the rest. */
int end_is_over(struct supervisor *s);
/* Lets go of what others can see; to: for PID 1, how it ends. */
void end_finish(struct supervisor *s, struct supervise_end *to);

/* Whether a payload runs that may be signalled and entered. */
int service_runs(const struct service *v);

/* services.c: delivers an event; follows it until the service rests in a state. */
void service_event(struct supervisor *s, struct service *v, enum event event);

/* A person's or trigger's wish. `restart`: what runs is stopped first. */
void service_want(struct supervisor *s, struct service *v, int up);
void service_want_boot(struct supervisor *s, struct service *v);	/* triggers are waited for */
void service_restart(struct supervisor *s, struct service *v);

/* Whether what triggers it is there now (trigger.c, listen.c tell). */
void service_trigger(struct supervisor *s, struct service *v, int there);

/* Gives a place to a service of a set; NULL when there is none (told). */
struct service *service_place(struct supervisor *s, const struct image *image,
			      const struct service_conf *conf);

/* Takes v->next over where nothing runs of what there was. */
void service_adopt(struct supervisor *s, struct service *v);

/* Its place is free from now on. */
void service_leave(struct supervisor *s, struct service *v);

/* Remembers why, for status and events. */
void service_why(struct service *v, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * order.c. Starts those whose order allows it, stops those that must go first; with all that
 * is derived of the places it is through then, but for what it leaves for the next turn: 1.
 */
int order_look(struct supervisor *s);

/* Whether v is needed by w. */
int order_needs(const struct service *w, const struct service *v);
/* What v comes after: its needs first, then what it only comes after; NULL: it is in no place, or that was the last. */
struct service *order_before(struct supervisor *s, const struct service *v, unsigned i);
/* Those that come after v, one after the other: all 0 for the first, NULL after the last. */
struct order_cursor {
	unsigned slot, i;
	const struct service_conf *conf;
};
struct service *order_after(struct supervisor *s, const struct service *v, struct order_cursor *at);

/* Lets a place run this service of this set; and later that one (NULL: none). */
void service_link(struct service *v, const struct image *image, const struct service_conf *conf);
void service_link_next(struct service *v, const struct image *image, const struct service_conf *conf);

struct service *service_find(struct supervisor *s, const char *name);

/* The services that there are, one after the other: the first after NULL, NULL after the last. */
struct service *service_next(const struct supervisor *s, struct service *v);

/* launch.c */
int launch_start(struct supervisor *s, struct service *v);	/* -1: errno */
void launch_prepare(void);		/* in each turn: once something runs, what the next launch needs */
void launch_unprepare(void);		/* in a child that may hang */
void launch_look(struct supervisor *s);	/* in each turn: who has got to its payload, and has no channel that would tell */
/* While s->exe is still the program that is gone: a start without a channel had told its memory alone. It has come to its payload, or
 * a launcher begins it anew. */
void launch_resume(struct supervisor *s, struct service *v);
int launch_lives(const struct supervisor *s, struct service *v);
void launch_kill(struct supervisor *s, struct service *v);
int launch_late(struct supervisor *s, struct service *v);	/* 1: its sandbox has ended, and its launcher, which hangs, is ended now */
void launch_read(struct supervisor *s, struct service *v);	/* report, channel, ready */
/*
 * The payload runs: ready too, unless it said that it would tell. Whatever it says
 * shows that, and may come before the word of its init.
 */
void launch_runs(struct supervisor *s, struct service *v);
/* Dead, and its number still its own: what it left behind without a PID namespace goes. */
void launch_reaping(int pid);
void launch_leave(struct supervisor *s, struct service *v);		/* its IPC group, by a process of its own */
int launch_left(struct supervisor *s, int pid);		/* 1: it was such a one */
int launch_leaving(const struct supervisor *s);		/* some are about it */
int launch_reaped(struct supervisor *s, int pid, int status);	/* 1: it was one's */
void launch_close(struct service *v);			/* what belongs to one run */

/* direct.c: the plan for starts without a launcher does not hold any more; who is at it now may go on. */
void direct_drop(struct service *v);

/*
 * follow.c: files of services that follow the host's. Nothing is open while no service has
 * one. A launch is told before it begins; follow_turn in every turn, with what poll(2) said.
 */
void follow_launch(struct supervisor *s, struct service *v);
int follow_poll(struct pollfd *fds);	/* how many it put there, up to 1 */
void follow_turn(struct supervisor *s, const struct pollfd *fds, int n);
int follow_reaped(struct supervisor *s, int pid, int status);	/* 1: it was one of its own */
int64_t follow_until(const struct supervisor *s);		/* ms, 0: none */

/*
 * ahead.c: namespaces made ahead. Wanted once a payload runs, taken by its next start (then they are the caller's to
 * close; 1: there are some), dropped when there is none.
 */
void ahead_want(const struct service *v);
int ahead_take(const struct service *v, int to[NS_COUNT]);
void ahead_drop(const struct service *v);
int ahead_reaped(struct supervisor *s, int pid, int status);	/* 1: it was the one that makes them */

/* load.c: sets, by a process of their own. */
int load_start(struct supervisor *s);			/* -1: errno */
void image_forget(struct supervisor *s, const struct image *image);	/* nobody looks at it any more */
void images_sweep(struct supervisor *s);			/* of those at which no place looks any more, the memory goes */
int load_reaped(struct supervisor *s, int pid, int status);	/* 1: it was the loader */
void load_look(struct supervisor *s);			/* whether it is done, though it still lives */
/* As PID 1: when a loader is given up, or the next attempt at a first set is due. ms, 0: never. */
int64_t load_deadline(const struct supervisor *s);
void load_due(struct supervisor *s);	/* looks whether that time has come */

/*
 * Makes the set of a slot again out of its texts, by such a process, which is waited for. -1:
 * nothing came of it, why not. set.notes says what this program does not understand of it.
 */
int load_kept(struct supervisor *s, unsigned slot, char why[160]);

/* good.c: keeps the set with which a boot was complete. */
void good_look(struct supervisor *s);	/* in each turn */
int64_t good_deadline(const struct supervisor *s);	/* ms, 0: none */
int good_reaped(struct supervisor *s, int pid, int status);	/* 1: it was the one that writes */

/* event.c: from now on people are told on this console, NULL: where it is by default. Kept: the text. */
void event_console(const char *path);

/* One line for `hutch events` and, if it can take it, standard error; v may be NULL. */
void event_tell(struct supervisor *s, const struct service *v, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void event_say(struct supervisor *s, const struct service *v, const char *text);	/* as it is */
void event_settle(void);	/* before the ring is read: what has happened is in it */
void event_flush(void);		/* people are told at the end of a turn, or now */
void event_lines(struct supervisor *s, const struct service *v, const char *text);	/* one for each, or NULL */

/*
 * log.c: the pipes of the services, and where their text goes besides the ring. What
 * cannot go on now waits in the ring: log_move, in each turn of the loop, tries again.
 */
enum { LOG_POLL = 4 };
int log_open(struct service *v);	/* before each launch; -1: errno. log[] is -1 at first */
void log_read(struct supervisor *s, struct service *v);
struct ring *log_ring(struct service *v);	/* v's, which can be read until another one is asked for */
void log_end(struct supervisor *s, struct service *v);	/* a run is over, so is its last line */
void log_close(struct service *v);
int log_poll(const struct supervisor *s, struct pollfd *fds);	/* how many it put there, up to LOG_POLL */
void log_move(struct supervisor *s);
int64_t log_deadline(const struct supervisor *s);	/* ms, 0: none */
void log_leave(struct supervisor *s);				/* no more: what is written is written */
int log_reaped(struct supervisor *s, int pid);		/* 1: it was the one that writes files */

/* logfile.c: the process that writes log files, because a disk may hang. */
enum { LOG_TEXT = 4096 };		/* bytes of text in a record */
struct log_record {
	uint64_t limit;			/* bytes, of the file; 0: none */
	uint32_t keep;			/* old files */
	char text[4096 + LOG_TEXT];	/* the path with its NUL, then text */
};
int logfile_main(void *socket);		/* pointer to a descriptor; for k_clone */

/* notify.c */
void notify_read(struct supervisor *s, struct service *v);

/*
 * A NOTIFY_SOCKET for a service that sees the host's files: without a path, at an
 * address that the kernel chose. `name` gets its text. -1: errno.
 */
int notify_abstract(char name[16]);

/* The word for whoever started the supervisor: sd_notify(3). Nobody may listen. */
void notify_parent(const char *text);

/* listen.c: -1 with errno when a socket cannot be had; kept ones stay. */
int listen_open(struct service *v);
void listen_close(struct service *v);
/* For one that waits for a connection: opens its sockets, or sets the time of the next try. */
void listen_wait(struct supervisor *s, struct service *v);
/* Before v->conf becomes `to`: keeps the sockets that both have, closes the others. */
void listen_change(struct service *v, const struct service_conf *to);
void listen_read(struct supervisor *s, struct service *v);	/* somebody connects, it seems */

/*
 * trigger.c: on-mount and on-path. Nothing is open and no time is set while no service
 * has such a key. trigger_read is called in every turn, with what poll(2) said of
 * trigger_poll's.
 */
int trigger_poll(struct supervisor *s, struct pollfd *fds);	/* how many it put there, up to 2 */
void trigger_read(struct supervisor *s, const struct pollfd *fds, int n);
void trigger_look(struct supervisor *s);	/* now, whatever happened */
void trigger_soon(void);	/* in the next turn: some service has another conf now */
int64_t trigger_deadline(const struct supervisor *s);	/* ms, 0: none */

/*
 * control.c. Opens the socket; readers_gid: the group whose members may look, or -1.
 * -1 with EADDRINUSE: another supervisor answers there. Whatever else fails is told,
 * and tried again later.
 */
int control_open(struct supervisor *s, long readers_gid);
/* Makes a socket again that somebody has removed; for whoever may ask so without it. */
void control_look(struct supervisor *s);
int control_poll(struct supervisor *s, struct pollfd *fds);	/* how many it put there */
void control_move(struct supervisor *s, const struct pollfd *fds, int n);
/* When it wants to be called again: ms, 0: never. Answers what happened since it last was. */
int64_t control_deadline(struct supervisor *s);
void control_close(struct supervisor *s);	/* after the last answers */

#endif
