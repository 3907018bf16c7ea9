/* SPDX-License-Identifier: MIT */
/*
 * Operations that are answered from other threads. An answer is pushed on its queue's
 * stack, and the first that finds it empty rings an eventfd; the queue's ring polls
 * that as long as something is under way, and takes the whole stack when it rang.
 */
#include "ublk/targets/async.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/fcntl.h>

#include "ring/prep_event.h"
#include "uapi/rt/pages.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"

#define DEFAULT_QUEUES 64

/* Until a kernel that was short of memory is asked again */
#define LISTEN_MS 1

#define ERRNO_MAX 4095

/**
 * struct async_queue - what a queue has
 * @bell:     owns the entry that polls
 * @answered: the newest first, by their next; atomic
 * @nr_ringing: threads that are about to ring; atomic
 * @nr_out:   begun and not completed
 */
struct async_queue {
	struct tgt_op bell;
	struct tgt_slab slab;
	struct tgt_op *answered;
	u32 nr_ringing;
	u32 nr_out;
	s32 bell_fd;
	bool is_polled;
};

struct async {
	struct tgt_async a;
	struct async_queue *queues;
};

static struct async_queue *queue_of(const struct tgt *t, const struct tgt_queue *q)
{
	return &((const struct async *)t->state)->queues[q->idx];
}

static void poll_bell(struct tgt_queue *q, struct async_queue *aq)
{
	struct io_uring_sqe *sqe = tgt_get_sqe(q);

	ring_prep_poll_add(sqe, aq->bell_fd, POLLIN);
	tgt_sqe_owner(sqe, &aq->bell, 0);
	aq->is_polled = true;
}

static bool is_offered(const struct tgt_limits *l, u8 kind)
{
	if (kind == TGT_DISCARD)
		return l->max_discard_bytes;
	if (kind == TGT_WRITE_ZEROES)
		return l->max_write_zeroes_bytes;
	return kind == TGT_READ || kind == TGT_WRITE || kind == TGT_FLUSH;
}

static enum tgt_status async_submit(struct tgt *t, struct tgt_queue *q, struct tgt_op *op)
{
	const struct async *as = t->state;
	struct async_queue *aq = queue_of(t, q);
	int err;

	if (!is_offered(&t->limits, op->kind))
		return tgt_finish(op, -EOPNOTSUPP);
	if (op->kind == TGT_FLUSH && !(t->limits.attrs & UBLK_ATTR_VOLATILE_CACHE))
		return tgt_finish(op, 0);
	if (!aq->is_polled) {
		err = tgt_reserve_sqes(q, 1);
		if (err)
			return tgt_finish(op, err);
		poll_bell(q, aq);
	}
	aq->nr_out++;
	as->a.begin(as->a.ctx, op);
	return TGT_PENDING;
}

void tgt_async_answer(struct tgt_op *op, s64 result)
{
	struct async_queue *aq = queue_of(op->tgt, op->slab->queue);
	struct tgt_op *first = __atomic_load_n(&aq->answered, __ATOMIC_RELAXED);
	u64 one = 1;

	/* The operation may be gone as soon as it is pushed; the queue stays until then. */
	__atomic_fetch_add(&aq->nr_ringing, 1, __ATOMIC_RELAXED);
	op->result = result;
	do {
		op->next = first;
	} while (!__atomic_compare_exchange_n(&aq->answered, &first, op, true,
					      /* release, with the acquire in take() */
					      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
	/* Later ones need not ring: the stack is taken after the bell is read. */
	if (!first)
		(void)!sys_write(aq->bell_fd, &one, sizeof(one));
	/* release, with the acquire in async_queue_exit() */
	__atomic_fetch_sub(&aq->nr_ringing, 1, __ATOMIC_RELEASE);
}

/* In the order in which they were answered */
static void take(struct tgt_queue *q, struct async_queue *aq)
{
	struct tgt_op *op = __atomic_exchange_n(&aq->answered, NULL, __ATOMIC_ACQUIRE);
	struct tgt_op *first = NULL;

	while (op) {
		struct tgt_op *next = op->next;

		op->next = first;
		first = op;
		op = next;
	}
	while (first) {
		struct tgt_op *next = first->next;

		tgt_complete(q, first, first->result);
		aq->nr_out--;
		first = next;
	}
}

/*
 * The ring is full of what others want, and the kernel is short of memory and takes none
 * of it. Nobody is to tell when that is over, so this thread listens to the bell by itself
 * for a moment: it sleeps, and answers that come are not missed.
 */
static bool must_listen(struct tgt_queue *q, struct async_queue *aq)
{
	int err = tgt_reserve_sqes(q, 1);

	if (!err)
		poll_bell(q, aq);
	/* Whatever else: the ring is unusable, which ends whoever turns it. */
	if (err != -EAGAIN && err != -EBADR)
		return false;
	(void)!deadline_wait_fd(aq->bell_fd, deadline_in_ms(LISTEN_MS));
	return true;
}

static void async_cqe(struct tgt *t, struct tgt_queue *q, struct tgt_op *bell, u32 step, s32 res)
{
	struct async_queue *aq = queue_of(t, q);
	u64 rings;

	(void)bell;
	(void)step;
	(void)res;
	aq->is_polled = false;
	do {
		(void)!sys_read(aq->bell_fd, &rings, sizeof(rings));
		take(q, aq);
	} while (aq->nr_out && must_listen(q, aq));
}

static COLD int async_queue_init(struct tgt *t, struct tgt_queue *q)
{
	const struct async *as = t->state;
	struct async_queue *aq;
	int fd;

	if (q->idx >= as->a.nr_queues)
		return -EINVAL;
	aq = queue_of(t, q);
	fd = sys_eventfd2(0, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fd;
	*aq = (struct async_queue){ .bell.tgt = t, .slab.queue = q, .bell_fd = fd };
	aq->bell.slab = &aq->slab;
	return 0;
}

static COLD void async_queue_exit(struct tgt *t, struct tgt_queue *q)
{
	struct async_queue *aq = queue_of(t, q);

	while (__atomic_load_n(&aq->nr_ringing, __ATOMIC_ACQUIRE))
		(void)sys_sched_yield();
	(void)sys_close(aq->bell_fd);
}

static COLD void async_close(struct tgt *t)
{
	const struct async *as = t->state;

	if (as->a.close)
		as->a.close(as->a.ctx);
}

static COLD int async_resize(struct tgt *t, u64 size_bytes, struct diag *why)
{
	const struct async *as = t->state;
	int err = as->a.resize(as->a.ctx, size_bytes);

	if (err)
		return diag_set(why, err > 0 || err < -ERRNO_MAX ? -EIO : err,
				"the backend does not become %llu bytes large", size_bytes);
	__atomic_store_n(&t->limits.size_bytes, size_bytes, __ATOMIC_RELAXED);
	return 0;
}

/* Not in targets/list.h: no spec can name them. */
static const struct tgt_type fixed_type = {
	.name = "async",
	.state_bytes = sizeof(struct async),
	.close = async_close,
	.queue_init = async_queue_init,
	.queue_exit = async_queue_exit,
	.submit = async_submit,
	.cqe = async_cqe,
};

/* Of its own: that it has resize is asked before the kernel is told to shrink. */
static const struct tgt_type resizable_type = {
	.name = "async",
	.state_bytes = sizeof(struct async),
	.close = async_close,
	.queue_init = async_queue_init,
	.queue_exit = async_queue_exit,
	.submit = async_submit,
	.resize = async_resize,
	.cqe = async_cqe,
};

COLD int tgt_async_open(struct tgt_tree *tree, const struct tgt_async *async, struct diag *why)
{
	u32 nr_queues = async->nr_queues ? async->nr_queues : DEFAULT_QUEUES;
	struct tgt_limits limits = async->limits;
	u64 state_at = (sizeof(struct tgt) + 63) & ~63ULL;
	u64 queues_at = state_at + ((sizeof(struct async) + 63) & ~63ULL);
	struct async *as;
	struct pages mem;
	struct tgt *t;
	int err;

	*tree = (struct tgt_tree){ .root = NULL };
	limits.logical_shift = limits.logical_shift ? limits.logical_shift : 9;
	if (limits.physical_shift < limits.logical_shift)
		limits.physical_shift = limits.logical_shift;
	if (!async->begin)
		return diag_set(why, -EINVAL, "a backend without a callback that begins");
	if (!limits.size_bytes || limits.size_bytes & ((1ULL << limits.logical_shift) - 1))
		return diag_set(why, -EINVAL, "a size of %llu bytes: not a multiple of %u above zero",
				limits.size_bytes, 1U << limits.logical_shift);
	err = pages_map(&mem, queues_at + nr_queues * (u64)sizeof(struct async_queue));
	if (err)
		return diag_set(why, err, "no memory for the backend");
	t = mem.addr;
	as = (struct async *)(void *)((char *)mem.addr + state_at);
	as->a = *async;
	as->a.nr_queues = nr_queues;
	as->queues = (struct async_queue *)(void *)((char *)mem.addr + queues_at);
	*t = (struct tgt){
		.type = as->a.resize ? &resizable_type : &fixed_type,
		.submit = async_submit,
		.state = as,
		.limits = limits,
		.data_kinds = 1 << TGT_DATA_MEM,
		.nr_sqes = 1,
	};
	*tree = (struct tgt_tree){
		.root = t,
		.nr = 1,
		.nodes = t,
		.mem = mem.addr,
		.mem_len_bytes = mem.len_bytes,
	};
	return 0;
}
