/* What init.conf asks of the machine, done in a process that may hang and fail; see machine_setup. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#include "apply/inside.h"
#include "apply/proc.h"
#include "archive/texts.h"
#include "base/parse.h"
#include "base/text.h"
#include "boot/boot.h"
#include "boot/modules.h"
#include "boot/root.h"
#include "boot/switch.h"
#include "kernel/k.h"

enum { DEVICE_WAIT = 10000 };	/* ms */

struct arena *boot_arena;

/* What is tried now: if it hangs, these are the words. */
static void phase(struct setup_report *to, const char *key, const char *value)
{
	text_format(to->phase, sizeof to->phase, "%s=%.90s", key, value);
}

/* The phase failed. */
static void failed(struct setup_report *to, const struct err *e)
{
	size_t n = strlen(to->text);

	text_format(to->text + n, sizeof to->text - n, "%s%.*s: %s%s%s", n ? "\n" : "",
		    (int)strcspn(to->phase, "="), to->phase, e->text, e->code ? ": " : "",
		    e->code ? error_text(e->code) : "");
}

static void load_modules(const struct machine_conf *m, struct setup_report *to)
{
	struct modules all;
	struct err e;

	if (!m->nmodule)
		return;
	modules_open(&all, boot_arena);
	for (unsigned i = 0; i < m->nmodule; i++) {
		phase(to, "boot.module", m->module[i]);
		if (module_load(&all, m->module[i], &e))
			failed(to, &e);
	}
	modules_close(&all);
}

static void set_sysctls(const struct machine_conf *m, struct setup_report *to)
{
	int sys = m->nsysctl ? k_open(AT_FDCWD, "/proc/sys", O_PATH | O_DIRECTORY, 0) : -1;
	char path[SYSCTL_ROOM];
	struct err e;

	for (unsigned i = 0; i < m->nsysctl; i++) {
		const char *value = parse_sysctl(m->sysctl[i], path);

		phase(to, "boot.sysctl", m->sysctl[i]);
		if (value && proc_write(sys, path, value)) {
			err_set(&e, errno, "%.100s", m->sysctl[i]);
			failed(to, &e);
		}
	}
	k_close(sys);
}

/* The directory with all those above it. */
static int make_place(const char *path)
{
	char part[4096];
	size_t n = 0;

	do {
		n += 1 + strcspn(path + n + 1, "/");
		text_format(part, sizeof part, "%.*s", (int)n, path);
		if (k_mkdir(AT_FDCWD, part, 0755) && errno != EEXIST)
			return -1;
	} while (path[n]);
	return 0;
}

/* As mount= of a profile: read-only, without devices and set-user-id, unless it says otherwise. */
static unsigned long mount_flags(uint32_t said)
{
	return (said & MF_RW ? 0ul : MS_RDONLY) | (said & MF_SUID ? 0ul : MS_NOSUID) |
	       (said & MF_DEV ? 0ul : MS_NODEV) | (said & MF_NOEXEC ? MS_NOEXEC : 0ul);
}

static int bind(const struct machine_mount *m, unsigned long flags, struct err *e)
{
	if (k_mount(m->source, m->target, NULL, MS_BIND | MS_REC, NULL) ||
	    k_mount(NULL, m->target, NULL, MS_BIND | MS_REMOUNT | flags, NULL))
		return err_set(e, errno, "bind %.100s", m->source);
	return 0;
}

static int mount_one(const struct machine_mount *m, struct err *e)
{
	static const unsigned long props[PROP_COUNT] = {
		[PROP_PRIVATE] = MS_PRIVATE, [PROP_SLAVE] = MS_SLAVE, [PROP_SHARED] = MS_SHARED,
		[PROP_UNBINDABLE] = MS_UNBINDABLE, [PROP_SLAVE_SHARED] = MS_SHARED,
	};
	unsigned long flags = mount_flags(m->flags);
	int result;

	/* From before this hutch was executed again. */
	if (is_mounted(m->target))
		return 0;
	if ((m->flags & MF_CREATE) && make_place(m->target))
		return err_set(e, errno, "%.150s", m->target);
	result = !strcmp(m->type, "bind") ? bind(m, flags, e)
		 : !strncmp(m->source, "/dev/", 5)
			 ? mount_device(m->target, m->source, m->type, flags, m->data, DEVICE_WAIT, e)
			 : mount_on(m->target, m->source, m->type, flags, m->data, e);
	if (result)
		return -1;
	/* A master of its own is what slave+shared has beyond shared. */
	if (m->prop == PROP_SLAVE_SHARED)
		k_mount(NULL, m->target, NULL, MS_SLAVE, NULL);
	return m->prop && k_mount(NULL, m->target, NULL, props[m->prop], NULL)
		       ? err_set(e, errno, "propagation of %.150s", m->target) : 0;
}

static void make_mounts(const struct machine_conf *m, struct setup_report *to)
{
	struct err e;

	for (unsigned i = 0; i < m->nmount; i++) {
		phase(to, "boot.mount", m->mount[i].target);
		if (mount_one(&m->mount[i], &e) && !(m->mount[i].flags & MF_OPTIONAL))
			failed(to, &e);
	}
}

static void set_names(const struct machine_conf *m, struct setup_report *to)
{
	struct err e;

	phase(to, "boot.hostname", m->hostname ? m->hostname : "");
	if (m->hostname && k_sethostname(m->hostname)) {
		err_set(&e, errno, "%.64s", m->hostname);
		failed(to, &e);
	}
	phase(to, "boot.lo", "yes");
	if (m->lo && net_up("lo")) {
		err_set(&e, errno, "lo");
		failed(to, &e);
	}
}

void boot_setup(const struct machine_conf *m, struct setup_report *to)
{
	struct err e;

	load_modules(m, to);
	phase(to, "boot.root", m->root.device ? m->root.device : "");
	if (root_prepare(m, to, &e))
		failed(to, &e);
	/* What follows is for whoever is executed there to decide. */
	if (to->init[0])
		return;
	set_names(m, to);
	make_mounts(m, to);
	/* Last: some are there only with a module, an interface or a file system. */
	set_sysctls(m, to);
	to->phase[0] = '\0';
}
