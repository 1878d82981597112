/* The walker, see walk.h. Knows no step by itself but where the sides part. */
#include "apply/walk.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "apply/registry.h"
#include "base/text.h"
#include "kernel/k.h"

static step_fn *const executors[STEP_KINDS] = {
#define STEP(id, name, side, blocks, operands, help) do_##id,
#include "plan/steps.def"
#undef STEP
};

int walk_init(struct walk *w, const struct plan *plan, struct arena *a)
{
	memset(w, 0, sizeof *w);
	w->plan = plan;
	w->arena = a;
	w->err.step = -1;
	w->bound = w->bset = w->signals = ~0ull;
	w->fd = ARENA_ARRAY(a, int, plan->slots + 1);
	w->note = ARENA_ARRAY(a, struct note, plan->slots + 1);
	for (int i = 0; i < NS_COUNT; i++)
		w->ahead[i] = -1;
	w->channel = w->far_channel = w->group_fd = w->template = w->proc = w->base = w->root = w->scratch = -1;
	if (!w->fd || !w->note)
		return err_set(&w->err, ENOMEM, "the plan is too large");
	for (unsigned i = 0; i <= plan->slots; i++)
		w->fd[i] = -1;
	return 0;
}

int step_failed_code(struct walk *w, int code, const char *text)
{
	err_set(&w->err, code, "%s", text);
	w->err.step = (int)w->at;
	return -1;
}

int step_failed(struct walk *w, const char *text)
{
	return step_failed_code(w, errno, text);
}

int step_error(struct walk *w)
{
	return step_failed(w, "");
}

int step_done(struct walk *w, int failed)
{
	return failed ? step_error(w) : 0;
}

int step_close(struct walk *w, int fd, int failed)
{
	int result = step_done(w, failed);

	k_close(fd);
	return result;
}

static int step_do(struct walk *w)
{
	const struct step *s = &w->plan->step[w->at];

	k_fault_step(step_name(s->kind));
	return executors[s->kind](w, s);
}

/* Whoever talks to a child that is gone already learns from it why. */
static void hear_child(struct walk *w)
{
	struct record r;
	int passed = -1;

	if (w->pid <= 0 || w->channel < 0)
		return;
	while (channel_receive(w->channel, &r, &passed, 0) == 1) {
		k_close(passed);
		if (r.kind != REC_FAILED || r.step < 0 || (unsigned)r.step >= w->plan->nsteps)
			continue;
		err_set(&w->err, r.code, "%s", r.text);
		w->err.step = r.step;
	}
}

int walk_hear(struct walk *w, struct record *r, int *passed)
{
	int got = 0;

	*passed = -1;
	if (w->channel < 0 && !w->told)
		return -1;
	if (!w->told) {
		got = channel_receive(w->channel, r, passed, 0);
	} else if (w->told->apart) {
		*r = (struct record){.kind = REC_READY};
		w->told->apart = 0;
		got = 1;
	} else if (w->told->heard < w->told->n) {
		*r = w->told->record[w->told->heard++];
		got = 1;
	}
	if (!got) {
		w->told = NULL;
		k_close(w->channel);
		w->channel = -1;
	}
	return got;
}

static int walk_from(struct walk *w, unsigned at)
{
	for (w->at = at; w->at < w->plan->nsteps; w->at++) {
		if (step_table[w->plan->step[w->at].kind].side != SIDE_HOST ||
		    w->plan->step[w->at].kind == STEP_MEET)
			break;
		if (step_do(w)) {
			hear_child(w);
			walk_undo(w);
			return -1;
		}
	}
	k_fault_step("serve");
	return 0;
}

int walk_host(struct walk *w)
{
	return walk_from(w, 0);
}

int walk_met(struct walk *w)
{
	return w->plan->step[w->at].kind == STEP_MEET ? walk_from(w, w->at + 1) : 0;
}

static void close_all(struct walk *w)
{
	for (unsigned i = 0; i < w->plan->slots; i++)
		if (w->fd[i] >= 0) {
			k_close(w->fd[i]);
			w->fd[i] = -1;
		}
	k_close(w->channel);
	k_close(w->far_channel);
	w->channel = w->far_channel = -1;
}

void walk_undo(struct walk *w)
{
	/* Who has another parent may be waited for by now, and its number somebody else's: the
	 * supervisor ends it. */
	if (w->pid > 0 && !w->born) {
		k_kill(w->pid, SIGKILL);
		while (k_wait(w->pid, NULL, 0) < 0 && errno == EINTR)
			;
		w->pid = 0;
	}
	registry_leave(w);
	close_all(w);
}

/* Mount points that were made on somebody's disk for a sandbox that never was. */
void unmake_points(struct walk *w)
{
	while (w->nmade > 0) {
		struct made *m = &w->made[--w->nmade];

		/* What was mounted there already keeps its mount point busy. */
		if (!k_fchdir(m->dir))
			k_umount(m->name, MNT_DETACH | UMOUNT_NOFOLLOW);
		k_unlink(m->dir, m->name, m->is_dir ? 0x200 /* AT_REMOVEDIR */ : 0);
	}
}

static void unmake(struct walk *w)
{
	if (w->plan->root_switch == SWITCH_LIVE)
		live_undo(w);
	unmake_points(w);
}

void walk_on(struct walk *w)
{
	for (w->at++; w->at < w->plan->nsteps; w->at++) {
		if (step_table[w->plan->step[w->at].kind].side == SIDE_HOST)
			continue;
		if (step_do(w)) {
			/* The payload-to-be may have no right to; its init has. */
			if (!w->plan->init || step_table[w->plan->step[w->at].kind].side != SIDE_PAYLOAD)
				unmake(w);
			channel_send(w, REC_FAILED, w->err.code, 0, w->err.text, -1);
			break;
		}
	}
	k_exit(125);
}

int walk_inside(void *host_walk)
{
	struct walk *host = host_walk, w = *host;

	k_fault_side('i');
	if (host->told)
		host->told->apart = 0;
	/* With vfork the memory is the host's: its slots stay as they are. */
	w.fd = ARENA_ARRAY(w.arena, int, w.plan->slots + 1);
	if (!w.fd)
		k_exit(125);
	memcpy(w.fd, host->fd, sizeof(int) * (w.plan->slots + 1));
	/* Else this end would keep the channel alive when hutch dies. */
	k_close(host->channel);
	/* And this copy of the lock on the group's file would outlive hutch's own. */
	k_close(host->group_fd);
	w.group_fd = -1;
	w.channel = host->far_channel;
	w.far_channel = -1;
	w.pid = 0;
	w.err.step = -1;
	walk_on(&w);
}

int status_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
