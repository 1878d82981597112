/*
 * test.h - a unit test program in as few lines as will do.
 *
 * For: tests/unit/test_*.c, one program each, output in TAP.
 * Never: part of the product.
 *
 *	static void addition(void) { CHECK(1 + 1 == 2); }
 *	int main(void) { TEST(addition); return test_end(); }
 */
#ifndef HUTCH_TESTS_UNIT_TEST_H
#define HUTCH_TESTS_UNIT_TEST_H

#include <stdio.h>
#include <string.h>

/* Tests run, tests failed, failed checks of the one running. */
static unsigned test_count, test_failed, test_bad;

#define CHECK(cond) \
	test_check(!!(cond), __FILE__, __LINE__, #cond)
#define CHECK_STR(a, b) \
	test_check_str((a), (b), __FILE__, __LINE__, #a)
#define TEST(name) \
	test_run(#name, name)

static inline void test_check(int good, const char *file, int line, const char *what)
{
	if (good)
		return;
	test_bad++;
	printf("# %s:%d: %s\n", file, line, what);
}

/* NULL equals NULL only. */
static inline void test_check_str(const char *a, const char *b, const char *file,
				  int line, const char *what)
{
	if (a == b || (a && b && strcmp(a, b) == 0))
		return;
	test_bad++;
	printf("# %s:%d: %s is \"%s\", not \"%s\"\n", file, line, what,
	       a ? a : "(null)", b ? b : "(null)");
}

static inline void test_run(const char *name, void (*run)(void))
{
	test_bad = 0;
	run();
	test_count++;
	test_failed += test_bad != 0;
	printf("%s %u - %s\n", test_bad ? "not ok" : "ok", test_count, name);
	fflush(stdout);
}

/* Print the plan; the value is for main() to return. */
static inline int test_end(void)
{
	printf("1..%u\n", test_count);
	return test_failed != 0;
}

#endif
