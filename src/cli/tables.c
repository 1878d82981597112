/* hutch facts and hutch keys: what there is. */
#include <string.h>

#include "base/parse.h"
#include "cli/cli.h"
#include "kernel/probe.h"

static int verbose(int argc, char **argv, int *i)
{
	static const char *const names[] = {"-v", NULL};
	const char *value;
	int option, found = 0;

	*i = 1;
	while ((option = cli_option(argc, argv, i, names, &value)) >= 0)
		found = 1;
	return option == -2 ? -1 : found;
}

int command_facts(int argc, char **argv)
{
	struct facts f;
	int i, v = verbose(argc, argv, &i);

	if (v < 0 || i < argc)
		return cli_usage("facts");
	facts_probe(&f);
	if (!v)
		facts_print(&f, &cli_out);
	for (unsigned k = 0; v && k < FACTS; k++)
		out_printf(&cli_out, "# %s%s%s\n%s=%u\n", fact_help(k),
			   *fact_since(k) ? ", Linux " : "", fact_since(k), fact_name(k),
			   *fact_at(&f, k));
	cli_flush(1);
	return 0;
}

static int wanted(const struct key *k, int argc, char **argv, int first)
{
	for (int i = first; i < argc; i++)
		if (!strcmp(argv[i], k->word) || !strcmp(argv[i], key_group(k)))
			return 1;
	return first >= argc;
}

int command_keys(int argc, char **argv)
{
	int i, v = verbose(argc, argv, &i), shown = 0;
	const char *group = "";

	if (v < 0)
		return cli_usage("keys");
	for (const struct key *k = keys + KEY_NONE + 1; k < keys + KEY_COUNT; k++) {
		const char *dflt = key_default(k);

		if (!wanted(k, argc, argv, i))
			continue;
		shown = 1;
		if (v && strcmp(group, key_group(k)) != 0)
			out_printf(&cli_out, "%s# %s\n", *group ? "\n" : "", key_group(k));
		group = key_group(k);
		out_printf(&cli_out, "%s%s\n", k->word,
			   k->word[strlen(k->word) - 1] == '.' ? "NAME=" : "=");
		if (v)
			out_printf(&cli_out, "    %s%s\n    %s%s%s%s\n", key_syntax(k),
				   k->often == OFTEN_MANY ? "   (repeatable)" : "", key_help(k),
				   *dflt ? " (default: " : "", dflt, *dflt ? ")" : "");
	}
	if (!shown) {
		cli_error("no such key or group: %.64s: hutch keys lists them", argv[i]);
		return EXIT_NOT;
	}
	cli_flush(1);
	return 0;
}
