/*
 * What a boot was complete with is kept, for one that is not. It is written by a process
 * of its own, because a disk may hang; only when it differs, because a flash wears out; and
 * under another name first, so that power that fails leaves one whole text.
 */
#include "supervise/good.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "apply/file.h"
#include "apply/gather.h"
#include "archive/texts.h"
#include "base/text.h"
#include "kernel/k.h"

enum { STACK = 16 << 10 };

static char stack[STACK] __attribute__((aligned(16)));
static const struct image *kept;	/* that it was written of, or not to be */
static int writer;			/* pid, or 0 */

/* Into memory of `size` bytes: how many there are, or -1. */
static long read_file(const char *path, char *to, size_t size)
{
	int fd = k_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct k_stat st;
	size_t used = 0;
	long n = -1;

	if (fd < 0)
		return -1;
	if (!k_fstat(fd, STATX_TYPE_, &st) && S_ISREG(st.mode))
		while (used < size && (n = k_read(fd, to + used, size - used)) > 0)
			used += (size_t)n;
	k_close(fd);
	return n < 0 ? -1 : (long)used;
}

void good_read(struct text_archive *to, const char *path)
{
	char *memory = k_memory(GATHER_TEXTS, 0);
	long n = memory ? read_file(path, memory, GATHER_TEXTS) : -1;

	*to = (struct text_archive){memory, n > 0 ? (size_t)n : 0, 0};
	if (n > 0 && !texts_check(to))
		return;
	if (memory)
		k_forget(memory, GATHER_TEXTS);
	to->base = NULL;
}

/* The directory that a path lies in, made if it is the only one that is missing; -1 with errno. */
static int open_parent(const char *path)
{
	char parent[4096];
	const char *slash = strrchr(path, '/');
	int fd;

	text_format(parent, sizeof parent, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	fd = k_open(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0 || errno != ENOENT || k_mkdir(AT_FDCWD, parent, 0700))
		return fd;
	return k_open(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY, 0);
}

static int replace(const char *path, const struct text_archive *t)
{
	const char *name = strrchr(path, '/') + 1;
	char draft[260];
	int dir = open_parent(path), fd, error;

	if (dir < 0)
		return -1;
	if ((size_t)text_format(draft, sizeof draft, "%s.new", name) >= sizeof draft) {
		errno = ENAMETOOLONG;
		return -1;
	}
	k_unlink(dir, draft, 0);
	fd = k_open(dir, draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
	if (fd >= 0 && !file_write(fd, t->base, t->used) && !k_fsync(fd) && !k_rename(dir, draft, name))
		return k_fsync(dir);
	error = errno;
	if (fd >= 0)
		k_unlink(dir, draft, 0);
	errno = error;
	return -1;
}

static int write_main(void *image)
{
	const struct set *set = &((const struct image *)image)->set;
	char *old;
	long n;

	k_fault_side('g');
	k_prctl(PR_SET_PDEATHSIG_, SIGKILL, 0, 0);
	k_close_range(3, ~0u);
	old = k_memory(GATHER_TEXTS, 0);
	n = old ? read_file(set->machine.good, old, GATHER_TEXTS) : -1;
	if (n >= 0 && (size_t)n == set->texts.used && !memcmp(old, set->texts.base, set->texts.used))
		k_exit(0);
	k_exit(replace(set->machine.good, &set->texts) ? errno & 0xff : 0);
}

/* Nothing in it is a substitute, or waits for one. */
static int is_clean(const struct set *set)
{
	if (set->machine.findings || set->machine.source || set->notes)
		return 0;
	for (unsigned i = 0; i < set->count; i++)
		if (set->service[i].findings || set->service[i].source)
			return 0;
	return 1;
}

static int64_t late_from(const struct supervisor *s)
{
	return s->set_since + s->image->set.machine.deadline;
}

int64_t good_deadline(const struct supervisor *s)
{
	return s->image && s->image != kept && s->now < late_from(s) ? late_from(s) : 0;
}

void good_look(struct supervisor *s)
{
	const struct image *image = s->image;
	int pid;

	if (image == kept || writer || s->ending)
		return;
	if (!image->set.machine.good || !is_clean(&image->set)) {
		kept = image;
		return;
	}
	/* Every wanted service was ready once; when that has taken too long, the critical ones are. */
	if (s->turn->count[s->now >= late_from(s) ? COUNT_UNREADY : COUNT_UNPROVEN])
		return;
	pid = k_clone(write_main, stack + sizeof stack, SIGCHLD, (void *)(uintptr_t)image);
	writer = pid > 0 ? pid : 0;
	kept = image;
	if (pid < 0)
		event_tell(s, NULL, "boot.good %s: %s", image->set.machine.good, errno_text());
}

int good_reaped(struct supervisor *s, int pid, int status)
{
	if (pid != writer || !pid)
		return 0;
	writer = 0;
	if (status && s->image && s->image->set.machine.good)
		event_tell(s, NULL, "boot.good %s: %s", s->image->set.machine.good,
			   status & 0x7f ? "ended by a signal" : error_text(status >> 8));
	return 1;
}
