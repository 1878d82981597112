/*
 * test_moddep.c - tests of boot/moddep: the order in which modules are loaded.
 *
 * For: the lists as depmod writes them, their corners, and circles.
 * Never: the kernel's own modules.
 */
#include "boot/moddep.h"
#include "test.h"

static char memory[1 << 16] __attribute__((aligned(16)));
static struct arena arena;
static struct moddep d;
static struct err e;
static char seen[1024];		/* base names with options, in order */
static const char *refused;	/* the one that cannot be loaded */

static int visit(void *ctx, const char *path, size_t n, const char *options, struct err *to)
{
	size_t used = strlen(seen);

	(void)ctx;
	snprintf(seen + used, sizeof seen - used, "%s%.*s%s%s", used ? " " : "", (int)n, path,
		 *options ? "," : "", options);
	if (refused && n == strlen(refused) && !memcmp(path, refused, n))
		return err_set(to, 0, "refused");
	return 0;
}

static void begin(void)
{
	arena_init(&arena, memory, sizeof memory);
	memset(memory, 0xa5, sizeof memory);
	CHECK(!moddep_init(&d, &arena, visit, NULL));
	refused = NULL;
	d.dep = "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz kernel/lib/crc16.ko.xz kernel/fs/mbcache.ko.xz\n"
		"kernel/fs/jbd2/jbd2.ko.xz: kernel/lib/crc16.ko.xz\n"
		"kernel/lib/crc16.ko.xz:\n"
		"kernel/fs/mbcache.ko.xz:\n"
		"kernel/crypto/crc32c_generic.ko.xz:\n"
		"kernel/arch/crc32c-intel.ko.xz:\n"
		"kernel/sound/snd.ko: kernel/sound/soundcore.ko\n"
		"kernel/sound/soundcore.ko:\n"
		"a.ko:\nb.ko.gz: a.ko";
	d.builtin = "kernel/fs/squashfs/squashfs.ko\nkernel/drivers/block/nbd-x.ko\n";
	d.softdep = "# Soft dependencies extracted from modules themselves.\n"
		    "softdep ext4 pre: crc32c nowhere post: snd\n"
		    "softdep a pre: b\n";
	d.alias = "# Aliases extracted from modules themselves.\n"
		  "alias crc32c crc32c_generic\n"
		  "alias pci:v00008086d*sv*sd*bc*sc*i* snd\n"
		  "alias crc32c crc32c_intel\n"
		  "alias lost nowhere\n";
}

static int load(const char *name, const char *options)
{
	seen[0] = '\0';
	memset(&e, 0xa5, sizeof e);
	return moddep_load(&d, name, options, &e);
}

static void order(void)
{
	begin();
	CHECK(load("snd", "") == 0);
	CHECK_STR(seen, "kernel/sound/soundcore.ko kernel/sound/snd.ko");
	/* Once each, in whichever round. */
	CHECK(load("ext4", "") == 0);
	CHECK_STR(seen, "kernel/crypto/crc32c_generic.ko.xz kernel/arch/crc32c-intel.ko.xz kernel/fs/mbcache.ko.xz "
			"kernel/lib/crc16.ko.xz kernel/fs/jbd2/jbd2.ko.xz kernel/fs/ext4/ext4.ko.xz");
	CHECK(load("jbd2", "") == 0);
	CHECK_STR(seen, "");
	begin();
	CHECK(load("jbd2", "") == 0);
	CHECK_STR(seen, "kernel/lib/crc16.ko.xz kernel/fs/jbd2/jbd2.ko.xz");
}

static void soft(void)
{
	/* Behind it, and those that it would like may fail. */
	begin();
	refused = "kernel/crypto/crc32c_generic.ko.xz";
	CHECK(load("ext4", "") == 0);
	CHECK(strstr(seen, "crc32c_generic") && strstr(seen, "ext4.ko.xz kernel/sound/soundcore.ko kernel/sound/snd.ko"));
	/* A circle of wishes ends. */
	begin();
	CHECK(load("b", "") == 0);
	CHECK_STR(seen, "a.ko b.ko.gz");
	begin();
	CHECK(load("a", "") == 0);
	CHECK_STR(seen, "b.ko.gz a.ko");
}

static void names(void)
{
	begin();
	CHECK(load("crc32c_intel", "") == 0);
	CHECK_STR(seen, "kernel/arch/crc32c-intel.ko.xz");
	CHECK(load("crc32c-intel", "") == 0);
	CHECK_STR(seen, "");
	CHECK(load("crc32c-generic", "x=1 y=2") == 0);
	CHECK_STR(seen, "kernel/crypto/crc32c_generic.ko.xz,x=1 y=2");
	/* With options once more: the kernel is to say that they come too late. */
	CHECK(load("crc32c_generic", "x=1") == 0);
	CHECK_STR(seen, "kernel/crypto/crc32c_generic.ko.xz,x=1");
	CHECK(load("ext", "") == 1 && load("ext44", "") == 1 && load("kernel", "") == 1 && load("ko", "") == 1);
	CHECK(load("xt4", "") == 1 && load("softdep", "") == 1 && load("alias", "") == 1);
	CHECK_STR(seen, "");
	/* The last line needs no newline. */
	CHECK(load("b", "") == 0);
	CHECK_STR(seen, "a.ko b.ko.gz");
}

static void known(void)
{
	begin();
	CHECK(load("squashfs", "") == 0 && load("nbd_x", "") == 0);
	CHECK_STR(seen, "");
	CHECK(load("crc32c", "") == 0);
	CHECK_STR(seen, "kernel/crypto/crc32c_generic.ko.xz kernel/arch/crc32c-intel.ko.xz");
	CHECK(load("nowhere", "") == 1);
	CHECK_STR(seen, "");
}

static void failures(void)
{
	begin();
	refused = "kernel/lib/crc16.ko.xz";
	CHECK(load("ext4", "") == -1);
	CHECK_STR(e.text, "refused");
	CHECK(!strstr(seen, "jbd2") && !strstr(seen, "ext4.ko") && !strstr(seen, "snd"));
	begin();
	refused = "kernel/arch/crc32c-intel.ko.xz";
	CHECK(load("crc32c", "") == -1);
	begin();
	arena_init(&arena, memory, 64);
	CHECK(moddep_init(&d, &arena, visit, NULL) == -1);
}

static void garbage(void)
{
	static const char *const texts[] = {"", "\n", "\n\n\n", ":", " : \n", "x", "x:", "/", "//.ko:", ".ko", ".ko:\n.ko: .ko\n", "\t \t"};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		begin();
		d.dep = d.builtin = d.softdep = d.alias = texts[i];
		CHECK(load("ext4", "") == 1);
		CHECK_STR(seen, "");
	}
	begin();
	d.dep = "";
	d.softdep = "softdep\nsoftdep x\nsoftdep x pre:\nsoftdep x a b c\n";
	CHECK(load("x", "") == 1);
	CHECK_STR(seen, "");
}

int main(void)
{
	TEST(order);
	TEST(soft);
	TEST(names);
	TEST(known);
	TEST(failures);
	TEST(garbage);
	return test_end();
}
