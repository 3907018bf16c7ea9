/* SPDX-License-Identifier: MIT */
/* ublk/targets/async.h: answers that come later. */
#include "ublk/targets/async.h"

#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "selftests/judge.h"
#include "uapi/rt/mem.h"

#define DISK_BYTES 65536

static u8 bytes[DISK_BYTES];
static u8 mem[OPD_SLOTS * 512];
static struct tgt_op *begun[OPD_SLOTS];
static u32 nr_begun;
static u32 nr_closed;
static u64 new_size_bytes;
static struct tgt_tree tree;
static struct opdriver d;
static struct diag why;

static s64 do_it(const struct tgt_op *op)
{
	int err = 0;

	switch (op->kind) {
	case TGT_READ:
		err = tgt_copy_to_op(op, 0, bytes + op->offset_bytes, op->len_bytes);
		break;
	case TGT_WRITE:
		err = tgt_copy_from_op(op, 0, bytes + op->offset_bytes, op->len_bytes);
		break;
	case TGT_FLUSH:
		return 0;
	default:
		memset(bytes + op->offset_bytes, 0, op->len_bytes);
		return 0;
	}
	return err ? err : (s64)op->len_bytes;
}

static void begin_at_once(void *ctx, struct tgt_op *op)
{
	EXPECT_EQ(ctx, &tree);
	tgt_async_answer(op, do_it(op));
}

static void begin_later(void *ctx, struct tgt_op *op)
{
	(void)ctx;
	begun[nr_begun++] = op;
}

static void note_close(void *ctx)
{
	(void)ctx;
	nr_closed++;
}

static void open_disk(void (*begin)(void *ctx, struct tgt_op *op))
{
	const struct tgt_async async = {
		.begin = begin, .close = note_close, .ctx = &tree,
		.limits = { .size_bytes = DISK_BYTES, .max_discard_bytes = DISK_BYTES,
			    .max_write_zeroes_bytes = DISK_BYTES,
			    .attrs = UBLK_ATTR_VOLATILE_CACHE },
		.nr_queues = 2,
	};

	ASSERT_OK(tgt_async_open(&tree, &async, &why));
	opd_attach(&d, &tree, 1);
}

static void close_disk(void)
{
	opd_close(&d);
	EXPECT_EQ(nr_closed, 0);
	tgt_close(&tree);
	EXPECT_EQ(nr_closed, 1);
}

static struct opd_slot *start_write(u32 i)
{
	struct opd_slot *slot = opd_slot(&d);

	slot->op.kind = TGT_WRITE;
	slot->op.offset_bytes = i * 512;
	slot->op.len_bytes = 512;
	tgt_set_mem(&slot->op, mem + i * 512);
	EXPECT_TRUE(!opd_start(&d, slot));
	return slot;
}

static void in_any_order(void)
{
	struct opd_slot *slots[OPD_SLOTS];

	open_disk(begin_later);
	for (u32 round = 1; round < 20; round++) {
		nr_begun = 0;
		memset(mem, (int)round, sizeof(mem));
		for (u32 i = 0; i < OPD_SLOTS; i++)
			slots[i] = start_write(i);
		ASSERT_EQ(nr_begun, OPD_SLOTS);
		/* some now, and others when those have been taken */
		for (u32 i = 0; i < OPD_SLOTS; i++) {
			struct tgt_op *op = begun[(i * 7 + round) % OPD_SLOTS];

			tgt_async_answer(op, i == 3 ? -ENOSPC : do_it(op));
			if (i == 5 || i == 6)
				EXPECT_EQ(opd_wait(&d, CONTAINER_OF(op, struct opd_slot, op)), 512);
		}
		for (u32 i = 0; i < OPD_SLOTS; i++)
			if (slots[i]->state != OPD_FREE)
				EXPECT_EQ(opd_wait(&d, slots[i]),
					  &slots[i]->op == begun[(3 * 7 + round) % OPD_SLOTS] ?
						  -ENOSPC : 512);
		EXPECT_EQ(bytes[((4 * 7 + round) % OPD_SLOTS) * 512], round);
	}
	close_disk();
}

static void is_a_disk(void)
{
	const struct oracle_mix mix = {
		.read = 6, .write = 6, .flush = 1, .discard = 1, .zero = 1, .max_blocks = 16,
	};
	struct oracle o;
	struct judge j;
	u64 random = 5;

	open_disk(begin_at_once);
	ASSERT_OK(oracle_init(&o, DISK_BYTES, 512, random));
	judge_init(&j, &d, &o, 16 * 512, 16, random);
	for (u32 i = 0; i < 3000; i++) {
		struct oracle_op op;

		oracle_pick(&o, &random, &mix, 0, o.size_bytes, &op);
		if (judge_op(&j, &op, &why))
			test_fail("operation %u: %s", i, why.text);
	}
	EXPECT_EQ(opd_simple(&d, TGT_ZONE_OPEN, 0, 0, 0), -EOPNOTSUPP);
	judge_exit(&j);
	oracle_exit(&o);
	close_disk();
}

static void is_asked_for_what_it_offers(void)
{
	const struct tgt_async async = {
		.begin = begin_later, .ctx = &tree, .limits = { .size_bytes = DISK_BYTES },
	};

	ASSERT_OK(tgt_async_open(&tree, &async, &why));
	opd_attach(&d, &tree, 0);
	EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	EXPECT_EQ(opd_simple(&d, TGT_DISCARD, 0, 512, 0), -EOPNOTSUPP);
	EXPECT_EQ(opd_simple(&d, TGT_WRITE_ZEROES, 0, 512, 0), -EOPNOTSUPP);
	EXPECT_EQ(nr_begun, 0);
	opd_close(&d);
	tgt_close(&tree);
}

static void refuses(void)
{
	struct tgt_queue q = { .idx = 2 };
	struct tgt_async async = { .limits = { .size_bytes = 512 } };

	EXPECT_ERR(tgt_async_open(&tree, &async, &why), -EINVAL);
	EXPECT_STREQ(why.text, "a backend without a callback that begins");
	async.begin = begin_later;
	async.limits.size_bytes = 100;
	EXPECT_ERR(tgt_async_open(&tree, &async, &why), -EINVAL);
	EXPECT_STREQ(why.text, "a size of 100 bytes: not a multiple of 512 above zero");
	EXPECT_EQ(tree.root, NULL);
	async.limits.size_bytes = 512;
	async.nr_queues = 2;
	ASSERT_OK(tgt_async_open(&tree, &async, &why));
	EXPECT_ERR(tgt_queue_open(&tree, &q), -EINVAL);
	tgt_close(&tree);
}

static int note_size(void *ctx, u64 size_bytes)
{
	EXPECT_EQ(ctx, &tree);
	if (size_bytes > DISK_BYTES)
		return size_bytes > 2 * DISK_BYTES ? 1 : -ENOSPC;
	new_size_bytes = size_bytes;
	return 0;
}

static void is_resized(void)
{
	struct tgt_async async = {
		.begin = begin_at_once, .ctx = &tree, .limits = { .size_bytes = DISK_BYTES },
	};

	ASSERT_OK(tgt_async_open(&tree, &async, &why));
	EXPECT_ERR(tgt_can_resize(&tree, 512, &why), -EOPNOTSUPP);
	EXPECT_ERR(tgt_resize(&tree, 512, &why), -EOPNOTSUPP);
	tgt_close(&tree);
	async.resize = note_size;
	ASSERT_OK(tgt_async_open(&tree, &async, &why));
	EXPECT_OK(tgt_resize(&tree, 4096, &why));
	EXPECT_EQ(new_size_bytes, 4096);
	EXPECT_EQ(tree.root->limits.size_bytes, 4096);
	EXPECT_ERR(tgt_resize(&tree, 1000, &why), -EINVAL);
	EXPECT_ERR(tgt_resize(&tree, 2 * DISK_BYTES, &why), -ENOSPC);
	EXPECT_STREQ(why.text, "the backend does not become 131072 bytes large");
	EXPECT_ERR(tgt_resize(&tree, 4 * DISK_BYTES, &why), -EIO);
	EXPECT_EQ(tree.root->limits.size_bytes, 4096);
	tgt_close(&tree);
}

static const struct test_case cases[] = {
	TEST("answers come later, in any order", in_any_order),
	TEST("an asynchronous backend is byte-exact under random operations", is_a_disk),
	TEST("it is asked for what its limits offer", is_asked_for_what_it_offers),
	TEST("it is resized when it has a callback for that", is_resized),
	TEST("backends that make no sense are refused", refuses),
};
TEST_SUITE(targets_async, cases);
