/*
 * A model of shared subtrees: mount namespaces, their mounts, peer groups and masters, and
 * what each operation makes of them, or why the kernel refuses it. Pure: all of it is arrays in
 * the caller's arena, linked by indices; 0 is none. An operation is done whole or not at all.
 *
 * The rules are those of Documentation/filesystems/sharedsubtree.rst and propagate_umount.txt;
 * where kernels differ, model_facts.def says so.
 */
#ifndef HUTCH_MOUNTS_MODEL_H
#define HUTCH_MOUNTS_MODEL_H

#include <stdint.h>

#include "base/arena.h"

/* Outcomes of operations. */
enum model_rule {
	MODEL_OK,
#define RULE(id, code, words) MODEL_##id,
#include "mounts/rules.def"
#undef RULE
	MODEL_FULL,	/* the model itself has no more room */
	MODEL_RULES
};

/* The errno of a rule; 0: the kernel does it, -1: MODEL_FULL. */
int model_errno(enum model_rule r);

struct model_facts {
#define MODEL_FACT(id, word, yes, help, script) uint8_t id;
#include "mounts/model_facts.def"
#undef MODEL_FACT
};
extern const struct model_facts model_newest;
enum { MODEL_FACTS = sizeof(struct model_facts) };

/* A directory of a superblock. */
struct model_node {
	uint32_t up, top, hashed;	/* its parent, the superblock's root, next in the hash */
	const char *name;		/* a root: that of the superblock */
};

enum {
	MOUNT_LOCKED = 1, MOUNT_UNBINDABLE = 2,
	/* Only within an operation. */
	MOUNT_GOING = 4, MOUNT_CANDIDATE = 8, MOUNT_SEEN = 16,
};

struct model_mount {
	uint32_t parent, point, root;	/* below it, the node that it is on, the node that it shows */
	uint32_t child, hashed;		/* first mount on it, next in the hash */
	uint32_t group, master;		/* its peer group; without one, the group it is a slave of */
	uint16_t ns;			/* 0: in none yet */
	uint8_t flags;
};

struct model_group {
	uint32_t master;		/* 0, or the group that its members are slaves of */
	uint32_t members, slaves, groups;	/* mounts in it, mounts and groups that follow it */
	uint32_t from, label;		/* within an operation, and for whoever reads the model */
};

struct model_ns {
	const char *name;
	uint32_t base, root;	/* first mount; the mount that / shows. 0: the namespace is gone */
	uint32_t user;		/* its user namespace */
	uint32_t mounts, coming;
};

struct model_link {
	uint32_t next, prev;
};

struct model {
	struct model_facts facts;
	struct model_mount *mount;
	struct model_link *brother, *peer;	/* of a mount: on one parent; in a group or of a master */
	struct model_group *group;
	struct model_link *cousin;	/* of a group: of the same master */
	struct model_node *node;
	struct model_ns *ns;
	uint32_t *place, *name;		/* hash tables of mounts and nodes */
	uint32_t *queue, *receiver, *victim;	/* within an operation */
	uint32_t mounts, groups, nodes, namespaces;	/* how many there were at most */
	uint32_t max_mounts, max_groups, max_nodes, max_namespaces;
	uint32_t free_mount, free_group, spare_mounts, spare_groups;
	uint32_t mask;			/* of the hash tables */
	uint32_t limit;			/* fs.mount-max: mounts in one namespace */
	uint32_t users;
	uint32_t unsure;		/* what the last operation did depends on the order of an older kernel's lists */
	struct arena *arena;		/* names live there */
};

/*
 * An empty model with the first namespace, whose / is a tmpfs of that name on a mount that
 * nobody sees. -1: the arena has no room for so many mounts and namespaces.
 */
int model_init(struct model *m, struct arena *a, uint32_t mounts, uint32_t namespaces, const char *root);

/* The namespace of that name, or 0. */
uint32_t model_find_ns(const struct model *m, const char *name);

/* What an absolute path shows in a namespace: a mount and a node. */
enum model_rule model_resolve(const struct model *m, uint32_t ns, const char *path, uint32_t *mount,
			      uint32_t *node);

/* The mount on a place, on top of which others may be; 0: none. */
uint32_t model_lookup(const struct model *m, uint32_t mount, uint32_t node);
/* The mount on top of those that cover this one whole, or this one. */
uint32_t model_top(const struct model *m, uint32_t mount);

/* The mount after this one in the tree below `top`; 0: it was the last. */
uint32_t model_next(const struct model *m, uint32_t mount, uint32_t top);
/* The next in a ring that starts with `first`; 0: it was the last. */
static inline uint32_t model_along(const struct model_link *l, uint32_t i, uint32_t first)
{
	return l[i].next == first ? 0 : l[i].next;
}

/* The directory `name` of a node, made if there is none and `make`; 0: none, or no room. */
uint32_t model_child(struct model *m, uint32_t node, const char *name, int make);
/* The node that a path leads to from another one, without any mount: as model_child all the way. */
uint32_t model_walk(struct model *m, uint32_t node, const char *path, int make);

/* The group that a mount is a slave of, or 0. */
uint32_t model_master(const struct model *m, uint32_t mount);

/*
 * Operations of namespace `ns`, on its absolute paths. A refused one changes nothing, and *at (if
 * there is a path to blame) is the number of the argument, 0 or 1.
 */
enum model_rule model_mkdir(struct model *m, uint32_t ns, const char *path);
/* A new superblock, whose name the caller keeps. */
enum model_rule model_mount(struct model *m, uint32_t ns, const char *name, const char *path, uint32_t *made);
enum model_rule model_bind(struct model *m, uint32_t ns, const char *from, const char *to, int recursive);
/*
 * The two halves of a bind, as open_tree(2) and move_mount(2) have them: a copy that is nowhere, and putting
 * it on a path. Between them it can be changed. When it cannot be put there, it is gone.
 */
enum model_rule model_copy(struct model *m, uint32_t ns, const char *from, int recursive, uint32_t *tree);
enum model_rule model_attach(struct model *m, uint32_t ns, uint32_t tree, const char *to);
/* A new superblock that is nowhere yet, whose name the caller keeps; 0: no room. */
uint32_t model_new(struct model *m, const char *name);
/* pivot_root(2), and the old root is unmounted: the tree is all that the namespace shows. */
enum model_rule model_pivot(struct model *m, uint32_t ns, uint32_t tree);
/* Into the group of another mount, or to its master: MOVE_MOUNT_SET_GROUP. */
enum model_rule model_join(struct model *m, uint32_t ns, const char *path, uint32_t of);
enum model_rule model_move(struct model *m, uint32_t ns, const char *from, const char *to, int beneath);
enum model_rule model_umount(struct model *m, uint32_t ns, const char *path, int lazy);
enum model_type { TYPE_SHARED, TYPE_SLAVE, TYPE_PRIVATE, TYPE_UNBINDABLE };
enum model_rule model_change(struct model *m, uint32_t ns, const char *path, enum model_type t, int recursive);
enum model_rule model_change_tree(struct model *m, uint32_t tree, enum model_type t, int recursive);
/* A copy of the namespace, with or without a user namespace of its own. */
enum model_rule model_clone(struct model *m, uint32_t ns, const char *name, int user);
/* Its last process ends; umounts of that do not propagate. */
void model_end(struct model *m, uint32_t ns);

#endif
