/* The real root, see root.h. Here it is made ready. */
#include "boot/root.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apply/loop.h"
#include "base/text.h"
#include "boot/switch.h"
#include "kernel/k.h"

enum { TICK = 20 };	/* ms between two looks for the device */

static const char lower[] = "/newroot.lower", upper[] = "/newroot.upper";

int is_initramfs(int fd)
{
	struct statfs fs;

	return !k_fstatfs(fd, &fs) && (fs.f_type == TMPFS_MAGIC_ || (uint32_t)fs.f_type == RAMFS_MAGIC_);
}

static int root_is_initramfs(void)
{
	int fd = k_open(AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0), is = fd >= 0 && is_initramfs(fd);

	k_close(fd);
	return is;
}

/* A former attempt may have been killed anywhere. */
static void forget(void)
{
	const char *const places[] = {NEW_ROOT, upper, lower};

	for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
		while (!k_umount(places[i], MNT_DETACH | UMOUNT_NOFOLLOW))
			;
		k_unlink(AT_FDCWD, places[i], AT_REMOVEDIR);
	}
}

/* A device that is there and ready, or an image file as one. -1 with errno; *what was tried. */
static int device_try(const char *path, const char **what)
{
	struct k_stat st;

	*what = path;
	if (k_stat(AT_FDCWD, path, 0, STATX_TYPE_, &st))
		return -1;
	if (S_ISREG(st.mode))
		return loop_open(path, what);
	errno = ENOTBLK;
	return S_ISBLK(st.mode) ? k_open(AT_FDCWD, path, O_RDONLY, 0) : -1;
}

/* Devices are found by the kernel in its own time, and cards are put into readers. */
static int device_open(const char *path, uint32_t wait, struct err *e)
{
	int64_t until = k_now_ms() + wait;
	const char *what;

	for (;;) {
		int fd = device_try(path, &what), early = errno == ENOENT || errno == ENXIO || errno == ENOMEDIUM;

		if (fd >= 0)
			return fd;
		if (errno == ENOTBLK)
			return err_set(e, 0, "%.150s: neither a block device nor an image", what);
		if (!early || what != path)
			return err_set(e, errno, "%.150s", what);
		if (k_now_ms() >= until)
			return err_set(e, errno, "%.150s, after %u ms", what, wait);
		k_poll(NULL, 0, TICK);
	}
}

int mount_on(const char *place, const char *device, const char *type, unsigned long flags,
	     const char *data, struct err *e)
{
	if (k_mkdir(AT_FDCWD, place, 0755) && errno != EEXIST)
		return err_set(e, errno, "%s", place);
	if (!k_mount(device, place, type, flags, data))
		return 0;
	if (errno == ENODEV)
		return err_set(e, 0, "this kernel does not know the file system %.32s: is it a module? boot.module=", type);
	return err_set(e, errno, "mount %.100s as %.32s", device, type);
}

/* What the device is by its own word may say why it is not mounted. */
int mount_device(const char *place, const char *device, const char *type, unsigned long flags,
		 const char *data, uint32_t wait, struct err *e)
{
	int fd = device_open(device, wait, e), result;
	const char *found;
	char path[32];
	struct k_stat st;

	if (fd < 0)
		return -1;
	text_format(path, sizeof path, "/proc/self/fd/%d", fd);
	k_stat(AT_FDCWD, device, 0, STATX_TYPE_, &st);
	result = mount_on(place, S_ISREG(st.mode) ? path : device, type, flags, data, e);
	if (result && e->code) {
		size_t n = strlen(e->text);

		found = image_type(fd);
		text_format(e->text + n, sizeof e->text - n, " (it looks like %s%s)", found ? found : "none that is known",
			    found && !strcmp(found, type) ? ", damaged" : "");
	}
	k_close(fd);
	return result;
}

static int overlay(const struct machine_conf *m, struct err *e)
{
	static const char *const dirs[] = {"/newroot.upper/upper", "/newroot.upper/work"};

	if (m->root.overlay_device
		    ? mount_device(upper, m->root.overlay_device, m->root.overlay_type, 0, NULL, m->root.wait, e)
		    : mount_on(upper, "overlay", "tmpfs", 0, "mode=0755", e))
		return -1;
	for (int i = 0; i < 2; i++)
		if (k_mkdir(AT_FDCWD, dirs[i], 0755) && errno != EEXIST)
			return err_set(e, errno, "%s", dirs[i]);
	if (mount_on(NEW_ROOT, "overlay", "overlay", 0,
		     "lowerdir=/newroot.lower,upperdir=/newroot.upper/upper,workdir=/newroot.upper/work", e))
		return -1;
	/* It has its own hold of them. */
	return k_umount(upper, MNT_DETACH) || k_umount(lower, MNT_DETACH) ? err_set(e, errno, "overlay") : 0;
}

/*
 * Whether it can be executed is best told by the kernel: it is, and stopped before its first
 * instruction. Machine, interpreter and attributes of the mount are right then. All of it is read
 * before, for PID 1 must neither wait for a disk nor fall over a page that cannot be read.
 */
struct trial {
	const char *init;
	int there, error;
};

static int trial_run(void *argument)
{
	struct trial *t = argument;
	char *const args[] = {(char *)t->init, NULL};
	static char buf[16 << 10];
	long n = -1;
	int fd;

	if (!k_chroot(NEW_ROOT) && !k_chdir("/") && (fd = k_open(AT_FDCWD, t->init, O_RDONLY | O_NONBLOCK, 0)) >= 0) {
		t->there = 1;
		while ((n = k_read(fd, buf, sizeof buf)) > 0)
			;
	}
	/* Should we be killed now, so shall it; and a trap that is blocked stops nobody. */
	if (!n && !k_prctl(PR_SET_PDEATHSIG_, SIGKILL, 0, 0) && !k_sigmask(0, NULL) && !k_trace_me())
		k_execve(t->init, args, environ);
	t->error = errno;
	k_exit(0);
}

static int init_try(const char *init, struct err *e)
{
	static char stack[8192] __attribute__((aligned(16)));
	struct trial t = {.init = init};
	int pid = k_clone(trial_run, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &t), status, got;

	if (pid < 0)
		return err_set(e, errno, "boot.init");
	got = k_wait(pid, &status, 0);
	if (got != pid || WIFSTOPPED(status)) {
		if (k_kill(pid, SIGKILL))
			k_kill(pid, SIGKILL);	/* or the wait would be for ever */
		k_wait(pid, &(int){0}, 0);
	}
	if (t.error)
		return err_set(e, t.error, "boot.init %.100s%s", init,
			       t.there && t.error == ENOENT ? ": its interpreter" : "");
	/* What fails past the point where execve could still return ends by another signal. */
	if (got != pid || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGTRAP)
		return err_set(e, 0, "boot.init %.100s: it cannot be executed", init);
	return 0;
}

static int prepare(const struct machine_conf *m, struct err *e)
{
	unsigned long flags = m->root.rw && !m->root.overlay_type ? 0 : MS_RDONLY;

	if (mount_device(m->root.overlay_type ? lower : NEW_ROOT, m->root.device, m->root.type, flags, m->root.options,
			 m->root.wait, e))
		return -1;
	if (m->root.overlay_type && overlay(m, e))
		return -1;
	return init_try(m->init, e);
}

int root_prepare(const struct machine_conf *m, struct setup_report *to, struct err *e)
{
	if (!m->root.device || !root_is_initramfs())
		return 0;
	if (strlen(m->init) >= sizeof to->init)
		return err_set(e, ENAMETOOLONG, "boot.init");
	k_fault_step("boot.root");
	forget();
	if (prepare(m, e))
		forget();
	else
		text_format(to->init, sizeof to->init, "%s", m->init);
	k_fault_step("");
	return to->init[0] ? 0 : -1;
}
