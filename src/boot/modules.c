/*
 * Modules into the kernel. Compressed ones are the kernel's to unpack (Linux 5.17);
 * gzip hutch knows itself.
 */
#include "boot/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

#include "apply/proc.h"
#include "archive/inflate.h"
#include "base/text.h"
#include "kernel/k.h"

enum { MAX_MODULE = 64 << 20 };

static const char *list_read(struct modules *m, const char *name)
{
	size_t n;
	const char *text = m->dir < 0 ? NULL : proc_read(m->dir, name, m->dep.arena, &n);

	return text ? text : "";
}

/* What the kernel's answer means where it is about a module; NULL: what it says. */
static const char *cause(int code)
{
	switch (code) {
	case ENOEXEC: return PACKED("it is not made for this kernel");
	case ENOENT: return PACKED("it needs something that this kernel does not have, see the kernel's log");
	case ENODEV: return PACKED("its device is not there");
	case ENOSYS: return PACKED("this kernel loads no modules");
	case EINVAL: return PACKED("it is not taken, or one of its options is not: see the kernel's log");
	case EBADMSG: return PACKED("the file is damaged");
	default: return NULL;
	}
}

static long source(void *fd, void *to, unsigned long n)
{
	return k_read(*(int *)fd, to, n);
}

/* A gzip file on a kernel that does not unpack by itself. */
static int insert_unpacked(struct modules *m, int fd, const char *options)
{
	struct inflate *z = arena_room(m->dep.arena, sizeof *z);
	char *image = z ? k_memory(MAX_MODULE, 0) : NULL;
	size_t used = 0;
	int result = -1;
	long n = 0;

	errno = ENOMEM;
	if (!image)
		return -1;
	inflate_init(z, source, &fd);
	while (used < MAX_MODULE && (n = inflate_read(z, image + used, MAX_MODULE - used)) > 0)
		used += (size_t)n;
	errno = n ? EBADMSG : 0;
	if (!n)
		result = k_init_module(image, used, options);
	n = errno;
	k_forget(image, MAX_MODULE);
	errno = (int)n;
	return result;
}

static int insert(void *ctx, const char *path, size_t n, const char *options, struct err *e)
{
	struct modules *m = ctx;
	char name[128];
	const char *end, *why;
	int fd, result;

	text_format(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), path);
	end = strrchr(name, '.');
	end = end && strcmp(end, ".ko") != 0 ? end : NULL;
	fd = k_open(m->dir, name, O_RDONLY, 0);
	if (fd < 0)
		return err_set(e, errno, "%.64s/%.120s", m->directory, name);
	result = k_finit_module(fd, options, end ? MODULE_INIT_COMPRESSED_FILE_ : 0);
	/* It does not know the flag, or was made without. */
	if (result && end && (errno == EINVAL || errno == EOPNOTSUPP)) {
		if (strcmp(end, ".gz") != 0) {
			k_close(fd);
			return err_set(e, 0, "module %.110s: this kernel does not unpack %.8s, store it unpacked", name, end);
		}
		result = insert_unpacked(m, fd, options);
	}
	k_close(fd);
	if (!result || (errno == EEXIST && !*options))
		return 0;
	why = errno == EEXIST ? PACKED("it is loaded already, its options come too late") : cause(errno);
	return err_set(e, why ? 0 : errno, "module %.100s%s%s", name, why ? ": " : "", why ? why : "");
}

void modules_open(struct modules *m, struct arena *a)
{
	struct utsname u = {.release = ""};

	*m = (struct modules){.dir = -1};
	k_uname(&u);
	for (int i = 0; i < 2 && m->dir < 0; i++) {
		text_format(m->directory, sizeof m->directory, "%s/lib/modules/%.64s", i ? "/usr" : "", u.release);
		m->dir = k_open(AT_FDCWD, m->directory, O_PATH | O_DIRECTORY, 0);
	}
	if (moddep_init(&m->dep, a, insert, m))
		return;
	m->dep.dep = list_read(m, "modules.dep");
	m->dep.builtin = list_read(m, "modules.builtin");
	m->dep.softdep = list_read(m, "modules.softdep");
	m->dep.alias = list_read(m, "modules.alias");
}

void modules_close(struct modules *m)
{
	k_drop(&m->dir);
}

/* Loaded, or part of the kernel: then it may be in none of the lists. */
static int in_kernel(const char *name)
{
	char path[96];
	struct k_stat st;

	text_format(path, sizeof path, "/sys/module/%.64s", name);
	for (char *c = path; *c; c++)
		if (*c == '-')
			*c = '_';
	return !k_stat(AT_FDCWD, path, 0, 0, &st);
}

int module_load(struct modules *m, const char *line, struct err *e)
{
	size_t n = strcspn(line, " ");
	char *name = m->dep.done ? arena_text(m->dep.arena, line, n) : NULL;
	int result;

	if (!name)
		return err_set(e, ENOMEM, "modules");
	result = moddep_load(&m->dep, name, line + n + strspn(line + n, " "), e);
	if (result <= 0 || in_kernel(name))
		return result < 0 ? -1 : 0;
	return err_set(e, 0, "module %.64s: %s %.90s", name, m->dir < 0 ? "there is no" : "it is not in",
		       m->directory);
}
