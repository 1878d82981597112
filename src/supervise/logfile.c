/*
 * The process that writes the log files of all services. It knows nothing: each
 * record says all, so it can die and be started again at any time, and a file that
 * was moved away or deleted is simply made anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "kernel/k.h"
#include "supervise/supervise.h"

enum { PATH_ROOM = 4096 + sizeof ".255" };

/* PATH.2 becomes PATH.3, and so on; the file itself goes in any case, for room is short. */
static void rotate(const char *path, unsigned keep)
{
	char from[PATH_ROOM], to[PATH_ROOM];

	for (unsigned n = keep; n > 1; n--) {
		text_format(from, sizeof from, "%s.%u", path, n - 1);
		text_format(to, sizeof to, "%s.%u", path, n);
		k_rename(AT_FDCWD, from, to);
	}
	text_format(to, sizeof to, "%s.1", path);
	if (!keep || k_rename(AT_FDCWD, path, to))
		k_unlink(AT_FDCWD, path, 0);
}

static int open_file(const struct log_record *r, size_t more)
{
	struct k_stat st;
	int fd = -1;

	for (int again = 0; again < 2; again++) {
		/* Without waiting: it may be a pipe that nobody reads. */
		fd = k_open(AT_FDCWD, r->text, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW |
			    O_NONBLOCK | O_NOCTTY, 0640);
		if (fd < 0 || again || !r->limit ||
		    k_fstat(fd, STATX_TYPE_ | STATX_SIZE_, &st) ||
		    !S_ISREG(st.mode) || !st.size || st.size + more <= r->limit)
			break;
		k_close(fd);
		rotate(r->text, r->keep);
	}
	return fd;
}

/* What cannot be written is dropped: the next record may fare better. */
static void write_record(const struct log_record *r, size_t n)
{
	const char *end = memchr(r->text, '\0', n), *text;
	long done;
	int fd;

	if (!end)
		return;
	text = end + 1;
	n -= (size_t)(text - r->text);
	fd = open_file(r, n);
	if (fd < 0)
		return;
	for (; n && (done = k_write(fd, text, n)) > 0; n -= (size_t)done)
		text += done;
	k_close(fd);
}

int logfile_main(void *socket)
{
	struct log_record r;
	int fd = *(const int *)socket, passed;
	long n;

	k_fault_side('w');
	/*
	 * It ends when no supervisor is left to write to it, and not before all is written:
	 * no signal but KILL cuts that short, and no tie to a parent.
	 */
	k_sigmask(~0ull, NULL);
	if (fd && k_dup2(fd, 0, 1) < 0)
		k_exit(1);
	k_close_range(1, ~0u);
	k_chdir("/");
	k_prctl(PR_SET_NAME_, (unsigned long)"hutch-log", 0, 0);
	while ((n = k_receive(0, &r, sizeof r, &passed, 1)) > 0 || (n < 0 && errno == EINTR))
		if (n > (long)offsetof(struct log_record, text))
			write_record(&r, (size_t)n - offsetof(struct log_record, text));
	k_exit(0);
}
