/* Who uses which file, see holders.h. */
#include "apply/holders.h"

#include <fcntl.h>

#include "base/parse.h"
#include "base/text.h"

enum { DONT_SYNC = 0x4000 };	/* AT_STATX_DONT_SYNC: a server that is away is not waited for */

/* Below /proc/PID; a folder's entries are the files. */
static const struct {
	char name[11];
	uint8_t folder;
} links[HOLDS] = {
	[HOLD_ROOT] = {"root", 0}, [HOLD_CWD] = {"cwd", 0}, [HOLD_EXE] = {"exe", 0},
	[HOLD_FD] = {"fd", 1}, [HOLD_MAP] = {"map_files", 1},
};

struct scan {
	holder_fn *tell;
	void *ctx;
	int pid, how;
};

/* The entries of a folder, but for those that begin with a dot, until one is enough. */
static int each(int dir, int (*fn)(struct scan *s, int dir, const char *name), struct scan *s)
{
	char buf[4096] __attribute__((aligned(8)));
	long n;

	while ((n = k_getdents(dir, buf, sizeof buf)) > 0)
		for (long at = 0; at < n; at += ((struct k_dirent *)(buf + at))->length) {
			const char *name = ((struct k_dirent *)(buf + at))->name;

			if (*name != '.' && fn(s, dir, name))
				return 0;
		}
	return (int)n;
}

static int one_file(struct scan *s, int dir, const char *name)
{
	struct k_stat st;

	return !k_stat(dir, name, DONT_SYNC, STATX_INO_ | STATX_MNT_ID_, &st) &&
	       s->tell(s->ctx, s->pid, (enum hold)s->how, &st);
}

static int one_process(struct scan *s, int proc, const char *name)
{
	char path[40];
	uint64_t pid;
	int dir;

	if (parse_number(name, 1, INT32_MAX, &pid))
		return 0;
	s->pid = (int)pid;
	for (s->how = 0; s->how < HOLDS; s->how++) {
		text_format(path, sizeof path, "%d/%s", s->pid, links[s->how].name);
		if (!links[s->how].folder) {
			one_file(s, proc, path);
			continue;
		}
		dir = k_open(proc, path, O_RDONLY | O_DIRECTORY, 0);
		if (dir >= 0)
			each(dir, one_file, s);
		k_close(dir);
	}
	return 0;
}

int holders_each(holder_fn *tell, void *ctx)
{
	struct scan s = {.tell = tell, .ctx = ctx};
	int proc = k_open(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0), result;

	if (proc < 0)
		return -1;
	result = each(proc, one_process, &s);
	k_close(proc);
	return result;
}
