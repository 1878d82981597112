/*
 * What follows when nothing of a service runs any more; see state.h.
 *
 * The promise of the supervisor is kept here: whoever is wanted and not told by
 * its own profile to stay down gets a next attempt within its longest pause.
 */
#include "service/state.h"

#include <errno.h>
#include <sys/wait.h>

enum { SHORT_MS = 100, STEP_MS = 10 };

const char *const verdict_names[VERDICTS] = {
	[VERDICT_EXIT] = "exit", [VERDICT_ASKED] = "asked", [VERDICT_SHORT] = "short",
	[VERDICT_BROKEN] = "broken", [VERDICT_TIMEOUT] = "timeout",
	[VERDICT_WATCHDOG] = "watchdog",
};

int code_is_short(int code)
{
	return code == EAGAIN || code == ENOMEM || code == EMFILE || code == ENFILE ||
	       code == ENOSPC || code == EIO;
}

int status_good(const struct service_conf *c, int status)
{
	if (WIFSIGNALED(status))
		return (c->success_signals >> (WTERMSIG(status) - 1) & 1) != 0;
	return !WEXITSTATUS(status) ||
	       (c->success_codes[WEXITSTATUS(status) / 8] >> WEXITSTATUS(status) % 8 & 1);
}

static uint32_t doubled(uint32_t delay, uint32_t from, uint32_t max)
{
	delay = delay ? delay * 2 : from;
	return delay < max ? delay : max;
}

/* No pause is longer than restart-delay allows, but it has to grow from something. */
static uint32_t next_pause(const struct service_conf *c, struct past *past, int stable)
{
	if (stable)
		past->streak = 0;
	if (!past->streak)
		past->delay = c->delay_min;
	else
		past->delay = doubled(past->delay, STEP_MS, c->delay_max);
	past->streak++;
	return past->delay;
}

static uint8_t count_failure(const struct service_conf *c, struct past *past, int64_t now)
{
	if (!c->limit_count)
		return 0;
	if (!past->failures || now - past->window > c->limit_time) {
		past->window = now;
		past->failures = 0;
	}
	if (++past->failures <= c->limit_count)
		return 0;
	past->failures = 0;
	return c->on_limit;
}

/* Wanted, and its end is no failure. */
static enum event after_success(const struct service_conf *c, const struct end *end, int stable)
{
	if (c->type == SERVICE_ONESHOT)
		return EVENT_FINISH;
	if (c->start == START_DEMAND && stable)
		return EVENT_ARM;
	/* One that looks away at once would be called again at once: let it pause. */
	if (c->start == START_DEMAND && end->was_ready)
		return EVENT_AGAIN;
	return c->restart == RESTART_ALWAYS ? EVENT_AGAIN : EVENT_REST;
}

struct judgement judge(const struct service_conf *c, const struct end *end, struct past *past)
{
	struct judgement j = {.event = EVENT_REST};
	int stable = end->was_ready && end->now - end->ready_since >= c->reset;

	if (end->verdict != VERDICT_SHORT)
		past->shorts = 0;
	if (!end->wish_up)
		return j;
	if (end->has_trigger && !end->triggered) {
		j.event = EVENT_ARM;
		return j;
	}
	if (end->verdict == VERDICT_ASKED) {
		past->streak = 0;
		j.event = EVENT_NOW;
		return j;
	}
	if (end->verdict == VERDICT_SHORT) {
		uint32_t n = past->shorts < 16 ? past->shorts++ : 16, max = c->delay_max;

		j.event = EVENT_AGAIN;
		j.delay = SHORT_MS << n;
		if (j.delay > max)
			j.delay = max > SHORT_MS ? max : SHORT_MS;
		return j;
	}
	j.failed = end->verdict != VERDICT_EXIT || !status_good(c, end->status);
	if (!j.failed)
		j.event = after_success(c, end, stable);
	else if (c->restart != RESTART_NEVER)
		j.event = EVENT_AGAIN;
	else if (c->every)
		j.event = EVENT_FINISH;	/* its next time comes all the same */
	if (j.failed && j.event == EVENT_AGAIN)
		j.limit = count_failure(c, past, end->now);
	if (j.limit == LIMIT_SLOW)
		j.delay = c->limit_delay;
	else if (j.limit)
		j.event = EVENT_REST;
	else if (j.event == EVENT_AGAIN)
		j.delay = next_pause(c, past, stable);
	return j;
}
