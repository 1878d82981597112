/* The program: dispatch by the table of commands, help, and the only exit. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

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

/* Untouched pages cost nothing; a table of 50,000 mounts has to fit. */
static char memory[24 << 20] __attribute__((aligned(16)));
static char out_memory[256 << 10];
struct arena cli_arena;
struct out cli_out = {.text = out_memory, .size = sizeof out_memory};
char **cli_again;
int cli_resume = -1;

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
#define COMMAND(id, name, usage, help) {name, command_##id},
#include "cli/commands.def"
#undef COMMAND
};
enum { COMMANDS = sizeof commands / sizeof *commands };

void cli_flush(int fd)
{
	const char *p = cli_out.text;

	while (cli_out.used > 0) {
		long n = k_write(fd, p, cli_out.used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		p += n;
		cli_out.used -= (size_t)n;
	}
	out_init(&cli_out, out_memory, sizeof out_memory);
}

void (cli_error)(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	text_vformat(text, sizeof text, format, args);
	va_end(args);
	out_printf(&cli_out, "hutch: %s\n", text);
	cli_flush(2);
}

void cli_failed(const char *text, int code)
{
	cli_error("%s%s%s", text, code ? ": " : "", code ? error_text(code) : "");
}

static const struct command *command_find(const char *name)
{
	for (int i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void print_usage(const struct command *c)
{
	unsigned row = 2 * (unsigned)(c - commands);
	const char *usage = text_of(TEXTS_COMMANDS, row), *help = text_of(TEXTS_COMMANDS, row + 1);

	out_printf(&cli_out, "hutch %s%s%s\n    %s\n", c->name, *usage ? " " : "", usage, help);
}

int cli_usage(const char *command)
{
	out_put(&cli_out, "usage: ");
	print_usage(command_find(command));
	cli_flush(2);
	return EXIT_USAGE;
}

static int command_unknown(const char *name)
{
	const char *names[COMMANDS];
	char hint[HINT_ROOM];

	for (int i = 0; i < COMMANDS; i++)
		names[i] = commands[i].name;
	name_hint(hint, name, names, COMMANDS);
	cli_error("unknown command %.64s%s", name, *hint ? hint : ": hutch help lists them");
	return EXIT_USAGE;
}

int command_help(int argc, char **argv)
{
	if (argc > 1 && !command_find(argv[1]))
		return command_unknown(argv[1]);
	if (argc > 1) {
		print_usage(command_find(argv[1]));
	} else {
		out_put(&cli_out, "hutch puts services into small, well-understood boxes.\n\n");
		for (int i = 0; i < COMMANDS; i++)
			print_usage(&commands[i]);
		out_put(&cli_out, "\nThe keys of a profile: hutch keys -v\n");
	}
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

int cli_option(int argc, char **argv, int *i, const char *const *names, const char **value)
{
	const char *word = *i < argc ? argv[*i] : "";

	if (word[0] != '-' || !word[1] || !strcmp(word, "--"))
		return -1;
	++*i;
	for (int k = 0; names[k]; k++) {
		size_t n = strcspn(names[k], "=");
		int takes = names[k][n] == '=';

		if (strncmp(word, names[k], n) != 0 || (word[n] && word[n] != '='))
			continue;
		*value = word[n] == '=' ? word + n + 1 : takes && *i < argc ? argv[(*i)++] : NULL;
		if (takes && *value)
			return k;
		if (!takes && word[n] != '=')
			return k;
		cli_error("option %s %s", names[k], takes ? "needs a value" : "takes no value");
		return -2;
	}
	cli_error("unknown option %.64s", word);
	return -2;
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

	return k_getpid() == 1 && (argc < 2 || !strcmp(name, "init") || !command_find(argv[1]) ||
				   !strcmp(argv[1], "init"));
}

int main(int argc, char **argv)
{
	char *again[argc + 2];
	const struct command *c;
	int resume = take_resume(argc, argv);

	text_unpack = texts_unpack;
	if (resume == 2) {
		arena_init(&cli_arena, memory, sizeof memory);
		return resume_check(cli_resume, &cli_arena);
	}
	memcpy(again + 1, argv, ((size_t)argc + 1) * sizeof *argv);
	if (resume) {
		memcpy(again, argv, ((size_t)argc + 1) * sizeof *argv);
		argv[1] = argv[0];
		argv++;
		argc--;
	}
	again[0] = argv[0];
	cli_again = again;
	arena_init(&cli_arena, memory, sizeof memory);
	if (is_init(argc, argv))
		boot_main(argv, again, cli_resume, &cli_arena);
	fill_stdio();
	if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		command_help(1, argv);
		return argc < 2 ? EXIT_USAGE : 0;
	}
	if (!strcmp(argv[1], "--version"))
		return command_version(1, argv);
	c = command_find(argv[1]);
	if (!c)
		return command_unknown(argv[1]);
	return c->run(argc - 1, argv + 1);
}
