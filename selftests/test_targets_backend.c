/* SPDX-License-Identifier: MIT */
/* ublk/targets/backend.h: callbacks and the features that follow from them */
#include "ublk/targets/backend.h"

#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "selftests/judge.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"
#include "ublk/disk.h"

#define DISK_BYTES 65536

/* What was called last, and how often */
struct call {
	u32 nr;
	u64 offset_bytes;
	u64 len_bytes;
	bool keep;
};

struct disk {
	u8 mem[2 * DISK_BYTES];
	struct call read, write, flush, discard, write_zeroes, sync, sync_range;
	struct call resize, stats, close;
	int answer;
};

static struct disk disk;

static int note(struct call *call, u64 offset_bytes, u64 len_bytes)
{
	call->nr++;
	call->offset_bytes = offset_bytes;
	call->len_bytes = len_bytes;
	return disk.answer;
}

static int disk_read(void *ctx, u64 offset_bytes, void *mem, u64 len_bytes)
{
	struct disk *d = ctx;

	memcpy(mem, d->mem + offset_bytes, len_bytes);
	return note(&d->read, offset_bytes, len_bytes);
}

static int disk_write(void *ctx, u64 offset_bytes, const void *mem, u64 len_bytes)
{
	struct disk *d = ctx;

	memcpy(d->mem + offset_bytes, mem, len_bytes);
	return note(&d->write, offset_bytes, len_bytes);
}

static int disk_flush(void *ctx)
{
	return note(&((struct disk *)ctx)->flush, 0, 0);
}

static int disk_discard(void *ctx, u64 offset_bytes, u64 len_bytes)
{
	struct disk *d = ctx;

	memset(d->mem + offset_bytes, 0, len_bytes);
	return note(&d->discard, offset_bytes, len_bytes);
}

static int disk_write_zeroes(void *ctx, u64 offset_bytes, u64 len_bytes, bool keep_allocated)
{
	struct disk *d = ctx;

	memset(d->mem + offset_bytes, 0, len_bytes);
	d->write_zeroes.keep = keep_allocated;
	return note(&d->write_zeroes, offset_bytes, len_bytes);
}

static int disk_sync(void *ctx)
{
	return note(&((struct disk *)ctx)->sync, 0, 0);
}

static int disk_sync_range(void *ctx, u64 offset_bytes, u64 len_bytes)
{
	return note(&((struct disk *)ctx)->sync_range, offset_bytes, len_bytes);
}

static int disk_resize(void *ctx, u64 size_bytes)
{
	return note(&((struct disk *)ctx)->resize, 0, size_bytes);
}

static u32 disk_stats(void *ctx, struct tgt_backend_stat *stats, u32 max)
{
	struct disk *d = ctx;

	note(&d->stats, 0, max);
	if (max > 0)
		stats[0] = (struct tgt_backend_stat){ "reads", d->read.nr };
	if (max > 1)
		stats[1] = (struct tgt_backend_stat){ "writes", d->write.nr };
	return 2;
}

static void disk_close(void *ctx)
{
	note(&((struct disk *)ctx)->close, 0, 0);
}

static const struct tgt_backend_ops all_ops = {
	.read = disk_read,
	.write = disk_write,
	.flush = disk_flush,
	.discard = disk_discard,
	.write_zeroes = disk_write_zeroes,
	.sync = disk_sync,
	.sync_range = disk_sync_range,
	.resize = disk_resize,
	.stats = disk_stats,
	.close = disk_close,
};

static const struct tgt_backend_ops few_ops = { .read = disk_read, .write = disk_write };
static const struct tgt_backend_ops only_read = {
	.read = disk_read, .discard = disk_discard, .write_zeroes = disk_write_zeroes,
};

static void open_disk(struct tgt_tree *tree, struct opdriver *d, const struct tgt_backend_ops *ops)
{
	struct tgt_backend backend = {
		.ops = ops, .ctx = &disk, .limits = { .size_bytes = DISK_BYTES },
	};
	struct diag why = { .text = "" };

	if (tgt_backend_open(tree, &backend, &why))
		test_fail("%s", why.text);
	/* It was copied. */
	memset(&backend, 0xff, sizeof(backend));
	opd_attach(d, tree, 0);
}

static void all_are_called(void)
{
	struct tgt_tree tree;
	struct opdriver d;
	u8 mem[4096];

	open_disk(&tree, &d, &all_ops);
	memset(mem, 3, sizeof(mem));
	EXPECT_EQ(opd_write(&d, 8192, mem, 4096, 0), 4096);
	EXPECT_EQ(disk.write.nr, 1);
	EXPECT_EQ(disk.write.offset_bytes, 8192);
	EXPECT_EQ(disk.write.len_bytes, 4096);
	EXPECT_EQ(disk.sync_range.nr, 0);
	memset(mem, 0, sizeof(mem));
	EXPECT_EQ(opd_read(&d, 8704, mem, 512), 512);
	EXPECT_EQ(mem[511], 3);
	EXPECT_EQ(mem[512], 0);
	EXPECT_EQ(disk.read.offset_bytes, 8704);
	EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	EXPECT_EQ(disk.flush.nr, 1);
	EXPECT_EQ(opd_simple(&d, TGT_DISCARD, 8192, 512, 0), 0);
	EXPECT_EQ(disk.discard.offset_bytes, 8192);
	EXPECT_EQ(disk.discard.len_bytes, 512);
	EXPECT_EQ(opd_simple(&d, TGT_WRITE_ZEROES, 512, 1024, TGT_F_NOUNMAP), 0);
	EXPECT_EQ(disk.write_zeroes.offset_bytes, 512);
	EXPECT_EQ(disk.write_zeroes.len_bytes, 1024);
	EXPECT_TRUE(disk.write_zeroes.keep);
	EXPECT_EQ(opd_simple(&d, TGT_WRITE_ZEROES, 512, 1024, 0), 0);
	EXPECT_TRUE(!disk.write_zeroes.keep);
	EXPECT_EQ(opd_write(&d, 1024, mem, 512, TGT_F_FUA), 512);
	EXPECT_EQ(disk.sync_range.nr, 1);
	EXPECT_EQ(disk.sync_range.offset_bytes, 1024);
	EXPECT_EQ(disk.sync_range.len_bytes, 512);
	EXPECT_EQ(opd_simple(&d, TGT_ZONE_OPEN, 0, 512, 0), -EOPNOTSUPP);
	EXPECT_EQ(disk.sync.nr, 0);
	EXPECT_EQ(disk.flush.nr, 1);
	opd_close(&d);
	EXPECT_EQ(disk.close.nr, 0);
	tgt_close(&tree);
	EXPECT_EQ(disk.close.nr, 1);
	tgt_close(&tree);
	EXPECT_EQ(disk.close.nr, 1);
}

static void pieces_in_order(void)
{
	u8 mem[2048];
	struct tgt_piece pieces[3] = {
		{ (u64)(uintptr_t)mem + 1024, 512 },
		{ (u64)(uintptr_t)mem, 100 },
		{ (u64)(uintptr_t)mem + 512, 412 },
	};
	struct tgt_tree tree;
	struct opdriver d;

	open_disk(&tree, &d, &all_ops);
	for (u32 i = 0; i < DISK_BYTES; i++)
		disk.mem[i] = (u8)(i / 4);
	EXPECT_EQ(opd_pieces(&d, TGT_READ, 4096, 1024, pieces, 3), 1024);
	EXPECT_EQ(disk.read.nr, 3);
	EXPECT_EQ(disk.read.offset_bytes, 4096 + 612);
	EXPECT_MEMEQ(mem + 1024, disk.mem + 4096, 512);
	EXPECT_MEMEQ(mem, disk.mem + 4096 + 512, 100);
	EXPECT_MEMEQ(mem + 512, disk.mem + 4096 + 612, 412);
	EXPECT_EQ(opd_pieces(&d, TGT_WRITE, 0, 1024, pieces, 3), 1024);
	EXPECT_MEMEQ(disk.mem, disk.mem + 4096, 1024);
	opd_close(&d);
	tgt_close(&tree);
}

static void durable_writes(void)
{
	static const struct tgt_backend_ops with_sync = {
		.read = disk_read, .write = disk_write, .flush = disk_flush, .sync = disk_sync,
	};
	static const struct tgt_backend_ops with_flush = {
		.read = disk_read, .write = disk_write, .flush = disk_flush,
	};
	struct tgt_tree tree;
	struct opdriver d;
	u8 mem[512] = { 0 };

	open_disk(&tree, &d, &with_sync);
	EXPECT_EQ(opd_write(&d, 0, mem, 512, TGT_F_FUA), 512);
	EXPECT_EQ(disk.sync.nr, 1);
	EXPECT_EQ(disk.flush.nr, 0);
	opd_close(&d);
	tgt_close(&tree);
	open_disk(&tree, &d, &with_flush);
	EXPECT_EQ(opd_write(&d, 0, mem, 512, TGT_F_FUA), 512);
	EXPECT_EQ(disk.flush.nr, 1);
	opd_close(&d);
	tgt_close(&tree);
	open_disk(&tree, &d, &few_ops);
	EXPECT_EQ(opd_write(&d, 0, mem, 512, TGT_F_FUA), 512);
	EXPECT_EQ(disk.flush.nr + disk.sync.nr, 2);
	opd_close(&d);
	tgt_close(&tree);
}

/* What tgt_stat() said */
struct said {
	u32 nr;
	u64 sum;
	char names[3][64];
};

static void hear(void *ctx, const char *name, u64 value)
{
	struct said *said = ctx;

	if (said->nr < ARRAY_SIZE(said->names))
		EXPECT_OK(str_copy(said->names[said->nr], sizeof(said->names[0]), name));
	said->nr++;
	said->sum += value;
}

static void absent_features(void)
{
	const struct tgt_limits *l;
	struct said said = { .nr = 0 };
	struct tgt_tree tree;
	struct opdriver d;
	struct diag why;
	u8 mem[512] = { 0 };

	open_disk(&tree, &d, &few_ops);
	l = opd_limits(&d);
	EXPECT_EQ(l->attrs, 0);
	EXPECT_EQ(l->max_discard_bytes, 0);
	EXPECT_EQ(l->discard_granularity_bytes, 0);
	EXPECT_EQ(l->max_write_zeroes_bytes, 0);
	EXPECT_EQ(l->logical_shift, 9);
	EXPECT_EQ(l->physical_shift, 12);
	EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	EXPECT_EQ(opd_simple(&d, TGT_DISCARD, 0, 512, 0), -EOPNOTSUPP);
	EXPECT_EQ(opd_simple(&d, TGT_WRITE_ZEROES, 0, 512, 0), -EOPNOTSUPP);
	/* Both are known before anybody is asked. */
	EXPECT_ERR(tgt_can_resize(&tree, 512, &why), -EOPNOTSUPP);
	EXPECT_STREQ(why.text, "backend: its size is fixed");
	EXPECT_ERR(tgt_resize(&tree, 512, &why), -EOPNOTSUPP);
	tgt_stat(&tree, hear, &said);
	EXPECT_EQ(said.nr, 0);
	opd_close(&d);
	tgt_close(&tree);

	open_disk(&tree, &d, &only_read);
	l = opd_limits(&d);
	EXPECT_EQ(l->attrs, UBLK_ATTR_READ_ONLY);
	EXPECT_EQ(l->max_discard_bytes, 0);
	EXPECT_EQ(l->max_write_zeroes_bytes, 0);
	EXPECT_EQ(opd_write(&d, 0, mem, 512, 0), -EROFS);
	opd_close(&d);
	tgt_close(&tree);
	EXPECT_EQ(disk.discard.nr + disk.write_zeroes.nr + disk.write.nr, 0);

	open_disk(&tree, &d, &all_ops);
	l = opd_limits(&d);
	EXPECT_EQ(l->attrs, UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA);
	EXPECT_EQ(l->max_discard_bytes, DISK_BYTES);
	EXPECT_EQ(l->max_write_zeroes_bytes, DISK_BYTES);
	EXPECT_EQ(l->discard_granularity_bytes, 4096);
	opd_close(&d);
	tgt_close(&tree);
}

static void errors_arrive(void)
{
	static const struct {
		int answer;
		s64 result;
	} rows[] = {
		{ -ENOSPC, -ENOSPC }, { -EIO, -EIO }, { -4095, -4095 },
		{ -4096, -EIO },      { 1, -EIO },    { 512, -EIO },
	};
	struct tgt_tree tree;
	struct opdriver d;
	u8 mem[512] = { 0 };

	open_disk(&tree, &d, &all_ops);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("%d", rows[i].answer);
		disk.answer = rows[i].answer;
		EXPECT_EQ(opd_read(&d, 0, mem, 512), rows[i].result);
		EXPECT_EQ(opd_write(&d, 0, mem, 512, 0), rows[i].result);
		EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), rows[i].result);
		EXPECT_EQ(opd_simple(&d, TGT_DISCARD, 0, 512, 0), rows[i].result);
		EXPECT_EQ(opd_simple(&d, TGT_WRITE_ZEROES, 0, 512, 0), rows[i].result);
		EXPECT_EQ(tgt_resize(&tree, 512, NULL), rows[i].result);
		EXPECT_EQ(opd_limits(&d)->size_bytes, DISK_BYTES);
	}
	opd_close(&d);
	tgt_close(&tree);
}

static void is_resized(void)
{
	struct tgt_disk_queue queue;
	struct tgt_disk_info info;
	struct tgt_disk it;
	struct tgt_tree tree;
	struct opdriver d;
	struct diag why;
	u8 mem[512] = { 0 };

	open_disk(&tree, &d, &all_ops);
	ASSERT_OK(tgt_disk_attach(&it, &tree, 0, &why));
	ASSERT_OK(tgt_disk_queue_open(&queue, &it, 1, 0, &why));
	EXPECT_ERR(tgt_disk_read(&queue, DISK_BYTES, mem, 512), -ERANGE);
	ASSERT_OK(tgt_disk_resize(&it, 2 * DISK_BYTES, &why));
	EXPECT_EQ(disk.resize.nr, 1);
	EXPECT_EQ(disk.resize.len_bytes, 2 * DISK_BYTES);
	EXPECT_EQ(opd_limits(&d)->size_bytes, 2 * DISK_BYTES);
	EXPECT_OK(tgt_disk_get_info(&it, &info));
	EXPECT_EQ(info.nr_sectors, 2 * DISK_BYTES / 512);
	EXPECT_ERR(tgt_disk_resize(&it, 0, &why), -EINVAL);
	EXPECT_ERR(tgt_disk_resize(&it, 1000, &why), -EINVAL);
	EXPECT_EQ(disk.resize.nr, 1);
	EXPECT_OK(tgt_disk_read(&queue, 2 * DISK_BYTES - 512, mem, 512));
	EXPECT_EQ(disk.read.offset_bytes, 2 * DISK_BYTES - 512);
	ASSERT_OK(tgt_disk_resize(&it, 4096, &why));
	EXPECT_EQ(disk.resize.len_bytes, 4096);
	EXPECT_OK(tgt_disk_read(&queue, 4096 - 512, mem, 512));
	EXPECT_ERR(tgt_disk_read(&queue, 4096, mem, 512), -ERANGE);
	disk.answer = -ENOSPC;
	EXPECT_ERR(tgt_disk_resize(&it, DISK_BYTES, &why), -ENOSPC);
	EXPECT_STREQ(why.text, "the backend does not become 65536 bytes large");
	EXPECT_EQ(opd_limits(&d)->size_bytes, 4096);
	disk.answer = 0;
	tgt_disk_queue_close(&queue);
	tgt_disk_close(&it);
	opd_close(&d);
	tgt_close(&tree);
}

static void tells_its_numbers(void)
{
	struct said said = { .nr = 0 };
	struct tgt_disk it;
	struct tgt_tree tree;
	struct opdriver d;
	struct diag why;
	u8 mem[512] = { 0 };

	open_disk(&tree, &d, &all_ops);
	EXPECT_EQ(opd_write(&d, 0, mem, 512, 0), 512);
	EXPECT_EQ(opd_write(&d, 0, mem, 512, 0), 512);
	EXPECT_EQ(opd_read(&d, 0, mem, 512), 512);
	tgt_stat(&tree, hear, &said);
	EXPECT_EQ(said.nr, 2);
	EXPECT_EQ(said.sum, 3);
	EXPECT_STREQ(said.names[0], "backend.reads");
	EXPECT_STREQ(said.names[1], "backend.writes");
	EXPECT_EQ(disk.stats.len_bytes, TGT_BACKEND_MAX_STATS);
	ASSERT_OK(tgt_disk_attach(&it, &tree, 0, &why));
	EXPECT_EQ(opd_read(&d, 0, mem, 512), 512);
	EXPECT_OK(tgt_disk_stat(&it, hear, &said));
	EXPECT_EQ(said.nr, 4);
	EXPECT_EQ(said.sum, 3 + 4);
	tgt_disk_close(&it);
	opd_close(&d);
	tgt_close(&tree);
}

/* More than it was asked for, and names without an end */
static u32 too_many_stats(void *ctx, struct tgt_backend_stat *stats, u32 max)
{
	(void)ctx;
	for (u32 i = 0; i < max; i++) {
		memset(stats[i].name, 'x', TGT_BACKEND_NAME_BYTES);
		stats[i].value = 1;
	}
	return max + 1;
}

static void numbers_are_bounded(void)
{
	static const struct tgt_backend_ops ops = { .read = disk_read, .stats = too_many_stats };
	struct said said = { .nr = 0 };
	struct tgt_tree tree;
	struct opdriver d;

	open_disk(&tree, &d, &ops);
	tgt_stat(&tree, hear, &said);
	EXPECT_EQ(said.nr, TGT_BACKEND_MAX_STATS);
	EXPECT_EQ(said.sum, TGT_BACKEND_MAX_STATS);
	EXPECT_STREQ(said.names[2], "backend.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	opd_close(&d);
	tgt_close(&tree);
}

static void refuses(void)
{
	static const struct tgt_backend_ops no_read = { .write = disk_write, .close = disk_close };
	static const struct {
		const struct tgt_backend_ops *ops;
		struct tgt_limits limits;
		const char *text;
	} rows[] = {
		{ NULL, { .size_bytes = 512 }, "a backend without a read callback" },
		{ &no_read, { .size_bytes = 512 }, "a backend without a read callback" },
		{ &all_ops, { .size_bytes = 0 },
		  "a size of 0 bytes: not a multiple of 512 above zero" },
		{ &all_ops, { .size_bytes = 1000 },
		  "a size of 1000 bytes: not a multiple of 512 above zero" },
		{ &all_ops, { .size_bytes = 512, .logical_shift = 12 },
		  "a size of 512 bytes: not a multiple of 4096 above zero" },
		{ &all_ops, { .size_bytes = 512, .logical_shift = 3 },
		  "a logical block of 2^3 bytes: 2^9 to 2^16 are possible" },
		{ &all_ops, { .size_bytes = 512, .logical_shift = 200 },
		  "a logical block of 2^200 bytes: 2^9 to 2^16 are possible" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tgt_backend backend = {
			.ops = rows[i].ops, .ctx = &disk, .limits = rows[i].limits,
		};
		struct tgt_tree tree;
		struct diag why;

		test_row("%zu", i);
		memset(&tree, 0xff, sizeof(tree));
		EXPECT_ERR(tgt_backend_open(&tree, &backend, &why), -EINVAL);
		EXPECT_STREQ(why.text, rows[i].text);
		EXPECT_EQ(tree.root, NULL);
		tgt_close(&tree);
	}
	EXPECT_EQ(disk.close.nr, 0);
}

static void is_a_disk(void)
{
	const struct oracle_mix mix = {
		.read = 6, .write = 6, .flush = 1, .discard = 1, .zero = 1,
		.max_blocks = 16, .fua_of_16 = 4,
	};
	struct diag why = { .text = "" };
	struct tgt_tree tree;
	struct opdriver d;
	struct oracle o;
	struct judge j;
	u64 random = 11;

	open_disk(&tree, &d, &all_ops);
	ASSERT_OK(oracle_init(&o, DISK_BYTES, 512, random));
	judge_init(&j, &d, &o, 16 * 512, 16, random);
	for (u32 i = 0; i < 5000; i++) {
		struct oracle_op op;

		oracle_pick(&o, &random, &mix, 0, o.size_bytes, &op);
		if (judge_op(&j, &op, &why))
			test_fail("operation %u: %s", i, why.text);
	}
	judge_exit(&j);
	oracle_exit(&o);
	opd_close(&d);
	tgt_close(&tree);
}

static const struct test_case cases[] = {
	TEST("every callback is called with what was asked", all_are_called),
	TEST("each piece of an operation is a call, in order", pieces_in_order),
	TEST("FUA is sync_range, or sync, or flush", durable_writes),
	TEST("an absent callback is an absent feature", absent_features),
	TEST("what a callback answers is the result", errors_arrive),
	TEST("a backend is resized, and the disk ends there", is_resized),
	TEST("a backend tells its numbers", tells_its_numbers),
	TEST("numbers are as many as were asked for, and names end", numbers_are_bounded),
	TEST("backends that make no sense are refused", refuses),
	TEST("a backend is byte-exact under random operations", is_a_disk),
};
TEST_SUITE(targets_backend, cases);
