/* The client's end of the control socket, see talk.h. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/talk.h"
#include "kernel/k.h"

enum { ANSWER_MS = 10000, TRIES = 100, PAUSE_MS = 100 };

static int connect_to(int fd, const char *base)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	if (text_format(a.sun_path, sizeof a.sun_path, "%s/hutch/control", base) >=
	    (int)sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* So many wait for it already that there is a queue: never in the kernel, though. */
	for (int tries = 0; k_connect(fd, &a, sizeof a); tries++) {
		if (errno != EAGAIN || tries >= TRIES)
			return -1;
		k_poll(NULL, 0, PAUSE_MS);
	}
	return 0;
}

/* What a stranger says who put a socket there is not to be believed, nor to be told anything. */
static int check_peer(int fd)
{
	struct ucred peer;
	unsigned size = sizeof peer;

	if (k_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return -1;
	errno = EPERM;
	return !peer.uid || peer.uid == geteuid() ? 0 : -1;
}

int talk_open(struct talk *t, const char *request, size_t n)
{
	const char *own = geteuid() ? env_value((const char *const *)environ, "XDG_RUNTIME_DIR") : NULL;

	t->timeout = ANSWER_MS;
	t->n = 0;
	t->record[0] = '\0';
	t->fd = k_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK);
	if (t->fd < 0 || ((!own || *own != '/' || connect_to(t->fd, own)) && connect_to(t->fd, "/run"))) {
		if (!t->quiet)
			cli_failed(own ? PACKED("no supervisor in $XDG_RUNTIME_DIR/hutch or /run/hutch") : PACKED("no supervisor in /run/hutch"), errno);
	} else if (check_peer(t->fd)) {
		cli_failed(PACKED("the supervisor is somebody else's"), errno);
	} else {
		/* Who is not allowed to ask is told so before: that record is there to be read. */
		if (k_send(t->fd, request, n, -1) == (long)n || errno == EPIPE || errno == ECONNRESET)
			return 0;
		cli_failed(PACKED("the supervisor"), errno);
	}
	k_close(t->fd);
	return -1;
}

int talk_next(struct talk *t)
{
	struct pollfd fds = {.fd = t->fd, .events = POLLIN};
	int64_t until = t->timeout < 0 ? INT64_MAX : k_now_ms() + t->timeout;
	int64_t left;
	long n = -1;

	while (n < 0 && (left = until - k_now_ms()) > 0) {
		k_poll(&fds, 1, t->timeout < 0 ? -1 : (int)left);
		n = k_read(t->fd, t->record, CONTROL_RECORD);
		/* Reset: it closed without reading; what it said before that comes next. */
		if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNRESET)
			break;
	}
	t->n = n > 0 ? (size_t)n : 0;
	t->record[t->n] = '\0';
	if (n <= 0)
		cli_error("the supervisor %s", n == 0 ? "went away" : "does not answer");
	return n > 0 && strncmp(t->record, "end=", 4) != 0;
}

int talk_close(struct talk *t)
{
	const char *end = record_value(t->record, "end", &cli_arena);
	const char *text = record_value(t->record, "text", &cli_arena);
	const char *body = record_body(t->record), *code = record_value(t->record, "code", &cli_arena);
	uint64_t status = 0;

	k_close(t->fd);
	if (!end)
		return EXIT_HUTCH;
	if (!strcmp(end, "denied"))
		text = PACKED("the supervisor does not let you");
	if (text)
		cli_error("%s", text);
	if (body && *body) {
		int refused = !strncmp(body, "refused=", 8);

		out_printf(&cli_out, "%s%s", refused ? "hutch: " : "", body + (refused ? 8 : 0));
		out_put(&cli_out, body[strlen(body) - 1] == '\n' ? "" : "\n");
		cli_flush(refused ? 2 : 1);
	}
	if (code && !parse_number(code, 0, 255, &status))
		return (int)status;
	return strcmp(end, "ok") != 0 ? EXIT_HUTCH : 0;
}
