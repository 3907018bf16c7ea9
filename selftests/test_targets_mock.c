/* SPDX-License-Identifier: MIT */
/* ublk/targets/mock.h: what it writes down, and what it answers. */
#include "ublk/targets/mock.h"

#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "selftests/judge.h"
#include "uapi/rt/mem.h"

#define DISK_BYTES 65536

static u8 bytes[DISK_BYTES];
static u8 mem[4096];
static struct tgt_mock_op oplog[8];
static struct tgt_tree tree;
static struct opdriver d;
static struct diag why;

static void open_mock(struct tgt_mock *m)
{
	m->limits.size_bytes = DISK_BYTES;
	m->log = oplog;
	m->max_log = ARRAY_SIZE(oplog);
	ASSERT_OK(tgt_mock_open(&tree, m, &why));
	opd_attach(&d, &tree, 3);
}

static void close_mock(void)
{
	opd_close(&d);
	tgt_close(&tree);
}

static void writes_down(void)
{
	struct tgt_mock m = { .mem = bytes, .hashes = true };

	open_mock(&m);
	EXPECT_EQ(m.nr_queues, 1);
	memset(mem, 5, sizeof(mem));
	EXPECT_EQ(opd_write(&d, 1024, mem, 2048, TGT_F_FUA), 2048);
	EXPECT_EQ(opd_read(&d, 512, mem, 1024), 1024);
	EXPECT_EQ(mem[511], 0);
	EXPECT_EQ(mem[512], 5);
	EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	EXPECT_EQ(opd_simple(&d, TGT_DISCARD, 1024, 512, 0), 0);
	EXPECT_EQ(bytes[1024], 0);
	EXPECT_EQ(bytes[1536], 5);
	EXPECT_EQ(opd_simple(&d, TGT_WRITE_ZEROES, 1536, 512, TGT_F_NOUNMAP), 0);
	EXPECT_EQ(bytes[1536], 0);
	EXPECT_EQ(opd_simple(&d, TGT_ZONE_OPEN, 0, 0, 0), -EOPNOTSUPP);
	ASSERT_EQ(tgt_mock_nr_logged(&m), 6);
	EXPECT_EQ(oplog[0].kind, TGT_WRITE);
	EXPECT_EQ(oplog[0].offset_bytes, 1024);
	EXPECT_EQ(oplog[0].len_bytes, 2048);
	EXPECT_EQ(oplog[0].flags, TGT_F_FUA);
	EXPECT_EQ(oplog[0].queue_idx, 3);
	EXPECT_EQ(oplog[0].nr_pieces, 1);
	memset(mem, 5, sizeof(mem));
	EXPECT_EQ(oplog[0].data_hash, tgt_mock_hash(mem, 2048));
	EXPECT_NE(oplog[0].data_hash, tgt_mock_hash(mem, 2047));
	EXPECT_EQ(oplog[1].kind, TGT_READ);
	EXPECT_EQ(oplog[1].data_hash, 0);
	EXPECT_EQ(oplog[4].flags, TGT_F_NOUNMAP);
	EXPECT_EQ(oplog[5].kind, TGT_ZONE_OPEN);
	EXPECT_EQ(tgt_mock_count(&m, TGT_MOCK_ANY), 6);
	EXPECT_EQ(tgt_mock_count(&m, TGT_FLUSH), 1);
	EXPECT_EQ(tgt_mock_count(&m, TGT_ZONE_CLOSE), 0);
	for (u32 i = 0; i < 5; i++)
		EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	EXPECT_EQ(m.nr_ops, 11);
	EXPECT_EQ(tgt_mock_nr_logged(&m), 8);
	EXPECT_EQ(tgt_mock_count(&m, TGT_FLUSH), 3);
	tgt_mock_forget(&m);
	EXPECT_EQ(tgt_mock_nr_logged(&m), 0);
	close_mock();
	EXPECT_EQ(m.nr_queues, 0);
	EXPECT_EQ(tgt_mock_hash("", 0), 0xcbf29ce484222325);
	EXPECT_EQ(tgt_mock_hash("a", 1), 0xaf63dc4c8601ec8c);
}

static void without_memory(void)
{
	struct tgt_mock m = { .limits.logical_shift = 12 };

	open_mock(&m);
	EXPECT_EQ(opd_limits(&d)->logical_shift, 12);
	EXPECT_EQ(opd_limits(&d)->physical_shift, 12);
	memset(mem, 5, sizeof(mem));
	EXPECT_EQ(opd_write(&d, 4096, mem, 4096, 0), 4096);
	EXPECT_EQ(oplog[0].data_hash, 0);
	EXPECT_EQ(opd_read(&d, 4096, mem, 4096), 4096);
	EXPECT_EQ(mem[0] | mem[4095], 0);
	close_mock();
}

static void answers_as_told(void)
{
	struct tgt_mock_rule rules[] = {
		{ .kind = TGT_WRITE, .nth = 2, .err = -ENOSPC },
		{ .kind = TGT_MOCK_ANY, .nth = 4, .err = -EIO },
		{ .kind = TGT_READ, .begin_bytes = 1024, .end_bytes = 1536, .err = -EILSEQ },
		{ .kind = TGT_WRITE, .nth = 2, .err = -EINVAL },
	};
	struct tgt_mock m = { .mem = bytes, .rules = rules, .nr_rules = 4 };

	open_mock(&m);
	memset(mem, 1, sizeof(mem));
	for (u32 i = 0; i < 2; i++) {
		EXPECT_EQ(opd_write(&d, 0, mem, 512, 0), 512);
		EXPECT_EQ(opd_write(&d, 4096, mem, 512, 0), -ENOSPC);
		EXPECT_EQ(bytes[4096], 0);
		EXPECT_EQ(opd_read(&d, 512, mem, 1024), -EILSEQ);
		EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), -EIO);
		EXPECT_EQ(opd_write(&d, 4096, mem, 512, 0), 512);
		EXPECT_EQ(opd_read(&d, 512, mem, 512), 512);
		EXPECT_EQ(opd_read(&d, 1536, mem, 512), 512);
		EXPECT_EQ(opd_read(&d, 1024, mem, 512), -EILSEQ);
		EXPECT_EQ(rules[0].nr_seen, 3);
		EXPECT_EQ(rules[1].nr_seen, 8);
		EXPECT_EQ(rules[2].nr_seen, 2);
		tgt_mock_forget(&m);
		memset(bytes, 0, sizeof(bytes));
		memset(mem, 1, sizeof(mem));
	}
	close_mock();
}

static struct opd_slot *start_write(u64 offset_bytes, bool ends)
{
	struct opd_slot *slot = opd_slot(&d);

	slot->op.kind = TGT_WRITE;
	slot->op.offset_bytes = offset_bytes;
	slot->op.len_bytes = 512;
	tgt_set_mem(&slot->op, mem + offset_bytes);
	EXPECT_EQ(opd_start(&d, slot), ends);
	return slot;
}

static s64 release(struct tgt_mock *m, u32 nth, struct opd_slot *slot)
{
	EXPECT_TRUE(tgt_mock_release(m, nth));
	EXPECT_EQ(slot->state, OPD_PENDING);
	tgt_run_done(&d.run);
	return opd_wait(&d, slot);
}

static void holds_and_releases(void)
{
	struct tgt_mock_rule rules[] = {
		{ .kind = TGT_WRITE, .nth = 3, .holds = true, .err = -EIO },
		{ .kind = TGT_WRITE, .end_bytes = 1536, .holds = true },
	};
	struct tgt_mock m = { .mem = bytes, .rules = rules, .nr_rules = 2 };
	struct opd_slot *slots[4];

	open_mock(&m);
	memset(mem, 8, sizeof(mem));
	EXPECT_TRUE(!tgt_mock_release(&m, 0));
	for (u32 i = 0; i < 4; i++)
		slots[i] = start_write(512 * i, i == 3);
	EXPECT_EQ(m.nr_held, 3);
	EXPECT_EQ(opd_wait(&d, slots[3]), 512);
	EXPECT_EQ(bytes[0], 0);
	EXPECT_EQ(bytes[1536], 8);
	EXPECT_TRUE(!tgt_mock_release(&m, 3));
	EXPECT_EQ(release(&m, 2, slots[2]), -EIO);
	EXPECT_EQ(bytes[1024], 0);
	EXPECT_EQ(release(&m, 1, slots[1]), 512);
	EXPECT_EQ(bytes[512], 8);
	EXPECT_EQ(bytes[0], 0);
	/* the end of the list is where it should be */
	slots[1] = start_write(512, false);
	EXPECT_EQ(m.nr_held, 2);
	EXPECT_EQ(release(&m, 0, slots[0]), 512);
	EXPECT_EQ(bytes[0], 8);
	EXPECT_EQ(release(&m, 0, slots[1]), 512);
	EXPECT_EQ(m.nr_held, 0);
	slots[0] = start_write(0, false);
	EXPECT_EQ(release(&m, 0, slots[0]), 512);
	close_mock();
}

static void resizes(void)
{
	struct tgt_mock m = { .max_size_bytes = DISK_BYTES };

	open_mock(&m);
	EXPECT_ERR(tgt_resize(&tree, DISK_BYTES + 512, &why), -ENOSPC);
	EXPECT_STREQ(why.text, "mock: up to 65536 bytes");
	EXPECT_OK(tgt_resize(&tree, 512, &why));
	EXPECT_EQ(opd_limits(&d)->size_bytes, 512);
	close_mock();
	m.max_size_bytes = 0;
	open_mock(&m);
	EXPECT_ERR(tgt_resize(&tree, 512, &why), -EOPNOTSUPP);
	close_mock();
}

static void refuses(void)
{
	static const struct tgt_limits rows[] = {
		{ .size_bytes = 0 },
		{ .size_bytes = 100 },
		{ .size_bytes = 512, .logical_shift = 12 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tgt_mock m = { .limits = rows[i] };

		test_row("%zu", i);
		memset(&tree, 0xff, sizeof(tree));
		EXPECT_ERR(tgt_mock_open(&tree, &m, &why), -EINVAL);
		EXPECT_EQ(tree.root, NULL);
	}
	EXPECT_STREQ(why.text, "a size of 512 bytes: not a multiple of 4096 above zero");
}

static void is_a_disk(void)
{
	const struct oracle_mix mix = {
		.read = 6, .write = 6, .flush = 1, .discard = 1, .zero = 1, .max_blocks = 16,
	};
	struct tgt_mock m = { .mem = bytes };
	struct oracle o;
	struct judge j;
	u64 random = 5;

	open_mock(&m);
	ASSERT_OK(oracle_init(&o, DISK_BYTES, 512, random));
	judge_init(&j, &d, &o, 16 * 512, 16, random);
	for (u32 i = 0; i < 3000; i++) {
		struct oracle_op op;

		oracle_pick(&o, &random, &mix, 0, o.size_bytes, &op);
		if (judge_op(&j, &op, &why))
			test_fail("operation %u: %s", i, why.text);
	}
	judge_exit(&j);
	oracle_exit(&o);
	close_mock();
}

static const struct test_case cases[] = {
	TEST("a mock writes down what it is asked for", writes_down),
	TEST("a mock without memory forgets", without_memory),
	TEST("a mock answers as its rules say", answers_as_told),
	TEST("what a mock holds is answered in any order", holds_and_releases),
	TEST("a mock is resized when it may be", resizes),
	TEST("mocks of no size are refused", refuses),
	TEST("a mock with memory is byte-exact under random operations", is_a_disk),
};
TEST_SUITE(targets_mock, cases);
