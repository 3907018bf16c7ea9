/* SPDX-License-Identifier: MIT */
/* dm/reply.c: answers as the kernel writes them, and as an enemy would */
#include <asm/errno.h>

#include "dm/reply.h"
#include "dm/table.h"
#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"

/* An answer that is put together here, and one byte behind it that nobody may read */
static union {
	struct dm_ioctl io;
	char bytes[4096];
} answer;

static u32 end;

static void begin(void)
{
	memset(&answer, 0x5a, sizeof(answer));
	answer.io = (struct dm_ioctl){ .data_start = sizeof(answer.io) };
	end = sizeof(answer.io);
}

static void add(const void *p, u32 bytes)
{
	memcpy(answer.bytes + end, p, bytes);
	end += bytes;
}

static void add_u32(u32 value)
{
	add(&value, sizeof(value));
}

static void add_u64(u64 value)
{
	add(&value, sizeof(value));
}

static void add_text(const char *s)
{
	add(s, (u32)str_len(s) + 1);
}

static void align(void)
{
	end = (end + 7) & ~7U;
}

static struct dm_reply take(void)
{
	struct dm_reply r = { .io = NULL };

	answer.io.data_size = end;
	ASSERT_OK(dm_reply_take(&r, &answer.io, sizeof(answer)));
	return r;
}

/* As list_devices() does since 4.37 */
static void add_name(u64 dev, const char *name, u32 event_nr, const char *uuid, bool is_last)
{
	u32 start = end;
	u32 next;

	add_u64(dev);
	add_u32(0);
	add_text(name);
	align();
	add_u32(event_nr);
	if (!uuid)
		add_u32(0);
	else
		add_u32(*uuid ? DM_NAME_LIST_FLAG_HAS_UUID : DM_NAME_LIST_FLAG_DOESNT_HAVE_UUID);
	if (uuid && *uuid)
		add_text(uuid);
	align();
	next = is_last ? 0 : end - start;
	memcpy(answer.bytes + start + 8, &next, sizeof(next));
}

static void walks_names(void)
{
	struct dm_reply r;
	struct dm_name n;
	u32 pos = 0;

	begin();
	add_name(dm_dev(254, 0), "a", 0, "CRYPT-x", false);
	add_name(dm_dev(254, 1), "four", 7, "", false);
	add_name(dm_dev(254, 300), "five5", 8, NULL, true);
	r = take();
	ASSERT_EQ(dm_next_name(&r, &pos, &n), 1);
	EXPECT_STREQ(n.name, "a");
	EXPECT_STREQ(n.uuid, "CRYPT-x");
	ASSERT_EQ(dm_next_name(&r, &pos, &n), 1);
	EXPECT_STREQ(n.name, "four");
	EXPECT_STREQ(n.uuid, "");
	EXPECT_EQ(n.event_nr, 7);
	ASSERT_EQ(dm_next_name(&r, &pos, &n), 1);
	EXPECT_STREQ(n.name, "five5");
	EXPECT_EQ(n.uuid, NULL);
	EXPECT_EQ(dm_dev_major(n.dev), 254);
	EXPECT_EQ(dm_dev_minor(n.dev), 300);
	EXPECT_EQ(dm_next_name(&r, &pos, &n), 0);
	EXPECT_EQ(dm_next_name(&r, &pos, &n), 0);
}

/* As retrieve_status() does: next counts from the first, also in the last */
static void add_target(u64 start, u64 len, const char *type, const char *params)
{
	struct dm_target_spec spec = { .sector_start = start, .length = len };
	u32 spec_at = end;

	memcpy(spec.target_type, type, str_len(type));
	add(&spec, sizeof(spec));
	add_text(params);
	answer.io.target_count++;
	spec.next = ((end + 7) & ~7U) - (u32)sizeof(answer.io);
	memcpy(answer.bytes + spec_at, &spec, sizeof(spec));
}

static void walks_targets(void)
{
	struct dm_target t;
	struct dm_reply r;
	u32 pos = 0;

	begin();
	add_target(0, 8, "linear", "7:0 16");
	align();
	add_target(8, 16, "sixteencharacter", "");
	align();
	add_target(24, 1, "zero", "x");
	r = take();
	ASSERT_EQ(dm_next_target(&r, &pos, &t), 1);
	EXPECT_STREQ(t.type, "linear");
	EXPECT_STREQ(t.params, "7:0 16");
	ASSERT_EQ(dm_next_target(&r, &pos, &t), 1);
	EXPECT_STREQ(t.type, "sixteencharacter");
	EXPECT_STREQ(t.params, "");
	EXPECT_EQ(t.start, 8);
	EXPECT_EQ(t.len, 16);
	ASSERT_EQ(dm_next_target(&r, &pos, &t), 1);
	EXPECT_STREQ(t.type, "zero");
	EXPECT_EQ(dm_next_target(&r, &pos, &t), 0);
}

static void compares_tables(void)
{
	static const char *const args[] = { "7:0", "16" };
	struct dm_table t = { 0 };
	struct dm_reply r;

	begin();
	add_target(0, 8, "linear", "7:0 16");
	align();
	add_target(8, 8, "zero", " ");
	r = take();
	EXPECT_EQ(dm_table_equal(&t, &r), 0);
	ASSERT_OK(dm_table_add(&t, 0, 8, "linear", args, 2, NULL));
	EXPECT_EQ(dm_table_equal(&t, &r), 0);
	ASSERT_OK(dm_table_add(&t, 8, 8, "zero", NULL, 0, NULL));
	EXPECT_EQ(dm_table_equal(&t, &r), 1);
	ASSERT_OK(dm_table_add(&t, 16, 8, "zero", NULL, 0, NULL));
	EXPECT_EQ(dm_table_equal(&t, &r), 0);
	dm_table_free(&t);
	ASSERT_OK(dm_table_add(&t, 0, 8, "linear", args, 1, NULL));
	ASSERT_OK(dm_table_add(&t, 8, 8, "zero", NULL, 0, NULL));
	EXPECT_EQ(dm_table_equal(&t, &r), 0);
	dm_table_free(&t);
}

static void walks_deps(void)
{
	struct dm_reply r;
	u32 pos = 0;
	u64 dev;

	begin();
	add_u32(2);
	add_u32(0);
	add_u64(dm_dev(8, 1));
	add_u64(dm_dev(259, 70000));
	r = take();
	ASSERT_EQ(dm_next_dep(&r, &pos, &dev), 1);
	EXPECT_EQ(dev, dm_dev(8, 1));
	ASSERT_EQ(dm_next_dep(&r, &pos, &dev), 1);
	EXPECT_EQ(dm_dev_minor(dev), 70000);
	EXPECT_EQ(dm_dev_major(dev), 259);
	EXPECT_EQ(dm_next_dep(&r, &pos, &dev), 0);
}

static void walks_types(void)
{
	struct dm_target_type type;
	struct dm_reply r;
	u32 pos = 0;

	begin();
	add_u32(24);
	add_u32(1);
	add_u32(2);
	add_u32(3);
	add_text("error");
	align();
	add_u32(0);
	add_u32(4);
	add_u32(5);
	add_u32(6);
	add_text("zero");
	r = take();
	ASSERT_EQ(dm_next_target_type(&r, &pos, &type), 1);
	EXPECT_STREQ(type.name, "error");
	EXPECT_EQ(type.version.minor, 2);
	ASSERT_EQ(dm_next_target_type(&r, &pos, &type), 1);
	EXPECT_STREQ(type.name, "zero");
	EXPECT_EQ(type.version.patchlevel, 6);
	EXPECT_EQ(dm_next_target_type(&r, &pos, &type), 0);
}

/* What the kernel answers when there is nothing: its sizes differ by command and release. */
static void has_nothing(void)
{
	static const struct {
		u32 data_size;
		u32 data_start;
	} rows[] = { { 305, 312 }, { 312, 312 }, { 305, 305 }, { 0, 312 }, { 0, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct dm_reply r = { .io = NULL };
		struct dm_target_type type;
		struct dm_target target;
		struct dm_name name;
		u32 pos = 0;
		u64 dev;

		begin();
		answer.io.data_size = rows[i].data_size;
		answer.io.data_start = rows[i].data_start;
		answer.io.flags = DM_DATA_OUT_FLAG;
		test_row("%u %u", rows[i].data_size, rows[i].data_start);
		ASSERT_OK(dm_reply_take(&r, &answer.io, sizeof(answer)));
		EXPECT_EQ(dm_next_name(&r, &pos, &name), 0);
		EXPECT_EQ(dm_next_target(&r, &pos, &target), 0);
		EXPECT_EQ(dm_next_target_type(&r, &pos, &type), 0);
		EXPECT_EQ(dm_next_dep(&r, &pos, &dev), 0);
		EXPECT_EQ(dm_reply_text(&r), NULL);
	}
}

static void reads_messages(void)
{
	struct dm_reply r;

	begin();
	add_text("0 12");
	r = take();
	EXPECT_EQ(dm_reply_text(&r), NULL);
	answer.io.flags = DM_DATA_OUT_FLAG;
	EXPECT_STREQ(dm_reply_text(&r), "0 12");
	begin();
	answer.io.flags = DM_DATA_OUT_FLAG;
	add_text("");
	r = take();
	EXPECT_STREQ(dm_reply_text(&r), "");
	begin();
	answer.io.flags = DM_DATA_OUT_FLAG;
	add("no end", 6);
	r = take();
	EXPECT_EQ(dm_reply_text(&r), NULL);
}

static u64 rng_state;

static u32 rng(void)
{
	rng_state = rng_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(rng_state >> 33);
}

/*
 * Any bytes: the walkers end, and what they give lies inside. The answer stands
 * at the very end of its memory in the sanitized build, so that one byte too far is seen.
 */
static void survives_anything(void)
{
	for (u32 round = 0; round < 200000; round++) {
		struct dm_reply r;
		struct dm_target_type type;
		struct dm_target target;
		struct dm_name name;
		u32 pos[4] = { 0 };
		u32 steps = 0;
		u64 dev;

		begin();
		answer.io.target_count = rng() % 4;
		for (u32 n = rng() % 24; n; n--)
			add_u32(rng() % 3 ? rng() % 64 : rng());
		r = take();
		while (dm_next_name(&r, &pos[0], &name) > 0)
			steps++;
		while (dm_next_target(&r, &pos[1], &target) > 0)
			steps++;
		while (dm_next_target_type(&r, &pos[2], &type) > 0)
			steps++;
		while (dm_next_dep(&r, &pos[3], &dev) > 0)
			steps++;
		ASSERT_LE(steps, 4 * 100);
	}
}

static void refuses_bad_sizes(void)
{
	struct dm_reply r = { .io = NULL };

	begin();
	answer.io.data_size = sizeof(answer) + 1;
	EXPECT_EQ(dm_reply_take(&r, &answer.io, sizeof(answer)), -EPROTO);
	answer.io.data_size = 400;
	answer.io.data_start = 304;
	EXPECT_EQ(dm_reply_take(&r, &answer.io, sizeof(answer)), -EPROTO);
}

static const struct test_case cases[] = {
	TEST("a list of devices is walked, with and without uuids", walks_names),
	TEST("a table is walked", walks_targets),
	TEST("a table is compared with the kernel's", compares_tables),
	TEST("dependencies are walked", walks_deps),
	TEST("target types are walked", walks_types),
	TEST("an answer with nothing in it has nothing in it", has_nothing),
	TEST("a message is answered with a text, an empty one, or none", reads_messages),
	TEST("no answer leads the walkers astray", survives_anything, .timeout_ms = 60000),
	TEST("sizes that the kernel cannot have meant are refused", refuses_bad_sizes),
};
TEST_SUITE(dm_reply, cases);
