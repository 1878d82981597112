/* Sets of services, the table of states, and the judgement of an end. */
#include <errno.h>
#include <signal.h>

#include "service/progress.h"
#include "service/service.h"
#include "service/state.h"
#include "test.h"

/* An arena aligns to its base. */
#define ALIGNED __attribute__((aligned(16)))
static char memory[4 << 20] ALIGNED, draft_memory[4 << 20] ALIGNED, texts[2][1 << 20];

/* A set of "name: key=value; ..." services whose profiles are read as files are. */
struct profile_source {
	const char *name, *text;
};

static const struct profile_source *sources;

static int load(void *ctx, const char *path, const char *from, struct profile_text *to, struct err *e)
{
	struct set *set = ctx;

	for (const struct profile_source *s = sources; s->name; s++)
		if (!strcmp(s->name, path)) {
			*to = (struct profile_text){s->name, s->text, strlen(s->text)};
			return set_add_file(set, from ? ENTRY_INCLUDE : ENTRY_SERVICE, s->name, s->text, to->length);
		}
	return err_set(e, ENOENT, "%s", path);
}

static struct set *make(const struct profile_source *from)
{
	static struct set draft, set;
	static char scratch[2 << 20] ALIGNED;
	struct arena a;
	static unsigned turn;
	unsigned n = 0;

	sources = from;
	/* The last set's texts stay: some test looks at two sets. */
	draft.texts = (struct text_archive){texts[turn++ % 2], sizeof *texts, 0};
	arena_init(&draft.arena, draft_memory, sizeof draft_memory);
	arena_init(&set.arena, memory, sizeof memory);
	while (from[n].name)
		n++;
	if (set_init(&draft, n, 4 * n))
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		struct profile_reader r;
		struct profile p;
		struct diags d;
		unsigned file = draft.nfiles;

		arena_init(&a, scratch, sizeof scratch);
		profile_init(&p, &a);
		diags_init(&d, &a);
		profile_reader_init(&r, &p, &d, load, &draft);
		profile_file(&r, from[i].name);
		profile_finish(&r);
		if (set_add(&draft, from[i].name, &p, file, draft.nfiles - file,
			    d.count ? d.first->text : NULL))
			return NULL;
	}
	return set_order(&draft) || set_copy(&set, &draft) ? NULL : &set;
}

#define RUN "exec=/bin/x\nns=none\n"

static int place(const struct set *set, const char *name)
{
	const struct service_conf *c = set_find(set, name);

	return c ? (int)(c - set->service) : -1;
}

static void order(void)
{
	static const struct profile_source from[] = {
		{"d", RUN "after=c b\n"}, {"c", RUN "needs=a\n"}, {"b", RUN}, {"a", RUN "after=ghost\n"}, {0}};
	struct set *set = make(from);
	const struct service_conf *d;

	/* A set of four. */
	CHECK(set && set->count == 4);
	if (!set)
		return;
	/* Each comes behind what it comes after. */
	CHECK(place(set, "a") < place(set, "c") && place(set, "c") < place(set, "d") &&
	   place(set, "b") < place(set, "d"));
	d = set_find(set, "d");
	/* Indices follow the services. */
	CHECK(d->nneeds == 0 && d->nafter == 2 && !strcmp(set->service[d->order[0]].name, "c") &&
	   !strcmp(set->service[d->order[1]].name, "b"));
	/* After= a service that there is not waits for nothing. */
	CHECK(!set_find(set, "a")->findings && set_find(set, "a")->nafter == 0);
}

static void wrong_order(void)
{
	static const struct profile_source from[] = {
		{"a", RUN "needs=b\n"}, {"b", RUN "after=c\n"}, {"c", RUN "needs=a\n"},
		{"d", RUN "needs=ghost\n"}, {"e", RUN "needs=a\n"}, {"f", "foo=1\n"}, {0}};
	struct set *set = make(from);

	/* A set with circles can be made. */
	CHECK(set != NULL);
	if (!set)
		return;
	/* All of a circle are told. */
	CHECK(set_find(set, "a")->findings && set_find(set, "b")->findings && set_find(set, "c")->findings);
	/* And what it is. */
	CHECK(strstr(set_find(set, "a")->findings, "circle") != NULL);
	/* Who comes after a circle is not in it. */
	CHECK(!set_find(set, "e")->findings);
	/* Needs= a service that there is not is told by its name. */
	CHECK(set_find(set, "d")->findings && strstr(set_find(set, "d")->findings, "ghost"));
	/* A broken profile keeps its finding. */
	CHECK(set_find(set, "f")->findings != NULL);
}

static void files(void)
{
	static const struct profile_source from[] = {
		{"a", "# comment\n" RUN "  # more\ninclude=b\n"}, {"b", "nice=3\n"}, {0}};
	static const struct profile_source other[] = {{"a", "# other words\n\n" RUN "\n\ninclude=b\n# end\n"}, {"b", "nice=3\n"}, {0}};
	static char keep[1 << 20] ALIGNED;
	static char other_memory[1 << 20] ALIGNED;
	static struct set copy, again;
	struct set *set = make(from);
	struct profile_text text;
	struct err e;

	/* What a profile includes belongs to it. */
	CHECK(set && set_find(set, "a")->nfiles == 2);
	if (!set)
		return;

	/* Each file once, and the same list out of the archive alone. */
	CHECK(set->nfiles == 3 && !texts_end(&set->texts));
	arena_init(&again.arena, other_memory, sizeof other_memory);
	again.texts = set->texts;
	CHECK(!set_init(&again, 2, 3) && !set_list_files(&again, 3) && again.nfiles == 3);
	CHECK(again.file[0].text == set->file[0].text && again.file[1].kind == ENTRY_INCLUDE);
	/* Not more than there is room for. */
	CHECK(set_list_files(&again, 2) == -1);
	/* Comments go, lines stay. */
	CHECK(!set_load(set, "a", NULL, &text, &e) && !strcmp(text.text, "\n" RUN "\ninclude=b\n"));
	/* Files are found in the set, and only there. */
	CHECK(!set_load(set, "b", "a", &text, &e) && set_load(set, "c", "a", &text, &e));
	arena_init(&copy.arena, keep, sizeof keep);
	/* A set can be kept. */
	CHECK(!set_copy(&copy, set));
	set = make(other);
	/* Another comment or empty line is no change. */
	CHECK(set && set_same(&copy, set_find(&copy, "a"), set, set_find(set, "a")));
	/* Another text is. */
	CHECK(set && !set_same(&copy, set_find(&copy, "a"), set, set_find(set, "b")));
}

static struct judgement end_of(const struct service_conf *c, struct past *past, int verdict, int status,
			       int64_t up_for)
{
	struct end end = {.verdict = (uint8_t)verdict, .wish_up = 1, .was_ready = up_for >= 0,
			  .status = status, .now = 100000, .ready_since = 100000 - up_for};

	return judge(c, &end, past);
}

enum { EXIT_1 = 1 << 8, KILLED = SIGKILL };

static void pauses(void)
{
	struct service_conf c = {.type = SERVICE_LONG, .restart = RESTART_ALWAYS, .delay_min = 100,
				 .delay_max = 1000, .reset = 10000};
	struct past past = {0};
	static const uint32_t want[] = {100, 200, 400, 800, 1000, 1000};
	int good = 1;

	for (int i = 0; i < 6; i++)
		good &= end_of(&c, &past, VERDICT_EXIT, EXIT_1, 5).delay == want[i];
	/* Pauses double from the least to the most. */
	CHECK(good);
	/* After a stable time they begin anew. */
	CHECK(end_of(&c, &past, VERDICT_EXIT, KILLED, 20000).delay == 100);
	c.delay_min = 0;
	past = (struct past){0};
	/* A pause of none grows all the same. */
	CHECK(end_of(&c, &past, VERDICT_EXIT, KILLED, 20000).delay == 0 &&
	   end_of(&c, &past, VERDICT_EXIT, KILLED, 1).delay == 10);
	c.delay_max = 0;
	good = 1;
	for (int i = 0; i < 100; i++)
		good &= end_of(&c, &past, VERDICT_EXIT, KILLED, 1).delay == 0;
	/* Unless the most is none too. */
	CHECK(good);
	c.delay_max = 1000;
	good = 1;
	for (int i = 0; i < 100; i++) {
		struct judgement j = end_of(&c, &past, VERDICT_SHORT, 0, -1);

		good &= j.event == EVENT_AGAIN && j.delay >= 100 && j.delay <= 1000 && !j.failed && !j.limit;
	}
	/* What is short is tried again within the most, and never counted. */
	CHECK(good);
}

static void policies(void)
{
	struct service_conf c = {.type = SERVICE_LONG, .restart = RESTART_ON_FAILURE, .delay_max = 1000};
	struct past past = {0};

	/* On-failure rests after success. */
	CHECK(end_of(&c, &past, VERDICT_EXIT, 0, 1).event == EVENT_REST);
	/* On-failure starts after failure. */
	CHECK(end_of(&c, &past, VERDICT_EXIT, EXIT_1, 1).event == EVENT_AGAIN);
	c.success_codes[0] = 1 << 1;
	/* Success= names a status. */
	CHECK(end_of(&c, &past, VERDICT_EXIT, EXIT_1, 1).event == EVENT_REST);
	c.success_signals = 1ull << (SIGKILL - 1);
	/* Success= names a signal. */
	CHECK(end_of(&c, &past, VERDICT_EXIT, KILLED, 1).event == EVENT_REST);
	/* A missed watchdog is a failure. */
	CHECK(end_of(&c, &past, VERDICT_WATCHDOG, KILLED, 1).event == EVENT_AGAIN);
	/* A restart that was asked for comes at once. */
	CHECK(end_of(&c, &past, VERDICT_ASKED, KILLED, 1).event == EVENT_NOW);
	c.restart = RESTART_NEVER;
	/* Never is never. */
	CHECK(end_of(&c, &past, VERDICT_EXIT, 2 << 8, 1).event == EVENT_REST);
	/* But what did not start yet still starts. */
	CHECK(end_of(&c, &past, VERDICT_SHORT, 0, -1).event == EVENT_AGAIN);
	c = (struct service_conf){.type = SERVICE_ONESHOT, .restart = RESTART_ALWAYS, .delay_max = 1000};
	/* A oneshot that succeeded is done. */
	CHECK(end_of(&c, &past, VERDICT_EXIT, 0, -1).event == EVENT_FINISH);
	/* A oneshot that failed is not. */
	CHECK(end_of(&c, &past, VERDICT_EXIT, EXIT_1, -1).event == EVENT_AGAIN);
}

static void limits(void)
{
	struct service_conf c = {.type = SERVICE_LONG, .restart = RESTART_ALWAYS, .delay_max = 1000,
				 .limit_count = 3, .limit_time = 60000, .on_limit = LIMIT_SLOW,
				 .limit_delay = 300000};
	struct past past = {0};
	struct judgement j = {0};

	for (int i = 0; i < 4; i++)
		j = end_of(&c, &past, VERDICT_EXIT, EXIT_1, 1);
	/* Beyond the limit: a slow cadence, and never silence. */
	CHECK(j.event == EVENT_AGAIN && j.delay == 300000 && j.limit == LIMIT_SLOW);
	c.on_limit = LIMIT_STOP;
	past = (struct past){0};
	for (int i = 0; i < 4; i++)
		j = end_of(&c, &past, VERDICT_EXIT, EXIT_1, 1);
	/* Beyond the limit: down, where the profile says so. */
	CHECK(j.event == EVENT_REST && j.limit == LIMIT_STOP);
}

/* Every state hears every event without leaving the table; an end always leads out. */
static void table(void)
{
	int inside = 1, ended = 1, judged = 1;

	for (int s = 0; s < STATES; s++)
		for (int e = 0; e < EVENTS; e++) {
			struct move m = state_move(s, e);

			inside &= m.next < STATES && m.action < ACTIONS;
			if (!m.heard)
				inside &= m.next == s && m.action == ACTION_NOTHING;
			/* Only an end is judged, and every end is. */
			judged &= !m.heard || (m.next == STATE_ENDED) == (m.action == ACTION_JUDGE);
		}
	for (int e = EVENT_NOW; e <= EVENT_FINISH; e++)
		ended &= state_move(STATE_ENDED, e).heard && state_move(STATE_ENDED, e).next != STATE_ENDED;
	/* The table has no way out. */
	CHECK(inside);
	/* An end and only an end is judged. */
	CHECK(judged);
	/* Every judgement leads on. */
	CHECK(ended);
	for (int s = 0; s < STATES; s++)
		if (state_lives(s))
			inside &= state_move(s, EVENT_GONE).next == STATE_ENDED;
	/* Where processes may live, their end is heard. */
	CHECK(inside);
}

/*
 * A service and a world that does anything at any time: whoever is wanted is up,
 * has a deadline, or waits for something that has a name.
 */
static void promise(void)
{
	struct service_conf c = {.type = SERVICE_LONG, .restart = RESTART_ALWAYS, .delay_min = 10,
				 .delay_max = 500, .reset = 1000, .start_timeout = 100, .stop_timeout = 50};
	uint32_t seed = 1;
	int kept = 1, heard = 1;

	for (int life = 0; life < 2000; life++) {
		struct past past = {0};
		int state = STATE_BLOCKED, verdict = VERDICT_EXIT, deadline = 0;

		for (int step = 0; step < 60; step++) {
			static const uint8_t world[] = {EVENT_CLEAR, EVENT_DUE, EVENT_BUILT, EVENT_READY,
							EVENT_BROKEN, EVENT_GONE, EVENT_START};
			int event;

			seed = seed * 1103515245u + 12345u;
			event = world[(seed >> 16) % sizeof world];
			/* What cannot happen does not: broken and gone need something that lives. */
			if ((event == EVENT_BROKEN || event == EVENT_GONE) && !state_lives(state))
				continue;
			if (event == EVENT_BUILT && state != STATE_BUILDING)
				continue;
			verdict = event == EVENT_BROKEN ? (seed >> 8 & 1 ? VERDICT_SHORT : VERDICT_BROKEN) : verdict;
			while (event < EVENTS) {
				struct move m = state_move(state, event);
				struct judgement j;

				heard &= m.heard;
				state = m.next;
				event = EVENTS;
				if (m.action == ACTION_JUDGE) {
					j = end_of(&c, &past, verdict, EXIT_1, 5);
					event = j.event;
					deadline = (int)j.delay;
					verdict = VERDICT_EXIT;
				}
			}
			kept &= state == STATE_UP || state == STATE_BLOCKED || state_lives(state) ||
				(state == STATE_DELAYED && deadline <= 500);
		}
	}
	/* Nothing that can happen is unheard of. */
	CHECK(heard);
	/* Wanted: up, on the way, or with its next attempt within the longest pause. */
	CHECK(kept);
}

static enum stall stall_at(int64_t now, int64_t complete, int64_t away, int64_t end)
{
	struct progress p = {.now = now, .deadline = 1000, .complete = complete, .end = end, .away = away, .budget = 300};

	return progress_judge(&p);
}

static void progress(void)
{
	/* Until the deadline a boot may do as it likes. */
	CHECK(stall_at(0, 0, 0, 0) == STALL_NONE);
	CHECK(stall_at(999, 0, 1, 0) == STALL_NONE);
	/* Then it has to have been complete in time; later is too late for ever. */
	CHECK(stall_at(1000, 0, 0, 0) == STALL_BOOT);
	CHECK(stall_at(1000, 1000, 0, 0) == STALL_NONE);
	CHECK(stall_at(1001, 1001, 0, 0) == STALL_BOOT);
	CHECK(stall_at(900000, 1001, 0, 0) == STALL_BOOT);
	/* A critical service may be away for its budget, and counts again as soon as it is back. */
	CHECK(stall_at(2300, 500, 2000, 0) == STALL_NONE);
	CHECK(stall_at(2301, 500, 2000, 0) == STALL_CRITICAL);
	CHECK(stall_at(2302, 500, 0, 0) == STALL_NONE);
	/* To end is progress, but not for ever. */
	CHECK(stall_at(5000, 0, 1, 5001) == STALL_NONE);
	CHECK(stall_at(5001, 500, 0, 5001) == STALL_END);
}

int main(void)
{
	TEST(progress);
	TEST(order);
	TEST(wrong_order);
	TEST(files);
	TEST(pauses);
	TEST(policies);
	TEST(limits);
	TEST(table);
	TEST(promise);
	return test_end();
}
