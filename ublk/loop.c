/* SPDX-License-Identifier: MIT */
/* Loops: their rings, and what other threads ask of them. */
#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/fcntl.h>

#include "ring/register.h"
#include "uapi/sys.h"
#include "ublk/worker.h"

static u32 pow2_at_least(u32 n)
{
	u32 pow2 = 1;

	while (pow2 < n)
		pow2 *= 2;
	return pow2;
}

static int make_ring(struct ring *ring, u32 entries)
{
	struct io_uring_params p = {
		.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |
			 IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
			 IORING_SETUP_NO_SQARRAY | IORING_SETUP_CLAMP,
	};
	int err;

	entries = pow2_at_least(entries);
	p.cq_entries = entries;
	err = ring_init(ring, entries, &p);
	if (err)
		return err;
	/* A queue that waits for requests is idle, not waiting for a disk (6.15). */
	if (ring->features & IORING_FEAT_NO_IOWAIT)
		ring->enter_flags |= IORING_ENTER_NO_IOWAIT;
	return 0;
}

COLD int ublk_loop_init(struct ublk_loop *loop, u32 entries, u32 nr_slots)
{
	int err;

	*loop = (struct ublk_loop){ .nr_slots = nr_slots };
	tgt_run_init(&loop->run);
	err = make_ring(&loop->ring, entries);
	if (!err)
		err = ring_register_files_sparse(&loop->ring, UBLK_WORKER_FILES);
	if (err) {
		ring_exit(&loop->ring);
		return err;
	}
	/* Saves a file lookup per turn; without it the loop works all the same. */
	(void)!ring_register_ring_fd(&loop->ring);
	return 0;
}

COLD void ublk_loop_exit(struct ublk_loop *loop)
{
	for (struct ublk_worker *w = loop->workers; w; w = w->next)
		ublk_worker_close_target(w);
	loop->workers = NULL;
	if (loop->is_shared)
		(void)sys_close(loop->call_fd);
	loop->call_fd = -1;
	loop->is_shared = false;
	loop->stays = false;
	ring_exit(&loop->ring);
}

COLD int ublk_loop_poll(struct ublk_loop *loop, s32 fd, u8 sqe_flags, void *owner, u32 step)
{
	struct io_uring_sqe *sqe = ring_get_sqe(&loop->ring);

	if (!sqe && ring_submit(&loop->ring) >= 0)
		sqe = ring_get_sqe(&loop->ring);
	if (!sqe)
		return -EAGAIN;
	ring_prep_poll_add(sqe, fd, POLLIN);
	ring_sqe_set_flags(sqe, sqe_flags);
	ring_sqe_set_data64(sqe, (u64)(uintptr_t)owner | step << 1 | TGT_USER_DATA_FRONT);
	return 0;
}

COLD int ublk_loop_watch(struct ublk_loop *loop, int fd)
{
	return ublk_loop_poll(loop, fd, 0, NULL, UBLK_STEP_WATCH);
}

/* --- calls ------------------------------------------------------------------------ */

static int await_calls(struct ublk_loop *loop)
{
	return ublk_loop_poll(loop, loop->call_fd, 0, loop, UBLK_STEP_CALL);
}

COLD int ublk_loop_share(struct ublk_loop *loop)
{
	loop->call_fd = sys_eventfd2(0, O_CLOEXEC | O_NONBLOCK);
	if (loop->call_fd < 0)
		return loop->call_fd;
	loop->is_shared = true;
	loop->stays = true;
	return await_calls(loop);
}

COLD void ublk_loop_call(struct ublk_loop *loop, struct ublk_loop_call *call)
{
	u64 one = 1;

	call->next = __atomic_load_n(&loop->calls, __ATOMIC_RELAXED);
	/* release: what the caller wrote comes with the call */
	while (!__atomic_compare_exchange_n(&loop->calls, &call->next, call, true,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	(void)sys_write(loop->call_fd, &one, sizeof(one));
}

/* From the last one first to the first one first */
static struct ublk_loop_call *reversed(struct ublk_loop_call *call)
{
	struct ublk_loop_call *list = NULL;

	while (call) {
		struct ublk_loop_call *next = call->next;

		call->next = list;
		list = call;
		call = next;
	}
	return list;
}

COLD int ublk_loop_take_calls(struct ublk_loop *loop)
{
	struct ublk_loop_call *call;
	u64 count;
	int err;

	loop->has_calls = false;
	/* Before the calls are taken: of one that comes after that the file tells anew. */
	(void)sys_read(loop->call_fd, &count, sizeof(count));
	err = await_calls(loop);
	call = reversed(__atomic_exchange_n(&loop->calls, NULL, __ATOMIC_ACQUIRE));
	while (call) {
		struct ublk_loop_call *next = call->next;

		call->fn(loop, call);
		call = next;
	}
	return err ? err : loop->workers || loop->stays;
}
