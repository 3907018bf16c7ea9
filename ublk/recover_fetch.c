/* SPDX-License-Identifier: MIT */
/*
 * Kernels before 6.15 crash when START_USER_RECOVERY finds a queue that nobody has fetched
 * beside one that somebody has: ublk_queue_reinit() then gives back the task of a server
 * that there never was. A server leaves such queues that dies while it takes over.
 *
 * So before that command somebody fetches all that can be fetched, and dies: then each
 * queue has had a server, and all of them are dead. Of a queue that was fetched already
 * the kernel refuses every tag (EBUSY), so that nothing is changed in the usual case.
 */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/wait.h>

#include "ring/prep.h"
#include "ring/ring.h"
#include "uapi/sys.h"
#include "ublk/dev_parts.h"

#define ENTRIES 64
#define SLEEP_US 1000

static int submit(struct ring *r)
{
	struct io_uring_cqe *cqe;
	int ret = ring_submit(r);

	while ((cqe = ring_peek_cqe(r)))
		ring_cq_advance(r, 1);
	return ret < 0 ? ret : 0;
}

static int fetch(struct ring *r, const struct ublk_dev *dev, u32 queue, u32 tag)
{
	struct io_uring_sqe *sqe = ring_get_sqe(r);
	int err = sqe ? 0 : submit(r);

	if (!sqe && !err)
		sqe = ring_get_sqe(r);
	if (!sqe)
		return err ? err : -EBUSY;
	ring_prep_uring_cmd(sqe, UBLK_U_IO_FETCH_REQ, dev->char_fd);
	*(struct ublksrv_io_cmd *)ring_sqe_cmd(sqe) = (struct ublksrv_io_cmd){
		.q_id = (u16)queue,
		.tag = (u16)tag,
		.result = -1,
		/* Nothing comes there: a disk that waits gives no requests. */
		.addr = dev->info.flags & UBLK_F_USER_COPY ? 0 : (u64)(uintptr_t)dev,
	};
	return 0;
}

static int fetch_all(const struct ublk_dev *dev)
{
	struct io_uring_params p = { .flags = IORING_SETUP_NO_SQARRAY };
	struct ring r;
	int err = ring_init(&r, ENTRIES, &p);

	for (u32 q = 0; !err && q < dev->info.nr_hw_queues; q++)
		for (u32 tag = 0; !err && tag < dev->info.queue_depth; tag++)
			err = fetch(&r, dev, q, tag);
	return err ? err : submit(&r);
}

void recover_close_others(s32 fd)
{
	if (fd > 0)
		(void)sys_close_range(0, (u32)fd - 1, 0);
	(void)sys_close_range((u32)(fd + 1), ~0U, 0);
}

int recover_reap(int pid, u64 deadline, int *status)
{
	int ret;

	do
		ret = sys_wait4(pid, status, WNOHANG | __WALL);
	while (!ret && deadline_sleep_us(deadline, SLEEP_US));
	if (!ret) {
		(void)sys_kill(pid, SIGKILL);
		return -ETIMEDOUT;
	}
	return ret < 0 ? ret : 0;
}

int recover_fetch_rest(struct ublk_dev *dev, struct ublk_error *error)
{
	u64 deadline = deadline_in_ms(dev->opts.timeout_ms);
	int err = dev_open_char(dev, deadline, error);
	int status = 0;
	int pid;

	if (err)
		return err;
	pid = sys_fork_silent();
	if (!pid) {
		recover_close_others(dev->char_fd);
		sys_exit_group(fetch_all(dev) ? 1 : 0);
	}
	err = pid < 0 ? pid : recover_reap(pid, deadline, &status);
	if (!err && status)
		err = -EIO;
	dev_close_char(dev);
	if (err)
		ublk_error_set(error, "FETCH_REQ", dev->opts.dev_id, err,
			       "cannot put the queues in order that a server has left that died early");
	return err;
}
