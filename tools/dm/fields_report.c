/* SPDX-License-Identifier: MIT */
/* -S, and info -c, whose rows are what -S takes. */
#include "tools/dm/fields.h"
#include "tools/dm/report_run.h"

enum exit_code dm_select_open(struct dm_select *s, const struct cmd_run *r, const char *columns)
{
	const struct dm_options *o = dm_options(r);
	enum exit_code code;

	if (!columns && (!o->select || !*o->select))
		return EXIT_OK;
	code = dm_report_open(&s->rp, r, dm_sections, DM_NR_DEVICE_SECTIONS, columns,
			      o->options);
	s->is_help = !code && !s->rp;
	return code;
}

int dm_select_takes(struct dm_select *s, const struct dm_info *info)
{
	struct dm_row row = { .fields = &s->fields, .info = *info };

	return s->rp ? report_add(s->rp, &row, NULL) : 1;
}
