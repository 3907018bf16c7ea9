/* SPDX-License-Identifier: MIT */
/* ring/op.h: callbacks, foreign completions, numbers */
#include <asm/errno.h>

#include "ring/op.h"
#include "ring/prep.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "uapi/sys.h"

enum { POLLIN_BIT = 1 };

static const u32 kinds[] = {
	0,
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_NO_SQARRAY,
	IORING_SETUP_SQE128 | IORING_SETUP_NO_SQARRAY,
	IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
};

/* What came, in the order in which it came */
struct seen {
	u64 what[64];
	s32 res[64];
	u32 flags[64];
	u32 nr;
};

struct counted {
	struct ring_op op;
	struct ring *r;
	struct seen *seen;
	u64 nr;
	u32 left; /* times to submit again */
};

static struct seen foreign;

static void make(struct ring *r, u32 entries, u32 cq_entries, u32 flags)
{
	struct io_uring_params p = {
		.flags = flags | (cq_entries ? IORING_SETUP_CQSIZE : 0),
		.cq_entries = cq_entries,
	};
	int err = ring_init(r, entries, &p);

	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
}

static void note(struct seen *seen, u64 what, s32 res, u32 flags)
{
	u32 i = seen->nr++ % 64;

	seen->what[i] = what;
	seen->res[i] = res;
	seen->flags[i] = flags;
}

static void count(struct ring_op *op, s32 res, u32 flags)
{
	struct counted *c = CONTAINER_OF(op, struct counted, op);

	note(c->seen, c->nr, res, flags);
}

static void note_foreign(struct ring *r, const struct io_uring_cqe *cqe)
{
	(void)r;
	note(&foreign, cqe->user_data, cqe->res, cqe->flags);
}

static void prep_nop_op(struct ring *r, struct ring_op *op)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	ASSERT_TRUE(sqe);
	ring_prep_nop(sqe);
	ring_sqe_set_op(sqe, op);
}

static void in_order(void)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		struct counted ops[8];
		struct seen seen = { .nr = 0 };
		struct ring r;

		test_row("flags 0x%x", kinds[kind]);
		make(&r, 8, 0, kinds[kind]);
		for (u32 round = 0; round < 5; round++) {
			for (u32 i = 0; i < 8; i++) {
				ops[i] = (struct counted){ { count }, &r, &seen, seen.nr + i, 0 };
				prep_nop_op(&r, &ops[i].op);
			}
			ASSERT_EQ(ring_submit_and_wait(&r, 8), 8);
			EXPECT_EQ(ring_dispatch(&r, 0), 0);
			EXPECT_EQ(ring_cq_ready(&r), 8);
			EXPECT_EQ(ring_dispatch(&r, 3), 3);
			/* The head is where the callbacks are, not beyond. */
			EXPECT_EQ(ring_cq_ready(&r), 5);
			EXPECT_EQ(ring_dispatch(&r, ~0U), 5);
			EXPECT_EQ(ring_dispatch(&r, ~0U), 0);
		}
		EXPECT_EQ(seen.nr, 40);
		for (u32 i = 0; i < seen.nr; i++)
			EXPECT_EQ(seen.what[i], i);
		ring_exit(&r);
	}
}

static void foreign_ones(void)
{
	struct seen seen = { .nr = 0 };
	struct counted c = { .op = { count }, .seen = &seen };
	u64 ids[4];
	struct ring r;

	make(&r, 8, 0, 0);
	r.other = note_foreign;
	for (u32 i = 0; i < 4; i++) {
		struct io_uring_sqe *sqe = ring_get_sqe(&r);

		ring_prep_nop(sqe);
		ids[i] = ring_sqe_set_id(&r, sqe);
		EXPECT_EQ(sqe->user_data, ids[i]);
		prep_nop_op(&r, &c.op);
	}
	ASSERT_EQ(ring_submit_and_wait(&r, 8), 8);
	/* One at a time, so that neither kind is brought forward */
	for (u32 i = 0; i < 4; i++) {
		EXPECT_EQ(ring_dispatch(&r, 1), 1);
		EXPECT_EQ(foreign.nr, i + 1);
		EXPECT_EQ(foreign.what[i], ids[i]);
		EXPECT_EQ(seen.nr, i);
		EXPECT_EQ(ring_dispatch(&r, 1), 1);
		EXPECT_EQ(seen.nr, i + 1);
	}
	ring_exit(&r);
}

static void nobodys(void)
{
	struct ring r;

	make(&r, 8, 0, 0);
	for (u32 round = 0; round < 2; round++) {
		r.other = round ? note_foreign : NULL;
		for (u64 i = 0; i < 4; i++) {
			struct io_uring_sqe *sqe = ring_get_sqe(&r);

			ring_prep_nop(sqe);
			ring_sqe_set_data64(sqe, i < 2 ? 0 : RING_OP_NONE);
		}
		ASSERT_EQ(ring_submit_and_wait(&r, 4), 4);
		EXPECT_EQ(ring_dispatch(&r, ~0U), 4);
		EXPECT_EQ(foreign.nr, round ? 2 : 0);
	}
	ring_exit(&r);
}

static void numbers(void)
{
	struct ring r;
	u64 last = 0;

	make(&r, 8, 0, 0);
	for (u32 i = 0; i < 1000; i++) {
		u64 id = ring_id(&r);

		ASSERT_GT(id, last);
		ASSERT_EQ(id & RING_OP_NONE, 0);
		last = id;
	}
	ring_set_id(&r, 5000);
	EXPECT_EQ(ring_id(&r), 5002);
	ring_set_id(&r, 7001);
	EXPECT_EQ(ring_id(&r), 7002);
	ring_exit(&r);
}

static void again(struct ring_op *op, s32 res, u32 flags)
{
	struct counted *c = CONTAINER_OF(op, struct counted, op);

	EXPECT_EQ(res, 0);
	EXPECT_EQ(flags & IORING_CQE_F_MORE, 0);
	c->nr++;
	if (!--c->left)
		return;
	prep_nop_op(c->r, op);
	if (c->left % 3 == 0)
		ASSERT_OK(ring_submit(c->r));
}

static void resubmits(void)
{
	for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		struct counted ops[4];
		u32 nr = 0;
		struct ring r;

		make(&r, 4, 0, kinds[kind]);
		for (u32 i = 0; i < 4; i++) {
			ops[i] = (struct counted){ .op = { again }, .r = &r, .left = 1000 + i };
			prep_nop_op(&r, &ops[i].op);
		}
		while (nr < 4006) {
			int ret = ring_turn(&r, 1000000000);

			ASSERT_GE(ret, 0);
			nr += (u32)ret;
		}
		EXPECT_EQ(nr, 4006);
		for (u32 i = 0; i < 4; i++)
			EXPECT_EQ(ops[i].nr, 1000 + i);
		EXPECT_EQ(ring_sq_ready(&r), 0);
		EXPECT_EQ(ring_cq_ready(&r), 0);
		ring_exit(&r);
	}
}

/* Notes itself, then what a dispatch inside of it brings */
static void nests(struct ring_op *op, s32 res, u32 flags)
{
	struct counted *c = CONTAINER_OF(op, struct counted, op);

	note(c->seen, c->nr, res, flags);
	EXPECT_EQ(ring_dispatch(c->r, c->left), c->left);
	note(c->seen, 100 + c->nr, res, flags);
}

static void nested(void)
{
	static const u64 want[] = { 0, 1, 2, 102, 101, 3, 103, 100, 4, 104 };
	struct seen seen = { .nr = 0 };
	struct counted ops[5];
	struct ring r;

	make(&r, 8, 0, 0);
	for (u32 i = 0; i < 5; i++) {
		/* 0 takes two, the first of which takes one more */
		ops[i] = (struct counted){ { nests }, &r, &seen, i, i == 0 ? 2 : i == 1 };
		prep_nop_op(&r, &ops[i].op);
	}
	ASSERT_EQ(ring_submit_and_wait(&r, 5), 5);
	EXPECT_EQ(ring_dispatch(&r, ~0U), 2);
	ASSERT_EQ(seen.nr, ARRAY_SIZE(want));
	for (u32 i = 0; i < ARRAY_SIZE(want); i++)
		EXPECT_EQ(seen.what[i], want[i]);
	ring_exit(&r);
}

static void multishot(void)
{
	struct seen seen = { .nr = 0 };
	struct counted c = { .op = { count }, .seen = &seen };
	struct io_uring_sqe *sqe;
	struct ring r;
	u64 word = 1;
	int efd = sys_eventfd2(0, 0);

	make(&r, 8, 0, 0);
	sqe = ring_get_sqe(&r);
	ring_prep_poll_multishot(sqe, efd, POLLIN_BIT);
	ring_sqe_set_op(sqe, &c.op);
	EXPECT_ERR(ring_turn(&r, 0), 0);
	for (u32 i = 0; i < 3; i++) {
		ASSERT_EQ(sys_write(efd, &word, sizeof(word)), sizeof(word));
		EXPECT_EQ(ring_turn(&r, 1000000000), 1);
		ASSERT_EQ(seen.nr, i + 1);
		EXPECT_EQ(seen.res[i] & POLLIN_BIT, POLLIN_BIT);
		EXPECT_TRUE(seen.flags[i] & IORING_CQE_F_MORE);
	}
	sqe = ring_get_sqe(&r);
	ring_prep_cancel64(sqe, ring_op_data(&c.op), 0);
	ring_sqe_set_data64(sqe, RING_OP_NONE);
	while (seen.nr < 4)
		ASSERT_GE(ring_turn(&r, 1000000000), 0);
	EXPECT_ERR(seen.res[3], -ECANCELED);
	EXPECT_TRUE(!(seen.flags[3] & IORING_CQE_F_MORE));
	sys_close(efd);
	ring_exit(&r);
}

static void overflow(void)
{
	struct seen seen = { .nr = 0 };
	struct counted ops[40];
	struct ring r;

	make(&r, 4, 4, 0);
	for (u32 i = 0; i < 40; i++) {
		struct io_uring_sqe *sqe = ring_op_sqe(&r);

		ASSERT_TRUE(sqe);
		ops[i] = (struct counted){ { count }, &r, &seen, i, 0 };
		ring_prep_nop(sqe);
		ring_sqe_set_op(sqe, &ops[i].op);
	}
	ASSERT_EQ(ring_submit(&r), 4);
	EXPECT_TRUE(ring_cq_has_overflow(&r));
	while (seen.nr < 40)
		ASSERT_GT(ring_turn(&r, 1000000000), 0);
	for (u32 i = 0; i < 40; i++)
		EXPECT_EQ(seen.what[i], i);
	EXPECT_ERR(ring_turn(&r, 1000000), -ETIME);
	ring_exit(&r);
}

/* The other half of a large completion reaches the hook. */
static u64 extra[2];

static void note_extra(struct ring *r, const struct io_uring_cqe *cqe)
{
	const u64 *more = (const u64 *)(const void *)(cqe + 1);

	(void)r;
	extra[0] = more[0];
	extra[1] = more[1];
}

static void large(void)
{
	struct seen seen = { .nr = 0 };
	struct counted c = { .op = { count }, .seen = &seen };
	struct ring r;

	make(&r, 8, 0, IORING_SETUP_CQE32);
	r.other = note_extra;
	for (u32 i = 0; i < 20; i++) {
		ring_prep_nop_cqe32(ring_get_sqe(&r), 0x1111 + i, 0x2222 + i);
		prep_nop_op(&r, &c.op);
		EXPECT_EQ(ring_turn(&r, 1000000000), 2);
		if (seen.nr == 1 && extra[0] == 0)
			need_linux("6.18", "a nop with a large completion");
		EXPECT_EQ(extra[0], 0x1111 + i);
		EXPECT_EQ(extra[1], 0x2222 + i);
	}
	EXPECT_EQ(seen.nr, 20);
	ring_exit(&r);
}

static void messages(void)
{
	struct seen seen = { .nr = 0 };
	struct counted c = { .op = { count }, .seen = &seen, .nr = 7 };
	struct io_uring_sqe *sqe;
	struct ring from;
	struct ring to;

	make(&from, 8, 0, 0);
	make(&to, 8, 0, 0);
	sqe = ring_get_sqe(&from);
	ring_prep_msg_ring(sqe, to.fd, 42, ring_op_data(&c.op), 0);
	ring_sqe_set_data64(sqe, RING_OP_NONE);
	EXPECT_EQ(ring_turn(&from, 1000000000), 1);
	EXPECT_EQ(ring_turn(&to, 1000000000), 1);
	ASSERT_EQ(seen.nr, 1);
	EXPECT_EQ(seen.what[0], 7);
	EXPECT_EQ(seen.res[0], 42);
	ring_exit(&to);
	ring_exit(&from);
}

static void turn_fails(void)
{
	struct seen seen = { .nr = 0 };
	struct counted c = { .op = { count }, .seen = &seen };
	struct ring r;

	make(&r, 8, 0, 0);
	EXPECT_ERR(ring_turn(&r, 0), -ETIME);
	prep_nop_op(&r, &c.op);
	ASSERT_EQ(ring_submit(&r), 1);
	sys_close(r.fd);
	/* What is there is dispatched even so; the error comes when nothing is. */
	EXPECT_EQ(ring_turn(&r, 0), 1);
	EXPECT_ERR(ring_turn(&r, 0), -EBADF);
	EXPECT_EQ(seen.nr, 1);
	ring_exit(&r);
}

static const struct test_case cases[] = {
	TEST("callbacks run in the order of completions, as many as asked for", in_order),
	TEST("completions of no op go to the hook, in their turn", foreign_ones),
	TEST("completions of no op are dropped without a hook, unwanted ones always", nobodys),
	TEST("numbers of requests grow and are never taken for an op", numbers),
	TEST("callbacks submit their op again, a thousand times around a small ring", resubmits),
	TEST("a dispatch inside of a callback goes on with the next completion", nested),
	TEST("an op of a multishot request gets every completion", multishot),
	TEST("more completions than there is room for: every callback runs, in order", overflow),
	TEST("the hook sees all of a 32-byte completion", large),
	TEST("a message of another ring runs an op", messages),
	TEST("a turn reports an error when it has nothing else to report", turn_fails),
};
TEST_SUITE(ring_op, cases);
