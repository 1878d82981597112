/* One sandbox, and a program in it that mounts and unmounts as it is told. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cross.h"

enum { PATIENCE = 20000 };	/* ms */

int box_templates;

int agent_serve(int in, int out)
{
	char what, name[32], path[256];
	FILE *from = fdopen(in, "r"), *to = fdopen(out, "w");

	fprintf(to, "ready\n");
	fflush(to);
	while (fscanf(from, " %c %31s %255s", &what, name, path) == 3) {
		int failed = what == 'm' ? mount(name, path, "tmpfs", 0, "size=4k") : umount2(path, UMOUNT_NOFOLLOW);

		fprintf(to, "%d\n", failed ? errno : 0);
		fflush(to);
	}
	return 0;
}

/* One line, without its end; -1: nothing more, or not in time. */
static int line_read(int fd, char *to, unsigned size)
{
	unsigned n = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		char c;

		if (poll(&p, 1, PATIENCE) != 1 || read(fd, &c, 1) != 1)
			return -1;
		if (c == '\n')
			break;
		if (n + 1 < size)
			to[n++] = c;
	}
	to[n] = '\0';
	return 0;
}

static void profile_write(const char *profile)
{
	int fd = open("/run/box.conf", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, profile, strlen(profile)) != (ssize_t)strlen(profile))
		fail("profile");
	close(fd);
}

static int hutch_start(const struct mechanism *m, int in, int out, int err, int status)
{
	int pid = fork();

	if (pid)
		return pid;
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	/* Onto itself it would stay close-on-exec. */
	if (status == 9 ? fcntl(9, F_SETFD, 0) : dup2(status, 9) < 0)
		_exit(99);
	if (m->ordinary && (setgroups(0, NULL) || setgid(65534) || setuid(65534)))
		_exit(99);
	execl("/run/program", "hutch", "run", "--status-fd=9", "/run/box.conf", "--", "/agent", "agent", NULL);
	_exit(99);
}

/* The host's root, in the namespace of that process. */
static int enter(int pid, int *to)
{
	char path[64];
	int pair[2], fd, child;

	snprintf(path, sizeof path, "/proc/%d/ns/mnt", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		fail("%s", path);
	child = fork();
	if (!child) {
		close(pair[0]);
		_exit(setns(fd, CLONE_NEWNS) ? 1 : agent_serve(pair[1], dup(pair[1])));
	}
	close(fd);
	close(pair[1]);
	*to = pair[0];
	return child;
}

int box_start(struct box *b, const struct mechanism *m, const char *profile, char *why, unsigned size)
{
	int talk[2], status[2], err = open("/run/said", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	char line[256];
	ssize_t n;

	profile_write(profile);
	if (err < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk) || pipe2(status, O_CLOEXEC))
		fail("descriptors of a sandbox");
	*b = (struct box){.hutch = hutch_start(m, talk[1], talk[1], err, status[1]), .to = talk[0]};
	close(talk[1]);
	close(status[1]);
	/* First what the payload says, then who it is: it may not be the first process inside. */
	while (!b->init && !line_read(status[0], line, sizeof line)) {
		box_templates += strstr(line, "\"event\":\"template\"") != NULL;
		if (strstr(line, "\"started\""))
			sscanf(strstr(line, "\"pid\":"), "\"pid\":%d", &b->init);
	}
	close(status[0]);
	if (b->init && !line_read(b->to, line, sizeof line) && !strcmp(line, "ready")) {
		close(err);
		if (m->inside)
			return 0;
		b->payload = b->to;
		b->agent = enter(b->init, &b->to);
		if (!line_read(b->to, line, sizeof line))
			return 0;
	}
	box_stop(b);
	n = pread(err, why, size - 1, 0);
	why[n > 0 ? n : 0] = '\0';
	close(err);
	return -1;
}

static int ask(struct box *b, char what, const char *name, const char *path)
{
	char line[320];

	if (dprintf(b->to, "%c %s %s\n", what, name, path) < 0 || line_read(b->to, line, sizeof line))
		fail("the sandbox is gone");
	return atoi(line);
}

int box_mount(struct box *b, const char *name, const char *path)
{
	return ask(b, 'm', name, path);
}

int box_umount(struct box *b, const char *path)
{
	return ask(b, 'u', "-", path);
}

int box_stop(struct box *b)
{
	int status = 0;

	/* Whoever reads from it ends with it. */
	close(b->to);
	if (b->agent) {
		waitpid(b->agent, NULL, 0);
		close(b->payload);
	}
	waitpid(b->hutch, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

int box_try(const struct mechanism *m, const char *profile, char *said, unsigned size)
{
	int out = open("/run/said", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct box b = {.to = -1};
	int status;
	ssize_t n;

	profile_write(profile);
	b.hutch = hutch_start(m, null, out, out, null);
	close(null);
	status = box_stop(&b);
	n = pread(out, said, size - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	close(out);
	return status;
}
