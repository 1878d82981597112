/*
 * What payloads say of themselves on NOTIFY_SOCKET, see sd_notify(3). Whoever is not
 * of the sandbox is not listened to: the kernel says who sent a datagram.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "apply/process.h"
#include "base/text.h"
#include "kernel/k.h"
#include "supervise/supervise.h"

enum { BURST = 16, DATAGRAM = 4096, EXTEND_MAX = 3600 * 1000 };

/* Complains once in a run. */
static void tell(struct supervisor *s, struct service *v, uint8_t what, const char *text)
{
	if (!(v->told & what))
		event_tell(s, v, "%s", text);
	v->told |= what;
}

/* All of a sandbox have its PID namespace. Without one of its own, only the payload is known. */
static int is_inside(const struct service *v, int pid)
{
	uint64_t sender;

	if (pid <= 0 || !v->pid)
		return 0;
	if (pid == v->pid)
		return 1;
	if (!v->conf->own_pid_ns)
		return 0;
	/* Gone already, as short-lived helpers are. Nobody outside finds a socket in a /dev of
	 * its own, but everybody finds an abstract one. */
	sender = process_ns(pid, "pid");
	if (!sender)
		return v->conf->own_mounts && (errno == ENOENT || errno == ESRCH);
	return process_ns(v->pid, "pid") == sender;
}

static void extend(struct supervisor *s, struct service *v, uint64_t usec)
{
	int watched = v->state == STATE_UP && v->conf->watchdog;
	int64_t until = s->now + (int64_t)(usec / 1000), most;

	if (!watched && v->state != STATE_BUILDING && v->state != STATE_STARTING &&
	    v->state != STATE_STOPPING)
		return;
	/* Counted from the state's beginning: who asks again and again does not live on. */
	most = (watched ? s->now : v->since) + EXTEND_MAX;
	if (usec / 1000 > EXTEND_MAX || until > most)
		until = most;
	if (v->deadline && until > v->deadline)
		v->deadline = until;
}

static void act(struct supervisor *s, struct service *v, const struct notice *n)
{
	if (n->mainpid)
		tell(s, v, TOLD_MAINPID, PACKED("MAINPID= is refused: the payload is what exec= says"));
	if (n->extend_usec)
		extend(s, v, n->extend_usec);
	if (n->stopping)
		service_why(v, "it says that it stops");
	if (*n->status)
		service_why(v, "%s", n->status);
	if (n->watchdog && v->state == STATE_UP && v->conf->watchdog)
		v->deadline = s->now + v->conf->watchdog;
	if (n->ready && v->conf->ready == READY_NOTIFY)
		service_event(s, v, EVENT_READY);
	if (n->trigger_watchdog && (v->state == STATE_STARTING || v->state == STATE_UP)) {
		v->verdict = VERDICT_WATCHDOG;
		service_why(v, "it asked its watchdog to end it");
		service_event(s, v, EVENT_DUE);
	}
}

void notify_read(struct supervisor *s, struct service *v)
{
	int fd;

	/* Nobody inside speaks before it was built: that was told, maybe after poll(2) looked. */
	if (v->state == STATE_BUILDING)
		launch_read(s, v);
	fd = v->notify;
	/* An event may close the socket. */
	for (int i = 0; i < BURST && fd >= 0 && v->notify == fd; i++) {
		char text[DATAGRAM];
		struct notice notice;
		int pid;
		long got = k_receive_from(fd, text, sizeof text, &pid);

		if (got < 0)
			return;
		if (!is_inside(v, pid)) {
			if (v->pid)
				tell(s, v, TOLD_STRANGER, PACKED("NOTIFY_SOCKET: a message from outside of the sandbox was dropped"));
			continue;
		}
		if (got > DATAGRAM) {
			tell(s, v, TOLD_LONG, PACKED("NOTIFY_SOCKET: a message of more than 4096 bytes was dropped"));
			continue;
		}
		launch_runs(s, v);
		notice_read(&notice, text, (size_t)got);
		act(s, v, &notice);
	}
}

int notify_abstract(char name[16])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t length = sizeof address;
	int fd = k_socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK);

	if (fd < 0)
		return -1;
	if (k_setsockopt(fd, SOL_SOCKET, SO_PASSCRED, 1) ||
	    k_bind(fd, (struct sockaddr *)&address, sizeof address.sun_family) ||
	    k_getsockname(fd, (struct sockaddr *)&address, &length)) {
		k_close(fd);
		return -1;
	}
	/* A NUL and five digits, without an end; sd_notify writes the NUL as @. */
	text_format(name, 16, "@%.*s", (int)(length - offsetof(struct sockaddr_un, sun_path)) - 1,
		    address.sun_path + 1);
	return fd;
}

void notify_parent(const char *text)
{
	const char *path = env_value((const char *const *)environ, "NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t n = path ? strlen(path) : 0;
	int fd;

	if (n < 2 || n >= sizeof to.sun_path)
		return;
	memcpy(to.sun_path, path, n);
	if (*path == '@')
		to.sun_path[0] = '\0';
	fd = k_socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (!k_connect(fd, (struct sockaddr *)&to, (unsigned)(offsetof(struct sockaddr_un, sun_path) + n)))
		k_send(fd, text, strlen(text), -1);
	k_close(fd);
}
