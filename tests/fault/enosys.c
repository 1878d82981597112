/*
 * enosys NAME... -- PROGRAM [ARG]...
 *
 * Runs PROGRAM on a kernel that lacks these calls: a seccomp filter answers ENOSYS
 * for them. `userns` is the special case of a kernel without user namespaces:
 * clone and unshare with CLONE_NEWUSER get ENOSPC, as with max_user_namespaces=0,
 * and clone3 ENOSYS, for its flags are out of a filter's reach. `beneath` is a move_mount
 * from before Linux 6.5, which does not know MOVE_MOUNT_BENEATH, `tree-namespace` and `empty-namespace`
 * an open_tree and an unshare from before 7.0 and 7.1, which do not make such a mount namespace.
 *
 * Built into hutch with HUTCH_OLD it is a hutch on such a kernel in one file, so that
 * the claims, which copy hutch about, run on the fallbacks.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/uapi.h"

/* linux/filter.h, linux/seccomp.h: musl toolchains have neither. */
struct instruction {
	uint16_t code;
	uint8_t yes, no;
	uint32_t k;
};
struct filter {
	unsigned short length;
	struct instruction *code;
};
struct call_data {
	int32_t number;
	uint32_t arch;
	uint64_t address, argument[6];
};
enum { LOAD = 0x20, JUMP_EQUAL = 0x15, JUMP_BITS = 0x45, RETURN = 0x06 };
enum { MODE_FILTER = 2, PR_SECCOMP = 22 };
#define ANSWER_ERRNO 0x00050000u
#define ANSWER_ALLOW 0x7fff0000u

static const struct {
	const char *name;
	uint32_t number;
} calls[] = {
	{"open_tree", NR_open_tree}, {"move_mount", NR_move_mount}, {"fsopen", NR_fsopen},
	{"fsconfig", NR_fsconfig}, {"fsmount", NR_fsmount}, {"pidfd_open", NR_pidfd_open},
	{"clone3", NR_clone3}, {"close_range", NR_close_range}, {"openat2", NR_openat2},
	{"mount_setattr", NR_mount_setattr}, {"statmount", NR_statmount},
	{"listmount", NR_listmount}, {"memfd_create", SYS_memfd_create},
};
enum { CALLS = sizeof calls / sizeof *calls };

static struct instruction code[2 * 64 + 16];
static unsigned used;

static void add(unsigned op, uint32_t k, unsigned yes, unsigned no)
{
	code[used++] = (struct instruction){(uint16_t)op, (uint8_t)yes, (uint8_t)no, k};
}

/* Expects the number loaded, and leaves it so. */
static void refuse(uint32_t number, uint32_t code_of_error)
{
	add(JUMP_EQUAL, number, 0, 1);
	add(RETURN, ANSWER_ERRNO | code_of_error, 0, 0);
}

static uint32_t argument_low(unsigned i)
{
	const union { uint32_t n; uint8_t first; } order = {1};

	return (uint32_t)offsetof(struct call_data, argument) + i * 8 + (order.first ? 0 : 4);
}

/* Only with one of these bits in an argument. */
static void refuse_bits(uint32_t number, unsigned argument, uint32_t bits, uint32_t code_of_error)
{
	add(JUMP_EQUAL, number, 0, 4);
	add(LOAD, argument_low(argument), 0, 0);
	add(JUMP_BITS, bits, 0, 1);
	add(RETURN, ANSWER_ERRNO | code_of_error, 0, 0);
	add(RETURN, ANSWER_ALLOW, 0, 0);
}

static int refuse_name(const char *name)
{
	if (!strcmp(name, "userns")) {
		refuse(NR_clone3, ENOSYS);
		refuse_bits(SYS_unshare, 0, CLONE_NEWUSER_, ENOSPC);
		refuse_bits(SYS_clone, 0, CLONE_NEWUSER_, ENOSPC);
		return 0;
	}
	if (!strcmp(name, "beneath")) {
		refuse_bits(NR_move_mount, 4, MOVE_MOUNT_BENEATH_, EINVAL);
		refuse(NR_cachestat, ENOSYS);
		return 0;
	}
	if (!strcmp(name, "tree-namespace")) {
		refuse_bits(NR_open_tree, 2, OPEN_TREE_NAMESPACE_, EINVAL);
		return 0;
	}
	if (!strcmp(name, "empty-namespace")) {
		refuse_bits(SYS_unshare, 0, UNSHARE_EMPTY_MNTNS_, EINVAL);
		refuse_bits(NR_fsmount, 1, FSMOUNT_NAMESPACE_, EINVAL);
		return 0;
	}
	for (int i = 0; i < CALLS; i++)
		if (!strcmp(calls[i].name, name)) {
			refuse(calls[i].number, ENOSYS);
			return 0;
		}
	return -1;
}

static int install(void)
{
	struct filter f = {.code = code, .length = (unsigned short)used};

	/* As root the filter needs no no_new_privs, which would show inside. */
	return prctl(PR_SECCOMP, MODE_FILTER, &f) &&
	       (prctl(PR_SET_NO_NEW_PRIVS_, 1, 0, 0, 0) || prctl(PR_SECCOMP, MODE_FILTER, &f));
}

#ifdef HUTCH_OLD
__attribute__((constructor)) static void become_old(void)
{
	static const char *const names[] = {
		"openat2", "clone3", "open_tree", "move_mount", "mount_setattr", "close_range",
		"statmount", "fsopen",
	};

	add(LOAD, offsetof(struct call_data, number), 0, 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		refuse_name(names[i]);
	add(RETURN, ANSWER_ALLOW, 0, 0);
	if (install())
		_exit(99);
}
#else
int main(int argc, char **argv)
{
	int i;

	add(LOAD, offsetof(struct call_data, number), 0, 0);
	for (i = 1; i < argc && i < 60 && strcmp(argv[i], "--") != 0; i++)
		if (refuse_name(argv[i])) {
			fprintf(stderr, "enosys: unknown call %s\n", argv[i]);
			return 2;
		}
	if (i + 1 >= argc || strcmp(argv[i], "--") != 0) {
		fprintf(stderr, "usage: enosys NAME... -- PROGRAM [ARG]...\n");
		return 2;
	}
	add(RETURN, ANSWER_ALLOW, 0, 0);
	if (install()) {
		perror("enosys: seccomp");
		return 2;
	}
	execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 127;
}
#endif
