/* Reading mountinfo; the format is in proc_pid_mountinfo(5). */
#include "mounts/table.h"

#include <string.h>

#include "base/parse.h"
#include "base/sum.h"
#include "base/text.h"
#include "base/uapi.h"

void mounts_unescape(char *p)
{
	char *to = p;

	while (*p) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
		    p[3] >= '0' && p[3] <= '7') {
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
}

/* The next field of a line, ended; NULL when there is none. */
static char *field(char **line)
{
	char *start = *line, *end;

	if (!start || !*start)
		return NULL;
	end = strchr(start, ' ');
	if (end)
		*end++ = '\0';
	*line = end;
	return start;
}

const char attr_names[ATTRS][8] = {"ro", "nosuid", "nodev", "noexec"};

static uint32_t parse_attrs(const char *text)
{
	uint32_t attrs = 0;

	while (*text) {
		for (int i = 0; i < ATTRS; i++) {
			size_t n = 0;

			while (attr_names[i][n] && text[n] == attr_names[i][n])
				n++;
			if (!attr_names[i][n] && (!text[n] || text[n] == ','))
				attrs |= 1u << i;
		}
		while (*text && *text++ != ',')
			;
	}
	return attrs;
}

/* shared:N master:N propagate_from:N unbindable, until a lone dash. */
static int parse_optional(struct mount *m, char **line)
{
	char *f;

	while ((f = field(line)) && strcmp(f, "-") != 0) {
		static const char *const words[] = {"shared:", "master:", "propagate_from:"};
		uint32_t *const to[] = {&m->shared, &m->master, &m->from};
		uint64_t n;

		if (!strcmp(f, "unbindable"))
			m->unbindable = 1;
		for (int i = 0; i < 3; i++) {
			if (strncmp(f, words[i], strlen(words[i])) != 0)
				continue;
			if (parse_number(f + strlen(words[i]), 1, INT32_MAX, &n))
				return -1;
			*to[i] = (uint32_t)n;
		}
	}
	return f ? 0 : -1;
}

static int parse_line(struct mount *m, char *line)
{
	char *id = field(&line), *parent = field(&line), *device = field(&line);
	char *root = field(&line), *point = field(&line), *options = field(&line);
	char *type, *source, *minor;
	uint64_t n[4];

	if (!options || parse_optional(m, &line))
		return -1;
	type = field(&line);
	source = field(&line);
	minor = strchr(device, ':');
	if (!type || !*type || !minor || *root == '\0' || *point != '/')
		return -1;
	*minor++ = '\0';
	if (parse_number(id, 0, INT32_MAX, &n[0]) || parse_number(parent, 0, INT32_MAX, &n[1]) ||
	    parse_number(device, 0, UINT32_MAX, &n[2]) || parse_number(minor, 0, UINT32_MAX, &n[3]))
		return -1;
	m->id = (int)n[0];
	m->parent = (int)n[1];
	m->major = (unsigned)n[2];
	m->minor = (unsigned)n[3];
	mounts_unescape(root);
	mounts_unescape(point);
	if (source)
		mounts_unescape(source);
	m->root = root;
	m->point = point;
	m->attrs = parse_attrs(options);
	m->type = type;
	m->source = source ? source : "";
	m->super = line ? line : "";
	return 0;
}

static unsigned count_lines(const char *text, size_t length)
{
	unsigned n = 0;

	for (const char *end = text + length; (text = memchr(text, '\n', (size_t)(end - text))); text++)
		n++;
	return n;
}

int mounts_parse(struct mounts *to, char *text, size_t length, struct arena *a,
		 struct err *e)
{
	unsigned n = count_lines(text, length);
	char *line = text;

	to->n = 0;
	/* A mount that is not seen is one that is not compared. */
	if (length && text[length - 1] != '\n')
		return err_set(e, 0, "the mount table ends within a line");
	to->mount = ARENA_ARRAY(a, struct mount, n ? n : 1);
	if (!to->mount)
		return err_set(e, 0, "no room for a table of %u mounts", n);
	while (to->n < n) {
		char *end = memchr(line, '\n', length - (size_t)(line - text));

		*end = '\0';
		if (parse_line(&to->mount[to->n], line))
			return err_set(e, 0, "line %u of the mount table is none", to->n + 1);
		to->n++;
		line = end + 1;
	}
	return 0;
}

/* Who could look for two tables with one sum can mount on the host anyway. */
uint64_t mounts_sum(const struct mounts *t)
{
	uint64_t sum = SUM_START;

	for (unsigned i = 0; i < t->n; i++) {
		const struct mount *m = &t->mount[i], *on = mounts_by_id(t, m->parent);

		/* No device is major 0: whatever is mounted anew has another minor each time. */
		sum = sum_word(sum, (uint64_t)(on ? (unsigned)(on - t->mount) : t->n) << 32 | m->attrs);
		sum = sum_word(sum, (uint64_t)m->major << 32 | (m->major ? m->minor : 0));
		sum = sum_word(sum, (uint64_t)m->shared << 32 | m->master);
		sum = sum_word(sum_word(sum, m->unbindable), m->file);
		sum = sum_text(sum_text(sum_text(sum, m->root), m->point), m->type);
	}
	return sum;
}

uint64_t mounts_text_sum(const char *text, size_t length)
{
	enum { MOST = 64 };
	uint64_t id[MOST], parent, device, sum = SUM_START;
	const char *end;
	unsigned n = 0, on;

	for (; (end = memchr(text, '\n', length)); length -= (size_t)(end + 1 - text), text = end + 1) {
		const char *at = text;

		if (n == MOST)
			return 0;
		id[n] = text_number(&at, 10);
		parent = text_number(&at, 10);
		device = text_number(&at, 10);
		/* No device is major 0: whatever is mounted anew has another minor each time. */
		at += device ? 0 : strcspn(at, " \n");
		for (on = 0; on < n && id[on] != parent; on++)
			;
		sum = sum_word(sum_bytes(sum_word(sum, device << 32 | on), at, (size_t)(end - at)), (uint64_t)(end - at));
		n++;
	}
	return sum;
}

const struct mount *mounts_by_id(const struct mounts *t, int id)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->mount[i].id == id)
			return &t->mount[i];
	return NULL;
}

/* Whether the way to path leads over point. */
static int on_way(const char *point, const char *path)
{
	size_t n = strlen(point);

	if (n == 1)
		return 1;
	return !strncmp(point, path, n) && (path[n] == '/' || !path[n]);
}

/*
 * The mount that the way to path meets next, standing on mount `on` (NULL: on none
 * yet). The shortest point comes first: what lies deeper on the same mount is hidden.
 */
static const struct mount *next_on_way(const struct mounts *t, const struct mount *on,
				       const char *path)
{
	const struct mount *next = NULL;

	for (unsigned i = 0; i < t->n; i++) {
		const struct mount *m = &t->mount[i];
		int here;

		if (m == on || !on_way(m->point, path))
			continue;
		if (on)
			here = m->parent == on->id;
		else
			here = m->parent == m->id || !mounts_by_id(t, m->parent);
		if (here && (!next || strlen(m->point) < strlen(next->point)))
			next = m;
	}
	return next;
}

const struct mount *mounts_top(const struct mounts *t, const char *point)
{
	const struct mount *top = NULL, *next;
	unsigned more = t->n;	/* no way is longer, whatever the text says */

	/* From the root on: what lies below a covered mount has the same path as what
	 * covers it, and is not met. */
	while ((next = next_on_way(t, top, point)) && more--)
		top = next;
	return top && !strcmp(top->point, point) ? top : NULL;
}

static int is_ancestor(const struct mounts *t, const struct mount *a, const struct mount *of)
{
	for (unsigned depth = 0; of && depth < t->n; depth++) {
		if (of == a)
			return 1;
		if (of->parent == of->id)
			break;
		of = mounts_by_id(t, of->parent);
	}
	return 0;
}

int mounts_hidden(const struct mounts *t, const struct mount *m)
{
	/* Up to the root; no way is longer than the table, whatever the text says. */
	for (unsigned depth = 0; depth < t->n; depth++) {
		const struct mount *on = mounts_by_id(t, m->parent);

		if (!on || on == m)
			return 0;
		for (unsigned i = 0; i < t->n; i++) {
			const struct mount *over = &t->mount[i];

			/* On the way from the parent's root to the mount's place, beside the parent. */
			if (over != m && strlen(over->point) >= strlen(on->point) &&
			    strcmp(over->point, m->point) != 0 && path_below(m->point, over->point) &&
			    !is_ancestor(t, over, on) && !is_ancestor(t, m, over))
				return 1;
		}
		m = on;
	}
	return 0;
}
