/*
 * Sockets that the supervisor holds for services, from before their first start to
 * their removal: who connects meanwhile waits and is not refused. Nothing is
 * accepted here, and payloads get them as they are: blocking.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "archive/texts.h"
#include "base/parse.h"
#include "kernel/k.h"
#include "supervise/supervise.h"

enum { AGAIN_MS = 1000 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un path;
};

static int is_unix(const struct listen_conf *c)
{
	return c->kind >= LISTEN_UNIX;
}

/* Every address of the machine, of IPv6 and IPv4. */
static int is_any(const struct listen_conf *c)
{
	return !strcmp(c->address, "*");
}

static int socket_type(const struct listen_conf *c)
{
	static const int types[] = {
		[LISTEN_TCP] = SOCK_STREAM, [LISTEN_UDP] = SOCK_DGRAM, [LISTEN_UNIX] = SOCK_STREAM,
		[LISTEN_UNIX_DGRAM] = SOCK_DGRAM, [LISTEN_UNIX_SEQPACKET] = SOCK_SEQPACKET,
	};

	return types[c->kind];
}

static int drop(int fd)
{
	k_close(fd);
	return -1;
}

/* Its length, or 0 when it is no such address. */
static unsigned path_address(union address *to, const char *path)
{
	size_t n = strlen(path);

	memset(to, 0, sizeof *to);
	to->path.sun_family = AF_UNIX;
	if (n >= sizeof to->path.sun_path)
		return 0;
	memcpy(to->path.sun_path, path, n);
	return (unsigned)sizeof to->path;
}

static unsigned ip_address(union address *to, const struct listen_conf *c, int family)
{
	unsigned char bytes[16] = {0};
	int size = family == AF_INET ? 4 : 16;

	if (!is_any(c) && parse_address(c->address, bytes) != size)
		return 0;
	memset(to, 0, sizeof *to);
	to->any.sa_family = (sa_family_t)family;
	if (family == AF_INET) {
		to->v4.sin_port = htons(c->port);
		memcpy(&to->v4.sin_addr, bytes, 4);
		return sizeof to->v4;
	}
	to->v6.sin6_port = htons(c->port);
	memcpy(&to->v6.sin6_addr, bytes, 16);
	return sizeof to->v6;
}

/* For TCP only: with UDP it lets two services have one port, and one of them hear nothing. */
static int set_options(int fd, const struct listen_conf *c, int family)
{
	if (c->kind == LISTEN_TCP && k_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1))
		return -1;
	return family == AF_INET6
		? k_setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, !is_any(c)) : 0;
}

static int open_ip(const struct listen_conf *c, int family)
{
	union address a;
	unsigned length = ip_address(&a, c, family);
	int fd;

	if (!length) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	fd = k_socket(family, socket_type(c));
	if (fd < 0)
		return -1;
	if (set_options(fd, c, family) || k_bind(fd, &a.any, length) ||
	    (c->kind == LISTEN_TCP && k_listen(fd)))
		return drop(fd);
	return fd;
}

/* Removes a socket file that no socket has any more; anything else stays. */
static void remove_stale(const struct listen_conf *c)
{
	union address a;
	unsigned length = path_address(&a, c->address);
	struct k_stat st;
	int fd;

	if (!length || k_stat(AT_FDCWD, c->address, AT_SYMLINK_NOFOLLOW, 1, &st) ||
	    !S_ISSOCK(st.mode))
		return;
	/* By a datagram socket: who listens to connections is there, but gets none from us. */
	fd = k_socket(AF_UNIX, SOCK_DGRAM);
	if (fd < 0)
		return;
	if (k_connect(fd, &a.any, length) && errno == ECONNREFUSED)
		k_unlink(AT_FDCWD, c->address, 0);
	k_close(fd);
}

static int bind_path(int fd, const struct listen_conf *c)
{
	union address a;
	unsigned length = path_address(&a, c->address), before;
	int result;

	if (!length) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* A socket file has its mode from the umask, or for a moment a wrong one. */
	before = k_umask(0777 & ~(unsigned)c->mode);
	result = k_bind(fd, &a.any, length);
	k_umask(before);
	return result;
}

static int open_path(const struct listen_conf *c)
{
	int fd = k_socket(AF_UNIX, socket_type(c));

	if (fd < 0)
		return -1;
	if (bind_path(fd, c)) {
		if (errno != EADDRINUSE)
			return drop(fd);
		remove_stale(c);
		if (bind_path(fd, c))
			return drop(fd);
	}
	if (c->kind != LISTEN_UNIX_DGRAM && k_listen(fd)) {
		drop(fd);
		remove_stale(c);
		return -1;
	}
	return fd;
}

static int open_one(const struct listen_conf *c)
{
	int fd;

	if (is_unix(c))
		return open_path(c);
	if (strchr(c->address, ':'))
		return open_ip(c, AF_INET6);
	fd = is_any(c) ? open_ip(c, AF_INET6) : -1;
	/* Without IPv6, by its build or by sysctl, all addresses are those of IPv4. */
	if (fd < 0 && (!is_any(c) || errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL))
		fd = open_ip(c, AF_INET);
	return fd;
}

int listen_open(struct service *v)
{
	int failed = 0;

	for (unsigned i = 0; i < v->conf->nlistens; i++) {
		const struct listen_conf *c = &v->conf->listens[i];

		if (v->listen[i] >= 0 || (v->listen[i] = open_one(c)) >= 0)
			continue;
		failed = errno;
		if (is_unix(c))
			service_why(v, "listen=unix %s: %s", c->address, error_text(failed));
		else
			service_why(v, "listen=%s %s:%u: %s", c->kind == LISTEN_TCP ? "tcp" : "udp",
				    c->address, c->port, error_text(failed));
	}
	errno = failed;
	return failed ? -1 : 0;
}

void listen_wait(struct supervisor *s, struct service *v)
{
	v->deadline = v->conf->start == START_DEMAND && listen_open(v) ? s->now + AGAIN_MS : 0;
}

static void close_one(int fd, const struct listen_conf *c)
{
	if (fd < 0)
		return;
	k_close(fd);
	if (is_unix(c))
		remove_stale(c);
}

void listen_close(struct service *v)
{
	watch_drop_listens(v);
	for (unsigned i = 0; i < v->conf->nlistens; i++) {
		close_one(v->listen[i], &v->conf->listens[i]);
		v->listen[i] = -1;
	}
}

static int same_socket(const struct listen_conf *a, const struct listen_conf *b)
{
	return a->kind == b->kind && a->port == b->port && a->mode == b->mode &&
	       !strcmp(a->address, b->address);
}

void listen_change(struct service *v, const struct service_conf *to)
{
	int kept[LISTENS];

	watch_drop_listens(v);
	for (unsigned i = 0; i < LISTENS; i++) {
		kept[i] = -1;
		for (unsigned j = 0; i < to->nlistens && j < v->conf->nlistens && kept[i] < 0; j++)
			if (v->listen[j] >= 0 && same_socket(&to->listens[i], &v->conf->listens[j])) {
				kept[i] = v->listen[j];
				v->listen[j] = -1;
			}
	}
	listen_close(v);
	memcpy(v->listen, kept, sizeof kept);
}

void listen_read(struct supervisor *s, struct service *v)
{
	for (unsigned j = 0; v->conf && j < v->conf->nlistens; j++) {
		struct pollfd again = {.fd = v->listen[j], .events = POLLIN};

		/* The loop guesses when it could not poll. An error is for the payload too: left
		 * alone, it would wake us for ever. */
		if (v->state == STATE_ARMED && again.fd >= 0 && k_poll(&again, 1, 0) > 0)
			service_trigger(s, v, 1);
	}
}
