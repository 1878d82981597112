/*
 * The kernel's own numbers and structs that hutch uses: musl toolchains ship no
 * linux/ headers. Values are the same on every architecture unless said; system
 * calls from 424 on have one number everywhere (Alpha, which hutch does not
 * support, adds 110).
 */
#ifndef HUTCH_UAPI_H
#define HUTCH_UAPI_H

#include <stdint.h>

/* Where the numbers of a machine's calls begin: MIPS has three ways to call, each with its own. */
#ifndef __mips__
#define NR_FIRST 0
#elif defined(__mips64) && _MIPS_SIM == _ABIN32
#define NR_FIRST 6000
#elif defined(__mips64)
#define NR_FIRST 5000
#else
#define NR_FIRST 4000
#endif

/* System calls newer than the libc that we may meet. */
enum {
	NR_open_tree = NR_FIRST + 428, NR_move_mount, NR_fsopen, NR_fsconfig, NR_fsmount,
	NR_pidfd_open = NR_FIRST + 434, NR_clone3, NR_close_range, NR_openat2,
	NR_mount_setattr = NR_FIRST + 442, NR_cachestat = NR_FIRST + 451, NR_statmount = NR_FIRST + 457, NR_listmount,
};

/* sched.h: namespaces. NEWTIME collides with the exit signal of clone(2): unshare only. */
#define CLONE_NEWTIME_ 0x00000080u
#define CLONE_NEWNS_ 0x00020000u
#define UNSHARE_EMPTY_MNTNS_ 0x00100000u	/* of unshare(2) only, Linux 7.1 */
#define CLONE_NEWCGROUP_ 0x02000000u
#define CLONE_NEWUTS_ 0x04000000u
#define CLONE_NEWIPC_ 0x08000000u
#define CLONE_NEWUSER_ 0x10000000u
#define CLONE_NEWPID_ 0x20000000u
#define CLONE_NEWNET_ 0x40000000u

/* mount.h: the new mount calls */
#define OPEN_TREE_CLONE_ 1u
#define OPEN_TREE_NAMESPACE_ 2u	/* Linux 7.0 */
#define FSMOUNT_NAMESPACE_ 2u		/* 7.1 */
#define OPEN_TREE_CLOEXEC_ 02000000u	/* O_CLOEXEC of every architecture we build for */
#define AT_RECURSIVE_ 0x8000u
#define MOVE_MOUNT_F_EMPTY_PATH_ 0x04u
#define MOVE_MOUNT_T_EMPTY_PATH_ 0x40u
#define MOVE_MOUNT_SET_GROUP_ 0x100u
#define MOVE_MOUNT_BENEATH_ 0x200u

#define MOUNT_ATTR_RDONLY_ 0x01u
#define MOUNT_ATTR_NOSUID_ 0x02u
#define MOUNT_ATTR_NODEV_ 0x04u
#define MOUNT_ATTR_NOEXEC_ 0x08u
#define MOUNT_ATTR_IDMAP_ 0x00100000u

struct mount_attr_ {
	uint64_t attr_set, attr_clr, propagation, userns_fd;
};

/* openat2.h */
#define RESOLVE_NO_MAGICLINKS_ 0x02u
#define RESOLVE_NO_SYMLINKS_ 0x04u
#define RESOLVE_IN_ROOT_ 0x10u
struct open_how_ {
	uint64_t flags, mode, resolve;
};

/* close_range.h */
#define CLOSE_RANGE_UNSHARE_ (1u << 1)
#define CLOSE_RANGE_CLOEXEC_ 4u

/* statmount(2) and listmount(2), Linux 6.8 */
#define STATMOUNT_SB_BASIC_ 0x01u
#define STATMOUNT_MNT_BASIC_ 0x02u
#define STATMOUNT_MNT_ROOT_ 0x08u
#define STATMOUNT_MNT_POINT_ 0x10u
#define STATMOUNT_FS_TYPE_ 0x20u
#define LSMT_ROOT_ UINT64_MAX
#define STATX_TYPE_ 0x01u
#define STATX_NLINK_ 0x04u
#define STATX_INO_ 0x100u
#define STATX_SIZE_ 0x200u
#define STATX_BASIC_STATS_ 0x7ffu
#define AT_STATX_DONT_SYNC_ 0x4000
#define STATX_BTIME_ 0x800u
#define STATX_ATTR_MOUNT_ROOT_ 0x2000u
#define STATX_MNT_ID_ 0x1000u
#define STATX_MNT_ID_UNIQUE_ 0x4000u
struct mnt_id_req_ {
	uint32_t size, spare;
	uint64_t mnt_id, param;
};
struct statmount_ {
	uint32_t size, mnt_opts;
	uint64_t mask;
	uint32_t sb_dev_major, sb_dev_minor;
	uint64_t sb_magic;
	uint32_t sb_flags, fs_type;
	uint64_t mnt_id, mnt_parent_id;
	uint32_t mnt_id_old, mnt_parent_id_old;
	uint64_t mnt_attr, mnt_propagation, mnt_peer_group, mnt_master, propagate_from;
	uint32_t mnt_root, mnt_point;	/* as fs_type: where in the texts */
	uint64_t rest[50];	/* what newer kernels add */
	char texts[];
};

/* loop.h */
#define LOOP_SET_FD_ 0x4C00
#define LOOP_CLR_FD_ 0x4C01
#define LOOP_SET_STATUS64_ 0x4C04
#define LOOP_CTL_GET_FREE_ 0x4C82
#define LO_FLAGS_READ_ONLY_ 1u
#define LO_FLAGS_AUTOCLEAR_ 4u
struct loop_info64_ {
	uint64_t lo_device, lo_inode, lo_rdevice, lo_offset, lo_sizelimit;
	uint32_t lo_number, lo_encrypt_type, lo_encrypt_key_size, lo_flags;
	uint8_t lo_file_name[64], lo_crypt_name[64], lo_encrypt_key[32];
	uint64_t lo_init[2];
};

/* module.h */
#define MODULE_INIT_COMPRESSED_FILE_ 4u

/* magic.h */
#define PIPEFS_MAGIC_ 0x50495045
#define PROC_SUPER_MAGIC_ 0x9fa0
#define SYSFS_MAGIC_ 0x62656572
#define CGROUP_MAGIC_ 0x27e0eb
#define CGROUP2_MAGIC_ 0x63677270
#define NSFS_MAGIC_ 0x6e736673
#define DEBUGFS_MAGIC_ 0x64626720
#define TRACEFS_MAGIC_ 0x74726163
#define SECURITYFS_MAGIC_ 0x73636673
#define BPF_FS_MAGIC_ 0xcafe4a11
#define TMPFS_MAGIC_ 0x01021994
#define RAMFS_MAGIC_ 0x858458f6
#define MQUEUE_MAGIC_ 0x19800202
#define DEVPTS_SUPER_MAGIC_ 0x1cd1

/* capability.h, version 3 */
#define CAPABILITY_VERSION_3_ 0x20080522u
enum { CAP_KILL_ = 5, CAP_SETPCAP_ = 8, CAP_SYS_PTRACE_ = 19, CAP_SYS_ADMIN_ = 21 };
struct cap_header_ {
	uint32_t version;
	int pid;
};
struct cap_data_ {
	uint32_t effective, permitted, inheritable;
};

/* prctl.h */
enum {
	PR_SET_PDEATHSIG_ = 1, PR_GET_DUMPABLE_ = 3, PR_SET_DUMPABLE_ = 4,
	PR_SET_KEEPCAPS_ = 8, PR_SET_CHILD_SUBREAPER_ = 36, PR_SET_NAME_ = 15, PR_CAPBSET_READ_ = 23,
	PR_CAPBSET_DROP_ = 24, PR_SET_SECUREBITS_ = 28, PR_SET_NO_NEW_PRIVS_ = 38,
	PR_CAP_AMBIENT_ = 47,
};
enum { PR_CAP_AMBIENT_RAISE_ = 2, PR_CAP_AMBIENT_CLEAR_ALL_ = 4 };

/* nsfs.h: the machine's own PID namespace, the same since Linux 3.8 */
#define PID_NS_INIT_INO_ 0xeffffffcu

/* socket.h: the groups of a peer, Linux 4.13; one number on every machine we build for */
#define SO_PEERGROUPS_ 59

/* reboot.h */
enum reboot_command_ {
	REBOOT_CAD_OFF_ = 0, REBOOT_RESTART_ = 0x01234567, REBOOT_POWER_OFF_ = 0x4321fedc,
};
#define REBOOT_HALT_ 0xcdef0123u

/* keyctl.h, ioprio.h, fcntl.h */
#define KEYCTL_JOIN_SESSION_KEYRING_ 1
#define IOPRIO_WHO_PROCESS_ 1
#define F_ADD_SEALS_ 1033
#define F_GET_SEALS_ 1034
#define F_SEALS_ALL_ 0xf	/* seal, shrink, grow, write */

#endif
