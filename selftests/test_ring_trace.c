/* SPDX-License-Identifier: MIT */
/* ring/trace.h and ring/text.h: seeing what goes through a ring */
#include <asm/errno.h>

#include "ring/mixed.h"
#include "ring/op.h"
#include "ring/prep.h"
#include "ring/text.h"
#include "ring/trace.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "uapi/sys.h"

static void make(struct ring *r, u32 entries, u32 flags)
{
	struct io_uring_params p = { .flags = flags };
	int err = ring_init(r, entries, &p);

	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
}

/* Numbers of entries and completions in the order in which they were shown */
struct log {
	struct ring_trace t;
	u64 sqes[512];
	u64 cqes[512];
	u32 nr_sqes;
	u32 nr_cqes;
	u32 nr_errors;
	int err;
};

static void see_sqe(struct ring_trace *t, const struct io_uring_sqe *sqe)
{
	struct log *log = CONTAINER_OF(t, struct log, t);

	log->sqes[log->nr_sqes++ % 512] = sqe->user_data;
}

static void see_cqe(struct ring_trace *t, const struct io_uring_cqe *cqe)
{
	struct log *log = CONTAINER_OF(t, struct log, t);

	log->cqes[log->nr_cqes++ % 512] = cqe->user_data;
}

static void see_error(struct ring_trace *t, int err)
{
	struct log *log = CONTAINER_OF(t, struct log, t);

	log->nr_errors++;
	log->err = err;
}

static void trace(struct log *log, struct ring *r)
{
	*log = (struct log){ .nr_sqes = 0 };
	ring_trace_init(&log->t, r);
	log->t.on_sqe = see_sqe;
	log->t.on_cqe = see_cqe;
	log->t.on_error = see_error;
}

static void prep_nop(struct ring *r, u64 data)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);

	ASSERT_TRUE(sqe);
	ring_prep_nop(sqe);
	ring_sqe_set_data64(sqe, data);
}

struct kind {
	u32 flags;
	const char *name;
};

#define KIND(flags_) { flags_, #flags_ }

static const struct kind kinds[] = {
	KIND(0),
	KIND(IORING_SETUP_SQE128 | IORING_SETUP_CQE32),
	KIND(IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN),
	KIND(IORING_SETUP_SQPOLL),
};

/* In portions of all sizes, seen late now and then, through many wraps */
static void everything_once(struct ring *r)
{
	static struct log log;
	u64 next = 1;

	trace(&log, r);
	for (u32 round = 0; round < 120; round++) {
		u32 nr = round % 5;
		u32 want = ring_sq_space_left(r) < nr ? ring_sq_space_left(r) : nr;

		for (u32 i = 0; i < want; i++) {
			prep_nop(r, next++);
			if (i == 1)
				ring_trace_entries(&log.t);
		}
		ASSERT_GE(ring_trace_submit(&log.t, want, 5000000000), 0);
		while (log.nr_cqes + 1 < next)
			ASSERT_GE(ring_trace_submit(&log.t, 1, 5000000000), 0);
		ring_trace_completions(&log.t);
		if (round % 3)
			ring_cq_advance(r, ring_cq_ready(r));
		else
			ring_cq_advance(r, ring_cq_ready(r) / 2);
	}
	EXPECT_EQ(log.nr_sqes, next - 1);
	EXPECT_EQ(log.nr_cqes, next - 1);
	EXPECT_EQ(log.nr_errors, 0);
	for (u32 i = 0; i < next - 1; i++) {
		ASSERT_EQ(log.sqes[i], i + 1);
		ASSERT_EQ(log.cqes[i], i + 1);
	}
}

static void all_kinds(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct ring r;

		test_row("%s", kinds[i].name);
		make(&r, 4, kinds[i].flags);
		everything_once(&r);
		ring_exit(&r);
	}
}

static void rewinding(void)
{
	struct ring r;

	NEED_SETUP(IORING_SETUP_SQ_REWIND);
	make(&r, 4, IORING_SETUP_SQ_REWIND | IORING_SETUP_NO_SQARRAY);
	everything_once(&r);
	ring_exit(&r);
}

/* Fillers are nobody's; large ones count once. */
static void mixed(void)
{
	static struct log log;
	struct io_uring_cqe *cqe;
	struct ring r;
	u32 head;
	u32 nr = 0;

	NEED_SETUP(IORING_SETUP_SQE_MIXED);
	make(&r, 8, IORING_SETUP_SQE_MIXED | IORING_SETUP_CQE_MIXED);
	trace(&log, &r);
	for (u64 i = 1; i <= 200; i += 2) {
		struct io_uring_sqe *sqe = ring_get_sqe128(&r);

		ASSERT_TRUE(sqe);
		ring_prep_nop128(sqe);
		ring_sqe_set_data64(sqe, i);
		sqe = ring_get_sqe(&r);
		ring_prep_nop_cqe32(sqe, 1, 2);
		ring_sqe_set_data64(sqe, i + 1);
		ASSERT_GE(ring_trace_submit(&log.t, 2, RING_NO_TIMEOUT), 0);
		ring_for_each_cqe_mixed(&r, head, cqe)
			nr++;
		ring_cq_advance_to(&r, head);
	}
	EXPECT_EQ(nr, 200);
	EXPECT_EQ(log.nr_cqes, 200);
	for (u32 i = 0; i < 200; i++)
		ASSERT_EQ(log.cqes[i], i + 1);
	/* Fillers of the submission queue are entries; they carry no number. */
	for (u32 i = 0, at = 0; i < log.nr_sqes; i++) {
		if (log.sqes[i])
			ASSERT_EQ(log.sqes[i], ++at);
	}
	ring_exit(&r);
}

/* What others submit and reap is shown if it is looked for, and does no harm if not. */
static void around_others(void)
{
	static struct log log;
	struct io_uring_sqe *sqe;
	struct ring r;

	make(&r, 4, 0);
	prep_nop(&r, 50);
	trace(&log, &r);
	/* There before */
	ring_trace_entries(&log.t);
	EXPECT_EQ(log.nr_sqes, 1);
	sqe = ring_get_sqe(&r);
	ring_prep_nop(sqe);
	ASSERT_EQ(ring_call(&r, sqe), 0);
	EXPECT_EQ(log.nr_cqes, 0);
	for (u64 i = 0; i < 3; i++) {
		prep_nop(&r, 60 + i);
		ASSERT_EQ(ring_submit(&r), 1);
	}
	ring_cq_advance(&r, 1);
	prep_nop(&r, 70);
	ring_trace_entries(&log.t);
	ring_trace_entries(&log.t);
	ring_trace_completions(&log.t);
	ring_trace_completions(&log.t);
	EXPECT_EQ(log.nr_sqes, 2);
	EXPECT_EQ(log.sqes[1], 70);
	EXPECT_EQ(log.nr_cqes, 2);
	EXPECT_EQ(log.cqes[0], 61);
	EXPECT_EQ(log.cqes[1], 62);
	ring_exit(&r);
}

static void errors(void)
{
	static struct log log;
	struct ring r;

	make(&r, 4, 0);
	trace(&log, &r);
	EXPECT_ERR(ring_trace_submit(&log.t, 1, 1000000), -ETIME);
	EXPECT_EQ(log.nr_errors, 1);
	EXPECT_ERR(log.err, -ETIME);
	prep_nop(&r, 1);
	sys_close(r.fd);
	for (u32 i = 2; i < 5; i++) {
		EXPECT_ERR(ring_trace_submit(&log.t, 0, RING_NO_TIMEOUT), -EBADF);
		EXPECT_EQ(log.nr_errors, i);
		EXPECT_ERR(log.err, -EBADF);
		/* It stays prepared, and was shown. */
		EXPECT_EQ(log.nr_sqes, 1);
	}
	/* No hooks, no harm */
	ring_trace_init(&log.t, &r);
	EXPECT_ERR(ring_trace_submit(&log.t, 0, RING_NO_TIMEOUT), -EBADF);
	EXPECT_EQ(log.nr_errors, 4);
	ring_exit(&r);
}

static void entry_text(void)
{
	struct io_uring_sqe sqe;
	char text[RING_TEXT_BYTES];
	char small[12];
	const char *want = "read fd=3 off=0x1000 addr=0x7f12a0 len=4096 fixed_file io_link "
			   "user_data=0x7";

	ring_prep_read(&sqe, 3, (void *)0x7f12a0, 4096, 4096);
	sqe.flags = IOSQE_FIXED_FILE | IOSQE_IO_LINK;
	sqe.user_data = 7;
	EXPECT_EQ(ring_sqe_text(text, sizeof(text), &sqe), str_len(want));
	EXPECT_STREQ(text, want);
	EXPECT_EQ(ring_sqe_text(small, sizeof(small), &sqe), str_len(want));
	EXPECT_STREQ(small, "read fd=3 o");

	ring_prep_nop(&sqe);
	ring_sqe_text(text, sizeof(text), &sqe);
	EXPECT_STREQ(text, "nop fd=-1 user_data=0x0");

	__builtin_memset(&sqe, 0xff, sizeof(sqe));
	EXPECT_LT(ring_sqe_text(text, sizeof(text), &sqe), sizeof(text));
	EXPECT_STREQ(text, "opcode=255 fd=-1 off=0xffffffffffffffff addr=0xffffffffffffffff "
			   "len=4294967295 op_flags=0xffffffff ioprio=0xffff buf=0xffff "
			   "personality=0xffff index=0xffffffff addr3=0xffffffffffffffff "
			   "fixed_file io_drain io_link io_hardlink async buffer_select "
			   "cqe_skip_success flags=0x80 user_data=0xffffffffffffffff");
}

static void completion_text(void)
{
	struct io_uring_cqe cqe = { .user_data = 7, .res = -EBADF, .flags = IORING_CQE_F_MORE };
	char text[RING_TEXT_BYTES];

	ring_cqe_text(text, sizeof(text), &cqe);
	EXPECT_STREQ(text, "user_data=0x7 res=-9 EBADF more");
	cqe.res = 512;
	cqe.flags = IORING_CQE_F_BUFFER | 1234 << IORING_CQE_BUFFER_SHIFT | IORING_CQE_F_NOTIF;
	ring_cqe_text(text, sizeof(text), &cqe);
	EXPECT_STREQ(text, "user_data=0x7 res=512 bid=1234 buffer notif");
	cqe.flags = IORING_CQE_F_32 | 1U << 30;
	ring_cqe_text(text, sizeof(text), &cqe);
	EXPECT_STREQ(text, "user_data=0x7 res=512 flags=0x40008000");
	cqe.flags = 0;
	cqe.res = 0;
	ring_cqe_text(text, sizeof(text), &cqe);
	EXPECT_STREQ(text, "user_data=0x7 res=0");
}

static const struct test_case cases[] = {
	TEST("entries and completions are shown once, in order, on every ring", all_kinds),
	TEST("also when every batch starts at the first slot", rewinding),
	TEST("also when they have two sizes", mixed),
	TEST("what others submit and reap does no harm", around_others),
	TEST("errors of entering the kernel reach their hook", errors),
	TEST("an entry as a line of text", entry_text),
	TEST("a completion as a line of text", completion_text),
};
TEST_SUITE(ring_trace, cases);
