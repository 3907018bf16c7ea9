/* SPDX-License-Identifier: MIT */
/* ring/mixed.h: entries of two sizes in one queue; and batches from the first slot */
#include "ring/mixed.h"
#include "selftests/ring_play.h"

#define NR_ROUNDS 300

/* What a request was, by its number */
static bool is_large(u64 number)
{
	return number * 7 % 5 < 2;
}

static void make(struct ring *r, u32 entries, u32 flags)
{
	struct io_uring_params p = { .flags = flags };

	ASSERT_OK(ring_init(r, entries, &p));
	ASSERT_EQ(r->flags & flags, flags);
}

/* Completions of both sizes, in every pattern around the end of the queue */
static void prep_completion(struct ring *r, u64 number)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	ASSERT_NE(sqe, NULL);
	if (is_large(number))
		ring_prep_nop_cqe32(sqe, number + 1000, ~number);
	else
		ring_prep_nop(sqe);
	ring_sqe_set_data64(sqe, number);
}

static void check_completion(const struct ring *r, const struct io_uring_cqe *cqe, u64 number)
{
	ASSERT_EQ(cqe->user_data, number);
	ASSERT_EQ(cqe->res, 0);
	if (!is_large(number))
		return;
	ASSERT_EQ(ring_cqe_step(r, cqe), r->flags & IORING_SETUP_CQE_MIXED ? 2 : 1);
	ASSERT_EQ(cqe->big_cqe[0], number + 1000);
	ASSERT_EQ(cqe->big_cqe[1], ~number);
}

static void completions(void)
{
	static const u32 flags[] = { IORING_SETUP_CQE_MIXED, IORING_SETUP_CQE32 };

	NEED_SETUP(IORING_SETUP_CQE_MIXED);
	for (size_t k = 0; k < ARRAY_SIZE(flags); k++) {
		u64 given = 0;
		u64 seen = 0;
		struct ring r;

		test_row("flags 0x%x", flags[k]);
		make(&r, 8, flags[k]);
		for (u32 round = 0; round < NR_ROUNDS; round++) {
			u32 batch = 1 + round % 6;
			struct io_uring_cqe *cqe;
			u32 head;

			for (u32 i = 0; i < batch; i++)
				prep_completion(&r, given++);
			ASSERT_EQ(ring_submit_and_wait(&r, batch), batch);
			ring_for_each_cqe_mixed(&r, head, cqe) {
				if (round % 3 == 2 && seen + 1 == given)
					break; /* the last is left for the next turn */
				check_completion(&r, cqe, seen++);
			}
			ring_cq_advance_to(&r, head);
			while (round % 3 == 0 && (cqe = ring_peek_cqe_mixed(&r))) {
				check_completion(&r, cqe, seen++);
				ring_cqe_seen_mixed(&r, cqe);
			}
		}
		ASSERT_GE(seen + 1, given);
		ring_exit(&r);
	}
}

/* One by one, which goes through fillers by itself */
static void completions_one_by_one(void)
{
	struct io_uring_cqe *cqe;
	u32 nr_fillers = 0;
	struct ring r;

	NEED_SETUP(IORING_SETUP_CQE_MIXED);
	make(&r, 4, IORING_SETUP_CQE_MIXED);
	for (u64 n = 0; n < 500; n++) {
		prep_completion(&r, n);
		ASSERT_EQ(ring_submit_and_wait(&r, 1), 1);
		nr_fillers += ring_cqe_is_filler(ring_peek_cqe(&r));
		cqe = ring_peek_cqe_mixed(&r);
		ASSERT_NE(cqe, NULL);
		check_completion(&r, cqe, n);
		ring_cqe_seen_mixed(&r, cqe);
		ASSERT_EQ(ring_peek_cqe_mixed(&r), NULL);
		ASSERT_EQ(ring_cq_ready(&r), 0);
	}
	EXPECT_GT(nr_fillers, 10);
	ring_exit(&r);
}

static void overflow_of_large_ones(void)
{
	struct io_uring_cqe *cqe;
	u64 given = 0;
	u64 seen = 0;
	struct ring r;

	NEED_SETUP(IORING_SETUP_CQE_MIXED);
	make(&r, 8, IORING_SETUP_CQE_MIXED);
	while (given < 200) {
		prep_completion(&r, given++);
		if (!ring_sq_space_left(&r))
			ASSERT_EQ(ring_submit(&r), 8);
	}
	EXPECT_TRUE(ring_cq_has_overflow(&r));
	while (seen < given) {
		cqe = ring_peek_cqe_mixed(&r);
		if (!cqe) {
			ASSERT_TRUE(ring_cq_has_overflow(&r));
			ASSERT_OK(ring_get_events(&r));
			continue;
		}
		check_completion(&r, cqe, seen++);
		ring_cqe_seen_mixed(&r, cqe);
	}
	EXPECT_EQ(ring_cq_overflow(&r), 0);
	ring_exit(&r);
}

/* Submissions of both sizes; large ones never begin in the last slot */
static void submissions(void)
{
	u64 given = 0;
	u64 seen = 0;
	u32 nr_fillers = 0;
	struct ring r;

	NEED_SETUP(IORING_SETUP_SQE_MIXED);
	make(&r, 8, IORING_SETUP_SQE_MIXED | IORING_SETUP_NO_SQARRAY);
	while (given < 5000) {
		u32 batch = 1 + (u32)(given % 4);
		struct io_uring_sqe *sqe;
		u32 before = r.sq.sqe_tail;

		for (u32 i = 0; i < batch; i++) {
			u32 tail = r.sq.sqe_tail;

			if (!is_large(given)) {
				sqe = ring_get_sqe(&r);
				if (sqe)
					ring_prep_nop(sqe);
			} else {
				sqe = ring_get_sqe128(&r);
				if (sqe)
					ring_prep_nop128(sqe);
				nr_fillers += r.sq.sqe_tail - tail == 3;
				ASSERT_TRUE(!sqe || sqe < r.sq.sqes + 7);
			}
			if (!sqe)
				break;
			ring_sqe_set_data64(sqe, given++);
		}
		ASSERT_EQ(ring_submit_and_wait(&r, (u32)(given - seen)), r.sq.sqe_tail - before);
		ASSERT_EQ(ring_cq_ready(&r), given - seen);
		for (struct io_uring_cqe *cqe; (cqe = ring_peek_cqe(&r));) {
			ASSERT_EQ(cqe->user_data, seen++);
			ASSERT_EQ(cqe->res, 0);
			ring_cqe_seen(&r, cqe);
		}
	}
	EXPECT_EQ(seen, given);
	EXPECT_GT(nr_fillers, 100);
	ring_exit(&r);
}

/* Puts the tail into this slot */
static void go_to_slot(struct ring *r, u32 slot)
{
	while ((r->sq.sqe_tail & r->sq_mask) != slot) {
		ring_prep_nop(ring_get_sqe(r));
		ASSERT_EQ(ring_submit_and_wait(r, 1), 1);
		ring_cq_advance(r, 1);
	}
}

static void no_room_for_large(void)
{
	struct io_uring_sqe *sqe;
	struct ring r;

	make(&r, 8, 0);
	EXPECT_EQ(ring_get_sqe128(&r), NULL);
	EXPECT_EQ(ring_sq_ready(&r), 0);
	ring_exit(&r);
	make(&r, 8, IORING_SETUP_SQE128);
	EXPECT_NE(ring_get_sqe128(&r), NULL);
	ring_exit(&r);
	NEED_SETUP(IORING_SETUP_SQE_MIXED);
	make(&r, 8, IORING_SETUP_SQE_MIXED);
	for (u32 i = 0; i < 4; i++) {
		sqe = ring_get_sqe128(&r);
		ASSERT_EQ(sqe, r.sq.sqes + 2 * (size_t)i);
		ring_prep_nop128(sqe);
	}
	EXPECT_EQ(ring_get_sqe128(&r), NULL);
	EXPECT_EQ(ring_submit_and_wait(&r, 4), 8);
	ring_cq_advance(&r, 4);
	/* Two are free, the last and the first: a large one needs three, with the filler. */
	go_to_slot(&r, 1);
	for (u32 i = 0; i < 6; i++)
		ring_prep_nop(ring_get_sqe(&r));
	EXPECT_EQ(ring_get_sqe128(&r), NULL);
	EXPECT_EQ(ring_sq_ready(&r), 6);
	EXPECT_EQ(ring_submit_and_wait(&r, 6), 6);
	ring_exit(&r);
}

/* A chain goes on through a filler: a large one behind a failure is cancelled. */
static void chain_through_filler(void)
{
	struct io_uring_cqe *cqe;
	struct io_uring_sqe *sqe;
	struct ring r;
	u32 head;

	NEED_SETUP(IORING_SETUP_SQE_MIXED);
	for (u32 is_broken = 0; is_broken < 2; is_broken++) {
		u32 nr_own = 0;

		test_row("broken: %u", is_broken);
		make(&r, 8, IORING_SETUP_SQE_MIXED);
		go_to_slot(&r, 6);
		sqe = ring_get_sqe(&r);
		ring_prep_nop_result(sqe, is_broken ? -EIO : 0);
		ring_sqe_set_data64(sqe, 1);
		ring_sqe_set_flags(sqe, IOSQE_IO_LINK);
		sqe = ring_get_sqe128(&r);
		ASSERT_EQ(sqe, r.sq.sqes);
		ring_prep_nop128(sqe);
		ring_sqe_set_data64(sqe, 2);
		ASSERT_EQ(ring_submit_and_wait(&r, 2), 4);
		ring_for_each_cqe(&r, head, cqe) {
			s32 want = !is_broken ? 0 : cqe->user_data == 1 ? -EIO : -ECANCELED;

			EXPECT_EQ(cqe->res, want);
			nr_own += cqe->user_data != 0;
			EXPECT_TRUE(cqe->user_data || is_broken);
		}
		EXPECT_EQ(nr_own, 2);
		ring_cq_advance_to(&r, head);
		ring_exit(&r);
	}
}

/* SQ_REWIND */

static void rewinds(void)
{
	static const u32 flags[] = { 0, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN };

	NEED_SETUP(IORING_SETUP_SQ_REWIND);
	for (size_t k = 0; k < ARRAY_SIZE(flags); k++) {
		u64 given = 0;
		u64 seen = 0;
		struct ring r;

		test_row("flags 0x%x", flags[k]);
		make(&r, 8, flags[k] | IORING_SETUP_SQ_REWIND | IORING_SETUP_NO_SQARRAY);
		while (given < 20000) {
			u32 batch = 1 + (u32)(given * 7 % 8);

			for (u32 i = 0; i < batch; i++) {
				struct io_uring_sqe *sqe = ring_get_sqe(&r);

				ASSERT_EQ(sqe, r.sq.sqes + i);
				ring_prep_nop(sqe);
				ring_sqe_set_data64(sqe, given++);
			}
			ASSERT_EQ(given % 2 ? ring_submit_and_wait(&r, batch) :
					      ring_submit_and_get_events(&r), batch);
			ASSERT_EQ(ring_sq_ready(&r), 0);
			for (struct io_uring_cqe *cqe; (cqe = ring_peek_cqe(&r));) {
				ASSERT_EQ(cqe->user_data, seen++);
				ring_cqe_seen(&r, cqe);
			}
		}
		EXPECT_EQ(seen, given);
		/* Nobody has touched the shared words. */
		EXPECT_EQ(*r.sq.ktail, 0);
		EXPECT_EQ(*r.sq_khead, 0);
		ring_exit(&r);
	}
}

/* Without SUBMIT_ALL the kernel stops behind a bad entry, and begins at the
 * first slot with what is left. */
static void rewinds_what_is_left(void)
{
	static const u32 flags[] = { 0, IORING_SETUP_SQE128 };

	NEED_SETUP(IORING_SETUP_SQ_REWIND);
	for (size_t k = 0; k < ARRAY_SIZE(flags); k++) {
		struct io_uring_cqe *cqe;
		u64 seen = 0;
		struct ring r;
		u32 head;

		make(&r, 16, flags[k] | IORING_SETUP_SQ_REWIND | IORING_SETUP_NO_SQARRAY);
		for (u64 n = 0; n < 16; n++) {
			struct io_uring_sqe *sqe = ring_get_sqe(&r);

			ring_prep_nop(sqe);
			if (n % 5 == 2)
				sqe->opcode = 0xff;
			ring_sqe_set_data64(sqe, n);
		}
		EXPECT_EQ(ring_get_sqe(&r), NULL);
		EXPECT_EQ(ring_submit_and_wait(&r, 16), 16);
		EXPECT_EQ(ring_sq_ready(&r), 0);
		ring_for_each_cqe(&r, head, cqe) {
			EXPECT_EQ(cqe->user_data, seen);
			EXPECT_EQ(cqe->res, seen % 5 == 2 ? -EINVAL : 0);
			seen++;
		}
		EXPECT_EQ(seen, 16);
		ring_exit(&r);
	}
}

static const struct test_case cases[] = {
	TEST("completions of two sizes come in order, with all that is in them", completions),
	TEST("fillers are nobody's completion", completions_one_by_one),
	TEST("large completions overflow and are not lost", overflow_of_large_ones),
	TEST("submissions of two sizes go in order, around the end of the queue", submissions),
	TEST("a large entry that does not fit is not given", no_room_for_large),
	TEST("a chain goes on through a filler", chain_through_filler),
	TEST("every batch of a ring that rewinds starts at the first slot", rewinds),
	TEST("what the kernel left of a batch is submitted from the first slot",
	     rewinds_what_is_left),
};
TEST_SUITE(ring_mixed, cases);
