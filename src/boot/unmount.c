/*
 * The process that unmounts; see down.h. Each call in it may hang for ever, and then it
 * hangs: another one follows that leaves this mount alone. It may need memory, which
 * is given back by its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>

#include "archive/texts.h"
#include "boot/down.h"
#include "kernel/k.h"
#include "mounts/table.h"
#include "supervise/main.h"

enum { ROOM = 4 << 20, PAUSE_MS = 20, PATIENCE_MS = 1000 };

static struct {
	struct unmount_work *work;
	int self;
	struct arena arena;
	struct mounts table;
} un;

/* Nothing of these is on any disk. */
static int is_memory(const struct mount *m)
{
	static const char *const types[] = {
		"proc", "sysfs", "devtmpfs", "devpts", "tmpfs", "ramfs", "rootfs", "cgroup", "cgroup2", "mqueue",
		"securityfs", "debugfs", "tracefs", "bpf", "pstore", "configfs", "hugetlbfs", "binfmt_misc", NULL,
	};

	for (int i = 0; types[i]; i++)
		if (!strcmp(m->type, types[i]))
			return 1;
	return 0;
}

/* What this process itself looks into, and where it stands. */
static int is_needed(const struct mount *m)
{
	return !strcmp(m->point, "/") || !strcmp(m->point, "/proc") || !strcmp(m->point, "/dev");
}

/* Another worker hangs in it, or waits for it. */
static int is_stuck(const struct mount *m)
{
	for (int i = 0; i < un.self; i++)
		if (__atomic_load_n(&un.work->worker[i].mount, __ATOMIC_SEQ_CST) == m->id)
			return 1;
	return 0;
}

/* PID 1 is told what is in hand: it knows the time. */
static void in_hand(int id)
{
	__atomic_store_n(&un.work->worker[un.self].mount, id, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&un.work->worker[un.self].count, 1, __ATOMIC_SEQ_CST);
}

static int read_table(void)
{
	int fd = k_open(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY, 0);
	size_t used = 0;
	struct err e;
	char *text;
	long n = -1;

	un.arena.used = 0;
	un.table.n = 0;
	text = arena_room(&un.arena, ROOM / 2);
	while (fd >= 0 && text && used < ROOM / 2 && ((n = k_read(fd, text + used, ROOM / 2 - used)) > 0 || (n < 0 && errno == EINTR)))
		used += n > 0 ? (size_t)n : 0;
	k_close(fd);
	return n ? -1 : mounts_parse(&un.table, text, used, &un.arena, &e);
}

/* From the last one on, for what is mounted later may lie in what was earlier. How many are busy; *done: went. */
static unsigned unmount_round(unsigned *done)
{
	unsigned busy = 0;

	for (unsigned i = un.table.n; i-- > 0;) {
		const struct mount *m = &un.table.mount[i];

		if (is_needed(m) || is_stuck(m))
			continue;
		in_hand(m->id);
		if (!k_umount(m->point, UMOUNT_NOFOLLOW))
			++*done;
		else
			busy += !is_memory(m) && errno != EINVAL && errno != ENOENT && errno != EPERM;
	}
	in_hand(0);
	return busy;
}

/* What holds a mount may be about to end, as a loop device is: tried again, as long as anything moves. */
static void unmount_all(void)
{
	int64_t moved = k_now_ms();

	for (;;) {
		unsigned done = 0, busy = read_table() ? 1 : unmount_round(&done);
		int64_t now = k_now_ms();

		if (done)
			moved = now;
		if (!busy || now > moved + PATIENCE_MS || now > un.work->until)
			return;
		k_sigwait(0, PAUSE_MS);
	}
}

/* One file system may be mounted at many places: it is made read-only as a whole. */
static int is_done(unsigned at)
{
	const struct mount *m = &un.table.mount[at], *other;

	for (other = un.table.mount; other < m; other++)
		if (other->major == m->major && other->minor == m->minor)
			return 1;
	return 0;
}

static void protect_rest(void)
{
	for (int tries = 0; read_table(); tries++)
		if (tries)
			return;
	for (unsigned i = 0; i < un.table.n; i++) {
		const struct mount *m = &un.table.mount[i];

		if (is_memory(m) || is_stuck(m) || is_done(i) || !strncmp(m->super, "ro", 2))
			continue;
		in_hand(m->id);
		if (k_mount(NULL, m->point, NULL, MS_REMOUNT | MS_RDONLY, NULL))
			console_tell("%s cannot be made read-only: %s", m->point, errno_text());
	}
}

int unmount_main(void *work)
{
	void *memory = k_memory(ROOM, 0);

	un.work = work;
	un.self = un.work->workers - 1;
	k_fault_side('d');
	k_chdir("/");
	if (memory) {
		arena_init(&un.arena, memory, ROOM);
		unmount_all();
		protect_rest();
	}
	in_hand(-1);
	k_sync();
	in_hand(0);
	k_exit(memory ? 0 : 1);
}
