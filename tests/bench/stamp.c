/*
 * stamp.c - the payload that says when it began to run, and stays until it is killed.
 *
 * It takes no arguments, because not every supervisor can hand some on: where it
 * reports to is the same path in every root, sandboxed or not. Who receives it asks
 * the socket for the sender's process id, which is right across namespaces. While
 * there is a file called crash beside the socket, it ends with 1 at once.
 *
 * Where there is a FIFO instead, starts are counted: it writes the time and ends, which
 * wakes nobody.
 */
#include <fcntl.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clock.h"
#include "stamp.h"

int main(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = STAMP_SOCKET };
	struct stamp stamp;
	int fd;

	stamp.ns = now_ns();
	fd = open(STAMP_FIFO, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		return write(fd, &stamp.ns, sizeof stamp.ns) < 0;
	stamp.stays = access(STAMP_CRASH, F_OK) != 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, &stamp, sizeof stamp, 0, (struct sockaddr *)&to, sizeof to) < 0)
		return 2;
	close(fd);
	if (!stamp.stays)
		return 1;
	for (;;)
		pause();
}
