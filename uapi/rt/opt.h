/* SPDX-License-Identifier: MIT */
/*
 * Command lines by table: parsing, checking and the help text come from the
 * same rows. No state; any thread.
 *
 *	struct values { const char *name; u64 size_bytes; bool quiet; };
 *
 *	#define OPTIONS(X)                                                            \
 *		X(struct values, name, OPT_TEXT("name", "NAME", "what to call it"),   \
 *		  .kind = OPT_STRING, .letter = 'n')                                  \
 *		X(struct values, size_bytes,                                          \
 *		  OPT_TEXT("size", "SIZE", "bytes, or with a unit: 64K, 1.5G")        \
 *		  OPT_RANGE("512", "1T"),                                             \
 *		  .kind = OPT_SIZE)                                                   \
 *		X(struct values, quiet, OPT_TEXT("quiet", "", "say less"),            \
 *		  .kind = OPT_FLAG, .letter = 'q', .negatable = true)
 *
 *	static const struct opt_table options = OPT_TABLE(OPTIONS);
 *
 * The list is expanded twice, into rows of a few bytes and into one text: there are no
 * pointers. The caller puts the defaults into its values struct and calls opt_parse().
 */
#ifndef UAPI_RT_OPT_H
#define UAPI_RT_OPT_H

#include "uapi/rt/diag.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"
#include "uapi/types.h"

/* What an option takes, and the type of the field it is stored in. */
enum opt_kind {
	OPT_FLAG,     /* takes nothing; bool, set to true (to false by --no-NAME) */
	OPT_COUNT,    /* takes nothing; u32, one more for each time it is given */
	OPT_BOOL,     /* yes or no, see parse_bool(); bool */
	OPT_STRING,   /* const char *, into argv; may be empty */
	OPT_U32,      /* u32 */
	OPT_U64,      /* u64 */
	OPT_S32,      /* s32; a range does not apply */
	OPT_SIZE,     /* bytes, see parse_size(); u64 */
	OPT_DURATION, /* nanoseconds, see parse_duration(); u64 */
	OPT_CHOICE,   /* a word of choices; u32 */
	OPT_LIST,     /* a string, any number of times; struct opt_list */
};

#define OPT_LIST_MAX 128

/**
 * struct opt_list - the values of an OPT_LIST option, in the order given
 */
struct opt_list {
	u32 nr;
	const char *values[OPT_LIST_MAX];
};

/**
 * struct opt - one option
 * @offset_bytes: of the field in the caller's values struct
 * @kind:         enum opt_kind
 * @set:          0 to 31, for a table that several commands share: see opt_in_sets()
 * @letter:       short name, or 0
 * @negatable:    OPT_FLAG: --no-NAME is understood too
 */
struct opt {
	u16 offset_bytes;
	u8 kind;
	u8 set;
	char letter;
	bool negatable;
};

/**
 * struct opt_table - options that belong together; OPT_TABLE() makes it of a list
 * @text:        the rows' texts one behind the other
 * @abbreviated: a long name may be cut where no other begins so, as getopt_long(3) has it
 */
struct opt_table {
	const struct opt *rows;
	const char *text;
	u16 nr;
	bool abbreviated;
};

#define OPT_TABLE(list)                                                                           \
	{                                                                                         \
		.rows = (const struct opt[]){ list(OPT_ROW) }, .text = list(OPT_ROW_TEXT),        \
		.nr = sizeof((const struct opt[]){ list(OPT_ROW) }) / sizeof(struct opt)          \
	}
#define OPT_ROW(type, field, text, ...) { .offset_bytes = offsetof(type, field), __VA_ARGS__ },
#define OPT_ROW_TEXT(type, field, text, ...) text "\0"

/*
 * name:    long name without the dashes, or "" when there is a letter only
 * metavar: the value's name in the help, as SIZE
 * help:    what it does, in a line or more; "" hides the option from the help
 */
#define OPT_TEXT(name, metavar, help) name "\0" metavar "\0" help "\0"

/* Behind OPT_TEXT(): what a number may be, for the kinds that are unsigned, as a user would
 * write it */
#define OPT_RANGE(min, max) min "\0" max "\0"
#define OPT_LEAST(min) min "\0"

/* Behind OPT_TEXT() of OPT_CHOICE, whose value is the word's place: OPT_CHOICES("no\0yes") */
#define OPT_CHOICES(words) words "\0"

/** opt_name() - the long name of a row; what else it says is str_nth() of it, one of: */
const char *opt_name(const struct opt_table *table, u32 row);
enum { OPT_METAVAR = 1, OPT_HELP, OPT_MORE };

/**
 * opt_parse() - take the options out of a command line
 * @table:  the options; of two rows with the same name the first counts
 * @sets:   only rows of these are known, see opt_in_sets()
 * @values: the caller's struct, with defaults in it; a failure may leave it half filled
 * @argc:   in: arguments in argv, with the program's name or the verb not among
 *          them; out: how many positionals there are
 * @argv:   out: the positionals in their order, then NULL when there is room;
 *          what stands behind them is undefined
 *
 * Understands --name=value, --name value, -nVALUE, -n VALUE, -abc for flags
 * (the last may take a value), --no-name for negatable flags, and -- which ends
 * the options. A lone - is a positional. An option that is given twice has its
 * last value.
 *
 * Return: 0, or -EINVAL (or -ERANGE for a number, -E2BIG for a list) with *why
 * naming the option and the value
 */
NODISCARD int opt_parse(const struct opt_table *table, u32 sets, void *values, int *argc,
			char **argv, struct diag *why);

/**
 * opt_word_first() - put the first word that is no option, nor the value of one, in front
 *
 * For options that may stand before the verb that says which of them there are. Where
 * there is no such word nothing moves.
 */
void opt_word_first(const struct opt_table *table, int argc, char **argv);

/** opt_in_sets() - the row is of one of the sets: bit n for set n; 0 means all rows */
static inline bool opt_in_sets(const struct opt *row, u32 sets)
{
	return !sets || (sets >> row->set & 1);
}

/**
 * opt_assign() - store one value that came some other way than by a command line
 * @name: of a row of a kind that takes a value
 *
 * For name=value pairs in a text: the checks and the messages are opt_parse()'s.
 *
 * Return: as opt_parse()
 */
NODISCARD int opt_assign(const struct opt_table *table, const char *name, void *values,
			 const char *text, struct diag *why);

/**
 * opt_help() - the options' part of a help text, aligned, within 80 columns
 * @sets: only rows of these, see opt_in_sets()
 *
 * Choices are listed after the help of their option.
 */
void opt_help(const struct opt_table *table, u32 sets, struct fmt_buf *out);

/**
 * struct opt_near - the word that a typing mistake was probably meant to be
 * @word:  what was written
 * @known: the nearest of the words that are known and a third of it away at most, or NULL
 * @wrong: how many mistakes that is
 *
 * For unknown options and verbs: "did you mean ...?". Starts with only @word set.
 */
struct opt_near {
	const char *word;
	const char *known;
	size_t wrong;
};

/** opt_nearer() - take one more word that is known into account */
void opt_nearer(struct opt_near *near, const char *known);

#endif
