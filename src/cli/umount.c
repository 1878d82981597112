/* hutch umount: what is mounted in a hub goes, for all who see it, or who keeps it busy is told. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#include "apply/holders.h"
#include "apply/proc.h"
#include "apply/process.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/survey.h"
#include "kernel/k.h"

enum { COPIES = 8192 };

struct umount {
	const char *name, *path;	/* of the hub or the sandbox; beneath it */
	const char *key;		/* hub.NAME=DIR, or NULL */
	int lazy;
};

/* The mount that is to go, and its copies in other namespaces: any of them in use keeps it. */
struct mark {
	const struct mount *mount;
	int id[COPIES];
	unsigned n;
	int pid;			/* who was told of last */
	unsigned told;			/* bits: how he holds it */
};

/* Whether what is unmounted in group `to` goes in `group` too. */
static int hears(uint32_t group, uint32_t to, int depth)
{
	if (group == to)
		return 1;
	for (unsigned i = 0; group && depth < 16 && i < survey.n; i++)
		for (unsigned k = 0; k < survey.view[i].table.n; k++) {
			const struct mount *m = &survey.view[i].table.mount[k];

			if (m->shared == group && m->master && hears(m->master, to, depth + 1))
				return 1;
		}
	return 0;
}

static void find_copies(struct mark *b)
{
	const struct mount *of = b->mount;

	for (unsigned i = 0; i < survey.n; i++)
		for (unsigned k = 0; k < survey.view[i].table.n; k++) {
			const struct mount *m = &survey.view[i].table.mount[k];
			int copy = m->major == of->major && m->minor == of->minor && of->shared &&
				   (hears(m->shared, of->shared, 0) || hears(m->master, of->shared, 0));

			if ((m == of || copy) && b->n < COPIES)
				b->id[b->n++] = m->id;
		}
}

static int is_copy(const struct mark *b, const struct k_stat *file)
{
	unsigned i = 0;

	if (!(file->mask & STATX_MNT_ID_))
		return file->dev_major == b->mount->major && file->dev_minor == b->mount->minor;
	while (i < b->n && b->id[i] != (int)file->mnt_id)
		i++;
	return i < b->n;
}

static const char *sandbox_of(int pid)
{
	uint64_t ino = process_ns(pid, "mnt");
	unsigned i = 0;

	while (i < survey.n && survey.view[i].ino != ino)
		i++;
	return i < survey.n ? survey.view[i].name : "?";
}

static int tell_holder(void *ctx, int pid, enum hold how, const struct k_stat *file)
{
	static const char *const words[HOLDS] = {
		"its root", "working directory", "program", "open file", "mapped file",
	};
	struct mark *b = ctx;
	size_t mark = cli_arena.used, length;
	char path[40], *comm;

	if (!is_copy(b, file))
		return 0;
	if (b->pid != pid) {
		text_format(path, sizeof path, "/proc/%d/comm", pid);
		comm = proc_read(AT_FDCWD, path, &cli_arena, &length);
		if (comm)
			text_plain(comm, length - (length && comm[length - 1] == '\n'));
		out_printf(&cli_out, "%s  %s: %d %.*s: ", b->pid ? "\n" : "", sandbox_of(pid), pid,
			   comm ? (int)strcspn(comm, "\n") : 0, comm ? comm : "");
		cli_arena.used = mark;
		b->pid = pid;
		b->told = 0;
	}
	out_printf(&cli_out, "%s%s", b->told ? ", " : "", words[how]);
	b->told |= 1u << how;
	return 1;
}

static int is_busy(const char *at)
{
	static struct mark b;

	cli_failed(at, EBUSY);
	if (survey_take())
		return EXIT_NOT;
	b.mount = mounts_top(&survey.view[0].table, at);
	for (unsigned i = 0; b.mount && i < survey.view[0].table.n; i++) {
		const struct mount *m = &survey.view[0].table.mount[i];

		if (m->parent == b.mount->id)
			out_printf(&cli_out, "  host: a mount on it: %s\n", m->point);
	}
	if (b.mount) {
		find_copies(&b);
		holders_each(-1, tell_holder, &b);
	}
	out_put(&cli_out, b.pid ? "\n" : cli_out.used ? "" : "  by nobody that /proc tells of: a loop device, swap, an overlay or an NFS server may be\n");
	cli_flush(2);
	return EXIT_NOT;
}

/*
 * The folder of the last part of a path beneath `dir`, no link on the way; *last is that part.
 * -1 with errno. `dir` is closed.
 */
static int walk_beneath(int dir, const char *path, const char **last)
{
	char part[256];

	for (;;) {
		size_t n = strcspn(path, "/");
		int next = -1;

		memcpy(part, path, n < sizeof part ? n : 0);
		part[n < sizeof part ? n : 0] = '\0';
		if (!*part || !strcmp(part, ".") || !strcmp(part, "..")) {
			errno = EINVAL;
		} else if (!path[n]) {
			*last = path;
			return dir;
		} else {
			next = k_open(dir, part, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
			path += n + 1;
		}
		k_close(dir);
		if (next < 0)
			return -1;
		dir = next;
	}
}

static int umount_beneath(int dir, const char *path, int lazy)
{
	char from[48 + 256], at[4096];
	const char *last;
	long n;
	int failed;

	dir = walk_beneath(dir, path, &last);
	if (dir < 0) {
		if (errno == EINVAL)
			cli_error("%.150s: a path in the hub has no / at its ends, and no . or ..", path);
		else
			cli_failed(path, errno);
		return EXIT_HUTCH;
	}
	text_format(from, sizeof from, "/proc/self/fd/%d", dir);
	n = k_readlink(AT_FDCWD, from, at, sizeof at - 257);
	text_format(at + (n > 0 ? n : 0), 257, "/%s", last);
	text_format(from, sizeof from, "/proc/self/fd/%d/%s", dir, last);
	failed = k_umount(from, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) ? errno : 0;
	k_close(dir);
	if (!failed)
		return 0;
	if (failed == EBUSY)
		return is_busy(at);
	if (failed == EINVAL)
		cli_error("%s: nothing is mounted there", at);
	else
		cli_failed(at, failed);
	return failed == EINVAL ? EXIT_NOT : EXIT_HUTCH;
}

/* What the words say, else the supervisor. -1: reported. */
static int read_hubs(struct profile *p, const struct umount *u)
{
	struct profile_reader r;
	struct diags diags;

	if (!u->key) {
		int answer = cli_hubs(p);

		if (answer < 0)
			cli_error("no supervisor to ask where hub %.64s is: say hub.NAME=DIR", u->name);
		return -!!answer;
	}
	profile_init(p, &cli_arena);
	diags_init(&diags, &cli_arena);
	profile_reader_init(&r, p, &diags, cli_load, NULL);
	profile_argument(&r, u->key, 3);
	profile_print_diags(p, &diags, &cli_out);
	cli_flush(2);
	return -!!diags.count;
}

static int from_hub(const struct umount *u)
{
	static struct profile p;
	const struct item *hub;
	char why[HUB_WHY];
	int dir;

	if (read_hubs(&p, u))
		return EXIT_HUTCH;
	hub = hub_find(&p, u->name, why);
	if (!hub) {
		cli_error("%s", why);
		return EXIT_HUTCH;
	}
	dir = k_open(AT_FDCWD, hub->text, O_PATH | O_DIRECTORY, 0);
	if (dir >= 0)
		return umount_beneath(dir, u->path, u->lazy);
	cli_failed(hub->text, errno);
	return EXIT_HUTCH;
}

int command_umount(int argc, char **argv)
{
	enum { HUB, LAZY, OPTIONS };
	static const char *const names[] = {"--hub", "--lazy", NULL};
	const char *words[3] = {NULL}, *value;
	int given[OPTIONS] = {0}, n = 0, option = 0;

	for (int i = 1; i < argc && option != -2;) {
		option = cli_option(argc, argv, &i, names, &value);
		if (option >= 0)
			given[option] = 1;
		else if (option == -1 && n < 3)
			words[n++] = argv[i++];
		else
			option = -2;
	}
	if (option == -2 || n < 2 || (n > 2 && !given[HUB]))
		return cli_usage("umount");
	if (!given[HUB])
		return live_umount(words[0], words[1], given[LAZY], argv);
	return from_hub(&(struct umount){words[0], words[1], words[2], given[LAZY]});
}
