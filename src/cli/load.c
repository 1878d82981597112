/* Words of the command line and files into a wish, facts and a plan. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "kernel/k.h"
#include "kernel/probe.h"

enum { MAX_FILE = 1 << 20 };

/* A whole regular file; anything else has no end, or no business here. */
static int read_file(const char *path, struct profile_text *to, struct err *e)
{
	int fd = k_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct k_stat st;
	size_t used = 0;
	char *text = NULL;
	long n = -1;

	if (fd < 0)
		return err_set(e, errno, "%.150s", path);
	if (k_fstat(fd, 0x201, &st)) {
		err_set(e, errno, "%.150s", path);
	} else if (!S_ISREG(st.mode)) {
		err_set(e, 0, "%.150s: not a regular file", path);
	} else if (st.size > MAX_FILE) {
		err_set(e, 0, "%.150s: larger than 1 MiB", path);
	} else if (!(text = arena_alloc(&cli_arena, (size_t)st.size + 1))) {
		err_set(e, 0, "%.150s: no room left", path);
	} else {
		while (used <= st.size && (n = k_read(fd, text + used, (size_t)st.size + 1 - used)) > 0)
			used += (size_t)n;
		if (n < 0)
			err_set(e, errno, "%.150s", path);
		to->text = text;
		to->length = used;
		/* A pseudo file says it is empty and is not; a growing one is cut off. */
		if (n >= 0 && used > st.size) {
			n = -1;
			err_set(e, 0, "%.150s: changed while it was read", path);
		}
	}
	k_close(fd);
	return n < 0 ? -1 : 0;
}

/* An included file is looked for beside the one that includes it. */
static const char *beside(const char *path, const char *from)
{
	const char *slash = from && *path != '/' ? strrchr(from, '/') : NULL;
	size_t n = slash ? (size_t)(slash - from) + 1 : 0;
	char *to = arena_alloc(&cli_arena, n + strlen(path) + 1);

	if (!to)
		return NULL;
	if (n)
		memcpy(to, from, n);
	memcpy(to + n, path, strlen(path) + 1);
	return to;
}

int cli_load(void *ctx, const char *path, const char *from, struct profile_text *to,
	     struct err *e)
{
	struct wish *wish = ctx;

	to->name = beside(path, from);
	if (!to->name)
		return err_set(e, 0, "%.150s: no room left", path);
	if (!read_file(to->name, to, e))
		return 0;
	wish->unreadable = 1;
	return -1;
}

static int read_facts(struct wish *to, const char *file, int launch)
{
	struct profile_text text = {0};
	struct err e = {0};

	if (!file) {
		if (launch)
			facts_probe_for(&to->facts, &to->profile);
		else
			facts_probe(&to->facts);
		return 0;
	}
	if (read_file(file, &text, &e)) {
		cli_failed(e.text, e.code);
		return -1;
	}
	if (!facts_parse(&to->facts, text.text, text.length, &e))
		return 0;
	cli_error("%.150s: %s", file, e.text);
	return -1;
}

static int print_findings(struct wish *to)
{
	profile_print_diags(&to->profile, &to->diags, &cli_out);
	cli_flush(2);
	return -1;
}

static void start_reading(struct wish *to, struct profile_reader *r, profile_loader *load,
			  void *ctx)
{
	memset(to, 0, sizeof *to);
	profile_init(&to->profile, &cli_arena);
	diags_init(&to->diags, &cli_arena);
	profile_reader_init(r, &to->profile, &to->diags, load, ctx);
}

/* From the words that were read to a plan that may be walked. */
static int finish_reading(struct wish *to, struct profile_reader *r, const char *facts_file,
			  const struct plan_request *request)
{
	struct err e;

	profile_finish(r);
	if (to->diags.count)
		return print_findings(to);
	if (read_facts(to, facts_file, request->launch)) {
		to->unreadable = 1;
		return -1;
	}
	if (plan_build(&to->plan, &to->profile, &to->facts, request, &to->diags))
		return print_findings(to);
	if (plan_check(&to->plan, &e)) {
		cli_error("defect in the plan: %s", e.text);
		return -1;
	}
	return 0;
}

int cli_read(struct wish *to, int argc, char **argv, int first, const char *facts_file,
	     const struct plan_request *request)
{
	struct profile_reader r;
	int i = first;

	start_reading(to, &r, cli_load, to);
	if (i < argc && !strchr(argv[i], '=') && strcmp(argv[i], "--") != 0)
		profile_file(&r, argv[i++]);
	for (; i < argc && strcmp(argv[i], "--") != 0; i++)
		profile_argument(&r, argv[i], (unsigned)(i - first + 1));
	if (i + 1 < argc)
		profile_exec(&r, (const char *const *)argv + i + 1, argc - i - 1);
	return finish_reading(to, &r, facts_file, request);
}

int cli_read_from(struct wish *to, const char *name, profile_loader *load, void *ctx,
		  const struct plan_request *request)
{
	struct profile_reader r;

	start_reading(to, &r, load, ctx);
	profile_file(&r, name);
	return finish_reading(to, &r, NULL, request);
}
