/* SPDX-License-Identifier: MIT */
/*
 * Reports: rows of fields, of which the user chooses some, sorts by some and
 * selects by some; printed in columns, with a separator, as NAME='value', one
 * line for a field, or as JSON, byte for byte as dmsetup prints them.
 *
 * Who makes a report lists its fields in sections, and gives each section a
 * function that fills in one field of one row. It is called only for fields
 * that the user wants, so that a field may cost something.
 *
 *	static void disk_get(void *row, u32 field, struct report_value *v)
 *	{
 *		struct disk *d = row;
 *
 *		switch (field) {
 *		case 0: fmt_add(v->text, "%s", d->name); break;
 *		case 1: report_number(v, d->minor); break;
 *		case 2: report_fixed(v, d->load, 2); break;	// 1234 is shown as 12.34
 *		}
 *	}
 *	static const struct report_section disk = {
 *		REPORT_SECTION("disk_all", "Disks")
 *		REPORT_FIELD(REPORT_TEXT, "\20", "name", "Name", "what it is called")
 *		REPORT_FIELD(REPORT_NUMBER, "\3", "minor", "Min", "its minor number")
 *		REPORT_FIELD(REPORT_FIXED, "\5", "load", "Load", "how busy it is"),
 *		disk_get
 *	};
 *
 *	err = report_open(&rp, &disk, 1, &how, &why);
 *	if (err == REPORT_HELP)
 *		report_help(&disk, 1, out);
 *	for (each disk; !err)
 *		err = report_add(rp, disk, &why);
 *	if (!err)
 *		report_print(rp);
 *	report_close(rp);
 *
 * The user names a field by its id, in any case, with or without its
 * underscores; a section by its name, and all of them are all; "selected" is 1 where
 * -S is true, and shows all rows. One thread.
 */
#ifndef TOOLS_TEXT_REPORT_H
#define TOOLS_TEXT_REPORT_H

#include "tools/text/select.h"
#include "uapi/rt/fmt.h"

/* What fields a report can have beside one another, with those that it sorts and selects by */
#define REPORT_MAX_COLUMNS 160
#define REPORT_MAX_KEYS	   16

/* report_open(): the user asks which fields there are */
#define REPORT_HELP 1

/* What a field is: an enum select_type, with REPORT_LEFT_BIT, and the decimals of its number
 * above. Texts and lists stand on the left, and numbers on the right. */
#define REPORT_TEXT    "\1"   /* sorted by its bytes */
#define REPORT_NUMBER  "\2"
#define REPORT_SIZE    "\3"   /* its number is in bytes, whatever it is shown in */
#define REPORT_PERCENT "\44"
#define REPORT_LIST    "\5"   /* a text with commas */
#define REPORT_LEFT    "\12"  /* a number that stands on the left, as dmsetup has some */
#define REPORT_FIXED   "\42"  /* a number with two decimals */
#define REPORT_MICRO   "\142" /* and with six */

#define REPORT_TYPE_MASK      7
#define REPORT_LEFT_BIT	      8
#define REPORT_DECIMALS_SHIFT 4

/*
 * The rows of a section, which are one text. The width is the least that a column has, as a
 * character; id is how the user and --nameprefixes call the field, heading stands above it.
 */
#define REPORT_SECTION(id, title) id "\0" title "\0"
#define REPORT_FIELD(type, width, id, heading, help) type width id "\0" heading "\0" help "\0"

/**
 * struct report_value - one field of one row, to be filled in
 * @text:   what is shown is added here; nothing added is a blank, JSON's null for a number
 * @number: what it sorts and compares by, for all types but text and list; 0 unless set
 */
struct report_value {
	struct fmt_buf *text;
	u64 number;
};

/* struct report_section - fields of one kind: REPORT_SECTION and REPORT_FIELDs */
struct report_section {
	const char *fields;
	void (*get)(void *row, u32 field, struct report_value *v);
};

enum report_headings {
	REPORT_HEADINGS_ABBREV,
	REPORT_HEADINGS_FULL, /* the ids */
	REPORT_HEADINGS_NONE,
};

/**
 * struct report_how - what the user wants
 * @out:       where report_print() prints to
 * @fields:    -o: ids with commas between; with + in front they follow @defaults; an id with a
 *             - in front is taken away again. NULL for @defaults
 * @sort:      -O: ids, - for falling, + for rising; may be NULL
 * @select:    -S, or NULL
 * @separator: between fields
 * @is_aligned: in columns
 * @is_named:  DM_NAME='value'
 * @is_bare:   with that: without the quotes
 * @as_rows:   one line for each field rather than for each row
 * @unbuffered: a row is printed when it is added: columns grow as they need. Not when
 *            sorted, @as_rows or @is_json
 * @is_loose:  see struct regex
 */
struct report_how {
	struct fmt_buf *out;
	const char *fields;
	const char *defaults;
	const char *sort;
	const char *select;
	const char *separator;
	enum report_headings headings;
	bool is_aligned;
	bool is_named;
	bool is_bare;
	bool as_rows;
	bool is_json;
	bool unbuffered;
	bool is_loose;
};

struct report;

/**
 * report_open() - find the fields, the keys and the selection
 * @rp:       the report, for report_close(); NULL if it does not return 0
 * @sections: nr_sections of them, as long as the report; so are the strings of @how
 *
 * Return: 0, REPORT_HELP, or
 *   -ENOENT  there is no such field
 *   -EINVAL  the selection is malformed
 *   -ENOMEM, -E2BIG
 */
NODISCARD int report_open(struct report **rp, const struct report_section *sections,
			  u32 nr_sections, const struct report_how *how, struct diag *why);

/* report_wants() - is any field of a section shown, or sorted or selected by? */
bool report_wants(const struct report *rp, const struct report_section *section);

/**
 * report_add() - one more row, unless the selection is false for it
 * @row: for the sections' get()
 *
 * Return: 1, 0 when it was not selected, or -ENOMEM
 */
NODISCARD int report_add(struct report *rp, void *row, struct diag *why);

/* report_print() - sort the rows, print and forget them; no rows: nothing, with JSON [] */
void report_print(struct report *rp);

/* report_close() - give its memory back; safe with NULL */
void report_close(struct report *rp);

/* report_help() - the fields, for REPORT_HELP */
void report_help(const struct report_section *sections, u32 nr_sections, struct fmt_buf *out);

/* For get(): a number as it is; and one with decimals, 1234 with 2 being 12.34 */
void report_number(struct report_value *v, u64 number);
void report_fixed(struct report_value *v, u64 number, u32 decimals);

#endif
