/* SPDX-License-Identifier: MIT */
/* The text of rules, and what follows for an operation. */
#include "ublk/targets/fault_rules.h"

#include <asm/errno.h>

#include "uapi/rt/mem.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

#define WORD_BYTES 64

#define KIND_READ (1U << TGT_READ)
#define KIND_WRITE (1U << TGT_WRITE)
#define KIND_FLUSH (1U << TGT_FLUSH)
#define KIND_DISCARD (1U << TGT_DISCARD)
#define KIND_ZERO (1U << TGT_WRITE_ZEROES)
#define KIND_ANY (KIND_READ | KIND_WRITE | KIND_FLUSH | KIND_DISCARD | KIND_ZERO)

/* By enum fault_what: what it is for unless something else is said, and may be for */
static const u8 default_kinds[] = {
	[FAULT_ERROR] = KIND_ANY,      [FAULT_DELAY] = KIND_ANY,
	[FAULT_STALL] = KIND_ANY,      [FAULT_FLIP] = KIND_READ,
	[FAULT_MISDIRECT] = KIND_WRITE, [FAULT_TORN] = KIND_WRITE,
	[FAULT_LOST] = KIND_WRITE,     [FAULT_NOFLUSH] = KIND_FLUSH,
	[FAULT_NOFUA] = KIND_WRITE,
};
_Static_assert(sizeof(default_kinds) == NR_FAULTS, "one for each");

/* Up to the next of @ends or the end into @word; gives what stands there */
static COLD const char *take_word(const char *text, const char *ends, char *word)
{
	u32 len = 0;

	for (; *text && !str_chr(ends, *text); text++)
		if (len < WORD_BYTES - 1)
			word[len++] = *text;
	word[len] = '\0';
	return text;
}

static COLD int parse_kinds(const char *value, struct fault_rule *r)
{
	static const u8 kinds[] = { KIND_READ, KIND_WRITE, KIND_FLUSH,
				    KIND_DISCARD, KIND_ZERO, KIND_ANY };
	u32 given = 0;

	for (;; value++) {
		char word[WORD_BYTES];
		u32 i;

		value = take_word(value, "+", word);
		if (parse_choice(word, "read\0write\0flush\0discard\0zero\0any\0", &i))
			return -EINVAL;
		given |= kinds[i];
		if (!*value)
			break;
	}
	r->kinds = given & default_kinds[r->what];
	return r->kinds ? 0 : -EINVAL;
}

/* "FROM-TO", or "FROM" alone */
typedef int parse_fn(const char *text, u64 *out);

static COLD int parse_range(const char *value, parse_fn *parse, u64 *from, u64 *to)
{
	char word[WORD_BYTES];
	const char *rest = take_word(value, "-", word);
	int err = parse(word, from);

	*to = *from;
	if (!err && *rest)
		err = parse(rest + 1, to);
	return !err && *to < *from ? -EINVAL : err;
}

static COLD int parse_place(const char *value, struct fault_rule *r)
{
	int err = parse_range(value, parse_size, &r->begin_bytes, &r->end_bytes);

	if (!err && r->end_bytes == r->begin_bytes)
		r->end_bytes++;
	return err;
}

static COLD int parse_errno(const char *value, s32 *err)
{
	for (s32 nr = 1; nr < 134; nr++) {
		if (str_eq(err_name(nr), value)) {
			*err = -nr;
			return 0;
		}
	}
	return -EINVAL;
}

/* From 1 on */
static COLD int parse_count(const char *value, u32 *out)
{
	int err = parse_u32(value, out);

	return !err && !*out ? -ERANGE : err;
}

static COLD int take_key(struct fault_rule *r, const char *key, const char *value)
{
	enum { ON, AT, EVERY, ODDS, SKIP, TIMES, BY, ERR };
	u32 i;

	if (parse_choice(key, "on\0at\0every\0odds\0skip\0times\0by\0err\0", &i))
		return -EINVAL;
	switch (i) {
	case ON:
		return parse_kinds(value, r);
	case AT:
		return parse_place(value, r);
	case EVERY:
		return parse_count(value, &r->every);
	case ODDS:
		return parse_count(value, &r->odds);
	case SKIP:
		return parse_u64(value, &r->skip);
	case TIMES:
		return parse_u64(value, &r->left);
	case BY:
		return r->what == FAULT_DELAY ?
			       parse_range(value, parse_duration, &r->min_ns, &r->max_ns) :
			       -EINVAL;
	default:
		return r->what == FAULT_ERROR ? parse_errno(value, &r->err) : -EINVAL;
	}
}

static COLD int take_rule(const char **text, struct fault_rule *r, struct diag *why)
{
	char word[WORD_BYTES];
	char value[WORD_BYTES];
	u32 what = 0;

	*text = take_word(*text, "/;", word);
	if (parse_choice(word, FAULT_WORDS, &what))
		return diag_set(why, -EINVAL, "no fault is called \"%s\"; \"target help fault\" lists them",
				word);
	*r = (struct fault_rule){
		.what = (u8)what,
		.kinds = default_kinds[what],
		.err = -EIO,
		.every = 1,
		.odds = 1,
		.left = ~0ULL,
		.end_bytes = ~0ULL,
	};
	while (**text == '/') {
		const char *key = *text + 1;

		*value = '\0';
		*text = take_word(key, "=/;", word);
		if (**text == '=')
			*text = take_word(*text + 1, "/;", value);
		if (take_key(r, word, value))
			return diag_set(why, -EINVAL, "a rule cannot have \"%s=%s\"", word, value);
	}
	if (r->what == FAULT_DELAY && !r->max_ns)
		return diag_set(why, -EINVAL, "a delay wants by=TIME or by=TIME-TIME");
	return 0;
}

COLD int fault_rules_add(struct fault_rules *rules, const char *text, struct diag *why)
{
	for (;; text++) {
		int err;

		if (rules->nr == FAULT_MAX_RULES)
			return diag_set(why, -E2BIG, "more than %d rules", FAULT_MAX_RULES);
		err = take_rule(&text, &rules->rule[rules->nr], why);
		if (err)
			return err;
		rules->nr++;
		if (!*text)
			return 0;
	}
}

/* A flush is everywhere */
static bool is_for(const struct fault_rule *r, const struct tgt_op *op, u32 possible)
{
	if (!(r->kinds >> op->kind & 1) || !(possible >> r->what & 1))
		return false;
	if (r->what == FAULT_NOFUA && !(op->flags & TGT_F_FUA))
		return false;
	return op->kind == TGT_FLUSH || (op->offset_bytes < r->end_bytes &&
					 op->offset_bytes + op->len_bytes > r->begin_bytes);
}

static bool take_one(u64 *left)
{
	u64 now = __atomic_load_n(left, __ATOMIC_RELAXED);

	while (now && now != ~0ULL &&
	       !__atomic_compare_exchange_n(left, &now, now - 1, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
	return now;
}

static void strike(const struct fault_rule *r, u64 dice, struct fault_plan *plan)
{
	plan->what |= 1U << r->what;
	plan->random ^= dice;
	if (r->what == FAULT_ERROR)
		plan->err = r->err;
	if (r->what == FAULT_DELAY)
		plan->delay_ns += r->min_ns + (dice >> 8) % (r->max_ns - r->min_ns + 1);
}

void fault_rules_plan(struct fault_rules *rules, struct fault_seen *seen, u64 seed,
		      const struct tgt_op *op, u32 possible, struct fault_plan *plan)
{
	*plan = (struct fault_plan){ .what = 0 };
	if (seen->generation != rules->generation)
		*seen = (struct fault_seen){ .generation = rules->generation };
	for (u32 i = 0; i < rules->nr; i++) {
		struct fault_rule *r = &rules->rule[i];
		u64 dice;
		u64 nr;

		if (!is_for(r, op, possible))
			continue;
		nr = ++seen->nr[i];
		dice = fault_hash(seed, (u64)op->slab->queue->idx << 8 | i, nr);
		if (nr > r->skip && (nr - r->skip) % r->every == 0 && dice % r->odds == 0 &&
		    take_one(&r->left))
			strike(r, fault_hash(dice, i, nr), plan);
	}
}
