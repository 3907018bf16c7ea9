/* SPDX-License-Identifier: MIT */
/*
 * The harness tests itself: test_main() runs specimens that fail, hang, crash,
 * skip and leave things behind, and its report and exit status are read. What
 * the specimens claim is wrong on purpose.
 */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>

#include "selftests/harness/harness.h"
#include "selftests/harness/run.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"

#define REPORT_BYTES (256 * 1024)

struct run {
	const struct test_suite *const *suites;
	size_t nr_suites;
	char **args;
	int out_fd;
};

static void run_specimens(void *arg)
{
	struct run *run = arg;
	int argc = 0;

	sys_dup3(run->out_fd, 1, 0);
	while (run->args[argc])
		argc++;
	sys_exit_group(test_main(run->suites, run->nr_suites, argc, run->args));
}

/* The report of a run; its exit status in *status. */
static const char *report_of(const struct test_suite *const *suites, size_t nr_suites, char **args,
			     int *status)
{
	struct run run = { suites, nr_suites, args, sys_memfd_create("report", 0) };
	struct pages pages;
	long len;

	ASSERT_OK(run.out_fd);
	*status = test_exited(test_run_child(run_specimens, &run));
	ASSERT_OK(pages_map(&pages, REPORT_BYTES));
	len = sys_pread64(run.out_fd, pages.addr, REPORT_BYTES - 1, 0);
	ASSERT_OK(len);
	test_log("%s", (char *)pages.addr);
	return pages.addr;
}

/* One specimen alone: the report has the line, and the status is as said. */
static const char *report_of_case(const struct test_case *tc, int want_status, const char *line)
{
	const struct test_suite suite = { "specimen", tc, 1 };
	const struct test_suite *const suites[] = { &suite };
	int status;
	const char *report = report_of(suites, 1, (char *[]){ NULL }, &status);

	EXPECT_EQ(status, want_status);
	EXPECT_TRUE(str_starts(report, "KTAP version 1\n1..1\n  KTAP version 1\n"
				       "  # Subtest: specimen\n  1..1\n") != NULL);
	EXPECT_TRUE(str_find(report, line) != NULL);
	return report;
}

static void passes(void)
{
	test_log("hidden output");
}

static void fails_twice_and_thrice(void)
{
	static const char a[] = "abcdefg";
	static const char b[] = "abcxefg";
	u32 big = UINT32_MAX;

	test_log("a log line\twith a tab and \x1b[31m");
	test_row("row %d", 7);
	EXPECT_EQ(big, -1);
	EXPECT_STREQ(a, b);
	EXPECT_MEMEQ(a, b, 7);
	EXPECT_OK(-16);
	EXPECT_ERR(-EINVAL, -EBUSY);
	ASSERT_TRUE(1 > 2);
	test_log("never reached");
}

static void hangs(void)
{
	test_log("about to hang");
	for (;;)
		test_sleep_ms(1000);
}

/* A child in the group that ignores what it can: only the kill of the group ends it. */
static void hangs_with_children(void)
{
	if (!sys_fork())
		hangs();
	if (!sys_fork()) {
		sys_setsid();
		hangs();
	}
	hangs();
}

/* SIGABRT: a sanitizer would take SIGSEGV for itself. */
static void crashes(void)
{
	sys_kill(sys_getpid(), 6);
	test_sleep_ms(10000);
}

static void exits_early(void)
{
	sys_exit_group(0);
}

static void exits_with_3(void)
{
	sys_exit_group(3);
}

static void skips(void)
{
	test_skip("no %s here", "ublk");
}

static void fails_and_skips(void)
{
	EXPECT_EQ(1, 2);
	test_skip("not for me");
}

static void leaves_a_child(void)
{
	if (!sys_fork())
		hangs();
}

static void leaves_a_session(void)
{
	int fds[2];
	char c;

	ASSERT_OK(sys_pipe2(fds, 0));
	if (!sys_fork()) {
		sys_setsid();
		sys_write(fds[1], "x", 1);
		hangs();
	}
	ASSERT_EQ(sys_read(fds[0], &c, 1), 1);
}

static void leaves_a_writer(void)
{
	if (!sys_fork()) {
		for (;;)
			test_log("chatter");
	}
}

static void floods(void)
{
	for (int i = 0; i < 20000; i++)
		test_log("line %d of many", i);
	ASSERT_TRUE(!"flooded");
}

static void closes_its_output(void)
{
	sys_close(1);
	sys_close(2);
	test_sleep_ms(50);
}

static void a_forked_check_fails(void)
{
	int status;
	int pid = sys_fork();

	if (!pid) {
		EXPECT_EQ(1, 2);
		sys_exit_group(0);
	}
	ASSERT_EQ(sys_wait4(pid, &status, 0), pid);
}

static void reports_each_end(void)
{
	static const struct {
		struct test_case tc;
		int status;
		const char *line;
	} rows[] = {
		{ TEST("s", passes), 0, "  ok 1 - s\nok 1 - specimen\n" },
		{ TEST("s", crashes), 1, "# killed by SIGABRT\n" },
		{ TEST("s", exits_early), 1, "# exited with status 0 before it was done\n" },
		{ TEST("s", exits_with_3), 1, "# exited with status 3 before it was done\n" },
		{ TEST("s", skips), 4,
		  "  ok 1 - s # SKIP no ublk here\n"
		  "ok 1 - specimen # SKIP all of its cases were skipped\n" },
		{ TEST("s", fails_and_skips), 1, "# 1 failed check\n" },
		{ TEST("s", hangs, .timeout_ms = 100), 1, "# timed out after 100 ms\n" },
		{ TEST("s", leaves_a_child), 1, "# left a process running\n" },
		{ TEST("s", leaves_a_writer), 1, "# left a process running\n" },
		{ TEST("s", closes_its_output), 0, "  ok 1 - s\n" },
		{ TEST("s", a_forked_check_fails), 1, "# 1 failed check\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *report;

		test_row("%zu: %s", i, rows[i].line);
		report = report_of_case(&rows[i].tc, rows[i].status, rows[i].line);
		EXPECT_EQ(str_find(report, "\n  not ok 1 - s\n") != NULL, rows[i].status == 1);
		EXPECT_EQ(str_find(report, "\nnot ok 1 - specimen\n") != NULL,
			  rows[i].status == 1);
		EXPECT_EQ(str_find(report, "hidden output"), NULL);
	}
}

static void shows_what_failed(void)
{
	static const struct test_case tc = TEST("s", fails_twice_and_thrice);
	static const char *const lines[] = {
		"  # | a log line with a tab and ?[31m\n",
		": not so: big == -1\n",
		"  # |   left:  4294967295 (0xffffffff)\n",
		"  # |   right: -1 (0xffffffffffffffff)\n",
		"  # |   in row: row 7\n",
		"  # |   left:  \"abcdefg\"\n",
		"  # |   1 of 7 bytes differ, the first at offset 3\n",
		"  # |   left : 64 65 66 67\n",
		"  # |   got:   -16 EBUSY (Device or resource busy)\n",
		"  # |   want:  -16 EBUSY\n",
		": not so: 1 > 2 is true\n",
		"  # 6 failed checks\n",
	};
	const char *report = report_of_case(&tc, 1, "test_harness_report.c:");

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		test_row("%s", lines[i]);
		EXPECT_TRUE(str_find(report, lines[i]) != NULL);
	}
	EXPECT_EQ(str_find(report, "never reached"), NULL);
}

static void keeps_both_ends_of_a_flood(void)
{
	static const struct test_case tc = TEST("s", floods, .timeout_ms = 60000);
	const char *report = report_of_case(&tc, 1, "  # | line 0 of many\n");

	EXPECT_TRUE(str_find(report, "  # | line 19999 of many\n") != NULL);
	EXPECT_TRUE(str_find(report, "bytes of output are left out)\n") != NULL);
	EXPECT_TRUE(str_find(report, "is true\n  # 1 failed check\n") != NULL);
	EXPECT_LT(str_len(report), REPORT_BYTES - 1);
}

static void finds_a_session(void)
{
	static const struct test_case tc = TEST("s", leaves_a_session);

	if (sys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		test_skip("an emulator cannot adopt orphans");
	report_of_case(&tc, 1, "# left a process running\n");
}

static bool has_children(void)
{
	int status;

	return sys_wait4(-1, &status, 0x40000001 /* __WALL | WNOHANG */) != -ECHILD;
}

static void kills_what_hangs(void)
{
	static const struct test_case tc = TEST("s", hangs_with_children, .timeout_ms = 200);
	const struct test_suite suite = { "specimen", &tc, 1 };
	const struct test_suite *const suites[] = { &suite };
	int status;

	report_of(suites, 1, (char *[]){ NULL }, &status);
	EXPECT_EQ(status, 1);
	EXPECT_TRUE(!has_children());
}

/* Specimen fixtures count in memory of their own, which all processes share. */
struct counts {
	u32 nr_setups;
	u32 nr_runs;
	u32 nr_teardowns;
	u32 value_in_teardown;
};

static struct counts *counts;

static void count_setup(void)
{
	counts->nr_setups++;
	ASSERT_EQ(*(u64 *)test_fixture(), 0);
	*(u64 *)test_fixture() = 42;
}

static void count_teardown(void)
{
	counts->nr_teardowns++;
	counts->value_in_teardown = *(u32 *)test_fixture();
}

static void setup_fails(void)
{
	count_setup();
	test_fail("no %s", "setup");
}

static void setup_skips(void)
{
	count_setup();
	test_skip("setup says no");
}

static void count_and_crash(void)
{
	counts->nr_runs++;
	crashes();
}

static void count_and_hang(void)
{
	counts->nr_runs++;
	hangs();
}

static void count_and_pass(void)
{
	counts->nr_runs++;
	ASSERT_EQ(*(u64 *)test_fixture(), 42);
}

static void teardown_crashes(void)
{
	count_teardown();
	crashes();
}

static void teardown_hangs(void)
{
	count_teardown();
	hangs();
}

#define FIXTURE(setup_, teardown_)                                                                 \
	.fixture = &(const struct test_fixture){ .size_bytes = 8,                                  \
						 .setup = setup_,                                  \
						 .teardown = teardown_ }

static void tears_down_in_any_case(void)
{
	const struct {
		struct test_case tc;
		u32 nr_runs;
		int status;
		const char *line;
	} rows[] = {
		{ TEST("s", count_and_crash, FIXTURE(count_setup, count_teardown)), 1, 1,
		  "# killed by SIGABRT\n" },
		{ TEST("s", count_and_hang, .timeout_ms = 1000,
		       FIXTURE(count_setup, count_teardown)), 1, 1,
		  "# timed out after 1000 ms\n" },
		{ TEST("s", count_and_pass, FIXTURE(count_setup, count_teardown)), 1, 0,
		  "  ok 1 - s\n" },
		{ TEST("s", count_and_pass, FIXTURE(setup_fails, count_teardown)), 0, 1,
		  "  # | no setup\n" },
		{ TEST("s", count_and_pass, FIXTURE(setup_skips, count_teardown)), 0, 4,
		  "# SKIP setup says no\n" },
		{ TEST("s", count_and_pass, FIXTURE(count_setup, teardown_crashes)), 1, 1,
		  "# teardown: killed by SIGABRT\n" },
		{ TEST("s", count_and_pass, .timeout_ms = 1000,
		       FIXTURE(count_setup, teardown_hangs)), 1, 1,
		  "# teardown: timed out after 1000 ms\n" },
		{ TEST("s", count_and_crash, FIXTURE(count_setup, teardown_crashes)), 1, 1,
		  "# killed by SIGABRT; teardown: killed by SIGABRT\n" },
		{ TEST("s", leaves_a_child, FIXTURE(count_setup, count_teardown)), 0, 1,
		  "# left a process running\n" },
	};
	long addr = sys_mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ASSERT_OK(addr);
	counts = (struct counts *)addr;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		*counts = (struct counts){ 0 };
		test_row("%zu: %s", i, rows[i].line);
		report_of_case(&rows[i].tc, rows[i].status, rows[i].line);
		EXPECT_EQ(counts->nr_setups, 1);
		EXPECT_EQ(counts->nr_runs, rows[i].nr_runs);
		EXPECT_EQ(counts->nr_teardowns, 1);
		EXPECT_EQ(counts->value_in_teardown, 42);
	}
}

static const struct test_case first_cases[] = { TEST("water is wet", passes),
						TEST("fire is wet", skips) };
static const struct test_case second_cases[] = { TEST("ice is wet", crashes) };
static const struct test_suite first = { "first", first_cases, 2 };
static const struct test_suite second = { "second", second_cases, 1 };
static const struct test_suite *const both[] = { &first, &second };

static void selects(void)
{
	static const struct {
		const char *args[4];
		int status;
		const char *report; /* the whole, or what it starts with */
	} rows[] = {
		{ { "--list" }, 0,
		  "first: water is wet\nfirst: fire is wet\nsecond: ice is wet\n" },
		{ { "-l", "--case=wat", "--case=ice" }, 0,
		  "first: water is wet\nsecond: ice is wet\n" },
		{ { "-l", "--suite=second" }, 0, "second: ice is wet\n" },
		{ { "--suite", "first" }, 0,
		  "KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: first\n  1..2\n"
		  "  ok 1 - water is wet\n  ok 2 - fire is wet # SKIP no ublk here\nok 1 - first\n"
		  "# Totals: pass:1 fail:0 xfail:0 xpass:0 skip:1 error:0\n" },
		{ { "--case", "fire" }, 4, "KTAP version 1\n1..1\n" },
		{ { "--case", "earth" }, 1, "KTAP version 1\n1..0\n" },
		{ { "--suite", "third" }, 1, "KTAP version 1\n1..0\n" },
		{ { NULL }, 1, "KTAP version 1\n1..2\n" },
		{ { "--siute" }, 2, "# unknown option --siute, did you mean --suite?; see --help" },
		{ { "stray" }, 2, "# unexpected argument \"stray\"; see --help\n" },
		{ { "--timeout-scale=0" }, 2, "# --timeout-scale: 0 is too small, the least is 1" },
		{ { "--help" }, 0, "usage: bareblk-selftests [OPTION]...\n\n      --suite=NAME" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *args[4];
		const char *report;
		int status;

		__builtin_memcpy(args, rows[i].args, sizeof(args));
		test_row("%s", args[0] ? args[0] : "(all)");
		report = report_of(both, 2, args, &status);
		EXPECT_EQ(status, rows[i].status);
		EXPECT_TRUE(str_starts(report, rows[i].report) != NULL);
	}
}

static void shows_all_when_asked(void)
{
	int status;
	const char *report = report_of(both, 2, (char *[]){ "-v", "--case=water", NULL }, &status);

	EXPECT_EQ(status, 0);
	EXPECT_TRUE(str_find(report, "  # | hidden output\n") != NULL);
}

static void refuses_reserved_names(void)
{
	static const struct test_case tc = TEST("an issue # 7", passes);
	const struct test_suite suite = { "specimen", &tc, 1 };
	const struct test_suite *const suites[] = { &suite };
	int status;

	report_of(suites, 1, (char *[]){ NULL }, &status);
	EXPECT_EQ(status, 2);
}

static void names_signals(void)
{
	char buf[16];

	EXPECT_STREQ(test_signal_name(11, buf), "SIGSEGV");
	EXPECT_STREQ(test_signal_name(9, buf), "SIGKILL");
	EXPECT_STREQ(test_signal_name(16, buf), "SIGSTKFLT");
	EXPECT_STREQ(test_signal_name(64, buf), "signal 64");
	EXPECT_STREQ(test_signal_name(0, buf), "signal 0");
}

static void scales_timeouts(void)
{
	static const struct test_case tc = TEST("s", hangs, .timeout_ms = 50);
	const struct test_suite suite = { "specimen", &tc, 1 };
	const struct test_suite *const suites[] = { &suite };
	u64 start_ms = test_now_ms();
	int status;
	const char *report = report_of(suites, 1, (char *[]){ "--timeout-scale=8", NULL }, &status);

	EXPECT_GE(test_now_ms() - start_ms, 399);
	EXPECT_TRUE(str_find(report, "# timed out after 400 ms\n") != NULL);
}

static const struct test_case cases[] = {
	TEST("every way for a case to end is reported as what it is", reports_each_end,
	     .timeout_ms = 60000),
	TEST("what a case that hangs has started is killed with it", kills_what_hangs),
	TEST("a process that left the group is found", finds_a_session),
	TEST("a fixture is torn down once, in any case", tears_down_in_any_case,
	     .timeout_ms = 30000),
	TEST("a failure shows place, expressions, values and output", shows_what_failed),
	TEST("a flood of output is cut in the middle", keeps_both_ends_of_a_flood,
	     .timeout_ms = 90000),
	TEST("suites and cases are selected by name", selects),
	TEST("the output of a case that passes is shown when asked for", shows_all_when_asked),
	TEST("a name that KTAP could misread is refused", refuses_reserved_names),
	TEST("timeouts are scaled", scales_timeouts),
	TEST("signals have their names", names_signals),
};
TEST_SUITE(harness_report, cases);
