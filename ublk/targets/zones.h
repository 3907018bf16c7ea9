/* SPDX-License-Identifier: MIT */
/*
 * The zones of a zoned disk: conditions, write pointers, how many may be open
 * and active. Knows nothing of data: whoever moves it reserves the place first
 * and says afterwards what became of it.
 *
 * Conditions change as NVMe's Zoned Namespaces have it. A zone that is written
 * to opens by itself, and when no more may be open the one that did so first is
 * closed for it.
 *
 * Threads: any, at the same time, but for zones_init() and zones_exit(). A write
 * to a zone that is open and stays so is one compare-and-swap; everything else
 * takes a lock for some dozen instructions.
 */
#ifndef UBLK_TARGETS_ZONES_H
#define UBLK_TARGETS_ZONES_H

#include "uapi/rt/pages.h"
#include "uapi/types.h"

struct zone;
struct blk_zone;

/**
 * struct zones - of one disk; the first four and the limits are the caller's to set
 * @capacity_sectors: of each zone, how much can be written: its size or less
 * @nr_conventional:  of the first zones: they have no write pointer and are
 *                    given to zones_report() only
 * @max_open, @max_active: 0: no limit
 */
struct zones {
	u32 nr;
	u32 nr_conventional;
	u32 zone_sectors;
	u32 capacity_sectors;
	u32 max_open;
	u32 max_active;
	u32 lock; /* of all below, and of every change of a condition */
	u32 nr_open;
	u32 nr_active;
	u32 first_implicit; /* zones that opened by themselves, the oldest first: index + 1 */
	u32 last_implicit;
	struct zone *zones;
	struct pages mem;
};

/* zones_init() - all empty; 0 or -ENOMEM */
NODISCARD int zones_init(struct zones *zs);

/* zones_exit() - safe on a zeroed struct */
void zones_exit(struct zones *zs);

#define ZONES_APPEND (~0ULL)

/**
 * zones_reserve() - the place of a write, which is the caller's from now on
 * @at: where in the zone, in sectors: the write pointer; ZONES_APPEND: wherever that is
 *
 * Return: where in the zone, in sectors, or
 *   -EIO          not at the write pointer, or no room
 *   -ETOOMANYREFS too many zones are open and none of them opened by itself
 *   -EOVERFLOW    too many are active
 *   -EAGAIN       it is just being reset: try again later
 */
NODISCARD s64 zones_reserve(struct zones *zs, u32 idx, u64 at, u32 nr_sectors);

/**
 * zones_written() - what became of a write that zones_reserve() gave a place
 *
 * After a failure the write pointer goes back to where the write began. Only
 * when another one has a place behind it there is no way back: that one may be
 * done, and what was appended stays where its writer was told. The failed one
 * then leaves a gap, whose bytes are as undefined as after a failed write on any
 * disk; its writer knows of the failure and nobody was told that anything is there.
 */
void zones_written(struct zones *zs, u32 idx, u64 at, u32 nr_sectors, bool ok);

/* Each returns 0, or -EIO (not in that condition), or as zones_reserve() */
NODISCARD int zones_open(struct zones *zs, u32 idx);
NODISCARD int zones_close(struct zones *zs, u32 idx);
NODISCARD int zones_finish(struct zones *zs, u32 idx);

/**
 * zones_reset_begin() - nothing stands in the zone any more, and nothing goes in yet
 *
 * A write under way must land first, lest it land on what comes after.
 *
 * Return: 1, and zones_reset_end() must follow; 0 when it was empty already; or
 * -EAGAIN: something is under way there, try again later
 */
NODISCARD int zones_reset_begin(struct zones *zs, u32 idx);
void zones_reset_end(struct zones *zs, u32 idx);

/* zones_data_sectors() - how much of a zone, from its start, holds what was written */
u64 zones_data_sectors(const struct zones *zs, u32 idx);

/* zones_report() - at most @max zones from @first on, as the kernel has it; how many */
u32 zones_report(const struct zones *zs, u32 first, struct blk_zone *out, u32 max);

#endif
