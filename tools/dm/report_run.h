/* SPDX-License-Identifier: MIT */
/* Reports of dm verbs: their options, and what all of them begin with. */
#ifndef TOOLS_DM_REPORT_RUN_H
#define TOOLS_DM_REPORT_RUN_H

#include "tools/dm/options.h"
#include "tools/text/report.h"

/* The options of a report, for a verb's row */
#define DM_REPORT_SETS (DM_SETS(OPTIONS) | DM_SETS(REPORT) | DM_SETS(SELECT) | DM_SETS(JSON))

/**
 * dm_report_open() - a report as the options want it
 * @rp:       NULL on failure, which is told, and when only the list of fields was asked for,
 *            which is printed then: there is nothing to do any more
 * @defaults: the fields when none are named; NULL for -S alone, without a report
 * @fields:   -o, or what it stands for
 */
enum exit_code dm_report_open(struct report **rp, const struct cmd_run *r,
			      const struct report_section *sections, u32 nr_sections,
			      const char *defaults, const char *fields);

/* dm_report_add() - a row; prints on failure */
enum exit_code dm_report_add(struct report *rp, const struct cmd_run *r, void *row);

#endif
