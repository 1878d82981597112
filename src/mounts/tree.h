/* What the operations of the model are made of; only for src/mounts. See model.h. */
#ifndef HUTCH_MOUNTS_TREE_H
#define HUTCH_MOUNTS_TREE_H

#include "mounts/model.h"

enum { CLONE_SLAVE = 1, CLONE_SHARED = 2, CLONE_UNBINDABLE = 4 };

/* A mount on nothing, in no namespace. Room was asked for before: see model_spare. */
uint32_t tree_new(struct model *m, uint32_t root);
void tree_free(struct model *m, uint32_t mount);
uint32_t tree_clone(struct model *m, uint32_t of, uint32_t root, int how);
/*
 * The same with all that is on it below `root`. What is unbindable is left out; 0: what is
 * locked as well cannot be.
 */
uint32_t tree_copy(struct model *m, uint32_t of, uint32_t root, int how);
uint32_t tree_size(const struct model *m, uint32_t top);

void tree_attach(struct model *m, uint32_t mount, uint32_t parent, uint32_t node);
void tree_detach(struct model *m, uint32_t mount);

/* Whether a node is `above` or below it. */
int tree_below(const struct model *m, uint32_t node, uint32_t above);

/* Leaves group and master; returns the group that it would follow as a slave. */
uint32_t tree_leave(struct model *m, uint32_t mount);
void tree_share(struct model *m, uint32_t mount);
void tree_change(struct model *m, uint32_t mount, enum model_type t);

/* A mount in no group comes into one, or without one follows a master; 0: neither. */
void tree_join(struct model *m, uint32_t mount, uint32_t group, uint32_t master);

/* A group without members; one that follows no other one comes to follow `master`, 0: nobody. */
uint32_t group_new(struct model *m, uint32_t master);
void group_follow(struct model *m, uint32_t group, uint32_t master);

/* A model without namespaces; -1: the arena has no room for so much. */
int model_room(struct model *m, struct arena *a, uint32_t mounts, uint32_t nodes, uint32_t namespaces);

uint32_t node_new(struct model *m, uint32_t up, const char *name);

/*
 * Puts a tree on a place: of every receiver of events of `parent` gets a copy. It is new, or `moves` from
 * where it is. Either all of it is done, or MODEL_TOO_MANY or MODEL_FULL and nothing.
 */
enum model_rule propagate_attach(struct model *m, uint32_t tree, uint32_t parent, uint32_t node, int moves);
/* Takes away a tree, and with `propagates` what its umount takes away elsewhere. */
void propagate_umount(struct model *m, uint32_t tree, int propagates);

#endif
