/*
 * The only door to the kernel. Each function is one system call with errno as its
 * error; every descriptor is close-on-exec from birth. Nothing here decides.
 *
 * A build with HUTCH_FAULT can make any single call fail, which is what
 * tests/fault does; see fault.c.
 */
#ifndef HUTCH_K_H
#define HUTCH_K_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/uapi.h"

struct statfs;
struct mq_attr;
struct rlimit;
struct pollfd;
struct sockaddr;

/* statx(2), whose layout is the same on every machine, unlike stat's. */
struct k_stat {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, spare;
	uint64_t ino, size, blocks, attributes_mask;
	struct { int64_t sec; uint32_t nsec; int32_t spare; } atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mnt_id, rest[13];
};

/* linux_dirent64 of getdents64(2) */
struct k_dirent {
	uint64_t ino;
	int64_t off;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* Files. `dir` is a descriptor or AT_FDCWD. */
int k_open(int dir, const char *path, int flags, unsigned mode);
int k_openat2(int dir, const char *path, const struct open_how_ *how);
void k_close(int fd);	/* -1: nothing; keeps errno: nothing is to be done about a failed close */
void k_drop(int *fd);	/* the same, and it is -1 then */
long k_read(int fd, void *buf, size_t n);
long k_pread(int fd, void *buf, size_t n, off_t at);
long k_write(int fd, const void *buf, size_t n);
int k_fsync(int fd);
long k_readlink(int dir, const char *path, char *buf, size_t n);
int k_stat(int dir, const char *path, int flags, unsigned mask, struct k_stat *to);
int k_fstat(int fd, unsigned mask, struct k_stat *to);
int k_fstatfs(int fd, struct statfs *to);
int k_statfs(const char *path, struct statfs *to);
int k_mkdir(int dir, const char *path, unsigned mode);
int k_symlink(const char *target, int dir, const char *path);
int k_link(int from_dir, const char *from, int dir, const char *path);
int k_mknod(int dir, const char *path, unsigned mode, unsigned major, unsigned minor);
int k_unlink(int dir, const char *path, int flags);
int k_rename(int dir, const char *from, const char *to);
int k_truncate(int fd);	/* to nothing; a pipe or device has no length to cut */
int k_resize(int fd, off_t n);
int k_fchmod(int fd, unsigned mode);
int k_chown(int dir, const char *path, unsigned uid, unsigned gid, int flags);
int k_dup2(int from, int to, int cloexec);
int k_fcntl(int fd, int command, long argument);
int k_ioctl(int fd, unsigned long request, void *argument);
int k_is_terminal(int fd);
int k_flock(int fd, int operation);
long k_getdents(int fd, void *buf, size_t n);
int k_memfd(const char *name, int program);	/* to be executed */
long k_sendfile(int to, int from, size_t n);
void k_sync(void);	/* all file systems; may take as long as a disk likes */
int k_chdir(const char *path);
int k_fchdir(int fd);
int k_chroot(const char *path);

/* Modules: the options are one text. Of a file, flags are MODULE_INIT_*. */
int k_init_module(const void *image, size_t n, const char *options);
int k_finit_module(int fd, const char *options, unsigned flags);
struct utsname;
int k_uname(struct utsname *to);

/* Mounts and namespaces. */
int k_mount(const char *source, const char *target, const char *type, unsigned long flags,
	    const char *data);
int k_umount(const char *path, int flags);
int k_pivot_root(const char *new_root, const char *put_old);
int k_open_tree(int dir, const char *path, unsigned flags);
int k_fsmount(int context, unsigned flags);
int k_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags);
int k_mount_setattr(int dir, const char *path, unsigned flags, struct mount_attr_ *attr);
int k_has_cachestat(void);
int k_statmount(uint64_t id, uint64_t mask, struct statmount_ *to, size_t size);
int k_listmount(uint64_t last, uint64_t *to, unsigned n);	/* those behind the last one that are in reach; how many */
int k_unshare(unsigned flags);
int k_setns(int fd, unsigned type);

/* IPC objects of the own namespace. Of a semaphore: GETPID, GETNCNT or GETZCNT. */
int k_msg_remove(int id);
int k_sem_remove(int id);
int k_shm_remove(int id);
int k_sem_get(int id, int number, int command);
int k_mq_attr(int queue, struct mq_attr *to);

/*
 * A child that runs fn(argument) on the stack that ends at `stack_end`; flags as
 * in clone(2), with the exit signal. Returns its pid.
 */
int k_clone(int (*fn)(void *argument), void *stack_end, unsigned flags, void *argument);
/* The same; the kernel makes *mark 0 when it has executed a program or died, while the caller lives and shares its memory with it. */
int k_clone_marked(int (*fn)(void *argument), void *stack_end, unsigned flags, void *argument, int *mark);
/*
 * The same as a child of the caller's parent, whose pid the kernel writes to *born before it
 * runs; `flags` without a signal: it ends with the caller's own.
 */
int k_clone_sibling(int (*fn)(void *argument), void *stack_end, unsigned flags, void *argument,
		    int *born);
int k_wait(int pid, int *status, int options);
/* A child that is dead, which keeps its number until k_wait; 0: none is. */
int k_dead_child(void);
int k_kill(int pid, int signal);
int k_reboot(unsigned command);	/* enum reboot_command_ */
int k_execve(const char *path, char *const argv[], char *const env[]);
int k_execve_fd(int fd, char *const argv[], char *const env[]);
/* From now on the next exec stops this process before the program begins. */
int k_trace_me(void);
void k_exit(int status) __attribute__((noreturn));
/* The kernel makes *mark 0 when this thread has died, while others have its memory, and before its children are
 * told (PR_SET_PDEATHSIG). */
int k_clear_at_death(int *mark);
int k_getpid(void);
int k_getppid(void);
/* Zeroed pages, with `shared` also those of later children; NULL with errno. */
void *k_memory(size_t n, int shared);
/* A file's pages from `at` on, to read and write, MAP_SHARED or MAP_PRIVATE; NULL with errno. */
void *k_map(int fd, size_t n, off_t at, int flags);
void *k_map_to(void *to, int fd, size_t n, off_t at, int flags);	/* instead of what is there */
int k_forget(void *memory, size_t n);
int k_madvise(void *memory, size_t n, int advice);

/* Rights, limits, names. */
int k_prctl(int option, unsigned long a, unsigned long b, unsigned long c);
int k_capget(struct cap_data_ data[2]);
int k_capset(const struct cap_data_ data[2]);
int k_setgroups(unsigned n, const uint32_t *groups);
int k_groups(void);	/* how many supplementary groups, -1 when that is not told */
int k_setgid(uint32_t gid);	/* real, effective and saved */
int k_setuid(uint32_t uid);
int k_setsid(void);
int k_setrlimit(int resource, uint64_t soft, uint64_t hard);
/* RLIMIT_NOFILE: soft and hard. */
int k_nofile(uint64_t limit[2]);
int k_set_nofile(const uint64_t limit[2]);
int k_open_max(void);	/* no descriptor is as high */
int k_setpriority(int value);
int k_sched_set(int policy, int priority);
int k_sched_affinity(const void *mask, size_t bytes);
int k_ioprio_set(int value);
unsigned k_umask(unsigned mask);
int k_sethostname(const char *name);
int k_setdomainname(const char *name);
int k_keyring_new(void);
int k_close_range_cloexec(unsigned from, unsigned to);
/* Closes the descriptors from `from` up to `to`, by close_range(2) or one by one. */
/* In a table of its own, which has only those below `from` of the one that was shared. -1: errno, nothing has changed. */
int k_close_range_unshare(unsigned from);
void k_close_range(unsigned from, unsigned to);
int k_signal_is_ignored(int signal);	/* 1: it is, or nobody knows */
int k_signal_default(int signal);	/* EINVAL for those that are always */
/* On the stack of k_signal_stack, where it may come again while it is handled. */
int k_signal_handler(int signal, void (*fn)(int signal, siginfo_t *info, void *context));
int k_signal_stack(void *stack, size_t n);

/* Talking and waiting. */
int k_socketpair(int fd[2]);	/* SEQPACKET */
int k_pipe(int fd[2]);		/* fd[0], from which is read, never waits */
int k_socket(int domain, int type);
int k_bind(int fd, const void *address, unsigned n);
int k_listen(int fd);	/* as many as the system lets wait */
int k_connect(int fd, const void *address, unsigned n);
int k_shutdown(int fd);	/* for good, whoever else holds it */
int k_accept(int fd);	/* a descriptor that never blocks */
int k_getsockopt(int fd, int level, int option, void *to, unsigned *n);
/* One record with up to one descriptor (-1: none). */
/* Up to PASS_MOST descriptors at once, with a byte; how many came is for the caller to compare. -1: errno. */
enum { PASS_MOST = 32 };
int k_pass(int fd, const int *pass, unsigned n);
int k_take(int fd, int *to, unsigned n);
long k_send(int fd, const void *record, size_t n, int pass);
/* 0 at the end; *passed is a new descriptor or -1. */
long k_receive(int fd, void *record, size_t n, int *passed, int wait);
/* An address is as long as bind(2) wants it; of getsockname's, *length is what fits. */
int k_setsockopt(int fd, int level, int option, int value);
int k_getsockname(int fd, struct sockaddr *address, unsigned *length);
/*
 * One datagram without waiting, of a socket with SO_PASSCRED; *pid: who sent it, 0: nobody
 * that is seen from here. Descriptors do not come in. Returns its whole length,
 * which may be more than n.
 */
long k_receive_from(int fd, void *record, size_t n, int *pid);
int k_inotify(void);	/* reads without waiting */
int k_inotify_add(int fd, const char *path, uint32_t mask);
int k_poll(struct pollfd *fds, unsigned n, int timeout_ms);

/* What is ready of many: k_epoll_ctl's op is of epoll(7), `tag` comes back with what is. Never waits. */
struct epoll_event;
int k_epoll(void);
int k_epoll_ctl(int epoll, int op, int fd, uint32_t events, uint64_t tag);
int k_epoll_ready(int epoll, struct epoll_event *to, int room);	/* how many */
int k_signalfd(uint64_t signals);	/* bit n-1 is signal n */
int k_sigmask(uint64_t block, uint64_t *old);	/* sets the mask */
/* The first of these that comes, which are blocked; -1 with EAGAIN after so long, <0: for ever. */
int k_sigwait(uint64_t signals, int timeout_ms);
int64_t k_now_ms(void);	/* monotonic */
int64_t k_time(void);	/* seconds since 1970 */

#ifdef HUTCH_FAULT
void k_fault_side(char side);	/* whose calls follow: 'i' once the child runs */
void k_fault_step(const char *name);
int k_fault(const char *call);
#else
#define k_fault_side(side) ((void)(side))
#define k_fault_step(name) ((void)0)
#define k_fault(call) 0
#endif

#endif
