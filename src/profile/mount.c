/* The mount keys: fixed words first, then options, as the two tables below say. */
#include "profile/types.h"

#include <string.h>

#include "base/parse.h"

/* Options without a value, and with one. The words in place: a pointer to one is as long. */
static const struct {
	char word[12];
	uint32_t flag;
} plain_options[] = {
	{"ro", MF_RO}, {"rw", MF_RW}, {"rec", MF_REC}, {"norec", MF_NOREC},
	{"suid", MF_SUID}, {"nosuid", MF_NOSUID}, {"dev", MF_DEV}, {"nodev", MF_NODEV},
	{"exec", MF_EXEC}, {"noexec", MF_NOEXEC}, {"optional", MF_OPTIONAL},
	{"create", MF_CREATE}, {"subset=pid", MF_SUBSET_PID}, {"none", MF_NONE},
	{"follow", MF_FOLLOW},
}, value_options[] = {
	{"size=", MF_SIZE}, {"mode=", MF_MODE}, {"uid=", MF_UID}, {"gid=", MF_GID},
	{"hidepid=", MF_HIDEPID}, {"idmap=", MF_IDMAP}, {"upper=", MF_UPPER},
	{"work=", MF_UPPER}, {"lower=", MF_LOWER},
};

enum {
	MF_ATTRS = MF_RO | MF_RW | MF_SUID | MF_NOSUID | MF_DEV | MF_NODEV | MF_EXEC |
		   MF_NOEXEC,
};

/* What comes first on the line: s source, d destination, D the same when absent,
 * t type, x any text, L the rest are lines. */
static const struct {
	uint8_t key;
	char words[7];
	uint32_t allowed;
} kinds[MOUNT_KINDS] = {
	[MOUNT_BIND] = {KEY_bind, "sD", MF_ATTRS | MF_REC | MF_OPTIONAL | MF_CREATE | MF_IDMAP | MF_PROP | MF_FOLLOW},
	[MOUNT_TMPFS] = {KEY_tmpfs, "d", MF_ATTRS | MF_SIZE | MF_MODE | MF_UID | MF_GID | MF_CREATE | MF_PROP},
	[MOUNT_PROC] = {KEY_proc, "d", MF_RO | MF_RW | MF_SUBSET_PID | MF_HIDEPID | MF_CREATE | MF_NONE},
	[MOUNT_SYSFS] = {KEY_sysfs, "d", MF_RO | MF_RW | MF_CREATE},
	[MOUNT_MQUEUE] = {KEY_mqueue, "d", MF_RO | MF_RW | MF_CREATE},
	[MOUNT_DEVPTS] = {KEY_devpts, "d", MF_CREATE},
	[MOUNT_DEVICE] = {KEY_device, "sD", MF_RO | MF_RW | MF_OPTIONAL},
	[MOUNT_OVERLAY] = {KEY_overlay, "sd", MF_ATTRS | MF_SIZE | MF_UPPER | MF_LOWER | MF_CREATE | MF_PROP},
	[MOUNT_OTHER] = {KEY_mount, "txdo", MF_ATTRS | MF_OPTIONAL | MF_CREATE | MF_PROP},
	[MOUNT_MASK] = {KEY_mask, "d", MF_OPTIONAL | MF_NONE},
	[MOUNT_FILE] = {KEY_file, "dL", MF_MODE | MF_UID | MF_GID},
	[MOUNT_SYMLINK] = {KEY_symlink, "xd", 0},
	[MOUNT_HUB] = {KEY_hub, "td", MF_ATTRS | MF_OPTIONAL | MF_CREATE | MF_PROP},
	[MOUNT_DIR] = {KEY_dir, "d", MF_MODE | MF_UID | MF_GID},
};

static int number_option(struct value *v, int i, const char *text, uint32_t *to)
{
	uint64_t n;

	if (parse_number(text, 0, UINT32_MAX - 1ull, &n)) {
		value_wrong(v, i, "%.64s: not a number up to 4294967294", v->w.word[i]);
		return -1;
	}
	*to = (uint32_t)n;
	return 0;
}

/* INSIDE:OUTSIDE:COUNT */
static void idmap_option(struct value *v, int i, const char *text, uint32_t map[3])
{
	for (int k = 0; k < 3; k++) {
		size_t n = strcspn(text, ":");
		char number[16];
		uint64_t id;

		if (n >= sizeof number || (k < 2) != (text[n] == ':'))
			goto wrong;
		memcpy(number, text, n);
		number[n] = '\0';
		if (parse_number(number, k == 2, UINT32_MAX - 1ull, &id))
			goto wrong;
		map[k] = (uint32_t)id;
		text += n + 1;
	}
	return;
wrong:
	value_wrong(v, i, "%.64s: write idmap=INSIDE:OUTSIDE:COUNT", v->w.word[i]);
}

static const char *host_path(struct value *v, int i, const char *text)
{
	const char *wrong = path_wrong(text);

	if (wrong)
		value_wrong(v, i, "path %.80s %s", text, wrong);
	return text;
}

/* Stores the value of option i, whose text begins behind the equals sign. */
static void store_option(struct value *v, int i, struct mount_wish *m, uint32_t flag,
			 const char *text)
{
	switch (flag) {
	case MF_SIZE:
		if (parse_size(text, &m->size))
			value_wrong(v, i, "%.64s: a size is a number with k, m or g", v->w.word[i]);
		break;
	case MF_MODE:
		if (parse_mode(text, &m->mode))
			value_wrong(v, i, "%.64s: a mode is octal, up to 7777", v->w.word[i]);
		break;
	case MF_UID:
		number_option(v, i, text, &m->uid);
		break;
	case MF_GID:
		number_option(v, i, text, &m->gid);
		break;
	case MF_HIDEPID:
		if (!number_option(v, i, text, &m->hidepid) && m->hidepid > 2)
			value_wrong(v, i, "hidepid is 0, 1 or 2");
		break;
	case MF_IDMAP:
		idmap_option(v, i, text, m->map);
		break;
	case MF_UPPER:
		/* One flag for two words. */
		if (v->w.word[i][0] == 'u' ? m->upper : m->work)
			value_wrong(v, i, "%.64s given twice", v->w.word[i]);
		*(v->w.word[i][0] == 'u' ? &m->upper : &m->work) = host_path(v, i, text);
		break;
	case MF_LOWER:
		m->more = m->more ? m->more : &v->w.word[i];
		host_path(v, i, text);
		break;
	}
}

static void option_unknown(struct value *v, int i, uint32_t allowed)
{
	const char *names[COUNT(plain_options) + COUNT(value_options) + PROP_COUNT];
	int n = 0;

	for (size_t k = 0; k < COUNT(plain_options); k++)
		if (allowed & plain_options[k].flag)
			names[n++] = plain_options[k].word;
	for (size_t k = 0; k < COUNT(value_options); k++)
		if (allowed & value_options[k].flag)
			names[n++] = value_options[k].word;
	if (allowed & MF_PROP)
		for (int k = PROP_PRIVATE; k < PROP_COUNT; k++)
			names[n++] = propagation_names[k];
	value_unknown(v, i, "option", names, n);
}

/* One option; returns 0 when it is none that this kind of mount knows. */
static int read_option(struct value *v, int i, struct mount_wish *m, uint32_t allowed)
{
	const char *word = v->w.word[i];
	uint32_t flag = 0;
	size_t n = 0;
	int prop = name_find(word, propagation_names, PROP_COUNT);

	if (prop > 0 && (allowed & MF_PROP)) {
		flag = MF_PROP;
		m->prop = (uint8_t)prop;
	}
	for (size_t k = 0; k < COUNT(plain_options) && !flag; k++)
		if (!strcmp(word, plain_options[k].word))
			flag = plain_options[k].flag;
	for (size_t k = 0; k < COUNT(value_options) && !flag; k++) {
		n = strlen(value_options[k].word);
		if (!strncmp(word, value_options[k].word, n))
			flag = value_options[k].flag;
	}
	if (!(flag & allowed))
		return 0;
	if ((m->flags & flag) && !(flag & (MF_LOWER | MF_UPPER)))
		value_wrong(v, i, "%.64s given twice", word);
	m->flags |= flag;
	store_option(v, i, m, flag, word + n);
	return 1;
}

static void check_flags(struct value *v, const struct mount_wish *m)
{
	static const uint32_t against[][2] = {
		{MF_RO, MF_RW}, {MF_SUID, MF_NOSUID}, {MF_DEV, MF_NODEV},
		{MF_EXEC, MF_NOEXEC}, {MF_REC, MF_NOREC},
	};

	for (size_t k = 0; k < COUNT(against); k++)
		if ((m->flags & against[k][0]) && (m->flags & against[k][1]))
			value_wrong(v, -1, "%s says two opposite things", v->key->word);
	if (m->kind == MOUNT_HUB && m->prop && m->prop != PROP_SLAVE && m->prop != PROP_SHARED)
		value_wrong(v, -1, "a hub is slave, which receives, or shared, which sends too");
	if ((m->flags & MF_FOLLOW) && ((m->flags & MF_REC) || m->prop > PROP_PRIVATE))
		value_wrong(v, -1, "follow is for one file, which is private and has nothing below it");
	if (!m->upper != !m->work)
		value_wrong(v, -1, "overlay needs both upper= and work=, or neither");
}

/* The fixed words in front; returns the index behind them or -1 when reported. */
static int fixed_words(struct value *v, struct mount_wish *m, const char *words)
{
	int i = 0;

	for (; *words && *words != 'L' && *words != 'o'; words++) {
		const char *word = i < v->w.n ? v->w.word[i] : NULL;

		if (*words == 'D' && (!word || *word != '/')) {
			m->dst = m->src;
			continue;
		}
		if (!word) {
			value_wrong(v, -1, "%s takes %s", v->key->word, key_syntax(v->key));
			return -1;
		}
		if (*words == 't')
			m->type = word;
		else if (*words == 'x')
			m->src = word;
		else if (*words == 's')
			m->src = value_path(v, i);
		else
			m->dst = value_path(v, i);
		i++;
	}
	return i;
}

static int is_none(const struct value *v, uint32_t allowed)
{
	return (allowed & MF_NONE) && v->w.n == 1 && !strcmp(v->w.word[0], "none");
}

static void keep(struct value *v, struct mount_wish *m)
{
	struct mount_list *l = v->field;

	*l->last = m;
	l->last = &m->next;
	l->n++;
}

void read_MOUNT(struct value *v)
{
	struct mount_wish *m = ARENA_NEW(v->r->p->arena, struct mount_wish);
	unsigned like = v->key == &keys[KEY_boot_mount] ? KEY_mount : (unsigned)(v->key - keys);
	uint32_t allowed;
	int kind = 0, i;

	if (!m) {
		value_wrong(v, -1, "the profile is too large");
		return;
	}
	while (kinds[kind].key != like)
		kind++;
	allowed = kinds[kind].allowed;
	m->at = v->r->at;
	m->kind = (uint8_t)kind;
	if (is_none(v, allowed)) {
		m->flags = MF_NONE;
		keep(v, m);
		return;
	}
	i = fixed_words(v, m, kinds[kind].words);
	if (i < 0)
		return;
	for (; i < v->w.n; i++) {
		if (read_option(v, i, m, allowed))
			continue;
		if (strchr(kinds[kind].words, 'L')) {
			m->more = &v->w.word[i];
			m->nmore = (unsigned)(v->w.n - i);
			break;
		}
		if (strchr(kinds[kind].words, 'o') && !m->data)
			m->data = v->w.word[i];
		else
			option_unknown(v, i, allowed);
	}
	if (m->flags & MF_LOWER)
		m->nmore = (unsigned)(&v->w.word[v->w.n] - m->more);
	check_flags(v, m);
	keep(v, m);
}

unsigned profile_follows(const struct profile *p, struct follow_conf to[FOLLOWS])
{
	unsigned n = 0;
	uint16_t i = 0;

	for (const struct mount_wish *m = p->mounts.first; m && n < FOLLOWS; m = m->next, i++)
		if (m->flags & MF_FOLLOW)
			to[n++] = (struct follow_conf){m->src, i};
	return n;
}

static void print_fixed(const struct mount_wish *m, struct out *o)
{
	for (const char *w = kinds[m->kind].words; *w && *w != 'L'; w++) {
		const char *word = *w == 't' ? m->type : *w == 'x' || *w == 's' ? m->src
				 : *w == 'o' ? m->data : m->dst;

		if (!word)
			continue;
		if (w != kinds[m->kind].words)
			out_put(o, " ");
		out_word(o, word);
	}
}

static void print_values(const struct mount_wish *m, struct out *o)
{
	if (m->flags & MF_SIZE)
		out_printf(o, " size=%llu", (unsigned long long)m->size);
	if (m->flags & MF_MODE)
		out_printf(o, " mode=%03o", m->mode);
	if (m->flags & MF_UID)
		out_printf(o, " uid=%u", m->uid);
	if (m->flags & MF_GID)
		out_printf(o, " gid=%u", m->gid);
	if (m->flags & MF_HIDEPID)
		out_printf(o, " hidepid=%u", m->hidepid);
	if (m->flags & MF_IDMAP)
		out_printf(o, " idmap=%u:%u:%u", m->map[0], m->map[1], m->map[2]);
	if (m->flags & MF_UPPER) {
		out_printf(o, " \"upper=%s\" \"work=%s\"", m->upper, m->work);
	}
	for (unsigned i = 0; i < m->nmore; i++) {
		if (m->kind == MOUNT_OVERLAY && strncmp(m->more[i], "lower=", 6) != 0)
			continue;
		out_put(o, " ");
		out_word(o, m->more[i]);
	}
}

void print_MOUNT(const struct profile *p, const struct key *key, const void *field,
		 struct out *o)
{
	const struct mount_list *l = field;

	(void)p;
	/* The keys share one list, whose order matters: the first key prints all. */
	for (unsigned k = KEY_NONE + 1; &keys[k] != key; k++)
		if (keys[k].type == TYPE_MOUNT && profile_has(p, k) && keys[k].offset == key->offset)
			return;
	for (const struct mount_wish *m = l->first; m; m = m->next) {
		print_key_line(&keys[m->at.key], o);
		if (m->flags & MF_NONE) {
			out_put(o, "none\n");
			continue;
		}
		print_fixed(m, o);
		for (size_t k = 0; k < COUNT(plain_options); k++)
			if (m->flags & plain_options[k].flag & kinds[m->kind].allowed)
				out_printf(o, " %s", plain_options[k].word);
		if (m->prop)
			out_printf(o, " %s", propagation_names[m->prop]);
		print_values(m, o);
		out_put(o, "\n");
	}
}

void read_ROOT(struct value *v)
{
	struct root_wish *to = v->field;
	struct mount_wish m = {0};
	const char *first = v->w.word[0];
	uint32_t allowed = 0;
	int i = 1;

	memset(to, 0, sizeof *to);
	if (!strcmp(first, "tmpfs")) {
		to->kind = ROOT_TMPFS;
		allowed = MF_SIZE | MF_MODE;
	} else if (!strcmp(first, "image") && v->w.n > 1) {
		to->kind = ROOT_IMAGE;
		to->path = value_path(v, i++);
		if (i < v->w.n)
			to->type = v->w.word[i++];
	} else if (!strcmp(first, "cpio") && v->w.n > 1) {
		to->kind = ROOT_CPIO;
		to->path = value_path(v, i++);
		allowed = MF_SIZE;
	} else if (*first == '/') {
		to->kind = ROOT_DIR;
		to->path = value_path(v, 0);
		to->rec = !first[1];
		allowed = MF_REC | MF_NOREC;
	} else {
		value_wrong(v, 0, "root is an absolute path, tmpfs, image FILE or cpio FILE, not %.64s", first);
		return;
	}
	for (; i < v->w.n; i++)
		if (!read_option(v, i, &m, allowed))
			option_unknown(v, i, allowed);
	check_flags(v, &m);
	if (m.flags & (MF_REC | MF_NOREC))
		to->rec = !!(m.flags & MF_REC);
	to->size = m.size;
	to->mode = m.flags & MF_MODE ? m.mode : 0755;
}

void print_ROOT(const struct profile *p, const struct key *key, const void *field,
		struct out *o)
{
	const struct root_wish *r = field;
	static const char *const words[] = {"", "", "tmpfs", "image ", "cpio "};

	(void)p;
	out_printf(o, "%s=%s", key->word, words[r->kind]);
	if (r->path)
		out_word(o, r->path);
	if (r->type)
		out_printf(o, " %s", r->type);
	if (r->kind == ROOT_DIR && r->path && r->rec != !r->path[1])
		out_put(o, r->rec ? " rec" : " norec");
	if (r->size)
		out_printf(o, " size=%llu", (unsigned long long)r->size);
	if (r->kind == ROOT_TMPFS && r->mode != 0755)
		out_printf(o, " mode=%03o", r->mode);
	out_put(o, "\n");
}
