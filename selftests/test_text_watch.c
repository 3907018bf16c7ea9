/* SPDX-License-Identifier: MIT */
/* tools/text/watch.c: what monitor waits for */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "tools/text/watch.h"

static void reads(void)
{
	static const struct {
		const char *text;
		enum watch_kind kind; /* WATCH_NOTHING: refused */
	} rows[] = {
		{ "exists", WATCH_EXISTS },
		{ "removed", WATCH_REMOVED },
		{ "suspended", WATCH_SUSPENDED },
		{ "resumed", WATCH_RESUMED },
		{ "created", WATCH_CREATED },
		{ "event", WATCH_EVENT },
		{ "change", WATCH_CHANGE },
		{ "status~^0 8", WATCH_MATCH },
		{ "status~(", WATCH_NOTHING },
		{ "status~", WATCH_NOTHING },
		{ "used>80%", WATCH_SHARE },
		{ "thin-pool  used >= 80", WATCH_NOTHING },
		{ "thin-pool used >= 80", WATCH_SHARE },
		{ "used=0", WATCH_SHARE },
		{ "used>", WATCH_NOTHING },
		{ "used>%", WATCH_NOTHING },
		{ "used>80%%", WATCH_NOTHING },
		{ "used>80 %", WATCH_NOTHING },
		{ "used>-1", WATCH_NOTHING },
		{ "used>99999999999999999999999", WATCH_NOTHING },
		{ "free>80%", WATCH_NOTHING },
		{ "linear used>80%", WATCH_NOTHING },
		{ "thin-pool synced>80%", WATCH_NOTHING },
		{ "a-target-of-a-long-name used>1", WATCH_NOTHING },
		{ ">80%", WATCH_NOTHING },
		{ "", WATCH_NOTHING },
		{ "exist", WATCH_NOTHING },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct watch w;
		struct diag why = { "" };
		int err = watch_parse(&w, rows[i].text, &why);

		test_row("%s", rows[i].text);
		EXPECT_EQ(err, rows[i].kind == WATCH_NOTHING ? -EINVAL : 0);
		EXPECT_EQ(*why.text != '\0', err != 0);
		if (!err)
			EXPECT_EQ(w.kind, rows[i].kind);
	}
}

static void compares(void)
{
	static const struct {
		const char *text;
		struct dm_target line;
		bool is_true;
	} rows[] = {
		{ "used>80%", { 0, 8, "0 30/1024 81/100 - rw", "thin-pool" }, true },
		{ "used>80%", { 0, 8, "0 30/1024 80/100 - rw", "thin-pool" }, false },
		{ "used>=80%", { 0, 8, "0 30/1024 80/100 - rw", "thin-pool" }, true },
		{ "used=80", { 0, 8, "0 30/1024 80/100 - rw", "thin-pool" }, true },
		{ "metadata<3%", { 0, 8, "0 30/1024 80/100 - rw", "thin-pool" }, true },
		{ "metadata<2%", { 0, 8, "0 30/1024 80/100 - rw", "thin-pool" }, false },
		{ "thin used>1", { 0, 8, "0 30/1024 80/100 - rw", "thin-pool" }, false },
		{ "used>80%", { 0, 8, "Fail", "thin-pool" }, false },
		{ "used<80%", { 0, 8, "", "thin-pool" }, false },
		{ "used>49%", { 0, 1024, "512 1023", "thin" }, true },
		{ "used>50%", { 0, 1024, "512 1023", "thin" }, false },
		{ "used>=0", { 0, 1024, "-", "thin" }, false },
		{ "used>=50%", { 0, 8, "16/32 8", "snapshot" }, true },
		{ "used>0", { 0, 8, "Invalid", "snapshot" }, false },
		{ "used>0", { 0, 8, "8 27/1024 128 64/256 0 0 0", "cache" }, true },
		{ "used<=25%", { 0, 8, "8 27/1024 128 64/256 0 0 0", "cache" }, true },
		{ "synced=100%", { 0, 8, "raid1 2 AA 2048/2048 idle 0 0 -", "raid" }, true },
		{ "synced=100%", { 0, 8, "2 7:0 7:1 3/4 1 AA 1 core", "mirror" }, false },
		{ "used>99%", { 0, 8, "18446744073709551615/18446744073709551615 1", "snapshot" }, true },
		{ "used>0", { 0, 8, "1/2", "linear" }, false },
		{ "status~^0 8 verity C", { 0, 8, "C", "verity" }, true },
		{ "status~^0 8 verity C", { 0, 8, "V", "verity" }, false },
		{ "exists", { 0, 8, "V", "verity" }, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct watch w;

		test_row("%s: %s", rows[i].text, rows[i].line.params);
		ASSERT_OK(watch_parse(&w, rows[i].text, NULL));
		EXPECT_EQ(watch_line(&w, &rows[i].line), rows[i].is_true);
	}
}

static const struct test_case cases[] = {
	TEST("a condition is one, or is refused with a reason", reads),
	TEST("shares and lines of status are compared", compares),
};
TEST_SUITE(text_watch, cases);
