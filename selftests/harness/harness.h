/* SPDX-License-Identifier: MIT */
/*
 * What a test is written with. A suite is one file, selftests/test_FOLDER_TOPIC.c,
 * and one line in selftests/suites.h:
 *
 *	static void adds(void)
 *	{
 *		ASSERT_EQ(1 + 1, 2);
 *	}
 *
 *	static const struct test_case cases[] = {
 *		TEST("one and one is two", adds),
 *		TEST("a mirror survives the loss of a leg", loses_leg, .timeout_ms = 60000,
 *		     .fixture = &mirror_fixture),
 *	};
 *	TEST_SUITE(folder_topic, cases);
 *
 * A case's name is a sentence that is true when it passes. Each case runs in a
 * process and a process group of its own, with a timeout that kills the group.
 * It passes when run() returned, no check failed and no process of it is left.
 * What it writes to stdout and stderr is shown when it fails. The report is
 * KTAP version 1; exit status 0 is pass, 1 is fail, 4 means all were skipped.
 *
 * Effects go through sys_*(), so that one source runs without a libc, under
 * qemu-user, and hosted, with main(), under sanitizers.
 */
#ifndef SELFTESTS_HARNESS_H
#define SELFTESTS_HARNESS_H

#include "uapi/rt/diag.h"
#include "uapi/rt/str.h"
#include "uapi/types.h"

#define TEST_TIMEOUT_MS 10000

/* Room that a fixture may ask for. */
#define TEST_FIXTURE_MAX 4096

/**
 * struct test_fixture - what cases need around them
 * @size_bytes: of the struct that test_fixture() gives to all three; zeroed
 *              before setup, TEST_FIXTURE_MAX at most
 * @setup:      runs in the case's process, before it; may skip or fail
 * @teardown:   runs afterwards, in a process of its own, in any case: also when
 *              setup failed, or the case crashed or ran out of time
 *
 * Teardown sees the struct as the others left it, but none of their file
 * descriptors or other memory. It undoes what does not end with a process:
 * devices, files, mounts, processes that the case has started. It must cope
 * with a setup that stopped half way.
 */
struct test_fixture {
	size_t size_bytes;
	void (*setup)(void);
	void (*teardown)(void);
};

/**
 * struct test_case - one sentence
 * @name:       the sentence; no '#' in it, which KTAP reserves
 * @timeout_ms: 0 for TEST_TIMEOUT_MS; multiplied by --timeout-scale
 * @fixture:    or NULL
 * @param:      for cases that share one function; test_param() gives it
 */
struct test_case {
	const char *name;
	void (*run)(void);
	u32 timeout_ms;
	const struct test_fixture *fixture;
	const void *param;
};

struct test_suite {
	const char *name;
	const struct test_case *cases;
	size_t nr_cases;
};

#define TEST(name_, run_, ...) { .name = name_, .run = run_, __VA_ARGS__ }

#define TEST_SUITE(name_, cases_)                                                                  \
	extern const struct test_suite test_suite_##name_;                                         \
	const struct test_suite test_suite_##name_ = { .name = #name_,                             \
						       .cases = cases_,                            \
						       .nr_cases = ARRAY_SIZE(cases_) }

/** test_fixture() - the fixture's struct of the running case */
void *test_fixture(void);

/** test_param() - the param of the running case */
const void *test_param(void);

/** test_log() - a line to show if the case fails; ends with a newline by itself */
void test_log(const char *fmt, ...) PRINTF_LIKE(1, 2);

/** test_row() - what is being looked at: named by each check that fails after this */
void test_row(const char *fmt, ...) PRINTF_LIKE(1, 2);

/** test_skip() - end the case as skipped, with a reason in one line */
_Noreturn void test_skip(const char *fmt, ...) PRINTF_LIKE(1, 2);

/** test_fail() - end the case as failed, at once */
_Noreturn void test_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);

/**
 * test_run_child() - run fn(arg) in a forked child and wait for its end
 *
 * For what is meant to crash or to exit. The child's exit status is 0 when fn
 * returns; a failed ASSERT in it fails the case too.
 *
 * Return: the status as wait4() gives it: test_exited(), test_signal()
 */
int test_run_child(void (*fn)(void *arg), void *arg);

/** test_signal() - the signal in a wait status, 0 when the process exited */
static inline int test_signal(int status)
{
	return status & 0x7f;
}

/** test_exited() - the exit status in a wait status, -1 when a signal ended the process */
static inline int test_exited(int status)
{
	return test_signal(status) ? -1 : (status >> 8) & 0xff;
}

/** test_sleep_ms() - wait */
void test_sleep_ms(u32 ms);

/** test_until_asleep() - wait until this process or thread sleeps, as it does in a wait
 * that has begun */
void test_until_asleep(int tid);

/** test_now_ms() - the monotonic clock */
u64 test_now_ms(void);

/** test_signal_name() - "SIGSEGV", or "signal 40" by way of the caller's buffer */
const char *test_signal_name(int nr, char buf[16]);

/*
 * Checks. ASSERT ends the process, EXPECT goes on; both fail the case and print
 * place, expressions and values. Integers of any type and pointers compare as
 * s64, so a u32 of 0xffffffff is not -1. ASSERT_OK takes a result that is below
 * zero for -errno, ASSERT_ERR wants a certain one.
 */
#define ASSERT_EQ(a, b) TEST_COMPARE(a, ==, b, true)
#define ASSERT_NE(a, b) TEST_COMPARE(a, !=, b, true)
#define ASSERT_LT(a, b) TEST_COMPARE(a, <, b, true)
#define ASSERT_LE(a, b) TEST_COMPARE(a, <=, b, true)
#define ASSERT_GT(a, b) TEST_COMPARE(a, >, b, true)
#define ASSERT_GE(a, b) TEST_COMPARE(a, >=, b, true)
#define ASSERT_TRUE(a) TEST_TRUTH(a, true)
#define ASSERT_STREQ(a, b) test_check_str(TEST_HERE(#a, "==", #b, true), a, b)
#define ASSERT_MEMEQ(a, b, len) test_check_mem(TEST_HERE(#a, "==", #b, true), a, b, len)
#define ASSERT_OK(a) test_check_ok(TEST_HERE(#a, ">=", "0", true), (s64)(a))
#define ASSERT_ERR(a, err) test_check_err(TEST_HERE(#a, "==", #err, true), (s64)(a), err)

#define EXPECT_EQ(a, b) TEST_COMPARE(a, ==, b, false)
#define EXPECT_NE(a, b) TEST_COMPARE(a, !=, b, false)
#define EXPECT_LT(a, b) TEST_COMPARE(a, <, b, false)
#define EXPECT_LE(a, b) TEST_COMPARE(a, <=, b, false)
#define EXPECT_GT(a, b) TEST_COMPARE(a, >, b, false)
#define EXPECT_GE(a, b) TEST_COMPARE(a, >=, b, false)
#define EXPECT_TRUE(a) TEST_TRUTH(a, false)
#define EXPECT_STREQ(a, b) test_check_str(TEST_HERE(#a, "==", #b, false), a, b)
#define EXPECT_MEMEQ(a, b, len) test_check_mem(TEST_HERE(#a, "==", #b, false), a, b, len)
#define EXPECT_OK(a) test_check_ok(TEST_HERE(#a, ">=", "0", false), (s64)(a))
#define EXPECT_ERR(a, err) test_check_err(TEST_HERE(#a, "==", #err, false), (s64)(a), err)

/* The rest is how the above work. */

struct test_place {
	const char *file;
	int line;
	bool is_fatal;
	const char *a;
	const char *op;
	const char *b;
};

#define TEST_HERE(a_, op_, b_, fatal_)                                                             \
	(&(const struct test_place){ .file = __FILE__,                                             \
				     .line = __LINE__,                                             \
				     .is_fatal = fatal_,                                           \
				     .a = a_,                                                      \
				     .op = op_,                                                    \
				     .b = b_ })

#define TEST_COMPARE(a_, op_, b_, fatal_)                                                          \
	do {                                                                                       \
		s64 test_a_ = (s64)(a_);                                                           \
		s64 test_b_ = (s64)(b_);                                                           \
		if (!(test_a_ op_ test_b_)) {                                                      \
			test_compare_failed(TEST_HERE(#a_, #op_, #b_, fatal_), test_a_, test_b_);  \
			if (fatal_) /* it does not return then */                                  \
				__builtin_unreachable();                                           \
		}                                                                                  \
	} while (0)

#define TEST_TRUTH(a_, fatal_)                                                                     \
	do {                                                                                       \
		if (!(a_)) {                                                                       \
			test_truth_failed(TEST_HERE(#a_, "is", "true", fatal_));                   \
			if (fatal_)                                                                \
				__builtin_unreachable();                                           \
		}                                                                                  \
	} while (0)

void test_compare_failed(const struct test_place *at, s64 a, s64 b);
void test_truth_failed(const struct test_place *at);
void test_check_str(const struct test_place *at, const char *a, const char *b);
void test_check_mem(const struct test_place *at, const void *a, const void *b, size_t len);
void test_check_ok(const struct test_place *at, s64 result);
void test_check_err(const struct test_place *at, s64 result, int err);

#endif
