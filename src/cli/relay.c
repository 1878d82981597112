/* A terminal relayed to the pty of a sandbox, see relay.h. */
#include "cli/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "kernel/k.h"

static struct termios before;
static char pending[4096];	/* typed, not yet taken by the pty */

void relay_start(struct relay *r, int master)
{
	struct termios raw;

	r->master = master;
	k_fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
	if (tcgetattr(0, &before))
		return;
	raw = before;
	cfmakeraw(&raw);
	r->raw = !tcsetattr(0, TCSANOW, &raw);
}

void relay_poll(const struct relay *r, struct pollfd fds[2])
{
	fds[0] = (struct pollfd){.fd = r->master, .events = POLLIN};
	if (r->npending)
		fds[0].events |= POLLOUT;
	/* What the pty does not take, nobody reads. */
	fds[1] = (struct pollfd){
		.fd = r->master >= 0 && !r->input_done && r->npending < sizeof pending ? 0 : -1,
		.events = POLLIN,
	};
}

/* 0 when the pty has nothing more for now, -1 when it has ended. */
static int print(struct relay *r)
{
	char text[4096];
	long n = k_read(r->master, text, sizeof text);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	for (long done = 0, put; done < n; done += put) {
		put = k_write(1, text + done, (size_t)(n - done));
		if (put < 0 && errno != EINTR && errno != EAGAIN)
			break;
		if (put < 0) {
			struct pollfd out = {.fd = 1, .events = POLLOUT};

			k_poll(&out, 1, 1000);
			put = 0;
		}
	}
	return n > 0 ? 1 : -1;
}

static void type(struct relay *r)
{
	long n = r->npending ? k_write(r->master, pending, r->npending) : 0;

	if (n <= 0)
		return;
	memmove(pending, pending + n, r->npending - (size_t)n);
	r->npending -= (size_t)n;
}

void relay_move(struct relay *r, const struct pollfd fds[2])
{
	if (r->master < 0)
		return;
	if (fds[1].revents) {
		long n = k_read(0, pending + r->npending, sizeof pending - r->npending);

		if (n > 0)
			r->npending += (size_t)n;
		else if (n == 0 || errno != EINTR)
			r->input_done = 1;
	}
	type(r);
	if (fds[0].revents & (POLLIN | POLLHUP) && print(r) < 0) {
		k_close(r->master);
		r->master = -1;
	}
}

void relay_resize(struct relay *r)
{
	struct winsize size;

	if (r->master >= 0 && !k_ioctl(0, TIOCGWINSZ, &size))
		k_ioctl(r->master, TIOCSWINSZ, &size);
}

void relay_end(struct relay *r)
{
	while (r->master >= 0 && print(r) > 0)
		;
	k_close(r->master);
	r->master = -1;
	if (r->raw)
		tcsetattr(0, TCSANOW, &before);
	r->raw = 0;
}
