/*
 * What the sandboxes of the fault tests run: says that it ran and ends with 7; with
 * an argument it waits to be killed, as the living member of an IPC group does.
 */
#include <unistd.h>

int main(int argc, char **argv)
{
	static const char text[] = "PAYLOAD-RAN\n";

	(void)argv;
	if (write(1, text, sizeof text - 1) < 0)
		return 8;
	while (argc > 1)
		pause();
	return 7;
}
