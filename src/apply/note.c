/* Notes of pinned templates, see note.h. */
#include "apply/note.h"

#include <fcntl.h>
#include <string.h>

#include "apply/walk.h"
#include "kernel/k.h"

/* One byte a source and flag: what identity_take goes by. */
enum { FLAGS = 4 };

int note_key(const struct plan *plan, const struct out *steps, struct out *to)
{
	const char how[] = {(char)plan->openat2, (char)plan->new_mounts, (char)plan->root_switch, (char)plan->sealed};

	pin_begin(to);
	out_bytes(to, (const char *)&plan->nsources, sizeof plan->nsources);
	for (unsigned i = 0; i < plan->nsources; i++) {
		const struct plan_source *s = &plan->source[i];
		const char flags[FLAGS] = {(char)s->rec, (char)s->optional, (char)s->receives, (char)s->content};

		out_bytes(to, flags, FLAGS);
		out_bytes(to, s->path, strlen(s->path) + 1);
	}
	out_bytes(to, how, sizeof how);
	out_bytes(to, steps->text, steps->used);
	return steps->lost || to->lost ? -1 : 0;
}

/* The sources of a note, which somebody may have written by hand; NULL: they cannot be. */
static struct plan_source *read_sources(struct arena *a, const char *note, size_t length, unsigned *n)
{
	const char *at = memchr(note, '\n', length), *end = note + length;
	struct plan_source *source;

	if (!at || (size_t)(end - ++at) < sizeof *n)
		return NULL;
	memcpy(n, at, sizeof *n);
	at += sizeof *n;
	if (*n > length / FLAGS || !(source = ARENA_ARRAY(a, struct plan_source, *n + 1)))
		return NULL;
	for (unsigned i = 0; i < *n; i++) {
		const char *zero = end - at > FLAGS ? memchr(at + FLAGS, '\0', (size_t)(end - at) - FLAGS) : NULL;

		if (!zero)
			return NULL;
		source[i] = (struct plan_source){.path = at + FLAGS, .slot = NO_SLOT, .rec = (uint8_t)at[0], .optional = (uint8_t)at[1],
						 .receives = (uint8_t)at[2], .content = (uint8_t)at[3]};
		at = zero + 1;
	}
	return source;
}

const char *note_stale(void *ctx, const char *note, size_t length)
{
	static char why[300];
	struct plan plan = {0};
	struct walk w;
	size_t room;

	plan.source = read_sources(ctx, note, length, &plan.nsources);
	room = (plan.nsources + 1) * sizeof *w.identity;
	if (!plan.source || room > length || walk_init(&w, &plan, ctx) || !(w.identity = arena_alloc(ctx, room)))
		return PACKED("its note cannot be read");
	memcpy(w.identity, note + length - room, room);
	w.proc = k_open(AT_FDCWD, "/proc", O_PATH | O_DIRECTORY, 0);
	room = (size_t)identity_check(&w);
	k_close(w.proc);
	if (!room)
		return NULL;
	text_format(why, sizeof why, "%.200s is not what it was", w.err.text);
	return why;
}
