/* SPDX-License-Identifier: MIT */
/*
 * What becomes of a target's errno on its way to whoever reads or writes: the
 * driver turns it into a status of the block layer, which knows a few of them,
 * and back; everything that it does not know is EIO. So by every way that data
 * and commands take.
 */
#if !__STDC_HOSTED__

#include <asm/errno.h>

#include "selftests/device.h"
#include "selftests/ways.h"
#include "ublk/targets/targets.h"

#define AT_BYTES 4096
#define NR_DIRECT_BYTES (1 << 20)

/* A count of so many bytes is negative in the driver's 32 bits. */
#define RANGE_BYTES (3ULL << 30)

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
	{ -EDQUOT, -ENOSPC }, /* these two are ours */
	{ -EFBIG, -ENOSPC },
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

/* Of ranges: a discard that is not supported is no error, and zeroes have no
 * fallback when space is to be freed. */
static const struct {
	s64 answer;
	s32 flush;
	s32 discard;
	s32 zero;
} range_errors[] = {
	{ 0, 0, 0, 0 },
	{ RANGE_BYTES, 0, 0, 0 }, /* a count of bytes is as good */
	{ -EIO, -EIO, -EIO, -EIO },
	{ -ENOSPC, -ENOSPC, -ENOSPC, -ENOSPC },
	{ -EILSEQ, -EILSEQ, -EILSEQ, -EILSEQ },
	{ -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT },
	{ -ESHUTDOWN, -EIO, -EIO, -EIO },
	{ -EOPNOTSUPP, 0, 0, -EOPNOTSUPP },
};

/* What flushes, discards and zeroes are answered with; the test's process has it once */
static s64 range_answer;

/* Block i of AT_BYTES, from the second on, is answered with errors[i - 1]. */
static s64 answer_to(const struct tgt_op *op)
{
	u64 i = op->offset_bytes / AT_BYTES - 1;

	if (op->kind != TGT_READ && op->kind != TGT_WRITE)
		return __atomic_load_n(&range_answer, __ATOMIC_ACQUIRE);
	if (op->kind == TGT_READ && op->data.kind != TGT_DATA_FIXED &&
	    tgt_zero_op(op, 0, op->len_bytes))
		return -EIO;
	return i < ARRAY_SIZE(errors) ? errors[i].answer : (s64)op->len_bytes;
}

static enum tgt_status fails_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	(void)t;
	(void)q;
	return tgt_finish(op, answer_to(op));
}

static enum tgt_status fails_later_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	(void)t;
	tgt_complete(q, op, answer_to(op));
	return TGT_PENDING;
}

/* Its bytes are looked at by nobody: all blocks lie in one place. */
static void *fails_later_direct(struct tgt *t, const struct tgt_op *op)
{
	static char bytes[NR_DIRECT_BYTES];

	(void)t;
	return op->len_bytes <= sizeof(bytes) ? bytes : NULL;
}

static int fails_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	(void)arg;
	(void)values;
	(void)why;
	t->limits = (struct tgt_limits){
		.size_bytes = 8ULL << 30,
		.logical_shift = 9,
		.physical_shift = 12,
		.attrs = UBLK_ATTR_VOLATILE_CACHE | UBLK_ATTR_FUA,
		.discard_granularity_bytes = 4096,
		.max_discard_bytes = 8ULL << 30,
		.max_write_zeroes_bytes = 8ULL << 30,
	};
	return 0;
}

static int fails_later_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	t->data_kinds = 1 << TGT_DATA_MEM | 1 << TGT_DATA_FILE | 1 << TGT_DATA_FIXED;
	return fails_open(t, arg, values, why);
}

static const struct tgt_type fails_target = {
	.name = "fails",
	.summary = "fails in every way that there is, at once, and wants memory",
	.open = fails_open,
	.submit = fails_submit,
};

static const struct tgt_type fails_later_target = {
	.name = "fails_later",
	.summary = "the same, by the run list, and takes its bytes wherever they are",
	.open = fails_later_open,
	.submit = fails_later_submit,
	.direct = fails_later_direct,
};

static const struct tgt_type *const types[] = { &fails_target, &fails_later_target, NULL };
static const char *const specs[] = { "fails", "fails_later" };

static void up(struct rig *r, const char *spec)
{
	const struct way *way = test_param();

	rig_init(r, types, spec, true);
	way_set(way, &r->opts);
	rig_up(r, O_RDWR | O_DIRECT);
	EXPECT_EQ(!(r->dev.info.flags & UBLK_F_BATCH_IO), way->batch != UBLK_YES);
}

static void expect_errors(struct rig *r, const char *spec)
{
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++) {
		u64 at = (i + 1) * AT_BYTES;

		test_row("%s, answer %d", spec, errors[i].answer);
		EXPECT_EQ(rig_do(r, ORACLE_READ, at, AT_BYTES), errors[i].seen);
		EXPECT_EQ(rig_do(r, ORACLE_WRITE, at, AT_BYTES), errors[i].seen);
	}
	test_row("%s, after all of them", spec);
	EXPECT_EQ(rig_do(r, ORACLE_READ, 1 << 20, AT_BYTES), AT_BYTES);
	EXPECT_EQ(rig_do(r, ORACLE_WRITE, 1 << 20, AT_BYTES), AT_BYTES);
}

static void expect_errors_of_ranges(struct rig *r, const char *spec)
{
	for (size_t i = 0; i < ARRAY_SIZE(range_errors); i++) {
		test_row("%s, answer %lld", spec, range_errors[i].answer);
		__atomic_store_n(&range_answer, range_errors[i].answer, __ATOMIC_RELEASE);
		EXPECT_EQ(rig_do(r, ORACLE_FLUSH, 0, 0), range_errors[i].flush);
		EXPECT_EQ(rig_do(r, ORACLE_DISCARD, 1 << 20, RANGE_BYTES), range_errors[i].discard);
		EXPECT_EQ(rig_do(r, ORACLE_ZERO, 1 << 20, RANGE_BYTES), range_errors[i].zero);
	}
	__atomic_store_n(&range_answer, 0, __ATOMIC_RELEASE);
}

static void carries_errors(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++) {
		struct rig r;

		up(&r, specs[i]);
		expect_errors(&r, specs[i]);
		expect_errors_of_ranges(&r, specs[i]);
		rig_down(&r);
	}
}

#define CASE(name_, ...)                                                                           \
	TEST("reader, writer and who trims see the target's errors: " name_, carries_errors,       \
	     .timeout_ms = 30000, .fixture = &device_fixture,                                      \
	     .param = &(const struct way){ __VA_ARGS__ }),

static const struct test_case cases[] = {
	FOR_EACH_WAY(CASE)
};
TEST_SUITE(device_errors, cases);

#endif
