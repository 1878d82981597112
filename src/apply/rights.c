/* Steps that give and take rights: ids, capabilities, the way to more of them. */
#include "apply/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>

#include "apply/file.h"
#include "apply/path.h"
#include "apply/proc.h"
#include "apply/step.h"
#include "base/parse.h"
#include "base/text.h"
#include "kernel/k.h"

/* A file of the sandbox as text; NULL where it has none. */
static char *inside_file(struct walk *w, const char *path)
{
	int fd = path_open(w, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	size_t length;
	char *text;

	if (fd < 0)
		return NULL;
	/* Bounded by the arena; a device or pipe gives nothing and no wait. */
	text = read_all(fd, w->arena, &length);
	k_close(fd);
	return text;
}

static int number_of(const char *text, uint32_t *to)
{
	uint64_t n;

	if (parse_number(text, 0, UINT32_MAX - 1ull, &n))
		return -1;
	*to = (uint32_t)n;
	return 0;
}

/* The user by name or number; the group too, if his line tells it. */
static int find_user(struct walk *w, const char *user, int want_group)
{
	char *file = inside_file(w, "/etc/passwd"), *fields[4];
	int numeric = *user >= '0' && *user <= '9';

	/* None is fine for a number; one that cannot be read may have said another group. */
	if (!file && errno != ENOENT && errno != ENOTDIR)
		return step_failed(w, PACKED("the sandbox's /etc/passwd"));
	w->ids.set_uid = 1;
	if (file && file_line(file, numeric ? 2 : 0, user, fields)) {
		if (number_of(fields[2], &w->ids.uid) || number_of(fields[3], &w->ids.gid))
			return step_failed_code(w, 0, PACKED("his line in the sandbox's /etc/passwd has no numbers"));
		w->ids.set_gid = 1;
		/* The root may be somebody else's work: it makes nobody root. */
		if ((!w->ids.uid || !w->ids.gid) && strcmp(user, "root") != 0 && strcmp(user, "0") != 0)
			return step_failed_code(w, EPERM, PACKED("his line in the sandbox's /etc/passwd says root's ids"));
		return 0;
	}
	if (!numeric)
		return step_failed_code(w, 0, file ? "no such user in the sandbox's /etc/passwd"
						   : "the sandbox has no /etc/passwd: use a number");
	number_of(user, &w->ids.uid);
	if (want_group) {
		w->ids.gid = w->ids.uid;
		w->ids.set_gid = 1;
	}
	return 0;
}

static int find_group(struct walk *w, const char *group, uint32_t *to)
{
	char *file, *fields[4];

	if (!number_of(group, to))
		return 0;
	file = inside_file(w, "/etc/group");
	if (!file || !file_line(file, 0, group, fields) || number_of(fields[2], to))
		return step_failed_code(w, 0, file ? "no such group in the sandbox's /etc/group"
						   : "the sandbox has no /etc/group: use a number");
	return 0;
}

int do_USER_FIND(struct walk *w, const struct step *s)
{
	const char *user = s->op[0].s, *group = s->op[1].s;
	const struct list *groups = s->op[2].p;
	size_t mark = w->arena->used;
	int result = user ? find_user(w, user, !group) : 0;

	if (!result && group) {
		w->ids.set_gid = 1;
		result = find_group(w, group, &w->ids.gid);
	}
	for (const struct item *i = groups->first; i && !result; i = i->next) {
		if (w->ids.ngroups >= MAX_GROUPS)
			result = step_failed_code(w, E2BIG, PACKED("more than 64 groups"));
		else
			result = find_group(w, i->text, &w->ids.group[w->ids.ngroups++]);
	}
	w->arena->used = mark;
	return result;
}

int caps_raise(void)
{
	struct cap_data_ data[2] = {{0}};

	if (k_capget(data))
		return -1;
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted;
	return k_capset(data);
}

int do_CAPS_BOUND(struct walk *w, const struct step *s)
{
	const uint64_t keep = (uint64_t)s->op[0].n & w->bound & ((1ull << CAP_NAMES) - 1);

	/* The init has been here. */
	if (!(w->bset & ~keep))
		return 0;
	for (unsigned long cap = 0; cap < 64; cap++) {
		if (keep >> cap & 1 || !k_prctl(PR_CAPBSET_DROP_, cap, 0, 0))
			continue;
		/* Beyond the last one that the kernel knows, and not just refused. */
		if (errno == EINVAL && cap && k_prctl(PR_CAPBSET_READ_, cap, 0, 0) < 0)
			break;
		return step_error(w);
	}
	w->bset = keep;
	return 0;
}

int do_SECUREBITS(struct walk *w, const struct step *s)
{
	unsigned long set = (unsigned long)s->op[0].n;

	/* "locked" (bit 8) is each bit's neighbour, see capabilities(7). */
	if (set & 0x100)
		set = (set & 0xff) | (set & 0x55) << 1;
	return step_done(w, k_prctl(PR_SET_SECUREBITS_, set, 0, 0));
}

/*
 * A user can open his standard streams again, as /dev/stdout or by a log file that
 * leads there: a pipe lets him, a pty of the sandbox's own becomes his. Best effort, as
 * the streams themselves work anyway. A file that has a name is not ours to change.
 */
static void give_streams(const struct walk *w)
{
	struct statfs fs;

	for (int fd = 0; fd < 3; fd++)
		if (!k_fstatfs(fd, &fs) && fs.f_type == PIPEFS_MAGIC_)
			k_fchmod(fd, fd ? 0622 : 0644);
	if (w->own_tty)
		k_chown(0, "", w->ids.uid, (uint32_t)-1, AT_EMPTY_PATH);
}

int do_IDS_SET(struct walk *w, const struct step *s)
{
	if (w->ids.set_uid)
		give_streams(w);
	/* Else the change from root to a user takes every capability away. */
	if (w->ids.set_uid && k_prctl(PR_SET_KEEPCAPS_, 1, 0, 0))
		return step_error(w);
	/* To have none already is common, and a quarter as dear to see as to say. */
	if (s->op[0].n && (w->ids.ngroups || k_groups()) && k_setgroups(w->ids.ngroups, w->ids.group))
		return step_failed(w, "groups");
	if (w->ids.set_gid && k_setgid(w->ids.gid))
		return step_failed(w, "group");
	if (w->ids.set_uid && k_setuid(w->ids.uid))
		return step_failed(w, "user");
	return 0;
}

/* "all" is what hutch has; a list is what it says. */
static uint64_t all_or(uint64_t wish, uint64_t have)
{
	return wish == CAPS_EVERY ? have : wish;
}

int do_CAPS_SET(struct walk *w, const struct step *s)
{
	struct cap_data_ data[2] = {{0}};
	uint64_t have, set[3];

	/* Where all are taken away, it does not matter which there were. */
	if ((s->op[0].n | s->op[1].n | s->op[2].n) && k_capget(data))
		return step_error(w);
	have = data[0].permitted | (uint64_t)data[1].permitted << 32;
	for (int i = 0; i < 3; i++)
		set[i] = all_or((uint64_t)s->op[i].n, have) & w->bound;
	for (int i = 0; i < 2; i++)
		data[i] = (struct cap_data_){
			.permitted = (uint32_t)(set[0] >> 32 * i),
			.effective = (uint32_t)(set[1] >> 32 * i),
			.inheritable = (uint32_t)(set[2] >> 32 * i),
		};
	return step_done(w, k_capset(data));
}

int do_CAPS_AMBIENT(struct walk *w, const struct step *s)
{
	uint64_t wish = (uint64_t)s->op[0].n;
	struct cap_data_ data[2] = {{0}};

	if (k_prctl(PR_CAP_AMBIENT_, PR_CAP_AMBIENT_CLEAR_ALL_, 0, 0) || (wish && k_capget(data)))
		return step_error(w);
	if (!wish)
		return 0;
	wish = all_or(wish, (data[0].permitted | (uint64_t)data[1].permitted << 32) &
			    (data[0].inheritable | (uint64_t)data[1].inheritable << 32)) & w->bound;
	for (unsigned long cap = 0; cap < CAP_NAMES; cap++)
		if (wish >> cap & 1 && k_prctl(PR_CAP_AMBIENT_, PR_CAP_AMBIENT_RAISE_, cap, 0))
			return step_failed(w, cap_names[cap]);
	return 0;
}

int do_NO_NEW_PRIVS(struct walk *w, const struct step *s)
{
	(void)s;
	return step_done(w, k_prctl(PR_SET_NO_NEW_PRIVS_, 1, 0, 0));
}

int do_OOM_SET(struct walk *w, const struct step *s)
{
	char text[16];

	text_format(text, sizeof text, "%d", (int)s->op[0].n);
	return step_done(w, proc_write(w->proc, "self/oom_score_adj", text));
}
