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
	const struct opt_table *table;
	u32 sets;
	void *values;
	int argc;
	int next; /* the next argument to read */
	char **argv;
	struct diag *why;
};

/* An option as it was written, for messages: "--size", "-s". */
struct opt_use {
	const struct opt *row;
	const char *text; /* of the row */
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

void opt_nearer(struct opt_near *near, const char *known)
{
	size_t word_len = str_len(near->word);
	size_t len = str_len(known);
	size_t limit = near->known ? near->wrong : word_len / 3 ? word_len / 3 + 1 : 2;
	size_t wrong;

	if (!len || len > NEAREST_MAX || word_len > NEAREST_MAX)
		return;
	wrong = distance(near->word, word_len, known, len);
	if (wrong < limit && wrong < len) {
		near->wrong = wrong;
		near->known = known;
	}
}

/* The texts of a row end with an empty one. */
static const char *next_text(const char *text)
{
	for (text = str_nth(text, OPT_MORE); *text;)
		text = str_nth(text, 1);
	return text + 1;
}

const char *opt_name(const struct opt_table *table, u32 row)
{
	const char *text = table->text;

	while (row--)
		text = next_text(text);
	return text;
}

/* Rows of other sets are as if they were not there. */
static bool is_known(const struct opt_run *run, u32 row)
{
	return opt_in_sets(&run->table->rows[row], run->sets);
}

static int unknown_option(const struct opt_run *run, const char *name, size_t len)
{
	char word[NEAREST_MAX + 2];
	struct opt_near near = { .word = word };

	(void)!str_copy(word, len + 1 < sizeof(word) ? len + 1 : sizeof(word), name);
	for (u32 i = 0; i < run->table->nr; i++)
		if (is_known(run, i))
			opt_nearer(&near, opt_name(run->table, i));
	if (near.known)
		return diag_set(run->why, -EINVAL, "unknown option --%.*s, did you mean --%s?",
				(int)len, name, near.known);
	return diag_set(run->why, -EINVAL, "unknown option --%.*s", (int)len, name);
}

static int wrong_choice(const struct opt_run *run, const struct opt_use *use, const char *value)
{
	char words[128];
	struct fmt_buf b = { .text = words, .size = sizeof(words) };

	for (const char *c = str_nth(use->text, OPT_MORE); *c; c = str_nth(c, 1))
		fmt_add(&b, "%s%s", b.len ? ", " : "", c);
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

static int parse_unsigned(enum opt_kind kind, const char *text, u64 *number)
{
	u32 small;
	int err;

	if (kind == OPT_SIZE)
		return parse_size(text, number);
	if (kind == OPT_DURATION)
		return parse_duration(text, number);
	if (kind == OPT_U64)
		return parse_u64(text, number);
	err = parse_u32(text, &small);
	if (!err)
		*number = small;
	return err;
}

static int check_range(const struct opt_run *run, const struct opt_use *use, const char *value,
		       u64 number)
{
	const char *min = str_nth(use->text, OPT_MORE);
	const char *max = *min ? str_nth(min, 1) : "";
	u64 limit;

	if (*min && !parse_unsigned(use->row->kind, min, &limit) && number < limit)
		return diag_set(run->why, -ERANGE, USE_FMT ": %s is too small, the least is %s",
				USE_ARGS(use), value, min);
	if (*max && !parse_unsigned(use->row->kind, max, &limit) && number > limit)
		return diag_set(run->why, -ERANGE, USE_FMT ": %s is too large, the most is %s",
				USE_ARGS(use), value, max);
	return 0;
}

static int store_number(const struct opt_run *run, const struct opt_use *use, void *field,
			const char *value)
{
	u64 number;
	int err = parse_unsigned(use->row->kind, value, &number);

	if (err)
		return wrong_value(run, use, value, err);
	err = check_range(run, use, value, number);
	if (err)
		return err;
	if (use->row->kind == OPT_U32)
		*(u32 *)field = (u32)number;
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
	void *field;
	int err = 0;

	if (!run->values)
		return 0;
	field = (char *)run->values + use->row->offset_bytes;
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
		err = parse_choice(value, str_nth(use->text, OPT_MORE), field);
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
	const char *metavar = str_nth(use->text, OPT_METAVAR);

	if (!given && run->next < run->argc)
		given = run->argv[run->next++];
	if (!given)
		return diag_set(run->why, -EINVAL, USE_FMT " needs a value%s%s", USE_ARGS(use),
				*metavar ? ", " : "", metavar);
	return store(run, use, given);
}

static void use_row(const struct opt_run *run, struct opt_use *use, u32 row)
{
	use->row = &run->table->rows[row];
	use->text = opt_name(run->table, row);
}

/* The row that is called so, or the only name that begins so, of one row or several */
static void find_name(const struct opt_run *run, struct opt_use *use, const char *name, size_t len)
{
	bool is_clear = run->table->abbreviated && len;
	const char *known = run->table->text;

	for (u32 i = 0; i < run->table->nr; i++, known = next_text(known)) {
		if (!is_known(run, i) || !*known || str_nlen(known, len) < len ||
		    memcmp(known, name, len) != 0)
			continue;
		if (!known[len]) {
			use_row(run, use, i);
			return;
		}
		if (!use->row)
			use_row(run, use, i);
		else if (!str_eq(use->text, known))
			is_clear = false;
	}
	if (!is_clear)
		use->row = NULL;
}

static void find_letter(const struct opt_run *run, struct opt_use *use, char letter)
{
	for (u32 i = 0; i < run->table->nr && !use->row; i++)
		if (is_known(run, i) && run->table->rows[i].letter == letter)
			use_row(run, use, i);
}

static int parse_long(struct opt_run *run, const char *name)
{
	const char *equals = str_chr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : str_len(name);
	struct opt_use use = { .dashes = "--", .name = name, .name_len = (int)len };

	find_name(run, &use, name, len);
	if (!use.row && len > 3 && str_starts(name, "no-")) {
		find_name(run, &use, name + 3, len - 3);
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
		struct opt_use use = { .dashes = "-", .name = letters, .name_len = 1 };
		int err;

		find_letter(run, &use, *letters);
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

/* Which it is of the options that arg has */
static int parse_option(struct opt_run *run, const char *arg)
{
	return arg[1] == '-' ? parse_long(run, arg + 2) : parse_letters(run, arg + 1);
}

static bool is_option(const char *arg)
{
	return arg[0] == '-' && arg[1];
}

int opt_parse(const struct opt_table *table, u32 sets, void *values, int *argc, char **argv,
	      struct diag *why)
{
	struct opt_run run = { table, sets, values, *argc, 0, argv, why };
	bool only_positionals = false;
	int kept = 0;

	while (run.next < run.argc) {
		char *arg = argv[run.next++];
		int err = 0;

		if (only_positionals || !is_option(arg))
			argv[kept++] = arg;
		else if (str_eq(arg, "--"))
			only_positionals = true;
		else
			err = parse_option(&run, arg);
		if (err)
			return err;
	}
	if (kept < *argc)
		argv[kept] = NULL;
	*argc = kept;
	return 0;
}

void opt_word_first(const struct opt_table *table, int argc, char **argv)
{
	struct diag why;
	struct opt_run run = { table, 0, NULL, argc, 0, argv, &why };

	while (run.next < argc) {
		char *arg = argv[run.next++];

		if (is_option(arg)) {
			(void)parse_option(&run, arg); /* the value is no word */
			continue;
		}
		while (--run.next)
			argv[run.next] = argv[run.next - 1];
		argv[0] = arg;
		return;
	}
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

static void help_choices(struct help_column *col, const char *choices)
{
	const char *next;

	for (const char *c = choices; *c; c = next) {
		next = str_nth(c, 1);
		help_word(col, c == choices ? "(" : "", c, str_len(c), *next ? "," : ")");
	}
}

/* "  -s, --size=SIZE" into b; returns its width. */
static size_t help_left(struct fmt_buf *b, const struct opt *row, const char *text)
{
	const char *metavar = str_nth(text, OPT_METAVAR);
	size_t start = b->len;

	if (row->letter)
		fmt_add(b, "  -%c", row->letter);
	else
		fmt_add(b, "    ");
	if (*text)
		fmt_add(b, "%s--%s%s", row->letter ? ", " : "  ", row->negatable ? "[no-]" : "", text);
	if (*metavar)
		fmt_add(b, "%s%s", *text ? "=" : " ", metavar);
	return b->len - start;
}

static size_t help_left_width(const struct opt *row, const char *text)
{
	struct fmt_buf nowhere = { .size = 0 };

	return help_left(&nowhere, row, text);
}

static bool has_help(const struct opt *row, const char *text, u32 sets)
{
	return *str_nth(text, OPT_HELP) && opt_in_sets(row, sets);
}

/* Where the help column starts: behind the widest option that is not too wide. */
static size_t help_indent(const struct opt_table *table, u32 sets)
{
	const char *text = table->text;
	size_t indent = 0;

	for (u32 i = 0; i < table->nr; i++, text = next_text(text)) {
		size_t width = help_left_width(&table->rows[i], text) + 2;

		if (has_help(&table->rows[i], text, sets) && width > indent &&
		    width <= HELP_LEFT_MAX)
			indent = width;
	}
	return indent ? indent : HELP_LEFT_MAX;
}

static void help_row(struct help_column *col, const struct opt *row, const char *text)
{
	size_t width = help_left(col->out, row, text);

	if (width + 2 > col->indent) {
		help_newline(col);
	} else {
		fmt_add_fill(col->out, ' ', col->indent - width);
		col->at = col->indent;
	}
	help_text(col, str_nth(text, OPT_HELP));
	if (row->kind == OPT_CHOICE)
		help_choices(col, str_nth(text, OPT_MORE));
	fmt_add_bytes(col->out, "\n", 1);
}

void opt_help(const struct opt_table *table, u32 sets, struct fmt_buf *out)
{
	struct help_column col = { .out = out, .indent = help_indent(table, sets) };
	const char *text = table->text;

	for (u32 i = 0; i < table->nr; i++, text = next_text(text))
		if (has_help(&table->rows[i], text, sets))
			help_row(&col, &table->rows[i], text);
}

int opt_assign(const struct opt_table *table, const char *name, void *values, const char *text,
	       struct diag *why)
{
	struct opt_run run = { table, 0, values, 0, 0, NULL, why };
	struct opt_use use = { .dashes = "", .name = name, .name_len = (int)str_len(name) };

	find_name(&run, &use, name, str_len(name));
	return use.row ? store(&run, &use, text) :
			 diag_set(why, -EINVAL, "no such parameter: %s", name);
}
