/* The parts of the planner, each in a file of its own, in the order in which build.c calls them. Private to this floor. */
#ifndef HUTCH_PLAN_PARTS_H
#define HUTCH_PLAN_PARTS_H

#include "plan/draft.h"

/* Sources are cloned before anything is made private, and attached after it. */
void plan_sources(struct build *b);
void plan_mounts(struct build *b);
void plan_finish_mounts(struct build *b);	/* after the root switch */
void plan_payload(struct build *b);

/* ways.c: the way to the root, by facts and profile. */
void choose_way(struct build *b);

/* child.c: how the process is made. All steps are there. */
void plan_child(struct build *b);

/* shares.c: what is shared with the host past the namespaces. */
void plan_shares(struct build *b);

/* The profile without what a program added to a running sandbox does not get of it. */
const struct profile *join_profile(struct build *b);

/* Everything before plan_payload, for such a program. */
void plan_join(struct build *b);

int join_target(struct build *b);

/* template.c: what is left of the whole plan is the part that was asked for, where there is a template. */
void plan_part(struct build *b);

/* All of it, where mounts of a running sandbox change. */
void plan_live(struct build *b);

/* service.c: the profile with the descriptors that a supervisor hands over. */
const struct profile *service_profile(struct build *b);
void service_notify(struct build *b);
enum { SERVICE_ENV = 5 };
unsigned service_env(struct build *b, const char **env);	/* how many of up to SERVICE_ENV */

#endif
