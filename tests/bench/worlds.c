/*
 * worlds.c - part of bench.c: the mount namespaces in which things are measured, the
 * supervisors that live there, and how their payloads tell that they run.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "stamp.h"

enum { PATIENCE = 20, MAX_SOCKETS = 64 };	/* seconds; boxes */

static int home = -1;
static volatile uint64_t *started;
static struct socket { int fd; dev_t dev; ino_t ino; } sockets[MAX_SOCKETS];
static int nsockets;

void find_home(void)
{
	home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	started = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (home < 0 || started == MAP_FAILED)
		die("%s", strerror(errno));
}

uint64_t started_ns(void)
{
	return *started;
}

void enter_world(const struct subject *s)
{
	int fd = s->world >= 0 ? s->world : home;
	char path[64];

	if (s->with) {
		snprintf(path, sizeof path, "/proc/%d/ns/mnt", (int)s->with->life);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0 || setns(fd, CLONE_NEWNS) < 0)
		die("%s: its world: %s", s->label, strerror(errno));
	if (s->with)
		close(fd);
}

static void copy_world(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		die("/run: %s", strerror(errno));
}

/* The word with each "%" replaced. */
static char *numbered(const char *word, int number)
{
	char *to = malloc(strlen(word) + 1), *at = to;

	if (!to)
		die("out of memory");
	for (; *word; word++)
		*at++ = *word == '%' ? (char)('0' + number) : *word;
	*at = '\0';
	return to;
}

pid_t start_life(struct subject *s, int number)
{
	char *argv[MAX_WORDS + 1];
	pid_t pid;
	int i;

	*started = 0;
	pid = fork();
	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (s->copy)
		copy_world();
	for (i = 0; s->word[s->nwords + i]; i++)
		argv[i] = numbered(s->word[s->nwords + i], number);
	argv[i] = NULL;
	*started = now_ns();
	execv(argv[0], argv);
	die("%s: %s: %s", s->label, argv[0], strerror(errno));
}

/* It may have services to end; what it leaves ends with the namespace that all of this is in. */
void stop_life(pid_t pid)
{
	const uint64_t until = now_ns() + (uint64_t)PATIENCE * 1000000000;

	kill(pid, SIGTERM);
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (now_ns() > until)
			kill(pid, SIGKILL);
		poll(NULL, 0, 1);
	}
}

/* ---- what the payload tells */

static int open_socket(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;

	strcpy(a.sun_path, &STAMP_SOCKET[1]);
	unlink(a.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || chmod(a.sun_path, 0666) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0)
		die("%s: %s", a.sun_path, strerror(errno));
	return fd;
}

/* One socket a box, whoever launches into it: what they tell is asked for one after the other. */
int stamp_socket(const char *box)
{
	struct stat st;
	int i;

	/* a socket's path is short: by way of the box as working directory */
	if (chdir(box) < 0 || stat(".", &st) < 0)
		die("%s: %s", box, strerror(errno));
	for (i = 0; i < nsockets; i++)
		if (sockets[i].dev == st.st_dev && sockets[i].ino == st.st_ino)
			return sockets[i].fd;
	if (nsockets == MAX_SOCKETS)
		die("too many boxes");
	sockets[nsockets] = (struct socket){ open_socket(), st.st_dev, st.st_ino };
	return sockets[nsockets++].fd;
}

/* The process id is the one that this process sees. */
pid_t wait_stamp(const struct subject *s, int fd, uint64_t *ns)
{
	const uint64_t until = now_ns() + (uint64_t)PATIENCE * 1000000000;
	union { char room[CMSG_SPACE(sizeof(struct ucred))]; struct cmsghdr align; } control;
	struct stamp stamp;
	struct iovec data = { &stamp, sizeof stamp };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct cmsghdr *c;
	struct ucred who;

	for (;;) {
		struct msghdr m = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control,
				    .msg_controllen = sizeof control };

		if (poll(&p, 1, 1000) <= 0) {
			if (now_ns() > until)
				die("%s: no payload within %d s", s->label, PATIENCE);
			continue;
		}
		if (recvmsg(fd, &m, MSG_DONTWAIT) != (ssize_t)sizeof stamp)
			continue;
		c = CMSG_FIRSTHDR(&m);
		if (!c || c->cmsg_type != SCM_CREDENTIALS)
			continue;
		memcpy(&who, CMSG_DATA(c), sizeof who);
		*ns = stamp.ns;
		return who.pid;
	}
}
