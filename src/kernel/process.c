/* Processes: made, waited for, their ids, rights, limits and signals. */
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "kernel/call.h"

/* libc's: on some machines all of System V is one call with a number. */
int k_msg_remove(int id) { return K(msgctl, id, IPC_RMID, NULL); }
int k_sem_remove(int id) { return K(semctl, id, 0, IPC_RMID); }
int k_shm_remove(int id) { return K(shmctl, id, IPC_RMID, NULL); }
int k_sem_get(int id, int number, int command) { return K(semctl, id, number, command); }
int k_mq_attr(int queue, struct mq_attr *to) { return K(mq_getattr, queue, to); }

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

int k_clone(int (*fn)(void *argument), void *stack_end, unsigned flags, void *argument)
{
	return K(clone, fn, stack_end, (int)flags, argument);
}

int k_clone_marked(int (*fn)(void *argument), void *stack_end, unsigned flags, void *argument, int *mark)
{
	return K(clone, fn, stack_end, (int)(flags | CLONE_CHILD_CLEARTID), argument, NULL, NULL, mark);
}

int k_clone_sibling(int (*fn)(void *argument), void *stack_end, unsigned flags, void *argument,
		    int *born)
{
	return K(clone, fn, stack_end, (int)(flags | CLONE_PARENT | CLONE_PARENT_SETTID), argument,
		 born);
}

int k_wait(int pid, int *status, int options)
{
	return RAW("waitpid", SYS_wait4, pid, status, options, NULL);
}

int k_dead_child(void)
{
	siginfo_t info = {.si_pid = 0};

	return RAW("waitid", SYS_waitid, P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT, NULL) ? -1 : info.si_pid;
}

int k_kill(int pid, int signal) { return RAW("kill", SYS_kill, pid, signal); }

int k_reboot(unsigned command)
{
	return RAW("reboot", SYS_reboot, 0xfee1dead, 672274793, command, NULL);
}

int k_execve(const char *path, char *const argv[], char *const env[])
{
	return RAW("execve", SYS_execve, path, argv, env);
}

int k_execve_fd(int fd, char *const argv[], char *const env[])
{
	return RAW("execveat", SYS_execveat, fd, "", argv, env, AT_EMPTY_PATH);
}

int k_trace_me(void) { return RAW("ptrace", SYS_ptrace, PTRACE_TRACEME, 0, NULL, NULL); }
void k_exit(int status) { _exit(status); }
int k_clear_at_death(int *mark) { return RAW("set_tid_address", SYS_set_tid_address, mark) < 0; }
int k_getpid(void) { return (int)syscall(SYS_getpid); }
int k_getppid(void) { return (int)syscall(SYS_getppid); }

int k_prctl(int option, unsigned long a, unsigned long b, unsigned long c)
{
	return RAW("prctl", SYS_prctl, option, a, b, c, 0ul);
}

int k_capget(struct cap_data_ data[2])
{
	struct cap_header_ header = {.version = CAPABILITY_VERSION_3_};

	return RAW("capget", SYS_capget, &header, data);
}

int k_capset(const struct cap_data_ data[2])
{
	struct cap_header_ header = {.version = CAPABILITY_VERSION_3_};

	return RAW("capset", SYS_capset, &header, data);
}

/* Raw, because libc's own would tell its other threads, which a shared memory
 * child must not touch. */
int k_setgroups(unsigned n, const uint32_t *groups)
{
	return RAW("setgroups", NR_setgroups, n, groups);
}

int k_groups(void) { return RAW("getgroups", SYS_getgroups, 0, NULL); }
int k_setgid(uint32_t gid) { return RAW("setresgid", NR_setresgid, gid, gid, gid); }
int k_setuid(uint32_t uid) { return RAW("setresuid", NR_setresuid, uid, uid, uid); }
int k_setsid(void) { return RAW("setsid", SYS_setsid, 0); }

int k_setrlimit(int resource, uint64_t soft, uint64_t hard)
{
	uint64_t limit[2] = {soft, hard};	/* struct rlimit64 */

	return RAW("prlimit64", SYS_prlimit64, 0, resource, limit, NULL);
}

int k_nofile(uint64_t limit[2])
{
	return RAW("getrlimit", SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, limit);
}

int k_set_nofile(const uint64_t limit[2])
{
	return RAW("setrlimit", SYS_prlimit64, 0, RLIMIT_NOFILE, limit, NULL);
}

int k_open_max(void)
{
	uint64_t limit[2] = {1 << 20, 0};

	syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, limit);
	return limit[0] < 1 << 20 ? (int)limit[0] : 1 << 20;
}

int k_setpriority(int value) { return RAW("setpriority", SYS_setpriority, PRIO_PROCESS, 0, value); }

int k_sched_set(int policy, int priority)
{
	return RAW("sched_setscheduler", SYS_sched_setscheduler, 0, policy, &priority);
}

int k_sched_affinity(const void *mask, size_t bytes)
{
	return RAW("sched_setaffinity", SYS_sched_setaffinity, 0, bytes, mask);
}

int k_ioprio_set(int value)
{
	return RAW("ioprio_set", SYS_ioprio_set, IOPRIO_WHO_PROCESS_, 0, value);
}

int k_signal_default(int signal)
{
	/* The kernel's struct, whose zeroes mean default on every machine. */
	static const unsigned long action[8];

	return RAW("sigaction", SYS_rt_sigaction, signal, action, NULL, _NSIG / 8);
}

int k_signal_is_ignored(int signal)
{
	/* The kernel's struct: on MIPS it begins with flags, of which the lowest bit means nothing here. */
	unsigned long is[8] = {0};

	return RAW("sigaction", SYS_rt_sigaction, signal, NULL, is, _NSIG / 8) || is[0] == 1 || is[1] == 1;
}
int k_signal_handler(int signal, void (*fn)(int signal, siginfo_t *info, void *context))
{
	struct sigaction action = {.sa_sigaction = fn,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART};

	return K(sigaction, signal, &action, NULL);
}

int k_signal_stack(void *stack, size_t n)
{
	stack_t to = {.ss_sp = stack, .ss_size = n};

	return K(sigaltstack, &to, NULL);
}

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

	return RAW("signalfd", SYS_signalfd4, -1, &set, _NSIG / 8, SFD_CLOEXEC | SFD_NONBLOCK);
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

int k_sigwait(uint64_t signals, int timeout_ms)
{
	struct signals set = signals_of(signals);
	/* Of this call it is the same on every machine: two long words. */
	const long time[2] = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};

	return RAW("sigwaitinfo", SYS_rt_sigtimedwait, &set, NULL, timeout_ms < 0 ? NULL : time, _NSIG / 8);
}
