/* The tables below /proc/sysvipc. */
#include "test.h"

#include <string.h>

#include "base/sysv.h"

#define SHM_HEAD "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap\n"

static struct sysv_table t;
static struct sysv s;

static void rows(void)
{
	CHECK(!sysv_open(&t, SHM_HEAD
		"      4712         -1   666                  4096  1234     0      0     0    10    20    30          0          0 1763850000                     0                     1\n"
		"-559038737 2147483647     0  9223372036854775807  1234 99999 4294967295     0     0 4294967294     0 18446744073 1 2 3 4\n"));
	CHECK(t.columns == 16);
	CHECK(sysv_next(&t, &s) == 1);
	CHECK(s.value[SYSV_key] == 4712 && s.value[SYSV_id] == -1 && s.value[SYSV_mode] == 666);
	CHECK(s.value[SYSV_bytes] == 4096 && s.value[SYSV_creator_pid] == 1234 && s.value[SYSV_attached] == 0);
	CHECK(s.value[SYSV_gid] == 10 && s.value[SYSV_creator_uid] == 20 && s.value[SYSV_creator_gid] == 30);
	CHECK(s.value[SYSV_changed_at] == 1763850000 && s.value[SYSV_swapped] == 1);
	CHECK(s.has & 1u << SYSV_attached && !(s.has & 1u << SYSV_messages));
	CHECK(sysv_next(&t, &s) == 1);
	CHECK(s.value[SYSV_key] == -559038737 && s.value[SYSV_bytes] == INT64_MAX);
	CHECK(s.value[SYSV_attached] == 4294967295 && s.value[SYSV_attached_at] == 18446744073);
	CHECK(!sysv_next(&t, &s));
	CHECK(!sysv_next(&t, &s));
}

/* The order of the columns is the kernel's, and so is what it adds one day. */
static void columns(void)
{
	CHECK(!sysv_open(&t, "news msqid key lspid lrpid qnum cbytes stime rtime nsems otime perms\n7 1 2 3 4 5 6 7 8 9 10 11\n"));
	CHECK(sysv_next(&t, &s) == 1);
	CHECK(s.value[SYSV_id] == 1 && s.value[SYSV_key] == 2 && s.value[SYSV_sender] == 3 && s.value[SYSV_receiver] == 4);
	CHECK(s.value[SYSV_messages] == 5 && s.value[SYSV_bytes] == 6 && s.value[SYSV_sent_at] == 7);
	CHECK(s.value[SYSV_received_at] == 8 && s.value[SYSV_semaphores] == 9 && s.value[SYSV_used_at] == 10);
	CHECK(!strcmp(sysv_names[SYSV_used_at], "used_at") && !strcmp(sysv_names[SYSV_key], "key"));
	CHECK(!sysv_open(&t, "key semid\n") && !sysv_next(&t, &s));
}

static void garbage(void)
{
	static const char *const heads[] = {
		"", "\n", "key", "key semid", "key semid size", "key perms\n", "semid\n", "key key semid\n", "key semid shmid\n",
		"1 2\n", "keysemid\n",
		"key semid a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5\n",
	};
	static const char *const lines[] = {
		"1\n", "1 2 3\n", "1 x\n", "1 2", "1 0x2\n", "1 2\t\n", "\n", " \n", "1 9223372036854775808\n", "1 02\n", "1 2.0\n",
		"1 +2\n", "1 --2\n", "1 2000000000000000000000000000000000000000000000000\n", "1 111111111111111111111112\n",
	};
	char text[200];

	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		CHECK(sysv_open(&t, heads[i]) == -1);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		strcpy(text, "key semid\n");
		strcat(text, lines[i]);
		CHECK(!sysv_open(&t, text) && sysv_next(&t, &s) == -1);
	}
}

int main(void)
{
	TEST(rows);
	TEST(columns);
	TEST(garbage);
	return test_end();
}
