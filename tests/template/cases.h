/* Kinds of profile, | between the lines, and what changes on the host. */

struct same {
	const char *name, *profile;
};

struct stale {
	const char *name, *profile;
	void (*before)(void), (*change)(void);
};

#define R "root=" H "/root|"
#define BARE R "init=no|dev=none|mask=none|"

/* More mounts than the kernel is asked for at once. */
#define EIGHT(n) "tmpfs=/tmp/a" n "|tmpfs=/tmp/b" n "|tmpfs=/tmp/c" n "|tmpfs=/tmp/d" n "|tmpfs=/tmp/e" n "|tmpfs=/tmp/f" n "|tmpfs=/tmp/g" n "|tmpfs=/tmp/h" n "|"
#define MANY "tmpfs=/tmp|" EIGHT("1") EIGHT("2") EIGHT("3") EIGHT("4") EIGHT("5") EIGHT("6") EIGHT("7") EIGHT("8")

static const struct same sames[] = {
	{"nothing but a root", BARE "propagation=private"},
	{"defaults", R},
	{"a slave root", BARE "propagation=slave|tmpfs=/tmp"},
	{"binds, ro and rw", R "bind=" H "/plain /data|bind=" H "/other /mnt rw"},
	{"a bind with all below it", R "bind=" H "/tree /data rec"},
	{"a slave bind", R "bind=" H "/shared /data slave"},
	{"a slave bind with all below it", R "bind=" H "/shared /data slave rec"},
	{"a shared bind", R "bind=" H "/shared /data shared"},
	{"a shared bind with something on it", R "bind=" H "/shared /data shared|bind=" H "/plain /data/below"},
	{"an unbindable bind", R "bind=" H "/plain /data unbindable"},
	{"a slave+shared bind", R "bind=" H "/shared /data slave+shared"},
	{"slave+shared with all below it, and a bind on it", R "bind=" H "/shared /data slave+shared rec|bind=" H "/plain /data/below"},
	{"a tmpfs over a bind", R "bind=" H "/plain /data|tmpfs=/data/sub"},
	{"a tmpfs below binds", R "tmpfs=/tmp|bind=" H "/plain /tmp/plain|bind=" H "/other /tmp/plain/sub"},
	{"a bind over a tmpfs", R "tmpfs=/mnt/low|bind=" H "/plain /mnt"},
	{"a tmpfs between binds", R "bind=" H "/plain /mnt|tmpfs=/mnt/sub|bind=" H "/other /mnt/sub|bind=" H "/other /data"},
	{"masks", R "mask=/etc/secret|mask=/etc/nothing optional|mask=/mnt"},
	{"a file", R "file=/etc/conf hello"},
	{"files, some in a tmpfs", R "tmpfs=/tmp|file=/tmp/x hello|file=/etc/conf hello|file=/tmp/y mode=0600 a b"},
	{"a file in a tmpfs under a seal", R "tmpfs=/tmp|file=/tmp/x hello|root-seal=yes"},
	{"a file in a tmpfs for sys_admin", R "tmpfs=/tmp|file=/tmp/x hello|caps=sys_admin"},
	{"a device", R "device=/dev/zero /dev/zero2 rw|device=/dev/full /dev/full2"},
	{"a sealed root", R "root-seal=yes|bind=" H "/plain /data"},
	{"a payload with sys_admin", R "caps=sys_admin|bind=" H "/plain /data|bind=" H "/shared /mnt slave"},
	{"a bind that follows", R "bind=" H "/file /etc/conf follow"},
	{"optional binds", R "bind=" H "/nothing /data optional|bind=" H "/plain /mnt optional"},
	{"mount points made in memory", "root=tmpfs|bind=" H "/root/bin /bin|bind=" H "/plain /deep/in/it|symlink=/deep /link|dir=/empty mode=0700"},
	{"mount points made on a disk", R "bind=" H "/plain /made create|tmpfs=/made2 create"},
	{"the host's /dev", R "dev=host"},
	{"a tmpfs where a link leads", R "tmpfs=/var/run"},
	{"a namespace of each kind", R "net=none|ns.cgroup=new|sysfs=/sys"},
	{"a root out of an archive", "root=cpio " H "/archive|bind=" H "/plain /data|symlink=/data /link"},
	{"a directory made on a disk", R "bind=" H "/other /mnt rw|dir=/mnt/made|tmpfs=/mnt/made"},
	{"binds alone", BARE "bind=" H "/plain /data|bind=" H "/other /mnt rw|proc=/proc|tmpfs=/tmp ro"},
	{"slave and recursive binds alone", BARE "bind=" H "/shared /data slave rec|bind=" H "/tree /mnt rec|bind=" H "/plain /tmp unbindable"},
	{"slave+shared alone", BARE "bind=" H "/shared /data slave+shared|bind=" H "/plain /data/below"},
	{"sys_admin alone", BARE "caps=sys_admin|bind=" H "/plain /data"},
	{"many mounts", BARE MANY "bind=" H "/plain /data"},
	{"attributes", R "bind=" H "/plain /data rw exec suid dev|bind=" H "/other /mnt noexec|tmpfs=/tmp ro noexec"},
};

static void remount_ro(void) { do_mount(NULL, H "/shared", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY); }
static void other_file(void)
{
	if (rename(H "/plain", H "/was") || mkdir(H "/plain", 0755))
		fail("rename");
}
static void other_mount(void)
{
	do_mount("over", H "/plain", "tmpfs", 0);
}
static void same_mount(void) { do_mount(H "/plain", H "/plain", NULL, MS_BIND); }
static void other_root(void)
{
	if (rename(H "/root", H "/was"))
		fail("rename");
	make(H "/root", 0);
}
static void make_private(void) { do_mount(NULL, H "/shared", NULL, MS_PRIVATE); }
static void make_unbindable(void) { do_mount(NULL, H "/tree", NULL, MS_UNBINDABLE); }
static void mount_below(void) { do_mount("new", H "/tree/b", "tmpfs", 0); }
static void umount_below(void)
{
	if (umount(H "/tree/a"))
		fail("umount");
}
static void remount_below(void) { do_mount(NULL, H "/tree/a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY); }
static void unbindable_below(void) { do_mount(NULL, H "/tree/a", NULL, MS_UNBINDABLE); }
static void private_below(void) { do_mount(NULL, H "/shared/below", NULL, MS_PRIVATE); }
static void shared_below(void) { do_mount(NULL, H "/tree/a", NULL, MS_SHARED); }
/* Of one file system, with what is numbered alike. */
static void one_below(void)
{
	umount_below();
	do_mount(H "/plain", H "/tree/a", NULL, MS_BIND);
}
static void other_below(void)
{
	umount_below();
	do_mount(H "/other", H "/tree/a", NULL, MS_BIND);
}
/* The group goes on without it. */
static void peer(void) { do_mount(H "/shared", H "/other", NULL, MS_BIND); }
static void tree_shared(void) { do_mount(NULL, H "/tree", NULL, MS_SHARED); }
static void slave_private(void) { do_mount(NULL, H "/slave", NULL, MS_PRIVATE); }
static void slave_shared(void) { do_mount(NULL, H "/slave", NULL, MS_SHARED); }
static void appears(void) { make(H "/nothing", 0); }
static void vanishes(void)
{
	if (rename(H "/plain", H "/was"))
		fail("rename");
}
static void leads_round(void)
{
	if (symlink("nothing", H "/nothing"))
		fail("symlink");
}
static void bars_the_way(void) { make(H "/nothing", 1); }
static void arrives(void)
{
	make(H "/shared/new", 0);
	do_mount("new", H "/shared/new", "tmpfs", 0);
}
static void leaves(void)
{
	if (umount(H "/shared/below"))
		fail("umount");
}
/* What a mount of the template is on. */
static void place_replaced(void)
{
	int fd = open(H "/root/etc/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	close(fd);
	if (fd < 0 || rename(H "/root/etc/new", H "/root/etc/secret"))
		fail("rename");
}
static void place_moved(void)
{
	if (rename(H "/root/data", H "/root/data2") || mkdir(H "/root/data", 0755))
		fail("rename");
}
static void place_linked(void)
{
	if (rename(H "/root/data", H "/root/data2") || symlink("data2", H "/root/data"))
		fail("rename");
}
static void place_within(void)
{
	if (mkdir(H "/root/data/in", 0755))
		fail("mkdir");
}
static void place_gone(void)
{
	if (rmdir(H "/root/data"))
		fail("rmdir");
}

static void rewritten(void) { archive_make(); }
static void masked_appears(void) { make(H "/root/etc/nothing", 1); }
static void made_vanishes(void)
{
	if (rmdir(H "/other/made") && errno != ENOENT)
		fail("rmdir");
}
static void root_made_vanishes(void)
{
	if (rmdir(H "/root/made"))
		fail("rmdir");
}
static void followed_replaced(void)
{
	make(H "/file2", 1);
	if (rename(H "/file2", H "/file"))
		fail("rename");
}

/* What makes no template stale. */
static const struct stale freshes[] = {
	{"a file appears that is masked if it is there", R "mask=/etc/nothing optional|mask=/etc/secret", NULL, masked_appears},
	{"a directory vanishes that is made on a disk", R "bind=" H "/other /mnt rw|dir=/mnt/made|tmpfs=/mnt/made", NULL, made_vanishes},
	{"a directory vanishes that is made in a bind", R "bind=" H "/other /mnt rw|dir=/mnt/made", NULL, made_vanishes},
	{"a directory vanishes that is made in the root", R "root-mode=rw|dir=/made", NULL, root_made_vanishes},
	{"a file bars the way to an optional source", R "bind=" H "/nothing/there /data optional", NULL, bars_the_way},
	{"a file is replaced that is followed", R "bind=" H "/file /etc/conf follow", NULL, followed_replaced},
	{"a mount comes below a source that is bound alone", R "bind=" H "/tree /data", NULL, mount_below},
	{"a file appears in the root", R "bind=" H "/plain /data", NULL, masked_appears},
};

static const struct stale stales[] = {
	{"an archive is written again", "root=cpio " H "/archive|bind=" H "/plain /data", NULL, rewritten},
	{"another file at a source", R "bind=" H "/plain /data", NULL, other_file},
	{"another mount at a source", R "bind=" H "/plain /data", NULL, other_mount},
	{"the same file of another mount", R "bind=" H "/plain /data", NULL, same_mount},
	{"a source made read-only", R "bind=" H "/shared /data rw", NULL, remount_ro},
	{"a source made private", R "bind=" H "/shared /data slave", NULL, make_private},
	{"a source made unbindable", R "bind=" H "/tree /data slave", NULL, make_unbindable},
	{"a mount below a source, rec", R "bind=" H "/tree /data rec", NULL, mount_below},
	{"an umount below a source, rec", R "bind=" H "/tree /data rec", NULL, umount_below},
	{"another directory mounted below a source, rec", R "bind=" H "/tree /data rec", one_below, other_below},
	{"a mount below a source made unbindable, rec", R "bind=" H "/tree /data rec", NULL, unbindable_below},
	{"a mount below a source made shared, slave rec", R "bind=" H "/tree /data slave rec", tree_shared, shared_below},
	{"a mount below a source made private, slave rec", R "bind=" H "/shared /data slave rec", NULL, private_below},
	{"a source made private, of which there are peers", R "bind=" H "/shared /data slave", peer, make_private},
	{"a source that receives made private", R "bind=" H "/slave /data slave", NULL, slave_private},
	{"a source that receives made shared", R "bind=" H "/slave /data slave", NULL, slave_shared},
	{"other attributes below a source, rec", R "bind=" H "/tree /data rec", NULL, remount_below},
	{"an optional source that appears", R "bind=" H "/nothing /data optional", NULL, appears},
	{"a source that vanishes", R "bind=" H "/plain /data", NULL, vanishes},
	{"an optional source that leads round in a circle", R "bind=" H "/nothing /data optional", NULL, leads_round},
	{"an optional source that vanishes", R "bind=" H "/plain /data optional", NULL, vanishes},
	{"a mount that arrives", R "bind=" H "/shared /data slave", NULL, arrives},
	{"a mount that arrives, rec", R "bind=" H "/shared /data slave rec", NULL, arrives},
	{"a mount that leaves, rec", R "bind=" H "/shared /data slave rec", NULL, leaves},
	{"a masked file that was replaced", R "mask=/etc/secret", NULL, place_replaced},
	{"a mount point that moved", R "bind=" H "/plain /data", NULL, place_moved},
	{"a mount point that is a link now", R "bind=" H "/plain /data", NULL, place_linked},
	{"a directory above a mount point that is a link now", R "bind=" H "/plain /data/in", place_within, place_linked},
	{"a mount point that is gone", R "bind=" H "/plain /data", NULL, place_gone},
	{"another file at a source, bare", BARE "bind=" H "/plain /data", NULL, other_file},
	{"another mount at a source, bare", BARE "bind=" H "/plain /data", NULL, other_mount},
	{"a source made read-only, bare", BARE "bind=" H "/shared /data rw", NULL, remount_ro},
	{"a source made private, bare", BARE "bind=" H "/shared /data slave", NULL, make_private},
	{"a mount below a source, rec, bare", BARE "bind=" H "/tree /data rec", NULL, mount_below},
	{"other attributes below a source, rec, bare", BARE "bind=" H "/tree /data rec", NULL, remount_below},
	{"a mount that arrives, rec, bare", BARE "bind=" H "/shared /data slave rec", NULL, arrives},
	{"a mount that arrives, bare", BARE "bind=" H "/shared /data slave", NULL, arrives},
	{"a mount point that moved, bare", BARE "bind=" H "/plain /data", NULL, place_moved},
	{"another root", BARE, NULL, other_root},
};

static const struct same nones[] = {
	{"a root in memory that can be written to", "root=tmpfs|root-mode=rw|bind=" H "/root/bin /bin"},
	{"an archive's root that can be written to", "root=cpio " H "/archive|root-mode=rw"},
	{"a root in memory for sys_admin", "root=tmpfs|bind=" H "/root/bin /bin|caps=sys_admin|root-seal=no"},
	{"somebody's user namespace", R "ns.user=path /proc/self/ns/user"},
	{"a shared root", R "propagation=shared"},
	{"said so", R "template=no"},
	{"a layer over the root", R "root-mode=overlay"},
	{"a file that could be written to", R "caps=sys_admin|root-seal=no|file=/etc/conf hello"},
	{"a user namespace", R "uidmap=0 0 99|gidmap=0 0 99"},
	{"an overlay", R "overlay=" H "/plain /data"},
	{"a bind where a link leads", R "bind=" H "/plain /link"},
	{"a tmpfs where a link leads, and a bind behind it", R "tmpfs=/var/run|bind=" H "/plain /data"},
};
