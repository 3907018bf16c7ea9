/* SPDX-License-Identifier: MIT */
/* The test program: which cases to run, and the report in KTAP version 1. */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "selftests/harness/run.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/opt.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"

#define ARGS_MAX 160

struct options {
	struct opt_list suites;
	struct opt_list cases;
	u32 timeout_scale;
	bool list;
	bool verbose;
	bool help;
};

#define OPTIONS(X)										\
	X(struct options, suites,								\
	  OPT_TEXT("suite", "NAME", "only this suite; may be given more than once"),		\
	  .kind = OPT_LIST)									\
	X(struct options, cases,								\
	  OPT_TEXT("case", "SUBSTRING",								\
		   "only cases with this in their name; may be given more than once"),		\
	  .kind = OPT_LIST)									\
	X(struct options, timeout_scale,							\
	  OPT_TEXT("timeout-scale", "N", "multiply all timeouts, for slow machines")		\
	  OPT_RANGE("1", "1000"),								\
	  .kind = OPT_U32)									\
	X(struct options, list,									\
	  OPT_TEXT("list", "", "print \"suite: case\" for each case that would run"),		\
	  .letter = 'l', .kind = OPT_FLAG)							\
	X(struct options, verbose,								\
	  OPT_TEXT("verbose", "", "show time and output of cases that pass, too"),		\
	  .letter = 'v', .kind = OPT_FLAG)							\
	X(struct options, help,									\
	  OPT_TEXT("help", "", "this text"),							\
	  .letter = 'h', .kind = OPT_FLAG)

static const struct opt_table option_table = OPT_TABLE(OPTIONS);

struct totals {
	u32 nr[TEST_SKIP + 1];
};

static void flush_stdout(struct fmt_buf *b)
{
	test_write(1, b->text, b->len);
	b->len = 0;
}

static void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void say(const char *fmt, ...)
{
	char text[512];
	struct fmt_buf b = { .text = text, .size = sizeof(text), .flush = flush_stdout };
	va_list args;

	va_start(args, fmt);
	fmt_vadd(&b, fmt, args);
	va_end(args);
	flush_stdout(&b);
}

static bool is_suite_wanted(const struct options *options, const struct test_suite *suite)
{
	for (u32 i = 0; i < options->suites.nr; i++) {
		if (str_eq(options->suites.values[i], suite->name))
			return true;
	}
	return !options->suites.nr;
}

static bool is_case_wanted(const struct options *options, const struct test_case *tc)
{
	for (u32 i = 0; i < options->cases.nr; i++) {
		if (str_find(tc->name, options->cases.values[i]))
			return true;
	}
	return !options->cases.nr;
}

static u32 count_wanted(const struct options *options, const struct test_suite *suite)
{
	u32 nr = 0;

	if (!is_suite_wanted(options, suite))
		return 0;
	for (size_t i = 0; i < suite->nr_cases; i++)
		nr += is_case_wanted(options, &suite->cases[i]);
	return nr;
}

/* As comments of KTAP: a line each, nothing in it that a terminal or a parser would act on. */
static void say_output(char *text, size_t len)
{
	size_t start = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n' || i + 1 == len) {
			bool has_newline = text[i] == '\n';

			say("  # | %.*s\n", (int)(i - start + !has_newline), text + start);
			start = i + 1;
		} else if ((u8)text[i] < ' ' || (u8)text[i] == 0x7f) {
			text[i] = text[i] == '\t' ? ' ' : '?';
		}
	}
}

static void say_details(struct test_result *result)
{
	struct test_output *out = &result->output;
	size_t head = out->dropped_bytes ? TEST_OUTPUT_HEAD : out->len;

	say_output(out->text, head);
	if (out->dropped_bytes) {
		say("  # (%llu bytes of output are left out)\n", out->dropped_bytes);
		say_output(out->text + head, out->len - head);
	}
	if (result->verdict == TEST_FAIL)
		say("  # %s\n", result->reason);
	say("  # took %llu ms\n", result->duration_ms);
}

static void say_result(const char *indent, u32 nr, const char *name, enum test_verdict verdict,
		       const char *reason)
{
	say("%s%sok %u - %s%s%s\n", indent, verdict == TEST_FAIL ? "not " : "", nr, name,
	    verdict == TEST_SKIP ? " # SKIP " : "", verdict == TEST_SKIP ? reason : "");
}

static enum test_verdict verdict_of(const struct totals *totals)
{
	if (totals->nr[TEST_FAIL])
		return TEST_FAIL;
	return totals->nr[TEST_PASS] ? TEST_PASS : TEST_SKIP;
}

static void run_suite(const struct options *options, const struct test_suite *suite, u32 suite_nr,
		      struct test_result *result, struct totals *all)
{
	struct totals totals = { { 0 } };
	u32 nr = 0;

	say("  KTAP version 1\n  # Subtest: %s\n  1..%u\n", suite->name,
	    count_wanted(options, suite));
	for (size_t i = 0; i < suite->nr_cases; i++) {
		if (!is_case_wanted(options, &suite->cases[i]))
			continue;
		test_run_case(&suite->cases[i], options->timeout_scale, result);
		if (result->verdict == TEST_FAIL || options->verbose)
			say_details(result);
		say_result("  ", ++nr, suite->cases[i].name, result->verdict, result->reason);
		totals.nr[result->verdict]++;
		all->nr[result->verdict]++;
	}
	say_result("", suite_nr, suite->name, verdict_of(&totals), "all of its cases were skipped");
}

static int run_suites(const struct options *options, const struct test_suite *const *suites,
		      size_t nr_suites, struct test_result *result)
{
	struct totals totals = { { 0 } };
	u32 nr_wanted = 0;
	u32 nr = 0;

	for (size_t i = 0; i < nr_suites; i++)
		nr_wanted += count_wanted(options, suites[i]) != 0;
	say("KTAP version 1\n1..%u\n", nr_wanted);
	for (size_t i = 0; i < nr_suites; i++) {
		if (count_wanted(options, suites[i]))
			run_suite(options, suites[i], ++nr, result, &totals);
	}
	say("# Totals: pass:%u fail:%u xfail:0 xpass:0 skip:%u error:0\n", totals.nr[TEST_PASS],
	    totals.nr[TEST_FAIL], totals.nr[TEST_SKIP]);
	if (!nr_wanted) {
		say("# no case has this name\n");
		return TEST_EXIT_FAIL;
	}
	switch (verdict_of(&totals)) {
	case TEST_FAIL:
		return TEST_EXIT_FAIL;
	case TEST_SKIP:
		return TEST_EXIT_SKIP;
	case TEST_PASS:
		break;
	}
	return TEST_EXIT_PASS;
}

static int list_cases(const struct options *options, const struct test_suite *const *suites,
		      size_t nr_suites)
{
	for (size_t i = 0; i < nr_suites; i++) {
		if (!is_suite_wanted(options, suites[i]))
			continue;
		for (size_t j = 0; j < suites[i]->nr_cases; j++) {
			if (is_case_wanted(options, &suites[i]->cases[j]))
				say("%s: %s\n", suites[i]->name, suites[i]->cases[j].name);
		}
	}
	return 0;
}

static int help(void)
{
	char text[4096];
	struct fmt_buf b = { .text = text, .size = sizeof(text), .flush = flush_stdout };

	fmt_add(&b, "usage: bareblk-selftests [OPTION]...\n\n");
	opt_help(&option_table, 0, &b);
	fmt_add(&b, "\nThe exit status is 0 when all passed, 1 when one failed, 4 when all were "
		    "skipped.\n");
	flush_stdout(&b);
	return 0;
}

static int check_names(const struct test_suite *const *suites, size_t nr_suites)
{
	for (size_t i = 0; i < nr_suites; i++) {
		for (size_t j = 0; j < suites[i]->nr_cases; j++) {
			if (!str_chr(suites[i]->cases[j].name, '#'))
				continue;
			say("# %s: \"%s\" has a '#' in it, which KTAP reserves\n", suites[i]->name,
			    suites[i]->cases[j].name);
			return TEST_EXIT_USAGE;
		}
	}
	return 0;
}

int test_main(const struct test_suite *const *suites, size_t nr_suites, int argc, char **argv)
{
	struct options options = { .timeout_scale = 1 };
	struct diag why = { "" };
	struct pages pages;
	char *args[ARGS_MAX]; /* a copy: suites want to see the original */
	int err = 0;

	for (int i = 0; i < argc && i < ARGS_MAX; i++)
		args[i] = argv[i];
	if (argc > ARGS_MAX)
		err = diag_set(&why, -E2BIG, "more than %d arguments", ARGS_MAX);
	if (!err)
		err = opt_parse(&option_table, 0, &options, &argc, args, &why);
	if (!err && argc)
		err = diag_set(&why, -EINVAL, "unexpected argument \"%s\"", args[0]);
	if (err) {
		say("# %s; see --help\n", why.text);
		return TEST_EXIT_USAGE;
	}
	if (options.help)
		return help();
	if (check_names(suites, nr_suites))
		return TEST_EXIT_USAGE;
	if (options.list)
		return list_cases(&options, suites, nr_suites);
	if (pages_map(&pages, sizeof(struct test_result)))
		return TEST_EXIT_FAIL;
	err = run_suites(&options, suites, nr_suites, pages.addr);
	pages_unmap(&pages);
	return err;
}
