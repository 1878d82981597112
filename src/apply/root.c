/* The new root: what it is made of, how it becomes the root, how it is sealed. */
#include "apply/root.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "apply/channel.h"
#include "apply/hidden.h"
#include "apply/loop.h"
#include "apply/path.h"
#include "apply/proc.h"
#include "apply/trees.h"
#include "apply/unpack.h"
#include "apply/userns.h"
#include "base/text.h"
#include "kernel/k.h"

/*
 * What is mounted on a namespace's first mount is piled up, where paths that start there do not see it: the way
 * up does (path_resolution(7): ".." at the root stays, but enters what is mounted there). Without a namespace
 * that was entered, the first one is our own root.
 */
static int pile_up(struct walk *w)
{
	return w->base < 0 ? k_chdir("/") : k_fchdir(w->base);
}

static int open_top(struct walk *w, int slot)
{
	int fd = k_open(AT_FDCWD, "..", O_PATH | O_DIRECTORY, 0);

	if (fd < 0)
		return step_error(w);
	w->fd[slot] = fd;
	return fd;
}

int namespace_enter(int ns, unsigned unshared)
{
	int host = k_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0), top = -1;

	if (host < 0 || (ns >= 0 && k_setns(ns, CLONE_NEWNS_)) || (unshared && k_unshare(unshared)))
		goto out;
	top = k_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	if (top >= 0 && (k_fchdir(host) || k_chroot(".")))
		k_drop(&top);
out:
	k_close(host);
	return top;
}

static int root_is(struct walk *w, int slot)
{
	w->root = w->fd[slot];
	w->piled++;
	return 0;
}

int do_SCRATCH(struct walk *w, const struct step *s)
{
	if (pile_up(w) || k_mount("scratch", ".", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return step_error(w);
	w->scratch = open_top(w, (int)s->op[0].n);
	if (w->scratch < 0)
		return -1;
	w->piled++;
	return 0;
}

int do_ROOT_TREE(struct walk *w, const struct step *s)
{
	int fd = w->fd[s->op[1].n];

	if (pile_up(w) || k_move_mount(fd, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH_))
		return step_error(w);
	/* The descriptor of the copy is that of the mount, wherever it is. */
	w->fd[s->op[0].n] = fd;
	w->fd[s->op[1].n] = -1;
	return root_is(w, (int)s->op[0].n);
}

/* After a switch, "/" is the sandbox's root: open it under its own name. */
static int open_root(struct walk *w, int slot)
{
	if (k_chdir("/"))
		return step_failed(w, "/");
	w->root = k_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	if (w->root < 0)
		return step_failed(w, "/");
	w->fd[slot] = w->root;
	return 0;
}

int do_NS_EMPTY(struct walk *w, const struct step *s)
{
	(void)s;
	w->base = namespace_enter(-1, CLONE_NEWNS_ | UNSHARE_EMPTY_MNTNS_);
	return step_done(w, w->base < 0);
}

int do_ROOT_NAMESPACE(struct walk *w, const struct step *s)
{
	int *tree = &w->fd[s->op[1].n];
	int ns = k_open_tree(*tree, "", AT_EMPTY_PATH | AT_RECURSIVE_ | OPEN_TREE_NAMESPACE_);

	if (ns < 0)
		return step_error(w);
	k_drop(tree);
	/* What lies topmost in it is the copy. */
	w->root = w->fd[s->op[0].n] = namespace_enter(ns, 0);
	return step_close(w, ns, w->root < 0);
}

int do_ROOT_MOVE(struct walk *w, const struct step *s)
{
	char from[32];

	fd_path(from, w->fd[s->op[1].n]);
	if (pile_up(w) || k_mount(from, ".", NULL, MS_MOVE, NULL))
		return step_error(w);
	if (open_top(w, (int)s->op[0].n) < 0)
		return -1;
	return root_is(w, (int)s->op[0].n);
}

int do_ROOT_TMPFS(struct walk *w, const struct step *s)
{
	if (pile_up(w) || k_mount("root", ".", "tmpfs", MS_NOSUID | MS_NODEV, s->op[1].s))
		return step_error(w);
	if (open_top(w, (int)s->op[0].n) < 0)
		return -1;
	return root_is(w, (int)s->op[0].n);
}

int do_ROOT_CPIO(struct walk *w, const struct step *s)
{
	int fd = k_open(AT_FDCWD, s->op[1].s, O_RDONLY, 0), result;

	if (fd < 0)
		return step_error(w);
	result = unpack(w, fd);
	k_close(fd);
	return result;
}

int do_LOOP_ATTACH(struct walk *w, const struct step *s)
{
	int fd = loop_attach(w, s->op[1].s);

	if (fd < 0)
		return -1;
	w->fd[s->op[0].n] = fd;
	return 0;
}

int do_ROOT_IMAGE(struct walk *w, const struct step *s)
{
	int loop = w->fd[s->op[1].n];
	const char *type = s->op[2].s ? s->op[2].s : image_type(loop);
	char device[32];

	if (!type)
		return step_failed_code(w, 0, PACKED("no squashfs, erofs, ext4 or iso9660 image: say which type it is"));
	fd_path(device, loop);
	if (pile_up(w) || k_mount(device, ".", type, attrs_to_flags((uint32_t)s->op[3].n), NULL))
		return step_failed(w, type);
	if (open_top(w, (int)s->op[0].n) < 0)
		return -1;
	return root_is(w, (int)s->op[0].n);
}

int overlay_layers(struct walk *w, int scratch, uint64_t size, int *upper, int *work)
{
	char name[32], path[32], data[64] = "mode=0755";
	int dir, top;

	text_format(name, sizeof name, "over%u", w->at);
	if (k_mkdir(scratch, name, 0700))
		return step_failed(w, "scratch");
	dir = k_open(scratch, name, O_PATH | O_DIRECTORY, 0);
	if (dir < 0)
		return step_failed(w, "scratch");
	fd_path(path, dir);
	if (size)
		text_format(data, sizeof data, "mode=0755,size=%llu", (unsigned long long)size);
	if (k_mount("overlay", path, "tmpfs", MS_NOSUID | MS_NODEV, data))
		return step_failed(w, "layer");
	top = k_open(scratch, name, O_PATH | O_DIRECTORY, 0);
	k_close(dir);
	if (top < 0 || k_mkdir(top, "upper", 0755) || k_mkdir(top, "work", 0755))
		return step_failed(w, "layer");
	*upper = k_open(top, "upper", O_PATH | O_DIRECTORY, 0);
	*work = k_open(top, "work", O_PATH | O_DIRECTORY, 0);
	k_close(top);
	return *upper < 0 || *work < 0 ? step_failed(w, "layer") : 0;
}

int do_ROOT_OVERLAY(struct walk *w, const struct step *s)
{
	char data[160];
	int upper = -1, work = -1;

	if (overlay_layers(w, w->scratch, w->plan->profile->root.size, &upper, &work))
		return -1;
	/* Layers by descriptor: a path could hold the comma and colon that end a word. */
	text_format(data, sizeof data,
		 "lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d",
		 w->fd[s->op[1].n], upper, work);
	if (pile_up(w) || k_mount("overlay", ".", "overlay", attrs_to_flags((uint32_t)s->op[2].n), data))
		return step_error(w);
	k_close(upper);
	k_close(work);
	if (open_top(w, (int)s->op[0].n) < 0)
		return -1;
	return root_is(w, (int)s->op[0].n);
}

/*
 * pivot_root(2), "pivot_root(".", ".")": the old root lies over the new one, and the pile came along, the scratch and
 * the layers below the new root: from the top, each umount takes one, and the last one is the old root itself.
 */
static int pivot(struct walk *w, unsigned piled)
{
	if (k_fchdir(w->root) || k_pivot_root(".", "."))
		return step_error(w);
	for (unsigned i = 0; i < piled; i++)
		if (k_umount(".", MNT_DETACH))
			return step_failed(w, PACKED("the old root"));
	return 0;
}

int do_ROOT_PIVOT(struct walk *w, const struct step *s)
{
	return pivot(w, w->piled) ? -1 : open_root(w, (int)s->op[0].n);
}

int do_ROOT_SWITCH(struct walk *w, const struct step *s)
{
	const char *stays = s->op[1].n ? NULL : hidden_detach(w->proc, w->arena);

	if (stays)
		return step_failed(w, stays);
	/* The kernel's own mount below a scratch is none to pivot from, the scratch is. */
	if (s->op[1].n && w->piled > 1 && (k_fchdir(w->scratch) || k_chroot(".") || pivot(w, w->piled - 1)))
		return step_error(w);
	if (k_fchdir(w->root) || k_chroot("."))
		return step_error(w);
	return open_root(w, (int)s->op[0].n);
}

int do_SEAL(struct walk *w, const struct step *s)
{
	int fd = userns_sealed_mounts(w), result = 0;

	if (fd < 0)
		return -1;
	/* setns makes the root of that namespace, and what lies over it, our root; the
	 * copy that unshare makes is ours to mount in, but its mounts stay locked. */
	if (k_setns(fd, CLONE_NEWNS_) || k_unshare(CLONE_NEWNS_))
		result = step_error(w);
	k_close(fd);
	path_unanchor(w, "/");	/* they are of the namespace that was left */
	return result ? result : open_root(w, (int)s->op[0].n);
}

int do_ROOT_ENTER(struct walk *w, const struct step *s)
{
	w->root = w->fd[s->op[0].n];
	if (w->at && s[-1].kind == STEP_TEMPLATE_ENTER)
		return 0;
	/* A launch from a template has staged its files over the root. */
	if (w->plan->part == PART_LAUNCH && w->scratch >= 0 && (k_fchdir(w->scratch) || k_umount(".", MNT_DETACH)))
		return step_failed(w, PACKED("the scratch"));
	return k_fchdir(w->root) || k_chroot(".") ? step_failed(w, "") : 0;
}

/* setns makes the template's root ours, unshare the copy's. */
int do_TEMPLATE_ENTER(struct walk *w, const struct step *s)
{
	/* Where nothing more is looked for on the host, there is no way back to it. */
	if (s[1].kind == STEP_ROOT_ENTER)
		w->root = k_setns(w->template, CLONE_NEWNS_) || k_unshare(CLONE_NEWNS_)
			? -1 : k_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
	else
		w->root = namespace_enter(w->template, CLONE_NEWNS_);
	w->base = w->fd[s->op[0].n] = w->root;
	return step_done(w, w->root < 0);
}

int do_TEMPLATE_GIVE(struct walk *w, const struct step *s)
{
	int fd = k_open(w->proc, "self/ns/mnt", O_RDONLY, 0);

	(void)s;
	return step_close(w, fd, fd < 0 || channel_send(w, REC_TEMPLATE, 0, 0, "", fd));
}
