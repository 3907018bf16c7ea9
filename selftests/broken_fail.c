/* SPDX-License-Identifier: MIT */
/* fail: passes everything on, or answers with an error, as it was told last. */
#include <asm/errno.h>

#include "selftests/broken_chain.h"

struct fail {
	u32 kinds; /* atomic, as the others */
	u64 begin_bytes;
	u64 end_bytes;
	u64 nr_failed;
};

static bool is_meant(struct fail *f, const struct tgt_op *op)
{
	u64 begin = __atomic_load_n(&f->begin_bytes, __ATOMIC_RELAXED);
	u64 end = __atomic_load_n(&f->end_bytes, __ATOMIC_RELAXED);

	if (!(__atomic_load_n(&f->kinds, __ATOMIC_ACQUIRE) >> op->kind & 1))
		return false;
	return op->kind == TGT_FLUSH ||
	       (op->offset_bytes < end && op->offset_bytes + op->len_bytes > begin);
}

static enum tgt_status pass_on(struct tgt *t, struct tgt_queue *q, struct tgt_op *op, s64 result)
{
	(void)t;
	(void)q;
	(void)result;
	return chain_all(op, chain_result);
}

static enum tgt_status fail_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	struct fail *f = t->state;

	if (!is_meant(f, op))
		return chain_run(t, q, op, pass_on);
	__atomic_fetch_add(&f->nr_failed, 1, __ATOMIC_RELAXED);
	return tgt_finish(op, -EIO);
}

static int fail_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	(void)arg;
	(void)values;
	(void)why;
	chain_open(t, 1);
	return 0;
}

const struct tgt_type fail_target = {
	.name = "fail",
	.summary = "answers with errors while it is told to, for tests",
	.state_bytes = sizeof(struct fail),
	.min_children = 1,
	.max_children = 1,
	.open = fail_open,
	.submit = fail_submit,
};

u64 broken_fail(const struct tgt_tree *tree, u32 nr, u32 kinds, u64 begin_bytes, u64 end_bytes)
{
	for (u32 i = 0; i < tree->nr; i++) {
		struct fail *f = tree->nodes[i].state;

		if (tree->nodes[i].type != &fail_target || nr--)
			continue;
		__atomic_store_n(&f->begin_bytes, begin_bytes, __ATOMIC_RELAXED);
		__atomic_store_n(&f->end_bytes, end_bytes, __ATOMIC_RELAXED);
		__atomic_store_n(&f->kinds, kinds, __ATOMIC_RELEASE);
		return __atomic_load_n(&f->nr_failed, __ATOMIC_RELAXED);
	}
	return 0;
}
