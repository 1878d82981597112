/* Who keeps a mount busy, see busy.h. */
#include "apply/busy.h"

#include <fcntl.h>

#include "base/out.h"
#include "base/text.h"
#include "kernel/k.h"

static int is_on(int dir, const char *name, int mount)
{
	struct k_stat st;

	return !k_stat(dir, name, 0, STATX_MNT_ID_, &st) && st.mask & STATX_MNT_ID_ && (int)st.mnt_id == mount;
}

static int has_open(int process, int mount)
{
	char buf[2048] __attribute__((aligned(8)));
	int dir = k_open(process, "fd", O_RDONLY | O_DIRECTORY, 0), found = 0;
	long n;

	while (dir >= 0 && !found && (n = k_getdents(dir, buf, sizeof buf)) > 0)
		for (long at = 0; at < n && !found; at += ((struct k_dirent *)(buf + at))->length)
			found = is_on(dir, ((struct k_dirent *)(buf + at))->name, mount);
	k_close(dir);
	return found;
}

static void put_user(int proc, const char *pid, int mount, struct out *o)
{
	int dir = k_open(proc, pid, O_PATH | O_DIRECTORY, 0), comm;
	char name[17];
	long n = 0;

	if (dir >= 0 && (is_on(dir, "cwd", mount) || is_on(dir, "root", mount) || is_on(dir, "exe", mount) ||
			 has_open(dir, mount))) {
		comm = k_open(dir, "comm", O_RDONLY, 0);
		if (comm >= 0)
			n = k_read(comm, name, sizeof name - 1);
		k_close(comm);
		name[n > 0 ? n - 1 : 0] = '\0';
		out_printf(o, "%spid %s (%s)", o->used ? ", " : "", pid, name);
	}
	k_close(dir);
}

void busy_who(int proc, int mount, char *to, size_t size)
{
	char buf[4096] __attribute__((aligned(8)));
	int dir = k_open(proc, ".", O_RDONLY | O_DIRECTORY, 0);
	struct out o;
	long n;

	out_init(&o, to, size);
	while (dir >= 0 && (n = k_getdents(dir, buf, sizeof buf)) > 0)
		for (long at = 0; at < n; at += ((struct k_dirent *)(buf + at))->length) {
			const char *name = ((struct k_dirent *)(buf + at))->name;

			if (*name >= '1' && *name <= '9')
				put_user(proc, name, mount, &o);
		}
	k_close(dir);
}
