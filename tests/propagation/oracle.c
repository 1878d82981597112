/* What must be: mount_namespaces(7) as a table, checked with the model of shared subtrees. */
#include <stdio.h>
#include <string.h>

#include "cross.h"
#include "mounts/model.h"

const char *const state_words[STATES] = {"private", "slave", "shared", "slave+shared", "unbindable"};

const struct mechanism mechanisms[MECHANISMS] = {
	{"pivot", "root-seal=no\n", 0, 0, 0, 0},
	{"pivot, from inside", "root-seal=no\ncaps=sys_admin\n", 1, 0, 0, 0},
	{"sealed, from inside", "root-seal=yes\ncaps=sys_admin\n", 1, 0, 0, 1},
	{"user namespace", "root-seal=no\nns.user=new\n", 0, 1, 0, 0},
	{"sealed in a user namespace, from inside", "root-seal=yes\nns.user=new\ncaps=sys_admin\n", 1, 1, 0, 1},
	{"an ordinary user's", "", 0, 1, 1, 0},
	{"from a template", "root-seal=no\ntemplate=keep\n", 0, 0, 0, 0},
	{"from a template, sealed, from inside", "root-seal=yes\ncaps=sys_admin\ntemplate=keep\n", 1, 0, 0, 1},
};

/* becomes, from the source, from its master, to the source */
static const struct outcome outcomes[][STATES] = {
	[PRIVATE] = {
		[PRIVATE] = {PRIVATE, 0, 0, 0}, [SLAVE] = {PRIVATE, 0, 0, 0}, [SHARED] = {SHARED, 0, 0, 0},
		[SLAVE_SHARED] = {SHARED, 0, 0, 0}, [UNBINDABLE] = {UNBINDABLE, 0, 0, 0},
	},
	[SLAVE] = {
		[PRIVATE] = {PRIVATE, 0, 0, 0}, [SLAVE] = {SLAVE, 0, 1, 0}, [SHARED] = {SLAVE_SHARED, 0, 1, 0},
		[SLAVE_SHARED] = {SLAVE_SHARED, 0, 1, 0}, [UNBINDABLE] = {UNBINDABLE, 0, 0, 0},
	},
	[SHARED] = {
		[PRIVATE] = {PRIVATE, 0, 0, 0}, [SLAVE] = {SLAVE, 1, 0, 0}, [SHARED] = {SHARED, 1, 0, 1},
		[SLAVE_SHARED] = {SLAVE_SHARED, 1, 0, 0}, [UNBINDABLE] = {UNBINDABLE, 0, 0, 0},
	},
	[SLAVE_SHARED] = {
		[PRIVATE] = {PRIVATE, 0, 0, 0}, [SLAVE] = {SLAVE, 1, 1, 0}, [SHARED] = {SLAVE_SHARED, 1, 1, 1},
		[SLAVE_SHARED] = {SLAVE_SHARED, 1, 1, 0}, [UNBINDABLE] = {UNBINDABLE, 0, 0, 0},
	},
};

struct outcome outcome(enum state host, enum state word, int keeps_unbindable)
{
	/* A kernel that loses unbindable in the copy of a namespace has a private source there. */
	return outcomes[host == UNBINDABLE && !keeps_unbindable ? PRIVATE : host][word];
}

enum {
	IN_USER = 1, IS_OLD = 2, IS_UNBINDABLE = 4, HAS_BELOW = 8, BELOW_UNBINDABLE = 16, ANY = -1,
	WORDS = (1 << STATES) - 1, OF_HOST = BIND | COVERED | UPON | INHERITED | ROOT,
};

/* The first that fits. */
static const struct {
	unsigned kinds, words;
	int rec, hand_on;
	unsigned when;		/* all of these */
	const char *says;
} refusals[] = {
	{TMPFS | OVERLAY, WORDS, 1, ANY, 0, "unknown option rec"},
	{ROOT_TMPFS, WORDS, 1, ANY, 0, "unknown option rec"},
	{TMPFS | OVERLAY, 1 << SLAVE, ANY, ANY, 0, "a file system that is made new has nothing to receive from"},
	{ROOT_OVERLAY, WORDS, 1, ANY, 0, "root-mode=overlay lies over one mount"},
	{ROOT_TMPFS | ROOT_OVERLAY, 1 << SLAVE, ANY, 0, 0, "propagation=slave rec is for the binds"},
	{OF_HOST, 1 << SHARED, ANY, ANY, IN_USER, "a mount cannot be shared with the host out of a user namespace"},
	{OF_HOST, 1 << SHARED, ANY, ANY, IS_OLD, "a mount is shared with the host only on Linux 5.12 or newer"},
	/* Its binds are of the host, and shared by rec. */
	{ROOT_TMPFS | ROOT_OVERLAY, 1 << SHARED, ANY, 1, IN_USER, "a mount cannot be shared with the host out of a user namespace"},
	{ROOT_TMPFS | ROOT_OVERLAY, 1 << SHARED, ANY, 1, IS_OLD, "a mount is shared with the host only on Linux 5.12 or newer"},
	{COVERED | UPON, 1 << SHARED, 1, ANY, 0, "would appear on the host, because it is shared: leave rec out"},
	{UPON, 1 << UNBINDABLE, 1, ANY, 0, "unbindable rec would cut off /l0/own/1, which receives: leave rec out"},
	{ROOT, 1 << SHARED, 1, ANY, 0, "a shared root needs Linux 5.15, and no rec"},
	{OF_HOST | ROOT_OVERLAY, WORDS, ANY, ANY, IS_UNBINDABLE, "unbindable"},
	/* An overlay takes what is private by then; with the older calls it still is what it was. */
	{OVERLAY, WORDS, ANY, ANY, IS_UNBINDABLE | IS_OLD, "unbindable"},
	{OF_HOST | OVERLAY | ROOT_OVERLAY, WORDS, 0, ANY, IN_USER | HAS_BELOW, "has mounts below it that a user namespace must not uncover"},
	{OF_HOST, WORDS, 1, ANY, IN_USER | BELOW_UNBINDABLE, "an unbindable mount is locked somewhere below the source"},
};

const char *refusal(const struct wish *w, const struct mechanism *m, int old, int keeps_unbindable)
{
	unsigned is = (m->user ? IN_USER : 0u) | (old ? IS_OLD : 0u) | (w->below ? HAS_BELOW : 0u) |
		      (w->host == UNBINDABLE && keeps_unbindable ? IS_UNBINDABLE : 0u) |
		      (w->below == 1 + UNBINDABLE && keeps_unbindable ? BELOW_UNBINDABLE : 0u);

	for (unsigned i = 0; i < sizeof refusals / sizeof *refusals; i++)
		if (refusals[i].kinds & w->kind && refusals[i].words >> w->word & 1 && (refusals[i].when & is) == refusals[i].when &&
		    (refusals[i].rec < 0 || refusals[i].rec == w->rec) &&
		    (refusals[i].hand_on < 0 || refusals[i].hand_on == w->hand_on))
			return refusals[i].says;
	return NULL;
}

/* ---- the same in the model ---- */

static char memory[4 << 20] __attribute__((aligned(16)));
static struct model model;
static int refused;

/* "in NS" by number: 1 is the host, 2 the sandbox. */
static void does(enum model_rule r)
{
	refused += r != MODEL_OK;
}

static void change(uint32_t ns, const char *path, enum state to)
{
	static const enum model_type types[] = {
		[PRIVATE] = TYPE_PRIVATE, [SLAVE] = TYPE_SLAVE, [SHARED] = TYPE_SHARED, [UNBINDABLE] = TYPE_UNBINDABLE,
	};

	if (to == SLAVE_SHARED)
		does(model_change(&model, ns, path, TYPE_SLAVE, 0));
	does(model_change(&model, ns, path, types[to == SLAVE_SHARED ? SHARED : to], 0));
}

/* By hand: a copy of the namespace, with everything but the bind out of the way. */
static void model_build(enum state host, enum state word, int user)
{
	struct arena a;
	uint32_t made;

	refused = 0;
	arena_init(&a, memory, sizeof memory);
	does(model_init(&model, &a, 1000, 4, "root") ? MODEL_FULL : MODEL_OK);
	does(model_mkdir(&model, 1, "/master"));
	does(model_mkdir(&model, 1, "/src"));
	does(model_mkdir(&model, 1, "/dst"));
	does(model_mount(&model, 1, "files", "/master", &made));
	does(model_mkdir(&model, 1, "/master/m"));
	if (host == SLAVE || host == SLAVE_SHARED)
		change(1, "/master", SHARED);
	does(model_bind(&model, 1, "/master", "/src", 0));
	change(1, "/src", host);
	does(model_clone(&model, 1, "box", user));
	does(model_bind(&model, 2, "/src", "/dst", 0));
	/* A shared mount stays a peer of its source; before, it may have to become shared. */
	change(2, "/dst", word);
	change(2, "/src", PRIVATE);
	change(2, "/master", PRIVATE);
}

static int shows(uint32_t ns, const char *path)
{
	uint32_t mount, node;

	return model_resolve(&model, ns, path, &mount, &node) == MODEL_OK && !strcmp(model.node[node].name, "event");
}

/* Does a mount at one place arrive at the other, and does it go from there with its umount? 2: it stays. */
static unsigned char arrives(uint32_t from, const char *at, uint32_t to, const char *there)
{
	uint32_t made;
	int seen;

	does(model_mount(&model, from, "event", at, &made));
	seen = shows(to, there);
	does(model_umount(&model, from, at, 0));
	return (unsigned char)(shows(to, there) ? 2 : seen);
}

static enum state becomes(uint32_t ns, const char *path)
{
	uint32_t mount, node;

	if (model_resolve(&model, ns, path, &mount, &node) != MODEL_OK)
		return STATES;
	if (model.mount[mount].flags & MOUNT_UNBINDABLE)
		return UNBINDABLE;
	if (model.mount[mount].group)
		return model_master(&model, mount) ? SLAVE_SHARED : SHARED;
	return model_master(&model, mount) ? SLAVE : PRIVATE;
}

int oracle_agrees(void)
{
	int all = 1;

	for (int user = 0; user < 2; user++)
		for (enum state host = PRIVATE; host < UNBINDABLE; host++)
			for (enum state word = PRIVATE; word < STATES; word++) {
				const struct outcome want = outcome(host, word, 1);
				struct outcome is;

				if (user && word == SHARED)
					continue;	/* refused */
				model_build(host, word, user);
				is = (struct outcome){
					becomes(2, "/dst"), arrives(1, "/src/m", 2, "/dst/m"),
					arrives(1, "/master/m", 2, "/dst/m"), arrives(2, "/dst/m", 1, "/src/m"),
				};
				if (!refused && is.becomes == want.becomes && is.from_source == want.from_source &&
				    is.from_master == want.from_master && is.to_source == want.to_source)
					continue;
				printf("# %s, %s%s: the model says %s %d %d %d, %d refused\n", state_words[host], state_words[word],
				       user ? ", user" : "", is.becomes < STATES ? state_words[is.becomes] : "?", is.from_source,
				       is.from_master, is.to_source, refused);
				all = 0;
			}
	return all;
}
