/* SPDX-License-Identifier: MIT */
/* ublk/tgt_ask.c: what running disks are asked */
#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/str.h"
#include "ublk/tgt.h"

#define SIZE (1ULL << 20)

static enum tgt_status no_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	(void)t;
	(void)q;
	return tgt_finish(op, 0);
}

static int open_any(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	(void)arg;
	(void)values;
	(void)why;
	t->limits.size_bytes = SIZE;
	t->limits.logical_shift = 12;
	return 0;
}

static int resize_able(struct tgt *t, u64 size_bytes, struct diag *why)
{
	if (size_bytes > 2 * SIZE)
		return diag_set(why, -ENOSPC, "too much");
	t->limits.size_bytes = size_bytes;
	return 0;
}

/* data up to 64K, a hole behind */
static s64 seek_able(struct tgt *t, u64 offset_bytes, bool hole)
{
	if (hole)
		return (s64)(offset_bytes < 65536 ? 65536 : offset_bytes);
	return (s64)(offset_bytes < 65536 ? offset_bytes : t->limits.size_bytes);
}

static int message_able(struct tgt *t, const char *word, const char *value, struct diag *why)
{
	u64 *state = t->state;

	if (!str_eq(word, "set") || !value)
		return diag_set(why, -EINVAL, "%s: unknown", word);
	*state = (u64)value[0];
	return 0;
}

static void stat_able(const struct tgt *t, tgt_say_fn *say, void *ctx)
{
	say(ctx, "word", *(const u64 *)t->state);
	say(ctx, "one", 1);
}

static void is_stopped(struct tgt *t, struct tgt_queue *q)
{
	(void)t;
	q->nr_busy++;
}

static const struct tgt_type able = {
	.name = "able",
	.arg_name = "ANY",
	.state_bytes = sizeof(u64),
	.open = open_any,
	.submit = no_submit,
	.resize = resize_able,
	.seek = seek_able,
	.message = message_able,
	.stat = stat_able,
	.queue_stop = is_stopped,
};

static const struct tgt_type plain = {
	.name = "plain",
	.max_children = 3,
	.open = open_any,
	.submit = no_submit,
};

static const struct tgt_type *const types[] = { &able, &plain, NULL };

static void open_spec(struct tgt_tree *tree, const char *spec)
{
	struct diag why = { .text = "" };

	if (tgt_open(tree, types, spec, &why))
		test_fail("%s: %s", spec, why.text);
}

static void a_disk_gets_another_size(void)
{
	struct tgt_tree tree;
	struct diag why;

	open_spec(&tree, "able:x");
	EXPECT_OK(tgt_resize(&tree, 2 * SIZE, &why));
	EXPECT_EQ(tree.root->limits.size_bytes, 2 * SIZE);
	EXPECT_EQ(tgt_resize(&tree, 3 * SIZE, &why), -ENOSPC);
	EXPECT_EQ(tgt_resize(&tree, SIZE + 512, &why), -EINVAL);
	EXPECT_EQ(tgt_resize(&tree, 0, &why), -EINVAL);
	tgt_close(&tree);
	open_spec(&tree, "plain:[able:x]");
	EXPECT_EQ(tgt_resize(&tree, SIZE, &why), -EOPNOTSUPP);
	EXPECT_STREQ(why.text, "plain: its size is fixed");
	tgt_close(&tree);
}

static void holes_and_data_are_looked_for(void)
{
	struct tgt_tree tree;

	open_spec(&tree, "able:x");
	EXPECT_EQ(tgt_seek(&tree, 4096, false), 4096);
	EXPECT_EQ(tgt_seek(&tree, 4096, true), 65536);
	EXPECT_EQ(tgt_seek(&tree, 70000, false), SIZE);
	EXPECT_EQ(tgt_seek(&tree, SIZE, true), SIZE);
	EXPECT_EQ(tgt_seek(&tree, 5 * SIZE, false), SIZE);
	tgt_close(&tree);
	open_spec(&tree, "plain:[able:x]"); /* that cannot tell: all of it is data */
	EXPECT_EQ(tgt_seek(&tree, 70000, false), 70000);
	EXPECT_EQ(tgt_seek(&tree, 70000, true), SIZE);
	tgt_close(&tree);
}

static char said[256];
static struct fmt_buf said_buf = { .text = said, .size = sizeof(said) };

static void note(void *ctx, const char *name, u64 value)
{
	(void)ctx;
	fmt_add(&said_buf, "%s=%llu ", name, value);
}

static void messages_and_numbers_find_their_target(void)
{
	static const char *const no_names[] = {
		"able0", "able1", "able4", "able02", "able2.", "abl", "plain2", "2", "", "able3x",
	};
	struct tgt_tree tree;
	struct diag why;

	open_spec(&tree, "plain:[able:x],[able:y]");
	EXPECT_OK(tgt_message(&tree, NULL, "set", "A", &why));
	EXPECT_OK(tgt_message(&tree, "able", "set", "B", &why));
	EXPECT_EQ(tgt_message(&tree, "able", "get", NULL, &why), -EINVAL);
	EXPECT_EQ(tgt_message(&tree, "plain", "set", "A", &why), -ENOENT);
	EXPECT_STREQ(why.text, "no target plain that takes messages");
	said_buf.len = 0;
	tgt_stat(&tree, note, NULL);
	EXPECT_STREQ(said, "able.word=66 able.one=1 able2.word=0 able2.one=1 ");
	EXPECT_OK(tgt_message(&tree, "able2", "set", "C", &why));
	said_buf.len = 0;
	tgt_stat(&tree, note, NULL);
	EXPECT_STREQ(said, "able.word=66 able.one=1 able2.word=67 able2.one=1 ");
	tgt_close(&tree);
	/* what has no such name in the numbers has none here */
	open_spec(&tree, "plain:[able:x],[plain:[able:y]],[able:z]");
	EXPECT_OK(tgt_message(&tree, "able3", "set", "D", &why));
	for (size_t i = 0; i < ARRAY_SIZE(no_names); i++) {
		test_row("%s", no_names[i]);
		EXPECT_EQ(tgt_message(&tree, no_names[i], "set", "E", &why), -ENOENT);
	}
	EXPECT_STREQ(why.text, "no target able3x that takes messages");
	said_buf.len = 0;
	tgt_stat(&tree, note, NULL);
	EXPECT_TRUE(!str_find(said, "=69 "));
	EXPECT_TRUE(str_find(said, "able3.word=68 ") != NULL);
	tgt_close(&tree);
	open_spec(&tree, "plain:[plain:[able:x]]");
	tree.nodes[2].type = &plain; /* nobody is left who would listen */
	EXPECT_EQ(tgt_message(&tree, NULL, "set", "A", &why), -ENOENT);
	EXPECT_STREQ(why.text, "no target that takes messages");
	tgt_close(&tree);
}

static void each_target_is_stopped_once(void)
{
	struct tgt_queue q = { .idx = 0 };
	struct tgt_tree tree;

	open_spec(&tree, "plain:[able:x],[able:y]");
	tgt_queue_stop(&tree, &q);
	tgt_queue_stop(&tree, &q);
	EXPECT_EQ(q.nr_busy, 2);
	EXPECT_TRUE(q.is_stopping);
	tgt_close(&tree);
}


static const struct test_case cases[] = {
	TEST("a disk gets another size, or says why not", a_disk_gets_another_size),
	TEST("holes and data are looked for", holes_and_data_are_looked_for),
	TEST("messages and numbers find their target", messages_and_numbers_find_their_target),
	TEST("each target is stopped, once", each_target_is_stopped_once),
};
TEST_SUITE(ublk_ask, cases);
