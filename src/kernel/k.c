/* System calls about files, mounts, namespaces and memory, one line each; see k.h. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "kernel/call.h"

/* On old 32-bit machines plain fcntl takes no offsets of 64 bits, plain statfs no numbers of them. */
#ifdef SYS_fcntl64
#define NR_fcntl SYS_fcntl64
#else
#define NR_fcntl SYS_fcntl
#endif
#ifdef SYS_clock_gettime
#define SYS_clock_gettime_ SYS_clock_gettime
#else
#define SYS_clock_gettime_ SYS_clock_gettime64
#endif
#ifdef SYS_statfs64
#define NR_statfs SYS_statfs64
#define NR_fstatfs SYS_fstatfs64
#define STATFS_TO(to) sizeof *(to), (to)
#else
#define NR_statfs SYS_statfs
#define NR_fstatfs SYS_fstatfs
#define STATFS_TO(to) (to)
#endif

int k_open(int dir, const char *path, int flags, unsigned mode)
{
	return RAW("openat", SYS_openat, dir, path, flags | O_CLOEXEC | O_LARGEFILE, mode);
}

int k_openat2(int dir, const char *path, const struct open_how_ *how)
{
	struct open_how_ cloexec = *how;

	cloexec.flags |= O_CLOEXEC;
	/* O_PATH must stand alone. */
	if (!(cloexec.flags & O_PATH))
		cloexec.flags |= O_LARGEFILE;
	return RAW("openat2", NR_openat2, dir, path, &cloexec, sizeof cloexec);
}

/* A close that fails has closed all the same (close(2)): the test's one too. */
void k_close(int fd)
{
	int before = errno;

	if (fd < 0)
		return;
	syscall(SYS_close, fd);
	(void)k_fault("close");
	errno = before;
}

void k_drop(int *fd)
{
	k_close(*fd);
	*fd = -1;
}

long k_read(int fd, void *buf, size_t n) { return RAW_LONG("read", SYS_read, fd, buf, n); }
long k_pread(int fd, void *buf, size_t n, off_t at) { return K(pread, fd, buf, n, at); }
long k_write(int fd, const void *buf, size_t n) { return RAW_LONG("write", SYS_write, fd, buf, n); }

int k_fsync(int fd) { return RAW("fsync", SYS_fsync, fd); }

long k_readlink(int dir, const char *path, char *buf, size_t n)
{
	return RAW_LONG("readlinkat", SYS_readlinkat, dir, path, buf, n);
}

int k_stat(int dir, const char *path, int flags, unsigned mask, struct k_stat *to)
{
	return RAW("statx", SYS_statx, dir, path, flags, mask, to);
}

int k_fstat(int fd, unsigned mask, struct k_stat *to)
{
	return k_stat(fd, "", AT_EMPTY_PATH, mask, to);
}

int k_fstatfs(int fd, struct statfs *to)
{
	return RAW("fstatfs", NR_fstatfs, fd, STATFS_TO(to));
}

int k_statfs(const char *path, struct statfs *to)
{
	return RAW("statfs", NR_statfs, path, STATFS_TO(to));
}

int k_mkdir(int dir, const char *path, unsigned mode)
{
	return RAW("mkdirat", SYS_mkdirat, dir, path, mode);
}

int k_symlink(const char *target, int dir, const char *path)
{
	return RAW("symlinkat", SYS_symlinkat, target, dir, path);
}

int k_link(int from_dir, const char *from, int dir, const char *path)
{
	return RAW("linkat", SYS_linkat, from_dir, from, dir, path, 0);
}

int k_mknod(int dir, const char *path, unsigned mode, unsigned major, unsigned minor)
{
	return RAW("mknodat", SYS_mknodat, dir, path, mode, (unsigned)makedev(major, minor));
}

int k_unlink(int dir, const char *path, int flags) { return RAW("unlinkat", SYS_unlinkat, dir, path, flags); }

int k_rename(int dir, const char *from, const char *to)
{
	return RAW("renameat", SYS_renameat2, dir, from, dir, to, 0);
}

int k_truncate(int fd)
{
	return RAW("ftruncate", SYS_ftruncate, fd, 0) && errno != EINVAL ? -1 : 0;
}

int k_resize(int fd, off_t n) { return K(ftruncate, fd, n); }
int k_fchmod(int fd, unsigned mode) { return RAW("fchmod", SYS_fchmod, fd, mode); }

int k_chown(int dir, const char *path, unsigned uid, unsigned gid, int flags)
{
	return RAW("fchownat", SYS_fchownat, dir, path, uid, gid, flags);
}

int k_dup2(int from, int to, int cloexec)
{
	return RAW("dup3", SYS_dup3, from, to, cloexec ? O_CLOEXEC : 0);
}

int k_fcntl(int fd, int command, long argument) { return RAW("fcntl", NR_fcntl, fd, command, argument); }

int k_ioctl(int fd, unsigned long request, void *argument)
{
	return RAW("ioctl", SYS_ioctl, fd, (unsigned)request, argument);
}

int k_is_terminal(int fd)
{
	struct winsize size;

	return !k_ioctl(fd, TIOCGWINSZ, &size);
}

int k_flock(int fd, int operation) { return RAW("flock", SYS_flock, fd, operation); }
long k_getdents(int fd, void *buf, size_t n) { return RAW_LONG("getdents64", SYS_getdents64, fd, buf, n); }
int k_memfd(const char *name, int program)
{
	/* MFD_EXEC or MFD_NOEXEC_SEAL of Linux 6.3, as vm.memfd_noexec wants it said; older kernels refuse it. */
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = RAW("memfd_create", SYS_memfd_create, name, flags | (program ? 0x10 : 0x8));

	if (fd < 0 && errno == EINVAL)
		fd = RAW("memfd_create", SYS_memfd_create, name, flags);
	return fd;
}
long k_sendfile(int to, int from, size_t n) { return RAW_LONG("sendfile", SYS_sendfile, to, from, NULL, n); }
void k_sync(void)
{
	/* A test's machine is somebody's machine: only the call is looked at. */
#ifdef HUTCH_FAULT
	(void)k_fault("sync");
#else
	syscall(SYS_sync);
#endif
}

int k_chdir(const char *path) { return RAW("chdir", SYS_chdir, path); }
int k_fchdir(int fd) { return RAW("fchdir", SYS_fchdir, fd); }
int k_chroot(const char *path) { return RAW("chroot", SYS_chroot, path); }

int k_init_module(const void *image, size_t n, const char *options)
{
	return RAW("init_module", SYS_init_module, image, n, options);
}

int k_finit_module(int fd, const char *options, unsigned flags)
{
	return RAW("finit_module", SYS_finit_module, fd, options, flags);
}

int k_uname(struct utsname *to) { return RAW("uname", SYS_uname, to); }

int k_mount(const char *source, const char *target, const char *type, unsigned long flags,
	    const char *data)
{
	return RAW("mount", SYS_mount, source, target, type, flags, data);
}

int k_umount(const char *path, int flags) { return RAW("umount2", SYS_umount2, path, flags); }

int k_pivot_root(const char *new_root, const char *put_old)
{
	return RAW("pivot_root", SYS_pivot_root, new_root, put_old);
}

int k_open_tree(int dir, const char *path, unsigned flags)
{
	return RAW("open_tree", NR_open_tree, dir, path, flags | O_CLOEXEC);
}

int k_fsmount(int context, unsigned flags)
{
	return RAW("fsmount", NR_fsmount, context, flags, 0);
}

int k_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
	return RAW("move_mount", NR_move_mount, from, from_path, to, to_path, flags);
}

int k_mount_setattr(int dir, const char *path, unsigned flags, struct mount_attr_ *attr)
{
	return RAW("mount_setattr", NR_mount_setattr, dir, path, flags, attr, sizeof *attr);
}

int k_statmount(uint64_t id, uint64_t mask, struct statmount_ *to, size_t size)
{
	struct mnt_id_req_ request = {.size = sizeof request, .mnt_id = id, .param = mask};

	return RAW("statmount", NR_statmount, &request, to, size, 0);
}

int k_listmount(uint64_t last, uint64_t *to, unsigned n)
{
	struct mnt_id_req_ request = {.size = sizeof request, .mnt_id = LSMT_ROOT_, .param = last};

	return RAW("listmount", NR_listmount, &request, to, (size_t)n, 0);
}

int k_has_cachestat(void) { return RAW("cachestat", NR_cachestat, -1, NULL, NULL, 0) >= 0 || errno != ENOSYS; }

int k_unshare(unsigned flags) { return RAW("unshare", SYS_unshare, (int)flags); }
int k_setns(int fd, unsigned type) { return RAW("setns", SYS_setns, fd, (int)type); }

void *k_map_to(void *to, int fd, size_t n, off_t at, int flags)
{
	void *memory = k_fault("mmap") ? MAP_FAILED
		: mmap(to, n, PROT_READ | PROT_WRITE, flags | (to ? MAP_FIXED : 0), fd, at);

	return memory == MAP_FAILED ? NULL : memory;
}

void *k_map(int fd, size_t n, off_t at, int flags) { return k_map_to(NULL, fd, n, at, flags); }

void *k_memory(size_t n, int shared)
{
	return k_map(-1, n, 0, MAP_ANONYMOUS | MAP_NORESERVE | (shared ? MAP_SHARED : MAP_PRIVATE));
}

int k_forget(void *memory, size_t n) { return RAW("munmap", SYS_munmap, memory, n); }
int k_madvise(void *memory, size_t n, int advice)
{
	return RAW("madvise", SYS_madvise, memory, n, advice);
}

unsigned k_umask(unsigned mask) { return (unsigned)syscall(SYS_umask, mask); }
int k_sethostname(const char *name) { return RAW("sethostname", SYS_sethostname, name, strlen(name)); }
int k_setdomainname(const char *name) { return RAW("setdomainname", SYS_setdomainname, name, strlen(name)); }

int k_keyring_new(void)
{
	return RAW("keyctl", SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING_, NULL, 0, 0, 0);
}

int k_close_range_cloexec(unsigned from, unsigned to)
{
	return RAW("close_range", NR_close_range, from, to, CLOSE_RANGE_CLOEXEC_);
}

int k_close_range_unshare(unsigned from)
{
	return RAW("close_range", NR_close_range, from, ~0u, CLOSE_RANGE_UNSHARE_);
}

void k_close_range(unsigned from, unsigned to)
{
	if (!RAW("close_range", NR_close_range, from, to, 0))
		return;
	/* Before Linux 5.9; numbers above the limit are those of a caller who lowered it. */
	for (unsigned last = (unsigned)k_open_max(); from <= to && (from < last || from < 65536); from++)
		syscall(SYS_close, from);
}

int k_pipe(int fd[2])
{
	if (RAW("pipe2", SYS_pipe2, fd, O_CLOEXEC))
		return -1;
	if (!k_fcntl(fd[0], F_SETFL, O_NONBLOCK))
		return 0;
	k_close(fd[0]);
	k_close(fd[1]);
	return -1;
}

int k_inotify(void) { return RAW("inotify_init1", SYS_inotify_init1, IN_CLOEXEC | IN_NONBLOCK); }

int k_inotify_add(int fd, const char *path, uint32_t mask)
{
	return RAW("inotify_add_watch", SYS_inotify_add_watch, fd, path, mask);
}

int k_epoll(void) { return RAW("epoll_create1", SYS_epoll_create1, EPOLL_CLOEXEC); }

int k_epoll_ctl(int epoll, int op, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event e = {.events = events, .data.u64 = tag};

	return RAW("epoll_ctl", SYS_epoll_ctl, epoll, op, fd, &e);
}

int k_epoll_ready(int epoll, struct epoll_event *to, int room)
{
	return RAW("epoll_pwait", SYS_epoll_pwait, epoll, to, room, 0, NULL, 0);
}

int k_poll(struct pollfd *fds, unsigned n, int timeout_ms) { return K(poll, fds, n, timeout_ms); }

int64_t k_now_ms(void)
{
	struct timespec t = {0};

	/* libc's way past the kernel is a reader of ELF: a KiB for some nanoseconds. Where long is short it knows two calls. */
	if (sizeof(long) == 8)
		syscall(SYS_clock_gettime_, CLOCK_MONOTONIC, &t);
	else
		clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t k_time(void)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec;
}
