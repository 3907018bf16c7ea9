/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a target's errno on its way to whoever reads or writes: the
 * driver turns it into a status of the block layer, which knows a few of them,
 * and back; everything that it does not know is EIO.
 */
#if !__STDC_HOSTED__

#include <asm/errno.h>

#include "selftests/device.h"
#include "ublk/targets/targets.h"

#define AT_BYTES 4096

/* Source: blk_errors[], block/blk-core.c, Linux 6.12 to 7.3 */
static const struct {
	s32 answer;
	s32 seen;
} errors[] = {
	{ -EIO, -EIO },
	{ -EOPNOTSUPP, -EOPNOTSUPP },
	{ -ETIMEDOUT, -ETIMEDOUT },
	{ -ENOSPC, -ENOSPC },
	{ -ENOLINK, -ENOLINK },
	{ -EREMOTEIO, -EREMOTEIO },
	{ -EBADE, -EBADE },
	{ -ENODATA, -ENODATA },
	{ -EILSEQ, -EILSEQ },
	{ -ENOMEM, -ENOMEM },
	{ -EBUSY, -EBUSY },
	{ -ENODEV, -ENODEV },
	{ -ETOOMANYREFS, -ETOOMANYREFS },
	{ -EOVERFLOW, -EOVERFLOW },
	{ -ETIME, -ETIME },
	{ -EINVAL, -EINVAL },
	{ -EPERM, -EIO },
	{ -EACCES, -EIO },
	{ -EROFS, -EIO },
	{ -ENXIO, -EIO },
	{ -EINTR, -EIO },
	{ -ESHUTDOWN, -EIO },
	{ -ECANCELED, -EIO },
	{ -4095, -EIO },
	/* not errors, and wrong all the same: half of it, nothing, too much */
	{ AT_BYTES / 2, -EIO },
	{ 0, -EIO },
	{ 2 * AT_BYTES, -EIO },
};

/* What flushes, discards and zeroes are answered with; the test's process has it once */
static s32 range_answer;

/* fails: block i of AT_BYTES, from the second on, is answered with errors[i - 1] */
static enum tgt_status fails_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	u64 i = op->offset_bytes / AT_BYTES - 1;

	(void)t;
	(void)q;
	if (op->kind != TGT_READ && op->kind != TGT_WRITE)
		return tgt_finish(op, range_answer);
	if (op->kind == TGT_READ && tgt_zero_op(op, 0, op->len_bytes))
		return tgt_finish(op, -EIO);
	return tgt_finish(op, i < ARRAY_SIZE(errors) ? errors[i].answer : (s64)op->len_bytes);
}

static int fails_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	(void)arg;
	(void)values;
	(void)why;
	t->limits = (struct tgt_limits){
		.size_bytes = 8 << 20,
		.logical_shift = 9,
		.physical_shift = 12,
		.attrs = UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA,
		.discard_granularity_bytes = 4096,
		.max_discard_bytes = 8 << 20,
		.max_write_zeroes_bytes = 8 << 20,
	};
	return 0;
}

static const struct tgt_type fails_target = {
	.name = "fails",
	.summary = "fails in every way that there is",
	.open = fails_open,
	.submit = fails_submit,
};

static const struct tgt_type *const types[] = { &fails_target, NULL };

static void carries_errors(void)
{
	struct rig r;

	rig_init(&r, types, "fails", true);
	rig_up(&r, O_RDWR | O_DIRECT);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		u64 at = (i + 1) * AT_BYTES;

		test_row("answer %d", errors[i].answer);
		EXPECT_EQ(rig_do(&r, ORACLE_READ, at, AT_BYTES), errors[i].seen);
		EXPECT_EQ(rig_do(&r, ORACLE_WRITE, at, AT_BYTES), errors[i].seen);
	}
	test_row("after all of them");
	EXPECT_EQ(rig_do(&r, ORACLE_READ, 1 << 20, AT_BYTES), AT_BYTES);
	EXPECT_EQ(rig_do(&r, ORACLE_WRITE, 1 << 20, AT_BYTES), AT_BYTES);
	rig_down(&r);
}

/* A discard that is not supported is no error, and zeroes have no fallback when
 * space is to be freed. */
static void carries_errors_of_ranges(void)
{
	static const struct {
		s32 answer;
		s32 flush;
		s32 discard;
		s32 zero;
	} rows[] = {
		{ 0, 0, 0, 0 },
		{ 4096, 0, 0, 0 }, /* a count of bytes is as good */
		{ -EIO, -EIO, -EIO, -EIO },
		{ -ENOSPC, -ENOSPC, -ENOSPC, -ENOSPC },
		{ -EILSEQ, -EILSEQ, -EILSEQ, -EILSEQ },
		{ -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT },
		{ -ESHUTDOWN, -EIO, -EIO, -EIO },
		{ -EOPNOTSUPP, 0, 0, -EOPNOTSUPP },
	};
	struct rig r;

	rig_init(&r, types, "fails", true);
	rig_up(&r, O_RDWR | O_DIRECT);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("answer %d", rows[i].answer);
		__atomic_store_n(&range_answer, rows[i].answer, __ATOMIC_RELEASE);
		EXPECT_EQ(rig_do(&r, ORACLE_FLUSH, 0, 0), rows[i].flush);
		EXPECT_EQ(rig_do(&r, ORACLE_DISCARD, 1 << 20, 1 << 20), rows[i].discard);
		EXPECT_EQ(rig_do(&r, ORACLE_ZERO, 1 << 20, 1 << 20), rows[i].zero);
	}
	range_answer = 0;
	rig_down(&r);
}

static const struct test_case cases[] = {
	TEST("reader and writer see the target's error as the block layer carries it",
	     carries_errors, .timeout_ms = 30000, .fixture = &device_fixture),
	TEST("so does who flushes, discards and zeroes", carries_errors_of_ranges,
	     .timeout_ms = 30000, .fixture = &device_fixture),
};
TEST_SUITE(device_errors, cases);

#endif
