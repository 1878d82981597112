/* Sealed copies of a program, see seal.h. */
#include "apply/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "apply/step.h"
#include "kernel/k.h"

int self_copy(int program)
{
	int copy = k_memfd("hutch", 1);
	long n = -1;

	while (copy >= 0 && (n = k_sendfile(copy, program, 1 << 20)) > 0)
		;
	if (n < 0 || k_fcntl(copy, F_ADD_SEALS_, F_SEALS_ALL_))
		k_drop(&copy);
	k_close(program);
	return copy;
}

int self_seal(char *const *argv, uint64_t sigmask)
{
	int exe = k_open(AT_FDCWD, "/proc/self/exe", O_RDONLY, 0), copy, error;
	uint64_t blocked;

	copy = exe < 0 ? -1 : self_copy(exe);
	if (copy < 0)
		return -1;
	/* Comes back only to fail. The first fact of the new life is self_sealed, and
	 * its mask of signals the caller's, or the payload would get hutch's. */
	if (!k_sigmask(sigmask, &blocked)) {
		k_execve_fd(copy, argv, environ);
		error = errno;
		k_sigmask(blocked, NULL);
		errno = error;
	}
	k_close(copy);
	return -1;
}

int do_SELF_SEAL(struct walk *w, const struct step *s)
{
	(void)s;
	return self_seal(w->argv, w->sigmask) ? step_failed(w, "") : 0;
}
