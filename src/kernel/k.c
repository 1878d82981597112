/* System calls, one line each; see k.h. */
#include "kernel/k.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/uapi.h"

/*
 * One libc function, or one raw call, behind the test's fault. Raw is the rule: libc's
 * own have cancellation and fallbacks for kernels before ours behind them. libc's are
 * taken where the registers of a call differ between machines.
 */
#define K(name, ...) (k_fault(#name) ? -1 : name(__VA_ARGS__))
#define RAW(name, number, ...) (k_fault(name) ? -1 : syscall((number), __VA_ARGS__))

/* On old 32-bit machines the plain calls take 16-bit ids. */
#ifdef SYS_setresuid32
#define NR_setresuid SYS_setresuid32
#define NR_setresgid SYS_setresgid32
#define NR_setgroups SYS_setgroups32
#else
#define NR_setresuid SYS_setresuid
#define NR_setresgid SYS_setresgid
#define NR_setgroups SYS_setgroups
#endif

/* And plain fcntl no offsets of 64 bits, plain statfs no numbers of them. */
#ifdef SYS_fcntl64
#define NR_fcntl SYS_fcntl64
#else
#define NR_fcntl SYS_fcntl
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
/* The 32-bit clock is enough for what counts from the start of the machine. */
#ifdef SYS_clock_gettime32
#define NR_clock_gettime SYS_clock_gettime32
#else
#define NR_clock_gettime SYS_clock_gettime
#endif

int k_open(int dir, const char *path, int flags, unsigned mode)
{
	return (int)RAW("openat", SYS_openat, dir, path, flags | O_CLOEXEC | O_LARGEFILE, mode);
}

int k_openat2(int dir, const char *path, const struct open_how_ *how)
{
	struct open_how_ cloexec = *how;

	cloexec.flags |= O_CLOEXEC;
	/* O_PATH must stand alone. */
	if (!(cloexec.flags & O_PATH))
		cloexec.flags |= O_LARGEFILE;
	return (int)RAW("openat2", NR_openat2, dir, path, &cloexec, sizeof cloexec);
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

long k_read(int fd, void *buf, size_t n) { return RAW("read", SYS_read, fd, buf, n); }
long k_pread(int fd, void *buf, size_t n, off_t at) { return K(pread, fd, buf, n, at); }
long k_write(int fd, const void *buf, size_t n) { return RAW("write", SYS_write, fd, buf, n); }

long k_readlink(int dir, const char *path, char *buf, size_t n)
{
	return RAW("readlinkat", SYS_readlinkat, dir, path, buf, n);
}

int k_stat(int dir, const char *path, int flags, unsigned mask, struct k_stat *to)
{
	return (int)RAW("statx", SYS_statx, dir, path, flags, mask, to);
}

int k_fstat(int fd, unsigned mask, struct k_stat *to)
{
	return k_stat(fd, "", AT_EMPTY_PATH, mask, to);
}

int k_fstatfs(int fd, struct statfs *to)
{
	return (int)RAW("fstatfs", NR_fstatfs, fd, STATFS_TO(to));
}

int k_statfs(const char *path, struct statfs *to)
{
	return (int)RAW("statfs", NR_statfs, path, STATFS_TO(to));
}

int k_mkdir(int dir, const char *path, unsigned mode)
{
	return (int)RAW("mkdirat", SYS_mkdirat, dir, path, mode);
}

int k_symlink(const char *target, int dir, const char *path)
{
	return (int)RAW("symlinkat", SYS_symlinkat, target, dir, path);
}

int k_link(int from_dir, const char *from, int dir, const char *path)
{
	return (int)RAW("linkat", SYS_linkat, from_dir, from, dir, path, 0);
}

int k_mknod(int dir, const char *path, unsigned mode, unsigned major, unsigned minor)
{
	return (int)RAW("mknodat", SYS_mknodat, dir, path, mode, (unsigned)makedev(major, minor));
}

int k_unlink(int dir, const char *path, int flags) { return (int)RAW("unlinkat", SYS_unlinkat, dir, path, flags); }

int k_rename(int dir, const char *from, const char *to)
{
	return (int)RAW("renameat", SYS_renameat2, dir, from, dir, to, 0);
}

int k_truncate(int fd)
{
	return RAW("ftruncate", SYS_ftruncate, fd, 0) && errno != EINVAL ? -1 : 0;
}

int k_fchmod(int fd, unsigned mode) { return (int)RAW("fchmod", SYS_fchmod, fd, mode); }

int k_chown(int dir, const char *path, unsigned uid, unsigned gid, int flags)
{
	return (int)RAW("fchownat", SYS_fchownat, dir, path, uid, gid, flags);
}

int k_dup2(int from, int to, int cloexec)
{
	return (int)RAW("dup3", SYS_dup3, from, to, cloexec ? O_CLOEXEC : 0);
}

int k_fcntl(int fd, int command, long argument) { return (int)RAW("fcntl", NR_fcntl, fd, command, argument); }

int k_ioctl(int fd, unsigned long request, void *argument)
{
	return (int)RAW("ioctl", SYS_ioctl, fd, (unsigned)request, argument);
}

int k_is_terminal(int fd)
{
	struct winsize size;

	return !k_ioctl(fd, TIOCGWINSZ, &size);
}

int k_flock(int fd, int operation) { return (int)RAW("flock", SYS_flock, fd, operation); }
long k_getdents(int fd, void *buf, size_t n) { return RAW("getdents64", SYS_getdents64, fd, buf, n); }
int k_memfd(const char *name)
{
	/* MFD_EXEC of Linux 6.3, which vm.memfd_noexec asks for; older kernels refuse it. */
	const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = (int)RAW("memfd_create", SYS_memfd_create, name, flags | 0x10);

	if (fd < 0 && errno == EINVAL)
		fd = (int)RAW("memfd_create", SYS_memfd_create, name, flags);
	return fd;
}
long k_sendfile(int to, int from, size_t n) { return RAW("sendfile", SYS_sendfile, to, from, NULL, n); }
int k_chdir(const char *path) { return (int)RAW("chdir", SYS_chdir, path); }
int k_fchdir(int fd) { return (int)RAW("fchdir", SYS_fchdir, fd); }
int k_chroot(const char *path) { return (int)RAW("chroot", SYS_chroot, path); }

int k_mount(const char *source, const char *target, const char *type, unsigned long flags,
	    const char *data)
{
	return (int)RAW("mount", SYS_mount, source, target, type, flags, data);
}

int k_umount(const char *path, int flags) { return (int)RAW("umount2", SYS_umount2, path, flags); }

int k_pivot_root(const char *new_root, const char *put_old)
{
	return (int)RAW("pivot_root", SYS_pivot_root, new_root, put_old);
}

int k_open_tree(int dir, const char *path, unsigned flags)
{
	return (int)RAW("open_tree", NR_open_tree, dir, path, flags | O_CLOEXEC);
}

int k_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
	return (int)RAW("move_mount", NR_move_mount, from, from_path, to, to_path, flags);
}

int k_mount_setattr(int dir, const char *path, unsigned flags, struct mount_attr_ *attr)
{
	return (int)RAW("mount_setattr", NR_mount_setattr, dir, path, flags, attr, sizeof *attr);
}

int k_statmount(uint64_t id, uint64_t mask, struct statmount_ *to)
{
	struct mnt_id_req_ request = {.size = sizeof request, .mnt_id = id, .param = mask};

	return (int)RAW("statmount", NR_statmount, &request, to, sizeof *to, 0);
}

int k_unshare(unsigned flags) { return (int)RAW("unshare", SYS_unshare, (int)flags); }
int k_setns(int fd, unsigned type) { return (int)RAW("setns", SYS_setns, fd, (int)type); }

int k_clone(int (*fn)(void *argument), void *stack_end, unsigned flags, void *argument)
{
	return K(clone, fn, stack_end, (int)flags, argument);
}

int k_clone_sibling(int (*fn)(void *argument), void *stack_end, unsigned flags, void *argument,
		    int *born)
{
	return K(clone, fn, stack_end, (int)(flags | CLONE_PARENT | CLONE_PARENT_SETTID), argument,
		 born);
}

int k_wait(int pid, int *status, int options)
{
	return (int)RAW("waitpid", SYS_wait4, pid, status, options, NULL);
}

int k_dead_child(void)
{
	siginfo_t info = {.si_pid = 0};

	return RAW("waitid", SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT, NULL) ? -1 : info.si_pid;
}

int k_kill(int pid, int signal) { return (int)RAW("kill", SYS_kill, pid, signal); }

int k_execve(const char *path, char *const argv[], char *const env[])
{
	return (int)RAW("execve", SYS_execve, path, argv, env);
}

int k_execve_fd(int fd, char *const argv[], char *const env[])
{
	return (int)RAW("execveat", SYS_execveat, fd, "", argv, env, AT_EMPTY_PATH);
}

void k_exit(int status) { _exit(status); }
int k_getpid(void) { return (int)syscall(SYS_getpid); }
int k_getppid(void) { return (int)syscall(SYS_getppid); }

void *k_memory(size_t n, int shared)
{
	void *memory = k_fault("mmap") ? MAP_FAILED :
		       mmap(NULL, n, PROT_READ | PROT_WRITE,
			    MAP_ANONYMOUS | MAP_NORESERVE | (shared ? MAP_SHARED : MAP_PRIVATE), -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

int k_forget(void *memory, size_t n) { return (int)RAW("munmap", SYS_munmap, memory, n); }
int k_madvise(void *memory, size_t n, int advice) 
{
	return (int)RAW("madvise", SYS_madvise, memory, n, advice);
}


int k_prctl(int option, unsigned long a, unsigned long b, unsigned long c)
{
	return (int)RAW("prctl", SYS_prctl, option, a, b, c, 0ul);
}

int k_capget(struct cap_data_ data[2])
{
	struct cap_header_ header = {.version = CAPABILITY_VERSION_3_};

	return (int)RAW("capget", SYS_capget, &header, data);
}

int k_capset(const struct cap_data_ data[2])
{
	struct cap_header_ header = {.version = CAPABILITY_VERSION_3_};

	return (int)RAW("capset", SYS_capset, &header, data);
}

/* Raw, because libc's own would tell its other threads, which a shared memory
 * child must not touch. */
int k_setgroups(unsigned n, const uint32_t *groups)
{
	return (int)RAW("setgroups", NR_setgroups, n, groups);
}

int k_setgid(uint32_t gid) { return (int)RAW("setresgid", NR_setresgid, gid, gid, gid); }
int k_setuid(uint32_t uid) { return (int)RAW("setresuid", NR_setresuid, uid, uid, uid); }
int k_setsid(void) { return (int)RAW("setsid", SYS_setsid, 0); }

int k_setrlimit(int resource, uint64_t soft, uint64_t hard)
{
	uint64_t limit[2] = {soft, hard};	/* struct rlimit64 */

	return (int)RAW("prlimit64", SYS_prlimit64, 0, resource, limit, NULL);
}

int k_nofile(uint64_t limit[2])
{
	return (int)RAW("getrlimit", SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, limit);
}

int k_set_nofile(const uint64_t limit[2])
{
	return (int)RAW("setrlimit", SYS_prlimit64, 0, RLIMIT_NOFILE, limit, NULL);
}

int k_open_max(void)
{
	uint64_t limit[2] = {1 << 20, 0};

	syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, limit);
	return limit[0] < 1 << 20 ? (int)limit[0] : 1 << 20;
}

int k_setpriority(int value) { return (int)RAW("setpriority", SYS_setpriority, PRIO_PROCESS, 0, value); }

int k_sched_set(int policy, int priority)
{
	return (int)RAW("sched_setscheduler", SYS_sched_setscheduler, 0, policy, &priority);
}

int k_sched_affinity(const void *mask, size_t bytes)
{
	return (int)RAW("sched_setaffinity", SYS_sched_setaffinity, 0, bytes, mask);
}

int k_ioprio_set(int value)
{
	return (int)RAW("ioprio_set", SYS_ioprio_set, IOPRIO_WHO_PROCESS_, 0, value);
}

unsigned k_umask(unsigned mask) { return (unsigned)syscall(SYS_umask, mask); }
int k_sethostname(const char *name) { return (int)RAW("sethostname", SYS_sethostname, name, strlen(name)); }
int k_setdomainname(const char *name) { return (int)RAW("setdomainname", SYS_setdomainname, name, strlen(name)); }

int k_keyring_new(void)
{
	return (int)RAW("keyctl", SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING_, NULL, 0, 0, 0);
}

int k_close_range_cloexec(unsigned from, unsigned to)
{
	return (int)RAW("close_range", NR_close_range, from, to, CLOSE_RANGE_CLOEXEC_);
}

void k_close_range(unsigned from, unsigned to)
{
	if (!RAW("close_range", NR_close_range, from, to, 0))
		return;
	/* Before Linux 5.9; numbers above the limit are those of a caller who lowered it. */
	for (unsigned last = (unsigned)k_open_max(); from <= to && (from < last || from < 65536); from++)
		syscall(SYS_close, from);
}

int k_signal_default(int signal)
{
	/* The kernel's struct, whose zeroes mean default on every machine. */
	static const unsigned long action[8];

	return (int)RAW("sigaction", SYS_rt_sigaction, signal, action, NULL, _NSIG / 8);
}

int k_socketpair(int fd[2])
{
	return (int)RAW("socketpair", SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd);
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

int k_socket(int domain, int type)
{
	return (int)RAW("socket", SYS_socket, domain, type | SOCK_CLOEXEC, 0);
}

int k_accept(int fd)
{
	return (int)RAW("accept4", SYS_accept4, fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}


int k_getsockopt(int fd, int level, int option, void *to, unsigned *n)
{
	return (int)RAW("getsockopt", SYS_getsockopt, fd, level, option, to, n);
}

long k_send(int fd, const void *record, size_t n, int pass)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = (void *)record, .iov_len = n};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

	if (pass >= 0) {
		memset(&control, 0, sizeof control);
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int));
		CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &pass, sizeof pass);
	}
	return RAW("sendmsg", SYS_sendmsg, fd, &m, MSG_NOSIGNAL);
}

long k_receive(int fd, void *record, size_t n, int *passed, int wait)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = record, .iov_len = n};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
			   .msg_controllen = CMSG_LEN(sizeof(int))};
	struct cmsghdr *c;
	long got = RAW("recvmsg", SYS_recvmsg, fd, &m, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));

	*passed = -1;
	if (got < 0)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(passed, CMSG_DATA(c), sizeof *passed);
	return got;
}

int k_bind(int fd, const void *address, unsigned length)
{
	return (int)RAW("bind", SYS_bind, fd, address, length);
}

int k_listen(int fd) { return (int)RAW("listen", SYS_listen, fd, INT32_MAX); }

int k_connect(int fd, const void *address, unsigned length)
{
	return (int)RAW("connect", SYS_connect, fd, address, length);
}

int k_shutdown(int fd) { return (int)RAW("shutdown", SYS_shutdown, fd, SHUT_RDWR); }

int k_setsockopt(int fd, int level, int option, int value)
{
	return (int)RAW("setsockopt", SYS_setsockopt, fd, level, option, &value, sizeof value);
}

int k_getsockname(int fd, struct sockaddr *address, unsigned *length)
{
	return (int)RAW("getsockname", SYS_getsockname, fd, address, length);
}

long k_receive_from(int fd, void *record, size_t n, int *pid)
{
	/* Room for the sender and nothing more: the kernel drops what else came along. */
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = {.iov_base = record, .iov_len = n};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
			   .msg_controllen = sizeof control};
	struct ucred sender;
	struct cmsghdr *c;
	long got = RAW("recvmsg", SYS_recvmsg, fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT | MSG_TRUNC);

	*pid = 0;
	if (got < 0)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
	    c->cmsg_len == CMSG_LEN(sizeof sender)) {
		memcpy(&sender, CMSG_DATA(c), sizeof sender);
		*pid = sender.pid;
	}
	return got;
}

int k_inotify(void) { return (int)RAW("inotify_init1", SYS_inotify_init1, IN_CLOEXEC | IN_NONBLOCK); }

int k_inotify_add(int fd, const char *path, uint32_t mask)
{
	return (int)RAW("inotify_add_watch", SYS_inotify_add_watch, fd, path, mask);
}

int k_poll(struct pollfd *fds, unsigned n, int timeout_ms) { return K(poll, fds, n, timeout_ms); }

/* The kernel's signal set is 64 bits, 128 on MIPS, in long words from low to high. */
enum { WORDS = 16 / sizeof(long), WORD_BITS = 8 * sizeof(long) };
struct signals {
	unsigned long word[WORDS];
};

static struct signals signals_of(uint64_t from)
{
	struct signals set = {{0}};

	for (int i = 0; i < 64 / WORD_BITS; i++)
		set.word[i] = (unsigned long)(from >> i * WORD_BITS);
	return set;
}

int k_signalfd(uint64_t signals)
{
	struct signals set = signals_of(signals);

	return (int)RAW("signalfd", SYS_signalfd4, -1, &set, _NSIG / 8, SFD_CLOEXEC | SFD_NONBLOCK);
}

int k_sigmask(uint64_t block, uint64_t *old)
{
	struct signals set = signals_of(block), before;

	if (RAW("sigprocmask", SYS_rt_sigprocmask, SIG_SETMASK, &set, &before, _NSIG / 8))
		return -1;
	if (old)
		*old = 0;
	for (int i = 0; old && i < 64 / WORD_BITS; i++)
		*old |= (uint64_t)before.word[i] << i * WORD_BITS;
	return 0;
}

int k_sigwait(uint64_t signals)
{
	struct signals set = signals_of(signals);

	return (int)RAW("sigwaitinfo", SYS_rt_sigtimedwait, &set, NULL, NULL, _NSIG / 8);
}

int64_t k_now_ms(void)
{
	long t[2] = {0};	/* the kernel's struct timespec */

	syscall(NR_clock_gettime, CLOCK_MONOTONIC, t);
	return (int64_t)t[0] * 1000 + t[1] / 1000000;
}
