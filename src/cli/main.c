/* The program: dispatch by the table of commands, help, and the only exit. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "archive/texts.h"
#include "base/parse.h"
#include "base/text.h"
#include "boot/boot.h"
#include "cli/cli.h"
#include "kernel/k.h"
#include "supervise/main.h"

#ifndef VERSION
#define VERSION "0.1"
#endif

static int (*const commands[COMMANDS])(int argc, char **argv) = {
#define COMMAND(id, name, usage, help) command_##id,
#include "cli/commands.def"
#undef COMMAND
};

static int command_unknown(const char *name)
{
	char hint[HINT_ROOM];

	name_hint(hint, name, command_names, COMMANDS);
	cli_error("unknown command %.64s%s", name, *hint ? hint : ": hutch help lists them");
	return EXIT_USAGE;
}

static void print_commands(void)
{
	out_put(&cli_out, "hutch puts services into small, well-understood boxes.\n\n");
	for (int i = 0; i < COMMANDS; i++)
		command_usage(i);
	out_put(&cli_out, "\nThe keys of a profile: hutch keys -v\n");
}

int command_help(int argc, char **argv)
{
	int command = argc > 1 ? command_find(argv[1]) : -1;

	if (argc > 1 && command < 0)
		return command_unknown(argv[1]);
	if (command >= 0)
		command_usage(command);
	else
		print_commands();
	cli_flush(1);
	return 0;
}

int command_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	out_put(&cli_out, "hutch " VERSION "\n");
	cli_flush(1);
	return 0;
}

/* A closed standard stream would give its number to the next file that is opened. */
static void fill_stdio(void)
{
	struct pollfd stream[3] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};

	int known = k_poll(stream, 3, 0) >= 0;

	for (int fd = 0; fd < 3; fd++)
		if ((!known || stream[fd].revents & POLLNVAL) && k_fcntl(fd, F_GETFD, 0) < 0 &&
		    (k_open(AT_FDCWD, "/dev/null", O_RDWR, 0) != fd || k_fcntl(fd, F_SETFD, 0)))
			break;
}

/*
 * An earlier hutch of this process says where its state is, in a word behind the name. The
 * others are told again to whoever comes after us, who needs room for that.
 */
static int take_resume(int argc, char **argv)
{
	static const char *const names[] = {"--resume=", "--resume-check="};
	uint64_t fd;

	for (int i = 0; argc > 1 && i < 2; i++) {
		size_t n = strlen(names[i]);

		if (strncmp(argv[1], names[i], n) != 0 || parse_number(argv[1] + n, 3, INT32_MAX, &fd))
			continue;
		cli_resume = (int)fd;
		return i + 1;
	}
	(void)argv;
	return 0;
}

int command_init(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	cli_error("init is for PID 1, see hutch-init(8); hutch supervise keeps services up as any other process");
	return EXIT_USAGE;
}

/*
 * PID 1 of a machine: the kernel hands it the words of its command line that it does not know
 * itself. As PID 1 of a container it may have been told to do something else.
 */
static int is_init(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL, *name = slash ? slash + 1 : argc ? argv[0] : "";

	return k_getpid() == 1 && (argc < 2 || !strcmp(name, "init") || command_find(argv[1]) < 0 ||
				   !strcmp(argv[1], "init"));
}

static int asks_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-h");
}

static int run(int argc, char **argv)
{
	int command;

	if (asks_help(argv[1]))
		return command_help(1, argv);
	if (!strcmp(argv[1], "--version"))
		return command_version(1, argv);
	if (argc > 2 && asks_help(argv[2]))
		return command_help(2, argv);
	command = command_find(argv[1]);
	return command < 0 ? command_unknown(argv[1]) : commands[command](argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	char *again[argc + 2];
	int resume = take_resume(argc, argv), status;

	text_unpack = texts_unpack;
	if (resume == 2)
		return resume_check(cli_resume, &cli_arena);
	memcpy(again + 1, argv, ((size_t)argc + 1) * sizeof *argv);
	if (resume) {
		memcpy(again, argv, ((size_t)argc + 1) * sizeof *argv);
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	again[0] = argv[0];
	cli_again = again;
	if (is_init(argc, argv))
		boot_main(argv, again, cli_resume, &cli_arena);
	fill_stdio();
	if (argc < 2) {
		print_commands();
		cli_flush(2);
		return EXIT_USAGE;
	}
	status = run(argc, argv);
	if (!cli_unwritten || status)
		return status;
	cli_failed("standard output", cli_unwritten);
	return EXIT_HUTCH;
}
