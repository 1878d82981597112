/*
 * service NAME DIRECTORY VERSION [FD]: what the supervised services of the fault tests
 * run. Holds DIRECTORY/NAME.lock as long as it lives; a second one of its name leaves
 * NAME.double there. Says that it is ready, to FD or NOTIFY_SOCKET, and its name
 * and version into the FIFO DIRECTORY/said. Sockets that are not there: NAME.deaf.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int file(const char *dir, const char *name, const char *kind, int flags)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s%s", dir, name, kind);
	return open(path, flags | O_CLOEXEC, 0666);
}

static void notify(const char *to)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strncpy(a.sun_path, to, sizeof a.sun_path - 1);
	if (*to == '@')
		a.sun_path[0] = '\0';
	if (sendto(fd, "READY=1", 7, 0, (struct sockaddr *)&a,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(to))) < 0)
		printf("cannot notify\n");
	close(fd);
}

int main(int argc, char **argv)
{
	const char *listens = getenv("LISTEN_FDS"), *socket = getenv("NOTIFY_SOCKET");
	int accepts = 0, fd;
	socklen_t size = sizeof accepts;
	char text[64];

	if (argc < 4)
		return 2;
	fd = file(argv[2], argv[1], ".lock", O_RDWR | O_CREAT);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB)) {
		file(argv[2], argv[1], ".double", O_WRONLY | O_CREAT);
		return 9;
	}
	if (listens && (getsockopt(3, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &size) || !accepts))
		file(argv[2], argv[1], ".deaf", O_WRONLY | O_CREAT);
	printf("%s runs\n", argv[1]);
	fflush(stdout);
	if (argc > 4 && write(atoi(argv[4]), "\n", 1) == 1)
		close(atoi(argv[4]));
	if (socket)
		notify(socket);
	fd = file(argv[2], "said", "", O_WRONLY | O_NONBLOCK);
	snprintf(text, sizeof text, "%s %s\n", argv[1], argv[3]);
	if (fd >= 0 && write(fd, text, strlen(text)) > 0)
		close(fd);
	for (;;)
		pause();
}
