/* The table of keys, and the names that several keys share. */
#include "profile/types.h"

#include <stddef.h>
#include <string.h>

#include "archive/texts.h"
#include "base/uapi.h"

/* Is the syntax what values are read by? Then it stands behind word and default. */
#define READ_BY(type) \
	(TYPE_##type == TYPE_CHOICE || TYPE_##type == TYPE_INT || TYPE_##type == TYPE_SYSCTL || \
	 TYPE_##type == TYPE_NS || TYPE_##type == TYPE_SHM)

const struct key keys[KEY_COUNT] = {
	[KEY_NONE] = {.word = NULL},
#define KEY(id, word_, type_, field, often_, group, syntax, dflt, help)                       \
	[KEY_##id] = {                                                                         \
		.word = READ_BY(type_) ? word_ "\0" dflt "\0" syntax : word_ "\0" dflt,       \
		.offset = offsetof(struct profile, field),                                     \
		.type = TYPE_##type_,                                                          \
		.often = OFTEN_##often_,                                                       \
		.length = sizeof word_ - 1,                                                    \
	},
#include "profile/keys.def"
#undef KEY
};

const char *key_default(const struct key *key) { return key->word + key->length + 1; }

const char *key_choices(const struct key *key)
{
	const char *dflt = key_default(key);

	return dflt + strlen(dflt) + 1;
}

int key_boots(enum key_id key) { return key >= KEY_boot_hostname; }

/* The packed columns of a key. */
enum { GROUP, SYNTAX, HELP, COLUMNS };
static const char *column(const struct key *key, unsigned n)
{
	return text_of(TEXTS_KEYS, (unsigned)(key - keys - 1) * COLUMNS + n);
}

const char *key_group(const struct key *key) { return column(key, GROUP); }
const char *key_syntax(const struct key *key) { return column(key, SYNTAX); }
const char *key_help(const struct key *key) { return column(key, HELP); }

const char *const propagation_names[PROP_COUNT] = {
	[PROP_PRIVATE] = "private",
	[PROP_SLAVE] = "slave",
	[PROP_SHARED] = "shared",
	[PROP_UNBINDABLE] = "unbindable",
	[PROP_SLAVE_SHARED] = "slave+shared",
};

const char *const ns_names[NS_COUNT] = {
	"mount", "ipc", "pid", "uts", "net", "user", "cgroup", "time",
};

const uint32_t ns_flags[NS_COUNT] = {
	CLONE_NEWNS_, CLONE_NEWIPC_, CLONE_NEWPID_, CLONE_NEWUTS_, CLONE_NEWNET_, CLONE_NEWUSER_,
	CLONE_NEWCGROUP_, CLONE_NEWTIME_,
};

const char *ns_file(enum ns_kind kind) { return kind == NS_MOUNT ? "mnt" : ns_names[kind]; }

/* capability.h of Linux, by number. */
const char *const cap_names[CAP_NAMES] = {
	"chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill",
	"setgid", "setuid", "setpcap", "linux_immutable", "net_bind_service",
	"net_broadcast", "net_admin", "net_raw", "ipc_lock", "ipc_owner", "sys_module",
	"sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct", "sys_admin", "sys_boot",
	"sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod", "lease",
	"audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog",
	"wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf",
	"checkpoint_restore",
};

/* By the numbers of <sys/resource.h>, which differ on MIPS and SPARC. */
#include <sys/resource.h>
const char *const rlimit_names[RLIMITS] = {
	[RLIMIT_AS] = "as", [RLIMIT_CORE] = "core", [RLIMIT_CPU] = "cpu",
	[RLIMIT_DATA] = "data", [RLIMIT_FSIZE] = "fsize", [RLIMIT_LOCKS] = "locks",
	[RLIMIT_MEMLOCK] = "memlock", [RLIMIT_MSGQUEUE] = "msgqueue",
	[RLIMIT_NICE] = "nice", [RLIMIT_NOFILE] = "nofile", [RLIMIT_NPROC] = "nproc",
	[RLIMIT_RSS] = "rss", [RLIMIT_RTPRIO] = "rtprio", [15] = "rttime",
	[RLIMIT_SIGPENDING] = "sigpending", [RLIMIT_STACK] = "stack",
};

void print_key_line(const struct key *key, struct out *o)
{
	out_printf(o, "%s=", key->word);
}
