/* SPDX-License-Identifier: MIT */
/* tools/text/dm_reason.c: the kernel's reason, picked from its log */
#include "selftests/harness/harness.h"
#include "tools/text/dm_reason.h"

static void picks(void)
{
	static const struct {
		const char *device;
		const char *records[3];
		const char *seen;
	} rows[] = {
		{ "254:0",
		  { "3,812,5140900,-;device-mapper: table: 254:0: linear: Device lookup failed (-ENODEV)\n",
		    "3,813,5140901,-;device-mapper: ioctl: error adding target to table\n" },
		  "linear: Device lookup failed (-ENODEV)" },
		{ "254:0", { "3,813,5140901,-;device-mapper: ioctl: error adding target to table\n" }, "" },
		{ "254:1", { "3,1,1,-;device-mapper: table: 254:10: zero: Invalid argument count\n" }, "" },
		{ "254:10", { "3,1,1,-;device-mapper: table: 254:1: zero: Invalid argument count\n" }, "" },
		{ NULL, { "3,1,1,-;device-mapper: table: 254:1: zero: x\n" }, "zero: x" },
		{ "254:1",
		  { "4,1,1,-,caller=T12;device-mapper: thin: Failed to load it.\n SUBSYSTEM=block\n",
		    "3,3,1,-;device-mapper: table: 254:1: thin-pool: Error creating pool\n" },
		  "thin: Failed to load it; thin-pool: Error creating pool" },
		/* facility 1 with level 3 is 11; 6 is only for information */
		{ NULL, { "11,1,1,-;device-mapper: a" }, "a" },
		{ NULL, { "6,1,1,-;device-mapper: raid: Loading target version 1.15.1\n" }, "" },
		{ NULL, { "3,1,1,-;EXT4-fs (dm-0): device-mapper: a\n" }, "" },
		{ NULL, { "", ";", "3,1,1,-;device-mapper: " }, "" },
		{ NULL, { "x;device-mapper: a", "3;device-mapper: 1:2: ", "device-mapper: b" }, "1:2:" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char seen[256] = "";
		struct fmt_buf out = { .text = seen, .size = sizeof(seen) };

		for (size_t k = 0; k < ARRAY_SIZE(rows[i].records) && rows[i].records[k]; k++)
			dm_reason_add(&out, rows[i].records[k], rows[i].device);
		test_row("%s", rows[i].records[0]);
		EXPECT_STREQ(seen, rows[i].seen);
	}
}

static void cuts(void)
{
	char seen[16] = "";
	struct fmt_buf out = { .text = seen, .size = sizeof(seen) };

	dm_reason_add(&out, "3,1,1,-;device-mapper: a line that is longer than its room", NULL);
	dm_reason_add(&out, "3,2,1,-;device-mapper: and another", NULL);
	EXPECT_STREQ(seen, "a line that is ");
}

static const struct test_case cases[] = {
	TEST("a failure's reason is picked from the kernel's log", picks),
	TEST("a reason that is too long is cut", cuts),
};
TEST_SUITE(dm_reason, cases);
