/* SPDX-License-Identifier: MIT */
/* stripe, concat and window: every byte in its place, whatever its data is in. */
#include <asm/errno.h>
#include <linux/time_types.h>

#include "ring/prep.h"
#include "selftests/broken.h"
#include "selftests/broken_chain.h"
#include "selftests/harness/harness.h"
#include "selftests/model.h"
#include "selftests/oracle.h"
#include "uapi/rt/mem.h"
#include "ublk/targets/targets.h"

/*
 * A leaf that takes data of all kinds (a registered buffer's by its memory, which
 * the test knows), fails the test when it is asked for what its limits forbid, and
 * answers late and in any order.
 */
struct leaf_values {
	bool late;
	u64 block_bytes;
	u64 chunk_bytes;
	u64 max_io_bytes;
	u64 discard_bytes;
	u64 granularity_bytes;
	u64 fail_at;
	u32 attrs;
};

struct leaf {
	struct leaf_values v;
	struct pages mem;
	u64 size_bytes;
	u64 nr_ops;
	u64 nr_flushes;
	u32 flags;
	u64 random;
};

#define LEAF(X, field, name, kind_) \
	X(struct leaf_values, field, OPT_TEXT(name, "X", "x"), .kind = kind_)
#define LEAF_PARAMS(X)			    \
	LEAF(X, late, "late", OPT_BOOL)	    \
	LEAF(X, block_bytes, "block", OPT_SIZE)     \
	LEAF(X, chunk_bytes, "chunk", OPT_SIZE)     \
	LEAF(X, max_io_bytes, "max_io", OPT_SIZE)   \
	LEAF(X, discard_bytes, "discard", OPT_SIZE) \
	LEAF(X, granularity_bytes, "granularity", OPT_SIZE) \
	LEAF(X, fail_at, "fail_at", OPT_SIZE)       \
	LEAF(X, attrs, "attrs", OPT_U32)

static void check_asked(const struct tgt *t, const struct tgt_op *op)
{
	const struct tgt_limits *l = &t->limits;
	u64 block = 1ULL << l->logical_shift;
	u64 len = 0;

	ASSERT_EQ(op->offset_bytes % block, 0);
	ASSERT_EQ(op->len_bytes % block, 0);
	ASSERT_LE(op->offset_bytes + op->len_bytes, l->size_bytes);
	if (op->kind == TGT_FLUSH)
		return;
	ASSERT_GT(op->len_bytes, 0);
	if (l->chunk_bytes)
		ASSERT_EQ(op->offset_bytes / l->chunk_bytes,
			  (op->offset_bytes + op->len_bytes - 1) / l->chunk_bytes);
	if (op->kind == TGT_DISCARD)
		ASSERT_LE(op->len_bytes, l->max_discard_bytes);
	if (op->kind > TGT_WRITE)
		return;
	if (l->max_io_bytes)
		ASSERT_LE(op->len_bytes, l->max_io_bytes);
	for (u32 i = 0; i < op->data.nr_pieces; i++) {
		ASSERT_GT(op->data.pieces[i].len_bytes, 0);
		len += op->data.pieces[i].len_bytes;
	}
	ASSERT_EQ(len, op->len_bytes);
}

static s64 leaf_do(struct leaf *leaf, struct tgt_op *op)
{
	u8 *at = (u8 *)leaf->mem.addr + op->offset_bytes;
	struct tgt_op there = *op;

	if (leaf->v.fail_at && op->offset_bytes <= leaf->v.fail_at &&
	    op->offset_bytes + op->len_bytes > leaf->v.fail_at)
		return -ENOSPC;
	if (op->data.kind == TGT_DATA_FIXED)
		there.data.kind = TGT_DATA_MEM; /* the test has it mapped, see model.c */
	if (op->kind == TGT_READ)
		return tgt_copy_to_op(&there, 0, at, op->len_bytes) ? -EIO : (s64)op->len_bytes;
	if (op->kind == TGT_WRITE)
		return tgt_copy_from_op(&there, 0, at, op->len_bytes) ? -EIO : (s64)op->len_bytes;
	if (op->kind != TGT_FLUSH)
		memset(at, 0, op->len_bytes);
	return 0;
}

static enum tgt_status leaf_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct leaf *leaf = t->state;
	struct io_uring_sqe *sqe;

	check_asked(t, op);
	leaf->nr_ops++;
	leaf->nr_flushes += op->kind == TGT_FLUSH;
	leaf->flags |= op->flags;
	if (!leaf->v.late)
		return tgt_finish(op, leaf_do(leaf, op));
	ASSERT_OK(tgt_reserve_sqes(q, 1));
	op->scratch[0] = 0;
	op->scratch[1] = oracle_below(&leaf->random, 60000);
	sqe = tgt_get_sqe(q);
	ring_prep_rw(IORING_OP_TIMEOUT, sqe, -1, op->scratch, 1, 0);
	tgt_sqe_owner(sqe, op, 0);
	return TGT_PENDING;
}

static void leaf_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, u32 step, s32 res)
{
	(void)step;
	(void)res;
	tgt_complete(q, op, leaf_do(t->state, op));
}

static int leaf_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	struct leaf *leaf = t->state;
	int err = tgt_size_arg(arg, &leaf->size_bytes, why);

	if (err)
		return err;
	leaf->v = *(const struct leaf_values *)values;
	leaf->random = leaf->size_bytes | 1;
	ASSERT_OK(pages_map(&leaf->mem, leaf->size_bytes * 2));
	t->limits = (struct tgt_limits){
		.size_bytes = leaf->size_bytes,
		.logical_shift = leaf->v.block_bytes ? tgt_shift_of(leaf->v.block_bytes) : 9,
		.physical_shift = 12,
		.attrs = leaf->v.attrs,
		.chunk_bytes = (u32)leaf->v.chunk_bytes,
		.max_io_bytes = (u32)leaf->v.max_io_bytes,
		.discard_granularity_bytes = (u32)leaf->v.granularity_bytes,
		.max_discard_bytes = leaf->v.discard_bytes ? leaf->v.discard_bytes :
							     leaf->size_bytes,
		.max_write_zeroes_bytes = leaf->v.discard_bytes,
	};
	t->data_kinds = 1 << TGT_DATA_MEM | 1 << TGT_DATA_FILE | 1 << TGT_DATA_FIXED;
	t->nr_sqes = leaf->v.late;
	return 0;
}

static void leaf_close(struct tgt *t)
{
	struct leaf *leaf = t->state;

	pages_unmap(&leaf->mem);
}

/* Sectors of zeroes are holes. */
static s64 leaf_seek(struct tgt *t, u64 offset, bool hole)
{
	const struct leaf *leaf = t->state;
	const u8 *p = leaf->mem.addr;

	for (; offset < t->limits.size_bytes; offset++)
		if (!p[offset / 512 * 512] == hole)
			return (s64)offset;
	return (s64)offset;
}

static int leaf_resize(struct tgt *t, u64 size_bytes, struct diag *why)
{
	struct leaf *leaf = t->state;

	if (size_bytes > 2 * leaf->size_bytes)
		return diag_set(why, -ENOSPC, "leaf: no more room");
	t->limits.size_bytes = size_bytes;
	return 0;
}

/* Another hand has made it twice as large. */
static int leaf_refresh(struct tgt *t, struct diag *why)
{
	(void)why;
	t->limits.size_bytes = 2 * ((const struct leaf *)t->state)->size_bytes;
	return 0;
}

static const struct tgt_type leaf_target = {
	.name = "leaf",
	.arg_name = "SIZE",
	.summary = "for tests",
	.params = OPT_TABLE(LEAF_PARAMS),
	.values_bytes = sizeof(struct leaf_values),
	.state_bytes = sizeof(struct leaf),
	.open = leaf_open,
	.close = leaf_close,
	.submit = leaf_submit,
	.cqe = leaf_cqe,
	.seek = leaf_seek,
	.resize = leaf_resize,
	.refresh = leaf_refresh,
};

static const struct tgt_type *const types[] = {
#define TARGET(name) &name##_target,
#include "ublk/targets/list.h"
#undef TARGET
	&leaf_target,
	&delay_target, /* it cannot seek */
	NULL,
};

static void exact(const char *spec, u64 size_bytes, u64 seed)
{
	const struct model_how how = { .seed = seed, .nr_rounds = 300, .max_io_bytes = 40960 };
	struct model m;

	test_row("%s, seed %llu", spec, seed);
	model_open(&m, types, spec, &how);
	EXPECT_EQ(m.size_bytes, size_bytes);
	EXPECT_EQ(m.d.tree->root->data_kinds, 1 << TGT_DATA_MEM | 1 << TGT_DATA_FILE |
					      (str_find(spec, "leaf") ? 1 << TGT_DATA_FIXED : 0));
	model_run(&m);
	for (u32 kind = TGT_DATA_MEM; kind <= TGT_DATA_FIXED; kind++)
		if (m.kinds >> kind & 1)
			EXPECT_GT(m.nr_by_kind[kind], 50);
	EXPECT_GT(m.nr_others, 0);
	model_close(&m);
}

static void is_exact(void)
{
	static const struct {
		const char *spec;
		u64 size_bytes;
	} rows[] = {
		{ "stripe?chunk=4K:[leaf:64K]", 65536 },
		{ "stripe?chunk=512:[leaf:16K],[leaf:16K],[leaf:16K]", 49152 },
		{ "stripe?chunk=1536:[leaf:64K?late=1],[leaf:48K?late=1]", 2 * 49152 },
		{ "stripe?chunk=4K:[leaf:65K?late=1],[leaf:64K],[leaf:70K?late=1],[leaf:64K]", 262144 },
		{ "stripe:[leaf:300K],[leaf:200K]", 3 * 131072 },
		{ "stripe?chunk=4K:[leaf:64K?block=4K&late=1],[leaf:64K]", 131072 },
		{ "stripe?chunk=8K:[leaf:64K?chunk=16K],[leaf:64K?late=1]", 131072 },
		{ "stripe?chunk=8K:[leaf:64K?chunk=4K],[leaf:64K?chunk=6K]", 131072 },
		{ "stripe?chunk=2K:[leaf:64K?max_io=5K],[leaf:64K?discard=8K]", 131072 },
		{ "concat:[leaf:64K],[leaf:32K?late=1],[leaf:512],[leaf:15K?late=1]",
		  65536 + 32768 + 512 + 15360 },
		{ "concat:[leaf:65K?block=4K],[leaf:66K]", 65536 + 65536 },
		{ "concat:[leaf:64K?chunk=8K],[leaf:20K?chunk=6K&late=1],[leaf:9K]", 65536 + 29696 },
		{ "concat:[leaf:64K?max_io=16K&discard=9K],[leaf:64K]", 131072 },
		{ "window?offset=12K&length=21K:[leaf:64K?late=1]", 21504 },
		{ "window?offset=12K:[leaf:64K?chunk=8K]", 53248 },
		{ "window?length=5000:[leaf:64K]", 4608 },
		{ "window?offset=8K&length=10K:[leaf:64K?block=4K]", 8192 },
		/* nests: lists of pieces that are cut again */
		{ "stripe?chunk=2K:[stripe?chunk=512:[leaf:32K],[leaf:32K?late=1]],[leaf:64K]", 131072 },
		{ "stripe?chunk=3K:[stripe?chunk=512:[stripe?chunk=512:[leaf:32K],[leaf:32K]],"
		  "[leaf:48K]],[concat:[leaf:64K],[leaf:33K?late=1]]", 2 * (98304 - 98304 % 3072) },
		{ "concat:[stripe?chunk=4K:[leaf:32K?late=1],[leaf:32K]],[window?offset=1K:[leaf:32K]]",
		  65536 + 31744 },
		{ "window?offset=1K:[stripe?chunk=1K:[leaf:32K],[leaf:32K?late=1],[leaf:32K]]", 97280 },
		{ "stripe?chunk=4K:[ram:64K],[ram:64K]", 131072 },
		{ "concat:[ram:64K],[stripe?chunk=2K:[ram:64K],[ram:17K]]", 65536 + 32768 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (u64 seed = 1; seed <= 3; seed++)
			exact(rows[i].spec, rows[i].size_bytes, seed * 77 + i);
}

static void keeps_limits(void)
{
	static const struct {
		const char *spec;
		struct tgt_limits l;
		u32 nr_ops;
		u32 nr_pieces;
		const char *notice;
	} rows[] = {
		{ "stripe:[leaf:1M],[leaf:1M]",
		  { .max_io_bytes = 16 << 20, .logical_shift = 9, .io_min_shift = 16,
		    .io_opt_shift = 17 }, 2, 2 * 129, "" },
		{ "stripe?chunk=512:[leaf:1M],[leaf:1M?block=512&max_io=64K],[leaf:2049s]",
		  { .max_io_bytes = 65536, .logical_shift = 9, .io_min_shift = 9 }, 3, 3 * 43,
		  "512 bytes at the end of its children are not used: whole chunks of the smallest" },
		{ "stripe?chunk=4K:[leaf:64K?chunk=6K],[leaf:64K]",
		  { .max_io_bytes = 1 << 20, .logical_shift = 9, .chunk_bytes = 2048,
		    .io_min_shift = 12, .io_opt_shift = 13 }, 2, 2 * 129, "" },
		{ "stripe?chunk=4K:[leaf:70K?granularity=64K&attrs=1],[leaf:64K?attrs=12]",
		  { .max_io_bytes = 1 << 20, .logical_shift = 9, .attrs = 13, .io_min_shift = 12,
		    .io_opt_shift = 13, .discard_granularity_bytes = 131072 }, 2, 2 * 129,
		  "6144 bytes at the end of its children are not used: whole chunks of the smallest" },
		{ "concat:[leaf:64K?attrs=4],[leaf:65K?attrs=12&block=4K]",
		  { .logical_shift = 12, .attrs = 4 }, 2, 2,
		  "1024 bytes at the end of its children are not used: whole blocks of 4096" },
		{ "concat:[leaf:64K?attrs=0],[leaf:65K?attrs=12&chunk=6K]",
		  { .logical_shift = 9, .attrs = 12, .chunk_bytes = 2048 }, 2, 2, "" },
		{ "window?offset=20K&length=1600:[leaf:64K?granularity=16K&attrs=2]",
		  { .logical_shift = 9, .attrs = 2, .discard_granularity_bytes = 16384,
		    .discard_alignment_bytes = 12288 }, 1, 1,
		  "64 bytes at its end are not used: whole blocks of 512" },
		{ "window?offset=20K:[leaf:64K?chunk=16K&discard=4K]",
		  { .logical_shift = 9, .chunk_bytes = 4096 }, 1, 1, "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct tgt_limits *l;
		struct opdriver d;

		test_row("%s", rows[i].spec);
		opd_open(&d, types, rows[i].spec);
		l = opd_limits(&d);
		EXPECT_EQ(l->logical_shift, rows[i].l.logical_shift);
		EXPECT_EQ(l->max_io_bytes, rows[i].l.max_io_bytes);
		EXPECT_EQ(l->chunk_bytes, rows[i].l.chunk_bytes);
		EXPECT_EQ(l->io_min_shift, rows[i].l.io_min_shift);
		EXPECT_EQ(l->io_opt_shift, rows[i].l.io_opt_shift);
		EXPECT_EQ(l->attrs, rows[i].l.attrs);
		EXPECT_EQ(l->discard_granularity_bytes, rows[i].l.discard_granularity_bytes);
		EXPECT_EQ(l->discard_alignment_bytes, rows[i].l.discard_alignment_bytes);
		EXPECT_EQ(d.tree->root->nr_ops, rows[i].nr_ops);
		EXPECT_EQ(d.tree->root->nr_pieces, rows[i].nr_pieces);
		EXPECT_STREQ(d.tree->root->notice, rows[i].notice);
		EXPECT_TRUE(d.tree->root->forwards_data);
		opd_close(&d);
	}
}

static void refuses(void)
{
	static const struct {
		const char *spec;
		int err;
		const char *text;
	} rows[] = {
		{ "stripe?chunk=4608:[leaf:64K?block=4K]", -EINVAL, "not a multiple of the logical block, 4096" },
		{ "stripe?chunk=100:[leaf:64K]", -ERANGE, "chunk" },
		{ "stripe?chunk=64K:[leaf:1M],[leaf:32K]", -EINVAL, "smaller than a chunk of 65536" },
		{ "stripe:[null:4E],[null:4E]", -EFBIG, "too large together" },
		{ "stripe:[zoned:1G]", -EOPNOTSUPP, "child 1, zoned, has zones" },
		{ "stripe:[ram:1M],[integrity:[ram:1M]]", -EOPNOTSUPP, "child 2, integrity, has metadata" },
		{ "concat:[zoned:1G]", -EOPNOTSUPP, "has zones" },
		{ "concat:[leaf:2K],[leaf:4K?block=4K]", -EINVAL, "child 1 is smaller than a logical block of 4096" },
		{ "concat:[null:4E],[null:4E]", -EFBIG, "too large together" },
		{ "window:[integrity:[ram:1M]]", -EOPNOTSUPP, "has metadata" },
		{ "window?offset=512:[leaf:64K?block=4K]", -EINVAL, "offset=512: not a multiple of the logical block, 4096" },
		{ "window?offset=64K:[leaf:64K]", -EINVAL, "offset=65536: the child ends at 65536" },
		{ "window?offset=32K&length=33K:[leaf:64K]", -EINVAL, "length=33792: from 32768 on the child has 32768 bytes" },
		{ "window?length=512:[leaf:64K?block=4K]", -EINVAL, "less than a logical block, 4096" },
		{ "window?length=0:[leaf:64K]", -ERANGE, "length" },
		{ "window:[leaf:64K],[leaf:64K]", -EINVAL, "has 2 children, wants 1 to 1" },
		{ "window:64K", -EINVAL, "[ is missing" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct tgt_tree tree;
		struct diag why = { .text = "" };
		int err = tgt_open(&tree, types, rows[i].spec, &why);

		test_row("%s: %s", rows[i].spec, why.text);
		EXPECT_ERR(err, rows[i].err);
		EXPECT_NE(str_find(why.text, rows[i].text), NULL);
		EXPECT_EQ(tree.mem, NULL);
	}
}

static struct leaf *leaf_of(struct opdriver *d, u32 i)
{
	return d->tree->root->child[i]->state;
}

/* One child fails at once, the others answer later: they are waited for. */
static void fails(void)
{
	static u8 mem[65536];
	struct opdriver d;

	opd_open(&d, types, "stripe?chunk=4K:[leaf:64K?late=1],[leaf:64K?fail_at=8K],"
			    "[leaf:64K?late=1&fail_at=9K]");
	EXPECT_ERR(opd_read(&d, 0, mem, 65536), -ENOSPC);
	EXPECT_EQ(opd_read(&d, 0, mem, 24576), 24576);
	EXPECT_ERR(opd_write(&d, 24576 + 4096, mem, 4096, 0), -ENOSPC);
	EXPECT_ERR(opd_write(&d, 24576 + 8192, mem, 8192, 0), -ENOSPC);
	EXPECT_EQ(opd_write(&d, 24576, mem, 4096, 0), 4096);
	EXPECT_ERR(opd_simple(&d, TGT_DISCARD, 0, 65536, 0), -ENOSPC);
	EXPECT_ERR(opd_simple(&d, TGT_ZONE_RESET, 0, 4096, 0), -EOPNOTSUPP);
	EXPECT_EQ(d.nr_pending, 0);
	opd_close(&d);
	/* A child that does less than all has failed. */
	opd_open(&d, broken_types, "concat:[ram:64K],[broken?how=short&every=1:[ram:64K]]");
	EXPECT_EQ(opd_read(&d, 0, mem, 65536), 65536);
	EXPECT_ERR(opd_read(&d, 61440, mem, 8192), -EIO);
	opd_close(&d);
}

static void reaches_all(void)
{
	static u8 mem[8192];
	struct opdriver d;

	opd_open(&d, types, "stripe?chunk=4K:[leaf:64K],[leaf:64K?late=1],[leaf:64K]");
	EXPECT_EQ(opd_simple(&d, TGT_FLUSH, 0, 0, 0), 0);
	for (u32 i = 0; i < 3; i++)
		EXPECT_EQ(leaf_of(&d, i)->nr_flushes, 1);
	EXPECT_EQ(opd_write(&d, 4096, mem, 8192, TGT_F_FUA), 8192);
	EXPECT_EQ(leaf_of(&d, 0)->flags, 0);
	EXPECT_EQ(leaf_of(&d, 1)->flags, TGT_F_FUA);
	EXPECT_EQ(leaf_of(&d, 2)->flags, TGT_F_FUA);
	EXPECT_EQ(leaf_of(&d, 0)->nr_ops, 1);
	opd_close(&d);
	/* However many chunks it is, each child is asked once. */
	opd_open(&d, types, "stripe?chunk=512:[leaf:64K],[leaf:64K]");
	EXPECT_EQ(opd_read(&d, 512, mem, 8192), 8192);
	EXPECT_EQ(leaf_of(&d, 0)->nr_ops, 1);
	EXPECT_EQ(leaf_of(&d, 1)->nr_ops, 1);
	opd_close(&d);
}

/* Against what reading every sector would tell */
static void seeks_as(const char *spec, u64 seed)
{
	static u8 sector[512];
	static u8 is_data[512];
	struct opdriver d;
	u64 random = seed;
	u64 nr;

	test_row("%s, seed %llu", spec, seed);
	opd_open(&d, types, spec);
	nr = opd_limits(&d)->size_bytes / 512;
	ASSERT_LE(nr, sizeof(is_data));
	memset(is_data, 0, sizeof(is_data));
	memset(sector, 9, sizeof(sector));
	for (u32 i = 0; i < seed * 3; i++) {
		u64 at = oracle_below(&random, nr);

		is_data[at] = 1;
		ASSERT_EQ(opd_write(&d, at * 512, sector, 512, 0), 512);
	}
	for (u64 at = 0; at < nr; at++) {
		for (u32 hole = 0; hole < 2; hole++) {
			u64 want = at;

			while (want < nr && is_data[want] == hole)
				want++;
			ASSERT_EQ(tgt_seek(d.tree, at * 512 + 77, hole),
				  (s64)(want == at ? at * 512 + 77 : want * 512));
		}
	}
	opd_close(&d);
}

static void seeks(void)
{
	static const char *const specs[] = {
		"stripe?chunk=1K:[leaf:16K],[leaf:20K],[leaf:16K]",
		"stripe?chunk=3K:[leaf:16K],[leaf:16K]",
		"concat:[leaf:16K],[leaf:1K],[leaf:20K]",
		"window?offset=3K&length=20K:[leaf:64K]",
		"concat:[stripe?chunk=512:[leaf:8K],[leaf:8K]],[window?offset=1K:[leaf:20K]]",
		"window?offset=5K:[stripe?chunk=2K:[leaf:16K],[leaf:17K]]",
	};
	struct opdriver d;

	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		for (u64 seed = 1; seed < 12; seed += 5)
			seeks_as(specs[i], seed);
	/* A child that cannot tell is all data. */
	opd_open(&d, types, "concat:[leaf:16K],[delay:[leaf:16K]],[leaf:16K]");
	EXPECT_EQ(tgt_seek(d.tree, 0, false), 16384);
	EXPECT_EQ(tgt_seek(d.tree, 16384, true), 32768);
	EXPECT_EQ(tgt_seek(d.tree, 32768, false), 49152);
	opd_close(&d);
}

static void grows(void)
{
	struct diag why = { .text = "" };
	static u8 mem[8192];
	struct opdriver d;

	opd_open(&d, types, "concat:[leaf:16K],[leaf:16K]");
	EXPECT_ERR(opd_simple(&d, TGT_DISCARD, 0, 0, 0), 0);
	EXPECT_OK(tgt_resize(d.tree, 40960, &why));
	EXPECT_EQ(opd_limits(&d)->size_bytes, 40960);
	memset(mem, 3, sizeof(mem));
	EXPECT_EQ(opd_write(&d, 32768 - 512, mem, 8192, 0), 8192);
	EXPECT_EQ(((u8 *)leaf_of(&d, 1)->mem.addr)[16384], 3);
	EXPECT_EQ(((u8 *)leaf_of(&d, 1)->mem.addr)[16384 + 8192 - 512], 0);
	EXPECT_ERR(tgt_resize(d.tree, 16384, &why), -EINVAL);
	EXPECT_STREQ(why.text, "concat: its last child begins at 16384");
	EXPECT_ERR(tgt_resize(d.tree, 1 << 20, &why), -ENOSPC);
	EXPECT_EQ(opd_limits(&d)->size_bytes, 40960);
	EXPECT_OK(tgt_resize(d.tree, 16896, &why));
	EXPECT_EQ(opd_limits(&d)->size_bytes, 16896);
	EXPECT_OK(tgt_refresh(d.tree, &why));
	EXPECT_EQ(opd_limits(&d)->size_bytes, 16384 + 32768);
	opd_close(&d);
	opd_open(&d, types, "concat:[leaf:16K],[null:16K]");
	EXPECT_ERR(tgt_resize(d.tree, 40960, &why), -EOPNOTSUPP);
	EXPECT_STREQ(why.text, "concat: its last child is null, whose size is fixed");
	EXPECT_ERR(tgt_refresh(d.tree, &why), -EOPNOTSUPP);
	opd_close(&d);
	opd_open(&d, types, "stripe?chunk=4K:[leaf:16K]");
	EXPECT_ERR(tgt_resize(d.tree, 40960, &why), -EOPNOTSUPP);
	opd_close(&d);
}

/* A window without an end of its own, and one with */
static void window_grows(void)
{
	static u8 mem[8192];
	struct opdriver d;
	struct diag why;

	opd_open(&d, types, "window?offset=4K:[leaf:16K]");
	EXPECT_OK(tgt_resize(d.tree, 16384, &why));
	EXPECT_EQ(opd_limits(&d)->size_bytes, 16384);
	EXPECT_EQ(d.tree->root->child[0]->limits.size_bytes, 20480);
	memset(mem, 3, sizeof(mem));
	EXPECT_EQ(opd_write(&d, 8192, mem, 8192, 0), 8192);
	EXPECT_EQ(((u8 *)leaf_of(&d, 0)->mem.addr)[20479], 3);
	EXPECT_ERR(tgt_resize(d.tree, 32768, &why), -ENOSPC);
	EXPECT_EQ(opd_limits(&d)->size_bytes, 16384);
	EXPECT_OK(tgt_resize(d.tree, 512, &why));
	EXPECT_EQ(opd_limits(&d)->size_bytes, 512);
	EXPECT_OK(tgt_refresh(d.tree, &why));
	EXPECT_EQ(opd_limits(&d)->size_bytes, 32768 - 4096);
	/* its beginning is not there any more */
	leaf_of(&d, 0)->size_bytes = 2048;
	EXPECT_ERR(tgt_refresh(d.tree, &why), -EINVAL);
	EXPECT_STREQ(why.text, "window: its last child ends at 4096");
	EXPECT_EQ(opd_limits(&d)->size_bytes, 32768 - 4096);
	leaf_of(&d, 0)->size_bytes = 16384;
	opd_close(&d);
	opd_open(&d, types, "window?length=8K:[leaf:16K]");
	EXPECT_ERR(tgt_resize(d.tree, 16384, &why), -EOPNOTSUPP);
	EXPECT_STREQ(why.text, "window: its length is fixed");
	EXPECT_ERR(tgt_refresh(d.tree, &why), -EOPNOTSUPP);
	EXPECT_EQ(opd_limits(&d)->size_bytes, 8192);
	EXPECT_EQ(d.tree->root->child[0]->limits.size_bytes, 16384);
	opd_close(&d);
}

static void fault_grows(void)
{
	struct opdriver d;
	struct diag why;

	opd_open(&d, types, "fault:[leaf:16K]");
	EXPECT_OK(tgt_resize(d.tree, 20480, &why));
	EXPECT_EQ(opd_limits(&d)->size_bytes, 20480);
	EXPECT_ERR(tgt_resize(d.tree, 65536, &why), -ENOSPC);
	EXPECT_EQ(opd_limits(&d)->size_bytes, 20480);
	EXPECT_OK(tgt_refresh(d.tree, &why));
	EXPECT_EQ(opd_limits(&d)->size_bytes, 32768);
	opd_close(&d);
	opd_open(&d, types, "fault?powercut=1:[leaf:16K]");
	EXPECT_ERR(tgt_resize(d.tree, 20480, &why), -EOPNOTSUPP);
	EXPECT_STREQ(why.text, "fault: its size is fixed with power cuts");
	EXPECT_EQ(d.tree->root->child[0]->limits.size_bytes, 16384);
	opd_close(&d);
	opd_open(&d, types, "fault:[null:16K]");
	EXPECT_ERR(tgt_resize(d.tree, 20480, &why), -EOPNOTSUPP);
	EXPECT_STREQ(why.text, "fault: its last child is null, whose size is fixed");
	opd_close(&d);
}

/* Where a child keeps the bytes in memory, the kernel copies to there. */
static void is_direct(void)
{
	static u8 mem[4096];
	struct tgt_op op = { .kind = TGT_READ, .offset_bytes = 4096, .len_bytes = 4096 };
	struct opdriver d;
	u8 *place;

	opd_open(&d, types, "window?offset=4K:[stripe?chunk=8K:[ram:64K],[null:64K],[ram:64K]]");
	memset(mem, 6, sizeof(mem));
	ASSERT_EQ(opd_write(&d, 8192 + 4096, mem, 4096, 0), 4096);
	EXPECT_EQ(d.tree->root->direct(d.tree->root, &op), NULL); /* null has none */
	op.offset_bytes = 8192;
	EXPECT_EQ(d.tree->root->direct(d.tree->root, &op), NULL); /* null again */
	op.offset_bytes = 12288;
	place = d.tree->root->direct(d.tree->root, &op);
	ASSERT_NE(place, NULL);
	EXPECT_EQ(place[5], 6);
	op.len_bytes = 16384;
	EXPECT_EQ(d.tree->root->direct(d.tree->root, &op), NULL); /* of two children */
	opd_close(&d);
	opd_open(&d, types, "concat:[null:64K],[null:64K]");
	EXPECT_EQ(d.tree->root->direct, NULL);
	opd_close(&d);
}

static const struct test_case cases[] = {
	TEST("every byte is in its place, from memory, files and registered buffers", is_exact,
	     .timeout_ms = 120000),
	TEST("limits are those that all children can keep, and what is cut off is said",
	     keeps_limits),
	TEST("specs that make no disk are refused with the reason", refuses),
	TEST("the error of a child is the answer, after all have answered", fails),
	TEST("a flush goes to all, FUA to those that are written, each is asked once", reaches_all),
	TEST("data and holes are found where reading finds them", seeks, .timeout_ms = 60000),
	TEST("concat grows with its last child, and only then", grows),
	TEST("a window to the end of its child grows and shrinks with it", window_grows),
	TEST("so does fault, but for one that plays power cuts", fault_grows),
	TEST("what a child keeps in memory is read and written in place", is_direct),
};
TEST_SUITE(targets_split, cases);
