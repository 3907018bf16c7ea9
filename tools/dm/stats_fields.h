/* SPDX-License-Identifier: MIT */
/* The fields of bareblk dm stats list and report. */
#ifndef TOOLS_DM_STATS_FIELDS_H
#define TOOLS_DM_STATS_FIELDS_H

#include "tools/dm/stats.h"
#include "tools/text/report.h"

/* What is shown when no fields are asked for */
#define DM_STATS_VIEW_LIST 1u
#define DM_STATS_VIEW_LIST_HIST 2u
#define DM_STATS_VIEW_VERBOSE 4u /* with one of these two */
#define DM_STATS_VIEW_METRICS 8u
#define DM_STATS_VIEW_RAW 16u
#define DM_STATS_VIEW_COUNTS 32u
#define DM_STATS_VIEW_PERCENT 64u

/* dm_stats_add_default_fields() - their ids, with commas between */
void dm_stats_add_default_fields(struct fmt_buf *out, u32 view);

/* Counters and what follows from them; what there is; what only groups have: for dm_sections */
extern const char dm_stats_count_fields[];
extern const char dm_stats_region_fields[];
extern const char dm_stats_group_fields[];
void dm_stats_count_get(void *row, u32 field, struct report_value *v);
void dm_stats_region_get(void *row, u32 field, struct report_value *v);
void dm_stats_group_get(void *row, u32 field, struct report_value *v);

#endif
