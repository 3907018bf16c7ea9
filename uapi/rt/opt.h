/* SPDX-License-Identifier: MIT */
/*
 * Command lines by table: parsing, checking and the help text come from the
 * same rows. No state; any thread.
 *
 *	struct values { const char *name; u64 size_bytes; bool quiet; };
 *
 *	static const struct opt rows[] = {
 *		OPT(struct values, name, .name = "name", .letter = 'n', .kind = OPT_STRING,
 *		    .metavar = "NAME", .help = "what to call it"),
 *		OPT(struct values, size_bytes, .name = "size", .kind = OPT_SIZE, .min = 512,
 *		    .metavar = "SIZE", .help = "bytes, or with a unit: 64K, 1.5G"),
 *		OPT(struct values, quiet, .name = "quiet", .letter = 'q', .kind = OPT_FLAG,
 *		    .negatable = true, .help = "say less"),
 *	};
 *
 * The caller puts the defaults into its values struct and calls opt_parse().
 */
#ifndef UAPI_RT_OPT_H
#define UAPI_RT_OPT_H

#include "uapi/rt/diag.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/parse.h"
#include "uapi/types.h"

/* What an option takes, and the type of the field it is stored in. */
enum opt_kind {
	OPT_FLAG,     /* takes nothing; bool, set to true (to false by --no-NAME) */
	OPT_COUNT,    /* takes nothing; u32, one more for each time it is given */
	OPT_BOOL,     /* yes or no, see parse_bool(); bool */
	OPT_STRING,   /* const char *, into argv; may be empty */
	OPT_U32,      /* u32 */
	OPT_U64,      /* u64 */
	OPT_S32,      /* s32; min and max do not apply */
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
 * @name:         long name without the dashes, or NULL when there is a letter only
 * @metavar:      the value's name in the help, as SIZE; NULL when it takes none
 * @help:         what it does, in a line or more; NULL hides the option from the help
 * @choices:      OPT_CHOICE: the words; a table that ends with a NULL word
 * @min:          smallest number allowed
 * @max:          largest number allowed, 0 for the type's own
 * @offset_bytes: of the field in the caller's values struct; OPT() fills it in
 * @kind:         enum opt_kind
 * @letter:       short name, or 0
 * @negatable:    OPT_FLAG: --no-NAME is understood too
 */
struct opt {
	const char *name;
	const char *metavar;
	const char *help;
	const struct parse_choice *choices;
	u64 min;
	u64 max;
	u32 offset_bytes;
	u8 kind;
	char letter;
	bool negatable;
};

#define OPT(type, field, ...) { .offset_bytes = offsetof(type, field), __VA_ARGS__ }

/**
 * opt_parse() - take the options out of a command line
 * @rows:   the options; of two rows with the same name the first counts
 * @nr:     how many rows
 * @values: the caller's struct, with defaults in it; a failure may leave it half filled
 * @argc:   in: arguments in argv, with the program's name or the verb not among
 *          them; out: how many positionals there are
 * @argv:   out: the positionals in their order, then NULL when there is room;
 *          what stands behind them is undefined
 *
 * Understands --name=value, --name value, -nVALUE, -n VALUE, -abc for flags
 * (the last may take a value), --no-name for negatable flags, and -- which ends
 * the options. A lone - is a positional. Abbreviated names are not accepted.
 * An option that is given twice has its last value.
 *
 * Return: 0, or -EINVAL (or -ERANGE for a number, -E2BIG for a list) with *why
 * naming the option and the value
 */
NODISCARD int opt_parse(const struct opt *rows, size_t nr, void *values, int *argc, char **argv,
			struct diag *why);

/**
 * opt_assign() - store one value that came some other way than by a command line
 * @row:  of a kind that takes a value
 *
 * For name=value pairs in a text: the checks and the messages are opt_parse()'s.
 *
 * Return: as opt_parse()
 */
NODISCARD int opt_assign(const struct opt *row, void *values, const char *text, struct diag *why);

/**
 * opt_help() - the options' part of a help text, aligned, within 80 columns
 *
 * Choices are listed after the help of their option.
 */
void opt_help(const struct opt *rows, size_t nr, struct fmt_buf *out);

/**
 * opt_nearest() - the word that a typing mistake was probably meant to be
 * @words: nr words, the first of which stands at the address of words
 * @stride_bytes: from one word's pointer to the next, so that a field of a table will do
 *
 * For unknown options, verbs and choices: "did you mean ...?". NULL words are passed over.
 *
 * Return: a word that is a third of its length away at most, or NULL
 */
const char *opt_nearest(const char *word, const char *const *words, size_t nr,
			size_t stride_bytes);

#endif
