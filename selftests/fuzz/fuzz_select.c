/* SPDX-License-Identifier: MIT */
/* libFuzzer on tools/text/select.h and regex.h: a selection is refused with a reason, or has an
 * answer, which is the opposite of what is negated. */
#include <asm/errno.h>

#include "tools/text/select.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

#define MAX_TEXT 2048

int LLVMFuzzerTestOneInput(const u8 *data, size_t len);

static void require(bool truth)
{
	if (!truth)
		__builtin_trap();
}

/* Fields a to e, one of each type; arg is the text that the row has */
static bool find(void *arg, const char *name, size_t len, struct select_field *field)
{
	if (len != 1 || *name < 'a' || *name > 'e')
		return false;
	field->type = (u32)(*name - 'a' + SELECT_TEXT);
	field->decimals = field->type == SELECT_PERCENT ? 2 : 0;
	field->number = str_len(arg) * 1000 + field->type;
	field->text = arg;
	return true;
}

/* Its answer is the opposite's opposite */
static void select(const char *text, const char *row)
{
	static char opposite[MAX_TEXT + 8];
	struct select s = { .text = text, .find = find, .arg = (void *)(uintptr_t)row };
	struct diag why = { "" };
	int got = select_true(&s, &why);
	int not;

	require(got <= 1 && (got < 0 ? *why.text : !*why.text));
	if (got < 0 || !*text)
		return;
	fmt_print(opposite, sizeof(opposite), "!(%s)", text);
	s.text = opposite;
	not = select_true(&s, &why);
	require(not == !got || not == -E2BIG); /* it was as deep as it may be */
	/* and what it is true for is no matter of whether it can be read */
	s.text = text;
	s.arg = (void *)(uintptr_t)"";
	require(select_true(&s, &why) >= 0);
}

/* What matches strictly matches loosely, too. */
static void match(const char *text, const char *row)
{
	int strict = regex_match(text, str_len(text), false, row);
	int loose = regex_match(text, str_len(text), true, row);

	require(strict <= 1 && (strict < 0 ? loose == strict : loose >= strict));
	require((regex_match(text, str_len(text), false, "") < 0) == (strict < 0));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t len)
{
	static char text[MAX_TEXT];
	size_t at;

	if (len < 2 || len > sizeof(text))
		return 0;
	memcpy(text, data + 1, len - 1);
	text[len - 1] = '\0';
	/* The row's text stands behind the first NUL, the selection or expression before it */
	at = str_len(text);
	if (data[0] & 1)
		select(text, at + 1 < len ? text + at + 1 : "");
	else
		match(text, at + 1 < len ? text + at + 1 : "");
	return 0;
}
