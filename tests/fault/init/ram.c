/* ram.c - part of init.c: an initramfs, and the real root that is waiting for it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

#define TIMES "restart-delay=10ms 50ms\nstop-timeout=300ms\n"

/* What they are told by lies in /run on the real root, for this goes along. */
struct file {
	const char *path, *text;
};
static const struct file ram_files[] = {
	{"/etc/hutch/init.conf", "boot.shutdown-timeout=1s\nboot.root=/image squashfs overlay=tmpfs wait=100ms\n"},
	{"/etc/hutch/a.conf", "root=/\nbind=/shared /shared rw\n" TIMES "exec=/bin/service a /shared 1\n"},
	{"/etc/hutch/b.conf", "ns=none\ninit=no\nready=notify\nafter=a\n" TIMES "exec=/bin/service b /shared 1\n"},
	{NULL, NULL},
}, real_files[] = {
	{"/etc/hutch/init.conf", "boot.shutdown-timeout=1s\n"},
	{"/etc/hutch/a.conf", "root=/\nbind=/run/shared /run/shared rw\n" TIMES "exec=/bin/service a /run/shared 2\n"},
	{"/etc/hutch/b.conf", "ns=none\ninit=no\nready=notify\nafter=a\n" TIMES "exec=/bin/service b /run/shared 2\n"},
	{NULL, NULL},
};
static const char *programs;

static void build_tree(const char *to, const struct file *f)
{
	static const char *const folders[] = {
		"", "/bin", "/sbin", "/etc", "/etc/hutch", "/proc", "/sys", "/dev", "/run", "/shared",
	};
	char path[128];

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		snprintf(path, sizeof path, "%s%s", to, folders[i]);
		mkdir(path, 0755);
	}
	snprintf(path, sizeof path, "%s/sbin/hutch", to);
	copy_file(programs, "hutch", path);
	snprintf(path, sizeof path, "%s/bin/service", to);
	copy_file(programs, "service", path);
	for (; f->path; f++) {
		snprintf(path, sizeof path, "%s%s", to, f->path);
		put_file(path, f->text, strlen(f->text), 0644);
	}
}

void build_image(const char *dir)
{
	int status;

	programs = dir;
	build_tree(W "/real", real_files);
	fflush(stdout);
	if (!fork()) {
		dup2(open("/dev/null", O_RDWR | O_CLOEXEC), 1);
		execlp("mksquashfs", "mksquashfs", W "/real", W "/image", "-quiet", "-no-progress", NULL);
		_exit(127);
	}
	if (wait(&status) < 0 || status)
		die("mksquashfs");
	mknod(R "/dev/loop-control", S_IFCHR | 0600, makedev(10, 237));
	for (unsigned i = 0; i < 64; i++) {
		char path[64];

		snprintf(path, sizeof path, R "/dev/loop%u", i);
		mknod(path, S_IFBLK | 0600, makedev(7, i));
	}
	if (mount("shared", R "/shared", "tmpfs", 0, "mode=0755"))
		die("shared");
}

/* An initramfs for each life: it is deleted. The harness's own files lie on other file systems. */
void build_ram(void)
{
	static const char *const own[][2] = {
		{R "/dev", RAM "/dev"}, {R "/shared", RAM "/shared"}, {R "/log", RAM "/log"},
		{R "/shared", RAM "/run/shared"},
	};

	mkdir(RAM, 0755);
	if (mount("ram", RAM, "tmpfs", 0, "mode=0755"))
		_exit(97);
	build_tree(RAM, ram_files);
	copy_file(W, "image", RAM "/image");
	put_file(RAM "/log", "", 0, 0600);
	if (mount("run", RAM "/run", "tmpfs", 0, "mode=0755") || mkdir(RAM "/run/shared", 0755))
		_exit(97);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (mount(own[i][0], own[i][1], NULL, MS_BIND, NULL))
			_exit(97);
}
