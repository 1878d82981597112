/* hutch ipc: who shares which IPC objects, and what may go. */
#include <errno.h>
#include <string.h>

#include "apply/objects.h"
#include "apply/process.h"
#include "apply/registry.h"
#include "archive/texts.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"
#include "kernel/k.h"

enum { NAMES = 1024, KEPT_NAME = 68 };

/* Running sandboxes, to call members and makers by name. */
static struct box_name {
	int pid;
	uint64_t pids;			/* its PID namespace */
	char name[KEPT_NAME];
} *boxes;
static unsigned nboxes;

/* The words of the command line, or all groups. */
static char (*names)[KEPT_NAME];
static unsigned nnames;

static struct shown {
	int json, clean, objects, kind;
	int64_t now;
	uint64_t host_pids;
} view;

static void add_box(void *ctx, const char *name, int pid)
{
	(void)ctx;
	if (nboxes == NAMES)
		return;
	boxes[nboxes] = (struct box_name){.pid = pid, .pids = process_ns(pid, "pid")};
	text_format(boxes[nboxes++].name, KEPT_NAME, "%s", name);
}

static void add_group(void *ctx, const char *name, int dir)
{
	unsigned i = nnames;

	(void)ctx;
	(void)dir;
	if (nnames == NAMES)
		return;
	for (nnames++; i && strcmp(names[i - 1], name) > 0; i--)
		memcpy(names[i], names[i - 1], KEPT_NAME);
	text_format(names[i], KEPT_NAME, "%s", name);
}

/* The sandbox that a process is, or is in by its PID namespace; NULL: none that is known. */
static const char *box_of(int64_t pid, int inside)
{
	uint64_t ino = inside ? process_ns((int)pid, "pid") : 0;

	if (ino == view.host_pids)
		ino = 0;
	for (unsigned i = 0; i < nboxes; i++)
		if (boxes[i].pid == pid || (ino && boxes[i].pids == ino))
			return boxes[i].name;
	return NULL;
}

/* What people see of each kind, in this order; JSON has all that is known. */
static const struct {
	const char *name;
	uint8_t column[7];		/* ended by 0, which is the key, or by the room */
} kinds[OBJECT_KINDS] = {
	[OBJECT_QUEUE] = {"queue", {SYSV_id, SYSV_mode, SYSV_creator_uid, SYSV_bytes, SYSV_messages, SYSV_sender, SYSV_receiver}},
	[OBJECT_SEMAPHORES] = {"semaphores", {SYSV_id, SYSV_mode, SYSV_creator_uid, SYSV_semaphores, SYSV_last_pid}},
	[OBJECT_SEGMENT] = {"segment", {SYSV_id, SYSV_mode, SYSV_creator_uid, SYSV_bytes, SYSV_attached, SYSV_creator_pid, SYSV_last_pid}},
	[OBJECT_POSIX_QUEUE] = {"posix-queue", {SYSV_mode, SYSV_uid, SYSV_bytes, SYSV_messages}},
	[OBJECT_SHM_FILE] = {"shm-file", {SYSV_mode, SYSV_uid, SYSV_bytes}},
	[OBJECT_SHM] = {"shm", {SYSV_bytes, SYSV_room}},
};

static const char *const fates[FATES] = {
	[FATE_REMOVED] = "nobody uses it", [FATE_UNKNOWN] = "nobody is known to have used it yet",
	[FATE_USED] = "it is in use", [FATE_ODD] = "no plain file",
};

static int is_pid(int field)
{
	return field == SYSV_creator_pid || field == SYSV_last_pid || field == SYSV_sender || field == SYSV_receiver;
}

/* Why an object went or stayed. */
static void reason(const struct object *o, char to[128])
{
	const char *box = o->fate == FATE_USED && o->user ? box_of(o->user, 1) : NULL;

	if (o->fate == FATE_FAILED)
		text_format(to, 128, "%s", error_text(o->user));
	else if (o->fate == FATE_USED && o->user)
		text_format(to, 128, "process %d%s%s uses it", o->user, box ? " of " : "", box ? box : "");
	else
		text_format(to, 128, "%s", fates[o->fate]);
}

static void put_number(const char *name, int64_t value)
{
	out_printf(&cli_out, ",\"%s\":%lld", name, (long long)value);
}

static void print_json(const struct object *o)
{
	char why[128];
	const char *box;

	out_printf(&cli_out, "%s{\"kind\":\"%s\"", view.objects ? ",\n" : "\n", kinds[o->kind].name);
	if (*o->name) {
		out_put(&cli_out, ",\"name\":");
		out_json(&cli_out, o->name);
	}
	for (int f = 0; f < SYSV_FIELDS; f++) {
		if (!(o->is.has & 1u << f))
			continue;
		put_number(sysv_names[f], o->is.value[f]);
		if (f == SYSV_creator_pid && (box = box_of(o->is.value[f], 1)))
			out_printf(&cli_out, ",\"creator\":\"%s\"", box);
	}
	if (o->fate != FATE_LISTED) {
		reason(o, why);
		out_printf(&cli_out, ",\"removed\":%s,\"why\":", o->fate == FATE_REMOVED ? "true" : "false");
		out_json(&cli_out, why);
	}
	out_put(&cli_out, "}");
}

/* When somebody last did something with it. */
static void put_age(const struct object *o)
{
	int64_t last = 0;
	char text[24];

	for (int f = SYSV_attached_at; f <= SYSV_changed_at; f++)
		if (o->is.has & 1u << f && o->is.value[f] > last)
			last = o->is.value[f];
	if (!last)
		return;
	text_format(text, sizeof text, "%llu", (unsigned long long)(view.now > last ? view.now - last : 0));
	cli_age(text, text);
	out_printf(&cli_out, " %s ago", text);
}

static int column(const struct object *o, unsigned i)
{
	int f = i < sizeof kinds->column ? kinds[o->kind].column[i] : 0;

	return f && o->is.has & 1u << f ? f : -1;
}

/* The head of its kind, when it is the first of it. */
static void print_head(const struct object *o)
{
	int f;

	if (view.kind == o->kind)
		return;
	view.kind = o->kind;
	out_printf(&cli_out, "  %-12s %-12s", kinds[o->kind].name, *o->name || o->kind == OBJECT_SHM ? "" : "key");
	for (unsigned i = 0; (f = column(o, i)) >= 0; i++)
		out_printf(&cli_out, " %11s", sysv_names[f]);
	out_put(&cli_out, "\n");
}

static void print_text(struct object *o)
{
	const char *box;
	char why[128];
	int f;

	print_head(o);
	text_plain(o->name, strlen(o->name));
	out_printf(&cli_out, "  %-12s ", o->fate == FATE_LISTED ? "" : o->fate == FATE_REMOVED ? "removed" : "left");
	if (o->is.has & 1u << SYSV_key)
		out_printf(&cli_out, "0x%08x  ", (unsigned)o->is.value[SYSV_key]);
	else
		out_printf(&cli_out, "%-12s", o->name);
	for (unsigned i = 0; (f = column(o, i)) >= 0; i++)
		out_printf(&cli_out, f == SYSV_mode ? "        %04lld" : " %11lld", (long long)o->is.value[f]);
	put_age(o);
	for (unsigned i = 0; (f = column(o, i)) >= 0; i++)
		if (is_pid(f) && (box = box_of(o->is.value[f], 1)))
			out_printf(&cli_out, ", %s %s", sysv_names[f], box);
	if (o->fate != FATE_LISTED && o->kind != OBJECT_SHM) {
		reason(o, why);
		out_printf(&cli_out, ": %s", why);
	}
	out_put(&cli_out, "\n");
}

static void print_members(const struct group_member *m, int n)
{
	for (int i = 0; i < n; i++) {
		const char *box = box_of(m[i].pid, 0);
		int ipc = !!(m[i].parts & GROUP_IPC), shm = !!(m[i].parts & GROUP_SHM);

		if (view.json) {
			out_printf(&cli_out, "%s{\"name\":", i ? "," : "");
			if (box)
				out_json(&cli_out, box);
			else
				out_put(&cli_out, "null");
			out_printf(&cli_out, ",\"pid\":%d,\"ipc\":%s,\"shm\":%s}", m[i].pid, ipc ? "true" : "false",
				   shm ? "true" : "false");
		} else {
			out_printf(&cli_out, "  member       %-12s %11d %s%s\n", box ? box : "-", m[i].pid,
				   ipc ? " ipc" : "", shm ? " shm" : "");
		}
	}
}

static int print_objects(int ns, int shm)
{
	struct err e = {.step = -1};
	struct objects all;
	struct object o;
	int more;

	view.objects = 0;
	view.kind = -1;
	if (objects_begin(&all, ns, shm, view.clean, &cli_arena)) {
		cli_failed("looking into the namespace", errno);
		return -1;
	}
	for (; (more = objects_next(&all, &o, &e)) > 0; view.objects++) {
		if (view.json)
			print_json(&o);
		else
			print_text(&o);
		cli_flush(1);
	}
	if (more)
		cli_failed(e.text, e.code);
	return more;
}

/* The members of a group, or a sandbox by its name as the only one. */
static int find(const char *name, struct group_member *m, int *group)
{
	int n = registry_members(name, m);

	*group = n > 0;
	if (n < 0 && errno == ENOENT)
		n = 0;
	for (unsigned i = 0; !n && i < nboxes; i++)
		if (!strcmp(boxes[i].name, name) && !process_start(boxes[i].pid, &m->start)) {
			m->pid = boxes[i].pid;
			m->parts = GROUP_IPC | GROUP_SHM;
			n = 1;
		}
	if (n < 0)
		cli_failed(name, errno);
	else if (!n)
		cli_error("no group and no sandbox named %s is there", name);
	return n;
}

static int is_own(uint64_t ino)
{
	return ino && process_ns(k_getpid(), "ipc") == ino;
}

static int print_one(const char *name, int first)
{
	struct group_member m[GROUP_MEMBERS];
	int group, ns = -1, shm = -1, n = find(name, m, &group), failed;
	struct k_stat st = {0};

	if (n <= 0)
		return -1;
	/* A single sandbox need not have a /dev/shm of its own. */
	if (registry_borrow(m, n, GROUP_IPC, &ns) || (registry_borrow(m, n, GROUP_SHM, &shm) && group) ||
	    (ns >= 0 && k_fstat(ns, STATX_INO_, &st))) {
		cli_failed(name, errno);
		k_close(ns);
		return -1;
	}
	if (is_own(st.ino)) {
		cli_error("%s has the IPC namespace of the host", name);
		k_close(ns);
		k_close(shm);
		return -1;
	}
	if (view.json)
		out_printf(&cli_out, "%s{\"%s\":\"%s\",\"namespace\":", first ? "" : ",\n", group ? "group" : "sandbox", name);
	if (view.json)
		out_printf(&cli_out, ns < 0 ? "null,\"members\":[" : "%llu,\"members\":[", (unsigned long long)st.ino);
	else
		out_printf(&cli_out, "%s %s\n", group ? "group" : "sandbox", name);
	print_members(m, n);
	if (view.json)
		out_put(&cli_out, "],\"objects\":[");
	failed = print_objects(ns, shm);
	if (view.json)
		out_put(&cli_out, "]}");
	cli_flush(1);
	return failed;
}

int command_ipc(int argc, char **argv)
{
	static const char *const options[] = {"--json", "--clean", NULL};
	int i = 1, option, status = 0;
	const char *value;

	while ((option = cli_option(argc, argv, &i, options, &value)) >= 0)
		*(option ? &view.clean : &view.json) = 1;
	for (int k = i; k < argc; k++)
		option = name_ok(argv[k]) ? option : -2;
	if (option == -2 || (view.clean && i == argc))
		return cli_usage("ipc");
	boxes = arena_room(&cli_arena, NAMES * sizeof *boxes);
	names = arena_room(&cli_arena, NAMES * sizeof *names);
	view.host_pids = process_ns(k_getpid(), "pid");
	view.now = k_time();
	box_each(add_box, NULL);
	for (; i < argc; i++)
		if (nnames < NAMES)
			text_format(names[nnames++], KEPT_NAME, "%s", argv[i]);
	if (!nnames)
		registry_groups(add_group, NULL);
	if (view.json)
		out_put(&cli_out, "[");
	for (unsigned k = 0; k < nnames; k++)
		if (print_one(names[k], !k))
			status = EXIT_HUTCH;
	if (view.json)
		out_put(&cli_out, "]\n");
	cli_flush(1);
	return status;
}
