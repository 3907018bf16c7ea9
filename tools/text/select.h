/* SPDX-License-Identifier: MIT */
/*
 * Selections, as -S has them: comparisons of fields with values, put together.
 *
 *	name=~"^vg0-" && (open>0 || suspended=Suspended)
 *
 *	=  !=  <  <=  >  >=	  numbers, sizes, percentages; texts know = and != only
 *	=~ !~			  texts, by tools/text/regex.h
 *	&& or ,  || or #  !  ( )  and before or; ! stands before a comparison or a (
 *
 * A text is bare, up to a blank, a ), or one of the four operators, or in " or '. A regular
 * expression may stand in ( ), [ ] and { } as well. A number may have decimals. A size has
 * a unit of b s k m g t p e, with capitals by 1000 instead of 1024 (S is a sector, too), and
 * is in m without one. A percentage may be followed by a %.
 *
 * Fields that are lists, joined by commas, are compared with a text as any text is, and
 * with lists: [a,b] is true for exactly a and b, [a||b] where at least one is there,
 * {a,b} where both are among them, {a||b} where one is. In an empty list nothing is.
 *
 * Nothing is allocated, and the time that it takes has a limit whatever the text is: it is read
 * anew for each row, from the left to the right, once. No state; any thread.
 */
#ifndef TOOLS_TEXT_SELECT_H
#define TOOLS_TEXT_SELECT_H

#include "tools/text/regex.h"
#include "uapi/rt/diag.h"

/* What a field is, for comparisons and in reports */
enum select_type {
	SELECT_TEXT = 1,
	SELECT_NUMBER,
	SELECT_SIZE,	/* bytes */
	SELECT_PERCENT,
	SELECT_LIST,	/* a text of items with commas between */
};

/**
 * struct select_field - a field that was found by its name
 * @type:     enum select_type
 * @decimals: how many digits of its numbers stand behind the point: 1234 with 2 is 12.34
 * @number:   what it is in the row that is looked at, by its type; 0 to check only
 * @text:     likewise; "" to check only
 */
struct select_field {
	u32 type;
	u32 decimals;
	u64 number;
	const char *text;
};

/**
 * struct select - a selection
 * @text:     an empty one is true for everything
 * @is_loose: see regex_match()
 * @find:     false when there is no such field; name is len bytes long
 */
struct select {
	const char *text;
	bool (*find)(void *arg, const char *name, size_t len, struct select_field *field);
	void *arg;
	bool is_loose;
};

/**
 * select_true() - is it true for the row whose fields find() has?
 *
 * All of it is looked at always: once it has had an answer, it has one for any row.
 *
 * Return: 1, 0, or -EINVAL, -ENOENT (no such field), -ERANGE, -E2BIG
 */
NODISCARD int select_true(const struct select *s, struct diag *why);

#endif
