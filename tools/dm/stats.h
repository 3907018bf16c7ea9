/* SPDX-License-Identifier: MIT */
/*
 * bareblk dm stats, dmstats: counters of regions of devices. What its commands
 * share: devices one after the other, messages, the regions that there are.
 */
#ifndef TOOLS_DM_STATS_H
#define TOOLS_DM_STATS_H

#include "dm/reply.h"
#include "tools/dm/fields.h"
#include "tools/dm/run.h"
#include "tools/text/dm_stats.h"
#include "tools/text/fixed.h"

struct dm_stats;

#define DM_STATS_TEXT_BYTES (1U << 20)
#define DM_STATS_MADE_BYTES (16U << 20) /* of ids: more than the kernel has memory for */

/* What a command wants one of: options by which regions are chosen */
#define DM_STATS_ALLREGIONS 1
#define DM_STATS_REGIONID 2
#define DM_STATS_GROUPID 4
#define DM_STATS_REGIONS 8

/* What else is special in a command */
#define DM_STATS_MAY_ALL 1  /* no device named: all of them, without --alldevices */
#define DM_STATS_CREATES 2  /* it does not ask which regions there are */
#define DM_STATS_DELETES 4
#define DM_STATS_PRINTS 8
#define DM_STATS_REPORTS 16
#define DM_STATS_LISTS 32

/**
 * struct dm_stats_command - a row
 * @one:   for each device
 * @wants: exactly one of these
 */
struct dm_stats_command {
	char name[8];
	enum exit_code (*one)(struct dm_stats *st);
	u8 wants;
	u8 flags;
};

/* What a line of a report is about */
enum dm_stats_kind {
	DM_STATS_AREA,
	DM_STATS_REGION,
	DM_STATS_GROUP,
};

/* struct dm_stats_row - for a report: @dm for the fields that others have, too */
struct dm_stats_row {
	struct dm_row dm;
	struct dm_stats *st;
};

/**
 * struct dm_stats - one call
 * @s:       the options that are for stats only
 * @program: whose regions: "" for everybody's
 * @regions: of the device that it is done to now, nr of them
 * @text:    the next message: dm_stats_begin()
 * @made:    create: ids of the regions that it has made on the device
 * @how:     create: what all of its regions have in common, as the kernel takes it
 * @start, @len, @area_len, @nr_areas: create: what was asked for, or 0
 * @answer:  of the last message
 * @scratch: room for texts: the message, with escapes twice as long, and two of create's
 * @listed:  what @regions stand in; before that, the device's table
 * @names:   of all devices, when it is done to all
 * @rp:      list, report: what has been added to it; and what is added to it now:
 * @r:       a region, or what stands for a group
 * @values:  counters, and bins behind them; NULL where nothing was read
 * @area:    0 but for areas
 * @interval_ns: how long it was counted
 * @read_ns: when it was read the last time, 0 before
 * @period_ns: from one round of a report to the next
 * @lines:   which kinds there are
 * @reads:   counters are wanted, which are set to 0 as they are read
 * @unit:    of sizes
 * @which:   the device, by the way it was asked for
 * @name:    as the user shall see it
 */
struct dm_stats {
	const struct cmd_run *run;
	const struct dm_stats_options *s;
	struct dm_stats_region *regions;
	u32 nr;
	enum dm_stats_kind kind;
	const struct dm_stats_region *r;
	const u64 *values;
	u64 area;
	u64 interval_ns;
	u64 read_ns;
	u64 period_ns;
	struct report *rp;
	u32 lines;
	bool reads;
	struct fixed_unit unit;
	const struct dm_stats_command *command;
	const char *program;
	struct fmt_buf text;
	struct fmt_buf made;
	const char *how;
	u64 start;
	u64 len;
	u64 area_len;
	u64 nr_areas;
	struct dm_tool t;
	struct dm_reply answer;
	struct dm_reply listed;
	struct dm_reply names;
	struct pages mem;
	char *scratch;
	struct dm_which which;
	struct dm_stats_row row;
	char name[DM_UUID_LEN];
};

/* The commands: for all devices, and for one */
enum exit_code dm_stats_create(struct dm_stats *st);
enum exit_code dm_stats_create_on(struct dm_stats *st);
enum exit_code dm_stats_change_on(struct dm_stats *st); /* clear, delete, print */
enum exit_code dm_stats_group_on(struct dm_stats *st);
enum exit_code dm_stats_ungroup_on(struct dm_stats *st);
enum exit_code dm_stats_view(struct dm_stats *st); /* list, report */
enum exit_code dm_stats_view_on(struct dm_stats *st);

/* dm_stats_each() - the command for each device that was named, up to a failure; else for all,
 * where that is allowed or --alldevices was given */
enum exit_code dm_stats_each(struct dm_stats *st);

/* dm_stats_failed() - a command for the device failed */
enum exit_code dm_stats_failed(const struct dm_stats *st, int err);

/* dm_stats_begin() - an empty message; fmt_add() to st->text follows */
struct fmt_buf *dm_stats_begin(struct dm_stats *st);

/* dm_stats_send() - send it; prints on failure. Its answer is dm_stats_answer() */
enum exit_code dm_stats_send(struct dm_stats *st, u64 room_bytes);
const char *dm_stats_answer(const struct dm_stats *st);

/* dm_stats_do() - a message that is a word and a region's id */
enum exit_code dm_stats_do(struct dm_stats *st, const char *word, u64 id, u64 room_bytes);

/* dm_stats_read() - the counters of a region, which are set to 0 then if it clears */
enum exit_code dm_stats_read(struct dm_stats *st, const struct dm_stats_region *r, bool clears);

/* dm_stats_load() - the regions that there are; prints on failure */
enum exit_code dm_stats_load(struct dm_stats *st);
void dm_stats_unload(struct dm_stats *st);

/* dm_stats_make_group() - of the regions of a list: "0,2-4"; prints that, and two words behind it,
 * or a failure */
enum exit_code dm_stats_make_group(struct dm_stats *st, const char *ids, const char *words,
				   const char *name);

#endif
