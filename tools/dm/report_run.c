/* SPDX-License-Identifier: MIT */
/* See tools/dm/report_run.h. */
#include "tools/dm/report_run.h"

#include <asm/errno.h>

#include "uapi/rt/free/start.h"
#include "uapi/rt/str.h"
#include "uapi/sys.h"

/* dmsetup takes their numbers, too. */
static int headings(const struct dm_options *o)
{
	u32 word = REPORT_HEADINGS_ABBREV;

	if (o->headings && (o->noheadings ||
			    parse_choice(o->headings, "abbrev\0full\0none\0" "1\0" "2\0" "0\0", &word)))
		return -EINVAL;
	return o->noheadings ? REPORT_HEADINGS_NONE : (int)word % 3;
}

static void write_error(struct fmt_buf *b)
{
	(void)sys_write(2, b->text, b->len);
	b->len = 0;
}

/* dmsetup prints it where a program that reads our output does not expect it. */
static void help(const struct cmd_run *r, const struct report_section *sections, u32 nr_sections)
{
	char text[256];
	struct fmt_buf error = { .text = text, .size = sizeof(text), .flush = write_error };

	report_help(sections, nr_sections, dm_options(r)->is_dmsetup ? &error : r->out);
	write_error(&error);
}

enum exit_code dm_report_open(struct report **rp, const struct cmd_run *r,
			      const struct report_section *sections, u32 nr_sections,
			      const char *defaults, const char *fields)
{
	const struct dm_options *o = dm_options(r);
	struct diag why = { "" };
	int shape = headings(o);
	struct report_how how = { .defaults = "name", .select = o->select,
				  .is_loose = o->is_dmsetup };
	int err;

	if (shape < 0)
		return cmd_usage(r, "--headings is none, abbrev or full, and not with "
						   "--noheadings");
	if (defaults) {
		how.out = r->out;
		how.fields = fields;
		how.defaults = defaults;
		how.sort = o->sort;
		how.separator = o->separator ? o->separator : o->noheadings ? ":" : " ";
		how.headings = (enum report_headings)shape;
		how.is_aligned = !o->noheadings && !o->nameprefixes && !o->separator && !o->rows;
		how.is_named = o->nameprefixes;
		how.is_bare = o->unquoted;
		how.as_rows = o->rows;
		how.is_json = o->json;
		how.unbuffered = o->unbuffered;
	}
	err = report_open(rp, sections, nr_sections, &how, &why);
	if (err == REPORT_HELP)
		help(r, sections, nr_sections);
	if (err >= 0)
		return EXIT_OK;
	return cmd_fail(r, err == -ENOMEM ? EXIT_MEMORY : EXIT_USAGE, 0, "%s", why.text);
}

enum exit_code dm_report_add(struct report *rp, const struct cmd_run *r, void *row)
{
	struct diag why;
	int err = report_add(rp, row, &why);

	return err < 0 ? cmd_fail(r, EXIT_MEMORY, err, "%s", why.text) : EXIT_OK;
}
