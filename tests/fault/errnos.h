/* The errnos that a call can fail with in practice; the first is the usual one. */
#ifndef ERRNOS_H
#define ERRNOS_H

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define CODES(...) {__VA_ARGS__, 0}
static const struct {
	const char *call;
	int code[8];
} errnos[] = {
	/* A failed close loses a descriptor number at worst, and the kernel's is closed all the same. */
	{"close", {0}},
	/* There is nothing that it could say no to. */
	{"set_tid_address", {0}},
	{"openat", CODES(EMFILE, ENOENT, EACCES, ENOMEM, ELOOP)},
	{"openat2", CODES(EMFILE, ENOENT, EAGAIN, ENOSYS, ELOOP)},
	{"read", CODES(EIO, EINTR)}, {"pread", CODES(EIO)}, {"write", CODES(EPERM, ENOSPC, EINVAL, EINTR)},
	{"readlinkat", CODES(ENOENT, ENAMETOOLONG)}, {"statx", CODES(EACCES, ENOENT, ENOSYS)},
	{"fstatfs", CODES(EIO, ENOSYS)}, {"mkdirat", CODES(ENOSPC, EROFS, EACCES)},
	{"symlinkat", CODES(ENOSPC, EEXIST)}, {"mknodat", CODES(EPERM, EEXIST)},
	{"unlinkat", CODES(EROFS)}, {"renameat", CODES(ENOSPC)}, {"fchmod", CODES(EPERM)},
	{"fchownat", CODES(EPERM, EINVAL)}, {"dup3", CODES(EMFILE, EBUSY)}, {"fcntl", CODES(EBADF, EINVAL)},
	{"ioctl", CODES(EPERM, ENOTTY, EINVAL)}, {"flock", CODES(ENOLCK, EINTR)},
	{"getdents64", CODES(EACCES, ENOENT)}, {"pipe2", CODES(EMFILE, ENFILE)},
	{"memfd_create", CODES(ENOSYS, EMFILE)}, {"sendfile", CODES(EINVAL, ENOSPC)},
	{"chdir", CODES(EACCES)}, {"fchdir", CODES(EACCES, ENOENT)}, {"chroot", CODES(EPERM)},
	{"mount", CODES(EPERM, EINVAL, ENODEV, ENOENT, ENOMEM, EBUSY)}, {"umount2", CODES(EINVAL, EBUSY)},
	{"pivot_root", CODES(EINVAL, EBUSY)}, {"open_tree", CODES(EINVAL, EPERM, ENOMEM)}, {"fsmount", CODES(EPERM, ENOMEM)},
	{"move_mount", CODES(EINVAL, EPERM, ENOENT, ELOOP)}, {"mount_setattr", CODES(EPERM, EINVAL, EBUSY)},
	{"statfs", CODES(EACCES)}, {"statmount", CODES(ENOENT, EPERM)}, {"listmount", CODES(EPERM)}, {"cachestat", CODES(ENOSYS)}, {"unshare", CODES(EPERM, ENOSPC, EINVAL)},
	{"setns", CODES(EPERM, EINVAL)}, {"clone", CODES(EAGAIN, ENOMEM, EPERM, ENOSPC, EINVAL)},
	{"waitpid", CODES(EINTR)}, {"waitid", CODES(EINTR, ECHILD)}, {"kill", CODES(EPERM, ESRCH)},
	{"execve", CODES(ENOENT, EACCES, ENOEXEC, ENOMEM)}, {"execveat", CODES(EACCES, ENOMEM)},
	{"prctl", CODES(EPERM, EINVAL)}, {"ptrace", CODES(EPERM)}, {"capget", CODES(EINVAL)}, {"capset", CODES(EPERM)},
	{"getgroups", CODES(EINVAL)}, {"set_tid_address", CODES(ENOSYS)}, {"setgroups", CODES(EPERM)}, {"setresgid", CODES(EPERM, EINVAL)}, {"setresuid", CODES(EAGAIN, EPERM, EINVAL)},
	{"setsid", CODES(EPERM)}, {"prlimit64", CODES(EPERM)}, {"setpriority", CODES(EACCES)},
	{"sched_setscheduler", CODES(EPERM)}, {"sched_setaffinity", CODES(EINVAL)}, {"ioprio_set", CODES(EPERM)},
	{"sethostname", CODES(EPERM)}, {"setdomainname", CODES(EPERM)}, {"keyctl", CODES(EDQUOT, ENOSYS)},
	{"close_range", CODES(EINVAL, ENOSYS)}, {"sigaction", CODES(EINVAL)}, {"socketpair", CODES(EMFILE)},
	{"socket", CODES(EMFILE, EAFNOSUPPORT)}, {"sendmsg", CODES(ENOBUFS, EINTR)}, {"recvmsg", CODES(EINTR, ENOMEM)},
	{"reboot", CODES(EPERM, EINVAL)}, {"sync", {0}}, {"sigaltstack", CODES(EINVAL, ENOMEM)}, {"poll", CODES(EINTR, ENOMEM)},
	{"epoll_create1", CODES(EMFILE, ENOMEM, ENOSYS)}, {"epoll_ctl", CODES(ENOSPC, ENOMEM)}, {"epoll_pwait", CODES(EINTR)},
	{"signalfd", CODES(EMFILE)}, {"sigprocmask", CODES(EINVAL)},
	{"sigwaitinfo", CODES(EINTR)}, {"pidfd_open", CODES(EMFILE)},
	{"sigaltstack", CODES(ENOMEM)}, {"madvise", CODES(EINVAL, ENOMEM)}, {"mmap", CODES(ENOMEM)}, {"getrlimit", CODES(EPERM)},
	{"setrlimit", CODES(EPERM)}, {"accept4", CODES(EMFILE, ECONNABORTED, ENOMEM)},
	{"getsockopt", CODES(EINVAL, ENOMEM)}, {"setsockopt", CODES(ENOMEM)}, {"getsockname", CODES(ENOBUFS)},
	{"bind", CODES(EADDRINUSE, ENOMEM, EACCES)}, {"shutdown", CODES(ENOBUFS)}, {"listen", CODES(EADDRINUSE, ENOMEM)},
	{"connect", CODES(ECONNREFUSED, EAGAIN, EINTR)}, {"linkat", CODES(EPERM, ENOSPC)},
	{"ftruncate", CODES(EPERM)}, {"inotify_init1", CODES(EMFILE, ENOMEM)},
	{"inotify_add_watch", CODES(ENOSPC, ENOMEM, EACCES)},
	{"finit_module", CODES(ENOEXEC, EEXIST, EOPNOTSUPP)}, {"init_module", CODES(ENOMEM)}, {"uname", CODES(EFAULT)},
	/* A part of a mapping that is left by it costs memory; the whole cannot fail. */
	{"munmap", {0}},
};

/* Ends with 0; NULL: a call that has no line yet. */
static const int *errnos_of(const char *call)
{
	for (size_t i = 0; i < sizeof errnos / sizeof *errnos; i++)
		if (!strcmp(errnos[i].call, call))
			return errnos[i].code;
	return NULL;
}

#endif
