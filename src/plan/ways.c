/* Which way the inside comes to its root, see ways.def. */
#include "plan/parts.h"
#include "plan/wish.h"

#include "archive/texts.h"
#include "base/uapi.h"

static int foreign_user(const struct build *b) { return b->own_user || b->p->ns[NS_USER].how == NS_PATH; }
static int old_calls(const struct build *b) { return !b->plan->new_mounts; }
static int new_root(const struct build *b) { return !b->f->empty_namespace && b->p->root.kind != ROOT_DIR; }
static int wants_scratch(const struct build *b) { return !b->f->empty_namespace && need_scratch(b); }

static int lays_over(const struct build *b)
{
	const struct mount_wish *m = b->p->mounts.first;

	while (m && m->kind != MOUNT_OVERLAY)
		m = m->next;
	return m != NULL;
}

static int always(const struct build *b) { return b != NULL; }
static int never(const struct build *b) { return b == NULL; }
static int can_pivot(const struct build *b) { return b->f->pivot_root != 0; }
static int can_empty(const struct build *b) { return b->f->empty_namespace && !b->plan->bar; }
static int can_tree(const struct build *b) { return b->f->tree_namespace && !b->plan->bar; }

static const struct {
	uint8_t kind;
	int (*test)(const struct build *b);
} ways[] = {
#define WAY(kind, test, words) {SWITCH_##kind, test},
#define BAR(test, words)
#include "plan/ways.def"
#undef WAY
#undef BAR
};

static int (*const bars[])(const struct build *b) = {
#define WAY(kind, test, words)
#define BAR(test, words) test,
#include "plan/ways.def"
#undef WAY
#undef BAR
};

void choose_way(struct build *b)
{
	unsigned i = 0;

	/* Whether a bar is told of depends on what it keeps away. */
	for (unsigned n = sizeof bars / sizeof *bars; (b->f->tree_namespace || b->f->empty_namespace) && i < n; i++)
		if (bars[i](b)) {
			b->plan->bar = (uint8_t)(i + 1);
			break;
		}
	for (i = 0; !ways[i].test(b); i++)
		;
	b->plan->root_switch = ways[i].kind;
}

const char *way_text(enum switch_kind kind)
{
	unsigned i = 0;

	while (ways[i].kind != kind)
		i++;
	return text_of(TEXTS_WAYS, i);
}

const char *bar_text(unsigned bar)
{
	return text_of(TEXTS_BARS, bar - 1);
}
