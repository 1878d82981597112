/* Files that follow the host's, of the sandbox that hutch run is about, see drive.h. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "apply/process.h"
#include "archive/texts.h"
#include "cli/drive.h"
#include "kernel/k.h"

static char stack[64 << 10] __attribute__((aligned(16)));

static void tell(void *ctx, const char *path, int code)
{
	(void)ctx;
	cli_error("%.300s: %s: the sandbox keeps the old file", path, error_text(code));
}

static void look(struct run *r, int64_t now)
{
	follow_add(&r->watch, r->file, r->nfiles, now);
	follow_look(&r->follow, r->file, r->nfiles, tell, r);
}

void attend_begin(struct run *r)
{
	r->watch.fd = -1;
	if (r->wish->plan.root_switch >= SWITCH_OVER)
		r->nfiles = profile_follows(&r->wish->profile, r->file);
	if (!r->nfiles)
		return;
	look(r, k_now_ms());
	/* What is there now is what the launch will bring in; whatever comes from here on is told. */
	r->follow.due = 0;
}

static int bring(void *run)
{
	struct run *r = run;
	struct target target = {.pid = r->walk.pid};

	/* What hutch holds is not this one's to keep open; and it ends with hutch. */
	k_close_range(3, ~0u);
	if (k_prctl(PR_SET_PDEATHSIG_, SIGKILL, 0, 0) || process_start(target.pid, &target.start))
		k_exit(ESRCH);
	k_exit(follow_bring(&r->wish->profile, &r->wish->facts, &target, r->file[r->follow.which].wish));
}

void attend(struct run *r, int told)
{
	int64_t now = r->nfiles ? k_now_ms() : 0;

	if (!r->nfiles)
		return;
	if (told)
		follow_hear(&r->watch, now);
	if (follow_time(&r->watch, now))
		look(r, now);
	follow_due(&r->follow, now);
	if (!r->built || r->failed || r->reaped || follow_next(&r->follow, now) < 0)
		return;
	r->follow.pid = k_clone(bring, stack + sizeof stack, SIGCHLD, r);
	if (r->follow.pid < 0)
		follow_ended(&r->follow, r->file, EAGAIN << 8, now, tell, r);
}

void attend_reap(struct run *r)
{
	int status;

	if (r->follow.pid > 0 && k_wait(r->follow.pid, &status, WNOHANG) == r->follow.pid && !r->reaped)
		follow_ended(&r->follow, r->file, status, k_now_ms(), tell, r);
}

int64_t attend_deadline(const struct run *r)
{
	int64_t first, other;

	if (!r->nfiles)
		return 0;
	first = r->watch.look;
	other = r->built && !r->failed ? follow_deadline(&r->follow) : 0;
	return other && (!first || other < first) ? other : first;
}
