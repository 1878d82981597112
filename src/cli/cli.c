/* What the commands share, see cli.h. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "archive/texts.h"
#include "base/text.h"
#include "kernel/k.h"

/* Untouched pages cost nothing; a table of 50,000 mounts has to fit. */
static char memory[24 << 20] __attribute__((aligned(16)));
static char out_memory[256 << 10];
struct arena cli_arena = {memory, sizeof memory, 0};
struct out cli_out = {.text = out_memory, .size = sizeof out_memory};
char **cli_again;
int cli_resume = -1;
int cli_unwritten;

const char *const command_names[COMMANDS] = {
#define COMMAND(id, name, usage, help) name,
#include "cli/commands.def"
#undef COMMAND
};

void cli_flush(int fd)
{
	const char *p = cli_out.text;
	int lost = cli_out.lost ? ENOMEM : 0;

	while (cli_out.used > 0) {
		long n = k_write(fd, p, cli_out.used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			lost = errno;
			break;
		}
		p += n;
		cli_out.used -= (size_t)n;
	}
	if (fd == 1 && lost)
		cli_unwritten = lost;
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

int command_find(const char *name)
{
	for (int i = 0; i < COMMANDS; i++)
		if (!strcmp(command_names[i], name))
			return i;
	return -1;
}

void command_usage(int command)
{
	unsigned row = 2 * (unsigned)command;
	const char *usage = text_of(TEXTS_COMMANDS, row), *help = text_of(TEXTS_COMMANDS, row + 1);

	out_printf(&cli_out, "hutch %s%s%s\n    %s\n", command_names[command], *usage ? " " : "", usage, help);
}

int cli_usage(const char *command)
{
	out_put(&cli_out, "usage: ");
	command_usage(command_find(command));
	cli_flush(2);
	return EXIT_USAGE;
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
