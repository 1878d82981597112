/*
 * The first milliseconds: descriptors, file systems, devices. Each line is tried on its
 * own, and none is a reason to stop: what is missing is told and lived without.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "archive/texts.h"
#include "base/text.h"
#include "boot/boot.h"
#include "kernel/k.h"
#include "plan/dev.h"

enum { QUIET = 1 };

static const struct {
	const char *path, *type, *data;
	unsigned flags;
	int quiet;		/* a kernel may lack it, and there is another way */
} table[] = {
	{"/proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0},
	{"/sys", "sysfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0},
	{"/dev", "devtmpfs", "mode=0755", MS_NOSUID | MS_NOEXEC, QUIET},
	{"/dev", "tmpfs", "mode=0755,size=1m", MS_NOSUID | MS_NOEXEC, 0},
	{"/dev/pts", "devpts", "gid=5,mode=0620,ptmxmode=0666", MS_NOSUID | MS_NOEXEC, 0},
	{"/dev/shm", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV, 0},
	{"/run", "tmpfs", "mode=0755", MS_NOSUID | MS_NODEV, 0},
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

char boot_notes[BOOT_NOTES];

void boot_note(const char *format, ...)
{
	size_t used = strlen(boot_notes);
	va_list args;

	if (used + 200 > BOOT_NOTES)
		return;
	va_start(args, format);
	text_vformat(boot_notes + used, BOOT_NOTES - used - 1, format, args);
	va_end(args);
	text_plain(boot_notes + used, strlen(boot_notes + used));
	memcpy(boot_notes + strlen(boot_notes), "\n", 2);
}

void early_descriptors(void)
{
	int end[2];

	for (int fd = 0; fd < 3; fd++) {
		if (k_fcntl(fd, F_GETFD, 0) >= 0)
			continue;
		/* Lowest first, so what is opened has just this number. */
		if (k_open(AT_FDCWD, "/dev/null", O_RDWR, 0) >= 0 || k_pipe(end))
			continue;
		/* A pipe that nobody writes to: reading ends at once, writing fails. */
		if (end[1] > 2)
			k_close(end[1]);
	}
}

/* Where the kernel cannot say so, before 5.8: of another file system than what is above. */
int is_mounted(const char *path)
{
	struct k_stat st, up;
	char parent[4100];
	int failed = k_stat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE_, &st);

	/* One more mount would hide what is there: no single failure decides. */
	if (failed)
		failed = k_stat(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE_, &st);
	if (failed)
		return 0;
	if (st.attributes_mask & STATX_ATTR_MOUNT_ROOT_)
		return !!(st.attributes & STATX_ATTR_MOUNT_ROOT_);
	text_format(parent, sizeof parent, "%s/..", path);
	return !k_stat(AT_FDCWD, parent, 0, STATX_TYPE_, &up) &&
	       (st.dev_major != up.dev_major || st.dev_minor != up.dev_minor);
}

static int early_mount(unsigned i)
{
	return k_mount(table[i].type, table[i].path, table[i].type, table[i].flags, table[i].data);
}

/* Without /proc a machine is half a machine, so a moment of want is not taken for an answer. */
void early_mounts(void)
{
	for (unsigned i = 0; i < COUNT(table); i++) {
		const char *path = table[i].path;
		int failed;

		if (is_mounted(path))
			continue;
		/* A root that cannot be written to has its mount points, or does without. */
		k_mkdir(AT_FDCWD, path, 0755);
		failed = early_mount(i);
		if (failed)
			failed = early_mount(i);	/* no single failure decides */
		if (failed && !table[i].quiet)
			boot_note("mount %s: %s", path, errno_text());
	}
}

void early_nodes(void)
{
	struct k_stat st;
	int none = k_stat(AT_FDCWD, dev_nodes[0].path, 0, STATX_TYPE_, &st);

	for (const struct dev_node *n = dev_nodes; none && n < dev_nodes + DEV_NODES; n++)
		if (k_mknod(AT_FDCWD, n->path, S_IFCHR | n->mode, n->major, n->minor) && errno != EEXIST)
			boot_note("%s: %s", n->path, errno_text());
	for (int i = 0; i < DEV_LINKS; i++)
		k_symlink(dev_links[i][0], AT_FDCWD, dev_links[i][1]);
}

/* Words for people go to the console, and nobody reads from it here: a shell may. */
void boot_streams(void)
{
	int null = k_open(AT_FDCWD, "/dev/null", O_RDWR, 0), console = console_open(NULL);

	for (int fd = 0; fd < 3; fd++)
		if (fd && console >= 0)
			k_dup2(console, fd, 1);
		else if (null >= 0)
			k_dup2(null, fd, 1);
	k_close(null > 2 ? null : -1);
	k_close(console > 2 ? console : -1);
}
