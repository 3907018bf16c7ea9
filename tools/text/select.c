/* SPDX-License-Identifier: MIT */
/* Reading a selection, and answering it on the way. */
#include "tools/text/select.h"

#include <asm/errno.h>

#include "tools/text/fixed.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

/* Parentheses within one another: a bit of a u64 for each */
#define MAX_DEPTH 60

/* Digits behind the point that are looked at: no field is finer */
#define MAX_DECIMALS 15

/* What a field is, beside what it is compared with */
enum {
	IS_LESS,
	IS_EQUAL,
	IS_MORE,
};

/* What an operator is true for, and for what it is not */
enum {
	LESS = 1 << IS_LESS,
	EQUAL = 1 << IS_EQUAL,
	MORE = 1 << IS_MORE,
	MATCH = 8,    /* by a regular expression: not for numbers */
	ORDERED = 16, /* for numbers only */
};

struct word {
	char text[3];
	u8 op;
};

/* The longer before those that they begin with */
static const struct word comparisons[] = {
	{ "=~", EQUAL | MATCH },	   { "!~", LESS | MORE | MATCH }, { "!=", LESS | MORE },
	{ ">=", EQUAL | MORE | ORDERED }, { "<=", LESS | EQUAL | ORDERED },
	{ "=", EQUAL }, { ">", MORE | ORDERED },	   { "<", LESS | ORDERED }, { "", 0 },
};

enum {
	AND = 1,
	OR,
};

static const struct word joints[] = {
	{ "&&", AND }, { ",", AND }, { "||", OR }, { "#", OR }, { "", 0 },
};

/* A text that stands in the selection */
struct span {
	const char *at;
	size_t len;
};

/*
 * struct reader
 * @pos:   what is yet to be read
 * @value: what the field is compared with, if it is a text
 */
struct reader {
	const char *pos;
	const struct select *s;
	struct diag *why;
	struct select_field field;
	struct span value;
};

/* The operator that a text begins with; the last one, which is empty, if there is none */
static const struct word *find_word(const struct word *word, const char *text)
{
	while (!str_starts(text, word->text))
		word++;
	return word;
}

static void skip_space(struct reader *r)
{
	while (str_is_space(*r->pos))
		r->pos++;
}

static int expected(const struct reader *r, const char *what)
{
	return diag_set(r->why, -EINVAL, "selection: %s %s%.40s", what,
			*r->pos ? "is expected at: " : "is missing at its end", r->pos);
}

static bool ends_bare(const char *s)
{
	return !*s || str_is_space(*s) || *s == ')' || find_word(joints, s)->op;
}

/* What a text may stand in: a quote; for lists; for regular expressions as well */
enum {
	QUOTES = 2,
	LISTS = 4,
	BRACKETS = 5,
};

/* What closes a text that begins with c, or 0 when it is bare */
static char closing(char c, u32 nr)
{
	static const char pairs[BRACKETS][2] = { "\"\"", "''", "[]", "{}", "()" };

	for (u32 i = 0; i < nr; i++)
		if (pairs[i][0] == c)
			return pairs[i][1];
	return '\0';
}

static int read_text(struct reader *r, u32 nr_pairs)
{
	char end = closing(*r->pos, nr_pairs);

	r->pos += !!end;
	r->value.at = r->pos;
	while (end ? *r->pos && *r->pos != end : !ends_bare(r->pos))
		r->pos++;
	r->value.len = (size_t)(r->pos - r->value.at);
	if (end && !*r->pos)
		return expected(r, "a closing quote or bracket");
	r->pos += !!end;
	return 0;
}

static bool is_same(const char *text, size_t len, const struct span *wanted)
{
	return len == wanted->len && !memcmp(text, wanted->at, len);
}

static bool has_item(const char *list, const struct span *item)
{
	while (*list) {
		const char *end = list;

		while (*end && *end != ',')
			end++;
		if (is_same(list, (size_t)(end - list), item))
			return true;
		list = end + !!*end;
	}
	return false;
}

static bool list_true(const struct reader *r, bool is_subset)
{
	const char *list = r->field.text;
	const char *s = r->value.at;
	const char *end = s + r->value.len;
	u32 nr = *list != 0;
	u32 nr_wanted = 0;
	u32 nr_there = 0;
	bool is_or = false;

	while (s < end) {
		char quote = closing(*s, QUOTES);
		struct span item = { quote ? s + 1 : s, 0 };

		if (str_is_space(*s) || str_chr(",#&|", *s)) {
			is_or |= *s == '|' || *s == '#';
			s++;
			continue;
		}
		for (s = item.at; s < end && (quote ? *s != quote : !str_chr(",#&|", *s)); s++)
			if (quote || !str_is_space(*s))
				item.len = (size_t)(s + 1 - item.at);
		s += !!quote;
		nr_wanted++;
		nr_there += has_item(list, &item);
	}
	if (is_or)
		return nr_there;
	for (; *list; list++)
		nr += *list == ',';
	return nr_there == nr_wanted && (is_subset || nr_wanted == nr);
}

/* IS_EQUAL, IS_MORE for all else, or an error */
static int compare_text(struct reader *r, u8 op)
{
	u32 nr_pairs = op & MATCH ? BRACKETS : r->field.type == SELECT_LIST ? LISTS : QUOTES;
	const char *text = r->field.text;
	char opening = *r->pos;
	int err = read_text(r, nr_pairs);

	if (err)
		return err;
	if (nr_pairs == LISTS && (opening == '[' || opening == '{'))
		return IS_MORE - list_true(r, opening == '{');
	if (!(op & MATCH))
		return IS_MORE - is_same(text, str_len(text), &r->value);
	err = regex_match(r->value.at, r->value.len, r->s->is_loose, text);
	if (err >= 0)
		return IS_MORE - err;
	r->pos = r->value.at;
	return expected(r, "a valid regular expression");
}

static u64 power_of_ten(u32 exponent)
{
	u64 product = 1;

	while (exponent--)
		product *= 10;
	return product;
}

/* A unit behind a size, in bytes; pos moves behind it */
static u64 unit(struct reader *r)
{
	u64 bytes = fixed_unit_bytes(*r->pos);

	r->pos += bytes != 0;
	return bytes ? bytes : 1 << 20;
}

static int compare_number(struct reader *r)
{
	const char *start = r->pos;
	bool has_point = false;
	bool has_digit = false;
	u32 decimals = 0;
	u64 number = 0;
	u64 scale = 1;
	unsigned __int128 wanted;
	unsigned __int128 there;

	for (; str_is_digit(*r->pos) || (*r->pos == '.' && !has_point); r->pos++) {
		if (*r->pos == '.') {
			has_point = true;
			continue;
		}
		has_digit = true;
		if (decimals == MAX_DECIMALS)
			continue;
		decimals += has_point;
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (u64)(*r->pos - '0'), &number))
			return diag_set(r->why, -ERANGE, "selection: %s is too large", start);
	}
	if (!has_digit)
		return expected(r, "a number");
	if (r->field.type == SELECT_SIZE)
		scale = unit(r);
	if (r->field.type == SELECT_PERCENT)
		r->pos += *r->pos == '%';
	if (!ends_bare(r->pos))
		return expected(r, "the end of a number");
	scale *= power_of_ten(r->field.decimals);
	wanted = (unsigned __int128)number * scale;
	there = (unsigned __int128)r->field.number * power_of_ten(decimals);
	return there < wanted ? IS_LESS : there > wanted ? IS_MORE : IS_EQUAL;
}

static bool is_name(char c)
{
	return str_is_digit(c) || (str_lower(c) >= 'a' && str_lower(c) <= 'z') || c == '_' ||
	       c == '-';
}

/* A comparison: 1, 0, or an error */
static int read_test(struct reader *r)
{
	const char *name = r->pos;
	size_t len = 0;
	const struct word *word;
	bool is_text;
	int order;

	while (is_name(name[len]))
		len++;
	if (!len || !r->s->find(r->s->arg, name, len, &r->field)) {
		(void)expected(r, "a field's name (-S help lists them)");
		return len ? -ENOENT : -EINVAL;
	}
	r->pos += len;
	skip_space(r);
	word = find_word(comparisons, r->pos);
	is_text = r->field.type == SELECT_TEXT || r->field.type == SELECT_LIST;
	if (!word->op || word->op & (is_text ? ORDERED : MATCH))
		return expected(r, is_text ? "one of = != =~ !~" : "one of = != < <= > >=");
	r->pos += str_len(word->text);
	skip_space(r);
	order = is_text ? compare_text(r, word->op) : compare_number(r);
	return order < 0 ? order : word->op >> order & 1;
}

/*
 * struct level - what stands between two parentheses, as far as it was read
 * @is_or:  what stands before the last || is true
 * @is_and: what stands behind it is true
 * @is_not: what comes next is meant the other way round
 */
struct level {
	bool is_or;
	bool is_and;
	bool is_not;
};

static void take(struct level *l, bool is_true)
{
	l->is_and &= is_true != l->is_not;
	l->is_not = false;
}

/* ( and ! before a comparison. Returns the level that they lead to, NULL if it is too deep. */
static struct level *open_level(struct reader *r, struct level *l, const struct level *last)
{
	for (skip_space(r); *r->pos == '(' || *r->pos == '!'; skip_space(r)) {
		if (*r->pos++ == '!') {
			l->is_not ^= true;
			continue;
		}
		if (l == last)
			return NULL;
		*++l = (struct level){ .is_and = true };
	}
	return l;
}

int select_true(const struct select *s, struct diag *why)
{
	struct reader r = { .pos = s->text, .s = s, .why = why };
	struct level levels[MAX_DEPTH];
	struct level *l = levels;
	const struct word *joint;
	int got;

	*l = (struct level){ .is_and = true };
	while (*s->text) {
		l = open_level(&r, l, &levels[MAX_DEPTH - 1]);
		if (!l)
			return diag_set(why, -E2BIG, "the selection is nested too deep");
		got = read_test(&r);
		if (got < 0)
			return got;
		take(l, got);
		for (skip_space(&r); *r.pos == ')' && l > levels; skip_space(&r)) {
			l--;
			take(l, l[1].is_or || l[1].is_and);
			r.pos++;
		}
		if (!*r.pos && l == levels)
			break;
		joint = find_word(joints, r.pos);
		if (!joint->op)
			return expected(&r, l > levels ? "a ) or one of && , || #" : "one of && , || #");
		r.pos += str_len(joint->text);
		if (joint->op == OR) {
			l->is_or |= l->is_and;
			l->is_and = true;
		}
	}
	return l->is_or || l->is_and;
}
