/* The hardware watchdog, see watchdog.h. */
#include "supervise/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#include "archive/texts.h"
#include "kernel/k.h"
#include "service/progress.h"
#include "supervise/supervise.h"

/* watchdog.h of the kernel; seconds. */
#define WDIOC_SETTIMEOUT_ _IOWR('W', 6, int)
#define WDIOC_GETTIMEOUT_ _IOR('W', 7, int)

enum { LAST_MS = 10000, PETS = 3 };	/* so many within its time */

static const char *const stalls[] = {
	[STALL_NONE] = "petted",
	[STALL_BOOT] = "not petted: the boot was not complete within boot.deadline",
	[STALL_CRITICAL] = "not petted: a critical service is away for longer than its budget",
	[STALL_END] = "not petted: the shutdown takes too long",
};

/* A device may know only some times: the one that it took counts. -1: errno. */
static int set_time(struct watchdog *w, uint32_t ms)
{
	int seconds = (int)((ms + 999) / 1000), failed;

	failed = k_ioctl(w->fd, WDIOC_SETTIMEOUT_, &seconds);
	if (failed) {
		int error = errno;

		if (k_ioctl(w->fd, WDIOC_GETTIMEOUT_, &seconds))
			seconds = (int)((w->wanted + 999) / 1000);
		errno = error;
	}
	w->time = seconds > 0 ? (uint32_t)seconds * 1000 : 1000;
	return failed;
}

static void pet(struct watchdog *w, int64_t now)
{
	/* Any byte but V, which would be leave to stop. */
	k_write(w->fd, "", 1);
	w->next = now + w->time / PETS;
}

void watchdog_pet(struct watchdog *w, int64_t now)
{
	if (w->fd > 0 && now >= w->next)
		pet(w, now);
}

void watchdog_last(struct watchdog *w)
{
	if (w->fd <= 0)
		return;
	if (w->time > LAST_MS)
		set_time(w, LAST_MS);
	pet(w, 0);
}

static void start(struct supervisor *s, const struct machine_conf *m)
{
	struct watchdog *w = &s->watchdog;

	w->wanted = m->watchdog.time;
	w->budget = m->watchdog.budget;
	w->fd = k_open(AT_FDCWD, m->watchdog.device, O_WRONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (w->fd < 0) {
		if (!w->told)
			event_tell(s, NULL, "watchdog %s: %s", m->watchdog.device, errno_text());
		w->told = 1;
		w->fd = 0;
		w->next = s->now + w->wanted / PETS;
		return;
	}
	if (set_time(w, w->wanted))
		event_tell(s, NULL, "watchdog %s: it stays at %u s: %s", m->watchdog.device, w->time / 1000, errno_text());
	else
		event_tell(s, NULL, "watchdog %s: %u s", m->watchdog.device, w->time / 1000);
	w->next = s->now;
}

/* Since when the critical service that is worst off is away, 0: none is. */
static int64_t worst(const struct supervisor *s)
{
	int64_t since = 0;

	for (struct service *v = NULL; s->turn->count[COUNT_AWAY] && (v = service_next(s, v));)
		deadline_earlier(&since, v->away);
	return since;
}

static void look(struct supervisor *s, const struct machine_conf *m)
{
	struct watchdog *w = &s->watchdog;
	struct progress p = {
		.now = s->now, .deadline = w->deadline, .complete = w->complete, .away = worst(s),
		.end = s->ending ? s->end_deadline : 0, .budget = w->budget,
	};
	enum stall stall = progress_judge(&p);

	if (stall != w->stall)
		event_tell(s, NULL, "watchdog: %s", stalls[stall]);
	w->stall = (uint8_t)stall;
	if (s->now < w->next)
		return;
	/* One that no profile names any more goes on as it was: there is no way to end it that is safe. */
	if (m->watchdog.device)
		w->budget = m->watchdog.budget;
	if (m->watchdog.device && w->wanted != m->watchdog.time) {
		w->wanted = m->watchdog.time;
		set_time(w, w->wanted);
	}
	if (stall)
		w->next = s->now + w->time / PETS;
	else
		pet(w, s->now);
}

void watchdog_look(struct supervisor *s)
{
	const struct machine_conf *m = s->image ? &s->image->set.machine : NULL;
	struct watchdog *w = &s->watchdog;

	if (!s->init || !m)
		return;
	if (!w->deadline)
		w->deadline = s->now + m->deadline;
	/* Whoever is wanted has been up, or its first attempt had an end; who waits for a trigger is as it should be. */
	if (!w->complete && !s->turn->count[COUNT_UNTRIED])
		w->complete = s->now;
	if (!w->fd && m->watchdog.device && s->now >= w->next)
		start(s, m);
	if (w->fd)
		look(s, m);
}

int64_t watchdog_deadline(const struct supervisor *s)
{
	return s->watchdog.next;
}
