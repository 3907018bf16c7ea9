/* SPDX-License-Identifier: MIT */
/* Command lines by table: the parser, its error lines, and the help text. */
#include <asm/errno.h>

#include "uapi/rt/mem.h"
#include "uapi/rt/opt.h"
#include "uapi/rt/str.h"

/* Words longer than this are never corrected. */
#define NEAREST_MAX 31

#define HELP_COLUMNS 80
#define HELP_LEFT_MAX 30 /* an option that is wider has its help on the next line */

struct opt_run {
	const struct opt *rows;
	size_t nr;
	void *values;
	int argc;
	int next; /* the next argument to read */
	char **argv;
	struct diag *why;
};

/* An option as it was written, for messages: "--size", "-s". */
struct opt_use {
	const struct opt *row;
	const char *dashes;
	const char *name;
	int name_len;
	bool is_negated; /* --no-NAME */
};

#define USE_FMT "%s%.*s"
#define USE_ARGS(use) (use)->dashes, (use)->name_len, (use)->name

/* Edit distance where swapping two neighbours is one mistake; see NEAREST_MAX. */
static unsigned int distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	u8 rows[3][NEAREST_MAX + 1]; /* of the table: this, the one above, the one above that */

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (u8)j;
	for (size_t i = 1; i <= a_len; i++) {
		__builtin_memcpy(rows[2], rows[1], sizeof(rows[0]));
		__builtin_memcpy(rows[1], rows[0], sizeof(rows[0]));
		rows[0][0] = (u8)i;
		for (size_t j = 1; j <= b_len; j++) {
			bool differ = a[i - 1] != b[j - 1];
			unsigned int best = rows[1][j - 1] + differ;

			if (rows[1][j] + 1U < best)
				best = rows[1][j] + 1U;
			if (rows[0][j - 1] + 1U < best)
				best = rows[0][j - 1] + 1U;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    rows[2][j - 2] + 1U < best)
				best = rows[2][j - 2] + 1U;
			rows[0][j] = (u8)best;
		}
	}
	return rows[0][b_len];
}

const char *opt_nearest(const char *word, const char *const *words, size_t nr,
			size_t stride_bytes)
{
	size_t word_len = str_len(word);
	size_t best = word_len / 3 ? word_len / 3 + 1 : 2;
	const char *nearest = NULL;

	for (size_t i = 0; i < nr; i++) {
		const void *at = (const char *)words + i * stride_bytes;
		const char *known = *(const char *const *)at;
		size_t len = known ? str_len(known) : 0;
		size_t wrong;

		if (!len || len > NEAREST_MAX || word_len > NEAREST_MAX)
			continue;
		wrong = distance(word, word_len, known, len);
		if (wrong < best && wrong < len) {
			best = wrong;
			nearest = known;
		}
	}
	return nearest;
}

static int unknown_option(const struct opt_run *run, const char *name, size_t len)
{
	char word[NEAREST_MAX + 2];
	const char *nearest;

	(void)!str_copy(word, len + 1 < sizeof(word) ? len + 1 : sizeof(word), name);
	nearest = run->nr ? opt_nearest(word, &run->rows[0].name, run->nr, sizeof(run->rows[0])) :
			    NULL;
	if (nearest)
		return diag_set(run->why, -EINVAL, "unknown option --%.*s, did you mean --%s?",
				(int)len, name, nearest);
	return diag_set(run->why, -EINVAL, "unknown option --%.*s", (int)len, name);
}

static int wrong_choice(const struct opt_run *run, const struct opt_use *use, const char *value)
{
	char words[128];
	struct fmt_buf b = { .text = words, .size = sizeof(words) };

	for (const struct parse_choice *c = use->row->choices; c->word; c++)
		fmt_add(&b, "%s%s", b.len ? ", " : "", c->word);
	return diag_set(run->why, -EINVAL, USE_FMT ": \"%s\" is none of %s%s", USE_ARGS(use), value,
			words, fmt_truncated(&b) ? "..." : "");
}

static int wrong_value(const struct opt_run *run, const struct opt_use *use, const char *value,
		       int err)
{
	const char *what = "a number";

	if (use->row->kind == OPT_CHOICE)
		return wrong_choice(run, use, value);
	if (err == -ERANGE)
		return diag_set(run->why, err, USE_FMT ": %s is out of range", USE_ARGS(use), value);
	if (use->row->kind == OPT_SIZE)
		what = "a size in whole bytes, as 4096, 64K or 1.5G";
	else if (use->row->kind == OPT_DURATION)
		what = "a time, as 250us, 2ms or 1.5s";
	else if (use->row->kind == OPT_BOOL)
		what = "yes or no";
	return diag_set(run->why, err, USE_FMT ": \"%s\" is not %s", USE_ARGS(use), value, what);
}

static int check_range(const struct opt_run *run, const struct opt_use *use, const char *value,
		       u64 number)
{
	const struct opt *row = use->row;
	u64 limit = number < row->min ? row->min : row->max;
	char text[FMT_SIZE_MAX];

	if (number >= row->min && (!row->max || number <= row->max))
		return 0;
	if (row->kind == OPT_SIZE)
		fmt_size(text, limit);
	else
		fmt_print(text, sizeof(text), "%llu", limit);
	return diag_set(run->why, -ERANGE, USE_FMT ": %s is too %s, the %s is %s%s", USE_ARGS(use),
			value, number < row->min ? "small" : "large",
			number < row->min ? "least" : "most", text,
			row->kind == OPT_DURATION ? "ns" : "");
}

static int store_number(const struct opt_run *run, const struct opt_use *use, void *field,
			const char *value)
{
	u8 kind = use->row->kind;
	u64 number = 0;
	u32 small = 0;
	int err;

	if (kind == OPT_U32)
		err = parse_u32(value, &small);
	else if (kind == OPT_SIZE)
		err = parse_size(value, &number);
	else if (kind == OPT_DURATION)
		err = parse_duration(value, &number);
	else
		err = parse_u64(value, &number);
	if (err)
		return wrong_value(run, use, value, err);
	if (kind == OPT_U32)
		number = small;
	err = check_range(run, use, value, number);
	if (err)
		return err;
	if (kind == OPT_U32)
		*(u32 *)field = small;
	else
		*(u64 *)field = number;
	return 0;
}

static int store_list(const struct opt_run *run, const struct opt_use *use, struct opt_list *list,
		      const char *value)
{
	if (list->nr >= OPT_LIST_MAX)
		return diag_set(run->why, -E2BIG, USE_FMT ": %s is one too many, the most is %d",
				USE_ARGS(use), value, OPT_LIST_MAX);
	list->values[list->nr++] = value;
	return 0;
}

static bool takes_value(const struct opt *row)
{
	return row->kind != OPT_FLAG && row->kind != OPT_COUNT;
}

/* value is NULL for the kinds that take none. */
static int store(const struct opt_run *run, const struct opt_use *use, const char *value)
{
	void *field = (char *)run->values + use->row->offset_bytes;
	int err = 0;

	switch ((enum opt_kind)use->row->kind) {
	case OPT_FLAG:
		*(bool *)field = !use->is_negated;
		return 0;
	case OPT_COUNT:
		*(u32 *)field += 1;
		return 0;
	case OPT_STRING:
		*(const char **)field = value;
		return 0;
	case OPT_LIST:
		return store_list(run, use, field, value);
	case OPT_BOOL:
		err = parse_bool(value, field);
		break;
	case OPT_S32:
		err = parse_s32(value, field);
		break;
	case OPT_CHOICE:
		err = parse_choice(value, use->row->choices, field);
		break;
	case OPT_U32:
	case OPT_U64:
	case OPT_SIZE:
	case OPT_DURATION:
		return store_number(run, use, field, value);
	}
	return err ? wrong_value(run, use, value, err) : 0;
}

/* given is the value that came with the option, or NULL: then it is the next argument. */
static int store_with_value(struct opt_run *run, const struct opt_use *use, const char *given)
{
	if (!given && run->next < run->argc)
		given = run->argv[run->next++];
	if (!given)
		return diag_set(run->why, -EINVAL, USE_FMT " needs a value%s%s", USE_ARGS(use),
				use->row->metavar ? ", " : "",
				use->row->metavar ? use->row->metavar : "");
	return store(run, use, given);
}

static const struct opt *find_name(const struct opt_run *run, const char *name, size_t len)
{
	for (size_t i = 0; i < run->nr; i++) {
		const char *known = run->rows[i].name;

		if (known && str_starts(name, known) == name + len)
			return &run->rows[i];
	}
	return NULL;
}

static const struct opt *find_letter(const struct opt_run *run, char letter)
{
	for (size_t i = 0; i < run->nr; i++) {
		if (run->rows[i].letter == letter)
			return &run->rows[i];
	}
	return NULL;
}

static int parse_long(struct opt_run *run, const char *name)
{
	const char *equals = str_chr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : str_len(name);
	struct opt_use use = { find_name(run, name, len), "--", name, (int)len, false };

	if (!use.row && len > 3 && str_starts(name, "no-")) {
		use.row = find_name(run, name + 3, len - 3);
		use.is_negated = use.row && use.row->kind == OPT_FLAG && use.row->negatable;
		if (!use.is_negated)
			use.row = NULL;
	}
	if (!use.row)
		return unknown_option(run, name, len);
	if (takes_value(use.row))
		return store_with_value(run, &use, equals ? equals + 1 : NULL);
	if (equals)
		return diag_set(run->why, -EINVAL, USE_FMT " takes no value, but got \"%s\"",
				USE_ARGS(&use), equals + 1);
	return store(run, &use, NULL);
}

/* letters: flags, the last of which may be an option with its value behind it. */
static int parse_letters(struct opt_run *run, const char *letters)
{
	for (; *letters; letters++) {
		struct opt_use use = { find_letter(run, *letters), "-", letters, 1, false };
		int err;

		if (!use.row)
			return diag_set(run->why, -EINVAL, "unknown option -%c", *letters);
		if (takes_value(use.row))
			return store_with_value(run, &use, letters[1] ? letters + 1 : NULL);
		err = store(run, &use, NULL);
		if (err)
			return err;
	}
	return 0;
}

int opt_parse(const struct opt *rows, size_t nr, void *values, int *argc, char **argv,
	      struct diag *why)
{
	struct opt_run run = { rows, nr, values, *argc, 0, argv, why };
	bool only_positionals = false;
	int kept = 0;

	while (run.next < run.argc) {
		char *arg = argv[run.next++];
		int err = 0;

		if (only_positionals || arg[0] != '-' || !arg[1])
			argv[kept++] = arg;
		else if (arg[1] != '-')
			err = parse_letters(&run, arg + 1);
		else if (arg[2])
			err = parse_long(&run, arg + 2);
		else
			only_positionals = true;
		if (err)
			return err;
	}
	if (kept < *argc)
		argv[kept] = NULL;
	*argc = kept;
	return 0;
}

/* Text that is broken between words at HELP_COLUMNS and goes on at indent. */
struct help_column {
	struct fmt_buf *out;
	size_t indent;
	size_t at; /* column where the next character goes */
};

static void help_newline(struct help_column *col)
{
	fmt_add_bytes(col->out, "\n", 1);
	fmt_add_fill(col->out, ' ', col->indent);
	col->at = col->indent;
}

/* One word, with a blank before it or a new line; the three parts are not broken apart. */
static void help_word(struct help_column *col, const char *before, const char *word, size_t len,
		      const char *after)
{
	size_t all = str_len(before) + len + str_len(after);

	if (col->at > col->indent) {
		if (col->at + 1 + all >= HELP_COLUMNS) {
			help_newline(col);
		} else {
			fmt_add_bytes(col->out, " ", 1);
			col->at++;
		}
	}
	fmt_add(col->out, "%s%.*s%s", before, (int)len, word, after);
	col->at += all;
}

static void help_text(struct help_column *col, const char *text)
{
	while (*text) {
		const char *end = text;

		while (*end && *end != ' ')
			end++;
		if (end > text)
			help_word(col, "", text, (size_t)(end - text), "");
		text = *end ? end + 1 : end;
	}
}

static void help_choices(struct help_column *col, const struct parse_choice *choices)
{
	for (const struct parse_choice *c = choices; c->word; c++)
		help_word(col, c == choices ? "(" : "", c->word, str_len(c->word),
			  c[1].word ? "," : ")");
}

/* "  -s, --size=SIZE" into b; returns its width. */
static size_t help_left(struct fmt_buf *b, const struct opt *row)
{
	size_t start = b->len;

	if (row->letter)
		fmt_add(b, "  -%c", row->letter);
	else
		fmt_add(b, "    ");
	if (row->name)
		fmt_add(b, "%s--%s%s", row->letter ? ", " : "  ", row->negatable ? "[no-]" : "",
			row->name);
	if (row->metavar && takes_value(row))
		fmt_add(b, "%s%s", row->name ? "=" : " ", row->metavar);
	return b->len - start;
}

static size_t help_left_width(const struct opt *row)
{
	struct fmt_buf nowhere = { .size = 0 };

	return help_left(&nowhere, row);
}

/* Where the help column starts: behind the widest option that is not too wide. */
static size_t help_indent(const struct opt *rows, size_t nr)
{
	size_t indent = 0;

	for (size_t i = 0; i < nr; i++) {
		size_t width = help_left_width(&rows[i]) + 2;

		if (rows[i].help && width > indent && width <= HELP_LEFT_MAX)
			indent = width;
	}
	return indent ? indent : HELP_LEFT_MAX;
}

void opt_help(const struct opt *rows, size_t nr, struct fmt_buf *out)
{
	struct help_column col = { .out = out, .indent = help_indent(rows, nr) };

	for (size_t i = 0; i < nr; i++) {
		size_t width = help_left_width(&rows[i]);

		if (!rows[i].help)
			continue;
		help_left(out, &rows[i]);
		if (width + 2 > col.indent) {
			help_newline(&col);
		} else {
			fmt_add_fill(out, ' ', col.indent - width);
			col.at = col.indent;
		}
		help_text(&col, rows[i].help);
		if (rows[i].choices)
			help_choices(&col, rows[i].choices);
		fmt_add_bytes(out, "\n", 1);
	}
}

int opt_assign(const struct opt *row, void *values, const char *text, struct diag *why)
{
	struct opt_run run = { row, 1, values, 0, 0, NULL, why };
	struct opt_use use = { row, "", row->name, (int)str_len(row->name), false };

	return store(&run, &use, text);
}
