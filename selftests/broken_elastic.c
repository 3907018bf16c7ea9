/* SPDX-License-Identifier: MIT */
/*
 * elastic: as large as it is told to be, up to its child, also its blocks and chunks;
 * takes messages, has numbers, and pretends to copy something: a bit more each time it
 * is asked.
 */
#include <asm/errno.h>

#include "selftests/broken_chain.h"
#include "uapi/rt/parse.h"
#include "uapi/rt/str.h"

struct elastic_values {
	u64 size_bytes;
	u64 copies_bytes;
	u64 block_bytes;
	u64 chunk_bytes;
	u32 nr_more;
	bool is_fixed;
};

struct elastic {
	u64 found_bytes;  /* what refresh() will find */
	u64 copies_bytes; /* 0: nothing */
	u64 copied_bytes;
	u64 nr_messages;
	u64 nr_resized;
	u64 nr_beyond; /* operations that do not fit, as those beyond the end; atomic */
	u64 note;
	u32 nr_more;
	bool is_fixed;
};

#define ELASTIC_PARAMS(X)									\
	X(struct elastic_values, size_bytes,							\
	  OPT_TEXT("size", "SIZE", "at first; default: half of the child"),			\
	  .kind = OPT_SIZE)									\
	X(struct elastic_values, copies_bytes,							\
	  OPT_TEXT("copies", "SIZE", "pretends to copy that much, an eighth each time it is asked"), \
	  .kind = OPT_SIZE)									\
	X(struct elastic_values, block_bytes,							\
	  OPT_TEXT("block", "SIZE", "logical block; default: the child's"),			\
	  .kind = OPT_SIZE)									\
	X(struct elastic_values, chunk_bytes,							\
	  OPT_TEXT("chunk", "SIZE", "no operation may cross a multiple of it"),			\
	  .kind = OPT_SIZE)									\
	X(struct elastic_values, nr_more,							\
	  OPT_TEXT("numbers", "N", "has so many numbers more"),					\
	  .kind = OPT_U32)									\
	X(struct elastic_values, is_fixed,							\
	  OPT_TEXT("fixed", "BOOL", "refuses another size"),					\
	  .kind = OPT_BOOL)

static bool fits(const struct tgt *t, const struct tgt_op *op)
{
	const struct tgt_limits *l = &t->limits;
	u64 end = op->offset_bytes + op->len_bytes;

	if (end > __atomic_load_n(&l->size_bytes, __ATOMIC_RELAXED) ||
	    (op->offset_bytes | op->len_bytes) & ((1ULL << l->logical_shift) - 1))
		return false;
	return !l->chunk_bytes || op->kind == TGT_FLUSH ||
	       op->offset_bytes / l->chunk_bytes == (end - 1) / l->chunk_bytes;
}

static enum tgt_status pass_on(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	struct elastic *e = t->state;

	(void)q;
	(void)result;
	if (fits(t, op))
		return chain_all(op, chain_result);
	__atomic_fetch_add(&e->nr_beyond, 1, __ATOMIC_RELAXED);
	return tgt_finish(op, -EIO);
}

static enum tgt_status elastic_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	return chain_run(t, q, op, pass_on);
}

static int set_size(struct tgt *t, u64 size_bytes, struct diag *why)
{
	if (size_bytes > t->child[0]->limits.size_bytes)
		return diag_set(why, -ENOSPC, "elastic: %llu bytes, and the child has %llu",
				size_bytes, t->child[0]->limits.size_bytes);
	__atomic_store_n(&t->limits.size_bytes, size_bytes, __ATOMIC_RELAXED);
	return 0;
}

static int elastic_resize(struct tgt *t, u64 size_bytes, struct diag *why)
{
	struct elastic *e = t->state;

	e->nr_resized++;
	if (e->is_fixed)
		return diag_set(why, -EOPNOTSUPP, "elastic: is as large as it is");
	return set_size(t, size_bytes, why);
}

static int elastic_refresh(struct tgt *t, struct diag *why)
{
	const struct elastic *e = t->state;

	return set_size(t, e->found_bytes, why);
}

static int elastic_message(struct tgt *t, const char *word, const char *value, struct diag *why)
{
	struct elastic *e = t->state;

	e->nr_messages++;
	if (str_eq(word, "note") && value && !parse_u64(value, &e->note))
		return 0;
	if (str_eq(word, "found") && value && !parse_size(value, &e->found_bytes))
		return 0;
	/* What no terminal should see */
	if (str_eq(word, "fail"))
		return diag_set(why, -EIO, "elastic: \033[31mfails as \x9b%s\002 was told\r\n", "it");
	return diag_set(why, -EINVAL, "elastic: %s%s%s is not known", word, value ? "=" : "",
			value ? value : "");
}

static void elastic_stat(const struct tgt *t, tgt_say_fn *say, void *ctx)
{
	struct elastic *e = t->state;

	say(ctx, "messages", e->nr_messages);
	say(ctx, "note", e->note);
	say(ctx, "resized", e->nr_resized);
	say(ctx, "beyond", __atomic_load_n(&e->nr_beyond, __ATOMIC_RELAXED));
	for (u32 i = 0; i < e->nr_more; i++)
		say(ctx, "one_more", i);
	if (!e->copies_bytes)
		return;
	e->copied_bytes += e->copies_bytes / 8;
	if (e->copied_bytes > e->copies_bytes)
		e->copied_bytes = e->copies_bytes;
	say(ctx, "copied_bytes", e->copied_bytes);
	say(ctx, "total_bytes", e->copies_bytes);
}

static int elastic_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	const struct elastic_values *v = values;
	struct elastic *e = t->state;

	(void)arg;
	chain_open(t, 1);
	if (v->block_bytes)
		t->limits.logical_shift = tgt_shift_of(v->block_bytes);
	if (v->chunk_bytes)
		t->limits.chunk_bytes = (u32)v->chunk_bytes;
	e->copies_bytes = v->copies_bytes;
	e->nr_more = v->nr_more;
	e->is_fixed = v->is_fixed;
	e->found_bytes = v->size_bytes ? v->size_bytes : t->limits.size_bytes / 2;
	return set_size(t, e->found_bytes, why);
}

const struct tgt_type elastic_target = {
	.name = "elastic",
	.summary = "as large as it is told, for tests",
	.params = OPT_TABLE(ELASTIC_PARAMS),
	.values_bytes = sizeof(struct elastic_values),
	.state_bytes = sizeof(struct elastic),
	.min_children = 1,
	.max_children = 1,
	.open = elastic_open,
	.submit = elastic_submit,
	.resize = elastic_resize,
	.refresh = elastic_refresh,
	.message = elastic_message,
	.stat = elastic_stat,
};
