/* SPDX-License-Identifier: MIT */
/* Between report.c, which collects, and report_print.c. */
#ifndef TOOLS_TEXT_REPORT_ROWS_H
#define TOOLS_TEXT_REPORT_ROWS_H

#include "tools/text/report.h"
#include "uapi/rt/pages.h"
#include "uapi/rt/str.h"

/* struct report_field - a REPORT_FIELD as it stands in its section's text */
struct report_field {
	u8 kind;
	u8 width;
	char id[];
};

/* struct report_column - a field of the report */
struct report_column {
	const struct report_section *section;
	const struct report_field *field;
	u32 field_idx;
	u32 width;
};

struct report_key {
	u8 column;
	bool is_falling;
};

struct report_cell {
	u64 number;
	char *text;
};

/*
 * struct report - stands at the start of its own memory, rows follow it: their cells, and
 * then the cells' texts. At the end of the memory, the pointers to rows grow downwards.
 * @word:     a field's name, that is looked at
 * @row:      that is being added
 * @next:     where one more is added
 * @index:    behind the pointer to the first row
 * @nr_shown: columns that are printed; those that only sort or select follow them
 */
struct report {
	const struct report_section *sections;
	const char *word;
	const char *word_end;
	struct report_cell *row;
	char *first;
	char *next;
	const struct report_cell **index;
	u32 nr_sections;
	u32 nr_columns;
	u32 nr_shown;
	u32 nr_keys;
	u32 nr_rows;
	bool has_selected;
	bool has_headings;
	bool wants_help;
	struct pages mem;
	struct report_how how;
	struct report_key keys[REPORT_MAX_KEYS];
	struct report_column columns[REPORT_MAX_COLUMNS];
	struct select select;
};

/* The field "selected" */
extern const struct report_section report_any;

/* report_print_rows() - those that there are, which are forgotten, below headings that are
 * printed once; in any shape but JSON */
void report_print_rows(struct report *rp);

static inline u32 report_type(const struct report_field *f)
{
	return f->kind & REPORT_TYPE_MASK;
}

/* What stands behind a string of a section's text */
static inline const char *report_behind(const char *s)
{
	return s + str_len(s) + 1;
}

static inline const char *report_help_of(const struct report_field *f)
{
	return report_behind(report_behind(f->id));
}

/* The field that stands behind a string; its kind is 0 behind the last one */
static inline const struct report_field *report_field_behind(const char *s)
{
	return (const struct report_field *)(const void *)report_behind(s);
}

#endif
