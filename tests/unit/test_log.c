/*
 * test_log.c - tests of src/supervise/log, logfile and event: from a pipe to its target.
 *
 * For: whole lines in order, files that rotate, a writer that dies or hangs, and
 * that nothing waits. Needs pipes, processes and a folder of its own in /tmp.
 * Never: needs rights, or a target of the machine's (console, kmsg, syslog).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "kernel/k.h"
#include "supervise/supervise.h"
#include "test.h"

enum { RING = 16384 };

static struct supervisor super;
static struct log_state state;
static struct turn turn;
static struct service places[2];
static struct service_conf conf[2];
static char memory[3][RING], folder[] = "/tmp/test_log.XXXXXX", path[2][64], text[1 << 20];

static void start(void)
{
	super = (struct supervisor){.service = places, .places = 2, .now = k_now_ms(), .log = &state, .turn = &turn};
	turn = (struct turn){0};
	place_begin(&super);
	for (int i = 0; i < LOG_TARGETS; i++)
		if (!state.target[i].retry)
			state.target[i].fd = -1;
	ring_init(&super.events, memory[2], RING);
	for (int i = 0; i < 2; i++) {
		snprintf(path[i], sizeof path[i], "%s/%d.log", folder, i);
		conf[i] = (struct service_conf){.name = i ? "two" : "one", .log = LOG_NONE, .log_path = path[i]};
		places[i] = (struct service){.conf = &conf[i], .log = {-1, -1}};
		ring_init(&places[i].ring, memory[i], RING);
		CHECK(log_open(&places[i]) == 0);
	}
}

static void end(void)
{
	log_close(&places[0]);
	log_close(&places[1]);
	CHECK(places[0].log[0] == -1 && places[1].log[1] == -1);
}

static void say(int i, const char *what)
{
	CHECK(write(places[i].log[1], what, strlen(what)) == (ssize_t)strlen(what));
	log_read(&super, &places[i]);
}

/* One turn of the loop; as long as something is to be done, up to 200 ms. */
static void turns(int n)
{
	struct pollfd fds[LOG_POLL];
	int64_t deadline;

	while (n--) {
		super.now = k_now_ms();
		log_move(&super);
		deadline = log_deadline(&super);
		poll(fds, (nfds_t)log_poll(&super, fds), deadline && deadline <= super.now ? 0 : 5);
	}
}

static const char *content(const char *name)
{
	int fd = open(name, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	text[n < 0 ? 0 : n] = '\0';
	close(fd);
	return n < 0 ? NULL : text;
}

/* Waits until the file ends with this. */
static int file_ends(const char *name, const char *with)
{
	const char *have;

	for (int i = 0; i < 600; i++) {
		turns(1);
		have = content(name);
		if (have && strlen(have) >= strlen(with) &&
		    !strcmp(have + strlen(have) - strlen(with), with))
			return 1;
	}
	return 0;
}

static int the_child(void)
{
	char name[64];

	snprintf(name, sizeof name, "/proc/self/task/%d/children", (int)getpid());
	return content(name) ? atoi(text) : 0;
}

static const char *plain(const char *what)
{
	snprintf(text, sizeof text, "%s", what);
	text_plain(text, strlen(text));
	return text;
}

static void printable(void)
{
	CHECK_STR(plain("a\tb~ \x1b[2Jc\r\n\x7f\x01"), "a\tb~ ?[2Jc????");
	CHECK_STR(plain("\xc3\xa4\xc3\x84\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa4\xc3\x84\xe2\x82\xac\xf0\x9f\x98\x80");
	CHECK_STR(plain("\x9b" "2J \xc2\x9b" "2J \xc2\xa0"), "?2J \xc2?2J \xc2\xa0");
}

static void pipes(void)
{
	uint64_t at = 0, lost = 0;
	char chunk[RING_CHUNK];
	int64_t time;
	int fd;

	start();
	log_read(&super, &places[0]);	/* nothing there: does not wait */
	say(0, "a\x1b\nb");
	CHECK(ring_get(&places[0].ring, &at, &time, chunk, &lost) == 3 && !memcmp(chunk, "a\x1b\n", 3));
	CHECK(time == super.now && ring_unfinished(&places[0].ring));
	log_end(&super, &places[0]);
	log_end(&super, &places[0]);
	CHECK(places[0].ring.head - at == 2 * 8 + 2 && !ring_unfinished(&places[0].ring));
	/* The same pipe for the next payload, as new. */
	fd = places[0].log[1];
	CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK) && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK(fcntl(places[0].log[0], F_GETFL) & O_NONBLOCK);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	CHECK(!log_open(&places[0]) && places[0].log[1] == fd && !(fcntl(fd, F_GETFL) & O_NONBLOCK));
	CHECK(places[0].log_lost == 0 && the_child() == 0 && log_deadline(&super) == 0);
	end();
}

static void files(void)
{
	char old[80], line[32], all[20000] = "";
	struct stat st;

	start();
	conf[0].log = conf[1].log = LOG_FILE;
	conf[0].log_file_size = 4096;
	conf[0].log_keep = 2;
	say(0, "unfinish");
	say(1, "other\n");
	say(0, "ed\nnot yet");
	CHECK(file_ends(path[0], "unfinished\n") && file_ends(path[1], "other\n"));
	CHECK(!stat(path[0], &st) && (st.st_mode & 0777) == 0640);
	say(0, "\n");
	for (int i = 0; i < 3000; i++) {
		snprintf(line, sizeof line, "line %d\n", i);
		say(0, line);
		if (i % 100 == 0)
			turns(1);
	}
	CHECK(file_ends(path[0], "line 2999\n"));
	for (int i = 2; i >= 0; i--) {
		snprintf(old, sizeof old, i ? "%s.%d" : "%s", path[0], i);
		CHECK(content(old) && strlen(text) <= 4096);
		strcat(all, text);
	}
	/* Not a byte between the old files and the new one is missing. */
	CHECK(!strncmp(all, "line ", 5) && atoi(all + 5) > 1000);
	for (int i = atoi(all + 5), n = 0; i < 3000; i++, n += (int)strlen(line)) {
		snprintf(line, sizeof line, "line %d\n", i);
		CHECK(!strncmp(all + n, line, strlen(line)));
	}
	snprintf(old, sizeof old, "%s.3", path[0]);
	CHECK(stat(old, &st) && places[0].log_lost == 0);
	/* One that is moved away is made anew. */
	CHECK(!rename(path[1], old));
	say(1, "new\n");
	CHECK(file_ends(path[1], "new\n") && !strcmp(content(path[1]), "new\n"));
	unlink(old);
	end();
}

static void killed(void)
{
	int pid = the_child(), status;

	start();
	conf[0].log = LOG_FILE;
	CHECK(pid > 0 && !log_reaped(&super, pid + 1) && !log_reaped(&super, 0));
	kill(pid, SIGTERM);	/* does not hear */
	say(0, "lives\n");
	CHECK(file_ends(path[0], "lives\n") && the_child() == pid);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid);
	say(0, "nobody there\n");
	CHECK(the_child() == 0);
	CHECK(log_reaped(&super, pid) && !log_reaped(&super, pid));
	CHECK(log_deadline(&super) > super.now && log_deadline(&super) <= super.now + 1000);
	/* Not again at once. */
	turns(3);
	CHECK(the_child() == 0);
	CHECK(file_ends(path[0], "nobody there\n") && the_child() != pid);
	CHECK(log_deadline(&super) == 0 && places[0].log_lost == 0);
	end();
}

/* A disk that hangs: nothing waits, what has no room is counted and told. */
static void hung(void)
{
	int pid = the_child(), status;
	char line[16];
	int64_t before;

	start();
	conf[0].log = conf[1].log = LOG_FILE;
	kill(pid, SIGSTOP);
	before = k_now_ms();
	for (int i = 0; i < 100000; i++) {
		snprintf(line, sizeof line, "%07d\n", i);
		say(0, line);
	}
	say(1, "me too\n");
	CHECK(k_now_ms() - before < 5000);
	CHECK(places[0].log_lost > 100000 && places[1].log_lost == 0);
	turns(5);
	kill(pid, SIGCONT);
	CHECK(file_ends(path[0], "0099999\n") && strstr(text, "[hutch: about "));
	CHECK(file_ends(path[1], "me too\n") && places[0].log_untold == 0);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, &status, 0) == pid && log_reaped(&super, pid));
	end();
}

/* A line in the ring and one for people, who need not listen. */
static void events(void)
{
	uint64_t at = 0, lost = 0;
	char chunk[RING_CHUNK + 1], longest[600];
	int64_t time;
	int ends[2], keep = dup(2);
	size_t n;

	start();
	signal(SIGPIPE, SIG_IGN);	/* the supervisor blocks it */
	CHECK(!pipe(ends) && dup2(ends[1], 2) == 2);
	super.now = 12034;
	places[0].state = STATE_UP;
	event_tell(&super, &places[0], "because %s", "a\nb");
	/* It is put into words when somebody reads, or the turn is over. */
	event_settle();
	n = ring_get(&super.events, &at, &time, chunk, &lost);
	chunk[n] = '\0';
	CHECK_STR(chunk, "time=12.034 service=one state=up text=\"because a?b\"\n");
	event_tell(&super, &places[0], "%s", "");	/* the state says it */
	event_settle();
	n = ring_get(&super.events, &at, &time, chunk, &lost);
	chunk[n] = '\0';
	CHECK_STR(chunk, "time=12.034 service=one state=up\n");
	memset(longest, 'x', sizeof longest);
	longest[599] = '\0';
	event_tell(&super, NULL, "%s", longest);
	event_settle();
	n = ring_get(&super.events, &at, &time, chunk, &lost);
	CHECK(n > 440 && n <= RING_CHUNK && chunk[n - 1] == '\n' && !memcmp(chunk, "time=12.034 text=xxx", 20));
	/* People are told when the turn is over. */
	CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && read(ends[0], text, 1000) < 0);
	event_flush();
	n = (size_t)read(ends[0], text, 1000);
	text[46] = '\0';
	CHECK_STR(text, "hutch: one: up: because a?b\nhutch: one: up\nhut");
	CHECK(n > 440 && n < 500);
	/* Nobody reads: dropped; the pipe's own flags stay. */
	for (int i = 0; i < 1000; i++)
		event_tell(&super, NULL, "%s", longest);
	CHECK(!(fcntl(2, F_GETFL) & O_NONBLOCK));
	close(ends[0]);
	event_tell(&super, NULL, "nobody");
	event_flush();
	close(2);
	event_tell(&super, NULL, "closed");
	event_flush();
	dup2(keep, 2);
	close(keep);
	close(ends[1]);
	end();
}

int main(void)
{
	char name[80];

	if (!mkdtemp(folder))
		return 1;
	TEST(printable);
	TEST(pipes);
	TEST(files);
	TEST(killed);
	TEST(hung);
	TEST(events);
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof name, i % 3 ? "%s/%d.log.%d" : "%s/%d.log", folder, i / 3, i % 3);
		unlink(name);
	}
	rmdir(folder);
	return test_end();
}
