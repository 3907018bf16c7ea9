/* SPDX-License-Identifier: MIT */
/* What is asked of a fault that runs, by one thread at a time. */
#include <asm/errno.h>

#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"
#include "ublk/targets/fault_parts.h"

#define FAULT_STAT_WORDS FAULT_WORDS "operations\0power_cuts\0lost_blocks\0"

/* Rules are changed in a table that rests; whoever still reads an old one finds numbers */
COLD struct fault_rules *fault_next_table(struct fault *f, bool copy)
{
	u32 generation = f->rules->generation + 1;
	struct fault_rules *next = &f->tables[generation % FAULT_NR_TABLES];

	if (copy)
		*next = *f->rules;
	else
		*next = (struct fault_rules){ .nr = 0 };
	next->generation = generation;
	return next;
}

COLD void fault_use(struct fault *f, struct fault_rules *rules)
{
	__atomic_store_n(&f->rules, rules, __ATOMIC_RELEASE);
}

static COLD int change_rules(struct fault *f, const char *text, bool copy, struct diag *why)
{
	struct fault_rules *next = fault_next_table(f, copy);
	int err = text && *text ? fault_rules_add(next, text, why) : 0;

	if (!err)
		fault_use(f, next);
	return err;
}

static COLD int told_to_cut(struct fault *f, const char *value, struct diag *why)
{
	u64 seed = fault_next_seed(f);

	if (!f->has_log)
		return diag_set(why, -EINVAL, "fault: it was opened without powercut=1");
	if (value && str_eq(value, "none"))
		seed = 0;
	else if (value && parse_u64(value, &seed))
		return diag_set(why, -EINVAL, "fault: cut=%s: none, or a seed", value);
	if (fault_power(f) != FAULT_POWER_ON)
		return diag_set(why, -EBUSY, "fault: its power is off");
	fault_cut(f, seed);
	return 0;
}

static COLD int restore(struct fault *f, struct diag *why)
{
	u32 off = FAULT_POWER_OFF;

	if (__atomic_compare_exchange_n(&f->power, &off, FAULT_POWER_BACK, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		return 0;
	return diag_set(why, -EINVAL, "fault: its power is not off");
}

COLD int fault_message(struct tgt *t, const char *word, const char *value, struct diag *why)
{
	enum { RULES, ADD, CLEAR, RELEASE, CUT, RESTORE };
	struct fault *f = t->state;
	u32 what;

	if (parse_choice(word, "rules\0add\0clear\0release\0cut\0restore\0", &what))
		return tgt_knows_not(t, word, why);
	switch (what) {
	case RULES:
	case CLEAR:
		return change_rules(f, what == RULES ? value : NULL, false, why);
	case ADD:
		return change_rules(f, value, true, why);
	case RELEASE:
		__atomic_fetch_add(&f->nr_releases, 1, __ATOMIC_RELAXED);
		return 0;
	case CUT:
		return told_to_cut(f, value, why);
	default:
		return restore(f, why);
	}
}

COLD void fault_stat(const struct tgt *t, tgt_say_fn *say, void *ctx)
{
	const struct fault *f = t->state;
	const char *name = FAULT_STAT_WORDS;

	for (u32 i = 0; i < FAULT_NR_STATS; i++, name += str_len(name) + 1)
		say(ctx, name, __atomic_load_n(&f->stats[i], __ATOMIC_RELAXED));
}

/* What a cut takes back has room for the disk as it was opened. */
static COLD int follow(struct tgt *t, u64 size_bytes, struct diag *why)
{
	struct tgt *child = t->child[0];
	int err = -EOPNOTSUPP;

	if (((const struct fault *)t->state)->has_log)
		return diag_set(why, err, "fault: its size is fixed with power cuts");
	err = tgt_resize_last(t, size_bytes, why);
	if (!err)
		__atomic_store_n(&t->limits.size_bytes, child->limits.size_bytes,
				 __ATOMIC_RELAXED);
	return err;
}

COLD int fault_resize(struct tgt *t, u64 size_bytes, struct diag *why)
{
	return follow(t, size_bytes, why);
}

COLD int fault_refresh(struct tgt *t, struct diag *why)
{
	return follow(t, 0, why);
}

COLD s64 fault_seek(struct tgt *t, u64 offset_bytes, bool hole)
{
	struct tgt *child = t->child[0];

	if (child->type->seek)
		return child->type->seek(child, offset_bytes, hole);
	return (s64)(hole ? t->limits.size_bytes : offset_bytes);
}
