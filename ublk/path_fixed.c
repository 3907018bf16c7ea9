/* SPDX-License-Identifier: MIT */
/*
 * zero-copy and auto-buf-reg: the requester's pages become a registered buffer of
 * the ring, for as long as the request lasts; its number is the tag's.
 *
 * Such a buffer can be read and written by entries of the ring only. What a
 * target wants in memory goes through the tag's buffer, which is a memfd as well.
 */
#include <asm/errno.h>

#include "ublk/path.h"

enum { STEP_REGISTER, STEP_UNREGISTER, STEP_IN, STEP_OUT };

static void set_fixed(struct ublk_tag *t)
{
	struct tgt_op *op = &t->op;

	op->piece = (struct tgt_piece){ .at = 0, .len_bytes = op->len_bytes };
	op->data = (struct tgt_data){
		.kind = TGT_DATA_FIXED,
		.buf_index = t->buf_index,
		.nr_pieces = 1,
		.fd = -1,
		.pieces = &op->piece,
	};
}

/* Between the request and its place in the memfd */
static void move(struct ublk_worker *w, struct ublk_tag *t, u32 step)
{
	struct io_uring_sqe *sqe = ublk_request_sqe(w, 1);
	u64 at = (u64)(t->buf - (char *)w->bufs_mem.addr);
	u32 len_bytes = (u32)t->op.len_bytes;

	if (step == STEP_IN)
		ring_prep_write_fixed(sqe, w->bufs_file, NULL, len_bytes, at, t->buf_index);
	else
		ring_prep_read_fixed(sqe, w->bufs_file, NULL, len_bytes, at, t->buf_index);
	ring_sqe_set_flags(sqe, w->file_flags);
	ublk_request_own(sqe, t, step);
}

static void registered(struct ublk_worker *w, struct ublk_tag *t)
{
	if (!ublk_request_bounces(w, t)) {
		set_fixed(t);
		ublk_request_submit(w, t);
		return;
	}
	tgt_set_mem(&t->op, t->buf);
	if (ublk_request_is_in(t))
		move(w, t, STEP_IN);
	else
		ublk_request_submit(w, t);
}

static void register_buf(struct ublk_worker *w, struct ublk_tag *t)
{
	ublk_request_cmd(w, t, ublk_request_sqe(w, 1), UBLK_U_IO_REGISTER_IO_BUF, t->buf_index,
			 STEP_REGISTER);
}

static void zero_begin(struct ublk_worker *w, struct ublk_tag *t)
{
	register_buf(w, t);
}

static void auto_begin(struct ublk_worker *w, struct ublk_tag *t)
{
	if (t->op.flags & UBLK_IO_F_NEED_REG_BUF)
		register_buf(w, t);
	else
		registered(w, t);
}

/* A commit would wait for the buffer to be given back. */
static void finish(struct ublk_worker *w, struct ublk_tag *t)
{
	if (t->is_registered) {
		struct io_uring_sqe *sqe = ublk_request_sqe(w, 2);

		ublk_request_cmd(w, t, sqe, UBLK_U_IO_UNREGISTER_IO_BUF, t->buf_index,
				 STEP_UNREGISTER);
		ring_sqe_set_flags(sqe, w->file_flags | IOSQE_CQE_SKIP_SUCCESS |
						(t->batch ? 0 : IOSQE_IO_HARDLINK));
		t->is_registered = false;
	}
	ublk_request_commit(w, t);
}

static void fixed_end(struct ublk_worker *w, struct ublk_tag *t)
{
	const struct tgt_op *op = &t->op;

	if (op->result >= 0 && op->data.kind == TGT_DATA_MEM && !ublk_request_is_in(t))
		move(w, t, STEP_OUT);
	else
		finish(w, t);
}

static void fixed_cqe(struct ublk_worker *w, struct ublk_tag *t, u32 step, s32 res)
{
	s64 whole = (s64)t->op.len_bytes;

	if (step == STEP_REGISTER && res == 0) {
		t->is_registered = true;
		registered(w, t);
	} else if (step == STEP_IN && res == whole) {
		ublk_request_submit(w, t);
	} else if (step == STEP_OUT && res == whole) {
		finish(w, t);
	} else if (step != STEP_UNREGISTER) {
		t->op.result = -EIO;
		finish(w, t);
	}
}

const struct ublk_path ublk_path_zero_copy = {
	.name = "zero-copy",
	.flags = UBLK_F_SUPPORT_ZERO_COPY,
	.kind = TGT_DATA_FIXED,
	.nr_sqes = 2,
	.uses_memfd = true,
	.begin = zero_begin,
	.end = fixed_end,
	.cqe = fixed_cqe,
};

static void auto_init(struct ublk_worker *w, struct ublk_tag *t)
{
	/* struct ublk_auto_buf_reg; without the fallback a request fails unseen */
	(void)w;
	t->buf_reg = t->buf_index | (u64)UBLK_AUTO_BUF_REG_FALLBACK << 16;
}

const struct ublk_path ublk_path_auto_buf_reg = {
	.name = "auto-buf-reg",
	.flags = UBLK_F_AUTO_BUF_REG | UBLK_F_SUPPORT_ZERO_COPY,
	.kind = TGT_DATA_FIXED,
	.nr_sqes = 2,
	.uses_memfd = true,
	.init = auto_init,
	.begin = auto_begin,
	.end = fixed_end,
	.cqe = fixed_cqe,
};
