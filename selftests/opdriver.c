/* SPDX-License-Identifier: MIT */
/* Operations on a native ring, and the promises of targets. */
#include "selftests/opdriver.h"

#include <asm/errno.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"

/* A target that never answers shows here, not as a timeout of the whole case. */
#define ANSWER_NS 5000000000ULL

static void make_ring(struct opdriver *d)
{
	u32 entries = OPD_SLOTS * (1 + d->tree->root->nr_sqes);
	struct io_uring_params p = {
		.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_NO_SQARRAY,
	};
	int err = ring_init(&d->ring, entries, &p);

	/* qemu-user has no io_uring: what needs no ring is tested there as well. */
	if (err == -ENOSYS && d->tree->root->nr_sqes)
		test_skip("no io_uring here");
	if (err != -ENOSYS)
		ASSERT_OK(err);
}

static void make_slots(struct opdriver *d)
{
	const struct tgt *root = d->tree->root;
	u64 nr_ops = root->nr_ops + OPD_SPARE;
	u64 nr_pieces = root->nr_pieces + OPD_MORE_PIECES * root->nr_ops + OPD_SPARE;
	u64 one = sizeof(struct opd_slot) + nr_ops * sizeof(struct tgt_op) +
		  nr_pieces * sizeof(struct tgt_piece);
	struct tgt_op *ops;
	struct tgt_piece *pieces;

	ASSERT_OK(pages_map(&d->mem, OPD_SLOTS * one));
	d->slots = d->mem.addr;
	ops = (struct tgt_op *)(void *)(d->slots + OPD_SLOTS);
	pieces = (struct tgt_piece *)(void *)(ops + OPD_SLOTS * nr_ops);
	for (u32 i = 0; i < OPD_SLOTS; i++) {
		d->slots[i].slab.queue = &d->q;
		d->slots[i].slab.ops = ops + i * nr_ops;
		d->slots[i].slab.pieces = pieces + i * nr_pieces;
	}
}

void opd_attach(struct opdriver *d, struct tgt_tree *tree, u32 queue_idx)
{
	*d = (struct opdriver){ .tree = tree };
	make_ring(d);
	make_slots(d);
	tgt_run_init(&d->run);
	d->q = (struct tgt_queue){ .ring = &d->ring, .run = &d->run, .idx = queue_idx };
	ASSERT_OK(tgt_queue_open(tree, &d->q));
}

void opd_open(struct opdriver *d, const struct tgt_type *const *types, const char *spec)
{
	struct tgt_tree tree;
	struct diag why = { .text = "" };
	int err = tgt_open(&tree, types, spec, &why);

	if (err)
		test_fail("cannot open %s: %s (%s)", spec, why.text, err_name(err));
	opd_attach(d, &tree, 0);
	d->own_tree = tree;
	d->tree = &d->own_tree;
}

void opd_close(struct opdriver *d)
{
	ASSERT_EQ(d->nr_pending, 0);
	tgt_queue_stop(d->tree, &d->q);
	while (d->q.nr_busy)
		opd_step(d);
	tgt_queue_close(d->tree, &d->q);
	ring_exit(&d->ring);
	pages_unmap(&d->mem);
	tgt_close(&d->own_tree);
	*d = (struct opdriver){ .tree = NULL };
}

static struct opdriver *driver_of(struct tgt_queue *q)
{
	return CONTAINER_OF(q, struct opdriver, q);
}

static void answered(struct tgt_queue *q, struct tgt_op *op)
{
	struct opdriver *d = driver_of(q);
	struct opd_slot *slot = CONTAINER_OF(op, struct opd_slot, op);

	if (slot->state != OPD_PENDING)
		test_fail("done() of an operation that is %s",
			  slot->state == OPD_IN_SUBMIT ? "inside submit()" : "not under way");
	slot->state = OPD_ANSWERED;
	d->nr_pending--;
	d->nr_were_pending++;
}

struct opd_slot *opd_slot(struct opdriver *d)
{
	struct opd_slot *slot = d->slots;

	while (slot < d->slots + OPD_SLOTS && slot->state != OPD_FREE)
		slot++;
	ASSERT_TRUE(slot < d->slots + OPD_SLOTS);
	slot->op = (struct tgt_op){ .done = answered, .slab = &slot->slab };
	slot->slab.nr_ops = 0;
	slot->slab.nr_pieces = 0;
	return slot;
}

static void check_needs(const struct opdriver *d, const struct opd_slot *slot)
{
	u32 more = slot->op.data.nr_pieces ? slot->op.data.nr_pieces - 1 : 0;

	ASSERT_LE(slot->slab.nr_ops, d->tree->root->nr_ops);
	ASSERT_LE(slot->slab.nr_pieces, d->tree->root->nr_pieces + more * d->tree->root->nr_ops);
}

/* DONE is an answer: done() would be a second one */
static void check_once(struct opdriver *d, const struct tgt_op *op)
{
	struct tgt_op **link = &d->run.first;

	while (*link && *link != op)
		link = &(*link)->next;
	if (!*link)
		return;
	if (!d->catches)
		test_fail("done() is to be called for what is done already");
	d->nr_twice++;
	*link = op->next;
	if (!*link)
		d->run.last = link;
}

bool opd_start(struct opdriver *d, struct opd_slot *slot)
{
	enum tgt_status status;
	u32 before = d->ring.sq.sqe_tail;

	slot->state = OPD_IN_SUBMIT;
	slot->op.result = -EINPROGRESS;
	status = tgt_submit(d->tree->root, &d->q, &slot->op);
	ASSERT_LE(d->ring.sq.sqe_tail - before, d->tree->root->nr_sqes);
	check_needs(d, slot);
	if (status == TGT_DONE)
		check_once(d, &slot->op);
	slot->state = status == TGT_DONE ? OPD_ANSWERED : OPD_PENDING;
	d->nr_pending += status == TGT_PENDING;
	return status == TGT_DONE;
}

static void reap(struct opdriver *d)
{
	struct io_uring_cqe *cqe;

	while ((cqe = ring_peek_cqe(&d->ring))) {
		u64 user_data = cqe->user_data;
		s32 res = cqe->res;

		ring_cq_advance(&d->ring, 1);
		d->nr_cqes++;
		if (d->saw_cqe)
			d->saw_cqe(user_data, res);
		tgt_handle_cqe(user_data, res);
	}
}

static void meddle(struct opdriver *d)
{
	for (; d->meddle && d->nr_meddled != d->ring.sq.sqe_tail; d->nr_meddled++)
		d->meddle(&d->ring.sq.sqes[d->nr_meddled & d->ring.sq_mask]);
}

void opd_step(struct opdriver *d)
{
	tgt_run_done(&d->run);
	if (!d->nr_pending && !d->q.nr_busy)
		return;
	meddle(d);
	ASSERT_OK(ring_submit_and_wait_timeout(&d->ring, 1, ANSWER_NS));
	reap(d);
	tgt_run_done(&d->run);
}

void opd_poll(struct opdriver *d)
{
	int ret;

	tgt_run_done(&d->run);
	ret = ring_submit_and_wait_timeout(&d->ring, 1, 1);
	if (ret != -ETIME)
		ASSERT_OK(ret);
	reap(d);
	tgt_run_done(&d->run);
}

s64 opd_wait(struct opdriver *d, struct opd_slot *slot)
{
	while (slot->state == OPD_PENDING)
		opd_step(d);
	ASSERT_EQ(slot->state, OPD_ANSWERED);
	ASSERT_NE(slot->op.result, -EINPROGRESS);
	check_needs(d, slot);
	slot->state = OPD_FREE;
	return slot->op.result;
}

static s64 run(struct opdriver *d, struct opd_slot *slot)
{
	(void)opd_start(d, slot);
	return opd_wait(d, slot);
}

s64 opd_simple(struct opdriver *d, u8 kind, u64 offset_bytes, u64 len_bytes, u32 flags)
{
	struct opd_slot *slot = opd_slot(d);

	slot->op.kind = kind;
	slot->op.flags = flags;
	slot->op.offset_bytes = offset_bytes;
	slot->op.len_bytes = len_bytes;
	return run(d, slot);
}

s64 opd_read(struct opdriver *d, u64 offset_bytes, void *mem, u64 len_bytes)
{
	struct opd_slot *slot = opd_slot(d);

	slot->op.kind = TGT_READ;
	slot->op.offset_bytes = offset_bytes;
	slot->op.len_bytes = len_bytes;
	tgt_set_mem(&slot->op, mem);
	return run(d, slot);
}

s64 opd_write(struct opdriver *d, u64 offset_bytes, const void *mem, u64 len_bytes, u32 flags)
{
	struct opd_slot *slot = opd_slot(d);

	slot->op.kind = TGT_WRITE;
	slot->op.flags = flags;
	slot->op.offset_bytes = offset_bytes;
	slot->op.len_bytes = len_bytes;
	/* A target that alters the bytes of a write is wrong, whatever the type says. */
	tgt_set_mem(&slot->op, (void *)(uintptr_t)mem);
	return run(d, slot);
}

s64 opd_pieces(struct opdriver *d, u8 kind, u64 offset_bytes, u64 len_bytes,
	       struct tgt_piece *pieces, u32 nr_pieces)
{
	struct opd_slot *slot = opd_slot(d);

	slot->op.kind = kind;
	slot->op.offset_bytes = offset_bytes;
	slot->op.len_bytes = len_bytes;
	slot->op.data = (struct tgt_data){
		.kind = TGT_DATA_MEM,
		.nr_pieces = nr_pieces,
		.fd = -1,
		.pieces = pieces,
	};
	return run(d, slot);
}

const struct tgt_limits *opd_limits(const struct opdriver *d)
{
	return &d->tree->root->limits;
}
