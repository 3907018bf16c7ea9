/* SPDX-License-Identifier: MIT */
/* Control commands: a ring of 128-byte entries on /dev/ublk-control. */
#include "ublk/ctrl.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "ring/prep.h"
#include "uapi/rt/fmt.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"

/* How long to wait for the undoing of an ADD_DEV that was answered late */
#define UNDO_TIMEOUT_MS 1000

/* How often a node is looked at that is about to be given to us */
#define NODE_SLEEP_US 5000

/* user_data of the control ring's entries */
enum { DATA_COMMAND, DATA_NUDGE };

/* A command that takes this long may have no thread, see nudge() */
#define NUDGE_NS 250000000ULL

/* ~0 is no device: ADD_DEV's lowest that is free */
static bool is_by_path(u32 dev_id)
{
	return (dev_id & UBLK_CTRL_BY_PATH) && dev_id != ~0U;
}

/* Also a command without a payload carries the path. */
static void put_path(struct ublk_ctrl_req *req, struct ublksrv_ctrl_cmd *cmd)
{
	cmd->dev_id &= ~UBLK_CTRL_BY_PATH;
	memset(req->path, 0, sizeof(req->path));
	fmt_print(req->path, sizeof(req->path), "/dev/ublkc%u", cmd->dev_id);
	cmd->addr = (u64)(uintptr_t)req->path;
	cmd->len += sizeof(req->path);
	cmd->dev_path_len = sizeof(req->path);
}

static int ring_via_submit(struct ublk_ctrl *c)
{
	struct io_uring_sqe *sqe = ring_get_sqe(&c->ring);
	struct ublksrv_ctrl_cmd *cmd;
	int ret;

	if (!sqe)
		return -EBUSY;
	ring_prep_uring_cmd_sqe128(sqe, c->req.cmd_op, c->fd);
	ring_sqe_set_data64(sqe, DATA_COMMAND);
	cmd = ring_sqe_cmd(sqe);
	*cmd = (struct ublksrv_ctrl_cmd){
		.dev_id = c->req.dev_id,
		.queue_id = c->req.queue_id,
		.len = c->req.len_bytes,
		.addr = c->req.len_bytes ? (u64)(uintptr_t)c->req.payload : 0,
		.data[0] = c->req.data,
	};
	if (is_by_path(c->req.dev_id))
		put_path(&c->req, cmd);
	ret = ring_submit(&c->ring);
	return ret < 0 ? ret : 0;
}

/*
 * Commands run on io_uring's worker threads. A kernel (seen: 6.18) can end up
 * with a command queued and no thread for it, when a process makes a ring just
 * after closing its last one; other work for such a thread starts one.
 */
static void nudge(struct ublk_ctrl *c)
{
	struct io_uring_sqe *sqe = c->is_nudged ? NULL : ring_get_sqe(&c->ring);

	if (!sqe)
		return;
	ring_prep_nop(sqe);
	ring_sqe_set_flags(sqe, IOSQE_ASYNC);
	ring_sqe_set_data64(sqe, DATA_NUDGE);
	c->is_nudged = true;
}

static bool take_answer(struct ublk_ctrl *c)
{
	struct io_uring_cqe *cqe;
	bool is_answer = false;

	while (!is_answer && (cqe = ring_peek_cqe(&c->ring))) {
		is_answer = cqe->user_data == DATA_COMMAND;
		if (is_answer)
			c->req.result = cqe->res;
		else
			c->is_nudged = false;
		ring_cq_advance(&c->ring, 1);
	}
	return is_answer;
}

static int ring_via_poll(struct ublk_ctrl *c, u64 timeout_ns)
{
	while (!take_answer(c)) {
		u64 slice = timeout_ns < NUDGE_NS ? timeout_ns : NUDGE_NS;
		int ret;

		if (!timeout_ns)
			return 0;
		ret = ring_submit_and_wait_timeout(&c->ring, 1, slice);
		if (ret == -EINTR)
			return take_answer(c);
		if (ret < 0 && ret != -ETIME)
			return ret;
		if (ret >= 0)
			continue;
		nudge(c);
		if (timeout_ns != RING_NO_TIMEOUT)
			timeout_ns -= slice;
	}
	return 1;
}

static void ring_via_close(struct ublk_ctrl *c)
{
	ring_exit(&c->ring);
	(void)sys_close(c->fd);
}

static int ring_via_open(struct ublk_ctrl *c)
{
	/* No SINGLE_ISSUER: stop may come from another thread than start. */
	struct io_uring_params p = { .flags = IORING_SETUP_SQE128 | IORING_SETUP_NO_SQARRAY };
	int fd = sys_openat(AT_FDCWD, UBLK_CTRL_PATH, O_RDWR | O_CLOEXEC, 0);
	int err;

	c->fd = fd < 0 ? -1 : fd;
	if (fd < 0)
		return fd;
	err = ring_init(&c->ring, 2, &p);
	if (err) {
		(void)sys_close(fd);
		c->fd = UBLK_CTRL_RING_FAILED;
		return err;
	}
	c->is_nudged = false;
	c->wait_fd = c->ring.fd;
	return 0;
}

static const struct ublk_ctrl_via ring_via = {
	.open = ring_via_open,
	.submit = ring_via_submit,
	.poll = ring_via_poll,
	.close = ring_via_close,
};

int ublk_ctrl_open(struct ublk_ctrl *c)
{
	int err;

	if (!c->via)
		c->via = &ring_via;
	err = c->via->open(c);
	c->state = err ? UBLK_CTRL_CLOSED : UBLK_CTRL_IDLE;
	return err;
}

static const char *ring_remedy(int err)
{
	if (err == -EPERM)
		return "io_uring is switched off: the sysctl kernel.io_uring_disabled is not 0, or a filter "
		       "forbids it";
	if (err == -ENOSYS)
		return "no io_uring: CONFIG_IO_URING is not set, or a seccomp filter hides it";
	return "cannot make an io_uring";
}

static const char *node_remedy(int err)
{
	if (err == -EACCES || err == -EPERM)
		return "may not open " UBLK_CTRL_PATH ": be root, or let a udev rule open it to users";
	if (err == -ENOENT || err == -ENXIO || err == -ENODEV)
		return "no ublk driver: modprobe ublk_drv (CONFIG_BLK_DEV_UBLK)";
	return "cannot open " UBLK_CTRL_PATH;
}

int ublk_ctrl_explain(const struct ublk_ctrl *c, int err, struct ublk_error *error)
{
	bool is_ring = c->fd == UBLK_CTRL_RING_FAILED;
	const char *text = is_ring ? ring_remedy(err) : node_remedy(err);

	ublk_error_set(error, "open", UBLK_NO_DEVICE, err, "%s", text);
	if (error && (error->code == UBLK_DEVICE_NOT_FOUND || error->code == UBLK_NOT_IMPLEMENTED))
		error->code = UBLK_KERNEL_NOT_SUPPORTED;
	return err;
}

/* An answer that nobody waited for: a device that came to be all the same goes. */
static int undo_late(struct ublk_ctrl *c)
{
	u32 dev_id = ublk_ctrl_id(&c->req.info);

	c->state = UBLK_CTRL_IDLE;
	if (c->req.cmd_op != UBLK_U_CMD_ADD_DEV || c->req.result < 0)
		return 0;
	return ublk_ctrl_undo_add(c, dev_id, UNDO_TIMEOUT_MS);
}

int ublk_ctrl_settle(struct ublk_ctrl *c, u64 timeout_ns)
{
	int ret;

	if (c->state == UBLK_CTRL_CLOSED)
		return -ESHUTDOWN;
	if (c->state != UBLK_CTRL_ABANDONED)
		return c->state == UBLK_CTRL_IDLE ? 0 : -EBUSY;
	ret = c->via->poll(c, timeout_ns);
	if (ret <= 0)
		return ret ? ret : -EBUSY;
	ret = undo_late(c);
	return ret == -ETIMEDOUT ? -EBUSY : 0;
}

int ublk_ctrl_close(struct ublk_ctrl *c)
{
	if (c->state == UBLK_CTRL_CLOSED)
		return 0;
	if (ublk_ctrl_settle(c, 0))
		return -EBUSY;
	c->via->close(c);
	c->state = UBLK_CTRL_CLOSED;
	return 0;
}

int ublk_ctrl_submit(struct ublk_ctrl *c)
{
	int err;

	if (c->state != UBLK_CTRL_IDLE)
		return c->state == UBLK_CTRL_CLOSED ? -ESHUTDOWN : -EBUSY;
	err = c->via->submit(c);
	if (!err)
		c->state = UBLK_CTRL_BUSY;
	return err;
}

int ublk_ctrl_poll(struct ublk_ctrl *c, u64 timeout_ns)
{
	int ret = c->via->poll(c, timeout_ns);

	if (ret > 0)
		c->state = UBLK_CTRL_IDLE;
	return ret;
}

void ublk_ctrl_abandon(struct ublk_ctrl *c)
{
	if (c->state == UBLK_CTRL_BUSY)
		c->state = UBLK_CTRL_ABANDONED;
}

int ublk_ctrl_call(struct ublk_ctrl *c, u32 timeout_ms)
{
	u64 deadline = deadline_in_ms(timeout_ms);
	int ret = ublk_ctrl_submit(c);

	while (!ret) {
		u64 left = deadline_left_ns(deadline);

		ret = ublk_ctrl_poll(c, left);
		if (!ret && !left)
			ret = -ETIMEDOUT;
	}
	if (ret > 0)
		return c->req.result;
	ublk_ctrl_abandon(c);
	return ret;
}

/* Device commands say queue 0xffff: the driver refuses any other number. */
static void prep(struct ublk_ctrl *c, u32 cmd_op, u32 dev_id, u64 data, const void *payload,
		 u16 len_bytes)
{
	/* A command without an answer owns req: ublk_ctrl_submit() will refuse. */
	if (ublk_ctrl_settle(c, 0))
		return;
	c->req.cmd_op = cmd_op;
	c->req.dev_id = dev_id;
	c->req.queue_id = 0xffff;
	c->req.len_bytes = len_bytes;
	c->req.data = data;
	if (payload)
		memcpy(c->req.payload, payload, len_bytes);
}

static int call(struct ublk_ctrl *c, u32 timeout_ms, void *answer, u16 len_bytes)
{
	int ret = ublk_ctrl_call(c, timeout_ms);

	if (ret < 0)
		return ret;
	if (answer)
		memcpy(answer, c->req.payload, len_bytes);
	return 0;
}

int ublk_ctrl_get_features(struct ublk_ctrl *c, u64 *features, u32 timeout_ms)
{
	prep(c, UBLK_U_CMD_GET_FEATURES, ~0U, 0, NULL, UBLK_FEATURES_LEN);
	return call(c, timeout_ms, features, UBLK_FEATURES_LEN);
}

int ublk_ctrl_add_dev(struct ublk_ctrl *c, struct ublksrv_ctrl_dev_info *info, u32 timeout_ms)
{
	prep(c, UBLK_U_CMD_ADD_DEV, info->dev_id, 0, info, sizeof(*info));
	return call(c, timeout_ms, info, sizeof(*info));
}

int ublk_ctrl_del_dev(struct ublk_ctrl *c, u32 dev_id, u32 timeout_ms)
{
	prep(c, UBLK_U_CMD_DEL_DEV, dev_id, 0, NULL, 0);
	return call(c, timeout_ms, NULL, 0);
}

int ublk_ctrl_undo_add(struct ublk_ctrl *c, u32 dev_id, u32 timeout_ms)
{
	int err = is_by_path(dev_id) ? ublk_ctrl_await_node(c, dev_id, UNDO_TIMEOUT_MS) : 0;

	return err ? err : ublk_ctrl_del_dev(c, dev_id, timeout_ms);
}

void ublk_ctrl_prep_start(struct ublk_ctrl *c, u32 dev_id, s32 pid)
{
	prep(c, UBLK_U_CMD_START_DEV, dev_id, (u64)pid, NULL, 0);
}

int ublk_ctrl_start_dev(struct ublk_ctrl *c, u32 dev_id, s32 pid, u32 timeout_ms)
{
	ublk_ctrl_prep_start(c, dev_id, pid);
	return call(c, timeout_ms, NULL, 0);
}

int ublk_ctrl_start_recovery(struct ublk_ctrl *c, u32 dev_id, u32 timeout_ms)
{
	prep(c, UBLK_U_CMD_START_USER_RECOVERY, dev_id, 0, NULL, 0);
	return call(c, timeout_ms, NULL, 0);
}

void ublk_ctrl_prep_end_recovery(struct ublk_ctrl *c, u32 dev_id, s32 pid)
{
	prep(c, UBLK_U_CMD_END_USER_RECOVERY, dev_id, (u64)pid, NULL, 0);
}

void ublk_ctrl_prep_stop(struct ublk_ctrl *c, u32 dev_id)
{
	prep(c, UBLK_U_CMD_STOP_DEV, dev_id, 0, NULL, 0);
}

void ublk_ctrl_prep_quiesce(struct ublk_ctrl *c, u32 dev_id, u32 ms)
{
	prep(c, UBLK_U_CMD_QUIESCE_DEV, dev_id, ms, NULL, 0);
}

void ublk_ctrl_prep_update_size(struct ublk_ctrl *c, u32 dev_id, u64 sectors)
{
	prep(c, UBLK_U_CMD_UPDATE_SIZE, dev_id, sectors, NULL, 0);
}

int ublk_ctrl_stop_dev(struct ublk_ctrl *c, u32 dev_id, u32 timeout_ms)
{
	ublk_ctrl_prep_stop(c, dev_id);
	return call(c, timeout_ms, NULL, 0);
}

int ublk_ctrl_try_stop_dev(struct ublk_ctrl *c, u32 dev_id, u32 timeout_ms)
{
	prep(c, UBLK_U_CMD_TRY_STOP_DEV, dev_id, 0, NULL, 0);
	return call(c, timeout_ms, NULL, 0);
}

static int ask_info(struct ublk_ctrl *c, u32 cmd_op, u32 dev_id,
		    struct ublksrv_ctrl_dev_info *info, u32 timeout_ms)
{
	memset(info, 0, sizeof(*info));
	prep(c, cmd_op, dev_id, 0, info, sizeof(*info));
	return call(c, timeout_ms, info, sizeof(*info));
}

int ublk_ctrl_get_info(struct ublk_ctrl *c, u32 dev_id, struct ublksrv_ctrl_dev_info *info,
		       u32 timeout_ms)
{
	int err = -EINVAL;

	/* Asked without its path, an unprivileged device answers -EINVAL, and no other does. */
	if (!is_by_path(dev_id))
		err = ask_info(c, UBLK_U_CMD_GET_DEV_INFO, dev_id, info, timeout_ms);
	if (err == -EINVAL)
		err = ask_info(c, UBLK_U_CMD_GET_DEV_INFO2, dev_id | UBLK_CTRL_BY_PATH, info,
			       timeout_ms);
	return err;
}

int ublk_ctrl_await_node(struct ublk_ctrl *c, u32 dev_id, u32 timeout_ms)
{
	u64 deadline = deadline_in_ms(timeout_ms);
	struct ublksrv_ctrl_dev_info info;
	int err;

	do
		err = ublk_ctrl_get_info(c, dev_id, &info, timeout_ms);
	while ((err == -EACCES || err == -EPERM || err == -ENOENT) &&
	       deadline_sleep_us(deadline, NODE_SLEEP_US));
	return err;
}

int ublk_ctrl_set_params(struct ublk_ctrl *c, u32 dev_id, const struct ublk_params *params,
			 u32 timeout_ms)
{
	prep(c, UBLK_U_CMD_SET_PARAMS, dev_id, 0, params, (u16)params->len);
	return call(c, timeout_ms, NULL, 0);
}

int ublk_ctrl_get_params(struct ublk_ctrl *c, u32 dev_id, struct ublk_params *params,
			 u32 timeout_ms)
{
	u16 len_bytes = (u16)params->len;

	prep(c, UBLK_U_CMD_GET_PARAMS, dev_id, 0, params, len_bytes);
	return call(c, timeout_ms, params, len_bytes);
}

int ublk_ctrl_get_affinity(struct ublk_ctrl *c, u32 dev_id, u16 queue,
			   u64 mask[UBLK_CTRL_PAYLOAD_BYTES / sizeof(u64)], u32 timeout_ms)
{
	int err;

	memset(mask, 0, UBLK_CTRL_PAYLOAD_BYTES);
	prep(c, UBLK_U_CMD_GET_QUEUE_AFFINITY, dev_id, queue, mask, UBLK_CTRL_PAYLOAD_BYTES);
	err = call(c, timeout_ms, mask, UBLK_CTRL_PAYLOAD_BYTES);
	return err ? err : UBLK_CTRL_PAYLOAD_BYTES / (int)sizeof(u64);
}

int ublk_ctrl_reg_buf(struct ublk_ctrl *c, u32 dev_id, const struct ublk_shmem_buf_reg *reg,
		      u32 timeout_ms)
{
	prep(c, UBLK_U_CMD_REG_BUF, dev_id, 0, reg, sizeof(*reg));
	return ublk_ctrl_call(c, timeout_ms);
}
