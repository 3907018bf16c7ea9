/* SPDX-License-Identifier: MIT */
/* Between the parts of the harness: how a case is run, and what became of it. */
#ifndef SELFTESTS_HARNESS_RUN_H
#define SELFTESTS_HARNESS_RUN_H

#include "selftests/harness/harness.h"
#include "uapi/rt/fmt.h"

enum { TEST_EXIT_PASS = 0, TEST_EXIT_FAIL = 1, TEST_EXIT_USAGE = 2, TEST_EXIT_SKIP = 4 };

enum test_verdict { TEST_PASS, TEST_FAIL, TEST_SKIP };

#define TEST_REASON_BYTES 256
#define TEST_OUTPUT_BYTES 65536

/**
 * struct test_output - what a case wrote: its beginning and its end
 * @dropped_bytes: how much is missing between TEST_OUTPUT_HEAD and the rest
 */
struct test_output {
	size_t len;
	u64 dropped_bytes;
	char text[TEST_OUTPUT_BYTES];
};

#define TEST_OUTPUT_HEAD 16384

struct test_result {
	enum test_verdict verdict;
	char reason[TEST_REASON_BYTES];
	u64 duration_ms;
	struct test_output output;
};

/* Fills *result, whatever happens to the case. */
void test_run_case(const struct test_case *tc, u32 timeout_scale, struct test_result *result);

/* What the processes of one case share with the harness. */
struct test_shared {
	u32 nr_failures;
	u32 has_finished;
	u32 is_skipped;
	char skip_reason[TEST_REASON_BYTES];
	u8 fixture[TEST_FIXTURE_MAX] __attribute__((aligned(64)));
};

/* In a case's process, before anything of the case runs. */
void test_enter(const struct test_case *tc, struct test_shared *shared);

/* Writes everything, or gives up at an error. */
void test_write(int fd, const char *text, size_t len);

/**
 * test_main() - the test program
 * @argv: without the program's name
 *
 * Return: the exit status
 */
int test_main(const struct test_suite *const *suites, size_t nr_suites, int argc, char **argv);

#endif
