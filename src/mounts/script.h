/*
 * The language of operations on mounts: `bind /a /b`, `in NAME: umount -l /x`. Its words are those of
 * operations.def. Pure: lines come in as text, what the model says comes out.
 */
#ifndef HUTCH_MOUNTS_SCRIPT_H
#define HUTCH_MOUNTS_SCRIPT_H

#include "base/out.h"
#include "mounts/graph.h"
#include "mounts/model.h"

enum operation {
#define OPERATION(id, word, least, most, usage, help) OP_##id,
#include "mounts/operations.def"
#undef OPERATION
	OPERATIONS
};

struct op {
	enum operation kind;
	unsigned line, start;		/* from 1; the column of its first word */
	const char *ns;			/* the namespace that does it */
	int n, lazy;			/* words behind the operation, without -l */
	const char **word;
	unsigned *column;		/* of each word, from 1 */
	const char *source;		/* OP_MOUNT: the name of the superblock */
};

/*
 * Reads one line, whose text lives on in the op. 1: an operation, 0: nothing (blank, or a comment behind #),
 * -1: *why says what is wrong at *column.
 */
int script_read(struct op *to, const char *text, unsigned line, struct arena *a, const char **why,
		unsigned *column);

/* The same line in its plain form, without a newline. */
void script_print(const struct op *op, struct out *o);

/*
 * Does an operation that is no expect. -1 when the script is wrong, and *why says how; else
 * the rule that forbids it or MODEL_OK.
 */
int script_do(struct model *m, const struct op *op, const char **why);

/* Whether an expect holds after an operation that had this outcome; else the truth is in o. */
int script_holds(struct model *m, const struct op *op, enum model_rule last, struct out *o, const char **why);

/* The table of a namespace, one mount a line, those on it below it. */
void script_table(struct model *m, uint32_t ns, struct out *o);
/* The same in an empty view, as far as a graph shows it, with file systems by their names. -1: no room. */
int script_view(struct model *m, uint32_t ns, struct view *v, struct arena *a);
/* Group numbers of tables count from 1 again. */
void script_renumber(struct model *m);

/* The path of a node of a mount as its namespace sees it, cut when it is too long. */
const char *script_path(const struct model *m, uint32_t mount, uint32_t node, char *buf, size_t size);

/* "EINVAL"; "" for none */
const char *script_errno(enum model_rule r);

#endif
