/* SPDX-License-Identifier: MIT */
/*
 * copy and get-data: the kernel copies between the requester's pages and memory
 * of ours.
 *
 * A commit tells an address, for this request's data if it is a read, and (copy)
 * for the next request of the tag, of any kind. So where writes can come, copy
 * has to name the tag's own buffer: the next write would land in the target's
 * memory otherwise. With get-data each write is asked where to land, and each
 * read is committed from anywhere.
 */
#include <asm/errno.h>

#include "ublk/path.h"

static void copy_init(struct ublk_worker *w, struct ublk_tag *t)
{
	(void)w;
	t->addr = (u64)(uintptr_t)t->buf;
}

static void copy_begin(struct ublk_worker *w, struct ublk_tag *t)
{
	/* with several workers of a batched queue, the buffer of the one that had the
	 * tag before */
	char *mem = (char *)(uintptr_t)t->desc->addr;

	if (!ublk_request_is_in(t))
		mem = t->buf;
	if (w->setup->read_only)
		mem = ublk_request_place(w, t);
	t->addr = (u64)(uintptr_t)mem;
	tgt_set_mem(&t->op, mem);
	ublk_request_submit(w, t);
}

const struct ublk_path ublk_path_copy = {
	.name = "copy",
	.kind = TGT_DATA_MEM,
	.nr_sqes = 1,
	.init = copy_init,
	.begin = copy_begin,
};

static void get_begin(struct ublk_worker *w, struct ublk_tag *t)
{
	void *mem = ublk_request_place(w, t);

	t->addr = (u64)(uintptr_t)mem;
	tgt_set_mem(&t->op, mem);
	if (ublk_request_is_in(t))
		ublk_request_cmd(w, t, ublk_request_sqe(w, 1), UBLK_U_IO_NEED_GET_DATA, t->addr, 0);
	else
		ublk_request_submit(w, t);
}

static void get_cqe(struct ublk_worker *w, struct ublk_tag *t, u32 step, s32 res)
{
	/* It copies what of our memory is there, and tells by this how much was. */
	bool has_all = (u64)t->desc->nr_sectors << 9 == t->op.len_bytes;

	(void)step;
	if (res == UBLK_IO_RES_OK && has_all) {
		ublk_request_submit(w, t);
	} else if (res == UBLK_IO_RES_ABORT) {
		ublk_request_aborted(w, t);
	} else {
		t->op.result = -EIO;
		ublk_request_commit(w, t);
	}
}

const struct ublk_path ublk_path_get_data = {
	.name = "get-data",
	.flags = UBLK_F_NEED_GET_DATA,
	.kind = TGT_DATA_MEM,
	.nr_sqes = 1,
	.begin = get_begin,
	.cqe = get_cqe,
};
