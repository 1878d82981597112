/* Steps of the inside before any mount: the tie to hutch, ids, namespaces, limits. */
#include "apply/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/statfs.h>

#include "apply/channel.h"
#include "apply/proc.h"
#include "apply/step.h"
#include "base/text.h"
#include "kernel/k.h"

/* The parent may have died before the tie: then the channel has nobody behind it, and
 * what a shared memory says is older than the signal would have been. */
int parent_check(struct walk *w)
{
	struct pollfd channel = {.fd = w->channel};

	if (k_prctl(PR_SET_PDEATHSIG_, SIGKILL, 0, 0) || (!w->told && k_poll(&channel, 1, 0) < 0))
		return step_error(w);
	if (w->told ? !*w->told->host_lives : channel.revents & POLLHUP)
		return step_failed_code(w, ESRCH, PACKED("hutch is gone"));
	return 0;
}

int do_PARENT_BIND(struct walk *w, const struct step *s)
{
	(void)s;
	/* What is made for the sandbox has the mode that the plan says. */
	k_umask(022);
	return parent_check(w);
}

int do_AWAIT(struct walk *w, const struct step *s)
{
	struct record r;
	int passed, got;

	(void)s;
	got = channel_receive(w->channel, &r, &passed, 1);
	if (got < 0)
		return step_error(w);
	if (!got || r.kind != REC_GO)
		return step_failed_code(w, ESRCH, PACKED("hutch is gone"));
	return 0;
}

int do_GO_AWAIT(struct walk *w, const struct step *s)
{
	return do_AWAIT(w, s);
}

/*
 * Root of the new user namespace: what is made from here on is owned by an id that
 * it knows. Sources of the host are cloned before, with the ids that may see them.
 */
int do_IDS_ROOT(struct walk *w, const struct step *s)
{
	(void)s;
	if (k_setgid(0) || k_setuid(0))
		return step_error(w);
	return 0;
}

int do_PROC_OPEN(struct walk *w, const struct step *s)
{
	/* A supervisor may have opened it long ago. */
	if (w->proc < 0)
		w->proc = proc_open();
	w->fd[s->op[0].n] = w->proc;
	if (w->proc < 0)
		return step_failed(w, errno == ENODEV ? PACKED("what lies on /proc is no proc file system") : "/proc");
	return 0;
}

int do_MAP_SELF(struct walk *w, const struct step *s)
{
	char text[64];

	/* Without this, a group that denies something could be dropped. */
	if (proc_write(w->proc, "self/setgroups", "deny"))
		return step_failed(w, "setgroups");
	text_format(text, sizeof text, "%u %u 1", (unsigned)s->op[0].n, (unsigned)s->op[1].n);
	if (proc_write(w->proc, "self/uid_map", text))
		return step_failed(w, "uid_map");
	text_format(text, sizeof text, "%u %u 1", (unsigned)s->op[2].n, (unsigned)s->op[3].n);
	if (proc_write(w->proc, "self/gid_map", text))
		return step_failed(w, "gid_map");
	return 0;
}

int do_NS_JOIN(struct walk *w, const struct step *s)
{
	int fd = k_open(AT_FDCWD, s->op[1].s, O_RDONLY, 0);

	/* The root in a user namespace may trace whoever comes in. The type is given, so that a file of another kind is refused. */
	return step_close(w, fd, fd < 0 || (s->op[0].n == CLONE_NEWUSER_ && k_prctl(PR_SET_DUMPABLE_, 0, 0, 0)) ||
				 k_setns(fd, (unsigned)s->op[0].n));
}

int do_NS_SET(struct walk *w, const struct step *s)
{
	int fd = w->fd[s->op[1].n];

	/* Empty for the first member of a group: the new namespace is the group's. */
	if (fd < 0)
		return 0;
	return step_done(w, k_setns(fd, (unsigned)s->op[0].n));
}

int do_NS_TAKE(struct walk *w, const struct step *s)
{
	unsigned flag = (unsigned)s->op[0].n;

	for (int i = 0; i < NS_COUNT; i++)
		if (ns_flags[i] == flag && w->ahead[i] >= 0)
			return step_done(w, k_setns(w->ahead[i], flag));
	return step_done(w, k_unshare(flag));
}

int do_NS_NEW(struct walk *w, const struct step *s)
{
	return step_done(w, k_unshare((unsigned)s->op[0].n));
}

int do_TIME_NEW(struct walk *w, const struct step *s)
{
	const struct list *offsets = s->op[0].p;
	char text[128];
	int fd;

	if (k_unshare(CLONE_NEWTIME_))
		return step_error(w);
	for (const struct item *i = offsets->first; i; i = i->next) {
		text_format(text, sizeof text, "%s %s 0", i->name, i->text);
		if (proc_write(w->proc, "self/timens_offsets", text))
			return step_failed(w, PACKED("timens_offsets"));
	}
	/* unshare is for children only; this process enters by setns. */
	fd = k_open(w->proc, "self/ns/time_for_children", O_RDONLY, 0);
	if (fd < 0)
		return step_error(w);
	return step_close(w, fd, k_setns(fd, CLONE_NEWTIME_));
}

int do_KEYRING_NEW(struct walk *w, const struct step *s)
{
	(void)s;
	/* A kernel without keys has none to protect. */
	if (k_keyring_new() < 0 && errno != ENOSYS)
		return step_error(w);
	return 0;
}

int do_HOST_NAME(struct walk *w, const struct step *s)
{
	return step_done(w, k_sethostname(s->op[0].s));
}

int do_DOMAIN_NAME(struct walk *w, const struct step *s)
{
	return step_done(w, k_setdomainname(s->op[0].s));
}

int net_up(const char *name)
{
	struct ifreq request = {.ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = k_socket(AF_INET, SOCK_DGRAM), failed;

	text_format(request.ifr_name, sizeof request.ifr_name, "%s", name);
	failed = fd < 0 || k_ioctl(fd, SIOCSIFFLAGS, &request);
	k_close(fd);
	return -failed;
}

int do_NET_UP(struct walk *w, const struct step *s)
{
	return step_done(w, net_up(s->op[0].s));
}

/* What the group's first member made of it; blanks between several numbers are the kernel's own. */
static int limit_is(struct walk *w, const struct step *s)
{
	int fd = k_open(w->proc, s->op[0].s, O_RDONLY, 0);
	char is[128], text[200];
	long n = fd < 0 ? -1 : k_read(fd, is, sizeof is - 1);

	k_close(fd);
	if (n < 0)
		return step_failed(w, s->op[1].s);
	while (n > 0 && is[n - 1] == '\n')
		n--;
	is[n] = '\0';
	for (char *c = is; *c; c++)
		if (*c == '\t')
			*c = ' ';
	if (!strcmp(is, s->op[1].s))
		return 0;
	text_format(text, sizeof text, "the group has %s, set by its first member, and not %s", is, s->op[1].s);
	return step_failed_code(w, 0, text);
}

int do_IPC_SET(struct walk *w, const struct step *s)
{
	if (s->op[2].n >= 0 && w->fd[s->op[2].n] >= 0)
		return s->op[3].n ? 0 : limit_is(w, s);
	return proc_write(w->proc, s->op[0].s, s->op[1].s) ? step_failed(w, s->op[1].s) : 0;
}
