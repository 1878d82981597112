/* Another program, or this one after a crash, goes on where the last one was: both sides of that. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archive/texts.h"
#include "base/text.h"
#include "kernel/k.h"
#include "supervise/answer.h"
#include "supervise/keep.h"
#include "supervise/loader.h"
#include "supervise/main.h"

enum { FCNTL_TRIES = 3 };

const char resume_good[] = "goes on with it\n";
static char **again;			/* hutch's arguments, the second one free */

void resume_init(char **argv)
{
	again = argv;
}

/* ---- the new program ---------------------------------------------------------- */

/* On a descriptor all hangs: nothing that passes keeps it from its way. */
static int set_flags(int fd, int flags)
{
	int failed = -1;

	for (int tries = 0; failed && tries < FCNTL_TRIES; tries++)
		failed = k_fcntl(fd, F_SETFD, flags);
	return failed;
}

/* One that is not open any more is none. */
static void hold(int *fd)
{
	if (*fd >= 0 && set_flags(*fd, FD_CLOEXEC) && errno == EBADF)
		*fd = -1;
}

/* Which sets somebody still looks at, as bits of their slots. */
static unsigned slots_used(const struct supervisor *s)
{
	unsigned used = s->in_force < IMAGES ? 1u << s->in_force : 0;

	for (struct service *v = NULL; (v = service_next(s, v));)
		used |= 1u << v->slot | (v->next ? 1u << v->next_slot : 0);
	return used;
}

/* Each set that is needed, once; of the others only the descriptor is left. */
static int make_sets(struct supervisor *s, char why[160])
{
	static unsigned made;
	unsigned used = slots_used(s);

	for (unsigned i = 0; i < IMAGES; i++) {
		if (made >> i & 1)
			continue;
		s->images[i].image = NULL;
		if (!(used >> i & 1)) {
			k_drop(&s->images[i].texts);
		} else if (load_kept(s, i, why)) {
			return -1;
		}
		why[0] = '\0';
		made |= 1u << i;
	}
	s->image = s->in_force < IMAGES ? s->images[s->in_force].image : NULL;
	return 0;
}

static const struct service_conf *conf_of(const struct supervisor *s, unsigned slot, unsigned file)
{
	const struct image *image = slot < IMAGES ? s->images[slot].image : NULL;

	/* Who only looks sees what the supervisor changes meanwhile. */
	for (unsigned i = 0; image && i < image->set.count; i++)
		if (image->set.service[i].file == file)
			return &image->set.service[i];
	return NULL;
}

/* Pointers into sets are made anew by the file that the service is from. */
static int link_services(struct supervisor *s, char why[160])
{
	for (struct service *v = NULL; (v = service_next(s, v));) {
		const struct service_conf *conf = conf_of(s, v->slot, v->file);
		const struct service_conf *next = v->next ? conf_of(s, v->next_slot, v->next_file) : NULL;
		unsigned slot = v->next_slot;

		if (!conf || (v->next && !next)) {
			text_format(why, 160, "a service is not in its profiles");
			return -1;
		}
		v->ring.memory = NULL;
		service_link(v, s->images[v->slot].image, conf);
		if (next)
			service_link_next(v, s->images[slot].image, next);
	}
	return 0;
}

static void take_clients(struct supervisor *s)
{
	char text[120];

	for (struct client *c = NULL; (c = client_next(s, c));)
		if (c->fd <= 0 || (c->asked && (c->length > CONTROL_REQUEST ||
						request_read(&c->request, c->text, c->length, text))))
			c->deadline = s->now;
}

/* What was under way and cannot be gone on with is begun again. */
static void begin_again(struct supervisor *s)
{
	if (s->upgrade.pid > 0)
		k_kill(s->upgrade.pid, SIGKILL);
	if (s->upgrade.pid || s->resuming == RESUME_UPGRADE) {
		text_format(s->upgrade.text, sizeof s->upgrade.text, "%s",
			    s->resuming == RESUME_UPGRADE ? "" : "hutch crashed meanwhile");
		s->upgrade.count++;
	}
	if (s->resuming == RESUME_UPGRADE) {
		k_close(s->exe);
		s->exe = s->upgrade.exe;
		s->upgrade.exe = -1;
	}
	k_drop(&s->upgrade.exe);
	s->upgrade.pid = s->upgrade.ready = s->upgrade.late = 0;
	s->upgrade.deadline = 0;
	s->new_image = NULL;
	/* What it was about to go to is made ready once more. */
	if (s->new_root)
		s->set_up = 0;
	s->new_root = NULL;
	if (s->loader > 0)
		k_kill(s->loader, SIGKILL);
	if (!s->loading)
		return;
	s->loader = s->loading = s->load_again = 0;
	if (s->image && load_start(s))
		event_tell(s, NULL, "cannot load: %s", errno_text());
}

int resume(struct supervisor *s, char why[160])
{
	keep_each(s, hold);
	if (make_sets(s, why) || link_services(s, why))
		return -1;
	s->now = k_now_ms();
	place_resume(s);
	if (s->init && s->image)
		event_console(s->image->set.machine.console);
	take_clients(s);
	k_prctl(PR_SET_NAME_, (unsigned long)"hutch", 0, 0);
	if (s->resuming == RESUME_UPGRADE)
		event_tell(s, NULL, "resumed after upgrade %u", (unsigned)++s->upgrades);
	else
		event_tell(s, NULL, "resumed after crash %u, by signal %u", (unsigned)s->crashes, s->crash_signal);
	for (struct service *v = NULL; (v = service_next(s, v));)
		launch_resume(s, v);
	begin_again(s);
	trigger_soon();
	s->changed = 1;
	return 0;
}

int resume_check(int fd, struct arena *a)
{
	char why[160] = "";
	struct supervisor *s;

	k_fault_side('c');
	load_init(a);
	s = keep_open(fd, MAP_PRIVATE, why);
	if (s && !make_sets(s, why) && !link_services(s, why))
		for (int i = 0; i < IMAGES && !*why; i++)
			if (s->images[i].image && s->images[i].image->set.notes)
				text_format(why, sizeof why, "%s", s->images[i].image->set.notes);
	if (*why)
		k_write(1, why, strlen(why));
	else
		k_write(1, resume_good, sizeof resume_good - 1);
	return *why ? 1 : 0;
}

/* ---- the old one -------------------------------------------------------------- */

static void let_through(int *fd)
{
	if (*fd >= 0)
		set_flags(*fd, 0);
}

/* By its descriptor; where the kernel wants a path (5.10 with TOMOYO), by one that leads there. */
static void execute(int exe, const char *option, int fd)
{
	char word[32], path[32];

	text_format(word, sizeof word, "%s%d", option, fd);
	text_format(path, sizeof path, "/proc/self/fd/%d", exe);
	again[1] = word;
	k_execve_fd(exe, again, environ);
	if (errno == ENOENT)
		k_execve(path, again, environ);
}

void resume_look(int exe, int state, const int texts[IMAGES])
{
	set_flags(state, 0);
	for (int i = 0; i < IMAGES; i++)
		if (texts[i] >= 0)
			set_flags(texts[i], 0);
	execute(exe, "--resume-check=", state);
}

const char *resume_name(void)
{
	return again[0];
}

void resume_exec(struct supervisor *s, int exe)
{
	int error;

	event_flush();
	keep_each(s, let_through);
	execute(exe, "--resume=", keep_fd());
	error = errno;
	keep_each(s, hold);
	errno = error;
}
