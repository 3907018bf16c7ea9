/* SPDX-License-Identifier: MIT */
/* The parameters of a device: limits, attributes, discard. */
#include "ublk/params.h"

#include <asm/errno.h>

#include "uapi/rt/pages.h"

/* More than this and kernels before 6.11 cut a request in silence. */
#define MAX_RANGE_SECTORS (0xffffffffU >> 9)

static int shift_of(u32 bytes, const char *what, u8 *shift, struct diag *why)
{
	if (!bytes)
		return 0; /* the target's */
	if (bytes < 512 || (bytes & (bytes - 1)))
		return diag_set(why, -EINVAL, "%s of %u bytes: not a power of two from 512 on", what,
				bytes);
	for (*shift = 9; 1U << *shift != bytes; (*shift)++)
		;
	return 0;
}

static int make_shifts(struct ublk_param_basic *b, const struct ublk_dev_opts *opts,
		       const struct tgt_limits *limits, struct diag *why)
{
	int err;

	b->logical_bs_shift = limits->logical_shift;
	b->physical_bs_shift = limits->physical_shift;
	b->io_min_shift = limits->io_min_shift;
	b->io_opt_shift = limits->io_opt_shift;
	err = shift_of(opts->logical_bytes, "a logical block", &b->logical_bs_shift, why);
	if (!err)
		err = shift_of(opts->physical_bytes, "a physical block", &b->physical_bs_shift, why);
	if (!err)
		err = shift_of(opts->io_min_bytes, "a least I/O size", &b->io_min_shift, why);
	if (!err)
		err = shift_of(opts->io_opt_bytes, "a best I/O size", &b->io_opt_shift, why);
	if (err)
		return err;
	if (b->logical_bs_shift < limits->logical_shift)
		return diag_set(why, -EINVAL, "a logical block of %u bytes: the target has %u",
				opts->logical_bytes, 1U << limits->logical_shift);
	if (1ULL << b->logical_bs_shift > pages_size())
		return diag_set(why, -EINVAL, "a logical block of %u bytes: larger than a page",
				opts->logical_bytes);
	if (limits->size_bytes & ((1ULL << b->logical_bs_shift) - 1))
		return diag_set(why, -EINVAL, "the size, %llu bytes, is not a multiple of the logical "
				"block of %u", limits->size_bytes, 1U << b->logical_bs_shift);
	if (opts->physical_bytes && b->physical_bs_shift < b->logical_bs_shift)
		return diag_set(why, -EINVAL, "a physical block of %u bytes: smaller than a logical "
				"one, of %u", opts->physical_bytes, 1U << b->logical_bs_shift);
	if (b->physical_bs_shift < b->logical_bs_shift)
		b->physical_bs_shift = b->logical_bs_shift;
	if (b->io_min_shift < b->physical_bs_shift)
		b->io_min_shift = b->physical_bs_shift;
	return 0;
}

static bool decide(enum ublk_tristate wanted, u32 target_attrs, u32 attr)
{
	return wanted == UBLK_YES || (wanted == UBLK_AS_TARGET && (target_attrs & attr));
}

static int make_attrs(struct ublk_param_basic *b, const struct ublk_dev_opts *opts,
		      const struct tgt_limits *limits, struct diag *why)
{
	if (opts->read_only == UBLK_NO && (limits->attrs & UBLK_ATTR_READ_ONLY))
		return diag_set(why, -EINVAL, "the target is read-only");
	if (decide(opts->read_only, limits->attrs, UBLK_ATTR_READ_ONLY))
		b->attrs |= UBLK_ATTR_READ_ONLY;
	if (decide(opts->rotational, limits->attrs, UBLK_ATTR_ROTATIONAL))
		b->attrs |= UBLK_ATTR_ROTATIONAL;
	if (decide(opts->volatile_cache, limits->attrs, UBLK_ATTR_VOLATILE_CACHE))
		b->attrs |= UBLK_ATTR_VOLATILE_CACHE;
	if (decide(opts->fua, limits->attrs, UBLK_ATTR_FUA))
		b->attrs |= UBLK_ATTR_FUA;
	/* Without a cache to write through, the kernel never sends FUA. */
	if (opts->fua == UBLK_YES && !(b->attrs & UBLK_ATTR_VOLATILE_CACHE))
		return diag_set(why, -EINVAL, "FUA means nothing without a volatile cache");
	return 0;
}

static u32 range_sectors(u64 bytes, u32 logical_shift)
{
	u64 sectors = bytes >> 9;

	if (sectors > MAX_RANGE_SECTORS)
		sectors = MAX_RANGE_SECTORS;
	return (u32)(sectors >> (logical_shift - 9) << (logical_shift - 9));
}

static void make_discard(struct ublk_params *p, const struct ublk_dev_opts *opts,
			 const struct tgt_limits *limits)
{
	/* The block layer raises it to a physical block; so what is told is true. */
	u32 block = 1U << p->basic.physical_bs_shift;
	struct ublk_param_discard *d = &p->discard;

	/* The driver wants a granularity for write-zeroes alone as well. */
	d->discard_granularity = limits->discard_granularity_bytes;
	if (d->discard_granularity < block)
		d->discard_granularity = block;
	if (opts->discard != UBLK_NO && limits->max_discard_bytes) {
		d->max_discard_sectors = range_sectors(limits->max_discard_bytes,
						       p->basic.logical_bs_shift);
		d->max_discard_segments = 1; /* the only number that the driver takes */
		d->discard_alignment = limits->discard_alignment_bytes;
	}
	d->max_write_zeroes_sectors = range_sectors(limits->max_write_zeroes_bytes,
						    p->basic.logical_bs_shift);
	if (d->max_discard_sectors || d->max_write_zeroes_sectors)
		p->types |= UBLK_PARAM_TYPE_DISCARD;
}

int ublk_params_make(struct ublk_params *p, const struct ublk_dev_opts *opts,
		     const struct tgt_limits *limits, struct diag *why)
{
	u32 max_io_bytes = opts->max_io_bytes;
	int err;

	*p = (struct ublk_params){ .len = sizeof(*p), .types = UBLK_PARAM_TYPE_BASIC };
	err = make_shifts(&p->basic, opts, limits, why);
	if (!err)
		err = make_attrs(&p->basic, opts, limits, why);
	if (err)
		return err;
	if (limits->max_io_bytes && limits->max_io_bytes < max_io_bytes)
		max_io_bytes = limits->max_io_bytes;
	p->basic.max_sectors = max_io_bytes >> 9;
	p->basic.dev_sectors = limits->size_bytes >> 9;
	make_discard(p, opts, limits);
	return 0;
}
