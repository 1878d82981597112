/* Mount points out of a stream, see points.h. */
#include "mounts/points.h"

#include "mounts/table.h"

void points_take(struct points *p, const char *text, size_t n,
		 void (*seen)(void *ctx, const char *point), void *ctx)
{
	enum { POINT = 4 };	/* proc_pid_mountinfo(5): (5) mount point */

	for (; n; n--, text++) {
		if (*text != ' ' && *text != '\n') {
			if (p->field == POINT && p->used < sizeof p->point)
				p->point[p->used++] = *text;
			continue;
		}
		if (p->field == POINT && p->used < sizeof p->point) {
			p->point[p->used] = '\0';
			mounts_unescape(p->point);
			seen(ctx, p->point);
		}
		p->used = 0;
		p->field = *text == '\n' ? 0 : p->field + 1;
	}
}
