/*
 * The loop around one process in a sandbox, in the foreground: its channel, its
 * terminal, the signals and the time limit. hutch run and hutch exec share it.
 */
#ifndef HUTCH_DRIVE_H
#define HUTCH_DRIVE_H

#include "apply/follow.h"
#include "apply/step.h"
#include "cli/cli.h"
#include "cli/relay.h"

/* The caller sets wish, and status_fd to a descriptor or -1; for templates, request and steps; the rest is 0. */
struct run {
	struct wish *wish;
	struct walk walk;
	struct relay relay;
	int signals, status_fd;
	int built, failed, exited, timed_out, reaped;
	int status;		/* as wait(2) tells it */
	int64_t deadline;	/* ms, 0: none */
	struct follow_watch watch;
	struct follow follow;
	struct follow_conf file[FOLLOWS];
	unsigned nfiles;
	struct err err;
	struct plan_request *request;	/* that the wish was planned for */
	struct out steps;		/* plan_request.exact */
	struct identity *identity;	/* of the template */
	int template, again;
	int useless;			/* a launch from it failed: the whole plan may work */
};

/*
 * Walks the plan of the wish and waits for the end; argv is that of the command, for
 * self.seal. Prints what fails. Returns hutch's exit status.
 */
int drive(struct run *r, char **argv);

/*
 * keep.c: for a plan that is a launch, a template, or the whole plan instead; and once more when that launch has
 * failed: 1 where it is to be tried again. And when the sandbox is built: which template is of no use.
 */
void keep_begin(struct run *r);
int keep_again(struct run *r);
void keep_built(struct run *r);

/*
 * attend.c: files that follow the host's. Before the launch; in each turn, with whether r->watch.fd
 * has something to say; when a child has ended; when attend has to be called again, ms, 0: never.
 */
void attend_begin(struct run *r);
void attend(struct run *r, int told);
void attend_reap(struct run *r);
int64_t attend_deadline(const struct run *r);

#endif
