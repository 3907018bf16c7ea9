/* SPDX-License-Identifier: MIT */
/*
 * The expression itself is the automaton: a state is a place in it, at which a match may
 * be. All of them are walked at once. Begin and end of a string are characters of their own.
 */
#include "tools/text/regex.h"

#include <asm/errno.h>

#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/str.h"

/* In parentheses of its own, with a NUL */
#define TEXT_BYTES (REGEX_MAX_BYTES + 3)

/* What is fed beside the bytes of a string */
enum {
	AT_BEGIN = -3,
	AT_END,
	PAST_END,
};

/*
 * struct regex
 * @next:   of a ( and a |: where the | or ) is that ends the alternative behind it
 * @start:  of a * + ?: where that begins which is repeated; of a ( and a |: where the ( is
 * @seen:   the turn, one for each character, in which a state was added the last time
 * @states: of this turn and of the next one
 */
struct regex {
	bool is_loose;
	u32 nr_states[2];
	char text[TEXT_BYTES];
	u32 next[TEXT_BYTES];
	u32 start[TEXT_BYTES];
	u32 states[2][TEXT_BYTES];
	u32 seen[TEXT_BYTES];
};

/* One character, with its backslash; pos moves behind it */
static int take_char(const char **pos)
{
	char c = *(*pos)++;

	if (c != '\\')
		return (u8)c;
	c = *(*pos)++;
	return (u8)(c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c);
}

/* Is c in a set? pos is behind the [ and moves behind the ], of which one that comes first is
 * in the set; it is NULL when the set is malformed. */
static bool take_set(const char **pos, int c)
{
	const char *s = *pos;
	bool is_in = false;

	for (; *s != ']' || s == *pos;) {
		int from;
		int to;

		if (!*s || (*s == '[' && s[1] == ':')) /* [:alpha:] is not known */
			goto malformed;
		to = from = take_char(&s);
		if (*s == '-' && s[1] != ']') {
			s++;
			to = take_char(&s);
		}
		if (from > to)
			goto malformed;
		is_in |= c >= from && c <= to;
	}
	*pos = s + 1;
	return is_in;
malformed:
	*pos = NULL;
	return false;
}

/* Does what stands at pos take a character? pos moves behind it. */
static bool takes(const struct regex *re, const char **pos, int c)
{
	char kind = **pos;
	int only = take_char(pos);
	bool is_not = **pos == '^';

	if (kind == '[') {
		*pos += is_not;
		return take_set(pos, c) != is_not && (c >= 0 || re->is_loose);
	}
	if (kind == '.')
		return c >= 0 ? c != '\n' && c != '\r' : re->is_loose;
	return c == (kind == '^' ? AT_BEGIN : kind == '$' ? AT_END : only);
}

/* Check the text, and find out what belongs together. Until a group ends, the next of its last
 * ( or | is that of the group around it. */
static bool compile(struct regex *re)
{
	u32 last = 0;
	u32 atom = 0; /* what a * would repeat; 0 is none */

	for (u32 p = 0;; p++) {
		char c = re->text[p];
		const char *pos = &re->text[p];
		u32 around = re->next[last];
		u32 start = re->start[last];

		if (!c || (!atom && str_chr("|)*+?", c)))
			return false;
		if (c == '(') {
			around = last;
			start = p;
		} else if (c == '|' || c == ')') {
			re->next[last] = p;
		}
		switch (c) {
		case '(':
		case '|':
			re->next[p] = around;
			re->start[p] = start;
			last = p;
			atom = 0;
			break;
		case ')':
			atom = start;
			last = around;
			if (!atom)
				return !pos[1];
			break;
		case '*':
		case '+':
		case '?':
			re->start[p] = atom;
			break;
		default:
			atom = p;
			(void)takes(re, &pos, 0);
			if (!pos)
				return false;
			p = (u32)(pos - re->text) - 1;
		}
	}
}

static void add(struct regex *re, u32 turn, u32 p)
{
	if (re->seen[p] == turn)
		return;
	re->seen[p] = turn;
	re->states[turn % 2][re->nr_states[turn % 2]++] = p;
}

/* Go on from a state: with a character to one of the next turn, without to others of this one. */
static void step(struct regex *re, u32 turn, u32 p, int c)
{
	const char *pos = &re->text[p];

	switch (*pos) {
	case '(':
		do {
			add(re, turn, p + 1);
			p = re->next[p];
		} while (re->text[p] == '|');
		p++;
		break;
	case '|':
		add(re, turn, re->next[p]);
		return;
	case '*':
	case '+':
		add(re, turn, re->start[p]);
		add(re, turn, p + 1);
		return;
	case ')':
	case '?':
		add(re, turn, p + 1);
		return;
	default:
		if (takes(re, &pos, c))
			add(re, turn + 1, (u32)(pos - re->text));
		p = (u32)(pos - re->text);
	}
	for (; str_chr("*+?", re->text[p]); p++)
		if (re->text[p] != '+') /* it may be left out */
			add(re, turn, p);
}

int regex_match(const char *text, size_t len, bool is_loose, const char *s)
{
	struct regex re;
	int c = AT_BEGIN;

	if (len > REGEX_MAX_BYTES)
		return -EINVAL;
	re.is_loose = is_loose;
	fmt_print(re.text, sizeof(re.text), "(%.*s)", (int)len, text);
	if (!compile(&re))
		return -EINVAL;
	memset(re.seen, 0, sizeof(re.seen));
	re.nr_states[1] = 0;
	for (u32 turn = 1;; turn++) {
		u32 now = turn % 2;

		re.nr_states[!now] = 0;
		add(&re, turn, 0);
		for (u32 i = 0; i < re.nr_states[now]; i++) {
			u32 p = re.states[now][i];

			if (!re.text[p])
				return true;
			step(&re, turn, p, c);
		}
		if (c == PAST_END)
			return false;
		c = *s ? (u8)*s++ : c == AT_END ? PAST_END : AT_END;
	}
}
