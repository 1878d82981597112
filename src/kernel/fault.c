/*
 * Test builds only (HUTCH_FAULT): the environment variable HUTCH_FAULT=SIDE:N:ERRNO
 * makes kernel call N (from 1) of that side fail; SIDE is h for the host side, i
 * for the inside. ERRNO "stop" lets call N wait there until the harness says so,
 * which kills somebody meanwhile. N=0 lists the calls.
 *
 * HUTCH_FAULT_LOG names a file of struct fault_log's size that all processes of a
 * launch share: standard error is closed, or the payload's, when the late calls
 * are made. Without it the calls are told on standard error.
 *
 * HUTCH_FAULT=shared is for what lives longer than one fault, a supervisor: which call
 * is meant, of which side, is in the shared memory (struct fault_wish), and the harness
 * sets it again and again.
 */
#ifdef HUTCH_FAULT
#include "kernel/fault.h"
#include "base/stacks.h"
#include "kernel/k.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static struct fault_log *fault_log;
static int host, told, inside;
static char outside = 'h';
/* By side: with vfork both live in one memory, and a supervisor's child has a stack of its own in it. */
static const char *step_now[2] = {"", ""};

__attribute__((constructor)) static void fault_start(void)
{
	const char *file = getenv("HUTCH_FAULT_LOG");
	int fd = file ? open(file, O_RDWR | O_CLOEXEC) : -1;

	if (!getenv("HUTCH_FAULT"))
		return;
	host = k_getpid();
	told = fd < 0;
	fault_log = mmap(NULL, sizeof *fault_log, PROT_READ | PROT_WRITE,
			 MAP_SHARED | (told ? MAP_ANONYMOUS : 0), fd, 0);
	if (fault_log == MAP_FAILED)
		_exit(99);
	if (fd >= 0)
		close(fd);
}

/* Helpers of the host side before the clone have other pids too. */
static int side(void)
{
	return inside && (stack_number() || k_getpid() != host);
}

/* A copy of a process that takes another part has memory of its own, a vfork's child has not. */
void k_fault_side(char to)
{
	if (!fault_log)
		return;
	inside = to == 'i';
	if (inside)
		return;
	outside = to;
	host = k_getpid();
	step_now[0] = "";
}

void k_fault_step(const char *name)
{
	if (fault_log)
		step_now[side()] = name;
}

/* No printf: some callers stand on small stacks. */
static char *put_text(char *to, const char *text)
{
	size_t n = strlen(text);

	memcpy(to, text, n);
	return to + n;
}

static char *put_number(char *to, int n)
{
	char digits[12], *p = digits + sizeof digits;

	*--p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	return put_text(to, p);
}

/* One line: side, number, call, step. */
static void note(int at, int n, const char *call)
{
	char line[128], *p = line;
	unsigned length, to;

	*p++ = at ? 'i' : outside;
	*p++ = ' ';
	p = put_number(p, n);
	*p++ = ' ';
	p = put_text(p, call);
	*p++ = ' ';
	p = put_text(p, *step_now[at] ? step_now[at] : "-");
	*p++ = '\n';
	length = (unsigned)(p - line);
	if (told && write(2, line, length) < 0)
		return;
	to = __atomic_fetch_add(&fault_log->used, length, __ATOMIC_SEQ_CST);
	if (!told && to + length < sizeof fault_log->text)
		memcpy(fault_log->text + to, line, length);
}

/* Until the harness says so, which kills somebody meanwhile. */
static void stop_here(void)
{
	const struct timespec moment = {.tv_nsec = 50000};

	__atomic_store_n(&fault_log->stopped, 1, __ATOMIC_SEQ_CST);
	while (!__atomic_load_n(&fault_log->go, __ATOMIC_SEQ_CST))
		nanosleep(&moment, NULL);
}

static int shared_fault(const char *call)
{
	struct fault_wish *w = &fault_log->wish;
	int armed = __atomic_load_n(&w->armed, __ATOMIC_SEQ_CST), at = side(), n;
	const char *step = *step_now[at] ? step_now[at] : "-";

	if (!armed || w->side != (at ? 'i' : outside))
		return 0;
	if (armed != FAULT_LIST && (strcmp(w->call, call) != 0 || strcmp(w->step, step) != 0))
		return 0;
	n = __atomic_add_fetch(&w->count, 1, __ATOMIC_SEQ_CST);
	if (armed != FAULT_LIST && n != w->nth)
		return 0;
	note(at, n, call);
	if (armed == FAULT_STOP)
		stop_here();
	errno = w->code;
	return armed == FAULT_FAIL;
}

int k_fault(const char *call)
{
	const char *wish = fault_log ? getenv("HUTCH_FAULT") : NULL;
	int at, n, nth;
	char *rest;

	if (!wish)
		return 0;
	if (!strcmp(wish, "shared"))
		return shared_fault(call);
	at = side();
	if (wish[0] != (at ? 'i' : 'h') || wish[1] != ':')
		return 0;
	nth = (int)strtol(wish + 2, &rest, 10);
	n = __atomic_add_fetch(&fault_log->count[at], 1, __ATOMIC_SEQ_CST);
	if (nth && n != nth)
		return 0;
	note(at, n, call);
	if (!nth)
		return 0;
	if (!strcmp(rest, ":stop")) {
		stop_here();
		return 0;
	}
	errno = atoi(rest + 1);
	return 1;
}
#endif
