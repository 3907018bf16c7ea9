/* SPDX-License-Identifier: MIT */
/* Rows of a report: sorted, and printed. */
#include "tools/text/fixed.h"
#include "tools/text/json.h"
#include "tools/text/report_rows.h"

static bool is_number(const struct report_field *f)
{
	return report_type(f) != SELECT_TEXT && report_type(f) != SELECT_LIST;
}

/* Rows that compare the same keep the order in which they stand in memory. */
static bool is_before(const struct report *rp, const struct report_cell *a,
		      const struct report_cell *b)
{
	for (u32 i = 0; i < rp->nr_keys; i++) {
		const struct report_key *key = &rp->keys[i];
		const struct report_cell *x = &a[key->column];
		const struct report_cell *y = &b[key->column];
		int order = (x->number > y->number) - (x->number < y->number);

		if (!is_number(rp->columns[key->column].field))
			order = str_cmp(x->text, y->text);
		if (order)
			return (order < 0) != key->is_falling;
	}
	return a < b;
}

/* By insertion, over ever smaller distances. */
static void sort(struct report *rp)
{
	const struct report_cell **rows = rp->index - rp->nr_rows;

	for (u32 gap = rp->nr_rows; gap > 1;) {
		gap = gap / 3 + 1;
		for (u32 i = gap; i < rp->nr_rows; i++) {
			const struct report_cell *row = rows[i];
			u32 at = i;

			for (; at >= gap && is_before(rp, rows[at - gap], row); at -= gap)
				rows[at] = rows[at - gap];
			rows[at] = row;
		}
	}
}

/* A field of the nth row, from 1 on */
static const struct report_cell *cell_at(const struct report *rp, u32 n, u32 column)
{
	return &rp->index[-(s64)n][column];
}

/* What stands in a line; the headings are line 0 */
static const char *text_at(const struct report *rp, u32 line, u32 column)
{
	const char *id = rp->columns[column].field->id;

	if (line)
		return cell_at(rp, line, column)->text;
	return rp->how.headings == REPORT_HEADINGS_FULL ? id : report_behind(id);
}

static void print_cell(struct report *rp, u32 line, u32 column)
{
	const struct report_column *c = &rp->columns[column];
	const struct report_how *how = &rp->how;
	bool is_named = how->is_named && line;
	const char *quote = is_named && !how->is_bare ? "'" : "";
	int width = how->is_aligned ? (int)c->width : 0;

	if (!line || !is_number(c->field) || c->field->kind & REPORT_LEFT_BIT)
		width = -width;
	if (is_named) {
		fmt_add(how->out, "DM_");
		for (const char *id = c->field->id; *id; id++)
			fmt_add(how->out, "%c", *id >= 'a' && *id <= 'z' ? *id - 0x20 : *id);
		fmt_add(how->out, "=");
	}
	fmt_add(how->out, "%s%*s%s", quote, width, text_at(rp, line, column), quote);
}

/* A line for a row, or with as_rows for a column */
void report_print_rows(struct report *rp)
{
	const struct report_how *how = &rp->how;
	u32 first = how->headings == REPORT_HEADINGS_NONE;
	u32 nr_x;
	u32 nr_y;

	if (!rp->nr_rows)
		return;
	for (u32 x = 0; x < rp->nr_shown; x++)
		for (u32 y = first; y <= rp->nr_rows; y++) {
			u32 width = (u32)str_len(text_at(rp, y, x));

			if (rp->columns[x].width < width)
				rp->columns[x].width = width;
		}
	first |= rp->has_headings;
	nr_x = how->as_rows ? rp->nr_rows + 1 - first : rp->nr_shown;
	nr_y = how->as_rows ? rp->nr_shown : rp->nr_rows + 1 - first;
	for (u32 y = 0; y < nr_y; y++) {
		for (u32 x = 0; x < nr_x; x++) {
			if (x)
				fmt_add(how->out, "%s", how->separator);
			print_cell(rp, first + (how->as_rows ? x : y), how->as_rows ? y : x);
		}
		fmt_add(how->out, "\n");
	}
	rp->has_headings = true;
	rp->nr_rows = 0;
	rp->next = rp->first;
}

static void json_list(struct json *j, const char *key, const char *list)
{
	json_open(j, key, '[');
	while (*list) {
		const char *end = list;

		while (*end && *end != ',')
			end++;
		json_bytes(j, NULL, list, (size_t)(end - list));
		list = end + !!*end;
	}
	json_close(j, ']');
}

static void json_cell(struct json *j, const struct report_field *f, const struct report_cell *cell)
{
	if (report_type(f) == SELECT_LIST) {
		json_list(j, f->id, cell->text);
	} else if (report_type(f) == SELECT_TEXT) {
		json_string(j, f->id, cell->text);
	} else {
		json_raw(j, f->id, *cell->text ? "" : "null");
		if (*cell->text)
			fixed_add(j->out, cell->number, f->kind >> REPORT_DECIMALS_SHIFT);
	}
}

static void print_json(const struct report *rp)
{
	struct json j = { .out = rp->how.out };

	json_open(&j, NULL, '[');
	for (u32 row = 1; row <= rp->nr_rows; row++) {
		json_open(&j, NULL, '{');
		for (u32 i = 0; i < rp->nr_shown; i++)
			json_cell(&j, rp->columns[i].field, cell_at(rp, row, i));
		json_close(&j, '}');
	}
	json_close(&j, ']');
	fmt_add(j.out, "\n");
}

void report_print(struct report *rp)
{
	sort(rp);
	if (rp->how.is_json)
		print_json(rp);
	rp->nr_rows = rp->how.is_json ? 0 : rp->nr_rows;
	report_print_rows(rp);
	rp->has_headings = false;
}

void report_help(const struct report_section *sections, u32 nr_sections, struct fmt_buf *out)
{
	static const char types[][8] = {
		[SELECT_TEXT] = "text",	      [SELECT_NUMBER] = "number", [SELECT_SIZE] = "size",
		[SELECT_PERCENT] = "percent", [SELECT_LIST] = "list",
	};

	for (u32 i = 0; i <= nr_sections; i++) {
		const char *fields = i < nr_sections ? sections[i].fields : report_any.fields;
		const struct report_field *f = report_field_behind(report_behind(fields));

		fmt_add(out, "%s (%s):\n", report_behind(fields), fields);
		for (; f->kind; f = report_field_behind(report_help_of(f)))
			fmt_add(out, "  %-22s %-8s %s\n", f->id, types[report_type(f)],
				report_help_of(f));
	}
	fmt_add(out, "-S compares: text, list = != =~ !~; others = != < <= > >=;"
		     " joined by && (or ,) || (or #) ! ( )\n");
}
