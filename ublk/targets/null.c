/* SPDX-License-Identifier: MIT */
/* null: a disk of any size that forgets what is written and reads as zeroes. */
#include <asm/errno.h>

#include "uapi/sys.h"
#include "ublk/targets/targets.h"

struct null_values {
	bool nodata;
};

#define NULL_PARAMS(X)										\
	X(struct null_values, nodata,								\
	  OPT_TEXT("nodata", "0|1",								\
		   "move nothing, for benchmarks by root: a read then shows whatever was in "	\
		   "the buffer before, stale data of this or another program"),			\
	  .kind = OPT_BOOL)

static enum tgt_status null_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	(void)t;
	(void)q;
	if (op->kind == TGT_READ) {
		int err = tgt_zero_op(op, 0, op->len_bytes);

		return tgt_finish(op, err ? err : (s64)op->len_bytes);
	}
	return tgt_finish(op, op->kind == TGT_WRITE ? (s64)op->len_bytes : 0);
}

static enum tgt_status null_submit_nodata(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	(void)t;
	(void)q;
	if (op->kind == TGT_READ || op->kind == TGT_WRITE)
		return tgt_finish(op, (s64)op->len_bytes);
	return tgt_finish(op, 0);
}

/* With nodata=1 nothing surely reads as zeroes. */
static COLD s64 null_seek(struct tgt *t, u64 offset_bytes, bool hole)
{
	bool is_hole = t->submit == null_submit;

	return (s64)(hole == is_hole ? offset_bytes : t->limits.size_bytes);
}

static COLD int null_open(struct tgt *t, const char *arg, const void *values, struct diag *why)
{
	const struct null_values *v = values;
	int err = tgt_size_arg(arg, &t->limits.size_bytes, why);

	if (err)
		return err;
	if (v->nodata) {
		if (sys_geteuid() != 0)
			return diag_set(why, -EPERM, "nodata=1 shows stale memory: for root only");
		t->submit = null_submit_nodata;
		t->data_kinds = 1 << TGT_DATA_FIXED;
	}
	t->data_kinds |= 1 << TGT_DATA_MEM | 1 << TGT_DATA_FILE;
	t->limits.logical_shift = 9;
	t->limits.physical_shift = 12;
	t->limits.discard_granularity_bytes = 4096;
	t->limits.max_discard_bytes = t->limits.size_bytes;
	t->limits.max_write_zeroes_bytes = t->limits.size_bytes;
	return 0;
}

const struct tgt_type null_target = {
	.name = "null",
	.arg_name = "SIZE",
	.summary = "forgets writes, reads as zeroes",
	.params = OPT_TABLE(NULL_PARAMS),
	.values_bytes = sizeof(struct null_values),
	.open = null_open,
	.submit = null_submit,
	.seek = null_seek,
};
