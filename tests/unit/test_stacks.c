/* Stacks of children that share the memory: errno is one for each. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/stacks.h"
#include "kernel/k.h"

enum { ROUNDS = 20000 };

static volatile int begun[STACKS + 1], wrong[STACKS + 1], number[STACKS + 1];

/* Each of the children, and their parent, fails in another way at the same time. */
static int fail_on(int which)
{
	for (int i = 0; i < ROUNDS; i++) {
		int want = which % 2 ? EBADF : ENOENT;

		if (which % 2)
			k_fcntl(-1, F_GETFD, 0);
		else
			k_open(AT_FDCWD, "/nonexistent/nowhere", O_RDONLY, 0);
		for (volatile int pause = 0; pause < 20; pause++)
			;
		wrong[which] += errno != want;
	}
	return 0;
}

static int child(void *argument)
{
	int which = *(int *)argument;

	number[which] = (int)stack_number();
	begun[which] = 1;
	fail_on(which);
	k_exit(0);
	return 0;
}

static int look(void *seen)
{
	*(volatile int *)seen = 1;
	k_exit(0);
	return 0;
}

/* What runs programs of other machines may copy the memory instead. */
static int is_shared(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	int seen = 0, status, pid = k_clone(look, stack + sizeof stack, CLONE_VM | SIGCHLD, &seen);

	if (pid < 0 && errno == EINVAL)
		return 0;
	CHECK(pid > 0 && k_wait(pid, &status, 0) == pid);
	return *(volatile int *)&seen;
}

static void parted(void)
{
	char *memory = mmap(NULL, (size_t)STACKS * STACK_ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	int which[STACKS], pid[STACKS], status;

	CHECK(memory != MAP_FAILED);
	CHECK(stack_number() == 0);
	if (!is_shared())
		return;
	stacks_init(memory);
	CHECK(stack_number() == 0);
	/* A libc whose errno cannot be parted has no such children. */
	if (!stack_at(0))
		return;
	for (int i = 0; i < STACKS; i++) {
		CHECK(stack_at((unsigned)i) == memory + (size_t)i * STACK_ROOM);
		which[i] = i + 1;
		pid[i] = k_clone(child, stack_at((unsigned)i) + STACK_ROOM, CLONE_VM | SIGCHLD, &which[i]);
		CHECK(pid[i] > 0);
	}
	fail_on(0);
	for (int i = 0; i < STACKS; i++) {
		CHECK(k_wait(pid[i], &status, 0) == pid[i] && status == 0);
		CHECK(begun[i + 1] == 1 && number[i + 1] == i + 1);
	}
	for (int i = 0; i <= STACKS; i++)
		CHECK(wrong[i] == 0);
}

int main(void)
{
	TEST(parted);
	return test_end();
}
