/*
 * The full cross product: (what a mount of the host is) x (word) x (recursive or not) x (kind of mount) x (how the
 * root is switched), with later mounts and umounts on each side of each. Cells that hutch must refuse are refused in
 * the right words; the others are built, many in one sandbox, and then every mount that this test knows is
 * looked for everywhere, after each event: who must see it, and nobody else.
 *
 *	cross HUTCH [old]	with old: a hutch without the calls of Linux 5.2 and later
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/uapi.h"
#include "cross.h"

/* ---- results: one line for a kind, a word, and rec or not; all states of the host in it ---- */

struct group {
	char name[80];
	int cells;
	char *notes;
};

static struct group groups[200];
static int ngroups;
static const struct mechanism *mech;
static int old, keeps;

static struct group *group_of(const struct wish *w)
{
	static const struct {
		enum kind kind;
		const char *word;
	} kinds[] = {
		{BIND, "bind"}, {COVERED, "bind with mounts on it"}, {OVERLAY, "overlay"}, {TMPFS, "tmpfs"},
		{INHERITED, "bind by propagation=rec"}, {ROOT, "root"}, {ROOT_TMPFS, "root=tmpfs"},
		{ROOT_OVERLAY, "root-mode=overlay"}, {UPON, "bind, slave, on a bind"},
	};
	struct group g = {.cells = 0};
	int i = 0;

	while (kinds[i].kind != w->kind)
		i++;
	snprintf(g.name, sizeof g.name, "%s %s%s", kinds[i].word, state_words[w->word], w->rec ? " rec" : "");
	for (i = 0; i < ngroups; i++)
		if (!strcmp(groups[i].name, g.name))
			return &groups[i];
	if (ngroups == (int)(sizeof groups / sizeof *groups))
		fail("more groups than there is room for");
	groups[ngroups++] = g;
	return &groups[i];
}

static void note(struct group *g, const char *format, ...)
{
	char text[2048], *all;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (g->notes && strlen(g->notes) > 2000)
		return;
	if (asprintf(&all, "%s#   %s\n", g->notes ? g->notes : "", text) > 0)
		g->notes = all;
}

static int report(void)
{
	int bad = 0;

	for (int i = 0; i < ngroups; i++) {
		printf("%sok - cross: %s%s: %s, %d cells\n%s", groups[i].notes ? "not " : "", mech->name,
		       old ? ", older kernel" : "", groups[i].name, groups[i].cells, groups[i].notes ? groups[i].notes : "");
		bad |= groups[i].notes != NULL;
	}
	return bad;
}

/* ---- what shall be in one sandbox ---- */

/* A mount inside, and the point of the host that it exchanges with, if any. */
struct link {
	struct group *group;
	char path[96], dir[16];	/* where events are made: a directory of its own */
	struct point *p;
	struct outcome o;
	unsigned char early;	/* a recursive bind, with src/early */
	unsigned char came;	/* with a recursive bind: locked where it came over a border */
	unsigned char late;	/* attached after the seal */
	unsigned char known;	/* it has a name in the tables: that of its point */
};

static struct point *sender;	/* a shared one, for what lies on others */
static struct link links[LINKS];
static int nlinks;
static char profile[1 << 16];
static struct seen host_want, box_want, found;
static struct group *whole;	/* whom a finding belongs to that is nobody's */
static const char *moment;	/* what happened just before */

static void line(const char *format, ...)
{
	size_t used = strlen(profile);
	va_list args;

	va_start(args, format);
	vsnprintf(profile + used, sizeof profile - used, format, args);
	va_end(args);
	if (strlen(profile) + 1 >= sizeof profile)
		fail("profile too long");
}

static void sandbox_begin(struct group *g)
{
	nlinks = 0;
	profile[0] = '\0';
	whole = g;
	/* One that is optional and missing has no propagation to be given, whatever it says. */
	line("%sdev=none\nbind=/run/agent /agent exec\nbind=/run/nowhere /none unbindable optional\n", mech->keys);
	seen_clear(&host_want);
	seen_clear(&box_want);
	for (int i = 0; i < npoints; i++)
		points[i].links = 0;
}

static struct link *link_add(struct group *g, const char *path, struct point *p, struct outcome o)
{
	struct link *l = &links[nlinks++];

	if (nlinks == LINKS)
		fail("more than %d links", LINKS);
	*l = (struct link){.group = g, .p = p, .o = o};
	snprintf(l->path, sizeof l->path, "%s", path);
	snprintf(l->dir, sizeof l->dir, "i%d", p ? p->links++ : 0);
	if (p && p->links > DIRS)
		fail("more than %d links of a point", DIRS);
	g->cells++;
	return l;
}

/* A bind or a root, with what lies below its source. */
static void links_of_source(const struct wish *w, const char *path, struct point *p)
{
	const struct outcome none = {outcome(PRIVATE, w->word, keeps).becomes, 0, 0, 0};
	int of_host = w->kind & (BIND | COVERED | UPON | INHERITED | ROOT);
	struct group *g = group_of(w);
	struct link *l = link_add(g, path, p, of_host ? outcome(w->host, w->word, keeps) : none);
	char below[112];

	l->known = of_host != 0;
	l->late = w->kind == BIND && w->word == SHARED;
	l->early = w->rec && of_host && p->early;
	if (!w->rec || !p->below || (p->below->state == UNBINDABLE && keeps))
		return;
	snprintf(below, sizeof below, "%s%sbelow", path, path[1] ? "/" : "");
	g->cells--;	/* they are one */
	l = link_add(g, below, p->below, outcome(p->below->state, w->word, keeps));
	l->known = l->came = 1;
	l->late = w->kind == BIND && w->word == SHARED;
}

/* ---- events: done, and noted as who must see them now ---- */

static const char *event(char what, int number)
{
	static char name[32];

	snprintf(name, sizeof name, "ev.%c%d", what, number);
	return name;
}

static const char *join(const char *at, const char *dir)
{
	static char path[128];

	snprintf(path, sizeof path, "%s%s%s", at, at[1] ? "/" : "", dir);
	return path;
}

static void must(struct group *g, const char *what, const char *path, int code, int want)
{
	if (code != want)
		note(g, "%s %s: %s instead of %s", what, path, strerror(code), strerror(want));
}

/* What is made or taken away at the source: all that receive from there. */
static void from_source(struct seen *s, void (*how)(struct seen *, const char *, const char *, const char *),
			const struct point *p, const char *name, const char *dir, const struct link *but)
{
	for (struct link *l = links; l < links + nlinks; l++)
		if (l->p == p && l->o.from_source && l != but)
			how(s, name, l->path, dir);
}

static void host_mount(struct point *p, const char *name, const char *dir)
{
	must(whole, "mount", p->src, mount(name, join(p->src, dir), "tmpfs", 0, "size=4k") ? errno : 0, 0);
	seen_add(&host_want, name, p->src, dir);
	from_source(&box_want, seen_add, p, name, dir, NULL);
}

static void host_umount(struct point *p, const char *name, const char *dir)
{
	must(whole, "umount", p->src, umount2(join(p->src, dir), 0) ? errno : 0, 0);
	seen_del(&host_want, name, p->src, dir);
	from_source(&box_want, seen_del, p, name, dir, NULL);
}

static int has_master(const struct point *p)
{
	return p->state == SLAVE || p->state == SLAVE_SHARED;
}

static void at_master(struct point *p, void (*how)(struct seen *, const char *, const char *, const char *))
{
	const char *name = event('M', p->id);

	how(&host_want, name, p->master, "M");
	how(&host_want, name, p->src, "M");
	for (struct link *l = links; l < links + nlinks; l++)
		if (l->p == p && l->o.from_master)
			how(&box_want, name, l->path, "M");
}

static void master_mount(struct point *p)
{
	must(whole, "mount", p->master, mount(event('M', p->id), join(p->master, "M"), "tmpfs", 0, "size=4k") ? errno : 0, 0);
	at_master(p, seen_add);
}

static void master_umount(struct point *p)
{
	must(whole, "umount", p->master, umount2(join(p->master, "M"), 0) ? errno : 0, 0);
	at_master(p, seen_del);
}

static void inside_mount(struct box *b, struct link *l)
{
	const char *name = event('b', (int)(l - links));

	must(l->group, "mount inside", l->path, box_mount(b, name, join(l->path, l->dir)), 0);
	seen_add(&box_want, name, l->path, l->dir);
	if (!l->o.to_source)
		return;
	seen_add(&host_want, name, l->p->src, l->dir);
	from_source(&box_want, seen_add, l->p, name, l->dir, l);
}

static void inside_umount(struct box *b, struct link *l, const char *name, const char *dir)
{
	must(l->group, "umount inside", l->path, box_umount(b, join(l->path, dir)), 0);
	seen_del(&box_want, name, l->path, dir);
	if (!l->o.to_source)
		return;
	seen_del(&host_want, name, l->p->src, dir);
	from_source(&box_want, seen_del, l->p, name, dir, l);
}

/* ---- looking ---- */

static const char *side;

/* The link that an item of a set is about. */
static struct group *whose(const char *item)
{
	const char *path = strchr(item, ' ') + 1;
	int number = atoi(item + 4);
	const struct link *best = NULL;
	size_t most = 0;

	if (item[3] == 'b')
		return links[number].group;
	for (struct link *l = links; l < links + nlinks; l++) {
		size_t n = strlen(l->path);

		if (*side == 'h' ? l->p && l->p->id == number : n > most && !strncmp(path, l->path, n) &&
		    (n == 1 || path[n] == '/' || !path[n]))
			best = l, most = n;
	}
	return best ? best->group : whole;
}

static void tell(const char *item, int missing)
{
	note(whose(item), "%s: %s %s", moment, side, missing ? "lacks" : "has");
	note(whose(item), "  %s%s", item, missing ? "" : ", which must not be there");
}

static void look(struct box *b, const char *when)
{
	moment = when;
	side = "the host";
	seen_read(getpid(), &found);
	seen_diff(&host_want, &found, tell);
	side = "inside";
	seen_read(b->init, &found);
	seen_diff(&box_want, &found, tell);
}

/* ---- the events of one sandbox, and what must be after each ---- */

#define EACH_LINK(l) (struct link *l = links; (l) < links + nlinks; (l)++)
#define EACH_POINT(p) (struct point *p = points; (p) < points + npoints; (p)++)

static int has_sender(const struct point *p)
{
	for EACH_LINK(l)
		if (l->p == p && l->o.to_source)
			return 1;
	return 0;
}

static void host_mounts(struct box *b)
{
	for EACH_POINT(p)
		if (p->links)
			host_mount(p, event('h', p->id), "m");
	look(b, "after mounts on the host");
}

static void host_events(struct box *b)
{
	host_mounts(b);
	for EACH_POINT(p)
		if (p->links)
			host_umount(p, event('h', p->id), "m");
	look(b, "after their umounts on the host");
	host_mounts(b);
	/* First who cannot send: the host's own stays. */
	for (int sends = 0; sends < 2; sends++) {
		for EACH_LINK(l)
			if (l->p && l->o.from_source && l->o.to_source == sends)
				inside_umount(b, l, event('h', l->p->id), "m");
		look(b, sends ? "after umounts inside by who shares" : "after umounts inside by who only receives");
	}
	for EACH_POINT(p)
		if (p->links && !has_sender(p))
			host_umount(p, event('h', p->id), "m");
}

static void master_events(struct box *b)
{
	for (int inside = 0; inside < 2; inside++) {
		for EACH_POINT(p)
			if (p->links && has_master(p))
				master_mount(p);
		look(b, "after mounts at the masters");
		for (int sends = 0; sends < 2 && inside; sends++) {
			for EACH_LINK(l)
				if (l->p && l->o.from_master && l->o.to_source == sends)
					inside_umount(b, l, event('M', l->p->id), "M");
			look(b, "after umounts inside of what came from the masters");
		}
		for EACH_POINT(p)
			if (p->links && has_master(p))
				master_umount(p);
		look(b, "after umounts at the masters");
	}
}

static void inside_events(struct box *b)
{
	for (int outside = 0; outside < 2; outside++) {
		for EACH_LINK(l)
			inside_mount(b, l);
		look(b, "after mounts inside");
		for EACH_LINK(l) {
			const char *name = event('b', (int)(l - links));

			if (!outside || !l->o.to_source) {
				inside_umount(b, l, name, l->dir);
				continue;
			}
			host_umount(l->p, name, l->dir);
		}
		look(b, outside ? "after umounts on the host of what was made inside" : "after their umounts inside");
	}
}

/* What was there before the sandbox: the host, and then the sandbox, unmount it. */
static void early_events(struct box *b)
{
	for EACH_POINT(p)
		if (p->links && p->early) {
			must(whole, "umount", p->src, umount2(join(p->src, "early"), 0) ? errno : 0, 0);
			seen_del(&host_want, event('y', p->id), p->src, "early");
			from_source(&box_want, seen_del, p, event('y', p->id), "early", NULL);
		}
	look(b, "after umounts on the host of what was there before");
	for EACH_LINK(l) {
		struct link *on = l - 1;
		int locked = !l->late && (mech->user || mech->sealed);

		if (l->early && !l->o.from_source) {
			must(l->group, "umount inside", join(l->path, "early"), box_umount(b, join(l->path, "early")), locked ? EINVAL : 0);
			if (!locked)
				seen_del(&box_want, event('y', l->p->id), l->path, "early");
		}
		if (!l->came)
			continue;
		/* An umount of a peer may have taken it away. */
		if (!seen_has(&box_want, event('w', l->p->id), l->path))
			continue;
		must(l->group, "umount inside", l->path, box_umount(b, l->path), locked ? EINVAL : 0);
		if (locked)
			continue;
		seen_del(&box_want, event('w', l->p->id), l->path, "");
		if (!on->o.to_source)
			continue;
		seen_del(&host_want, event('w', l->p->id), l->p->src, "");
		from_source(&box_want, seen_del, on->p, event('w', l->p->id), "below", on);
	}
	look(b, "after umounts inside of what was there before");
}

/* Is it a mount of the sandbox's own on a bind, at the place of that number? */
static int is_own(const struct link *l, int number)
{
	return !l->p && l->path[1] == 'l' && atoi(strrchr(l->path, '/') + 1) == number;
}

/* The host covers a place where the sandbox has a mount of its own, which stays on top. */
static void tuck_events(struct box *b)
{
	for (int number = PRIVATE; number < STATES; number++) {
		char dir[16];
		int any = 0;

		for EACH_LINK(l)
			any |= is_own(l, number);
		if (!any)
			continue;
		snprintf(dir, sizeof dir, "own/%d", number);
		for EACH_POINT(p)
			if (p->links)
				host_mount(p, event('t', p->id), dir);
		look(b, "after a mount of the host where the sandbox has its own");
		for EACH_LINK(l)
			if (is_own(l, number) && seen_state(l->path) != l->o.becomes)
				note(l->group, "%s: a mount of the host came over it", l->path);
		for EACH_POINT(p)
			if (p->links)
				host_umount(p, event('t', p->id), dir);
		look(b, "after its umount");
	}
}

static void host_set(void)
{
	for EACH_POINT(p) {
		seen_add(&host_want, event('w', p->id), p->master, "");
		seen_add(&host_want, event('w', p->id), p->src, "");
		if (p->early)
			seen_add(&host_want, event('y', p->id), p->src, "early");
	}
}

static void box_set(void)
{
	for EACH_LINK(l) {
		if (l->known)
			seen_add(&box_want, event('w', l->p->id), l->path, "");
		if (l->early)
			seen_add(&box_want, event('y', l->p->id), l->path, "early");
	}
}

/* What an event took from the host for good. */
static void host_repair(void)
{
	seen_read(getpid(), &found);
	for EACH_POINT(p) {
		if (p->early && seen_state(join(p->src, "early")) == STATES &&
		    mount(event('y', p->id), join(p->src, "early"), "tmpfs", 0, "size=4k"))
			fail("early");
		if (p->below && seen_state(p->below->src) == STATES)
			point_show(p->below);
	}
}

static void sandbox_run(void)
{
	static char before[1 << 20], said[4096];
	struct box b;
	int status;

	host_set();
	box_set();
	snprintf(before, sizeof before, "%s", table_text(getpid()));
	if (box_start(&b, mech, profile, said, sizeof said)) {
		for (int i = 0; i < ngroups; i++)
			if (&groups[i] == whole)
				note(whole, "it does not start: %s", said);
		for EACH_LINK(l)
			if (!l->group->notes)
				note(l->group, "its sandbox does not start: %s", said);
		return;
	}
	if (strcmp(before, table_text(getpid())) != 0)
		note(whole, "the host's mounts changed by the launch");
	look(&b, "at the start");
	for EACH_LINK(l) {
		enum state is = seen_state(l->path);

		if (is != l->o.becomes)
			note(l->group, "%s (%s) is %s, not %s", l->path, l->p ? state_words[l->p->state] : "own",
			     is < STATES ? state_words[is] : "not there", state_words[l->o.becomes]);
	}
	host_events(&b);
	master_events(&b);
	inside_events(&b);
	tuck_events(&b);
	early_events(&b);
	status = box_stop(&b);
	if (status)
		note(whole, "status %d", status);
	host_repair();
}

/* A cell that must be refused, by a sandbox of its own. */
static void try_refused(const struct wish *w, const char *words)
{
	static char said[4096];
	struct group *g = group_of(w);
	int status = box_try(mech, profile, said, sizeof said);

	g->cells++;
	if (status != 125 || !strstr(said, words) || strstr(said, "ready"))
		note(g, "from %s: must be refused with \"%s\": status %d, %s", state_words[w->host], words, status, said);
}

/* ---- the product ---- */

static const char *with_rec(const struct wish *w)
{
	return w->rec ? " rec" : "";
}

/* What other lines put on a bind: mounts of the sandbox's own, and one that receives. */
static void upon_lines(const struct wish *on, const char *path)
{
	struct wish w = {TMPFS, on->host, PRIVATE, 0, 0, 0}, upon = *on;

	for (w.word = PRIVATE; w.word < STATES; w.word++) {
		char at[96];

		if (refusal(&w, mech, old, keeps))
			continue;
		snprintf(at, sizeof at, "%s/own/%d", path, w.word);
		line("tmpfs=%s %s\n", at, state_words[w.word]);
		/* On the mount itself: there is no directory in it. */
		link_add(group_of(&w), at, NULL, outcome(PRIVATE, w.word, keeps))->dir[0] = '\0';
	}
	upon.kind = UPON;
	if (!refusal(&upon, mech, old, keeps)) {
		char at[96];

		snprintf(at, sizeof at, "%s/own/%d", path, SLAVE);
		upon = (struct wish){UPON, sender->state, SLAVE, 1, 0, 1 + sender->below->state};
		line("bind=%s %s slave rec\n", sender->src, at);
		links_of_source(&upon, at, sender);
	}
}

static void mount_lines(const struct wish *w, const char *path, const struct point *p)
{
	if (w->kind == OVERLAY)
		line("overlay=%s %s %s%s\n", p->src, path, state_words[w->word], with_rec(w));
	else if (w->kind == TMPFS)
		line("bind=%s %s\ntmpfs=%s/own/0 %s%s\n", p->src, path, path, state_words[w->word], with_rec(w));
	else
		line("bind=%s %s %s%s\n", p->src, path, state_words[w->word], with_rec(w));
}

static void mount_cell(const struct wish *w, struct point *p, int refused)
{
	const char *words = refusal(w, mech, old, keeps);
	char path[64];

	if ((words != NULL) != refused)
		return;
	if (refused) {
		sandbox_begin(group_of(w));
		line("root=/run/root\n");
	}
	snprintf(path, sizeof path, "/l%d", nlinks);
	mount_lines(w, path, p);
	if (refused && w->kind == COVERED)
		line("tmpfs=%s/own/0\n", path);
	if (refused && w->kind == UPON)
		line("bind=%s %s/own/%d slave\n", sender->src, path, SLAVE);
	if (refused)
		try_refused(w, words);
	else
		links_of_source(w, path, p);
	if (!refused && w->kind == COVERED)
		upon_lines(w, path);
}

/* All cells of some kinds: first those that are built, in one sandbox, then the others. */
static void mount_cells(unsigned kinds)
{
	static const struct {
		enum kind kind;
		int rec, below;		/* 1 + the state of a mount below the source */
	} rows[] = {
		{BIND, 0, 0}, {BIND, 0, 1 + SHARED},
		{BIND, 1, 0}, {BIND, 1, 1 + PRIVATE}, {BIND, 1, 1 + SLAVE}, {BIND, 1, 1 + SHARED},
		{BIND, 1, 1 + SLAVE_SHARED}, {BIND, 1, 1 + UNBINDABLE},
		{COVERED, 0, 0}, {COVERED, 1, 0}, {COVERED, 1, 1 + SHARED}, {UPON, 0, 0}, {UPON, 1, 0},
		{OVERLAY, 0, 0}, {OVERLAY, 0, 1 + SHARED}, {OVERLAY, 1, 0}, {TMPFS, 0, 0}, {TMPFS, 1, 0},
	};
	struct point *sources[sizeof rows / sizeof *rows][STATES];
	struct wish first = {(enum kind)(kinds & -kinds), PRIVATE, PRIVATE, 0, 0, 0};

	sandbox_begin(group_of(&first));
	line("root=/run/root\n");
	sender = point_make(SHARED, 1 + SHARED);
	for (int refused = 0; refused < 2; refused++) {
		for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
			for (enum state host = PRIVATE; host < STATES && kinds & rows[i].kind; host++) {
				if (!refused)
					sources[i][host] = point_make(host, rows[i].below);
				for (enum state word = PRIVATE; word < STATES; word++) {
					struct wish w = {rows[i].kind, host, word, rows[i].rec, 0, rows[i].below};

					/* Built with what they lie on. */
					if (refused || !(w.kind & (TMPFS | UPON)))
						mount_cell(&w, sources[i][host], refused);
				}
			}
		if (!refused)
			sandbox_run();
	}
	points_drop(0);
}

static void inherited_lines(const struct wish *root, struct point *const p[STATES])
{
	for (enum state host = PRIVATE; host < STATES; host++) {
		struct wish w = {INHERITED, host, root->hand_on ? root->word : PRIVATE, 0, 1, 0};
		char path[8];

		if (refusal(&w, mech, old, keeps))
			continue;
		snprintf(path, sizeof path, "/h%d", host);
		line("bind=%s %s\n", p[host]->src, path);
		links_of_source(&w, path, p[host]);
	}
}

static void root_cell(const struct wish *w, struct point *p, struct point *const binds[STATES])
{
	const char *words = refusal(w, mech, old, keeps);
	struct wish own = {TMPFS, w->host, PRIVATE, 0, 0, 0};

	sandbox_begin(group_of(w));
	if (w->kind == ROOT_TMPFS)
		line("root=tmpfs%s\ndir=/i0\n", with_rec(w));
	else
		line("root=%s%s\n%s", p->src, with_rec(w), w->kind == ROOT_OVERLAY ? "root-mode=overlay\n" : "");
	line("propagation=%s%s\n", state_words[w->word], w->hand_on ? " rec" : "");
	if (words) {
		/* The binds are part of what is refused. */
		line("bind=%s /h0\n", binds[PRIVATE]->src);
		try_refused(w, words);
		return;
	}
	if (w->kind == ROOT_TMPFS)
		link_add(group_of(w), "/", NULL, outcome(PRIVATE, w->word, keeps));
	else
		links_of_source(w, "/", p);
	inherited_lines(w, binds);
	line("tmpfs=/own\ndir=/own/i0\n");
	link_add(group_of(&own), "/own", NULL, outcome(PRIVATE, PRIVATE, keeps));
	sandbox_run();
}

static void root_cells(void)
{
	static const struct {
		enum kind kind;
		int rec, below;
	} rows[] = {
		{ROOT, 0, 0}, {ROOT, 0, 1 + SLAVE}, {ROOT, 1, 0}, {ROOT, 1, 1 + SHARED}, {ROOT, 1, 1 + SLAVE_SHARED},
		{ROOT_OVERLAY, 0, 0}, {ROOT_OVERLAY, 1, 0}, {ROOT_TMPFS, 0, 0}, {ROOT_TMPFS, 1, 0},
	};
	struct point *binds[STATES], *p;

	for (enum state s = PRIVATE; s < STATES; s++)
		binds[s] = point_make(s, 0);
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		for (enum state host = PRIVATE; host < STATES; host++) {
			/* To a root of its own there is no source. */
			if (rows[i].kind == ROOT_TMPFS && host != PRIVATE)
				continue;
			p = point_make(host, rows[i].below);
			for (enum state word = PRIVATE; word < STATES; word++)
				for (int hand_on = 0; hand_on < 2; hand_on++) {
					struct wish w = {rows[i].kind, host, word, rows[i].rec, hand_on, rows[i].below};

					root_cell(&w, p, binds);
				}
			points_drop(STATES);
		}
	points_drop(0);
}

/* ---- all mechanisms, two at a time, each on a host of its own ---- */

static int mechanism_run(const char *hutch)
{
	host_begin(hutch);
	keeps = host_keeps_unbindable();
	mount_cells(BIND);
	mount_cells(COVERED | UPON | TMPFS);
	mount_cells(OVERLAY);
	root_cells();
	/* Some kinds of root have none, and none does on old kernels. */
	if (strstr(mech->keys, "template=") && box_templates < (old ? 0 : 40))
		fail("only %d sandboxes came from a template", box_templates);
	return report();
}

static void mechanism_start(const char *hutch, FILE *to)
{
	int status = 1, pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(fileno(to), 1);
	/* Whatever is left inside goes with its first process. */
	if (unshare(CLONE_NEWPID))
		fail("a PID namespace");
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		status = mechanism_run(hutch);
		fflush(stdout);
		_exit(status);
	}
	waitpid(pid, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 2);
}

static void print_results(FILE *f)
{
	char text[4096];

	rewind(f);
	while (fgets(text, sizeof text, f))
		fputs(text, stdout);
	fclose(f);
}

int main(int argc, char **argv)
{
	FILE *to[MECHANISMS];
	int bad = 0, status, running = 0;

	if (argc == 2 && !strcmp(argv[1], "agent"))
		return agent_serve(0, 1);
	if (argc < 2) {
		fprintf(stderr, "usage: cross HUTCH [old [MECHANISM]]\n");
		return 2;
	}
	if (geteuid()) {
		puts("ok - cross # SKIP needs root, for hosts of its own");
		return 0;
	}
	/* Said, or found out. */
	old = (argc > 2 && !strcmp(argv[2], "old")) || (syscall(NR_mount_setattr, -1, "", 0, NULL, 0) && errno == ENOSYS);
	bad = !oracle_agrees();
	printf("%sok - cross: what must be agrees with the model\n", bad ? "not " : "");
	fflush(stdout);
	for (int i = 0; i < MECHANISMS; i++) {
		to[i] = tmpfile();
		mech = &mechanisms[i];
		if (argc > 3 && atoi(argv[3]) != i)
			continue;
		if (running == 2 && running-- && wait(&status) > 0)
			bad |= status != 0;
		if (!fork())
			mechanism_start(argv[1], to[i]);
		running++;
	}
	while (wait(&status) > 0)
		bad |= status != 0;
	for (int i = 0; i < MECHANISMS; i++)
		print_results(to[i]);
	return bad != 0;
}
