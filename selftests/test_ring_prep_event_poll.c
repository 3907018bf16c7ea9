/* SPDX-License-Identifier: MIT */
/* ring/prep_event.h, proved by doing it: polls, and cancels in all their forms */
#include <asm/poll.h>

#include "selftests/ring_play.h"

static void ready(int fd)
{
	u64 value = 1;

	ASSERT_EQ(sys_write(fd, &value, 8), 8);
}

static void drained(int fd)
{
	u64 value;

	ASSERT_EQ(sys_read(fd, &value, 8), 8);
}

static void polls_once(void)
{
	int fd = play_eventfd();
	struct ring r;

	play_ring(&r, 0);
	ring_prep_poll_add(play_sqe(&r), fd, POLLIN | POLLOUT);
	EXPECT_EQ(play_result(&r), POLLOUT); /* at once */
	ring_prep_poll_add(play_sqe(&r), fd, POLLIN);
	play_submit(&r);
	play_quiet(&r);
	ready(fd);
	EXPECT_EQ(play_result(&r), POLLIN);
	drained(fd);
	ready(fd);
	play_quiet(&r);
	ring_prep_poll_add(play_sqe(&r), -1, POLLIN);
	EXPECT_EQ(play_result(&r), -EBADF);
}

static void polls_often(void)
{
	int fd = play_eventfd();
	struct io_uring_sqe *sqe;
	struct play_cqe cqe;
	struct ring r;

	play_ring(&r, 0);
	sqe = play_sqe(&r);
	ring_prep_poll_multishot(sqe, fd, POLLIN);
	play_tag(sqe, 1, 0);
	play_submit(&r);
	for (u32 i = 0; i < 50; i++) {
		ready(fd);
		cqe = play_next(&r);
		EXPECT_EQ(cqe.res, POLLIN);
		EXPECT_EQ(cqe.flags, IORING_CQE_F_MORE);
		drained(fd);
	}
	sqe = play_sqe(&r);
	ring_prep_poll_remove(sqe, 1);
	play_tag(sqe, 2, 0);
	for (u32 i = 0; i < 2; i++) {
		cqe = play_next(&r);
		EXPECT_EQ(cqe.res, cqe.user_data == 2 ? 0 : -ECANCELED);
		EXPECT_EQ(cqe.flags, 0);
	}
	ready(fd);
	play_quiet(&r);
	/* the kernel has a bit for this, and has switched it off before its first release */
	sqe = play_sqe(&r);
	ring_prep_poll_add(sqe, fd, POLLIN);
	sqe->len = IORING_POLL_ADD_LEVEL;
	EXPECT_EQ(play_result(&r), -EINVAL);
}

static void polls_change(void)
{
	enum { EVENTS = IORING_POLL_UPDATE_EVENTS, DATA = IORING_POLL_UPDATE_USER_DATA,
	       MULTI = IORING_POLL_ADD_MULTI };
	static const struct {
		u64 old_data;
		u64 new_data;
		u32 mask;
		u32 flags;
		s32 want;
	} rows[] = {
		{ 9, 0, POLLIN, EVENTS, -ENOENT },
		{ 9, 3, 0, DATA, -ENOENT },
		{ 1, 3, 0, 0, -EINVAL },	  /* a number, but not to be changed */
		{ 1, 0, POLLIN, 0, -EINVAL },	  /* the same with events */
		{ 1, 0, POLLIN, MULTI, -EINVAL }, /* that is no update */
		{ 1, 0, POLLIN, EVENTS | 1U << 31, -EINVAL },
		{ 1, 3, 0, DATA, 0 },
		{ 3, 4, POLLPRI, EVENTS | DATA, 0 },
		{ 4, 0, POLLIN, EVENTS, 0 }, /* goes off */
	};
	int fd = play_eventfd();
	struct io_uring_sqe *sqe;
	struct ring r;

	play_ring(&r, 0);
	ready(fd);
	sqe = play_sqe(&r);
	ring_prep_poll_add(sqe, fd, POLLPRI);
	play_tag(sqe, 1, 0);
	play_submit(&r);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_row("row %zu", i);
		play_quiet(&r);
		sqe = play_sqe(&r);
		ring_prep_poll_update(sqe, rows[i].old_data, rows[i].new_data, rows[i].mask,
				      rows[i].flags);
		play_tag(sqe, 100, 0);
		if (i < ARRAY_SIZE(rows) - 1)
			play_expect(&r, 100, rows[i].want);
	}
	for (u32 i = 0; i < 2; i++) {
		struct play_cqe cqe = play_next(&r);

		EXPECT_TRUE(cqe.user_data == 100 || cqe.user_data == 4);
		EXPECT_EQ(cqe.res, cqe.user_data == 100 ? 0 : POLLIN);
	}
	ring_prep_poll_remove(play_sqe(&r), 4);
	EXPECT_EQ(play_result(&r), -ENOENT);
}

/* What is there to cancel: user_data is the number of the bit. Two have the same. */
enum {
	POLL_A = 1, /* twice, on the file a; bits 0 and 1 */
	POLL_B,	    /* on the file b */
	TIMER,
	READ_P,	    /* of an empty pipe */
	POLL_SLOT,  /* on a again, by its slot */
	NR_WAITING = 6,
};

struct waiting {
	struct ring r;
	int a;
	int b;
	int p[2];
	char byte;
};

static void wait_for_all(struct waiting *w)
{
	static const struct __kernel_timespec late = { .tv_sec = 3600 };
	struct io_uring_sqe *sqe;

	for (u32 i = 0; i < 2; i++) {
		sqe = play_sqe(&w->r);
		ring_prep_poll_add(sqe, w->a, POLLIN);
		play_tag(sqe, POLL_A, 0);
	}
	sqe = play_sqe(&w->r);
	ring_prep_poll_multishot(sqe, w->b, POLLIN);
	play_tag(sqe, POLL_B, 0);
	sqe = play_sqe(&w->r);
	ring_prep_timeout(sqe, &late, 0, 0);
	play_tag(sqe, TIMER, 0);
	sqe = play_sqe(&w->r);
	ring_prep_read(sqe, w->p[0], &w->byte, 1, 0);
	play_tag(sqe, READ_P, 0);
	sqe = play_sqe(&w->r);
	ring_prep_poll_add(sqe, 0, POLLIN);
	play_tag(sqe, POLL_SLOT, IOSQE_FIXED_FILE);
	play_submit(&w->r);
	play_quiet(&w->r);
}

static void setup(struct waiting *w)
{
	play_ring(&w->r, 0);
	w->a = play_eventfd();
	w->b = play_eventfd();
	ASSERT_OK(sys_pipe2(w->p, 0));
	ASSERT_OK(ring_register_files(&w->r, &w->a, 1));
}

/* The completions of a cancel: how many of each number were cancelled */
static void expect_cancelled(struct waiting *w, s32 want, u32 nr, u32 allowed)
{
	struct play_cqe cqe;

	for (u32 i = 0; i < nr + 1; i++) {
		cqe = play_next(&w->r);
		if (cqe.user_data == 100) {
			EXPECT_EQ(cqe.res, want);
			continue;
		}
		EXPECT_NE(allowed & 1U << cqe.user_data, 0);
		EXPECT_EQ(cqe.res, -ECANCELED);
		EXPECT_EQ(cqe.flags & IORING_CQE_F_MORE, 0);
	}
	play_quiet(&w->r);
}

/* One way to cancel, of what wait_for_all() has started */
struct cancel_row {
	enum { BY_DATA, BY_FD, BY_SLOT, BY_OP, BY_ANY } form;
	u32 key;    /* user_data, 'a', 'b', 'p' or a bad number, slot, opcode */
	u32 flags;
	u64 data;   /* beside another key */
	s32 want;
	u32 nr;	    /* completions with -ECANCELED */
	u32 among;  /* numbers that they may have */
};

#define ALL  IORING_ASYNC_CANCEL_ALL
#define DATA IORING_ASYNC_CANCEL_USERDATA
#define BIT(x) (1U << (x))

static const struct cancel_row old_forms[] = {
	{ BY_DATA, 77, 0, 0, -ENOENT, 0, 0 },
	{ BY_DATA, 77, ALL, 0, 0, 0, 0 },
	{ BY_DATA, POLL_B, 0, 0, 0, 1, BIT(POLL_B) },
	{ BY_DATA, TIMER, 0, 0, 0, 1, BIT(TIMER) },
	{ BY_DATA, READ_P, 0, 0, 0, 1, BIT(READ_P) },
	{ BY_DATA, POLL_A, 0, 0, 0, 1, BIT(POLL_A) },
	{ BY_DATA, POLL_A, ALL, 0, 2, 2, BIT(POLL_A) },
	{ BY_FD, 'a', 0, 0, 0, 1, BIT(POLL_A) | BIT(POLL_SLOT) },
	{ BY_FD, 'a', ALL, 0, 3, 3, BIT(POLL_A) | BIT(POLL_SLOT) },
	{ BY_FD, 'b', ALL, 0, 1, 1, BIT(POLL_B) },
	{ BY_FD, 'p', 0, 0, 0, 1, BIT(READ_P) },
	{ BY_FD, 999, 0, 0, -EBADF, 0, 0 },
	{ BY_SLOT, 0, ALL, 0, 3, 3, BIT(POLL_A) | BIT(POLL_SLOT) },
	{ BY_SLOT, 1, ALL, 0, -EBADF, 0, 0 },
	{ BY_ANY, 0, 0, 0, NR_WAITING, NR_WAITING,
	  BIT(POLL_A) | BIT(POLL_B) | BIT(TIMER) | BIT(READ_P) | BIT(POLL_SLOT) },
	{ BY_DATA, POLL_A, 1U << 31, 0, -EINVAL, 0, 0 },
	{ BY_FD, 'a', IORING_ASYNC_CANCEL_ANY, 0, -EINVAL, 0, 0 },
};

static const struct cancel_row new_forms[] = {
	{ BY_OP, IORING_OP_NOP, 0, 0, -ENOENT, 0, 0 },
	{ BY_OP, IORING_OP_TIMEOUT, 0, 0, 0, 1, BIT(TIMER) },
	{ BY_OP, IORING_OP_READ, ALL, 0, 1, 1, BIT(READ_P) },
	{ BY_OP, IORING_OP_POLL_ADD, ALL, 0, 4, 4, BIT(POLL_A) | BIT(POLL_B) | BIT(POLL_SLOT) },
	{ BY_OP, IORING_OP_POLL_ADD, DATA, POLL_B, 0, 1, BIT(POLL_B) },
	{ BY_OP, IORING_OP_POLL_ADD, DATA, READ_P, -ENOENT, 0, 0 },
	{ BY_FD, 'a', ALL | DATA, POLL_SLOT, 1, 1, BIT(POLL_SLOT) },
	{ BY_FD, 'a', ALL | DATA, POLL_A, 2, 2, BIT(POLL_A) },
	{ BY_OP, IORING_OP_READ, IORING_ASYNC_CANCEL_ANY, 0, -EINVAL, 0, 0 },
};

static s32 cancel_fd(const struct waiting *w, u32 key)
{
	return key == 'a' ? w->a : key == 'b' ? w->b : key == 'p' ? w->p[0] : (s32)key;
}

static void prep_cancel(struct waiting *w, const struct cancel_row *row)
{
	struct io_uring_sqe *sqe = play_sqe(&w->r);

	switch (row->form) {
	case BY_DATA:
		ring_prep_cancel64(sqe, row->key, row->flags);
		break;
	case BY_FD:
		ring_prep_cancel_fd(sqe, cancel_fd(w, row->key), row->flags);
		break;
	case BY_SLOT:
		ring_prep_cancel_fd(sqe, (s32)row->key, row->flags | IORING_ASYNC_CANCEL_FD_FIXED);
		break;
	case BY_OP:
		ring_prep_cancel_op(sqe, (u8)row->key, row->flags);
		break;
	case BY_ANY:
		ring_prep_cancel_any(sqe);
		break;
	}
	if (row->flags & DATA)
		sqe->addr = row->data;
	play_tag(sqe, 100, 0);
}

static void cancel_rows(const struct cancel_row *rows, size_t nr)
{
	struct waiting w;
	struct io_uring_sqe *sqe;

	setup(&w);
	for (size_t i = 0; i < nr; i++) {
		test_row("row %zu", i);
		wait_for_all(&w);
		prep_cancel(&w, &rows[i]);
		expect_cancelled(&w, rows[i].want, rows[i].nr, rows[i].among);
		/* all others are still there */
		test_row("row %zu, the rest", i);
		sqe = play_sqe(&w.r);
		ring_prep_cancel_any(sqe);
		play_tag(sqe, 100, 0);
		expect_cancelled(&w, (s32)(NR_WAITING - rows[i].nr), NR_WAITING - rows[i].nr, ~0U);
	}
}

static void cancels(void)
{
	cancel_rows(old_forms, ARRAY_SIZE(old_forms));
}

/* An older kernel refuses this, or some patch levels know the flag but find no timeout by it. */
static void cancels_by_more(void)
{
	struct waiting w;
	struct io_uring_sqe *sqe;
	struct play_cqe cqe;

	setup(&w);
	wait_for_all(&w);
	sqe = play_sqe(&w.r);
	ring_prep_cancel_op(sqe, IORING_OP_TIMEOUT, 0);
	play_tag(sqe, 100, 0);
	cqe = play_next(&w.r);
	if (cqe.res == -EINVAL || (cqe.res == -ENOENT && !is_linux("6.6")))
		need_linux("6.6", "cancels by opcode");
	ring_exit(&w.r);
	cancel_rows(new_forms, ARRAY_SIZE(new_forms));
}

/* A pointer is a number, too; and what is chained to the cancelled one ends with it. */
static void cancels_chains(void)
{
	struct waiting w;
	struct io_uring_sqe *sqe;

	setup(&w);
	sqe = play_sqe(&w.r);
	ring_prep_poll_add(sqe, w.a, POLLIN);
	ring_sqe_set_data(sqe, &w);
	ring_sqe_set_flags(sqe, IOSQE_IO_LINK);
	sqe = play_sqe(&w.r);
	ring_prep_nop(sqe);
	play_tag(sqe, 1, 0);
	play_submit(&w.r);
	play_quiet(&w.r);
	sqe = play_sqe(&w.r);
	ring_prep_cancel(sqe, &w, 0);
	play_tag(sqe, 100, 0);
	for (u32 i = 0; i < 3; i++) {
		struct play_cqe cqe = play_next(&w.r);

		EXPECT_EQ(cqe.res, cqe.user_data == 100 ? 0 : -ECANCELED);
	}
	play_quiet(&w.r);
}

static const struct test_case cases[] = {
	TEST("a poll tells once when a file is ready", polls_once),
	TEST("a multishot poll tells each time, until it is removed", polls_often),
	TEST("a poll's events and number can be changed", polls_change),
	TEST("cancels find by number, file, slot and at all, and count", cancels),
	TEST("cancels find by opcode and by two keys", cancels_by_more),
	TEST("a cancel ends a whole chain", cancels_chains),
};
TEST_SUITE(ring_prep_event_poll, cases);
