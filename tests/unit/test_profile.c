/*
 * test_profile.c - tests of src/profile: every key there and back, and every way
 * in which a value or a file can be wrong.
 *
 * For: a row per key; a key of keys.def without one fails the test.
 * Never: reads files; includes come from a table.
 */
#include "profile/profile.h"
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

static char memory[4 << 20] __attribute__((aligned(16)));
static struct arena arena;
static struct profile p;
static struct diags diags;
static struct profile_reader reader;

/* Files by name; the first is the one under test. */
static struct file {
	const char *name, *text;
	size_t length;		/* 0: of the string */
} files[4];

static int load(void *ctx, const char *path, const char *from, struct profile_text *to,
		struct err *e)
{
	CHECK(ctx == files);
	CHECK(from == NULL || strlen(from) > 0);
	for (int i = 0; i < 4; i++) {
		if (!files[i].name || strcmp(files[i].name, path) != 0)
			continue;
		to->name = files[i].name;
		to->text = files[i].text;
		to->length = files[i].length ? files[i].length : strlen(files[i].text);
		return 0;
	}
	return err_set(e, ENOENT, "%s", path);
}

static void begin(void)
{
	arena_init(&arena, memory, sizeof memory);
	profile_init(&p, &arena);
	diags_init(&diags, &arena);
	profile_reader_init(&reader, &p, &diags, load, files);
}

static void read_text(const char *text)
{
	memset(files, 0, sizeof files);
	files[0] = (struct file){ "t", text, 0 };
	begin();
	reader.machine = !strncmp(text, "boot.", 5);
	profile_file(&reader, "t");
}

static const char *findings(void)
{
	static char text[70000];
	struct out o;

	out_init(&o, text, sizeof text);
	profile_print_diags(&p, &diags, &o);
	return text;
}

static const char *printed(void)
{
	static char text[70000];
	struct out o;

	out_init(&o, text, sizeof text);
	profile_print(&p, &o);
	CHECK(!o.lost);
	return text;
}

/* A value, and how it is printed; NULL: as it was written. Lines end with \n but the last. */
static const struct row {
	enum key_id key;
	const char *text, *print;
} rows[] = {
	{KEY_exec, "exec=/bin/sh -c \"a  b\" \"\" #x", "exec=/bin/sh -c \"a  b\" \"\" \"#x\""},
	{KEY_exec, "exec=a", NULL},
	{KEY_user, "user=www-data", NULL},
	{KEY_user, "user=4294967294", NULL},
	{KEY_user, "user=0", NULL},
	{KEY_group, "group=audio", NULL},
	{KEY_groups, "groups=audio 44\ngroups=video", "groups=audio\ngroups=44\ngroups=video"},
	{KEY_env, "env=A=1 \"B=x y\" C=\nenv=A==", "env=A=1\nenv=\"B=x y\"\nenv=C=\nenv=A=="},
	{KEY_env_pass, "env-pass=HOME TERM", "env-pass=HOME\nenv-pass=TERM"},
	{KEY_workdir, "workdir=\"/a b\"", NULL},
	{KEY_workdir, "workdir=/", NULL},
	{KEY_umask, "umask=22", "umask=022"},
	{KEY_umask, "umask=0", "umask=000"},
	{KEY_umask, "umask=7777", NULL},
	{KEY_nice, "nice=-20", NULL},
	{KEY_nice, "nice=19", NULL},
	{KEY_nice, "nice = 0 ", "nice=0"},
	{KEY_oom_score, "oom-score=-1000", NULL},
	{KEY_oom_score, "oom-score=1000", NULL},
	{KEY_cpus, "cpus=0-3,5", "cpus=0,1,2,3,5"},
	{KEY_cpus, "cpus=1023", NULL},
	{KEY_ioprio, "ioprio=realtime 0", NULL},
	{KEY_ioprio, "ioprio=best-effort 7", NULL},
	{KEY_ioprio, "ioprio=idle", NULL},
	{KEY_sched, "sched=other", NULL},
	{KEY_sched, "sched=batch", NULL},
	{KEY_sched, "sched=idle", NULL},
	{KEY_sched, "sched=fifo 1", NULL},
	{KEY_sched, "sched=rr 99", NULL},
	{KEY_rlimit, "rlimit.nofile=1024\nrlimit.core=0:unlimited\nrlimit.as=1g:2g\nrlimit.rttime=unlimited", NULL},
	{KEY_stdin, "stdin=inherit", NULL},
	{KEY_stdin, "stdin=null", NULL},
	{KEY_stdin, "stdin=\"/a b\"", NULL},
	{KEY_stdout, "stdout=append /log", NULL},
	{KEY_stdout, "stdout=/log", NULL},
	{KEY_stderr, "stderr=append \"/l g\"", NULL},
	{KEY_fd, "fd=3 4\nfd=1023", "fd=3\nfd=4\nfd=1023"},
	{KEY_tty, "tty=auto", NULL},
	{KEY_tty, "tty=no", NULL},
	{KEY_init, "init=yes", NULL},
	{KEY_hostname, "hostname=web-1.lan", NULL},
	{KEY_domainname, "domainname=lan", NULL},
	{KEY_timeout, "timeout=2m", "timeout=120000ms"},
	{KEY_timeout, "timeout=0", "timeout=0ms"},
	{KEY_root, "root=/srv", NULL},
	{KEY_root, "root=/srv norec", "root=/srv"},
	{KEY_root, "root=\"/srv/a b\" rec", NULL},
	{KEY_root, "root=/", NULL},
	{KEY_root, "root=/ rec", "root=/"},
	{KEY_root, "root=/ norec", NULL},
	{KEY_root, "root=tmpfs", NULL},
	{KEY_root, "root=tmpfs mode=1700 size=4k", "root=tmpfs size=4096 mode=1700"},
	{KEY_root, "root=tmpfs mode=0", "root=tmpfs mode=000"},
	{KEY_root, "root=image /a.img", NULL},
	{KEY_root, "root=image \"/a b.img\" squashfs", NULL},
	{KEY_root, "root=cpio /a.cpio.gz", NULL},
	{KEY_root, "root=cpio /a.cpio size=1m", "root=cpio /a.cpio size=1048576"},
	{KEY_root_mode, "root-mode=ro", NULL},
	{KEY_root_mode, "root-mode=overlay", NULL},
	{KEY_root_seal, "root-seal=no", NULL},
	{KEY_ahead, "ahead=3", NULL},
	{KEY_template, "template=no", NULL},
	{KEY_template, "template=keep", NULL},
	{KEY_bind, "bind=/a", "bind=/a /a"},
	{KEY_bind, "bind=/a /b", NULL},
	{KEY_bind, "bind=/a rw rec", "bind=/a /a rw rec"},
	{KEY_bind, "bind=\"/a b\" \"/c d\" rw rec suid dev exec optional create slave idmap=0:100000:65536", NULL},
	{KEY_bind, "bind=/a /b noexec nodev nosuid ro shared", "bind=/a /b ro nosuid nodev noexec shared"},
	{KEY_bind, "bind=/a /b private\nbind=/a /b unbindable\nbind=/a /b slave+shared", NULL},
	{KEY_tmpfs, "tmpfs=/t", NULL},
	{KEY_tmpfs, "tmpfs=/t gid=4294967294 uid=0 mode=1777 size=0 ro noexec create shared",
	 "tmpfs=/t ro noexec create shared size=0 mode=1777 uid=0 gid=4294967294"},
	{KEY_proc, "proc=none", NULL},
	{KEY_proc, "proc=/proc ro subset=pid hidepid=2 create", "proc=/proc ro create subset=pid hidepid=2"},
	{KEY_sysfs, "sysfs=/sys rw create", NULL},
	{KEY_mqueue, "mqueue=/dev/mqueue ro", NULL},
	{KEY_devpts, "devpts=/dev/pts create", NULL},
	{KEY_dev, "dev=minimal", NULL},
	{KEY_dev, "dev=host", NULL},
	{KEY_dev, "dev=none", NULL},
	{KEY_device, "device=/dev/null", "device=/dev/null /dev/null"},
	{KEY_device, "device=/dev/a /dev/b rw optional", NULL},
	{KEY_overlay, "overlay=/l /d", NULL},
	{KEY_overlay, "overlay=/l /d lower=/m ro upper=/u \"lower=/n o\" work=/w size=1k create",
	 "overlay=/l /d ro create size=1024 \"upper=/u\" \"work=/w\" lower=/m \"lower=/n o\""},
	{KEY_mount, "mount=ext4 /dev/sda1 /mnt", NULL},
	{KEY_mount, "mount=9p \"a b\" /mnt trans=virtio,ro rw dev exec optional private", NULL},
	{KEY_mask, "mask=none", NULL},
	{KEY_mask, "mask=/proc/kcore optional\nmask=/x", NULL},
	{KEY_file, "file=/etc/motd", NULL},
	{KEY_file, "file=/etc/motd uid=1 mode=600 gid=2 \"a line\" \"\" mode=1",
	 "file=/etc/motd mode=600 uid=1 gid=2 \"a line\" \"\" mode=1"},
	{KEY_symlink, "symlink=../a /b", NULL},
	{KEY_hub, "hub.media=/run/media share\nhub.disk=\"/mnt/my disk\"\nhub=media /media\n"
	 "bind=/etc\nhub=disk /disk create noexec optional shared rw",
	 "hub=media /media\nbind=/etc /etc\nhub=disk /disk rw noexec optional create shared\n"
	 "hub.media=/run/media share\nhub.disk=\"/mnt/my disk\""},
	{KEY_hub_path, "hub.a.b=/run/media", NULL},
	{KEY_dir, "dir=/d mode=1777 uid=1 gid=2", NULL},
	{KEY_propagation, "propagation=private", NULL},
	{KEY_propagation, "propagation=slave+shared rec", NULL},
	{KEY_propagation, "propagation=unbindable", NULL},
	{KEY_ns, "ns=time user mount", "ns=mount user time"},
	{KEY_ns, "ns=none", NULL},
	{KEY_ns, "ns=mount ipc pid uts net user cgroup time", NULL},
	{KEY_ns_mount, "ns.mount=host", NULL},
	{KEY_ns_pid, "ns.pid=path /proc/1/ns/pid", NULL},
	{KEY_ns_uts, "ns.uts=new", NULL},
	{KEY_ns_user, "ns.user=new", NULL},
	{KEY_ns_cgroup, "ns.cgroup=path \"/a b\"", NULL},
	{KEY_ns_time, "ns.time=host", NULL},
	{KEY_ipc, "ipc=group cam.1", NULL},
	{KEY_ipc, "ipc=path /run/ipc", NULL},
	{KEY_net, "net=none", NULL},
	{KEY_net, "net=path /run/netns/a", NULL},
	{KEY_uidmap, "uidmap=0 100000 65536\nuidmap=4294967294 4294967294 1", NULL},
	{KEY_gidmap, "gidmap=0 1 4294967294", NULL},
	{KEY_time_offset, "time-offset=monotonic -5\ntime-offset=boottime 4611686018", NULL},
	{KEY_ipc_msgmax, "ipc.msgmax=2147483647", NULL},
	{KEY_ipc_msgmnb, "ipc.msgmnb=0", NULL},
	{KEY_ipc_msgmni, "ipc.msgmni=7", NULL},
	{KEY_ipc_shmmax, "ipc.shmmax=9223372036854775807", NULL},
	{KEY_ipc_shmall, "ipc.shmall=9223372036854775807", NULL},
	{KEY_ipc_shmmni, "ipc.shmmni=32768", NULL},
	{KEY_ipc_sem, "ipc.sem=250   32000 32 128", "ipc.sem=250 32000 32 128"},
	{KEY_ipc_sem, "ipc.sem=2147483647 2147483647 2147483647 2147483647", NULL},
	{KEY_ipc_rmid, "ipc.shm-rmid-forced=1", NULL},
	{KEY_ipc_mq_queues_max, "ipc.mq.queues-max=0", NULL},
	{KEY_ipc_mq_msg_max, "ipc.mq.msg-max=65536", NULL},
	{KEY_ipc_mq_msgsize_max, "ipc.mq.msgsize-max=16777216", NULL},
	{KEY_ipc_mq_msg_default, "ipc.mq.msg-default=1", NULL},
	{KEY_ipc_mq_msgsize_default, "ipc.mq.msgsize-default=128", NULL},
	{KEY_shm, "shm=group", NULL},
	{KEY_shm, "shm=group desk.1", NULL},
	{KEY_shm, "shm=none", NULL},
	{KEY_shm_size, "shm-size=64m", "shm-size=67108864"},
	{KEY_caps, "caps=none", NULL},
	{KEY_caps, "caps=all", NULL},
	{KEY_caps, "caps=net_raw chown -chown checkpoint_restore", "caps=net_raw checkpoint_restore"},
	{KEY_caps, "caps=-chown", "caps=none"},
	{KEY_caps_bounding, "caps.bounding=sys_admin", NULL},
	{KEY_caps_permitted, "caps.permitted=chown dac_override", NULL},
	{KEY_caps_effective, "caps.effective=kill", NULL},
	{KEY_caps_inheritable, "caps.inheritable=all", NULL},
	{KEY_caps_ambient, "caps.ambient=net_bind_service", NULL},
	{KEY_no_new_privs, "no-new-privs=no", NULL},
	{KEY_securebits, "securebits=locked noroot", "securebits=noroot locked"},
	{KEY_securebits, "securebits=noroot no-setuid-fixup keep-caps no-ambient-raise locked", NULL},
	{KEY_keyring, "keyring=inherit", NULL},
	{KEY_type, "type=oneshot", NULL},
	{KEY_type, "type=console", NULL},
	{KEY_start, "start=demand", NULL},
	{KEY_after, "after=net log-1\nafter=net", "after=net\nafter=log-1\nafter=net"},
	{KEY_needs, "needs=db", NULL},
	{KEY_restart, "restart=on-failure", NULL},
	{KEY_restart_delay, "restart-delay=1ms 1d", "restart-delay=1ms 86400000ms"},
	{KEY_restart_delay, "restart-delay=1", "restart-delay=1000ms 10000ms"},
	{KEY_restart_delay, "restart-delay=20s", "restart-delay=20000ms 20000ms"},
	{KEY_restart_delay, "restart-delay=0 0", "restart-delay=0ms 0ms"},
	{KEY_restart_delay, "restart-delay=5 5", "restart-delay=5000ms 5000ms"},
	{KEY_restart_reset, "restart-reset=45d", "restart-reset=3888000000ms"},
	{KEY_restart_limit, "restart-limit=1 1ms", NULL},
	{KEY_restart_limit, "restart-limit=1000 45d", "restart-limit=1000 3888000000ms"},
	{KEY_on_limit, "on-limit=slow 5m", "on-limit=slow 300000ms"},
	{KEY_on_limit, "on-limit=stop", NULL},
	{KEY_on_limit, "on-limit=exit", "on-limit=exit 1"},
	{KEY_on_limit, "on-limit=exit 0", NULL},
	{KEY_on_limit, "on-limit=exit 255", NULL},
	{KEY_on_limit, "on-limit=reboot", NULL},
	{KEY_success, "success=255 0 SIGTERM\nsuccess=15 HUP 255",
	 "success=0\nsuccess=15\nsuccess=255\nsuccess=HUP\nsuccess=TERM"},
	{KEY_ready, "ready=none", NULL},
	{KEY_ready, "ready=fd 3", NULL},
	{KEY_ready, "ready=fd 255", NULL},
	{KEY_ready, "ready=notify", NULL},
	{KEY_start_timeout, "start-timeout=0", "start-timeout=0ms"},
	{KEY_stop_signal, "stop-signal=SIGINT", "stop-signal=INT"},
	{KEY_stop_signal, "stop-signal=15", "stop-signal=TERM"},
	{KEY_stop_signal, "stop-signal=64", NULL},
	{KEY_stop_timeout, "stop-timeout=10", "stop-timeout=10000ms"},
	{KEY_watchdog, "watchdog=500ms", NULL},
	{KEY_critical, "critical=yes", NULL},
	{KEY_boot_hostname, "boot.hostname=box", NULL},
	{KEY_boot_lo, "boot.lo=no", NULL},
	{KEY_boot_sysctl, "boot.sysctl=a.b=1 \"c/d=2 3\"", "boot.sysctl=a.b=1\nboot.sysctl=\"c/d=2 3\""},
	{KEY_boot_module, "boot.module=a-b x=1 \"y=2 3\"\nboot.module=c", NULL},
	{KEY_boot_mount, "boot.mount=bind /a \"/b c\" rw create slave+shared\nboot.mount=ext4 /dev/x /y noatime", NULL},
	{KEY_boot_console, "boot.console=/dev/ttyS0", NULL},
	{KEY_boot_root, "boot.root=/dev/sda1 ext4", "boot.root=/dev/sda1 ext4 ro wait=10000ms"},
	{KEY_boot_root, "boot.root=/dev/sda1 ext4 rw wait=1s \"options=a,b c\" overlay=tmpfs",
	 "boot.root=/dev/sda1 ext4 rw overlay=tmpfs \"options=a,b c\" wait=1000ms"},
	{KEY_boot_root, "boot.root=/a erofs overlay=/dev/b:c:ext4 ro wait=1ms",
	 "boot.root=/a erofs ro \"overlay=/dev/b:c:ext4\" wait=1ms"},
	{KEY_boot_init, "boot.init=/init", NULL},
	{KEY_boot_watchdog, "boot.watchdog=/dev/w 5", "boot.watchdog=/dev/w 5000ms budget=60000ms"},
	{KEY_boot_watchdog, "boot.watchdog=\"/dev/w d\" 1h budget=1d", "boot.watchdog=\"/dev/w d\" 3600000ms budget=86400000ms"},
	{KEY_boot_readers, "boot.readers=104", NULL},
	{KEY_boot_deadline, "boot.deadline=45d", "boot.deadline=3888000000ms"},
	{KEY_boot_shutdown_timeout, "boot.shutdown-timeout=1ms", NULL},
	{KEY_boot_setup_timeout, "boot.setup-timeout=1m", "boot.setup-timeout=60000ms"},
	{KEY_boot_rescue_timeout, "boot.rescue-timeout=0", "boot.rescue-timeout=0ms"},
	{KEY_boot_good, "boot.good=none", NULL},
	{KEY_boot_good, "boot.good=/data/good", NULL},
	{KEY_every, "every=365d", "every=31536000000ms"},
	{KEY_on_mount, "on-mount=/media/*", NULL},
	{KEY_on_mount, "on-mount=\"/media/a b/[!]a-z]?/x\"", NULL},
	{KEY_on_path, "on-path=/run/x", NULL},
	{KEY_listen, "listen=tcp *:80\nlisten=tcp 127.0.0.1:1 name=a\nlisten=udp [::1]:65535\nlisten=tcp [::]:22", NULL},
	{KEY_listen, "listen=tcp [1:2:3:4:5:6:7::]:80\nlisten=tcp [fe80::A:ffff]:1", NULL},
	{KEY_listen, "listen=unix /run/a\nlisten=unix \"/run/a b\" dgram mode=666 name=x.y\nlisten=unix /c seqpacket mode=000", NULL},
	{KEY_listen, "listen=unix /run/a name=x mode=0600 seqpacket", "listen=unix /run/a seqpacket name=x"},
	{KEY_log, "log=ring", NULL},
	{KEY_log, "log=console", NULL},
	{KEY_log, "log=kmsg", NULL},
	{KEY_log, "log=syslog", NULL},
	{KEY_log, "log=file /a", "log=file /a size=1048576 keep=3"},
	{KEY_log, "log=file \"/a b\" keep=0 size=4k", "log=file \"/a b\" size=4096 keep=0"},
	{KEY_log, "log=file /a keep=99", "log=file /a size=1048576 keep=99"},
	{KEY_log_size, "log-size=4k", "log-size=4096"},
	{KEY_ahead, "ahead=2", "ahead=2"},
};
enum { ROWS = sizeof rows / sizeof *rows };

static void round_trips(void)
{
	for (int i = 0; i < ROWS; i++) {
		char want[1000], again[4000];

		snprintf(want, sizeof want, "%s\n", rows[i].print ? rows[i].print : rows[i].text);
		read_text(rows[i].text);
		CHECK_STR(findings(), "");
		CHECK(profile_has(&p, rows[i].key));
		CHECK_STR(printed(), want);
		/* What is printed reads back the same, and is printed the same. */
		strcpy(again, printed());
		read_text(again);
		CHECK_STR(findings(), "");
		CHECK_STR(printed(), want);
	}
}

static void every_key_has_a_row(void)
{
	for (unsigned k = KEY_NONE + 1; k < KEY_COUNT; k++) {
		int found = 0;

		for (int i = 0; i < ROWS; i++)
			found |= rows[i].key == k;
		if (!found)
			CHECK_STR(keys[k].word, "in the table rows of test_profile.c");
	}
}

/* Every word of every choice, from the syntax that keys.def shows. */
static void every_choice(void)
{
	for (unsigned k = KEY_NONE + 1; k < KEY_COUNT; k++) {
		const char *word = key_syntax(&keys[k]);

		if (keys[k].type != TYPE_CHOICE)
			continue;
		while (*word) {
			int n = (int)strcspn(word, "|");
			char line[100];

			snprintf(line, sizeof line, "%s=%.*s\n", keys[k].word, n, word);
			read_text(line);
			CHECK_STR(findings(), "");
			CHECK_STR(printed(), line);
			word += n + (word[n] == '|');
		}
	}
}

/* Both ends of every range that keys.def shows, and one beyond. */
static void every_range(void)
{
	for (unsigned k = KEY_NONE + 1; k < KEY_COUNT; k++) {
		const char *dots = strstr(key_syntax(&keys[k]), "..");
		char line[100];
		long long min, max;

		if ((keys[k].type != TYPE_INT && keys[k].type != TYPE_SYSCTL) || !dots)
			continue;
		min = strtoll(key_syntax(&keys[k]), NULL, 10);
		max = strtoll(dots + 2, NULL, 10);
		CHECK(min < max);
		for (int i = -1; i <= 1; i += 2)
			for (int beyond = 0; beyond < 2; beyond++) {
				unsigned long long end = i < 0 ? (unsigned long long)min - (unsigned)beyond
							       : (unsigned long long)max + (unsigned)beyond;

				if (i < 0)
					snprintf(line, sizeof line, "%s=%lld\n", keys[k].word, (long long)end);
				else
					snprintf(line, sizeof line, "%s=%llu\n", keys[k].word, end);
				read_text(line);
				if (diags.count != (unsigned)beyond)
					CHECK_STR(line, "right");
				if (!beyond)
					CHECK_STR(printed(), line);
			}
	}
}

/* No key takes a value out of thin air: empty, blank, control or a stray quote. */
static void every_key_is_strict(void)
{
	static const char *const values[] = { "", "  ", "\"", "a \"b", "\001", "a\033b" };

	for (unsigned k = KEY_NONE + 1; k < KEY_COUNT; k++)
		for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
			char line[100];

			snprintf(line, sizeof line, "%s%s=%s", keys[k].word,
				 keys[k].word[strlen(keys[k].word) - 1] == '.' ? "nofile" : "", values[i]);
			read_text(line);
			CHECK(diags.count == 1);
			if (!*findings())
				CHECK_STR(line, "wrong");
		}
}

/* A key said once must not be said twice; one that may adds up. */
static void once_and_many(void)
{
	for (int i = 0; i < ROWS; i++) {
		char text[1000];
		unsigned times = 0;

		if (strchr(rows[i].text, '\n'))
			continue;
		snprintf(text, sizeof text, "%s\n%s\n", rows[i].text, rows[i].text);
		read_text(text);
		times = diags.count;
		CHECK(times == (keys[rows[i].key].often == OFTEN_ONCE || keys[rows[i].key].type == TYPE_RLIMIT ||
			       keys[rows[i].key].type == TYPE_HUB));
	}
	read_text("nice=1\nnice=1\nnice=2");
	CHECK_STR(findings(), "t:2:1: nice given twice, first in line 1\nt:3:1: nice given twice, first in line 1\n");
	CHECK_STR(printed(), "nice=1\n");
}

/* Each wrong value, to the word. */
static const struct {
	const char *text, *want;
} wrongs[] = {
	{"exec=\"\"", "t:1:6: exec has an empty program\n"},
	{"user=a b", "t:1:8: user takes NAME|NUMBER\n"},
	{"user=4294967295", "t:1:6: user is a name or a number up to 4294967294, not 4294967295\n"},
	{"group=-1", "t:1:7: group is a name or a number up to 4294967294, not -1\n"},
	{"groups=a 0x0 01",
	 "t:1:10: groups is a name or a number up to 4294967294, not 0x0\n"
	 "t:1:14: groups is a name or a number up to 4294967294, not 01\n"},
	{"env=A B=1 =C", "t:1:5: env takes NAME=VALUE, not A\nt:1:11: env takes NAME=VALUE, not =C\n"},
	{"env-pass=A=B", "t:1:10: env-pass takes names of variables, not A=B\n"},
	{"workdir=a", "t:1:9: path a must be an absolute path\n"},
	{"umask=8", "t:1:7: umask is an octal mode up to 7777, not 8\n"},
	{"nice=20", "t:1:6: nice is a number in -20..19, not 20\n"},
	{"oom-score=1e3", "t:1:11: oom-score is a number in -1000..1000, not 1e3\n"},
	{"cpus=0-1024", "t:1:6: cpus is a list such as 0-3,5 of numbers below 1024, not 0-1024\n"},
	{"ioprio=realtime 8", "t:1:8: ioprio is realtime 0-7|best-effort 0-7|idle\n"},
	{"ioprio=best-effort 8", "t:1:8: ioprio is realtime 0-7|best-effort 0-7|idle\n"},
	{"sched=fifo 0", "t:1:7: sched is other|batch|idle|fifo 1-99|rr 1-99\n"},
	{"rlimit.nofil=1", "t:1:14: unknown limit nofil, did you mean nofile?\n"},
	{"rlimit.core=2:1",
	 "t:1:13: rlimit.core is SOFT[:HARD], numbers or unlimited, SOFT not above HARD, not 2:1\n"},
	{"stdin=append /a", "t:1:7: stdin is inherit|null|PATH\n"},
	{"stdout=a", "t:1:8: path a must be an absolute path\n"},
	{"stderr=null /a", "t:1:8: stderr is inherit|null|PATH|append PATH\n"},
	{"fd=2 1024", "t:1:4: fd is a descriptor from 3 to 1023, not 2\nt:1:6: fd is a descriptor from 3 to 1023, not 1024\n"},
	{"tty=on", "t:1:5: tty is auto|yes|no, not on\n"},
	{"hostname=-", "t:1:10: hostname is a name of letters, digits and ._- up to 64 bytes, not -\n"},
	{"timeout=1w", "t:1:9: timeout is a time such as 500ms, 10s or 5m, not 1w\n"},
	{"shm-size=1t", "t:1:10: shm-size is a size such as 512k, 64m or 1g, not 1t\n"},
	{"root=/a/..", "t:1:6: path /a/.. must not contain ..\n"},
	{"root=/ rec norec", "t:1:6: root says two opposite things\n"},
	{"bind=/a rw ro", "t:1:6: bind says two opposite things\n"},
	{"bind=/a /b rw rw", "t:1:15: rw given twice\n"},
	{"bind=/a /b opional", "t:1:12: unknown option opional, did you mean optional?\n"},
	{"tmpfs=/t size=1 mode=8", "t:1:17: mode=8: a mode is octal, up to 7777\n"},
	{"overlay=/l /d upper=/u upper=/v work=/w", "t:1:24: upper=/v given twice\n"},
	{"overlay=/l /d upper=/u work=/v work=/w", "t:1:32: work=/w given twice\n"},
	{"proc=/p hidepid=3", "t:1:9: hidepid is 0, 1 or 2\n"},
	{"propagation=slaev", "t:1:13: unknown propagation slaev, did you mean slave?\n"},
	{"ns=mount nte", "t:1:10: unknown namespace nte, did you mean net?\n"},
	{"ns.user=group a", "t:1:9: ns.user is new|host|path FILE\n"},
	{"ipc=group -a", "t:1:11: group -a: a name has letters, digits and ._- only\n"},
	{"uidmap=0 1 4294967295", "t:1:12: COUNT is a number from 1 up to 4294967294, not 4294967295\n"},
	{"gidmap=1 4294967294 2", "t:1:21: the range ends above 4294967294\n"},
	{"time-offset=monotonic 4611686019", "t:1:23: SECONDS is a whole number, not 4611686019\n"},
	{"ipc.shm-rmid-forced=2", "t:1:21: ipc.shm-rmid-forced is a number in 0..1, not 2\n"},
	{"ipc.sem=1 2 3 -4", "t:1:15: ipc.sem is four numbers: SEMMSL SEMMNS SEMOPM SEMMNI, not -4\n"},
	{"caps=chown nte_raw", "t:1:12: unknown capability nte_raw, did you mean net_raw?\n"},
	{"securebits=norot", "t:1:12: unknown securebit norot, did you mean noroot?\n"},
	{"after=a -b", "t:1:9: after takes names of services, not -b\n"},
	{"restart-delay=5s 4s", "t:1:18: restart-delay: MAX is below MIN\n"},
	{"restart-delay=1 25h", "t:1:17: restart-delay is a time up to 1d, not 25h\n"},
	{"restart-limit=0 1m", "t:1:15: COUNT is a number in 1..1000, not 0\n"},
	{"on-limit=exit 256", "t:1:15: STATUS is a number in 0..255, not 256\n"},
	{"success=256 NOPE",
	 "t:1:9: success takes statuses up to 255 and names of signals, not 256\n"
	 "t:1:13: success takes statuses up to 255 and names of signals, not NOPE\n"},
	{"ready=fd 2", "t:1:10: ready is a descriptor from 3 to 255, not 2\n"},
	{"stop-signal=65", "t:1:13: stop-signal is a signal such as TERM or 15, not 65\n"},
	{"watchdog=46d", "t:1:10: watchdog is a time up to 45d, not 46d\n"},
	{"on-mount=/a/[!]", "t:1:10: on-mount has a [ without a ]\n"},
	{"listen=tcp *:80 mode=600", "t:1:17: unknown option mode=600\n"},
	{"listen=unix /a dgram seqpacket", "t:1:22: a socket is dgram or seqpacket, and one of them once\n"},
	{"log=file /a keep=100", "t:1:13: keep=100: a number in 0..99\n"},
	{"  umask = 9", "t:1:11: umask is an octal mode up to 7777, not 9\n"},
	{"\t\tnice\t=\t99", "t:1:10: nice is a number in -20..19, not 99\n"},
};

static void wrong_values(void)
{
	for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		read_text(wrongs[i].text);
		CHECK_STR(findings(), wrongs[i].want);
	}
}

static void lines(void)
{
	read_text("# a comment\n\n   # one more\n \t \nnice=1 # no comment\n");
	CHECK_STR(findings(), "t:5:8: nice takes -20..19\n");
	read_text("nice");
	CHECK_STR(findings(), "t:1:1: no = in this line: write key=value, or # before a comment\n");
	read_text("  =1\nnice=\nrlmit.x=1\n");
	CHECK_STR(findings(), "t:1:3: no key before =\nt:2:6: nice has no value\nt:3:1: unknown key rlmit.x, did you mean rlimit.NAME?\n");
	read_text("nice=1\n\nhostname=a\001\nnice=3\n");
	CHECK_STR(findings(), "t:3:11: byte 0x01: this is not a text file\n");
	read_text("nice=1\r\n");
	CHECK_STR(findings(), "t:1:7: byte 0x0d: this is not a text file with Unix line ends\n");
	/* The last line needs no end; the value of a key may hold =. */
	read_text("env=A=B=C");
	CHECK_STR(findings(), "");
	CHECK_STR(printed(), "env=A=B=C\n");
	/* A NUL in the middle. */
	memset(files, 0, sizeof files);
	files[0] = (struct file){ "t", "nice=1\0nice=2\n", 14 };
	begin();
	profile_file(&reader, "t");
	CHECK_STR(findings(), "t:1:7: byte 0x00: this is not a text file\n");
	/* Bytes beyond ASCII are text. */
	read_text("workdir=/\xc3\xa4\xff\n");
	CHECK_STR(findings(), "");
}

static void long_lines(void)
{
	static char text[300000];

	memset(text, 'a', 8193);
	memcpy(text, "exec=", 5);
	text[8192] = '\0';
	read_text(text);
	CHECK_STR(findings(), "");
	text[8192] = 'a';
	text[8193] = '\0';
	read_text(text);
	CHECK_STR(findings(), "t:1:8193: line longer than 8192 bytes\n");
	/* A line of spaces is too long as well, and the next is read. */
	memset(text, ' ', 9000);
	strcpy(text + 9000, "\nnice=99\n");
	read_text(text);
	CHECK_STR(findings(), "t:1:8193: line longer than 8192 bytes\nt:2:6: nice is a number in -20..19, not 99\n");
	memset(text, '\n', 100000);
	text[100000] = '\0';
	read_text(text);
	CHECK_STR(findings(), "");
	strcpy(text + 100000, "nice=1\n");
	read_text(text);
	CHECK_STR(findings(), "t:100001: more than 100000 lines\n");
	CHECK_STR(printed(), "");
}

static void include_files(void)
{
	read_text("include=b");
	CHECK_STR(findings(), "t:1: b: No such file or directory\n");
	read_text("include=\"a\" b\ninclude=\"a");
	CHECK_STR(findings(), "t:1:9: include takes one file\nt:2:9: include takes one file\n");
	memset(files, 0, sizeof files);
	files[0] = (struct file){ "t", "bind=/1 /1\ninclude=b\nbind=/4 /4\nhostname=-\n", 0 };
	files[1] = (struct file){ "b", "bind=/2 /2\ninclude=c\n", 0 };
	files[2] = (struct file){ "c", "bind=/3 /3\nnice=99\n", 0 };
	begin();
	profile_file(&reader, "t");
	/* In the order of the text, each with its own place. */
	CHECK_STR(findings(), "c:2:6: nice is a number in -20..19, not 99\n"
		  "t:4:10: hostname is a name of letters, digits and ._- up to 64 bytes, not -\n");
	CHECK(strstr(printed(), "bind=/1 /1\nbind=/2 /2\nbind=/3 /3\nbind=/4 /4\n") != NULL);
	/* Twice, in whichever file. */
	files[0].text = "include=b\nnice=2\nrlimit.core=1\n";
	files[1].text = "nice=1\nrlimit.core=0\n";
	begin();
	profile_file(&reader, "t");
	CHECK_STR(findings(), "t:2:1: nice given twice, first in b:1\n"
		  "t:3:13: rlimit.core given twice, first in b:2\n");
	files[0].text = "nice=2\ninclude=b\n";
	files[1].text = "nice=1\n";
	begin();
	profile_file(&reader, "t");
	CHECK_STR(findings(), "b:1:1: nice given twice, first in t:1\n");
	/* The same file at two places is no circle. */
	files[0].text = "include=b\ninclude=b\n";
	files[1].text = "env=A=1\n";
	begin();
	profile_file(&reader, "t");
	CHECK_STR(findings(), "");
	CHECK_STR(printed(), "env=A=1\nenv=A=1\n");
}

static void include_loops(void)
{
	memset(files, 0, sizeof files);
	files[0] = (struct file){ "t", "include=t\n", 0 };
	begin();
	profile_file(&reader, "t");
	CHECK_STR(findings(), "t:1:9: files include each other more than 8 deep, or in a circle\n");
	CHECK(reader.depth == 0);
	/* Doubling at each level: ends, with as many findings as it likes. */
	files[0] = (struct file){ "t", "include=b\ninclude=b\n", 0 };
	files[1] = (struct file){ "b", "include=t\ninclude=t\n", 0 };
	begin();
	profile_file(&reader, "t");
	CHECK(diags.count > 0);
}

static void argument(const char *text, unsigned number)
{
	profile_argument(&reader, text, number);
}

static void arguments(void)
{
	static const char *const words[] = { "prog", "two words" };

	/* What the file says once, an argument replaces. */
	read_text("nice=1\nhostname=a\nrlimit.core=1\nrlimit.nofile=5\nipc.msgmax=1\nipc=group g\nexec=/file\ntimeout=1\nbind=/1 /1\n");
	argument("nice=2", 1);
	argument("rlimit.core=2", 2);
	argument("ipc.msgmax=2", 3);
	argument("ipc=new", 4);
	argument("bind=/2 /2", 5);
	argument(" timeout = 3 ", 6);
	profile_exec(&reader, words, 2);
	CHECK_STR(findings(), "");
	CHECK_STR(printed(), "exec=prog \"two words\"\nnice=2\nrlimit.core=2\nrlimit.nofile=5\nhostname=a\n"
		  "timeout=3000ms\nbind=/1 /1\nbind=/2 /2\nipc=new\nipc.msgmax=2\n");
	/* Two arguments do not replace each other. */
	argument("nice=3", 7);
	argument("rlimit.core=3", 8);
	CHECK_STR(findings(), "argument 7: nice given twice, first in argument 1\n"
		  "argument 8: rlimit.core given twice, first in argument 2\n");
	begin();
	argument("nice=3", 1);
	argument("nice", 2);
	argument("", 3);
	argument("hostname=a\nnice=4", 4);
	argument("nise=1", 5);
	CHECK_STR(findings(),
		  "argument 2: nice: write key=value, or -- before the program\n"
		  "argument 4: byte 0x0a in an argument\nargument 5: unknown key nise, did you mean nice?\n");
	/* A file that an argument includes is not heard after the arguments before it. */
	memset(files, 0, sizeof files);
	files[0] = (struct file){ "b", "nice=1\n", 0 };
	begin();
	argument("nice=3", 1);
	argument("include=b", 2);
	CHECK_STR(findings(), "b:1:1: nice given twice, first in argument 1\n");
}

static void many_findings(void)
{
	static char text[20000];
	const char *got;

	for (int i = 0; i < 300; i++)
		strcat(text, "nice\n");
	read_text(text);
	CHECK(diags.count == 300);
	got = findings();
	CHECK(strstr(got, "t:200:1: ") && !strstr(got, "t:201:1: "));
	CHECK_STR(strstr(got, "and "), "and 100 more\n");
}

/* Whatever the room, a profile is read or refused; nothing is written beyond it. */
static void no_room(void)
{
	static const char text[] = "exec=a b c\nbind=/a /b rw\nenv=A=1 B=2\nipc.msgmax=3\nrlimit.core=1\n"
		"uidmap=0 1 2\nafter=a\nlisten=tcp *:1\nfd=3\ngroups=a\nenv-pass=X\ntime-offset=monotonic 1\n";
	unsigned whole = 0;

	memset(files, 0, sizeof files);
	files[0] = (struct file){ "t", text, 0 };
	/* 256 names of files and the list's start have to fit. */
	for (size_t size = 256 * sizeof(char *) + 16; size < 6000; size += 8) {
		memory[size] = 0x5a;
		arena_init(&arena, memory, size);
		profile_init(&p, &arena);
		diags_init(&diags, &arena);
		profile_reader_init(&reader, &p, &diags, load, files);
		profile_file(&reader, "t");
		CHECK(memory[size] == 0x5a);
		whole += !diags.count;
		if (!diags.count)
			CHECK(p.env.n == 2 && p.mounts.n == 1 && p.exec.n == 3 && p.sysctls.n == 1);
	}
	CHECK(whole > 0);
}

/* What a supervisor gets of a socket; one more than there is room for is refused. */
static void sockets(void)
{
	char text[1000] = "", *end = text;
	const struct item *i;

	read_text("listen=udp [::1]:53\nlisten=unix /s seqpacket\nlisten=unix /t mode=640 name=t");
	i = p.service.listens.first;
	CHECK(p.service.listens.n == 3 && i->a == LISTEN_UDP && i->b == 53 && !i->name);
	CHECK_STR(i->text, "::1");
	i = i->next;
	CHECK(i->a == LISTEN_UNIX_SEQPACKET && i->c == 0600);
	i = i->next;
	CHECK(i->a == LISTEN_UNIX && i->c == 0640);
	CHECK_STR(i->text, "/t");
	CHECK_STR(i->name, "t");
	for (int k = 0; k < LISTENS; k++)
		end += sprintf(end, "listen=tcp *:%d\n", k + 1);
	read_text(text);
	CHECK_STR(findings(), "");
	strcpy(end, "listen=tcp *:99\n");
	read_text(text);
	CHECK_STR(findings(), "t:17:8: more than 16 sockets\n");
	CHECK(p.service.listens.n == LISTENS);
	/* The path of a socket has to fit into struct sockaddr_un. */
	memcpy(text, "listen=unix /", 13);
	memset(text + 13, 'a', 106);
	text[119] = '\0';
	read_text(text);
	CHECK_STR(findings(), "");
	strcpy(text + 119, "a");
	read_text(text);
	CHECK_STR(findings(), "t:1:13: the path of a socket has at most 107 bytes\n");
}

/* The defaults of keys.def are taken by the keys' own readers, and fill every field. */
static void defaults(void)
{
	read_text("exec=/x\nroot=/r\n");
	profile_finish(&reader);
	CHECK_STR(findings(), "");
	CHECK_STR(printed(), "exec=/x\nroot=/r\n");
	CHECK_STR(p.workdir, "/");
	CHECK(p.umask == 022 && p.root_mode == ROOT_RO && p.dev == DEV_MINIMAL && p.no_new_privs == YES);
	CHECK(p.root_seal == AUTO_AUTO && p.tty == AUTO_AUTO && p.init == AUTO_YES && p.shm.kind == SHM_PRIVATE);
	CHECK(p.keyring == KEYRING_NEW && p.propagation.prop == PROP_PRIVATE && !p.propagation.rec);
	CHECK(p.ns[NS_MOUNT].how == NS_NEW && p.ns[NS_IPC].how == NS_NEW && p.ns[NS_PID].how == NS_NEW);
	CHECK(p.ns[NS_UTS].how == NS_NEW && p.ns[NS_NET].how == NS_HOST && p.ns[NS_USER].how == NS_HOST);
	CHECK(p.ns[NS_CGROUP].how == NS_HOST && p.ns[NS_TIME].how == NS_HOST);
	for (int i = 0; i < CAPS_SETS; i++)
		CHECK(p.caps[i] == 0);
	CHECK(p.service.type == SERVICE_LONG && p.service.start == START_AUTO && p.service.restart == RESTART_ALWAYS);
	CHECK(p.service.restart_delay.min == 100 && p.service.restart_delay.max == 10000);
	CHECK(p.service.restart_reset == 10000 && !p.service.restart_limit.count);
	CHECK(p.service.on_limit.action == LIMIT_SLOW && p.service.on_limit.delay == 300000);
	CHECK(p.service.ready.kind == READY_NONE && p.service.start_timeout == 60000 && p.service.stop_timeout == 5000);
	CHECK(p.service.stop_signal == SIGTERM && p.service.critical == NO && p.service.log.kind == LOG_NONE);
	CHECK(p.service.log_size == 16384 && !p.service.listens.n && !p.service.every && !p.service.watchdog);
	/* What one key implies for others. */
	read_text("exec=/x\nroot=/r\nuidmap=0 1 1\ngidmap=0 1 1\ntime-offset=boottime 1\nipc=group a\nns=mount\n"
		  "caps=chown kill\ncaps.ambient=kill\n");
	profile_finish(&reader);
	CHECK_STR(findings(), "");
	CHECK(p.ns[NS_USER].how == NS_NEW && p.ns[NS_TIME].how == NS_NEW && p.ns[NS_IPC].how == NS_GROUP);
	CHECK(p.ns[NS_PID].how == NS_HOST && p.init == AUTO_NO && p.shm.kind == SHM_GROUP && !strcmp(p.shm.group, p.ns[NS_IPC].name));
	CHECK(p.caps[CAPS_BOUNDING] == 0x21 && p.caps[CAPS_PERMITTED] == 0x21 && p.caps[CAPS_EFFECTIVE] == 0x21);
	CHECK(p.caps[CAPS_INHERITABLE] == 0x20 && p.caps[CAPS_AMBIENT] == 0x20);
	read_text("exec=/x\nroot=/r\ncaps=chown\ncaps.ambient=kill\n");
	profile_finish(&reader);
	CHECK_STR(findings(), "t:4: ambient capabilities must be permitted and inheritable\n");
}

/* What was finished is still printed so that it reads back (the registry keeps it). */
static void finished_round_trip(void)
{
	for (int i = 0; i < ROWS; i++) {
		char first[4000];

		read_text(rows[i].text);
		profile_finish(&reader);
		strcpy(first, printed());
		read_text(first);
		for (struct diag *d = diags.first; d; d = d->next)
			CHECK_STR(findings(), "");
		profile_finish(&reader);
		CHECK_STR(printed(), first);
	}
}

/* What a profile says of hubs itself, then the machine's, asked for once and only by who names one. */
static void hubs(void)
{
	const struct mount_wish *m;

	read_text("hub=media /m\nhub=own /o shared\nhub=media /n\nhub.own=/srv\n");
	files[1] = (struct file){ profile_hubs, "hub.media=/run/media share\nhub.more=/more\n", 0 };
	reader.hubs = profile_hubs;
	profile_finish(&reader);
	CHECK(!strstr(findings(), "hub") && p.hubs.n == 3 && p.nfiles == FILE_FIRST + 2);
	m = p.mounts.first;
	CHECK_STR(m->src, "/run/media");
	CHECK(m->prop == PROP_SLAVE && m->flags & MF_REC);
	m = m->next;
	CHECK_STR(m->src, "/srv");
	CHECK(m->prop == PROP_SHARED && m->flags & MF_REC);
	CHECK_STR(m->next->src, "/run/media");
	CHECK_STR(printed(), "hub=media /m slave\nhub=own /o shared\nhub=media /n slave\nhub.own=/srv\n"
		  "hub.media=/run/media share\nhub.more=/more\n");
	/* Whoever names none is not told of any; nor is there an error where there are none. */
	read_text("bind=/a\n");
	reader.hubs = "gone";
	profile_finish(&reader);
	CHECK(p.nfiles == FILE_FIRST + 1 && !strstr(findings(), "gone"));
	read_text("hub=medai /m\nhub=b /n\n");
	files[1] = (struct file){ profile_hubs, "hub.media=/run/media\n", 0 };
	reader.hubs = profile_hubs;
	profile_finish(&reader);
	CHECK(strstr(findings(), "t:1: unknown hub medai, did you mean media?\n"
		     "t:2: unknown hub b: hub.NAME=PATH says what it is\n") != NULL);
	/* Two of one name, or of one path, wherever they are. */
	read_text("hub=media /m\nhub.media=/media\nhub.b=/run/media\n");
	files[1] = (struct file){ profile_hubs, "hub.c=/run/media\nhub.media=/media\n", 0 };
	reader.hubs = profile_hubs;
	profile_finish(&reader);
	CHECK(strstr(findings(), "init.conf/hubs:1:7: /run/media is hub b already\n"
		     "init.conf/hubs:2:11: hub.media given twice, first in t:2\n") != NULL);
	/* An argument replaces the path, also by one that it had. */
	read_text("hub.media=/media\nhub=media /m");
	argument("hub.media=/media share", 1);
	profile_finish(&reader);
	CHECK(p.hubs.n == 1 && p.hubs.first->a && !strstr(findings(), "hub"));
	argument("hub.media=/x", 2);
	CHECK(strstr(findings(), "argument 2: hub.media given twice, first in argument 1\n") != NULL);
}

int main(void)
{
	TEST(hubs);
	TEST(round_trips);
	TEST(every_key_has_a_row);
	TEST(every_choice);
	TEST(every_range);
	TEST(every_key_is_strict);
	TEST(once_and_many);
	TEST(wrong_values);
	TEST(lines);
	TEST(long_lines);
	TEST(include_files);
	TEST(include_loops);
	TEST(arguments);
	TEST(many_findings);
	TEST(no_room);
	TEST(sockets);
	TEST(defaults);
	TEST(finished_round_trip);
	return test_end();
}
