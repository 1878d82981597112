/*
 * test_cmdline.c - tests of src/boot/cmdline: the kernel's command line.
 *
 * For: the words that are ours, among whatever a boot loader and a careless hand wrote.
 * Never: reads /proc.
 */
#include <stdint.h>
#include <string.h>

#include "boot/boot.h"
#include "test.h"

static struct cmdline line;

static void read_line(const char *text)
{
	cmdline_parse(&line, text, strlen(text));
}

static void nothing_of_ours(void)
{
	static const char *const lines[] = {
		"", "\n", " ", "console=ttyS0 root=/dev/sda1 quiet", "hutch.debug=1", "hutch.rescues", "xhutch.rescue",
		"hutch.config", "hutch.config=", "hutch.config=relative/path", "hutch.config=\"\"", "hutch.", "hutch",
		"\"", "\"\"", "\"\"\"", "init=/init \"hutch.rescue", "a=\" hutch.rescue hutch.debug \"",
		"hutch.conf=/a", "HUTCH.DEBUG",
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		read_line(lines[i]);
		CHECK_STR(line.config, "/etc/hutch");
		CHECK(!line.debug && !line.rescue);
	}
}

static void ours(void)
{
	read_line("quiet hutch.config=/a/b hutch.debug\n");
	CHECK_STR(line.config, "/a/b");
	CHECK(line.debug && !line.rescue);
	read_line("hutch.rescue");
	CHECK(line.rescue && !line.debug);
	read_line("\"hutch.config=/a b\" \"hutch.rescue\"");
	CHECK_STR(line.config, "/a b");
	CHECK(line.rescue);
	read_line("x=\"y z\" hutch.config=\"/c d\"\thutch.debug");
	CHECK_STR(line.config, "/c d");
	CHECK(line.debug);
	/* The last one holds, as for the kernel. */
	read_line("hutch.config=/a hutch.config=/b hutch.config=c");
	CHECK_STR(line.config, "/b");
}

static void long_lines(void)
{
	static char text[4096];

	memset(text, 'a', sizeof text);
	cmdline_parse(&line, text, sizeof text);
	CHECK_STR(line.config, "/etc/hutch");
	memcpy(text, "hutch.config=/", 14);
	cmdline_parse(&line, text, sizeof text);
	CHECK_STR(line.config, "/etc/hutch");
	text[13 + 256] = ' ';
	cmdline_parse(&line, text, sizeof text);
	CHECK_STR(line.config, "/etc/hutch");
	text[13 + 255] = ' ';
	cmdline_parse(&line, text, sizeof text);
	CHECK(strlen(line.config) == 255);
	/* A word that ends where the text does. */
	memcpy(text + sizeof text - 13, " hutch.rescue", 13);
	cmdline_parse(&line, text, sizeof text);
	CHECK(line.rescue);
}

/* Any bytes, each line cut at its very end: the sanitizers see what lies behind it. */
static void garbage(void)
{
	static const char words[] = "hutch.config=/x hutch.rescue \"hutch.debug\"";
	uint32_t seed = 1;

	for (int round = 0; round < 20000; round++) {
		char text[64];
		size_t n = 0, size;

		seed = seed * 1664525 + 1013904223;
		size = seed >> 26;
		for (; n < size; n++) {
			seed = seed * 1664525 + 1013904223;
			text[n] = seed >> 31 ? (char)(seed >> 16) : words[(seed >> 8) % (sizeof words - 1)];
		}
		{
			char exact[n + 1];

			memcpy(exact, text, n);
			cmdline_parse(&line, exact, n);
		}
		CHECK(line.config[0] == '/' && memchr(line.config, 0, sizeof line.config));
	}
}

int main(void)
{
	TEST(nothing_of_ours);
	TEST(ours);
	TEST(long_lines);
	TEST(garbage);
	return test_end();
}
