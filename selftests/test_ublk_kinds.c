/* SPDX-License-Identifier: MIT */
/* Kinds of devices: which parameters and flags reach the kernel, what comes back, what not */
#include <asm/errno.h>

#include "selftests/fakectrl.h"
#include "selftests/harness/harness.h"
#include "ublk/dev.h"
#include "ublk/params.h"

#define MIB (1ULL << 20)

static struct fake_ctrl fake;
static struct ublk_dev dev;
static struct ublk_error error;

/* --- a target that is what a test wants -------------------------------------------- */

static struct tgt_limits limits;

static int kind_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	(void)arg;
	(void)values;
	(void)why;
	t->limits = limits;
	return 0;
}

static enum tgt_status kind_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	(void)t;
	(void)q;
	return tgt_finish(op, -EIO);
}

static const struct tgt_type kind_type = {
	.name = "kind",
	.arg_name = "",
	.summary = "what a test wants",
	.open = kind_open,
	.submit = kind_submit,
};
static const struct tgt_type *const types[] = { &kind_type, NULL };

#define PLAIN { .size_bytes = 64 * MIB, .logical_shift = 9, .physical_shift = 9 }
static const struct tgt_limits plain = PLAIN;

#define ZONES \
	{ .zone_bytes = 4 * MIB, .max_open = 3, .max_active = 5, .max_append_bytes = 256 << 10 }
#define META { .bytes = 8, .csum = 2, .interval_shift = 9, .caps = 3, .tag_bytes = 2 }

static int create(struct ublk_dev_opts *opts)
{
	opts->types = types;
	opts->spec = "kind";
	opts->dev_id = UBLK_AUTO_ID;
	opts->depth = 4;
	opts->timeout_ms = 500;
	opts->ctrl = &fake.c;
	return ublk_dev_create(&dev, opts, &error);
}

/* --- parameters ------------------------------------------------------------------- */

static int make(struct ublk_params *p, const struct ublk_dev_opts *opts, struct diag *why)
{
	struct ublk_dev_opts o = *opts;

	o.max_io_bytes = 1 << 20;
	return ublk_params_make(p, &o, &limits, why);
}

static void nothing_asked(void)
{
	struct ublk_dev_opts opts = { 0 };
	struct ublk_params p;
	struct diag why;

	limits = plain;
	ASSERT_OK(make(&p, &opts, &why));
	EXPECT_EQ(p.types, UBLK_PARAM_TYPE_BASIC);
	EXPECT_EQ(p.basic.chunk_sectors, 0);
	EXPECT_EQ(p.basic.virt_boundary_mask, 0);
	EXPECT_EQ(ublk_params_flags(&p), 0);
}

static void memory(void)
{
	const u32 dma = UBLK_PARAM_TYPE_DMA_ALIGN;
	const u32 seg = UBLK_PARAM_TYPE_SEGMENT;
	const u64 any = 0xffffffff;
	const struct {
		struct ublk_dev_opts opts;
		u32 target_alignment;
		u32 types;
		u32 alignment;
		u64 boundary;
		u64 size;
		u32 nr;
		u64 virt;
	} rows[] = {
		{ { .dma_alignment_bytes = 512 }, 0, dma, 511, 0, 0, 0, 0 },
		{ { 0 }, 4096, dma, 4095, 0, 0, 0, 0 },
		{ { .dma_alignment_bytes = 512 }, 4096, dma, 4095, 0, 0, 0, 0 },
		{ { .dma_alignment_bytes = 4096 }, 64, dma, 4095, 0, 0, 0, 0 },
		/* the block layer's own is 4; a mask of 0 would be 512 to it */
		{ { 0 }, 1, 0, 0, 0, 0, 0, 0 },
		{ { 0 }, 2, 0, 0, 0, 0, 0, 0 },
		{ { .dma_alignment_bytes = 4 }, 1, dma, 3, 0, 0, 0, 0 },
		{ { .max_segments = 7 }, 0, seg, 0, any, any, 7, 0 },
		{ { .max_segment_bytes = 8192 }, 0, seg, 0, any, 8192, 0xffff, 0 },
		{ { .segment_boundary_bytes = 1ULL << 32, .max_segment_bytes = 5000 }, 0, seg, 0,
		  any, 5000, 0xffff, 0 },
		{ { .segment_boundary_bytes = 4096 }, 0, seg, 0, 4095, any, 0xffff, 0 },
		{ { .virt_boundary_bytes = 4096 }, 0, 0, 0, 0, 0, 0, 4095 },
	};
	struct ublk_params p;
	struct diag why;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("row %zu", i);
		limits = plain;
		limits.dma_alignment_bytes = rows[i].target_alignment;
		ASSERT_OK(make(&p, &rows[i].opts, &why));
		EXPECT_EQ(p.types, UBLK_PARAM_TYPE_BASIC | rows[i].types);
		EXPECT_EQ(p.dma.alignment, rows[i].alignment);
		EXPECT_EQ(p.seg.seg_boundary_mask, rows[i].boundary);
		EXPECT_EQ(p.seg.max_segment_size, rows[i].size);
		EXPECT_EQ(p.seg.max_segments, rows[i].nr);
		EXPECT_EQ(p.basic.virt_boundary_mask, rows[i].virt);
	}
}

static void chunks(void)
{
	static const struct {
		u32 asked;
		u32 targets;
		u32 sectors;
	} rows[] = {
		{ 65536, 0, 128 },
		{ 0, 65536, 128 },
		{ 4096, 65536, 8 },
		{ 3 * 512, 0, 3 },
		{ 3 * 512, 12 * 512, 3 },
	};
	struct ublk_params p;
	struct diag why;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ublk_dev_opts opts = { .chunk_bytes = rows[i].asked };

		test_row("row %zu", i);
		limits = plain;
		limits.chunk_bytes = rows[i].targets;
		ASSERT_OK(make(&p, &opts, &why));
		EXPECT_EQ(p.basic.chunk_sectors, rows[i].sectors);
	}
}

static void zones_and_metadata(void)
{
	struct ublk_dev_opts opts = { 0 };
	struct ublk_params p;
	struct diag why;

	limits = plain;
	limits.zones = (struct tgt_zones)ZONES;
	ASSERT_OK(make(&p, &opts, &why));
	EXPECT_EQ(p.types, UBLK_PARAM_TYPE_BASIC | UBLK_PARAM_TYPE_ZONED);
	EXPECT_EQ(p.basic.chunk_sectors, 8192);
	EXPECT_EQ(p.zoned.max_open_zones, 3);
	EXPECT_EQ(p.zoned.max_active_zones, 5);
	EXPECT_EQ(p.zoned.max_zone_append_sectors, 512);
	EXPECT_EQ(ublk_params_flags(&p), UBLK_F_ZONED);
	/* no append is larger than a request may be */
	limits.zones.max_append_bytes = 4 * MIB;
	ASSERT_OK(make(&p, &opts, &why));
	EXPECT_EQ(p.zoned.max_zone_append_sectors, 2048);

	limits = plain;
	limits.meta = (struct tgt_meta_format)META;
	ASSERT_OK(make(&p, &opts, &why));
	EXPECT_EQ(p.types, UBLK_PARAM_TYPE_BASIC | UBLK_PARAM_TYPE_INTEGRITY);
	EXPECT_EQ(p.integrity.metadata_size, 8);
	EXPECT_EQ(p.integrity.csum_type, 2);
	EXPECT_EQ(p.integrity.interval_exp, 9);
	EXPECT_EQ(p.integrity.flags, 3);
	EXPECT_EQ(p.integrity.tag_size, 2);
	EXPECT_EQ(p.integrity.pi_offset, 0);
	EXPECT_EQ(p.integrity.max_integrity_segments, 0);
	EXPECT_EQ(ublk_params_flags(&p), UBLK_F_INTEGRITY);
}

static void makes_no_sense(void)
{
	static const struct {
		struct ublk_dev_opts opts;
		struct tgt_limits limits;
		const char *text;
	} rows[] = {
		{ { .dma_alignment_bytes = 2 }, PLAIN,
		  "an alignment of 2 bytes: not a power of two from 4 on" },
		{ { .dma_alignment_bytes = 768 }, PLAIN,
		  "an alignment of 768 bytes: not a power of two from 4 on" },
		{ { .dma_alignment_bytes = 1 << 20 }, PLAIN,
		  "an alignment of 1048576 bytes: larger than a page" },
		{ { .segment_boundary_bytes = 2048 }, PLAIN,
		  "a segment boundary of 2048 bytes: not a power of two from 4096 on" },
		{ { .max_segment_bytes = 4095 }, PLAIN,
		  "segments of 4095 bytes: at least 4096 are needed" },
		{ { .virt_boundary_bytes = 5000 }, PLAIN,
		  "a boundary of memory of 5000 bytes: not a power of two from 512 on" },
		{ { .chunk_bytes = 1000 }, PLAIN,
		  "chunks of 1000 bytes: not a multiple of the logical block of 512" },
		{ { .chunk_bytes = 512, .logical_bytes = 4096 }, PLAIN,
		  "chunks of 512 bytes: not a multiple of the logical block of 4096" },
		{ { .chunk_bytes = 8192 },
		  { .size_bytes = MIB, .logical_shift = 9, .chunk_bytes = 12288 },
		  "chunks of 8192 bytes: the target's, of 12288, are no multiple of them" },
		{ { .chunk_bytes = 4096 },
		  { .size_bytes = 64 * MIB, .logical_shift = 9, .zones = ZONES },
		  "a zoned disk's chunks are its zones" },
		{ { 0 },
		  { .size_bytes = MIB, .logical_shift = 9,
		    .meta = { .bytes = 8, .interval_shift = 12 } },
		  "a logical block of 512 bytes: the target has metadata for every 4096" },
		{ { .io_desc_bytes = 16 }, PLAIN,
		  "a descriptor of 16 bytes: not a multiple of 8 from 24 to 256" },
		{ { .io_desc_bytes = 260 }, PLAIN,
		  "a descriptor of 260 bytes: not a multiple of 8 from 24 to 256" },
		{ { .io_desc_bytes = 36 }, PLAIN,
		  "a descriptor of 36 bytes: not a multiple of 8 from 24 to 256" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ublk_dev_opts opts = rows[i].opts;

		test_row("row %zu", i);
		fake_ctrl_init(&fake);
		limits = rows[i].limits;
		EXPECT_ERR(create(&opts), -EINVAL);
		EXPECT_STREQ(error.why.text, rows[i].text);
		EXPECT_EQ(fake.nr_sent, 0);
	}
}

/* --- flags ---------------------------------------------------------------------------- */

struct flag_row {
	struct ublk_dev_opts opts;
	u64 flag;
	const char *text;
};

static const struct flag_row flag_rows[] = {
	{ { .no_part_scan = true }, UBLK_F_NO_AUTO_PART_SCAN,
	  "NO_AUTO_PART_SCAN: this kernel lacks it, Linux 7.0 has it" },
	{ { .io_desc_bytes = 64 }, UBLK_F_IO_DESC_SIZE,
	  "IO_DESC_SIZE: this kernel lacks it, Linux 7.3 has it" },
};

static void flags_are_asked_for(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_rows); i++) {
		struct ublk_dev_opts opts = flag_rows[i].opts;

		test_row("row %zu", i);
		fake_ctrl_init(&fake);
		limits = plain;
		ASSERT_OK(create(&opts));
		EXPECT_NE(fake.info.flags & flag_rows[i].flag, 0);
		EXPECT_EQ(fake.info.io_desc_size, opts.io_desc_bytes);
		EXPECT_EQ(dev.info.io_desc_size, opts.io_desc_bytes ? opts.io_desc_bytes : 24);
		EXPECT_OK(ublk_dev_close(&dev, &error));
	}
	struct ublk_dev_opts opts = { 0 };

	ASSERT_OK(create(&opts));
	EXPECT_EQ(fake.info.flags & (UBLK_F_NO_AUTO_PART_SCAN | UBLK_F_IO_DESC_SIZE | UBLK_F_ZONED |
				     UBLK_F_INTEGRITY), 0);
	EXPECT_OK(ublk_dev_close(&dev, &error));
}

static void kernel_lacks_a_flag(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_rows); i++) {
		struct ublk_dev_opts opts = flag_rows[i].opts;

		test_row("row %zu", i);
		limits = plain;
		fake_ctrl_init(&fake);
		fake.features &= ~flag_rows[i].flag;
		EXPECT_ERR(create(&opts), -EOPNOTSUPP);
		EXPECT_STREQ(error.step, "check");
		EXPECT_STREQ(error.why.text, flag_rows[i].text);
		EXPECT_EQ(error.code, UBLK_KERNEL_NOT_SUPPORTED);
		EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_ADD_DEV), 0);
		/* It says that it has it, and does not give it. */
		fake_ctrl_init(&fake);
		fake.dropped = flag_rows[i].flag;
		EXPECT_ERR(create(&opts), -EOPNOTSUPP);
		EXPECT_STREQ(error.step, "ADD_DEV");
		EXPECT_EQ(error.dev_id, 917);
		EXPECT_STREQ(error.why.text, flag_rows[i].text);
		EXPECT_EQ(error.code, UBLK_KERNEL_NOT_SUPPORTED);
		EXPECT_TRUE(!fake.has_device);
		EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_SET_PARAMS), 0);
	}
}

static void kinds_want_flags(void)
{
	static const struct {
		struct tgt_limits limits;
		u64 flag;
		const char *text;
	} rows[] = {
		{ { .size_bytes = 64 * MIB, .logical_shift = 9, .zones = ZONES }, UBLK_F_ZONED,
		  "ZONED: this kernel lacks it, Linux 6.6 has it" },
		{ { .size_bytes = 64 * MIB, .logical_shift = 9, .meta = META }, UBLK_F_INTEGRITY,
		  "INTEGRITY: this kernel lacks it, Linux 7.0 has it" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ublk_dev_opts opts = { 0 };

		test_row("%s", rows[i].text);
		limits = rows[i].limits;
		fake_ctrl_init(&fake);
		fake.features &= ~rows[i].flag;
		EXPECT_ERR(create(&opts), -EOPNOTSUPP);
		EXPECT_STREQ(error.why.text, rows[i].text);
		EXPECT_EQ(error.code, UBLK_KERNEL_NOT_SUPPORTED);
		EXPECT_EQ(fake_ctrl_sent(&fake, UBLK_U_CMD_ADD_DEV), 0);
	}
}

static void kernel_lacks_a_parameter(void)
{
	static const struct {
		struct ublk_dev_opts opts;
		u32 target_alignment;
		u32 type;
		const char *text;
	} rows[] = {
		{ { .dma_alignment_bytes = 512 }, 0, UBLK_PARAM_TYPE_DMA_ALIGN,
		  "an alignment of memory: this kernel lacks it, Linux 6.15 has it" },
		{ { .max_segments = 4 }, 0, UBLK_PARAM_TYPE_SEGMENT,
		  "limits of segments: this kernel lacks it, Linux 6.15 has it" },
		/* The target's wish is no demand: who has no such kernel has no zero copy. */
		{ { 0 }, 4096, UBLK_PARAM_TYPE_DMA_ALIGN, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct ublk_dev_opts opts = rows[i].opts;

		test_row("row %zu", i);
		limits = plain;
		limits.dma_alignment_bytes = rows[i].target_alignment;
		fake_ctrl_init(&fake);
		fake.dropped_params = rows[i].type;
		if (!rows[i].text) {
			EXPECT_OK(create(&opts));
			EXPECT_OK(ublk_dev_close(&dev, &error));
			continue;
		}
		EXPECT_ERR(create(&opts), -EOPNOTSUPP);
		EXPECT_STREQ(error.step, "SET_PARAMS");
		EXPECT_STREQ(error.why.text, rows[i].text);
		EXPECT_EQ(error.code, UBLK_KERNEL_NOT_SUPPORTED);
		EXPECT_TRUE(!fake.has_device);
	}
}

static void told_back(void)
{
	struct ublk_dev_opts opts = { .max_segments = 4, .dma_alignment_bytes = 512,
				      .virt_boundary_bytes = 4096, .chunk_bytes = 65536 };
	struct ublk_dev_info info;

	fake_ctrl_init(&fake);
	limits = plain;
	ASSERT_OK(create(&opts));
	ublk_dev_info(&dev, &info);
	EXPECT_EQ(info.io_desc_bytes, 24);
	EXPECT_EQ(info.params.types, UBLK_PARAM_TYPE_BASIC | UBLK_PARAM_TYPE_DEVT |
					     UBLK_PARAM_TYPE_DMA_ALIGN | UBLK_PARAM_TYPE_SEGMENT);
	EXPECT_EQ(info.params.dma.alignment, 511);
	EXPECT_EQ(info.params.seg.max_segments, 4);
	EXPECT_EQ(info.params.basic.virt_boundary_mask, 4095);
	EXPECT_EQ(info.params.basic.chunk_sectors, 128);
	EXPECT_OK(ublk_dev_close(&dev, &error));
}

/* ADD_DEV and SET_PARAMS may both give less than was asked for. */
static void lowered(void)
{
	struct ublk_dev_opts opts = { .nr_queues = 4, .max_io_bytes = 1 << 20,
				      .dma_alignment_bytes = 512 };
	struct ublk_dev_info info;

	fake_ctrl_init(&fake);
	fake.max_depth = 2;
	fake.max_io_bytes = 128 << 10;
	limits = plain;
	ASSERT_OK(create(&opts));
	ublk_dev_info(&dev, &info);
	EXPECT_EQ(info.nr_queues, 2);
	EXPECT_EQ(info.depth, 2);
	EXPECT_EQ(info.max_io_bytes, 128 << 10);
	EXPECT_EQ(fake.params.basic.max_sectors, (128 << 10) >> 9);
	EXPECT_EQ(info.params.basic.max_sectors, (128 << 10) >> 9);
	EXPECT_OK(ublk_dev_close(&dev, &error));
}

static const struct test_case cases[] = {
	TEST("who asks for nothing gets the block layer's own limits", nothing_asked),
	TEST("alignment, segments and boundaries of memory are sent whole", memory),
	TEST("chunks are the target's, or divide them", chunks),
	TEST("zones and metadata are the target's, with their flags", zones_and_metadata),
	TEST("what makes no sense is refused before the kernel is asked", makes_no_sense),
	TEST("flags are asked for by those who want them", flags_are_asked_for),
	TEST("a flag that the kernel lacks or drops is refused with its release",
	     kernel_lacks_a_flag),
	TEST("zones and metadata are refused by a kernel that has no such disks", kinds_want_flags),
	TEST("a parameter that the kernel drops is refused when it was asked for",
	     kernel_lacks_a_parameter),
	TEST("what the kernel took is what the device says", told_back),
	TEST("less than was asked for is what the device has", lowered),
};
TEST_SUITE(ublk_kinds, cases);
