/*
 * What PID 1 has to cope with, and who looks at it meanwhile.
 *
 *   storm orphans N       N processes, one after the other, whose parent is gone when they end
 *   storm watch PID       until its input ends: "MOST CPU": most children at any time, microseconds of CPU
 *   storm hold PID INIT   traces a process, which then stays when it is dead, until INIT is no more:
 *                         prints "held", and then the time, CLOCK_MONOTONIC in ms
 *   storm daemon CMD...   executes it as a process that has left its parent and session
 *   storm vfork           waits uninterruptibly for a child that is stopped
 *   storm disobey         ignores TERM and forks for ever, so that there is always one more
 *   storm fill            as many processes as there can be, deaf all of them
 */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long read_file(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	long n;

	while (fd >= 0 && (n = read(fd, to + used, size - 1 - used)) > 0)
		used += (size_t)n;
	to[used] = '\0';
	close(fd);
	return fd < 0 ? -1 : (long)used;
}

static int orphans(int n)
{
	while (n-- > 0) {
		int pid = fork();

		if (!pid) {
			fork();
			_exit(0);
		}
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			return 1;
	}
	return 0;
}

static long long cpu_us(int pid)
{
	char path[64], text[128];

	snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
	return read_file(path, text, sizeof text) < 0 ? 0 : atoll(text) / 1000;
}

static int watch(int pid)
{
	static char text[1 << 20];
	long long begin = cpu_us(pid);
	char path[64], byte;
	int most = 0;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
	fcntl(0, F_SETFL, O_NONBLOCK);
	while (read(0, &byte, 1) < 0) {
		long n = read_file(path, text, sizeof text);
		int children = 0;

		for (long i = 0; i < n; i++)
			children += text[i] == ' ';
		most = children > most ? children : most;
	}
	printf("%d %lld\n", most, cpu_us(pid) - begin);
	return 0;
}

/* The namespace itself goes only when nobody is held any more; init is no more before that. */
static int hold(int pid, int init)
{
	char path[64], to[8];

	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL))
		return 1;
	printf("held\n");
	fflush(stdout);
	snprintf(path, sizeof path, "/proc/%d/exe", init);
	while (readlink(path, to, sizeof to) > 0)
		usleep(1000);
	printf("%lld\n", now_ns() / 1000000);
	return 0;
}

static int leave(char **command)
{
	if (fork())
		return 0;
	setsid();
	if (fork())
		_exit(0);
	execv(command[0], command);
	_exit(127);
}

static int vforks(void)
{
	int pid = vfork();

	if (!pid) {
		kill(getpid(), SIGSTOP);	/* not raise(3), which knows the parent's number only */
		_exit(0);
	}
	return pid < 0;
}

static int disobey(void)
{
	signal(SIGTERM, SIG_IGN);
	for (;;) {
		int pid = fork();

		if (pid > 0)
			_exit(0);
		setsid();
	}
}

static int fill(void)
{
	for (int i = 1; i < 32; i++)
		signal(i, SIG_IGN);
	for (;;) {
		int pid = fork();

		if (!pid)
			for (;;)
				pause();
		if (pid > 0)
			continue;
		usleep(100000);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int first = argc > 2 ? atoi(argv[2]) : 0;

	if (!strcmp(what, "orphans"))
		return orphans(first);
	if (!strcmp(what, "watch"))
		return watch(first);
	if (!strcmp(what, "hold") && argc > 3)
		return hold(first, atoi(argv[3]));
	if (!strcmp(what, "daemon") && argc > 2)
		return leave(argv + 2);
	if (!strcmp(what, "vfork"))
		return vforks();
	if (!strcmp(what, "disobey"))
		return disobey();
	if (!strcmp(what, "fill"))
		return fill();
	return 2;
}
