/* SPDX-License-Identifier: MIT */
/* uapi/rt/diag.h */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/diag.h"
#include "uapi/rt/fmt.h"

static void sets_and_returns(void)
{
	struct diag why = { "old" };

	EXPECT_EQ(diag_set(&why, -EINVAL, "size %s is odd", "513"), -EINVAL);
	EXPECT_STREQ(why.text, "size 513 is odd");
	EXPECT_EQ(diag_set(NULL, -EIO, "%d", 1), -EIO);
	EXPECT_EQ(diag_prepend(NULL, -EIO, "%d", 1), -EIO);
}

static void prepends(void)
{
	struct diag why = { "" };

	EXPECT_EQ(diag_prepend(&why, -EIO, "child %d", 2), -EIO);
	EXPECT_STREQ(why.text, "child 2");
	diag_set(&why, -EIO, "no such file");
	diag_prepend(&why, -EIO, "child %d", 2);
	diag_prepend(&why, -EIO, "mirror");
	EXPECT_STREQ(why.text, "mirror: child 2: no such file");
}

static void marks_what_was_cut(void)
{
	struct {
		struct diag why;
		char canary[8];
	} x = { .canary = "canary!" };

	diag_set(&x.why, -EIO, "%0255d", 1);
	EXPECT_EQ(str_len(x.why.text), DIAG_TEXT_BYTES - 1);
	EXPECT_TRUE(str_ends(x.why.text, "0001"));
	diag_set(&x.why, -EIO, "%0256d", 1);
	EXPECT_EQ(str_len(x.why.text), DIAG_TEXT_BYTES - 1);
	EXPECT_TRUE(str_ends(x.why.text, "00..."));
	diag_prepend(&x.why, -EIO, "context");
	EXPECT_EQ(str_len(x.why.text), DIAG_TEXT_BYTES - 1);
	EXPECT_TRUE(str_starts(x.why.text, "context: 000") != NULL);
	EXPECT_TRUE(str_ends(x.why.text, "..."));
	diag_set(&x.why, -EIO, "x");
	diag_prepend(&x.why, -EIO, "%0300d", 1);
	EXPECT_TRUE(str_ends(x.why.text, "00..."));
	EXPECT_STREQ(x.canary, "canary!");
}

static void names_errors(void)
{
	EXPECT_STREQ(err_name(-EBUSY), "EBUSY");
	EXPECT_STREQ(err_name(EBUSY), "EBUSY");
	EXPECT_STREQ(err_text(-EBUSY), "Device or resource busy");
	EXPECT_STREQ(err_name(EPERM), "EPERM");
	EXPECT_STREQ(err_text(EPERM), "Operation not permitted");
	EXPECT_STREQ(err_name(-EHWPOISON), "EHWPOISON");
	EXPECT_STREQ(err_text(EHWPOISON), "Memory page has hardware error");
	EXPECT_STREQ(err_name(-524), "ENOTSUPP");
	EXPECT_STREQ(err_name(0), "E?");
	EXPECT_STREQ(err_name(41), "E?");
	EXPECT_STREQ(err_name(INT32_MIN), "E?");
	EXPECT_STREQ(err_text(100000), "unknown error");
	EXPECT_STREQ(err_name(EOPNOTSUPP), "EOPNOTSUPP");
	EXPECT_STREQ(err_name(EAGAIN), "EAGAIN");
}

static void every_name_has_a_text(void)
{
	u32 nr = 0;

	for (int err = 1; err < 1000; err++) {
		const char *name = err_name(err);

		test_row("%d %s", err, name);
		EXPECT_EQ(str_eq(name, "E?"), str_eq(err_text(err), "unknown error"));
		if (str_eq(name, "E?"))
			continue;
		EXPECT_EQ(name[0], 'E');
		EXPECT_TRUE(str_find(err_text(err), " ") != NULL);
		nr++;
	}
	EXPECT_GE(nr, 70);
}

static const struct test_case cases[] = {
	TEST("a line that is too long ends in dots inside its buffer", marks_what_was_cut),
	TEST("setting a line returns the error, with or without a place for it", sets_and_returns),
	TEST("context is put in front", prepends),
	TEST("errors have their names and texts, unknown ones too", names_errors),
	TEST("every error with a name has a text", every_name_has_a_text),
};
TEST_SUITE(rt_diag, cases);
