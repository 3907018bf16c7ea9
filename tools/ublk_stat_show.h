/* SPDX-License-Identifier: MIT */
/* What a disk's server has counted, as text, as JSON, and as Prometheus takes it. */
#ifndef TOOLS_UBLK_STAT_SHOW_H
#define TOOLS_UBLK_STAT_SHOW_H

#include "tools/cmd.h"
#include "tools/text/json.h"
#include "ublk/stats.h"

/* A request that is under way for longer is shown unasked */
#define STAT_STUCK_NS 1000000000ULL

/**
 * struct stat_counts - of one disk
 * @now:    until now; or, of who watches, since the time before
 * @queues: show each queue, too
 * @requests: show all that are under way, not only those that look stuck
 */
struct stat_counts {
	u32 id;
	bool queues;
	bool requests;
	struct ublk_stats_view view;
	struct ublk_stats_snapshot now;
};

void stat_show_text(struct fmt_buf *out, struct stat_counts *c);

/* stat_show_json() - one member of an object, "io" */
void stat_show_json(struct json *j, struct stat_counts *c);

/* stat_show_prometheus() - the text exposition format, of all disks in one */
void stat_show_prometheus(struct fmt_buf *out, struct stat_counts *all, u32 nr);

/* stat_kind_name() - of an enum tgt_kind that may be any number */
const char *stat_kind_name(u32 kind);

/* stat_class_name() - of an enum ublk_stats_class */
const char *stat_class_name(u32 class);

/* stat_has_kind() - it is worth a line: the usual ones, and what there was */
bool stat_has_kind(const struct ublk_stats_snapshot *s, u32 kind);

#endif
