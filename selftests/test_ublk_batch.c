/* SPDX-License-Identifier: MIT */
/*
 * ublk/batch.c without the driver: a worker made by hand on a ring of this
 * machine. Commands are looked at in the ring and taken out of it; answers are
 * given by the test, so that elements are refused, as no kernel does to a server
 * that keeps to the rules. The tags that a fetch brings come by a multishot read
 * of a pipe into the same buffers: what is said of those is the kernel's own.
 */
#include <asm/errno.h>
#include <linux/fcntl.h>

#include "ring/buf_ring.h"
#include "ring/prep.h"
#include "ring/register.h"
#include "selftests/harness/harness.h"
#include "selftests/ring_caps.h"
#include "uapi/rt/mem.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"
#include "ublk/batch.h"
#include "ublk/worker.h"

#define DEPTH 64U
#define QUEUE 3
#define FILE_SLOT 1
#define NO_RESULT 0x7fff

struct bench {
	struct ublk_loop loop;
	struct ublk_worker w;
	struct ublk_worker_setup setup;
	struct tgt_tree tree;
	struct tgt tgt;
	struct ublk_tag tags[DEPTH];
	struct ublksrv_io_desc desc;
	struct pages mem;
	struct ublk_batch *batch;
	u32 nr_begun;
	bool is_in_turn; /* so far tag i % DEPTH came as the i'th */
	s32 pipe[2];
	u32 nr_enobufs;
	u32 nr_used_up; /* buffers */
};

static struct bench bench;

static void begin(struct ublk_worker *w, struct ublk_tag *t)
{
	struct bench *b = CONTAINER_OF(w, struct bench, w);

	b->is_in_turn = b->is_in_turn && t->tag == b->nr_begun % DEPTH;
	b->nr_begun++;
}

static const struct ublk_path paths[] = {
	{ .name = "copy", .begin = begin },
	{ .name = "user-copy", .flags = UBLK_F_USER_COPY, .begin = begin },
	{ .name = "auto-buf-reg", .flags = UBLK_F_AUTO_BUF_REG | UBLK_F_SUPPORT_ZERO_COPY,
	  .begin = begin },
};
enum { COPY, USER_COPY, AUTO_BUF_REG };

/* Where they are counted */
static struct ublk_stats_slot slot;

static void make_tags(struct bench *b)
{
	b->desc = (struct ublksrv_io_desc){ .op_flags = UBLK_IO_OP_READ, .nr_sectors = 8 };
	for (u32 i = 0; i < DEPTH; i++)
		b->tags[i] = (struct ublk_tag){
			.q_id = QUEUE,
			.tag = (u16)i,
			.buf_index = (u16)(100 + i),
			.addr = 0x10000 * (i + 1),
			.desc = &b->desc,
			.slab.queue = &b->w.tq,
			.counts = { slot.classes, slot.classes + 1 },
			.stats = &slot,
		};
}

/* A worker before it begins; @idx 0 is the one that prepares the queue */
static struct bench *worker(const struct ublk_path *path, u16 idx)
{
	struct bench *b = &bench;
	int err;

	memset(b, 0, sizeof(*b));
	b->is_in_turn = true;
	err = ublk_loop_init(&b->loop, 64, 4);
	if (err == -ENOSYS)
		test_skip("no io_uring here");
	ASSERT_OK(err);
	b->setup = (struct ublk_worker_setup){
		.nr_queues = 1,
		.nr_workers = 2,
		.depth = DEPTH,
		.tree = &b->tree,
		.path = path,
		.batch = true,
	};
	b->w = (struct ublk_worker){
		.tq = { .ring = &b->loop.ring, .run = &b->loop.run },
		.tgt = &b->tgt,
		.path = path,
		.loop = &b->loop,
		.setup = &b->setup,
		.tags = b->tags,
		.nr_tags = DEPTH,
		.idx = idx,
		.char_file = FILE_SLOT,
		.file_flags = IOSQE_FIXED_FILE,
	};
	make_tags(b);
	ASSERT_OK(pages_map(&b->mem, ublk_batch_bytes(&b->setup, 1)));
	return b;
}

static int begin_batch(struct bench *b)
{
	int err = ublk_batch_begin(&b->w, b->mem.addr, 1);

	/* of the buffers, before anything is asked of the driver */
	if (err == -EINVAL && !is_linux("6.12"))
		need_linux("6.12", "incremental provided buffers");
	b->batch = b->tags[0].batch;
	return err;
}

static void end(struct bench *b)
{
	ublk_loop_exit(&b->loop);
	pages_unmap(&b->mem);
}

/* --- commands ------------------------------------------------------------------------- */

/* struct sent - a command, taken out of the ring */
struct sent {
	struct io_uring_sqe sqe;
	struct ublk_batch_io cmd;
};

static bool nothing_sent(const struct bench *b)
{
	return !ring_sq_ready(&b->loop.ring);
}

/* The only one there is */
static struct sent take(struct bench *b, u32 cmd_op, u32 step)
{
	struct ring *r = &b->loop.ring;
	struct io_uring_sqe *sqe;
	struct sent s;

	ASSERT_EQ(ring_sq_ready(r), 1);
	r->sq.sqe_tail--;
	sqe = ring_get_sqe(r);
	r->sq.sqe_tail--;
	memcpy(&s.sqe, sqe, sizeof(s.sqe));
	memcpy(&s.cmd, ring_sqe_cmd(sqe), sizeof(s.cmd));
	EXPECT_EQ(s.sqe.opcode, IORING_OP_URING_CMD);
	EXPECT_EQ(s.sqe.cmd_op, cmd_op);
	EXPECT_EQ(s.sqe.fd, FILE_SLOT);
	EXPECT_EQ(s.sqe.user_data, (u64)(uintptr_t)b->batch | step << 1 | TGT_USER_DATA_FRONT);
	EXPECT_EQ(s.cmd.q_id, QUEUE);
	EXPECT_EQ(s.cmd.reserved, 0);
	EXPECT_EQ(s.cmd.reserved2, 0);
	return s;
}

static struct sent take_fetch(struct bench *b)
{
	struct sent s = take(b, UBLK_U_IO_FETCH_IO_CMDS, UBLK_STEP_FETCH);

	EXPECT_EQ(s.sqe.flags, IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT);
	EXPECT_EQ(s.sqe.uring_cmd_flags, IORING_URING_CMD_MULTISHOT);
	EXPECT_EQ(s.sqe.buf_group, 0);
	EXPECT_EQ(s.cmd.elem_bytes, 2);
	EXPECT_EQ(s.cmd.nr_elem, 0);
	EXPECT_EQ(s.cmd.flags, 0);
	return s;
}

/* The @i'th result in it: header, and address if it has one */
static const u64 *elem_of(const struct sent *s, u32 i)
{
	return (const u64 *)(uintptr_t)(s->sqe.addr + i * s->cmd.elem_bytes);
}

static s32 result_of_tag(u32 tag)
{
	return tag % 3 ? 4096 : -(s32)tag - 1;
}

static void expect_elem(const struct sent *s, u32 i, u32 tag, s32 result)
{
	struct ublk_elem_header head;

	memcpy(&head, elem_of(s, i), sizeof(head));
	EXPECT_EQ(head.tag, tag);
	EXPECT_EQ(head.buf_index, 100 + tag);
	EXPECT_EQ(head.result, result);
	if (s->cmd.elem_bytes > sizeof(head))
		EXPECT_EQ(elem_of(s, i)[1], 0x10000 * (tag + 1));
}

/* A COMMIT of tags @first to @first + @nr - 1 */
static void expect_commit(struct bench *b, u32 first, u32 nr)
{
	struct sent s = take(b, UBLK_U_IO_COMMIT_IO_CMDS, UBLK_STEP_COMMIT);

	EXPECT_EQ(s.sqe.flags, IOSQE_FIXED_FILE);
	ASSERT_EQ(s.cmd.nr_elem, nr);
	for (u32 i = 0; i < nr; i++)
		expect_elem(&s, i, first + i, result_of_tag(first + i));
}

static void add(struct bench *b, u32 first, u32 nr)
{
	for (u32 tag = first; tag < first + nr; tag++)
		ublk_batch_add(&b->tags[tag], b->tags[tag].addr, result_of_tag(tag));
}

static struct bench *worker_that_has_begun(const struct ublk_path *path)
{
	struct bench *b = worker(path, 1);

	ASSERT_OK(begin_batch(b));
	(void)take_fetch(b);
	return b;
}

static void elements(void)
{
	static const struct {
		u8 path;
		bool has_zones;
		u8 elem_bytes;
		u16 flags;
	} rows[] = {
		{ COPY, false, 16, UBLK_BATCH_F_HAS_BUF_ADDR },
		{ USER_COPY, false, 8, 0 },
		{ USER_COPY, true, 16, UBLK_BATCH_F_HAS_ZONE_LBA },
		{ AUTO_BUF_REG, false, 8, UBLK_BATCH_F_AUTO_BUF_REG_FALLBACK },
		{ AUTO_BUF_REG, true, 16,
		  UBLK_BATCH_F_AUTO_BUF_REG_FALLBACK | UBLK_BATCH_F_HAS_ZONE_LBA },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bench *b = worker(&paths[rows[i].path], 1);
		struct sent s;

		test_row("%s%s", b->w.path->name, rows[i].has_zones ? ", zones" : "");
		b->tgt.limits.zones.zone_bytes = rows[i].has_zones ? 1 << 20 : 0;
		ASSERT_OK(begin_batch(b));
		(void)take_fetch(b);
		add(b, 5, DEPTH - 5);
		EXPECT_TRUE(nothing_sent(b));
		ublk_batch_flush(&b->loop);
		s = take(b, UBLK_U_IO_COMMIT_IO_CMDS, UBLK_STEP_COMMIT);
		EXPECT_EQ(s.cmd.elem_bytes, rows[i].elem_bytes);
		EXPECT_EQ(s.cmd.flags, rows[i].flags);
		ASSERT_EQ(s.cmd.nr_elem, DEPTH - 5);
		for (u32 k = 0; k < s.cmd.nr_elem; k++)
			expect_elem(&s, k, 5 + k, result_of_tag(5 + k));
		end(b);
	}
}

static void one_at_a_time(void)
{
	struct bench *b = worker_that_has_begun(&paths[COPY]);

	ublk_batch_flush(&b->loop);
	EXPECT_TRUE(nothing_sent(b));
	add(b, 0, 2);
	ublk_batch_flush(&b->loop);
	expect_commit(b, 0, 2);
	EXPECT_EQ(b->loop.dirty, NULL);
	add(b, 2, 1);
	ublk_batch_flush(&b->loop);
	add(b, 3, 4);
	ublk_batch_flush(&b->loop);
	EXPECT_TRUE(nothing_sent(b));
	EXPECT_NE(b->loop.dirty, NULL);
	ublk_batch_committed(b->batch, 2 * 16);
	EXPECT_TRUE(nothing_sent(b));
	ublk_batch_flush(&b->loop);
	expect_commit(b, 2, 5);
	ublk_batch_committed(b->batch, 5 * 16);
	ublk_batch_flush(&b->loop);
	EXPECT_TRUE(nothing_sent(b));
	EXPECT_EQ(b->loop.dirty, NULL);
	EXPECT_EQ(b->w.err, 0);
	end(b);
}

/*
 * What becomes of a command of 5 results: the answers, in elements taken or -errno,
 * and what the worker ends with. After each answer but the last the rest is sent.
 */
struct refusal {
	const char *name;
	s32 answers[6];
	s32 err;
};

#define END NO_RESULT

static const struct refusal refusals[] = {
	{ "all taken", { 5, END }, 0 },
	{ "one refused, then taken", { 2, 3, END }, 0 },
	{ "the last refused, then taken", { 4, 1, END }, 0 },
	{ "one after the other refused once", { 1, 1, 1, 1, 1, END }, 0 },
	{ "the first refused, then all taken", { -EBUSY, 5, END }, 0 },
	{ "again, then taken", { -EAGAIN, 5, END }, 0 },
	{ "interrupted, then taken", { -EINTR, 5, END }, 0 },
	{ "none, then taken", { 0, 5, END }, 0 },
	{ "the first refused, then another, then taken", { -EAGAIN, 2, 3, END }, 0 },
	{ "the first refused twice", { -EBUSY, -EBUSY, END }, -EBUSY },
	{ "memory not there, twice", { -EFAULT, -EFAULT, END }, -EFAULT },
	{ "one refused twice", { 2, -EINVAL, END }, -EINVAL },
	{ "one refused twice, without a reason", { 2, 0, END }, -EIO },
	{ "the last refused twice", { 2, 2, -EBUSY, END }, -EBUSY },
	{ "interrupted, then one refused twice", { -EINTR, 3, -EINVAL, END }, -EINVAL },
};

/* From tag @first on; the number of the tags behind them that have a result */
static u32 refuse(struct bench *b, const struct refusal *row, u32 first)
{
	u32 end_tag = first + 5;
	u32 done = 0;
	u32 nr_new = 0;

	add(b, first, 5);
	ublk_batch_flush(&b->loop);
	for (u32 i = 0; row->answers[i] != END; i++) {
		s32 answer = row->answers[i];

		expect_commit(b, first + done, 5 - done);
		/* What comes meanwhile changes nothing of what is under way. */
		add(b, end_tag + nr_new++, 1);
		ublk_batch_flush(&b->loop);
		EXPECT_TRUE(nothing_sent(b));
		ublk_batch_committed(b->batch, answer > 0 ? answer * 16 : answer);
		done += answer > 0 ? (u32)answer : 0;
	}
	EXPECT_TRUE(nothing_sent(b));
	EXPECT_EQ(b->w.err, row->err);
	EXPECT_EQ(b->w.leaving, row->err != 0);
	EXPECT_EQ(b->loop.nr_ending, row->err != 0);
	return nr_new;
}

static void refused(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(refusals); i++) {
		struct bench *b = worker_that_has_begun(&paths[COPY]);
		u32 tag = 0;

		/* three commands, so that what was refused before is forgotten */
		for (u32 k = 0; k < 3 && !b->w.err; k++) {
			u32 nr_new;

			test_row("%s, command %u", refusals[i].name, k);
			nr_new = refuse(b, &refusals[i], tag);
			ublk_batch_flush(&b->loop);
			expect_commit(b, tag + 5, nr_new);
			ublk_batch_committed(b->batch, (s32)nr_new * 16);
			EXPECT_TRUE(nothing_sent(b));
			tag += 5 + nr_new;
		}
		end(b);
	}
}

/* Results behind a command that is not answered are owned still. */
static void stays(void)
{
	struct bench *b = worker_that_has_begun(&paths[COPY]);
	u64 timeout_ns = 0;

	b->loop.workers = &b->w;
	add(b, 0, 3);
	ublk_batch_flush(&b->loop);
	expect_commit(b, 0, 3);
	add(b, 3, 1);
	ublk_worker_fail(&b->w, -EIO);
	EXPECT_EQ(ublk_loop_end_some(&b->loop, &timeout_ns), 1);
	EXPECT_TRUE(!b->w.has_left);
	ublk_batch_committed(b->batch, 3 * 16);
	EXPECT_EQ(ublk_loop_end_some(&b->loop, &timeout_ns), 1);
	ublk_batch_flush(&b->loop);
	expect_commit(b, 3, 1);
	EXPECT_EQ(ublk_loop_end_some(&b->loop, &timeout_ns), 0);
	EXPECT_TRUE(b->w.has_left);
	end(b);
}

/* --- fetches --------------------------------------------------------------------------- */

/* The fetch that was sent is made a read of the pipe */
static void play(struct bench *b)
{
	struct sent s = take_fetch(b);
	struct io_uring_sqe *sqe = ring_get_sqe(&b->loop.ring);

	ring_prep_read_multishot(sqe, b->pipe[0], 0, 0, s.sqe.buf_group);
	ring_sqe_set_data64(sqe, s.sqe.user_data);
	ASSERT_EQ(ring_submit(&b->loop.ring), 1);
}

static struct bench *worker_with_pipe(void)
{
	struct bench *b = worker(&paths[COPY], 1);

	ASSERT_OK(begin_batch(b));
	ASSERT_OK(sys_pipe2(b->pipe, O_CLOEXEC | O_NONBLOCK));
	play(b);
	return b;
}

/* @nr more requests, in the order of their tags */
static void bring(struct bench *b, u32 from, u32 nr)
{
	static u16 tags[8192];

	ASSERT_LE(nr, ARRAY_SIZE(tags));
	for (u32 i = 0; i < nr; i++)
		tags[i] = (u16)((from + i) % DEPTH);
	ASSERT_EQ(sys_write(b->pipe[1], tags, nr * sizeof(*tags)), nr * sizeof(*tags));
}

static void serve(struct bench *b)
{
	struct ring *r = &b->loop.ring;

	ASSERT_OK(ring_get_events(r));
	while (ring_peek_cqe(r)) {
		struct io_uring_cqe cqe;

		memcpy(&cqe, ring_peek_cqe(r), sizeof(cqe));
		ring_cq_advance(r, 1);
		b->nr_enobufs += cqe.res == -ENOBUFS;
		b->nr_used_up += (cqe.flags & (IORING_CQE_F_BUFFER | IORING_CQE_F_BUF_MORE)) ==
				 IORING_CQE_F_BUFFER;
		ublk_batch_fetched(b->batch, cqe.res, cqe.flags);
		EXPECT_EQ(nothing_sent(b), (cqe.flags & IORING_CQE_F_MORE) != 0);
		if (!nothing_sent(b))
			play(b);
	}
}

static void end_with_pipe(struct bench *b, u32 nr)
{
	EXPECT_EQ(b->nr_begun, nr);
	EXPECT_TRUE(b->is_in_turn);
	EXPECT_EQ(ublk_worker_nr_owned(&b->w), nr);
	EXPECT_EQ(b->w.nr_live, DEPTH);
	EXPECT_EQ(b->w.err, 0);
	(void)sys_close(b->pipe[0]);
	(void)sys_close(b->pipe[1]);
	end(b);
}

/* Buffers of 1024 tags: their ends lie within what comes at once */
static void around(void)
{
	struct bench *b = worker_with_pipe();
	u32 nr = 0;

	for (u32 i = 0; i < 200; i++) {
		u32 nr_new = 1 + i * 7 % 130;

		bring(b, nr, nr_new);
		serve(b);
		nr += nr_new;
		ASSERT_EQ(b->nr_begun, nr);
	}
	EXPECT_GT(b->nr_used_up, 10);
	EXPECT_EQ(b->nr_enobufs, 0);
	end_with_pipe(b, nr);
}

static void runs_out(void)
{
	struct bench *b = worker_with_pipe();
	u32 nr = 0;

	for (u32 i = 0; i < 4; i++) {
		/* the two buffers, from wherever they are, and more */
		bring(b, nr, 5000 + i);
		nr += 5000 + i;
		serve(b);
		EXPECT_GT(b->nr_enobufs, i);
		bring(b, nr, 3);
		nr += 3;
		serve(b);
		ASSERT_EQ(b->nr_begun, nr);
	}
	EXPECT_GT(b->nr_used_up, 16);
	end_with_pipe(b, nr);
}

static void fetch_ends(void)
{
	static const struct {
		s32 res;
		u32 flags;
		bool is_made_again;
		bool is_ending;
		s32 err;
	} rows[] = {
		{ 0, IORING_CQE_F_MORE, false, false, 0 },
		{ 0, IORING_CQE_F_MORE | IORING_CQE_F_BUFFER | IORING_CQE_F_BUF_MORE,
		  false, false, 0 },
		{ 0, 0, true, false, 0 },
		{ -ENOBUFS, 0, true, false, 0 },
		{ UBLK_IO_RES_ABORT, 0, false, true, 0 },
		{ -EINVAL, 0, false, true, -EINVAL },
		{ -ENOMEM, 0, false, true, -ENOMEM },
		{ -ECANCELED, 0, false, true, -ECANCELED },
	};

	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bench *b = worker_that_has_begun(&paths[COPY]);

		test_row("result %d, flags %x", rows[i].res, rows[i].flags);
		ublk_batch_fetched(b->batch, rows[i].res, rows[i].flags);
		EXPECT_EQ(nothing_sent(b), !rows[i].is_made_again);
		if (rows[i].is_made_again)
			(void)take_fetch(b);
		EXPECT_EQ(b->nr_begun, 0);
		EXPECT_EQ(b->w.is_ending, rows[i].is_ending);
		EXPECT_EQ(b->loop.nr_ending, rows[i].is_ending);
		EXPECT_EQ(b->w.err, rows[i].err);
		EXPECT_EQ(b->w.leaving, rows[i].err != 0);
		EXPECT_EQ(b->w.nr_live, rows[i].is_ending ? 0 : DEPTH);
		end(b);
	}
}

/* The last of a fetch brings tags as any other */
static void last_has_tags(void)
{
	struct bench *b = worker_with_pipe();

	bring(b, 0, 10);
	(void)sys_close(b->pipe[1]); /* a read that ends */
	b->pipe[1] = -1;
	ASSERT_OK(ring_get_events(&b->loop.ring));
	ASSERT_NE(ring_peek_cqe(&b->loop.ring), NULL);
	ublk_batch_fetched(b->batch, ring_peek_cqe(&b->loop.ring)->res,
			   ring_peek_cqe(&b->loop.ring)->flags & ~IORING_CQE_F_MORE);
	(void)take_fetch(b);
	end_with_pipe(b, 10);
}

/* --- the beginning ------------------------------------------------------------------------ */

static int begin_on(struct bench *b, const char *path)
{
	s32 fd = sys_openat(AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
	int ret;

	ASSERT_OK(fd);
	ASSERT_EQ(ring_register_files_update(&b->loop.ring, FILE_SLOT, &fd, 1), 1);
	ret = begin_batch(b);
	(void)sys_close(fd);
	return ret;
}

/* Of this device every command succeeds. */
static void prepares(void)
{
	struct bench *b = worker(&paths[COPY], 0);
	const struct io_uring_sqe *sqe = b->loop.ring.sq.sqes;
	struct sent s;

	ASSERT_OK(begin_on(b, "/dev/null"));
	(void)take_fetch(b);
	memcpy(&s.sqe, sqe, sizeof(s.sqe));
	memcpy(&s.cmd, sqe->cmd, sizeof(s.cmd));
	EXPECT_EQ(s.sqe.opcode, IORING_OP_URING_CMD);
	EXPECT_EQ(s.sqe.cmd_op, UBLK_U_IO_PREP_IO_CMDS);
	EXPECT_EQ(s.cmd.q_id, QUEUE);
	ASSERT_EQ(s.cmd.nr_elem, DEPTH);
	for (u32 i = 0; i < DEPTH; i++)
		expect_elem(&s, i, i, 0);
	/* nothing of it is left to be sent */
	add(b, 0, 1);
	ublk_batch_flush(&b->loop);
	expect_commit(b, 0, 1);
	end(b);
}

/* This one has no commands. */
static void is_not_prepared(void)
{
	struct bench *b = worker(&paths[COPY], 0);

	EXPECT_ERR(begin_on(b, "/dev/zero"), -EOPNOTSUPP);
	EXPECT_TRUE(nothing_sent(b));
	end(b);
}

static const struct test_case cases[] = {
	TEST("the results of a turn are one command, of elements as the path wants them", elements),
	TEST("a command waits until the one before it is answered", one_at_a_time),
	TEST("what was not taken is sent once more, from there on, and never a third time", refused),
	TEST("a worker stays while results wait behind a command", stays),
	TEST("tags come in order, around and across the ends of the buffers", around),
	TEST("a fetch that finds no buffer is made again, and no tag is lost", runs_out),
	TEST("a fetch that ends is made again, or the worker goes", fetch_ends),
	TEST("the last completion of a fetch brings its tags", last_has_tags),
	TEST("every tag is prepared before the first fetch", prepares),
	TEST("a queue that cannot be prepared is not fetched from", is_not_prepared),
};
TEST_SUITE(ublk_batch, cases);
