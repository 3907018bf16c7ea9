/* SPDX-License-Identifier: MIT */
/*
 * Random mixes of cheap requests against a model of what has to complete: each
 * exactly once, a multishot one once without F_MORE and that as its last; in a
 * chain in order, cancelled if and only if there is a reason. The mix is that
 * of its seed; what the kernel makes of it in time is its own affair.
 *
 * The same with a ring that is broken on purpose, which has to be found out.
 */
#include <asm/poll.h>
#include <linux/fcntl.h>

#include "selftests/ring_play.h"

enum {
	MAX_OPS = 16384,
	NR_EVENTFDS = 4,
	MAX_MULTISHOTS = 3,
	ROUNDS = 600,
};

enum kind {
	NOP,
	BAD,	   /* -EBADF */
	SILENT,	   /* succeeds without a completion */
	POLL,
	POLL_MULTI,
	TIMER,
	TIMER_MULTI,
	READ,
	CANCEL,
	UNPOLL,
	UNTIME,
	SEND,	   /* a message to this ring, whose number is one more */
	MESSAGE,   /* what it brings */
};

enum state {
	UNUSED,
	WAITING,
	DONE,
	NEVER, /* must not complete */
};

enum verdict {
	GOOD,
	LOST,	  /* did not complete */
	TWICE,	  /* completed again after its end */
	UNKNOWN,  /* a completion of what was never asked for */
	WRONG,	  /* a result that it cannot have */
	ORDER,	  /* before the one that it is chained to */
};

static const char *const verdicts[] = { "good", "lost", "twice", "unknown", "wrong", "order" };

enum fault {
	SOUND,
	ADVANCES_MORE, /* gives one entry back that nobody has read */
	ADVANCES_LESS, /* keeps one that was read */
	SAME_ENTRY,    /* hands the same entry out again */
	STALE_ENTRY,   /* hands one out that nobody fills */
};

struct op {
	u8 kind;
	u8 state;
	u8 behind;    /* is the next in a chain: by IOSQE_IO_LINK, or IOSQE_IO_HARDLINK */
	bool cut;      /* what hangs on it is cancelled */
	bool targeted; /* somebody may have cancelled it */
};

struct model {
	struct ring r;
	struct op ops[MAX_OPS];
	u32 nr_ops;
	u32 nr_waiting;
	u32 nr_multishots;
	u64 rnd;
	int eventfds[NR_EVENTFDS];
	int pipe[2];
	bool ending;
	enum fault fault;
	bool fault_done;
	enum verdict verdict;
	u32 guilty; /* the op that it is about */
	s32 res;
};

static struct model model; /* too large for a stack */
static char pipe_bytes[64];

/* splitmix64, Steele et al. 2014 */
static u32 rnd(struct model *m, u32 below)
{
	u64 z = m->rnd += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (u32)((z ^ z >> 31) >> 32) % below;
}

static void judge(struct model *m, enum verdict v, u64 id, s32 res)
{
	if (m->verdict != GOOD)
		return;
	m->verdict = v;
	m->guilty = (u32)id;
	m->res = res;
}

/* What comes back */

static bool may_be_cancelled(const struct model *m, u32 id)
{
	return m->ending || m->ops[id].targeted || (id && m->ops[id - 1].cut);
}

static bool may_be(const struct model *m, u32 id, s32 res)
{
	switch ((enum kind)m->ops[id].kind) {
	case NOP:
		return res == 0;
	case BAD:
		return res == -EBADF;
	case SILENT:
		return false;
	case POLL:
	case POLL_MULTI:
		return res == POLLIN;
	case TIMER:
	case TIMER_MULTI:
		return res == -ETIME;
	case READ:
		return res > 0 && res <= (s32)sizeof(pipe_bytes);
	case CANCEL:
	case UNPOLL:
	case UNTIME:
		return res == 0 || res == -ENOENT || res == -EALREADY;
	case SEND:
		return res == 0;
	case MESSAGE:
		return res == (s32)(id ^ 0x5555);
	}
	return false;
}

/* What a chain promises: @id ends after the one before it; a soft link that breaks cancels all
 * that follows, whatever its links */
static void judge_chain(struct model *m, u32 id, s32 res)
{
	const struct op *before = id ? &m->ops[id - 1] : NULL;
	struct op *op = &m->ops[id];

	if (before && before->behind && before->state != DONE)
		judge(m, ORDER, id, res);
	if (before && before->cut && res != -ECANCELED)
		judge(m, WRONG, id, res);
	op->cut = (op->behind == IOSQE_IO_LINK && res < 0) ||
		  (op->behind && before && before->cut);
}

static void completed(struct model *m, u64 id, s32 res, u32 flags)
{
	struct op *op;

	if (id >= m->nr_ops || m->ops[id].state == UNUSED || m->ops[id].state == NEVER) {
		judge(m, UNKNOWN, id, res);
		return;
	}
	op = &m->ops[id];
	if (op->state == DONE) {
		judge(m, TWICE, id, res);
		return;
	}
	if (!may_be(m, (u32)id, res) && !(res == -ECANCELED && may_be_cancelled(m, (u32)id)))
		judge(m, WRONG, id, res);
	if (flags & IORING_CQE_F_MORE) {
		if (op->kind != POLL_MULTI && op->kind != TIMER_MULTI)
			judge(m, WRONG, id, res);
		return;
	}
	judge_chain(m, (u32)id, res);
	op->state = DONE;
	m->nr_waiting--;
	m->nr_multishots -= op->kind == POLL_MULTI || op->kind == TIMER_MULTI;
}

static bool now_is_the_time(struct model *m, enum fault fault)
{
	if (m->fault != fault || m->fault_done || m->nr_ops < MAX_OPS / 16)
		return false;
	m->fault_done = true;
	return true;
}

/* Faults hit what is in no chain, so that it is known what they have to look like. */
static bool is_alone(const struct model *m, u64 id)
{
	return id < MAX_OPS && !m->ops[id].behind && !(id && m->ops[id - 1].behind);
}

/* There are more than @nr, and the first of those ends its request */
static bool ends_after(const struct model *m, u32 nr)
{
	const struct io_uring_cqe *cqe = ring_cqe_at(&m->r, *m->r.cq.khead + nr);

	return ring_cq_ready(&m->r) > nr && !(cqe->flags & IORING_CQE_F_MORE) &&
	       is_alone(m, cqe->user_data);
}

/* By twos: one by one, or all in one go with a single advance */
static void reap(struct model *m, u32 most, bool one_by_one)
{
	struct io_uring_cqe *cqe;
	bool is_last = false; /* of its request */
	u32 head;
	u32 nr = 0;

	while (one_by_one && nr < most && (cqe = ring_peek_cqe(&m->r))) {
		completed(m, cqe->user_data, cqe->res, cqe->flags);
		ring_cqe_seen(&m->r, cqe);
		nr++;
	}
	if (one_by_one || !most)
		return;
	ring_for_each_cqe(&m->r, head, cqe) {
		completed(m, cqe->user_data, cqe->res, cqe->flags);
		is_last = !(cqe->flags & IORING_CQE_F_MORE);
		if (++nr == most)
			break;
	}
	if (ends_after(m, nr) && now_is_the_time(m, ADVANCES_MORE))
		nr++;
	else if (is_last && now_is_the_time(m, ADVANCES_LESS))
		nr--;
	ring_cq_advance(&m->r, nr);
}

/* What goes out */

/* For a request in a chain, or alone. If it is not filled, and what is still in it was a nop,
 * that completes again. */
static struct io_uring_sqe *entry(struct model *m, bool alone)
{
	struct io_uring_sqe *sqe = ring_get_sqe(&m->r);

	ASSERT_NE(sqe, NULL);
	if (alone && is_alone(m, sqe->user_data) && m->ops[sqe->user_data].state == DONE &&
	    m->ops[sqe->user_data].kind == NOP && now_is_the_time(m, STALE_ENTRY))
		sqe = ring_get_sqe(&m->r);
	ASSERT_NE(sqe, NULL);
	return sqe;
}

static u32 new_op(struct model *m, enum kind kind, enum state state)
{
	ASSERT_LT(m->nr_ops, MAX_OPS);
	m->ops[m->nr_ops] = (struct op){ .kind = (u8)kind, .state = (u8)state };
	m->nr_waiting += state == WAITING;
	m->nr_multishots += kind == POLL_MULTI || kind == TIMER_MULTI;
	return m->nr_ops++;
}

/* One of the last requests, which will be blamed for a cancelled result no more */
static u32 target(struct model *m)
{
	u32 back = 1 + rnd(m, 64);
	u32 id = back > m->nr_ops ? 0 : m->nr_ops - back;

	if (m->nr_ops)
		m->ops[id].targeted = true;
	/* A chain that it is the front of ends with it. */
	for (u32 i = id; i < m->nr_ops && m->ops[i].behind; i++)
		m->ops[i + 1].targeted = true;
	return id;
}

static void fill(struct model *m, struct io_uring_sqe *sqe, enum kind kind)
{
	static const struct __kernel_timespec times[] = { { .tv_nsec = 0 }, { .tv_nsec = 1000 },
							  { .tv_nsec = 100000 },
							  { .tv_nsec = 2000000 } };
	int fd = m->eventfds[rnd(m, NR_EVENTFDS)];
	u32 i = rnd(m, ARRAY_SIZE(times));

	switch (kind) {
	case NOP:
	case SILENT:
	case MESSAGE:
		ring_prep_nop(sqe);
		break;
	case BAD:
		ring_prep_read(sqe, -1, pipe_bytes, 1, 0);
		break;
	case POLL:
		ring_prep_poll_add(sqe, fd, POLLIN);
		break;
	case POLL_MULTI:
		ring_prep_poll_multishot(sqe, fd, POLLIN);
		break;
	case TIMER:
		ring_prep_timeout(sqe, &times[i], 0, 0);
		break;
	case TIMER_MULTI:
		ring_prep_timeout(sqe, &times[1], 1 + i, IORING_TIMEOUT_MULTISHOT);
		break;
	case READ:
		ring_prep_read(sqe, m->pipe[0], pipe_bytes, 1 + i, 0);
		break;
	case CANCEL:
		ring_prep_cancel64(sqe, target(m), 0);
		break;
	case UNPOLL:
		ring_prep_poll_remove(sqe, target(m));
		break;
	case UNTIME:
		ring_prep_timeout_remove(sqe, target(m), 0);
		break;
	case SEND:
		ring_prep_msg_ring(sqe, m->r.fd, (m->nr_ops + 1) ^ 0x5555, m->nr_ops + 1, 0);
		break;
	}
}

static void ask(struct model *m, enum kind kind, u8 link)
{
	bool alone = !link && is_alone(m, m->nr_ops);
	struct io_uring_sqe *sqe = entry(m, alone);
	u8 flags = link;
	u32 id;

	fill(m, sqe, kind);
	if (kind == SILENT)
		flags |= IOSQE_CQE_SKIP_SUCCESS;
	else if ((kind == NOP || kind == BAD) && rnd(m, 16) == 0)
		flags |= IOSQE_ASYNC;
	id = new_op(m, kind, kind == SILENT ? NEVER : WAITING);
	m->ops[id].behind = link;
	ring_sqe_set_data64(sqe, id);
	ring_sqe_set_flags(sqe, flags);
	if (kind == SEND)
		new_op(m, MESSAGE, WAITING);
	if (kind == NOP && alone && now_is_the_time(m, SAME_ENTRY))
		m->r.sq.sqe_tail--;
}

static void ask_chain(struct model *m)
{
	static const enum kind kinds[] = { NOP, NOP, NOP, BAD, TIMER };
	u32 nr = 2 + rnd(m, 4);

	for (u32 i = 0; i < nr; i++) {
		u8 link = rnd(m, 3) ? IOSQE_IO_LINK : IOSQE_IO_HARDLINK;

		ask(m, kinds[rnd(m, ARRAY_SIZE(kinds))], i + 1 < nr ? link : 0);
	}
}

static void ask_something(struct model *m)
{
	static const enum kind kinds[] = { NOP, NOP, NOP, NOP, BAD, SILENT, POLL, POLL, POLL_MULTI,
					   TIMER, TIMER, TIMER_MULTI, READ, CANCEL, CANCEL, UNPOLL,
					   UNTIME, SEND };
	enum kind kind = kinds[rnd(m, ARRAY_SIZE(kinds))];

	if (rnd(m, 12) == 0) {
		ask_chain(m);
		return;
	}
	if ((kind == POLL_MULTI || kind == TIMER_MULTI) && m->nr_multishots >= MAX_MULTISHOTS)
		kind = NOP;
	if (kind == TIMER_MULTI && !is_linux("6.4"))
		kind = TIMER;
	ask(m, kind, 0);
}

/* What happens around the ring */

static void nudge(struct model *m)
{
	int fd = m->eventfds[rnd(m, NR_EVENTFDS)];
	u64 value = 1;

	switch (rnd(m, 4)) {
	case 0:
		(void)sys_write(fd, &value, 8);
		break;
	case 1:
		(void)sys_read(fd, &value, 8);
		break;
	case 2:
		(void)sys_write(m->pipe[1], "pipe", 1 + rnd(m, 4));
		break;
	case 3:
		break;
	}
}

static void submit(struct model *m)
{
	u32 how = rnd(m, 3);
	int err = how == 0 ? ring_submit(&m->r)
			   : ring_submit_and_wait_timeout(&m->r, how - 1, 1000000);

	if (err < 0 && err != -ETIME)
		ASSERT_OK(err);
}

/* All that waits is made to end; how long nothing may happen is the caller's patience. */
static void end(struct model *m, u64 patience_ns)
{
	m->ending = true;
	submit(m);
	while (m->nr_waiting && m->verdict == GOOD) {
		struct io_uring_sqe *sqe = ring_get_sqe(&m->r);
		u32 before = m->nr_waiting;

		ring_prep_cancel_any(sqe);
		ring_sqe_set_data64(sqe, MAX_OPS);
		ring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
		if (ring_submit_and_wait_timeout(&m->r, 1, patience_ns) == -ETIME)
			break;
		reap(m, ~0U, true);
		if (m->nr_waiting == before && !ring_cq_ready(&m->r) &&
		    ring_submit_and_wait_timeout(&m->r, 1, patience_ns) == -ETIME)
			break;
	}
	for (u32 i = 0; m->nr_waiting && i < m->nr_ops; i++)
		if (m->ops[i].state == WAITING)
			judge(m, LOST, i, 0);
	if (m->verdict == GOOD) {
		ASSERT_OK(ring_get_events(&m->r));
		reap(m, ~0U, true);
	}
}

static enum verdict run(u64 seed, u32 setup, enum fault fault, u64 patience_ns)
{
	struct model *m = &model;

	memset(m, 0, sizeof(*m));
	m->rnd = seed;
	m->fault = fault;
	play_ring(&m->r, setup);
	for (u32 i = 0; i < NR_EVENTFDS; i++)
		m->eventfds[i] = play_eventfd();
	ASSERT_OK(sys_pipe2(m->pipe, 0));
	ASSERT_OK(sys_fcntl(m->pipe[1], F_SETFL, O_NONBLOCK));
	for (u32 i = 0; i < ROUNDS && m->verdict == GOOD; i++) {
		for (u32 nr = rnd(m, 9); nr; nr--)
			ask_something(m);
		nudge(m);
		submit(m);
		nudge(m);
		reap(m, rnd(m, 3) ? ~0U : rnd(m, 8), rnd(m, 2));
	}
	end(m, patience_ns);
	ring_exit(&m->r);
	for (u32 i = 0; i < NR_EVENTFDS; i++)
		sys_close(m->eventfds[i]);
	sys_close(m->pipe[0]);
	sys_close(m->pipe[1]);
	return m->verdict;
}

static const u32 kinds_of_rings[] = {
	0,
	IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
	IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
	IORING_SETUP_SQE128 | IORING_SETUP_CQE32,
};

static void sound(void)
{
	for (u64 seed = 1; seed <= 8; seed++) {
		u32 setup = kinds_of_rings[seed % ARRAY_SIZE(kinds_of_rings)];
		enum verdict v = run(seed, setup, SOUND, PLAY_WAIT_NS);

		test_row("seed %d: op %u of kind %d: %s, result %d", (int)seed, model.guilty,
			 model.ops[model.guilty % MAX_OPS].kind, verdicts[v], model.res);
		ASSERT_EQ(v, GOOD);
		EXPECT_GT(model.nr_ops, ROUNDS);
	}
}

static const struct broken_row {
	enum fault fault;
	enum verdict want;
} broken_rows[] = {
	{ ADVANCES_MORE, LOST },
	{ ADVANCES_LESS, TWICE },
	{ SAME_ENTRY, LOST },
	{ STALE_ENTRY, TWICE },
};

static void broken(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(broken_rows); i++) {
		enum verdict v = run(100 + i, 0, broken_rows[i].fault, 300000000);

		test_row("fault %d: op %u of kind %d, %s", broken_rows[i].fault, model.guilty,
			 model.ops[model.guilty % MAX_OPS].kind, verdicts[v]);
		EXPECT_TRUE(model.fault_done);
		EXPECT_EQ(v, broken_rows[i].want);
	}
}

static const struct test_case cases[] = {
	TEST("whatever is mixed, each request completes as it must, once", sound,
	     .timeout_ms = 60000),
	TEST("a ring that loses or doubles one of them is found out", broken),
};
TEST_SUITE(ring_model, cases);
