/* load.c - part of ../probe.c: what a supervisor has to bear while it changes its program, and what wrecks it. */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

/* Its own name says what is wrong with it. */
void pretend(int argc, char **argv)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	if (argc < 2 || strncmp(argv[1], "--resume", 8) != 0)
		return;
	self[n > 0 ? n : 0] = '\0';
	if (strstr(self, "hang"))
		for_ever();
	if (strstr(self, "crash"))
		abort();
	if (strstr(self, "chatter"))
		for (;;)
			if (write(1, "goes on and on\n", 15) < 0)
				_exit(0);
	_exit(0);
}

/* PORT FILE: connects over and over until the file is there; prints how many were answered, and how many not. */
int tool_hammer(char **word)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(word[0])),
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	unsigned good = 0, bad = 0;
	char text[100];

	while (access(word[1], F_OK)) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (!connect(fd, (struct sockaddr *)&to, sizeof to) && read(fd, text, sizeof text) > 0)
			good++;
		else
			bad++;
		close(fd);
		pause_ms(1);
	}
	printf("%u answered, %u not\n", good, bad);
	return 0;
}

/* The memory of another process, whatever it may be protected by. */
static int write_memory(const char *pid, unsigned long long at, const void *bytes, size_t n)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "/proc/%s/mem", pid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, bytes, n, (off_t)at) != (ssize_t)n)
		return die(path);
	close(fd);
	return 0;
}

/* PID trap|illegal|fault: what it does next, when its system call is over, is that. x86-64. */
int tool_wreck(char **word)
{
	static const struct {
		const char *kind, *bytes;
		size_t n;
	} kinds[] = {
		{"trap", "\xcc", 1}, {"illegal", "\x0f\x0b", 2}, {"fault", "\x31\xc0\x89\x00", 4}, {"privileged", "\xf4", 1},
	};
	char path[64], text[300], *pc;

	snprintf(path, sizeof path, "/proc/%s/syscall", word[0]);
	for (int tries = 0; tries < 2000; tries++, pause_ms(1)) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = read(fd, text, sizeof text - 1);

		close(fd);
		text[n > 0 ? n : 0] = '\0';
		pc = strrchr(text, ' ');
		/* "running" says nothing. */
		for (size_t i = 0; pc && i < COUNT(kinds); i++)
			if (!strcmp(kinds[i].kind, word[1]))
				return write_memory(word[0], strtoull(pc, NULL, 16), kinds[i].bytes, kinds[i].n);
	}
	return die("wreck");
}

/* PID ADDRESS BYTES: so many bytes there become garbage. */
int tool_poke(char **word)
{
	unsigned char garbage[64];
	size_t n = (size_t)atoi(word[2]);

	memset(garbage, 0x5a, sizeof garbage);
	return n > sizeof garbage || write_memory(word[0], strtoull(word[1], NULL, 16), garbage, n);
}

/* memfd COMMAND...: on a kernel that has no such call. */
int tool_without(char **word)
{
	/* Classic BPF: the number of the call; is it this one; ENOSYS; all others. */
	struct { unsigned short code; unsigned char yes, no; unsigned k; } filter[] = {
		{0x20, 0, 0, 0}, {0x15, 0, 1, SYS_memfd_create},
		{0x06, 0, 0, 0x00050000u | ENOSYS}, {0x06, 0, 0, 0x7fff0000u},
	};
	struct { unsigned short n; void *filter; } program = {COUNT(filter), filter};

	if (strcmp(word[0], "memfd") != 0 || prctl(22, 2, &program, 0, 0))
		return die("seccomp");
	execvp(word[1], word + 1);
	return die(word[1]);
}
