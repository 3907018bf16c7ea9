/* SPDX-License-Identifier: MIT */
/* The parameters of a device: limits, attributes, discard, zones, memory, metadata. */
#include "ublk/params.h"

#include <asm/errno.h>

#include "uapi/rt/pages.h"

/* More than this and kernels before 6.11 cut a request in silence. */
#define MAX_RANGE_SECTORS (0xffffffffU >> 9)

/* Of memory, in bytes: the block layer's where nothing is asked for */
#define LEAST_DMA_ALIGNMENT 4
#define ANY_SEGMENT_BOUNDARY (1ULL << 32)
#define ANY_SEGMENT_BYTES 0xffffffffU
#define ANY_SEGMENTS 0xffff

/* 0 is nothing asked for */
static int check_power(u64 bytes, u32 least, const char *what, struct diag *why)
{
	if (!bytes || (bytes >= least && !(bytes & (bytes - 1))))
		return 0;
	return diag_set(why, -EINVAL, "%s of %llu bytes: not a power of two from %u on", what, bytes,
			least);
}

static int shift_of(u32 bytes, const char *what, u8 *shift, struct diag *why)
{
	int err = check_power(bytes, 512, what, why);

	if (err || !bytes)
		return err; /* none: the target's */
	*shift = tgt_shift_of(bytes);
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

/* Where requests are cut: at the ends of zones, or of chunks */
static int make_chunk(struct ublk_param_basic *b, const struct ublk_dev_opts *opts,
		      const struct tgt_limits *limits, struct diag *why)
{
	u64 zone_bytes = limits->zones.zone_bytes;
	u32 chunk_bytes = opts->chunk_bytes ? opts->chunk_bytes : limits->chunk_bytes;

	if (zone_bytes && opts->chunk_bytes)
		return diag_set(why, -EINVAL, "a zoned disk's chunks are its zones");
	if (chunk_bytes & ((1U << b->logical_bs_shift) - 1))
		return diag_set(why, -EINVAL, "chunks of %u bytes: not a multiple of the logical block "
				"of %u", chunk_bytes, 1U << b->logical_bs_shift);
	if (chunk_bytes && limits->chunk_bytes % chunk_bytes)
		return diag_set(why, -EINVAL, "chunks of %u bytes: the target's, of %u, are no multiple "
				"of them", chunk_bytes, limits->chunk_bytes);
	b->chunk_sectors = (u32)((zone_bytes ? zone_bytes : chunk_bytes) >> 9);
	return 0;
}

static int make_dma_align(struct ublk_params *p, const struct ublk_dev_opts *opts,
			  const struct tgt_limits *limits, struct diag *why)
{
	u32 bytes = limits->dma_alignment_bytes;
	int err = check_power(opts->dma_alignment_bytes, LEAST_DMA_ALIGNMENT, "an alignment", why);

	if (err)
		return err;
	if (bytes < opts->dma_alignment_bytes)
		bytes = opts->dma_alignment_bytes;
	if (bytes > pages_size())
		return diag_set(why, -EINVAL, "an alignment of %u bytes: larger than a page", bytes);
	/* A mask of 0 would be the block layer's word for 511. */
	if (bytes < LEAST_DMA_ALIGNMENT)
		return 0;
	p->types |= UBLK_PARAM_TYPE_DMA_ALIGN;
	p->dma.alignment = bytes - 1;
	return 0;
}

/* All three, or none: what was not asked for is as wide as the kernel has it. */
static int make_segments(struct ublk_params *p, const struct ublk_dev_opts *opts, struct diag *why)
{
	u64 boundary = opts->segment_boundary_bytes;
	int err = check_power(boundary, UBLK_MIN_SEGMENT_SIZE, "a segment boundary", why);

	if (err)
		return err;
	if (opts->max_segment_bytes && opts->max_segment_bytes < UBLK_MIN_SEGMENT_SIZE)
		return diag_set(why, -EINVAL, "segments of %u bytes: at least %d are needed",
				opts->max_segment_bytes, UBLK_MIN_SEGMENT_SIZE);
	if (!boundary && !opts->max_segment_bytes && !opts->max_segments)
		return 0;
	p->types |= UBLK_PARAM_TYPE_SEGMENT;
	p->seg.seg_boundary_mask = (boundary ? boundary : ANY_SEGMENT_BOUNDARY) - 1;
	p->seg.max_segment_size = opts->max_segment_bytes ? opts->max_segment_bytes :
							    ANY_SEGMENT_BYTES;
	p->seg.max_segments = opts->max_segments ? opts->max_segments : ANY_SEGMENTS;
	return 0;
}

/*
 * The driver makes one report of several requests, and begins to number the zones
 * anew in each (7.3): those of the second come in the place of the first's.
 */
static int make_zones(struct ublk_params *p, const struct tgt_limits *limits, struct diag *why)
{
	const struct tgt_zones *z = &limits->zones;
	u32 append_sectors = z->max_append_bytes >> 9;
	u32 max_zones = (p->basic.max_sectors << 9) / TGT_ZONE_BYTES;

	if (!z->zone_bytes)
		return 0;
	if (limits->size_bytes / z->zone_bytes > max_zones)
		return diag_set(why, -EINVAL, "%llu zones: the largest request can report %u only",
				limits->size_bytes / z->zone_bytes, max_zones);
	p->types |= UBLK_PARAM_TYPE_ZONED;
	p->zoned.max_open_zones = z->max_open;
	p->zoned.max_active_zones = z->max_active;
	p->zoned.max_zone_append_sectors =
		append_sectors < p->basic.max_sectors ? append_sectors : p->basic.max_sectors;
	return 0;
}

static int make_integrity(struct ublk_params *p, const struct tgt_meta_format *m, struct diag *why)
{
	if (!m->bytes)
		return 0;
	if (m->interval_shift > p->basic.logical_bs_shift)
		return diag_set(why, -EINVAL, "a logical block of %u bytes: the target has metadata for "
				"every %u", 1U << p->basic.logical_bs_shift, 1U << m->interval_shift);
	p->types |= UBLK_PARAM_TYPE_INTEGRITY;
	p->integrity = (struct ublk_param_integrity){
		.flags = m->caps,
		.interval_exp = m->interval_shift,
		.metadata_size = m->bytes,
		.pi_offset = m->pi_offset,
		.csum_type = m->csum,
		.tag_size = m->tag_bytes,
	};
	return 0;
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
	if (!err)
		err = make_chunk(&p->basic, opts, limits, why);
	if (!err)
		err = check_power(opts->virt_boundary_bytes, 512, "a boundary of memory", why);
	if (!err)
		err = make_dma_align(p, opts, limits, why);
	if (!err)
		err = make_segments(p, opts, why);
	if (!err)
		err = make_integrity(p, &limits->meta, why);
	if (err)
		return err;
	if (limits->max_io_bytes && limits->max_io_bytes < max_io_bytes)
		max_io_bytes = limits->max_io_bytes;
	p->basic.max_sectors = max_io_bytes >> 9;
	p->basic.dev_sectors = limits->size_bytes >> 9;
	if (opts->virt_boundary_bytes)
		p->basic.virt_boundary_mask = opts->virt_boundary_bytes - 1;
	make_discard(p, opts, limits);
	return make_zones(p, limits, why);
}

u64 ublk_params_flags(const struct ublk_params *p)
{
	return (p->types & UBLK_PARAM_TYPE_ZONED ? UBLK_F_ZONED : 0) |
	       (p->types & UBLK_PARAM_TYPE_INTEGRITY ? UBLK_F_INTEGRITY : 0);
}
