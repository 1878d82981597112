/* What the commands share. Only this floor prints, and only main.c exits. */
#ifndef HUTCH_CLI_H
#define HUTCH_CLI_H

#include "base/arena.h"
#include "plan/plan.h"
#include "profile/profile.h"

/* Exit statuses, see hutch(8). */
enum {
	EXIT_NOT = 1, EXIT_USAGE = 2, EXIT_TIMEOUT = 124, EXIT_HUTCH = 125, EXIT_DENIED = 126,
	EXIT_MISSING = 127,
};

#define COMMAND(id, name, usage, help) int command_##id(int argc, char **argv);
#include "cli/commands.def"
#undef COMMAND

/* Their names, and how many there are. */
enum {
#define COMMAND(id, name, usage, help) COMMAND_##id,
#include "cli/commands.def"
#undef COMMAND
	COMMANDS
};
extern const char *const command_names[COMMANDS];

/* -1: there is none of that name. */
int command_find(const char *name);

/* Prints how a command is used, and what for. */
void command_usage(int command);

/* The one memory of a command: profile, plan and tables live in it. */
extern struct arena cli_arena;

/* Where printers print; cli_flush writes it out and empties it. */
extern struct out cli_out;
void cli_flush(int fd);
extern int cli_unwritten;	/* errno: why not all of it came to standard output; or 0 */

/* All words of this call, with a free one behind the name; the state to go on with, or -1. */
extern char **cli_again;
extern int cli_resume;

/* "hutch: text" on standard error. */
void cli_error(const char *format, ...);
#define cli_error(format, ...) \
	cli_error(PACKED(format, ##__VA_ARGS__), ##__VA_ARGS__)

/* The same for what was tried and an errno, 0 for none. */
void cli_failed(const char *text, int code);

/* 90 seconds as 1m: enough to see since when about. NULL: 0s. */
void cli_age(char to[24], const char *seconds);

/* Says how the command is used; returns EXIT_USAGE. */
int cli_usage(const char *command);

/*
 * The next option of a command, from argv[*i]: its name's index in `names` (each
 * "name" or "name=" for one that takes a value, put into *value); -1 at the first
 * word that is none; -2 when reported.
 */
int cli_option(int argc, char **argv, int *i, const char *const *names, const char **value);

/* What a command makes of `[PROFILE] [KEY=VALUE]... [-- PROGRAM [ARG]...]`. */
struct wish {
	struct profile profile;
	struct diags diags;
	struct facts facts;
	struct plan plan;
	int unreadable;		/* a file could not be read: nobody knows if it is right */
	int machine;		/* it is an init.conf, of which there is no plan */
};

/*
 * Reads words into profile, facts (probed, or from a file) and plan. Findings are
 * printed. 0 when all is well, else -1.
 */
int cli_read(struct wish *to, int argc, char **argv, int first, const char *facts_file,
	     const struct plan_request *request);

/* The same from files that a loader knows by name, the second one may be NULL; n words replace exec. */
int cli_read_from(struct wish *to, const char *const name[2], profile_loader *load, void *ctx,
		  const char *const *words, int n, const struct plan_request *request);

/*
 * The same from the profile of a running sandbox; its process goes to *target, to which
 * the request may point already.
 */
int cli_box(struct wish *to, const char *name, const char *const *words, int n,
	    struct plan_request *request, struct target *target);

/*
 * The hubs of the supervisor's init.conf, and nothing else of it that is to be relied on.
 * -1: there is no supervisor; else its answer as an exit status.
 */
int cli_hubs(struct profile *to);

/* Tells of each running sandbox that has a name, and of each service of a supervisor that runs. */
void box_each(void (*tell)(void *ctx, const char *name, int pid), void *ctx);

/* What hutch mount is to do with these lines, which may change. -1: no room. */
int live_lines(struct live *live, const char **line, int n);
/* hutch umount NAME PATH, with the words of the whole call. Returns the exit status. */
int live_umount(const char *name, const char *path, int lazy, char **argv);

/* The facts of a file, or with NULL those of this kernel. -1: reported. */
int cli_facts(struct facts *to, const char *file);

/* Loads a profile's file; see profile_loader. */
int cli_load(void *ctx, const char *path, const char *from, struct profile_text *to,
	     struct err *e);

#endif
