/*
 * The planner for one more program in a running sandbox: it joins the namespaces of the
 * sandbox's process, then plan_payload does with it what it does with every payload.
 */
#include "plan/parts.h"

#include "base/uapi.h"

static const struct origin nowhere;

const struct profile *join_profile(struct build *b)
{
	struct profile *own = ARENA_NEW(b->a, struct profile);

	if (!own) {
		wrong(b, nowhere, "the plan is too large");
		return b->p;
	}
	*own = *b->p;
	/* The streams are the caller's, and nothing else of his. */
	for (int i = 0; i < 3; i++)
		own->stdio[i].kind = STDIO_INHERIT;
	own->fds = (struct list){0};
	/* Its members are let in already. */
	if (own->ns[NS_IPC].how == NS_GROUP)
		own->ns[NS_IPC].how = NS_NEW;
	own->shm = (struct shm_wish){.kind = SHM_NONE};
	return own;
}

static void join_host(struct build *b)
{
	/* What runs in there already could have this program execute /proc/self/exe as a
	 * script's interpreter, keep the file open, and write to it when we are gone. */
	if (!b->f->self_sealed)
		ADD(b, nowhere, SELF_SEAL, N(0));
	ADD(b, nowhere, CHANNEL, N(0));
	b->plan->clone = b->plan->nsteps;
	ADD(b, nowhere, CLONE, N(0), N(0));
	b->hidden = 1;	/* as soon as the target is known */
}

/* Opens the process that the namespaces are taken from; returns its slot. */
int join_target(struct build *b)
{
	const struct target *t = b->request->join;
	int first = slot_new(b);

	b->payload_slot = first;
	ADD(b, nowhere, TARGET_OPEN, N(first), N(t->pid), N(t->start));
	if (b->p->init != AUTO_YES || (b->request->live && b->f->privileged))
		return first;
	b->payload_slot = slot_new(b);
	ADD(b, nowhere, TARGET_CHILD, N(b->payload_slot), N(first), N(t->pid));
	/* The init cannot have gone elsewhere; but it is hidden from an ordinary user. */
	return b->f->privileged ? first : b->payload_slot;
}

/*
 * All are opened before the first is joined. The user namespace gives an ordinary user
 * the right to join the others, and takes it from root where they are not its own.
 */
static void join_namespaces(struct build *b, int from)
{
	static const uint32_t order[] = {
		CLONE_NEWUSER_, CLONE_NEWIPC_, CLONE_NEWUTS_, CLONE_NEWNET_, CLONE_NEWCGROUP_,
		CLONE_NEWTIME_, CLONE_NEWPID_, CLONE_NEWNS_,
	};
	int slot[NS_COUNT], root;

	for (int i = 0; i < NS_COUNT; i++) {
		slot[i] = slot_new(b);
		ADD(b, nowhere, NS_OPEN, N(slot[i]), N(from), N(order[i]));
	}
	root = slot_new(b);
	ADD(b, nowhere, TARGET_ROOT, N(root), N(from));
	for (int i = !!b->f->privileged; i < NS_COUNT; i++)
		ADD(b, nowhere, NS_SET, N(order[i]), N(slot[i]));
	ADD(b, nowhere, ROOT_ENTER, N(root));
	if (b->f->privileged)
		ADD(b, nowhere, NS_SET, N(order[0]), N(slot[0]));
	ADD(b, nowhere, FORK, N(0));
}

/* With sys_admin it is the host's equal in any case, and in a user namespace of its own it has no such right over us. */
static int may_trace(const struct build *b)
{
	const struct profile *p = b->p;

	return (p->caps[CAPS_BOUNDING] & (1ull << CAP_SYS_PTRACE_ | 1ull << CAP_SYS_ADMIN_)) == 1ull << CAP_SYS_PTRACE_ &&
	       p->ns[NS_PID].how == NS_NEW && p->ns[NS_USER].how == NS_HOST && !b->own_user;
}

void plan_join(struct build *b)
{
	const struct profile *p = b->p;

	if (may_trace(b))
		wrong(b, where(b, KEY_caps), "whoever has sys_ptrace in there could take the host's rights from a program that joins: no program can, unless with ns.user=new");
	b->plan->root_switch = SWITCH_JOIN;
	join_host(b);
	ADD(b, nowhere, PARENT_BIND, N(0));
	b->proc_slot = slot_new(b);
	ADD(b, nowhere, PROC_OPEN, N(b->proc_slot));
	/* A hidden process cannot write to its own files in /proc. */
	if (profile_has(p, KEY_oom_score))
		ADD(b, where(b, KEY_oom_score), OOM_SET, N(p->oom_score));
	join_namespaces(b, join_target(b));
	if (p->keyring == KEYRING_NEW)
		ADD(b, where(b, KEY_keyring), KEYRING_NEW, N(0));
	/* The terminal belongs to an id that the user namespace knows. */
	if (b->own_user && !b->self_map)
		ADD(b, where(b, KEY_uidmap), IDS_ROOT, N(0));
	if (b->plan->tty) {
		b->tty_slot = slot_new(b);
		ADD(b, where(b, KEY_tty), TTY_OPEN, N(b->tty_slot));
	}
}
