/* Steps into a running sandbox: its process, the namespaces and root of that, its ids. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "apply/proc.h"
#include "apply/process.h"
#include "apply/step.h"
#include "base/text.h"
#include "base/uapi.h"
#include "kernel/k.h"

/* The descriptor stays that of this process, or of none: never of the next with its pid. */
static int open_process(struct walk *w, int pid)
{
	char path[16];

	text_format(path, sizeof path, "%d", pid);
	return k_open(w->proc, path, O_PATH | O_DIRECTORY, 0);
}

int do_TARGET_OPEN(struct walk *w, const struct step *s)
{
	int fd = open_process(w, (int)s->op[1].n);
	uint64_t start;

	if (fd < 0)
		return step_failed(w, "");
	w->fd[s->op[0].n] = fd;
	if (process_start_at(fd, "stat", &start))
		return step_failed(w, "");
	if (start != (uint64_t)s->op[2].n)
		return step_failed_code(w, ESRCH, PACKED("its process is gone, and another has the number"));
	/* Once in the sandbox, this process is one of those that the payload can see. */
	return k_prctl(PR_SET_DUMPABLE_, 0, 0, 0) ? step_failed(w, "") : 0;
}

int do_TARGET_CHILD(struct walk *w, const struct step *s)
{
	int dir = w->fd[s->op[1].n], pid = (int)s->op[2].n;
	int child = process_child(dir, pid, w->arena), fd = child > 0 ? open_process(w, child) : -1;

	w->fd[s->op[0].n] = fd;
	/* Still its child after the open, or the number was used again. */
	if (child < 0 || (child && fd < 0))
		return step_failed(w, "");
	if (!child || process_child(dir, pid, w->arena) != child)
		return step_failed_code(w, ESRCH, PACKED("the payload is gone"));
	return 0;
}

int do_TARGET_ROOT(struct walk *w, const struct step *s)
{
	int fd = k_open(w->fd[s->op[1].n], "root", O_PATH | O_DIRECTORY, 0);

	w->fd[s->op[0].n] = fd;
	return fd < 0 ? step_failed(w, "") : 0;
}

/* The name in /proc/PID/ns of the namespace that a flag of clone(2) means. */
static const char *flag_file(uint32_t flag)
{
	enum ns_kind kind = 0;

	while (kind < NS_COUNT - 1 && ns_flags[kind] != flag)
		kind++;
	return ns_file(kind);
}

int do_NS_OPEN(struct walk *w, const struct step *s)
{
	struct k_stat own, its;
	char path[24];
	int fd;

	text_format(path, sizeof path, "self/ns/%s", flag_file((uint32_t)s->op[2].n));
	/* A kind that this kernel does not have is nobody's. */
	if (k_stat(w->proc, path, 0, STATX_INO_, &own))
		return errno == ENOENT ? 0 : step_failed(w, path);
	fd = k_open(w->fd[s->op[1].n], path + strlen("self/"), O_RDONLY, 0);
	if (fd < 0)
		return step_failed(w, "");
	if (k_fstat(fd, STATX_INO_, &its)) {
		step_failed(w, "");
		k_close(fd);
		return -1;
	}
	/* The own user namespace cannot be joined, and the others need no right then. */
	if (own.ino == its.ino)
		k_close(fd);
	if (own.ino == its.ino && w->plan->root_switch == SWITCH_LIVE && s->op[2].n == CLONE_NEWNS_)
		return step_failed_code(w, EINVAL, PACKED("that process is in this very namespace"));
	if (own.ino != its.ino)
		w->fd[s->op[0].n] = fd;
	return 0;
}

static int take_groups(struct walk *w, const char *text)
{
	for (text += strspn(text, " \t"); *text >= '0' && *text <= '9'; text += strspn(text, " ")) {
		if (w->ids.ngroups >= MAX_GROUPS)
			return step_failed_code(w, E2BIG, PACKED("more than 64 groups"));
		w->ids.group[w->ids.ngroups++] = (uint32_t)text_number(&text, 10);
	}
	return 0;
}

/*
 * By its status, as this user namespace sees it, and not by the sandbox's /etc/passwd:
 * that may have become the payload's work. The real ids are those that no set-uid
 * program changes.
 */
int do_IDS_TAKE(struct walk *w, const struct step *s)
{
	size_t mark = w->arena->used, length;
	char *status = proc_read(w->fd[s->op[0].n], "status", w->arena, &length);
	const char *uid, *gid, *groups, *bound, *bar;
	int result = 0;

	if (!status)
		return step_failed(w, "");
	uid = status_field(status, "Uid");
	gid = status_field(status, "Gid");
	groups = status_field(status, "Groups");
	bound = status_field(status, "CapBnd");
	bar = status_field(status, "NoNewPrivs");
	if (!uid || !gid || !groups || !bound || !bar)
		return step_failed_code(w, ESRCH, PACKED("the payload is gone"));
	w->ids.uid = (uint32_t)number_at(uid);
	w->ids.gid = (uint32_t)number_at(gid);
	/* An id that is not mapped cannot be set, and is the caller's as it was the payload's. */
	w->ids.set_uid = w->ids.uid != getuid() || w->ids.uid != geteuid();
	w->ids.set_gid = w->ids.gid != getgid() || w->ids.gid != getegid();
	w->bound = text_number(&bound, 16);
	if (s->op[1].n)
		result = take_groups(w, groups);
	if (!result && *bar == '1' && k_prctl(PR_SET_NO_NEW_PRIVS_, 1, 0, 0))
		result = step_failed(w, "");
	w->arena->used = mark;
	return result;
}
