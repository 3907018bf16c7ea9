/* SPDX-License-Identifier: MIT */
/*
 * Devices as rows of a report: what info -c shows, what -S compares, and the
 * fields that reports of statistics have of their device.
 *
 *	struct dm_fields f = { .t = t };
 *	struct dm_row row = { .fields = &f };
 *
 *	err = dm_info_get(t->control_fd, id, 0, &row.info);
 *	err = err ? err : report_add(rp, &row, &why);
 */
#ifndef TOOLS_DM_FIELDS_H
#define TOOLS_DM_FIELDS_H

#include "dm/reply.h"
#include "tools/dm/run.h"
#include "tools/text/report.h"

/**
 * struct dm_fields - what the rows share, which goes with the process
 * @list:  all devices, once a field wanted them
 * @links: which device uses which, likewise
 */
struct dm_fields {
	const struct dm_tool *t;
	struct dm_reply list;
	struct pages links;
	u32 nr_links;
};

/**
 * struct dm_row - one device; first in the rows of other reports
 * @subsystem: for splitname, which knows it, and has no device; otherwise NULL
 * @name:      likewise
 */
struct dm_row {
	struct dm_fields *fields;
	struct dm_info info;
	const char *subsystem;
	const char *name;
};

/* What fields there are. Rows are struct dm_row, or for the last three struct dm_stats_row. */
enum dm_section {
	DM_SECTION_NAME,
	DM_SECTION_INFO,
	DM_SECTION_DEPS,
	DM_SECTION_SPLITNAME,
	DM_NR_DEVICE_SECTIONS,
	DM_SECTION_STATS = DM_NR_DEVICE_SECTIONS,
	DM_SECTION_REGION,
	DM_SECTION_GROUP,
	DM_NR_SECTIONS,
};

extern const struct report_section dm_sections[DM_NR_SECTIONS];

/* The fields of a section, for dm_sections */
extern const char dm_deps_fields[];
extern const char dm_splitname_fields[];
void dm_deps_get(void *row, u32 field, struct report_value *v);
void dm_splitname_get(void *row, u32 field, struct report_value *v);

/**
 * struct dm_select - which devices a verb is for, and a report of them
 * @rp:      NULL when there is no -S, and all are
 * @is_help: the fields were asked for, which have been printed
 */
struct dm_select {
	struct report *rp;
	struct dm_fields fields;
	bool is_help;
};

/**
 * dm_select_open() - what -S says; prints on failure
 * @s:       zeroes; its fields.t is the caller's to set
 * @columns: fields of a report of devices, for report_print(); NULL for no report
 */
enum exit_code dm_select_open(struct dm_select *s, const struct cmd_run *r, const char *columns);

/* dm_select_takes() - 1, and it is in the report; 0, or -ENOMEM */
int dm_select_takes(struct dm_select *s, const struct dm_info *info);

#endif
