/* Hidden mounts, see hidden.h. */
#include "apply/hidden.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

#include "apply/proc.h"
#include "kernel/k.h"
#include "mounts/table.h"

const char *hidden_detach(int proc, struct arena *a)
{
	size_t mark = a->used, length;
	char *text = proc_read(proc, "self/mountinfo", a, &length);
	const char *stays = NULL;
	struct mounts now;
	struct err e;

	if (!text || mounts_parse(&now, text, length, a, &e)) {
		errno = text ? EINVAL : errno;
		return "mountinfo";
	}
	for (unsigned i = now.n; i-- > 0 && !stays;) {
		const struct mount *m = &now.mount[i], *on = mounts_by_id(&now, m->parent);

		/* The initramfs is its own parent, up to Linux 6.x. */
		if (!on || on->id != on->parent || m == on || !strcmp(m->point, "/"))
			continue;
		/* In a user namespace they are locked: as good as gone for the payload. */
		if (k_umount(m->point, MNT_DETACH | UMOUNT_NOFOLLOW) && errno != EINVAL && errno != ENOENT)
			stays = m->point;
	}
	a->used = mark;
	return stays;
}
