/* SPDX-License-Identifier: MIT */
/*
 * What the device mapper's statistics say, in text: regions as @stats_list lists
 * them, counters as @stats_print prints them, groups of regions as dmstats keeps
 * them in what the kernel stores for it. All of it is checked as if an enemy had
 * written it. No state; any thread.
 *
 *	ID: START+LEN STEP PROGRAM AUX [precise_timestamps] [histogram:N,N...]
 *	START+STEP, 13 counters, [N:N:N...]
 *	AUX of a group's first region: DMS_GROUP="ALIAS":ID,ID-ID...#AUX
 */
#ifndef TOOLS_TEXT_DM_STATS_H
#define TOOLS_TEXT_DM_STATS_H

#include "uapi/rt/fmt.h"
#include "uapi/rt/pages.h"
#include "uapi/types.h"

/* The counters of an area, in the kernel's order; times in ns */
enum dm_stats_counter {
	DM_STATS_READS,
	DM_STATS_READS_MERGED,
	DM_STATS_READ_SECTORS,
	DM_STATS_READ_NS,
	DM_STATS_WRITES,
	DM_STATS_WRITES_MERGED,
	DM_STATS_WRITE_SECTORS,
	DM_STATS_WRITE_NS,
	DM_STATS_IN_PROGRESS,
	DM_STATS_IO_NS,
	DM_STATS_QUEUE_NS,
	DM_STATS_TOTAL_READ_NS,
	DM_STATS_TOTAL_WRITE_NS,
	DM_STATS_NR_COUNTERS
};

#define DM_STATS_NO_GROUP (~0ULL)
#define DM_STATS_NS_PER_MS 1000000ULL

/**
 * struct dm_stats_region - a line of @stats_list; in sectors
 * @step:    an area's length; the last one's may be less
 * @group:   id of the group that it is in, which is its first region's, or DM_STATS_NO_GROUP
 * @alias:   of the first region of a group: NULL when it has none, else as it was given
 * @program: "" for none
 * @user:    what its maker stored with it, without what says that it is a group's first
 * @bounds:  "N,N,N" in ms, or in ns when it is precise; NULL without a histogram
 * @nr_bins: of the histogram, one more than there are bounds; 0 without one
 * @values:  the caller's, for dm_stats_print_parse(): u64, each area's counters and its bins,
 *           and behind all of them, zeroes at first, their sums
 */
struct dm_stats_region {
	u64 id;
	u64 start;
	u64 len;
	u64 step;
	u64 nr_areas;
	u64 group;
	const char *alias;
	const char *program;
	const char *user;
	const char *bounds;
	u32 nr_bins;
	bool is_precise;
	struct pages values;
};

/* More areas than a kernel has memory for: those of a region can be reckoned with */
#define DM_STATS_MAX_AREAS (1U << 26)

/* Characters that a region has in a list at least */
#define DM_STATS_LINE_BYTES 8

/**
 * dm_stats_list_parse() - the regions of a device, and which groups they are in
 * @text: the kernel's answer, which is cut up and has to stay
 * @room: of regions
 *
 * What looks like a group and is none is its region's user data.
 *
 * Return: how many, or -EPROTO: this is no such list
 */
NODISCARD int dm_stats_list_parse(char *text, struct dm_stats_region *regions, u32 room);

/* dm_stats_find() - the region of this id, or NULL */
struct dm_stats_region *dm_stats_find(struct dm_stats_region *regions, u32 nr, u64 id);

/* dm_stats_stride() - how many values an area has */
static inline u32 dm_stats_stride(const struct dm_stats_region *r)
{
	return DM_STATS_NR_COUNTERS + r->nr_bins;
}

/* dm_stats_unit_ns() - what its times and bounds are counted in */
static inline u64 dm_stats_unit_ns(const struct dm_stats_region *r)
{
	return r->is_precise ? 1 : DM_STATS_NS_PER_MS;
}

/* dm_stats_print_parse() - the kernel's counters of all areas of a region, into its values;
 * 0 or -EPROTO */
NODISCARD int dm_stats_print_parse(const char *text, const struct dm_stats_region *r);

/* dm_stats_add_members() - the regions of a group: "0,2-4" */
void dm_stats_add_members(struct fmt_buf *out, const struct dm_stats_region *regions, u32 nr,
			  u64 group);

/* dm_stats_add_aux() - what the kernel shall store with a region: the group if it is the first
 * of one, and the user's */
void dm_stats_add_aux(struct fmt_buf *out, const struct dm_stats_region *regions, u32 nr,
		      const struct dm_stats_region *r);

/**
 * dm_stats_next_range() - a range of a list of ids: "0,2-4"
 * @text: moved on behind it
 *
 * Return: 1, 0 at the end or at a "#", or -EINVAL
 */
NODISCARD int dm_stats_next_range(const char **text, u64 *first, u64 *last);

/**
 * dm_stats_add_bounds() - bounds of a histogram, as the kernel takes them
 * @text:     "10us,20us,1ms": they rise; a unit holds until there is another
 * @unit_ns:  of those before the first unit
 * @scale_ns: what the kernel shall count in
 *
 * Return: how many, or
 *   -ERANGE  one is no whole number of that
 *   -EINVAL  they are malformed
 */
NODISCARD int dm_stats_add_bounds(struct fmt_buf *out, const char *text, u64 unit_ns, u64 scale_ns);

/* How dm_stats_add_histogram() writes one: any of these together */
#define DM_STATS_HIST_COUNTS 1u
#define DM_STATS_HIST_PERCENT 2u
#define DM_STATS_HIST_BOUNDS 4u
#define DM_STATS_HIST_RANGES 8u
#define DM_STATS_HIST_UNITS 16u	  /* bounds with a unit, not all in ns */
#define DM_STATS_HIST_COLUMNS 32u /* for people: in columns, not only parted */

/* dm_stats_add_histogram() - bins are r->nr_bins counts; with neither counts nor percents of the
 * flags they are not looked at */
void dm_stats_add_histogram(struct fmt_buf *out, const struct dm_stats_region *r, const u64 *bins,
			    u32 flags);

#endif
