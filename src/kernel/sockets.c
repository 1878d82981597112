/* Sockets: connections, records, and descriptors and senders that come with them. */
#include <string.h>
#include <sys/socket.h>

#include "kernel/call.h"

int k_socketpair(int fd[2])
{
	return RAW("socketpair", SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd);
}

int k_socket(int domain, int type)
{
	return RAW("socket", SYS_socket, domain, type | SOCK_CLOEXEC, 0);
}

int k_accept(int fd)
{
	return RAW("accept4", SYS_accept4, fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

int k_getsockopt(int fd, int level, int option, void *to, unsigned *n)
{
	return RAW("getsockopt", SYS_getsockopt, fd, level, option, to, n);
}

long k_send(int fd, const void *record, size_t n, int pass)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = (void *)record, .iov_len = n};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

	if (pass >= 0) {
		memset(&control, 0, sizeof control);
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(sizeof(int));
		CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &pass, sizeof pass);
	}
	return RAW_LONG("sendmsg", SYS_sendmsg, fd, &m, MSG_NOSIGNAL);
}

long k_receive(int fd, void *record, size_t n, int *passed, int wait)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {.iov_base = record, .iov_len = n};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
			   .msg_controllen = CMSG_LEN(sizeof(int))};
	struct cmsghdr *c;
	long got = RAW_LONG("recvmsg", SYS_recvmsg, fd, &m, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));

	*passed = -1;
	if (got < 0)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(passed, CMSG_DATA(c), sizeof *passed);
	return got;
}

int k_bind(int fd, const void *address, unsigned length)
{
	return RAW("bind", SYS_bind, fd, address, length);
}

int k_listen(int fd) { return RAW("listen", SYS_listen, fd, INT32_MAX); }

int k_connect(int fd, const void *address, unsigned length)
{
	return RAW("connect", SYS_connect, fd, address, length);
}

int k_shutdown(int fd) { return RAW("shutdown", SYS_shutdown, fd, SHUT_RDWR); }

int k_setsockopt(int fd, int level, int option, int value)
{
	return RAW("setsockopt", SYS_setsockopt, fd, level, option, &value, sizeof value);
}

int k_getsockname(int fd, struct sockaddr *address, unsigned *length)
{
	return RAW("getsockname", SYS_getsockname, fd, address, length);
}

long k_receive_from(int fd, void *record, size_t n, int *pid)
{
	/* Room for the sender and nothing more: the kernel drops what else came along. */
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = {.iov_base = record, .iov_len = n};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
			   .msg_controllen = sizeof control};
	struct ucred sender;
	struct cmsghdr *c;
	long got = RAW_LONG("recvmsg", SYS_recvmsg, fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT | MSG_TRUNC);

	*pid = 0;
	if (got < 0)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_CREDENTIALS &&
	    c->cmsg_len == CMSG_LEN(sizeof sender)) {
		memcpy(&sender, CMSG_DATA(c), sizeof sender);
		*pid = sender.pid;
	}
	return got;
}

union pass {
	struct cmsghdr align;
	char space[CMSG_SPACE(PASS_MOST * sizeof(int))];
};

int k_pass(int fd, const int *pass, unsigned n)
{
	union pass control = {.space = {0}};
	struct iovec part = {.iov_base = (void *)"", .iov_len = 1};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
			   .msg_controllen = CMSG_SPACE(n * sizeof(int))};

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(&control.align), pass, n * sizeof(int));
	return RAW("sendmsg", SYS_sendmsg, fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 ? 0 : -1;
}

int k_take(int fd, int *to, unsigned n)
{
	union pass control;
	char byte;
	struct iovec part = {.iov_base = &byte, .iov_len = 1};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	struct cmsghdr *c;
	unsigned got;

	if (RAW("recvmsg", SYS_recvmsg, fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != 1)
		return -1;
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return 0;
	got = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(to, CMSG_DATA(c), (got < n ? got : n) * sizeof(int));
	return (int)got;
}
