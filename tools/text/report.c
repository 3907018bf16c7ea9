/* SPDX-License-Identifier: MIT */
/* Which fields, and their values; report_print.c prints them. */
#include "tools/text/report.h"

#include <asm/errno.h>

#include "tools/text/fixed.h"
#include "tools/text/report_rows.h"

/* What is reserved at most and at least; only what is used costs memory. */
#define MOST_BYTES (1ULL << 30)
#define LEAST_BYTES (1ULL << 20)

/* Until the selection has been asked */
static void get_selected(void *row, u32 field, struct report_value *v)
{
	(void)row;
	(void)field;
	report_number(v, 0);
}

const struct report_section report_any = {
	REPORT_SECTION("selected", "Any report")
	REPORT_FIELD(REPORT_NUMBER, "\10", "selected", "Selected", "whether -S is true for it"),
	get_selected
};

/* Is it the word that is looked at? Upper or lower case and underscores make no difference. */
static bool is_word(const struct report *rp, const char *id)
{
	const char *word = rp->word;

	for (;; id++, word++) {
		while (*id == '_')
			id++;
		while (word < rp->word_end && *word == '_')
			word++;
		if (word == rp->word_end || str_lower(*id) != str_lower(*word))
			return word == rp->word_end && !*id;
	}
}

/* The field of that name; with all, those of a section or of all of them as well */
static int add_columns(struct report *rp, bool all)
{
	int err = -ENOENT;

	for (u32 i = 0; i <= rp->nr_sections; i++) {
		bool is_any = i == rp->nr_sections;
		const struct report_section *s = is_any ? &report_any : &rp->sections[i];
		const struct report_field *f = report_field_behind(report_behind(s->fields));
		bool whole = all && !is_any && (is_word(rp, "all") || is_word(rp, s->fields));

		for (u32 idx = 0; f->kind; idx++, f = report_field_behind(report_help_of(f))) {
			if (!whole && !is_word(rp, f->id))
				continue;
			if (rp->nr_columns == REPORT_MAX_COLUMNS)
				return -E2BIG;
			rp->columns[rp->nr_columns++] =
				(struct report_column){ s, f, idx, f->width };
			rp->has_selected |= is_any;
			err = 0;
		}
	}
	return err;
}

static int remove_column(struct report *rp)
{
	u32 nr = rp->nr_columns;

	rp->nr_columns = 0;
	for (u32 i = 0; i < nr; i++)
		if (!is_word(rp, rp->columns[i].field->id))
			rp->columns[rp->nr_columns++] = rp->columns[i];
	return rp->nr_columns == nr ? -ENOENT : 0;
}

static int add_field(struct report *rp)
{
	if (*rp->word != '-')
		return add_columns(rp, true);
	rp->word++;
	return remove_column(rp);
}

/* The number of a field's column; it gets one that is not shown if it has none */
static int column_of(struct report *rp)
{
	int err;

	for (u32 i = 0; i < rp->nr_columns; i++)
		if (is_word(rp, rp->columns[i].field->id))
			return (int)i;
	err = add_columns(rp, false);
	return err ? err : (int)rp->nr_columns - 1;
}

static int add_key(struct report *rp)
{
	char sign = *rp->word;
	int column;

	rp->word += sign == '-' || sign == '+';
	column = column_of(rp);
	if (column < 0)
		return column;
	if (rp->nr_keys == REPORT_MAX_KEYS)
		return -E2BIG;
	rp->keys[rp->nr_keys++] = (struct report_key){ (u8)column, sign == '-' };
	return 0;
}

static bool is_help(struct report *rp)
{
	rp->wants_help |= is_word(rp, "help") || is_word(rp, "?");
	return rp->wants_help;
}

/* Call add for each of the words with commas between them, and perhaps a + in front. Commas
 * before one are passed over. */
static int each_word(struct report *rp, const char *list, int (*add)(struct report *rp),
		     struct diag *why)
{
	int err = 0;

	if (!list || !*list)
		return 0;
	list += *list == '+';
	do {
		while (*list == ',')
			list++;
		rp->word = list;
		while (*list && *list != ',')
			list++;
		rp->word_end = list;
		err = is_help(rp) ? 0 : add(rp);
	} while (!err && *list);
	if (!err)
		return 0;
	return diag_set(why, err, err == -ENOENT ? "there is no field \"%.*s\", help lists them" :
						   "fields are too many from \"%.*s\" on",
			(int)(list - rp->word), rp->word);
}

static bool find_for_select(void *arg, const char *name, size_t len, struct select_field *out)
{
	struct report *rp = arg;
	const struct report_column *c;
	int column;

	rp->word = name;
	rp->word_end = name + len;
	column = column_of(rp);
	if (column < 0)
		return false;
	c = &rp->columns[column];
	if (c->section == &report_any)
		return false;
	out->type = report_type(c->field);
	out->decimals = c->field->kind >> REPORT_DECIMALS_SHIFT;
	out->number = rp->row ? rp->row[column].number : 0;
	out->text = rp->row ? rp->row[column].text : "";
	return true;
}

static int prepare(struct report *rp, struct diag *why)
{
	const struct report_how *how = &rp->how;
	const char *fields = how->fields;
	const char *select = how->select;
	int err = 0;

	rp->select = (struct select){ select ? select : "", find_for_select, rp, how->is_loose };
	if (!fields || *fields == '+')
		err = each_word(rp, how->defaults, add_field, why);
	err = err ? err : each_word(rp, fields, add_field, why);
	rp->nr_shown = rp->nr_columns;
	err = err ? err : each_word(rp, how->sort, add_key, why);
	if (err)
		return err;
	rp->word = rp->select.text;
	rp->word_end = rp->word + str_len(rp->word);
	return is_help(rp) ? 0 : select_true(&rp->select, why);
}

int report_open(struct report **out, const struct report_section *sections, u32 nr_sections,
		const struct report_how *how, struct diag *why)
{
	struct pages mem;
	struct report *rp;
	int err = -ENOMEM;

	*out = NULL;
	for (u64 bytes = MOST_BYTES; err && bytes >= LEAST_BYTES; bytes /= 2)
		err = pages_map(&mem, bytes);
	if (err)
		return diag_set(why, err, "no memory for a report");
	rp = mem.addr;
	rp->mem = mem;
	rp->how = *how;
	rp->sections = sections;
	rp->nr_sections = nr_sections;
	rp->next = rp->first = (char *)(rp + 1);
	rp->index = (const struct report_cell **)(void *)((char *)mem.addr + mem.len_bytes);
	err = prepare(rp, why);
	rp->how.unbuffered &= !rp->nr_keys && !how->is_json && !how->as_rows;
	if (err >= 0 && !rp->wants_help) {
		*out = rp;
		return 0;
	}
	report_close(rp);
	return err < 0 ? err : REPORT_HELP;
}

void report_close(struct report *rp)
{
	struct pages mem;

	if (!rp)
		return;
	mem = rp->mem;
	pages_unmap(&mem);
}

bool report_wants(const struct report *rp, const struct report_section *section)
{
	for (u32 i = 0; i < rp->nr_columns; i++)
		if (rp->columns[i].section == section)
			return true;
	return false;
}

/* The cells and texts of a row. Returns what is behind it, NULL without memory */
static char *fill(struct report *rp, void *row)
{
	char *end = (char *)(rp->index - rp->nr_rows - 1);
	char *text;

	rp->row = (struct report_cell *)(void *)rp->next;
	text = (char *)&rp->row[rp->nr_columns];
	for (u32 i = 0; text < end; i++) {
		const struct report_column *c = &rp->columns[i];
		struct fmt_buf buf = { .text = text, .size = (size_t)(end - text) };
		struct report_value v = { .text = &buf };

		if (i == rp->nr_columns)
			return text;
		*text = '\0';
		c->section->get(row, c->field_idx, &v);
		rp->row[i] = (struct report_cell){ v.number, text };
		text += buf.len + 1;
	}
	return NULL;
}

int report_add(struct report *rp, void *row, struct diag *why)
{
	char *end = fill(rp, row);
	bool is_selected;

	if (!end)
		return diag_set(why, -ENOMEM, "no memory for row %u", rp->nr_rows + 1);
	is_selected = select_true(&rp->select, why) > 0;
	if (!is_selected && !rp->has_selected)
		return 0;
	for (u32 i = 0; i < rp->nr_columns; i++) {
		if (rp->columns[i].section != &report_any)
			continue;
		rp->row[i].number = is_selected;
		*rp->row[i].text = (char)('0' + is_selected);
	}
	rp->index[-1 - (s64)rp->nr_rows++] = rp->row;
	rp->next += (end - rp->next + 7) & ~7LL;
	if (rp->how.unbuffered)
		report_print_rows(rp);
	return 1;
}

void report_number(struct report_value *v, u64 number)
{
	report_fixed(v, number, 0);
}

void report_fixed(struct report_value *v, u64 number, u32 decimals)
{
	v->number = number;
	fixed_add(v->text, number, decimals);
}
