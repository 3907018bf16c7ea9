/* SPDX-License-Identifier: MIT */
/*
 * user-copy and user-copy-ring: the bytes are read and written behind
 * /dev/ublkcN, by system calls or by entries of the ring.
 *
 * A copy finds its request by the tag's number alone: one that ran after the
 * commit would reach the tag's next request. So in the ring it stands before the
 * commit and linked to it; when it fails, the commit is not sent
 * (ublk/queue.c then answers the request with an error).
 */
#include <asm/errno.h>

#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/path.h"

/* Less than the whole means that pages of ours or theirs are not there: the
 * request has failed, whatever the rest says. */
static bool moved(const struct ublk_tag *t, s64 ret)
{
	return ret == (s64)t->op.len_bytes;
}

static void set_file(struct ublk_worker *w, struct ublk_tag *t)
{
	struct tgt_op *op = &t->op;

	op->piece = (struct tgt_piece){ .at = t->file_at, .len_bytes = op->len_bytes };
	op->data = (struct tgt_data){
		.kind = TGT_DATA_FILE,
		.nr_pieces = 1,
		.fd = w->setup->char_fd,
		.pieces = &op->piece,
	};
}

static void fail(struct ublk_worker *w, struct ublk_tag *t)
{
	t->op.result = -EIO;
	ublk_request_commit(w, t);
}

static void sync_begin(struct ublk_worker *w, struct ublk_tag *t)
{
	struct tgt_op *op = &t->op;

	if (!ublk_request_bounces(w, t)) {
		set_file(w, t);
	} else {
		tgt_set_mem(op, t->buf);
		if (ublk_request_is_in(t) &&
		    !moved(t, sys_pread64(w->setup->char_fd, t->buf, op->len_bytes, t->file_at))) {
			fail(w, t);
			return;
		}
	}
	ublk_request_submit(w, t);
}

static void sync_end(struct ublk_worker *w, struct ublk_tag *t)
{
	struct tgt_op *op = &t->op;

	if (op->result >= 0 && op->data.kind == TGT_DATA_MEM && !ublk_request_is_in(t) &&
	    !moved(t, sys_pwrite64(w->setup->char_fd, t->buf, op->len_bytes, t->file_at)))
		op->result = -EIO;
	ublk_request_commit(w, t);
}

const struct ublk_path ublk_path_user_copy = {
	.name = "user-copy",
	.flags = UBLK_F_USER_COPY,
	.kind = TGT_DATA_FILE,
	.nr_sqes = 1,
	.begin = sync_begin,
	.end = sync_end,
};

enum { STEP_IN, STEP_OUT };

static void ring_begin(struct ublk_worker *w, struct ublk_tag *t)
{
	struct tgt_op *op = &t->op;
	void *mem = op->kind == TGT_REPORT_ZONES ? t->buf : ublk_request_place(w, t);
	struct io_uring_sqe *sqe;

	t->is_linked = false;
	tgt_set_mem(op, mem);
	if (!ublk_request_is_in(t)) {
		ublk_request_submit(w, t);
		return;
	}
	sqe = ublk_request_sqe(w, 1);
	ring_prep_read(sqe, w->char_file, mem, (u32)op->len_bytes, t->file_at);
	ring_sqe_set_flags(sqe, w->file_flags);
	ublk_request_own(sqe, t, STEP_IN);
}

static void ring_end(struct ublk_worker *w, struct ublk_tag *t)
{
	struct tgt_op *op = &t->op;

	if (op->result >= 0 && !ublk_request_is_in(t)) {
		struct io_uring_sqe *sqe = ublk_request_sqe(w, 2);

		ring_prep_write(sqe, w->char_file, (const void *)(uintptr_t)op->piece.at,
				(u32)op->len_bytes, t->file_at);
		ring_sqe_set_flags(sqe, w->file_flags);
		ublk_request_own(sqe, t, STEP_OUT);
		/* A commit of many cannot be linked to each: it waits for the answer. */
		if (t->batch)
			return;
		ring_sqe_set_flags(sqe, w->file_flags | IOSQE_IO_LINK | IOSQE_CQE_SKIP_SUCCESS);
		t->is_linked = true;
	}
	ublk_request_commit(w, t);
}

static void ring_cqe(struct ublk_worker *w, struct ublk_tag *t, u32 step, s32 res)
{
	/* Of a copy out that failed: io_fail_links() has cancelled its commit, and what hangs
	 * on an entry with IOSQE_CQE_SKIP_SUCCESS is cancelled without a completion. */
	if (t->is_linked) {
		t->is_linked = false;
		ublk_request_uncommitted(w, t);
		return;
	}
	if (!moved(t, res))
		fail(w, t);
	else if (step == STEP_IN)
		ublk_request_submit(w, t);
	else
		ublk_request_commit(w, t);
}

const struct ublk_path ublk_path_user_copy_ring = {
	.name = "user-copy-ring",
	.flags = UBLK_F_USER_COPY,
	.kind = TGT_DATA_MEM,
	.nr_sqes = 2,
	.begin = ring_begin,
	.end = ring_end,
	.cqe = ring_cqe,
};
