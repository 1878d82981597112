/*
 * test_control.c - tests of src/service/control: what goes over the control socket.
 *
 * For: requests as they should be and as nobody should send them, and replies that
 * are read back as they were written.
 * Never: needs a socket.
 */
#include <signal.h>

#include "service/control.h"
#include "service/machine.h"
#include "test.h"

static char memory[65536] __attribute__((aligned(16)));
static struct arena arena;
static struct request r;
static char text[120];

/* Words with a bar for each NUL. */
static const char *read_text(const char *words)
{
	static char record[CONTROL_REQUEST + 2];
	size_t n = strlen(words);

	memcpy(record, words, n);
	for (size_t i = 0; i < n; i++)
		if (record[i] == '|')
			record[i] = '\0';
	return request_read(&r, record, n, text);
}

static void requests(void)
{
	CHECK(!read_text("status|") && r.verb == VERB_STATUS && !r.n);
	CHECK(!read_text("status|a|b|") && r.n == 2);
	CHECK_STR(r.name[1], "b");
	CHECK(!read_text("signal|HUP|web|") && r.signal == SIGHUP && r.n == 1);
	CHECK(!read_text("signal|9|web|db|") && r.signal == 9 && r.n == 2);
	CHECK(!read_text("wait|web|up|") && r.up && r.time == -1);
	CHECK(!read_text("wait|web|down|10s|") && !r.up && r.time == 10000);
	CHECK(!read_text("wait|web|up|0|") && r.time == 0);
	CHECK(!read_text("events|-f|") && r.follow && r.lines == ALL_LINES);
	CHECK(!read_text("logs|-n|20|-f|web|") && r.follow && r.lines == 20 && r.n == 1);
	CHECK(!read_text("logs|") && !r.n && !r.follow);
	CHECK(!read_text("shutdown|") && r.end == END_EXIT);
	CHECK(!read_text("shutdown|reboot|") && r.end == END_REBOOT);
	CHECK(!read_text("shutdown|halt|") && r.end == END_HALT);
	CHECK(!read_text("shutdown|poweroff|") && r.end == END_POWEROFF);
	CHECK(read_text("shutdown|exit|") && read_text("shutdown|poweroff|halt|"));
	CHECK(!read_text("describe|web|") && r.verb == VERB_DESCRIBE);
	CHECK(!read_text("describe|") && r.verb == VERB_DESCRIBE && !r.n);
}

static void wrong_requests(void)
{
	CHECK_STR(read_text("|"), "no such request:");
	CHECK_STR(read_text("status"), "not a request");
	CHECK_STR(request_read(&r, "", 0, text), "not a request");
	CHECK_STR(read_text("dance|"), "no such request: dance");
	CHECK_STR(read_text("start|"), "which service?");
	CHECK_STR(read_text("start||"), "not a name:");
	CHECK_STR(read_text("start|../x|"), "not a name: ../x");
	CHECK_STR(read_text("start|-f|"), "unknown option -f");
	CHECK_STR(read_text("signal|"), "not a signal:");
	CHECK_STR(read_text("signal|0|web|"), "not a signal: 0");
	CHECK_STR(read_text("signal|-1|web|"), "unknown option -1");
	CHECK_STR(read_text("signal|65|web|"), "not a signal: 65");
	CHECK_STR(read_text("signal|TERM|"), "which service?");
	CHECK_STR(read_text("wait|web|"), "up or down?");
	CHECK_STR(read_text("wait|web|sideways|"), "up or down?");
	CHECK_STR(read_text("wait|web|up|soon|"), "not a time to wait: soon");
	CHECK_STR(read_text("wait|web|up|1s|2s|"), "too much: 2s");
	CHECK_STR(read_text("wait|web|up|99999999d|"), "not a time to wait: 99999999d");
	CHECK_STR(read_text("logs|-n|"), "not a number of lines:");
	CHECK_STR(read_text("logs|-n|x|"), "not a number of lines: x");
	CHECK_STR(read_text("logs|-n|4294967295|"), "not a number of lines: 4294967295");
	CHECK_STR(read_text("logs|a|b|"), "too much: b");
	CHECK_STR(read_text("events|-n|1|"), "unknown option -n");
	CHECK_STR(read_text("shutdown|now|"), "too much: now");
	CHECK_STR(read_text("reload|web|"), "too much: web");
}

static void limits(void)
{
	char record[CONTROL_REQUEST + 2];

	/* 32 words are what there is room for, and 31 names behind a verb. */
	memcpy(record, "stop\0", 5);
	for (int i = 0; i < 32; i++)
		memcpy(record + 5 + 2 * i, "a\0", 2);
	CHECK(!request_read(&r, record, 5 + 2 * 31, text) && r.n == 31);
	CHECK_STR(request_read(&r, record, 5 + 2 * 32, text), "too many words");
	memset(record, 'a', sizeof record);
	record[CONTROL_REQUEST - 1] = record[CONTROL_REQUEST] = '\0';
	CHECK(request_read(&r, record, CONTROL_REQUEST, text) &&
	      !strncmp(text, "no such request: aaa", 20) && strlen(text) < sizeof text);
	CHECK_STR(request_read(&r, record, CONTROL_REQUEST + 1, text), "not a request");
}

/* Deterministic on every machine: xorshift. */
static uint32_t random32(void)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

static int is_sane(const char *record, size_t n)
{
	const struct verb_row *v = &verb_table[r.verb];

	if (r.verb >= VERBS || r.n < v->least || r.n > v->most || r.signal > 64 || r.time < -1)
		return 0;
	for (int i = 0; i < r.n; i++)
		if (r.name[i] < record || r.name[i] + strlen(r.name[i]) >= record + n)
			return 0;
	return 1;
}

static size_t random_record(char *record, size_t size)
{
	static const char *const word[] = {
		"status", "start", "signal", "wait", "events", "logs", "shutdown", "describe", "-f",
		"-n", "5", "web", "up", "down", "10s", "KILL", "reboot", "", "-", "-fn", "\xff",
	};
	size_t n = 0;

	for (uint32_t words = random32() % 6 + (random32() % 50 == 0) * 40; words; words--) {
		const char *w = word[random32() % (sizeof word / sizeof *word)];

		if (n + strlen(w) + 1 > size)
			break;
		memcpy(record + n, w, strlen(w) + 1);
		n += strlen(w) + 1;
	}
	while (n && random32() % 4 == 0)
		record[random32() % n] = (char)random32();
	return n - (n && random32() % 16 == 0);
}

static void garbage(void)
{
	unsigned good = 0, bad = 0;

	for (int i = 0; i < 200000; i++) {
		char record[CONTROL_REQUEST + 64];
		size_t n = random_record(record, sizeof record);
		const char *found = request_read(&r, record, n, text);

		if (found ? strlen(found) >= sizeof text : !is_sane(record, n))
			bad++;
		good += !found;
	}
	CHECK(bad == 0);
	CHECK(good > 1000);
}

static void lines(void)
{
	char room[256];
	struct out o;

	arena_init(&arena, memory, sizeof memory);
	out_init(&o, room, sizeof room);
	control_put(&o, "name", "web");
	control_put(&o, "why", "it said \"no\"\nand # left");
	control_put(&o, "empty", "");
	out_put(&o, "\nname=body\n");
	CHECK_STR(room, "name=web\nwhy=\"it said 'no'\tand # left\"\nempty=\"\"\n\nname=body\n");
	CHECK_STR(record_value(room, "name", &arena), "web");
	CHECK_STR(record_value(room, "why", &arena), "it said 'no'\tand # left");
	CHECK_STR(record_value(room, "empty", &arena), "");
	CHECK(!record_value(room, "nam", &arena) && !record_value(room, "body", &arena));
	CHECK_STR(record_body(room), "name=body\n");
	CHECK(!record_body("end=ok\n") && !record_body(""));
	CHECK(!record_value("", "a", &arena) && !record_value("\n\n", "a", &arena));
	CHECK(!record_value("a", "a", &arena) && !record_value("a=\"", "a", &arena));
	CHECK(!record_value("a=", "a", &arena) && !record_value("a=b c\n", "a", &arena));
}

/* As long as a text gets: it stays one line, and its end is cut off, not the quote. */
static void long_value(void)
{
	static char value[CONTROL_RECORD], room[CONTROL_RECORD];
	struct out o;

	arena_init(&arena, memory, sizeof memory);
	memset(value, ' ', sizeof value - 1);
	out_init(&o, room, sizeof room);
	control_put(&o, "why", value);
	CHECK(!o.lost && record_value(room, "why", &arena));
}

int main(void)
{
	TEST(requests);
	TEST(wrong_requests);
	TEST(limits);
	TEST(garbage);
	TEST(lines);
	TEST(long_value);
	return test_end();
}
