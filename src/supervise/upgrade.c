/*
 * An upgrade: what could fail is done before anything is given up. The other program is
 * opened by a copy of this one and looks at the state there; then it goes on here.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include "apply/seal.h"
#include "archive/texts.h"
#include "base/text.h"
#include "kernel/k.h"
#include "supervise/keep.h"

enum { CHECK_MS = 10000, PATH_ROOM = 4096 };

static char looker_stack[32 << 10] __attribute__((aligned(16)));

static void __attribute__((format(printf, 2, 3))) failed(struct supervisor *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_vformat(s->upgrade.text, sizeof s->upgrade.text, format, args);
	va_end(args);
	text_plain(s->upgrade.text, strlen(s->upgrade.text));
	event_tell(s, NULL, "no upgrade: %s", s->upgrade.text);
	s->upgrade.count++;
	s->upgrade.deadline = 0;
	s->upgrade.ready = 0;
	k_drop(&s->upgrade.exe);
	k_drop(&s->upgrade.words);
}

/* Only in the copy that looks. */
static struct {
	struct supervisor *s;
	char path[PATH_ROOM];
	int exe, words, sealed, state;
	int texts[IMAGES];
} look;

static void complain(const char *what)
{
	char text[160];

	text_format(text, sizeof text, "%s: %s", what, errno_text());
	k_send(look.words, text, strlen(text), -1);
	k_exit(1);
}

/* Where our own program was; another one may have taken its place. */
static void own_path(void)
{
	static const char gone[] = " (deleted)";
	long n = k_readlink(AT_FDCWD, "/proc/self/exe", look.path, sizeof look.path - 1);
	size_t ends = sizeof gone - 1;

	look.path[n > 0 ? n : 0] = '\0';
	if (n > (long)ends && !strcmp(look.path + n - ends, gone))
		look.path[n - (long)ends] = '\0';
	/* A sealed copy does not know where it came from, but by its name; or it is what there is. */
	if (!*look.path || !strncmp(look.path, "/memfd:", 7))
		text_format(look.path, sizeof look.path, "%s", *resume_name() == '/' ? resume_name() : "/proc/self/exe");
}

/* The program is opened here, for that may take long: the supervisor gets it as it is checked. */
static int look_main(void *unused)
{
	(void)unused;
	k_fault_side('c');
	launch_unprepare();
	if (k_prctl(PR_SET_PDEATHSIG_, SIGKILL, 0, 0))
		complain("upgrade");
	if (!*look.path)
		own_path();
	if (look.exe < 0) {
		look.exe = k_open(AT_FDCWD, look.path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
		if (look.exe >= 0 && look.sealed)
			look.exe = self_copy(look.exe);
		if (look.exe < 0)
			complain(look.path);
	}
	if (k_send(look.words, "", 1, look.exe) != 1 || k_dup2(look.words, 1, 0) < 0 || k_dup2(look.words, 2, 0) < 0)
		complain("upgrade");
	resume_look(look.exe, look.state, look.texts);
	complain(look.path);
	return 1;
}

/* Why another program could not go on, or NULL. */
static const char *cannot(const struct supervisor *s)
{
	for (int i = 0; i < IMAGES; i++)
		if (s->images[i].image && s->images[i].texts < 0)
			return PACKED("the profiles are in no memory that outlives this hutch");
	if (keep_fd() < 0)
		return PACKED("the state is in no memory that outlives this hutch");
	return NULL;
}

/* A copy of this process opens the program, if it is not open, and becomes it. */
static void look_start(struct supervisor *s)
{
	int ends[2];

	if (k_socketpair(ends)) {
		failed(s, "%s", errno_text());
		return;
	}
	look.exe = s->upgrade.exe;
	look.words = ends[1];
	look.state = keep_fd();
	look.sealed = s->image && s->image->facts.self_sealed;
	for (int i = 0; i < IMAGES; i++)
		look.texts[i] = s->images[i].texts;
	s->upgrade.reloads = s->reloads;
	s->upgrade.words = ends[0];
	s->upgrade.deadline = s->now + CHECK_MS;
	s->upgrade.pid = k_clone(look_main, looker_stack + sizeof looker_stack, SIGCHLD, NULL);
	if (s->upgrade.pid < 0) {
		s->upgrade.pid = 0;
		failed(s, "%s", errno_text());
	}
	k_close(ends[1]);
}

void upgrade_start(struct supervisor *s, const char *path)
{
	const char *why = cannot(s);

	if (why) {
		failed(s, "%s", why);
		return;
	}
	text_format(look.path, sizeof look.path, "%s", path);
	k_drop(&s->upgrade.exe);
	look_start(s);
}

void upgrade_due(struct supervisor *s)
{
	if (!s->upgrade.deadline || s->now < s->upgrade.deadline)
		return;
	s->upgrade.deadline = 0;
	s->upgrade.late = 1;
	k_kill(s->upgrade.pid, SIGKILL);
}

/* What it has said: the last words; and the program comes along, by its descriptor. */
static void hear(struct supervisor *s, char text[160])
{
	long n;
	int passed;

	text[0] = '\0';
	while ((n = k_receive(s->upgrade.words, text, 159, &passed, 0)) > 0) {
		text[n] = '\0';
		if (passed < 0)
			break;
		if (s->upgrade.exe < 0)
			s->upgrade.exe = passed;
		else
			k_close(passed);
	}
	k_drop(&s->upgrade.words);
}

int upgrade_reaped(struct supervisor *s, int pid, int status)
{
	int late = s->upgrade.late;
	char text[160];

	if (!s->upgrade.pid || pid != s->upgrade.pid)
		return 0;
	s->upgrade.pid = s->upgrade.late = 0;
	s->upgrade.deadline = 0;
	hear(s, text);
	/* What it has seen is neither the old profiles nor the new ones: it looks again, see upgrade_go. */
	s->upgrade.ready = !late && s->reloads != s->upgrade.reloads;
	if (s->upgrade.ready)
		return 1;
	if (late)
		failed(s, "it has not looked at the state in time");
	else if (WIFSIGNALED(status))
		failed(s, "it was ended by signal %d when it looked at the state", WTERMSIG(status));
	else if (status || s->upgrade.exe < 0)
		failed(s, "%s", *text ? text : "it refuses, without a word");
	else if (strcmp(text, resume_good) != 0)
		failed(s, "it is no hutch that could go on");
	else
		s->upgrade.ready = 1;
	return 1;
}

void upgrade_go(struct supervisor *s)
{
	s->resuming = 0;
	if (!s->upgrade.ready)
		return;
	s->upgrade.ready = 0;
	/* It has not seen these profiles. */
	if (s->reloads != s->upgrade.reloads) {
		look_start(s);
		return;
	}
	s->resuming = RESUME_UPGRADE;
	resume_exec(s, s->upgrade.exe);
	s->resuming = 0;
	failed(s, "%s", errno_text());
}
