/* SPDX-License-Identifier: MIT */
/* dm/udev.c: cookies, with a child in udev's place; dm/mangle.c: names as udev has them */
#include <asm/errno.h>

#include "dm/node.h"
#include "dm/udev.h"
#include "selftests/harness/harness.h"
#include "uapi/sys.h"

#define SECOND_NS 1000000000ULL

static struct dm_cookie fresh(void)
{
	struct dm_cookie c;
	int err = dm_cookie_make(&c);

	if (err == -ENOSYS)
		test_skip("no semaphores here");
	ASSERT_OK(err);
	ASSERT_EQ(c.key >> 16, DM_COOKIE_MAGIC);
	return c;
}

/* dmsetup udevcomplete, as udev's last rule runs it */
static void complete(void *arg)
{
	struct dm_cookie theirs;

	test_sleep_ms(50);
	ASSERT_OK(dm_cookie_open(&theirs, *(u32 *)arg));
	dm_cookie_drop(&theirs);
}

static void waits_for_udev(void)
{
	struct dm_cookie c = fresh();
	u32 nr;

	nr = dm_cookie_take(&c, DM_UDEV_PRIMARY_SOURCE);
	EXPECT_EQ(nr >> 16, DM_UDEV_PRIMARY_SOURCE);
	EXPECT_EQ(nr & 0xffff, c.key & 0xffff);
	EXPECT_EQ(dm_cookie_take(&c, DM_UDEV_PRIMARY_SOURCE), nr);
	ASSERT_OK(test_run_child(complete, &c.key));
	ASSERT_OK(test_run_child(complete, &c.key));
	EXPECT_OK(dm_cookie_wait(&c, 10 * SECOND_NS));
	EXPECT_EQ(c.id, -1);
	EXPECT_OK(dm_cookie_wait(&c, 10 * SECOND_NS));
}

static void does_not_hang(void)
{
	struct dm_cookie c = fresh();
	struct dm_cookie other;
	u64 began = test_now_ms();
	u32 key = c.key;

	(void)dm_cookie_take(&c, 0);
	EXPECT_EQ(dm_cookie_wait(&c, SECOND_NS / 10), -ETIME);
	EXPECT_GE(test_now_ms() - began, 90);
	/* and it has left no semaphore behind */
	EXPECT_EQ(dm_cookie_open(&other, key), -ENOENT);
}

static void drops_what_has_no_event(void)
{
	struct dm_cookie c = fresh();

	(void)dm_cookie_take(&c, 0);
	dm_cookie_drop(&c);
	EXPECT_OK(dm_cookie_wait(&c, 10 * SECOND_NS));
}

static void lives_without(void)
{
	struct dm_cookie none = { .id = -1 };

	EXPECT_EQ(dm_cookie_take(&none, DM_UDEV_PRIMARY_SOURCE), DM_UDEV_PRIMARY_SOURCE << 16);
	dm_cookie_drop(&none);
	EXPECT_OK(dm_cookie_wait(&none, SECOND_NS));
	dm_cookie_remove(&none);
	EXPECT_EQ(dm_cookie_open(&none, 0x12345678), -EINVAL);
	EXPECT_EQ(dm_cookie_open(&none, (u32)DM_COOKIE_MAGIC << 16), -EINVAL);
}

static void mangles(void)
{
	static const struct {
		const char *name;
		const char *mangled;
	} rows[] = {
		{ "vg-lv_0.1:@#+=", "vg-lv_0.1:@#+=" },
		{ "a b", "a\\x20b" },
		{ "\303\244", "\\xc3\\xa4" },
		{ "a\\b", "a\\x5cb" },
		{ "", "" },
	};
	char text[64];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%s", rows[i].name);
		EXPECT_EQ(dm_mangle(text, sizeof(text), rows[i].name), str_len(rows[i].mangled));
		EXPECT_STREQ(text, rows[i].mangled);
		EXPECT_TRUE(dm_is_mangled(text));
		EXPECT_EQ(dm_unmangle(text, sizeof(text), rows[i].mangled), str_len(rows[i].name));
		EXPECT_STREQ(text, rows[i].name);
	}
	EXPECT_TRUE(!dm_is_mangled("a b"));
	EXPECT_TRUE(!dm_is_mangled("\\x2"));
	EXPECT_TRUE(!dm_is_mangled("\\xAB"));
	EXPECT_EQ(dm_mangle(text, 3, "a b"), 6);
}

static const struct test_case cases[] = {
	TEST("a cookie is waited for until every event is answered", waits_for_udev),
	TEST("an udev that does not answer costs the time that was given", does_not_hang),
	TEST("an event that does not come is not waited for", drops_what_has_no_event),
	TEST("without a cookie nothing is waited for", lives_without),
	TEST("names are mangled as udev has them, and back", mangles),
};
TEST_SUITE(dm_udev, cases);
