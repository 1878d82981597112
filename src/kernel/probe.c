/*
 * Each fact by a call that cannot succeed, and whose errno tells whether the
 * kernel knows it: no version is compared, for distributions backport.
 */
#include "kernel/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/text.h"
#include "kernel/k.h"

static uint32_t known(int result)
{
	return result >= 0 || errno != ENOSYS;
}

/* Who may not mount is not told; cachestat(2) came with the same release. */
static int knows_beneath(void)
{
	k_move_mount(-1, "", -1, "", MOVE_MOUNT_F_EMPTY_PATH_ | MOVE_MOUNT_T_EMPTY_PATH_ | MOVE_MOUNT_BENEATH_);
	return errno == EBADF || (errno == EPERM && k_has_cachestat());
}

/*
 * Only for who may use them: others get EPERM, and a filter may say it too. An unshare that fails
 * for nothing but the flag there is not; that of fsmount came with the same release.
 */
static void probe_ways(struct facts *f)
{
	f->tree_namespace = k_open_tree(-1, "", AT_EMPTY_PATH | OPEN_TREE_NAMESPACE_) < 0 && errno == EBADF;
	f->empty_namespace = k_fsmount(-1, FSMOUNT_NAMESPACE_) < 0 && errno == EBADF;
}

static int follows(const struct profile *p)
{
	const struct mount_wish *m = p->mounts.first;

	while (m && !(m->flags & MF_FOLLOW))
		m = m->next;
	return m != NULL;
}

/* For this profile, or with NULL for any. */
static void probe_calls(struct facts *f, const struct profile *p)
{
	struct open_how_ how = {.flags = O_PATH};
	struct mount_attr_ attr = {0};

	/* One call of move_mount tells of itself and of its newest flag but one. */
	f->new_mount_api = known(k_open_tree(-1, "", AT_EMPTY_PATH)) &&
			   known(k_move_mount(-1, "", -1, "", MOVE_MOUNT_F_EMPTY_PATH_ |
					      MOVE_MOUNT_T_EMPTY_PATH_ | MOVE_MOUNT_SET_GROUP_));
	f->set_group = f->new_mount_api && errno == EBADF;
	f->openat2 = known(k_openat2(-1, "", &how));
	/* The range is empty; EINVAL for an unknown flag is the older kernel's answer. */
	f->close_range = k_close_range_cloexec(~0u, ~0u) == 0;
	f->mount_setattr = known(k_mount_setattr(-1, "", AT_EMPTY_PATH, &attr));
	f->mount_beneath = f->new_mount_api && (!p || follows(p)) && knows_beneath();
	if (f->new_mount_api && f->privileged)
		probe_ways(f);
	f->statmount = known(k_statmount(0, 0, NULL, 0)) && errno != EPERM;
}

static uint32_t last_cap(void)
{
	int low = 0, high = 63;

	while (low < high) {
		int middle = (low + high + 1) / 2;

		if (k_prctl(PR_CAPBSET_READ_, (unsigned long)middle, 0, 0) < 0)
			high = middle - 1;
		else
			low = middle;
	}
	return (uint32_t)low;
}

static void probe_caller(struct facts *f)
{
	struct cap_data_ data[2] = {{0}};

	f->uid = (uint32_t)geteuid();
	f->gid = (uint32_t)getegid();
	if (!k_capget(data))
		f->privileged = data[0].effective >> CAP_SYS_ADMIN_ & 1;
}

static uint32_t suid_dumpable(void)
{
	int fd = k_open(AT_FDCWD, "/proc/sys/fs/suid_dumpable", O_RDONLY, 0);
	char text[4] = "";

	if (fd < 0)
		return 0;
	k_read(fd, text, sizeof text - 1);
	k_close(fd);
	return (uint32_t)number_at(text);
}

/* 0 in user.max_*_namespaces forbids what the kernel has. */
static uint32_t ns_allowed(int proc, const char *name)
{
	char path[64], text[24];
	struct k_stat st;
	long n;
	int fd;

	text_format(path, sizeof path, "self/ns/%s", name);
	if (k_stat(proc, path, 0, 0, &st))
		return 0;
	text_format(path, sizeof path, "sys/user/max_%s_namespaces", name);
	fd = k_open(proc, path, O_RDONLY, 0);
	if (fd < 0)
		return 1;
	n = k_read(fd, text, sizeof text);
	k_close(fd);
	return !(n >= 1 && text[0] == '0');
}

/* Those of a set of kinds. */
static void probe_namespaces(struct facts *f, uint32_t kinds)
{
	int proc = kinds ? k_open(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0) : -1;

	for (enum ns_kind k = 0; k < NS_COUNT; k++)
		if (kinds >> k & 1)
			*fact_at(f, FACT_ns_mount + k) = ns_allowed(proc, ns_file(k));
	k_close(proc);
}

static const uint64_t strong = 1ull << CAP_SYS_ADMIN_ | 1ull << CAP_SYS_PTRACE_;

/* Whether a plan looks at user namespaces, be it only for a seal. */
static int wants_user(const struct facts *f, const struct profile *p)
{
	return !f->privileged || !f->pivot_root || p->ns[NS_USER].how == NS_NEW ||
	       p->root_seal == AUTO_YES || p->caps[CAPS_BOUNDING] & strong;
}

/*
 * The first line of the table is the oldest mount that this root can see: the initial root is its own parent. The kernel
 * makes no more lines than are asked for, and each costs it as much as ten other calls.
 */
static uint32_t root_has_parent(void)
{
	int fd = k_open(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY, 0);
	char text[24] = "";
	const char *at = text;
	uint64_t id;

	if (fd < 0)
		return 0;
	k_read(fd, text, sizeof text - 1);
	k_close(fd);
	id = text_number(&at, 10);
	return !*text || id != text_number(&at, 10);
}

/*
 * pivot_root needs a mount below the current root to hang it on; the kernel's
 * initial rootfs has none before Linux 7.0 and shows its own id as its parent's.
 * Only a root in memory can be it, so that the table is hardly ever read; and never where
 * namespaces are made of a tree or of nothing, for those came to lie on the same new mount.
 */
static uint32_t probe_pivot(const struct facts *f)
{
	struct statmount_ sm;
	struct statfs fs;
	struct k_stat st;

	if (f->tree_namespace || f->empty_namespace || k_stat(AT_FDCWD, "/", 0, STATX_MNT_ID_UNIQUE_, &st) || st.dev_major)
		return 1;
	if (f->statmount && st.mask & STATX_MNT_ID_UNIQUE_ && !k_statmount(st.mnt_id, STATMOUNT_MNT_BASIC_, &sm, sizeof sm))
		return sm.mnt_parent_id != sm.mnt_id;
	if (k_statfs("/", &fs) || ((uint32_t)fs.f_type != TMPFS_MAGIC_ && (uint32_t)fs.f_type != RAMFS_MAGIC_))
		return 1;
	return root_has_parent();
}

int self_is_sealed(void)
{
	int fd = k_open(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0), seals;

	if (fd < 0)
		return 0;
	seals = k_fcntl(fd, F_GET_SEALS_, 0);
	k_close(fd);
	return seals >= 0 && (seals & F_SEALS_ALL_) == F_SEALS_ALL_;
}

void facts_probe(struct facts *f)
{
	facts_probe_base(f);
	f->pivot_root = probe_pivot(f);
	probe_namespaces(f, ~0u);
}

void facts_probe_more(struct facts *f, uint32_t *asked, const struct profile *p)
{
	uint32_t kinds;

	if (p->ns[NS_MOUNT].how != NS_HOST && !(*asked >> NS_MOUNT & 1))
		f->pivot_root = probe_pivot(f);
	kinds = wants_user(f, p) ? 1u << NS_USER : 0;
	for (enum ns_kind k = 0; k < NS_COUNT; k++)
		kinds |= p->ns[k].how == NS_HOST ? 0 : 1u << k;
	probe_namespaces(f, kinds & ~*asked);
	*asked |= kinds;
}

void facts_probe_base(struct facts *f)
{
	memset(f, 0, sizeof *f);
	probe_caller(f);
	probe_calls(f, NULL);
	f->last_cap = last_cap();
	f->pivot_root = 1;
	f->suid_dumpable = suid_dumpable();
	f->self_sealed = (uint32_t)self_is_sealed();
}

void facts_probe_for(struct facts *f, const struct profile *p)
{
	memset(f, 0, sizeof *f);
	probe_caller(f);
	probe_calls(f, p);
	f->pivot_root = probe_pivot(f);
	f->ns_mount = f->ns_ipc = f->ns_pid = f->ns_uts = f->ns_net = f->ns_cgroup = f->ns_time = 1;
	/* These decide what is planned, when they are looked at. */
	if (p->user || p->group || p->ns[NS_USER].how == NS_PATH)
		f->suid_dumpable = suid_dumpable();
	if (wants_user(f, p))
		probe_namespaces(f, 1u << NS_USER);
	if (p->caps[CAPS_BOUNDING] & strong || p->ns[NS_PID].how != NS_NEW)
		f->self_sealed = (uint32_t)self_is_sealed();
}
