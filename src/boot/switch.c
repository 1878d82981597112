/*
 * PID 1 changes its root. The order is that of switch_root(8); pivot_root comes first,
 * because since Linux 7.0 it can leave an initramfs, and leaves nothing below.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/hidden.h"
#include "boot/boot.h"
#include "boot/root.h"
#include "boot/switch.h"
#include "kernel/k.h"

enum { DEPTH = 40, MAX_ARGS = 40 };
enum how { NOT = 0, MOVED = 'm', PIVOTED = 'p' };

/* Does what is left to do about the old root, when PID 1 has left it. */
struct cleaner {
	int old, proc, word[2];
	unsigned major, minor;		/* of the old root's file system */
	struct arena *arena;
};

/* Never another file system: what cannot be emptied cannot be removed. */
static void empty(const struct cleaner *c, int dir, int depth)
{
	char buf[1024] __attribute__((aligned(8)));
	struct k_stat st;
	long n;

	while ((n = k_getdents(dir, buf, sizeof buf)) > 0)
		for (long at = 0; at < n; at += ((struct k_dirent *)(buf + at))->length) {
			const char *name = ((struct k_dirent *)(buf + at))->name;
			int sub;

			if (!strcmp(name, ".") || !strcmp(name, "..") || !k_unlink(dir, name, 0))
				continue;
			sub = k_open(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
			if (sub >= 0 && depth && !k_fstat(sub, STATX_TYPE_, &st) && st.dev_major == c->major &&
			    st.dev_minor == c->minor)
				empty(c, sub, depth - 1);
			k_close(sub);
			k_unlink(dir, name, AT_REMOVEDIR);
		}
}

static int clean(void *argument)
{
	struct cleaner *c = argument;
	struct pollfd word = {.fd = c->word[0], .events = POLLIN};
	struct k_stat st;
	char how = NOT;

	k_fault_side('c');
	/* Its own copy of this end, or it would never hear that PID 1 is gone. */
	k_close(c->word[1]);
	k_poll(&word, 1, -1);
	if (k_read(c->word[0], &how, 1) != 1)
		k_exit(0);
	/* It still stands on the old root, but for a pivot, which moves all. */
	if (how == MOVED)
		hidden_detach(c->proc, c->arena);
	if (is_initramfs(c->old) && !k_fstat(c->old, STATX_TYPE_, &st)) {
		c->major = st.dev_major;
		c->minor = st.dev_minor;
		empty(c, c->old, DEPTH);
	}
	k_exit(0);
}

static const char *const along[] = {"/dev", "/run", "/sys", "/proc"};
enum { ALONG = sizeof along / sizeof *along };

/* What is not mounted here, or has no place there, does not go along; anything else is a failure. */
static int take_along(int n)
{
	struct k_stat st;

	if (k_stat(AT_FDCWD, along[n] + 1, AT_SYMLINK_NOFOLLOW, STATX_TYPE_, &st))
		return errno == ENOENT ? 0 : -1;
	return S_ISDIR(st.mode) && k_mount(along[n], along[n] + 1, NULL, MS_MOVE, NULL) && errno != EINVAL ? -1 : 0;
}

/* From the new root: 'm' or 'p', or NOT and errno, and all is as it was. */
static enum how change(void)
{
	int n, error;

	/* What is shared can neither be moved nor pivoted. */
	k_mount(NULL, "/", NULL, MS_PRIVATE, NULL);
	k_mount(NULL, ".", NULL, MS_PRIVATE, NULL);
	for (n = 0; n < ALONG; n++)
		if (take_along(n))
			goto back;
	if (!k_pivot_root(".", ".")) {
		/* The old root lies over the new one: it goes, with all that is mounted there. No sandbox
		 * can be built below it, so try once more. */
		if (k_umount(".", MNT_DETACH))
			k_umount(".", MNT_DETACH);
		return PIVOTED;
	}
	if (!k_mount(".", "/", NULL, MS_MOVE, NULL) && !k_chroot("."))
		return MOVED;
back:
	error = errno;
	while (n-- > 0)
		k_mount(along[n] + 1, along[n], NULL, MS_MOVE, NULL);
	errno = error;
	return NOT;
}

int root_enter(const char *init, char *const *argv, struct arena *a, struct err *e)
{
	static char stack[DEPTH * 2048] __attribute__((aligned(16)));
	struct cleaner c = {.old = k_open(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0), .arena = a,
			    .proc = k_open(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0), .word = {-1, -1}};
	char *args[MAX_ARGS + 1] = {(char *)init};
	enum how how;

	k_fault_step("boot.root");
	/* Without it the memory is not given back, and that is all. */
	if (!k_pipe(c.word))
		k_clone(clean, stack + sizeof stack, SIGCHLD, &c);
	k_drop(&c.word[0]);
	how = k_chdir(NEW_ROOT) ? NOT : change();
	if (how == NOT)
		err_set(e, errno, "the new root cannot become the root");
	else
		k_write(c.word[1], &(char){(char)how}, 1);
	k_chdir("/");
	k_close(c.word[1]);
	k_close(c.old);
	k_close(c.proc);
	if (how == NOT) {
		k_fault_step("");
		return -1;
	}
	for (int i = 1; i < MAX_ARGS && argv[0] && argv[i]; i++)
		args[i] = argv[i];
	/* As the kernel starts its first process: the console as 0 to 2, no signal blocked. */
	k_fcntl(1, F_SETFL, O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		k_dup2(1, fd, 0);
	k_fcntl(1, F_SETFD, 0);
	k_sigmask(0, NULL);
	k_execve(init, args, environ);
	err_set(e, errno, "execute %.100s", init);
	k_sigmask(~0ull, NULL);
	boot_streams();
	k_fault_step("");
	return -1;
}
