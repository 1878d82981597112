/* A throw-away host: its mounts in each state, and what tables say. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cross.h"

struct point points[POINTS];
int npoints;

void fail(const char *what, ...)
{
	va_list args;

	printf("not ok - cross: ");
	va_start(args, what);
	vprintf(what, args);
	va_end(args);
	printf(": %s\n", strerror(errno));
	fflush(stdout);
	exit(1);
}

static void make_dir(const char *format, ...)
{
	char path[128];
	va_list args;

	va_start(args, format);
	vsnprintf(path, sizeof path, format, args);
	va_end(args);
	if (mkdir(path, 0755) && errno != EEXIST)
		fail("mkdir %s", path);
}

static void copy(const char *from, const char *to)
{
	static char buf[1 << 16];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	ssize_t n;

	if (in < 0 || out < 0)
		fail("copy of %s", from);
	while ((n = read(in, buf, sizeof buf)) > 0)
		if (write(out, buf, (size_t)n) != n)
			fail("copy of %s", from);
	close(in);
	close(out);
}

/* What every root of a sandbox needs. */
static void make_root(const char *at)
{
	char path[128];

	make_dir("%s/proc", at);
	snprintf(path, sizeof path, "%s/agent", at);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
	make_dir("%s/own", at);
	make_dir("%s/none", at);
	for (int i = 0; i < STATES; i++)
		make_dir("%s/h%d", at, i);
}

void host_begin(const char *hutch)
{
	umask(022);
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("proc", "/proc", "proc", 0, NULL) || mount("cross", "/run", "tmpfs", 0, "mode=0755"))
		fail("a host of its own");
	make_dir("/run/root");
	make_root("/run/root");
	for (int i = 0; i < LINKS; i++)
		make_dir("/run/root/l%d", i);
	copy(hutch, "/run/program");
	copy("/proc/self/exe", "/run/agent");
	npoints = 0;
}

static void change(const char *path, unsigned long type)
{
	if (mount(NULL, path, NULL, type, NULL))
		fail("propagation of %s", path);
}

static void point_fill(struct point *p)
{
	char name[32];

	snprintf(name, sizeof name, "ev.w%d", p->id);
	make_dir("/run/p%d", p->id);
	make_dir(p->master);
	if (mount(name, p->master, "tmpfs", 0, "mode=0755,size=1m"))
		fail("mount %s", p->master);
	for (const char *const *d = (const char *const[]){"m", "M", "below", "early", "own", NULL}; *d; d++)
		make_dir("%s/%s", p->master, *d);
	for (int i = 0; i < STATES; i++)
		make_dir("%s/own/%d", p->master, i);
	for (int i = 0; i < DIRS; i++)
		make_dir("%s/i%d", p->master, i);
	make_root(p->master);
	if (p->state == SLAVE || p->state == SLAVE_SHARED)
		change(p->master, MS_SHARED);
}

void point_show(struct point *p)
{
	if (mount(p->master, p->src, NULL, MS_BIND, NULL))
		fail("bind %s", p->src);
	switch (p->state) {
	case SLAVE:
	case SLAVE_SHARED:
		change(p->src, MS_SLAVE);
		if (p->state == SLAVE_SHARED)
			change(p->src, MS_SHARED);
		break;
	case SHARED:
		change(p->src, MS_SHARED);
		break;
	case UNBINDABLE:
		change(p->src, MS_UNBINDABLE);
		break;
	default:
		change(p->src, MS_PRIVATE);
	}
}

static struct point *point_new(enum state s)
{
	struct point *p = &points[npoints];

	if (npoints == POINTS)
		fail("more than %d points", POINTS);
	*p = (struct point){.id = npoints++, .state = s};
	snprintf(p->master, sizeof p->master, "/run/p%d/master", p->id);
	return p;
}

struct point *point_make(enum state s, int below)
{
	struct point *p = point_new(s);
	char early[96], name[32];

	snprintf(p->src, sizeof p->src, "/run/p%d/src", p->id);
	point_fill(p);
	make_dir(p->src);
	point_show(p);
	if (!below)
		return p;
	p->below = point_new((enum state)(below - 1));
	snprintf(p->below->src, sizeof p->below->src, "/run/p%d/src/below", p->id);
	point_fill(p->below);
	point_show(p->below);
	p->early = 1;
	snprintf(early, sizeof early, "/run/p%d/src/early", p->id);
	snprintf(name, sizeof name, "ev.y%d", p->id);
	if (mount(name, early, "tmpfs", 0, "size=4k"))
		fail("mount %s", early);
	return p;
}

void points_drop(int left)
{
	while (npoints > left) {
		umount2(points[--npoints].src, MNT_DETACH);
		umount2(points[npoints].master, MNT_DETACH);
	}
}

int host_keeps_unbindable(void)
{
	int pid = fork(), status = 0;

	if (!pid) {
		if (mount("u", "/run", "tmpfs", 0, NULL) || mkdir("/run/a", 0755) || mount("a", "/run/a", "tmpfs", 0, NULL) ||
		    mount(NULL, "/run/a", NULL, MS_UNBINDABLE, NULL) || unshare(CLONE_NEWNS))
			_exit(2);
		_exit(mount("/run/a", "/run", NULL, MS_BIND, NULL) == 0);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) > 1)
		fail("probe of unbindable");
	/* What it mounted in this namespace. */
	if (umount2("/run", MNT_DETACH))
		fail("umount /run");
	return !WEXITSTATUS(status);
}

/* ---- sets ---- */

void seen_add(struct seen *s, const char *name, const char *at, const char *dir)
{
	int n = (int)strlen(at);
	char item[192];

	if (s->n == (int)(sizeof s->item / sizeof *s->item))
		fail("more mounts than there is room for");
	snprintf(item, sizeof item, "%s %.*s%s%s", name, n > 1 || !*dir ? n : n - 1, at, *dir ? "/" : "", dir);
	s->item[s->n++] = strdup(item);
}

static int seen_find(const struct seen *s, const char *name, const char *at, const char *dir)
{
	struct seen one = {.n = 0};
	int i = s->n;

	seen_add(&one, name, at, dir);
	while (i-- > 0 && strcmp(s->item[i], one.item[0]) != 0)
		;
	free(one.item[0]);
	return i;
}

void seen_del(struct seen *s, const char *name, const char *at, const char *dir)
{
	int i = seen_find(s, name, at, dir);

	if (i < 0)
		return;
	free(s->item[i]);
	s->item[i] = s->item[--s->n];
}

int seen_has(const struct seen *s, const char *name, const char *at)
{
	return seen_find(s, name, at, "") >= 0;
}

void seen_clear(struct seen *s)
{
	while (s->n)
		free(s->item[--s->n]);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void seen_diff(struct seen *want, struct seen *got, void (*tell)(const char *item, int missing))
{
	int i = 0, k = 0;

	qsort(want->item, (size_t)want->n, sizeof *want->item, by_text);
	qsort(got->item, (size_t)got->n, sizeof *got->item, by_text);
	while (i < want->n || k < got->n) {
		int order = i == want->n ? 1 : k == got->n ? -1 : strcmp(want->item[i], got->item[k]);

		if (order)
			tell(order < 0 ? want->item[i] : got->item[k], order < 0);
		i += order <= 0;
		k += order >= 0;
	}
}

/* ---- mount tables ---- */

const char *table_text(int pid)
{
	static char text[1 << 20];
	size_t used = 0;
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/mountinfo", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail("%s", path);
	while ((n = read(fd, text + used, sizeof text - 1 - used)) > 0)
		used += (size_t)n;
	close(fd);
	if (used == sizeof text - 1)
		fail("a table longer than expected");
	text[used] = '\0';
	/* What hutch keeps for its next run is no work of the sandbox. */
	for (char *line = text, *end; (end = strchr(line, '\n'));) {
		char *kept = strstr(line, " /run/hutch/templates");

		if (kept && kept < end)
			memmove(line, end + 1, strlen(end + 1) + 1);
		else
			line = end + 1;
	}
	return text;
}

struct row {
	int id, parent;
	char point[128], source[64];
	enum state state;
};

static struct row rows[2000];
static int nrows;

/* One line of a table; returns where the next one begins, NULL at the end. */
static const char *row_read(struct row *r, const char *text)
{
	const char *end = strchr(text, '\n'), *tail;
	char line[2048];

	if (!end)
		return NULL;
	snprintf(line, sizeof line, "%.*s", (int)(end - text), text);
	tail = strstr(line, " - ");
	if (!tail || sscanf(line, "%d %d %*s %*s %127s", &r->id, &r->parent, r->point) != 3 ||
	    sscanf(tail, " - %*s %63s", r->source) != 1)
		fail("a line of the table: %s", line);
	line[tail - line] = '\0';
	r->state = strstr(line, " unbindable") ? UNBINDABLE : strstr(line, " shared:")
		 ? strstr(line, " master:") ? SLAVE_SHARED : SHARED : strstr(line, " master:") ? SLAVE : PRIVATE;
	return end + 1;
}

void seen_read(int pid, struct seen *to)
{
	const char *at = table_text(pid);

	seen_clear(to);
	for (nrows = 0; (at = row_read(&rows[nrows], at)); nrows++) {
		if (nrows + 1 == (int)(sizeof rows / sizeof *rows))
			fail("a table longer than expected");
		if (!strncmp(rows[nrows].source, "ev.", 3))
			seen_add(to, rows[nrows].source, rows[nrows].point, "");
	}
}

/* Of the mount on top at a place, on which there is no other one; STATES: none. */
enum state seen_state(const char *path)
{
	for (int i = 0; i < nrows; i++) {
		int covered = 0;

		if (strcmp(rows[i].point, path) != 0)
			continue;
		for (int k = 0; k < nrows && !covered; k++)
			covered = k != i && rows[k].parent == rows[i].id && !strcmp(rows[k].point, path);
		if (!covered)
			return rows[i].state;
	}
	return STATES;
}
