/* What the payload gets and loses, in the order that the kernel demands. */
#include "plan/parts.h"
#include "plan/wish.h"

#include <string.h>

#include "base/text.h"
#include "base/uapi.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static void plan_session(struct build *b)
{
	/* No other process may look into this one, whose rights shrink, until it is the payload. */
	if (!b->hidden || b->f->suid_dumpable)
		ADD(b, (struct origin){0}, HIDE, N(0));
	ADD(b, where(b, KEY_umask), UMASK_SET, N(b->p->umask));
	ADD(b, (struct origin){0}, SESSION_NEW, N(0));
	if (b->plan->tty)
		ADD(b, where(b, KEY_tty), TTY_TAKE, N(b->tty_slot));
	if (b->request->supervised && b->p->service.type == SERVICE_CONSOLE)
		ADD(b, where(b, KEY_type), CONSOLE_TAKE, N(0));
}

/* With the payload's own ids: no file opens for it that would not for the payload. */
static void plan_stdio(struct build *b)
{
	static const enum key_id key[] = {KEY_stdin, KEY_stdout, KEY_stderr};

	for (int i = 0; i < 3; i++)
		if (b->p->stdio[i].kind != STDIO_INHERIT)
			ADD(b, where(b, key[i]), STDIO_SET, N(i), S(b->p->stdio[i].path),
			    N(b->p->stdio[i].kind));
	if (b->namespaces & CLONE_NEWNS_)
		ADD(b, (struct origin){0}, STDIO_CHECK, N(0));
}

static void plan_resources(struct build *b)
{
	const struct profile *p = b->p;

	if (profile_has(p, KEY_nice))
		ADD(b, where(b, KEY_nice), NICE_SET, N(p->nice));
	if (profile_has(p, KEY_sched))
		ADD(b, where(b, KEY_sched), SCHED_SET, N(p->sched & 0xff), N(p->sched >> 8));
	if (profile_has(p, KEY_ioprio))
		ADD(b, where(b, KEY_ioprio), IOPRIO_SET, N(p->ioprio & 0xff), N(p->ioprio >> 8));
	if (profile_has(p, KEY_cpus))
		ADD(b, where(b, KEY_cpus), CPUS_SET, P(p->cpus));
}

/* When nothing is opened any more: a low limit is the payload's, not ours. */
static void plan_limits_last(struct build *b)
{
	for (const struct item *i = b->p->rlimits.first; i; i = i->next)
		ADD(b, i->at, RLIMIT_SET, S(rlimit_names[i->c]), N(i->c), N(i->a), N(i->b));
}

static void plan_ids(struct build *b)
{
	const struct profile *p = b->p;

	/* One's own map comes with the groups one has: setgroups is forbidden. */
	if (b->self_map && p->groups.n)
		wrong(b, where(b, KEY_groups), "groups cannot be set in a user namespace that an ordinary user made");
	if (b->payload_slot >= 0)
		ADD(b, where(b, KEY_user), IDS_TAKE, N(b->payload_slot), N(!b->self_map));
	else if ((p->user || p->group || p->groups.n) && !b->self_map)
		ADD(b, where(b, p->user ? KEY_user : p->group ? KEY_group : KEY_groups), USER_FIND,
		    S(p->user), S(p->group), P(&p->groups));
	ADD(b, where(b, KEY_caps), CAPS_BOUND, N((int64_t)p->caps[CAPS_BOUNDING]));
	if (p->securebits)
		ADD(b, where(b, KEY_securebits), SECUREBITS, N(p->securebits));
	ADD(b, where(b, KEY_user), IDS_SET, N(!b->self_map));
	/* Which a change of ids undoes: before Linux 5.16, a signal of that user that dumps core would end all who share the memory. */
	if (b->f->suid_dumpable)
		ADD(b, (struct origin){0}, HIDE, N(0));
}

static void plan_caps(struct build *b)
{
	const struct profile *p = b->p;
	uint64_t ambient = p->caps[CAPS_AMBIENT], inheritable = p->caps[CAPS_INHERITABLE];

	/* Without it, a user who is not root loses all capabilities at exec. */
	if (!profile_has(p, KEY_caps_ambient) && !payload_is_root(b)) {
		ambient = p->caps[CAPS_EFFECTIVE];
		if (!profile_has(p, KEY_caps_inheritable))
			inheritable = ambient;
		ambient &= inheritable;
	}
	ADD(b, where(b, KEY_caps), CAPS_SET, N((int64_t)p->caps[CAPS_PERMITTED]),
	    N((int64_t)p->caps[CAPS_EFFECTIVE]), N((int64_t)inheritable));
	ADD(b, where(b, KEY_caps_ambient), CAPS_AMBIENT, N((int64_t)ambient));
	if (p->no_new_privs == YES)
		ADD(b, where(b, KEY_no_new_privs), NO_NEW_PRIVS, N(0));
}

/* Sets one variable; a later one replaces an earlier one of the same name. */
static void env_set(const char **env, unsigned *n, const char *text)
{
	size_t name = strcspn(text, "=") + 1;

	for (unsigned i = 0; i < *n; i++)
		if (!strncmp(env[i], text, name)) {
			env[i] = text;
			return;
		}
	env[(*n)++] = text;
}

static const char *const *plan_env(struct build *b)
{
	const struct profile *p = b->p;
	const char **env = ARENA_ARRAY(b->a, const char *, p->env.n + p->env_pass.n + 3 + SERVICE_ENV);
	const char *found, *extra[SERVICE_ENV];
	unsigned n = 0, own = 0;

	if (!env) {
		wrong(b, where(b, KEY_env), "the plan is too large");
		return NULL;
	}
	env_set(env, &n, DEFAULT_PATH);
	if (b->plan->tty && (found = env_find(b->request->env, "TERM")))
		env_set(env, &n, found);
	if (b->request->supervised)
		own = service_env(b, extra);
	for (unsigned i = 0; i < own; i++)
		env_set(env, &n, extra[i]);
	for (const struct item *i = p->env_pass.first; i; i = i->next)
		if ((found = env_find(b->request->env, i->text)))
			env_set(env, &n, found);
	for (const struct item *i = p->env.first; i; i = i->next)
		env_set(env, &n, i->text);
	return env;
}

void plan_payload(struct build *b)
{
	const struct profile *p = b->p;
	const char *const *env = plan_env(b);

	plan_session(b);
	plan_resources(b);
	plan_ids(b);
	plan_stdio(b);
	ADD(b, where(b, KEY_workdir), DIR_CHANGE, S(p->workdir));
	if (b->f->close_range)
		ADD(b, where(b, KEY_fd), FDS_CLOSE, P(&p->fds));
	else
		ADD(b, where(b, KEY_fd), FDS_WALK, P(&p->fds), N(b->proc_slot));
	plan_limits_last(b);
	plan_caps(b);
	if (b->listen_pid)
		ADD(b, where(b, KEY_listen), LISTEN_SET, P(b->listen_pid));
	ADD(b, (struct origin){0}, READY, N(0));
	if (plan_meets(b))
		ADD(b, (struct origin){0}, GO_AWAIT, N(0));
	ADD(b, where(b, KEY_exec), EXEC, S(p->exec.n ? p->exec.word[0] : ""), P(p->exec.word),
	    P(env));
}
