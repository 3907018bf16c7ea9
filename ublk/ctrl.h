/* SPDX-License-Identifier: MIT */
/*
 * ublk's control plane: one command at a time on /dev/ublk-control, each with a
 * deadline.
 *
 * A command that is late is not cancelled, because the kernel may be in a wait
 * that no signal ends and may still write its answer. Its payload belongs to
 * the struct ublk_ctrl, which is "abandoned" until the answer comes: no new
 * command is taken (-EBUSY) and its memory must stay. A late ADD_DEV is undone.
 *
 * One thread at a time. How commands travel can be replaced (struct
 * ublk_ctrl_via), so that a program can send them from a child that it can
 * leave behind: a task with a stuck command cannot exit.
 */
#ifndef UBLK_CTRL_H
#define UBLK_CTRL_H

#include "ring/ring.h"
#include "uapi/types.h"
#include "uapi/ublk_cmd.h"
#include "ublk/error.h"

#define UBLK_CTRL_PATH "/dev/ublk-control"

/* Room for any payload: the affinity mask of 8192 CPUs is the largest. */
#define UBLK_CTRL_PAYLOAD_BYTES 1024

/*
 * Beside a dev_id: the device is unprivileged (UBLK_F_UNPRIVILEGED_DEV). Then the
 * driver asks for the path of its /dev/ublkcN with every command, and whoever
 * may read and write that node may send it; without the path it says -EINVAL,
 * and with the path it misreads a command for any other device.
 */
#define UBLK_CTRL_BY_PATH (1U << 31)
#define UBLK_CTRL_PATH_BYTES 24

/* ublk_ctrl_id() - the dev_id with which that device's commands are sent */
static inline u32 ublk_ctrl_id(const struct ublksrv_ctrl_dev_info *info)
{
	return info->dev_id | (info->flags & UBLK_F_UNPRIVILEGED_DEV ? UBLK_CTRL_BY_PATH : 0);
}

/**
 * struct ublk_ctrl_req - one command and its answer
 * @dev_id:    with UBLK_CTRL_BY_PATH where that is wanted
 * @len_bytes: of payload, in and out; 0: none
 * @result:    the kernel's, once answered
 * @path:      filled when it is sent by path: the driver reads it in front of
 *             the payload, so nothing may come between
 */
struct ublk_ctrl_req {
	u32 cmd_op; /* UBLK_U_CMD_* */
	u32 dev_id;
	u16 queue_id;
	u16 len_bytes;
	s32 result;
	u64 data;
	char path[UBLK_CTRL_PATH_BYTES];
	union {
		u8 payload[UBLK_CTRL_PAYLOAD_BYTES];
		struct ublksrv_ctrl_dev_info info;
		u64 words[UBLK_CTRL_PAYLOAD_BYTES / sizeof(u64)];
	};
};

_Static_assert(offsetof(struct ublk_ctrl_req, payload) ==
	       offsetof(struct ublk_ctrl_req, path) + UBLK_CTRL_PATH_BYTES, "see path");

struct ublk_ctrl;

/**
 * struct ublk_ctrl_via - how commands reach the kernel
 * @open:   as ublk_ctrl_open(), on a struct that is closed
 * @submit: start c->req; 0 or -errno
 * @poll:   1 when the answer stands in c->req, 0 when time ran out, or -errno
 * @close:  let go of everything; only called when nothing is under way
 */
struct ublk_ctrl_via {
	int (*open)(struct ublk_ctrl *c);
	int (*submit)(struct ublk_ctrl *c);
	int (*poll)(struct ublk_ctrl *c, u64 timeout_ns);
	void (*close)(struct ublk_ctrl *c);
};

enum ublk_ctrl_state {
	UBLK_CTRL_CLOSED,
	UBLK_CTRL_IDLE,
	UBLK_CTRL_BUSY,	     /* submitted, the caller still waits */
	UBLK_CTRL_ABANDONED, /* submitted, nobody waits any more */
};

/**
 * struct ublk_ctrl - a way to the driver; the caller's memory, see above
 * @wait_fd: readable when an answer may be there, for poll loops
 * @fd:      the control node, -1 where another process has it open
 * @is_nudged: an entry of our own that starts a worker thread is under way
 */
struct ublk_ctrl {
	enum ublk_ctrl_state state;
	s32 wait_fd;
	s32 fd;
	bool is_nudged;
	const struct ublk_ctrl_via *via;
	struct ublk_ctrl_req req;
	struct ring ring;
};

/**
 * ublk_ctrl_open() - open the control node and make the control ring
 * @c: zeroed, or zeroed but for c->via: another way than this process's own ring
 *
 * Return: 0, or with nothing left open
 *   -ENOENT, -ENXIO, -ENODEV  no driver, or no node for it
 *   -EACCES, -EPERM           the node is not ours to open; -EPERM also when
 *                             io_uring is switched off: c->fd is -1 for the
 *                             former, and UBLK_CTRL_RING_FAILED for the latter
 *   -ENOSYS                   no io_uring
 *   -ENOMEM, -EMFILE
 */
NODISCARD int ublk_ctrl_open(struct ublk_ctrl *c);
#define UBLK_CTRL_RING_FAILED (-2)

/* ublk_ctrl_explain() - fill *error for a failed ublk_ctrl_open(): what is
 * missing and what to do about it; returns @err */
int ublk_ctrl_explain(const struct ublk_ctrl *c, int err, struct ublk_error *error);

/**
 * ublk_ctrl_close() - safe on a zeroed struct and twice
 *
 * Return: 0, or -EBUSY: a command is abandoned and has not been answered, so
 * the struct must stay as it is.
 */
int ublk_ctrl_close(struct ublk_ctrl *c);

/* ublk_ctrl_submit() - start the command in c->req; 0, -EBUSY or -errno */
NODISCARD int ublk_ctrl_submit(struct ublk_ctrl *c);

/* ublk_ctrl_poll() - has it been answered? 1: c->req.result is the answer;
 * 0: not within @timeout_ns; or -errno */
NODISCARD int ublk_ctrl_poll(struct ublk_ctrl *c, u64 timeout_ns);

/* ublk_ctrl_abandon() - stop waiting for the command under way */
void ublk_ctrl_abandon(struct ublk_ctrl *c);

/**
 * ublk_ctrl_settle() - wait for the answer to an abandoned command
 *
 * Return: 0 (there was none, or it has come: new commands are taken), -EBUSY
 * (not within @timeout_ns), -ESHUTDOWN (closed) or -errno
 */
NODISCARD int ublk_ctrl_settle(struct ublk_ctrl *c, u64 timeout_ns);

/**
 * ublk_ctrl_call() - submit c->req and wait for its answer
 *
 * Return: the kernel's result (0 or more, or -errno), or
 *   -ETIMEDOUT  no answer within @timeout_ms; the command is abandoned
 *   -EBUSY      an earlier command is, and still has no answer
 */
NODISCARD int ublk_ctrl_call(struct ublk_ctrl *c, u32 timeout_ms);

/*
 * The commands. Each waits for at most @timeout_ms and returns 0, a kernel's
 * -errno or one of ublk_ctrl_call()'s. Since 6.0 unless said. The dev_id of a
 * device that may be unprivileged is ublk_ctrl_id()'s; -EPERM, -EACCES or
 * -ENOENT then: its node is not ours, or not there.
 */

/* UBLK_F_* that the driver has (6.5; an error before) */
NODISCARD int ublk_ctrl_get_features(struct ublk_ctrl *c, u64 *features, u32 timeout_ms);

/* ADD_DEV: @info in as asked (dev_id -1: the lowest free), out as granted.
 * -EEXIST: the id is taken; -EPERM: not CAP_SYS_ADMIN */
NODISCARD int ublk_ctrl_add_dev(struct ublk_ctrl *c, struct ublksrv_ctrl_dev_info *info,
				u32 timeout_ms);

/* DEL_DEV: stops the device if it is live, then waits until nobody has its
 * nodes open. Never before STOP_DEV has been answered, and never from a
 * process that has /dev/ublkcN open: that waits for itself */
NODISCARD int ublk_ctrl_del_dev(struct ublk_ctrl *c, u32 dev_id, u32 timeout_ms);

/* DEL_DEV of a device that was only just added: its node may not be ours yet */
NODISCARD int ublk_ctrl_undo_add(struct ublk_ctrl *c, u32 dev_id, u32 timeout_ms);

/* START_DEV: @pid has /dev/ublkcN open. Is answered when every tag of every
 * queue has been fetched and the disk exists */
NODISCARD int ublk_ctrl_start_dev(struct ublk_ctrl *c, u32 dev_id, s32 pid, u32 timeout_ms);

/* START_USER_RECOVERY (6.1): a device without a server gets another. -EBUSY: the kernel
 * is still letting go of the one before, or it has one; -EINVAL: not made for that */
NODISCARD int ublk_ctrl_start_recovery(struct ublk_ctrl *c, u32 dev_id, u32 timeout_ms);

/* STOP_DEV: is answered when the server has completed everything in flight */
NODISCARD int ublk_ctrl_stop_dev(struct ublk_ctrl *c, u32 dev_id, u32 timeout_ms);

/* TRY_STOP_DEV (7.0): STOP_DEV, but -EBUSY when the disk is open; -ENODEV: it has none. Kernels
 * without it say something else: ask whether there is UBLK_F_SAFE_STOP_DEV */
NODISCARD int ublk_ctrl_try_stop_dev(struct ublk_ctrl *c, u32 dev_id, u32 timeout_ms);

/* GET_DEV_INFO, and for a device that proves to be unprivileged GET_DEV_INFO2.
 * -ENODEV: no such device; -EPERM, -EACCES: not ours to ask for */
NODISCARD int ublk_ctrl_get_info(struct ublk_ctrl *c, u32 dev_id,
				 struct ublksrv_ctrl_dev_info *info, u32 timeout_ms);

/**
 * ublk_ctrl_await_node() - wait until the node of a device by path is ours
 *
 * It is made for root. A rule of udev's, or of what stands in for udev, gives it
 * to the owner; until then every command is refused, also the deletion.
 *
 * Return: 0, or what the driver still says at the end: -EACCES, -EPERM, -ENOENT
 */
NODISCARD int ublk_ctrl_await_node(struct ublk_ctrl *c, u32 dev_id, u32 timeout_ms);

/* SET_PARAMS and GET_PARAMS: params->len says how much there is of *params.
 * An unknown type is ignored in silence: read back what was taken */
NODISCARD int ublk_ctrl_set_params(struct ublk_ctrl *c, u32 dev_id,
				   const struct ublk_params *params, u32 timeout_ms);
NODISCARD int ublk_ctrl_get_params(struct ublk_ctrl *c, u32 dev_id, struct ublk_params *params,
				   u32 timeout_ms);

/* REG_BUF (7.1): memory that requests may lie in; returns its number */
NODISCARD int ublk_ctrl_reg_buf(struct ublk_ctrl *c, u32 dev_id,
				const struct ublk_shmem_buf_reg *reg, u32 timeout_ms);

/* GET_QUEUE_AFFINITY: the CPUs whose requests go to @queue, bit N%64 of word
 * N/64; returns the number of words */
NODISCARD int ublk_ctrl_get_affinity(struct ublk_ctrl *c, u32 dev_id, u16 queue,
				     u64 mask[UBLK_CTRL_PAYLOAD_BYTES / sizeof(u64)],
				     u32 timeout_ms);

/* What ublk_ctrl_submit() wants in c->req for those that a server with one
 * thread sends while it serves. END_USER_RECOVERY is answered as START_DEV is, and then
 * what waited for a server comes. QUIESCE_DEV (6.16): from now on requests wait in the kernel;
 * those that a server has it answers. -EBUSY: for @ms each tag of some queue was with it, and
 * all the same. Of a device with UBLK_F_QUIESCE. UPDATE_SIZE (6.16) only for a device that has a
 * disk: 6.16 and 6.17 do not look, and fall over; and no kernel asks whether it
 * is a multiple of the blocks */
void ublk_ctrl_prep_start(struct ublk_ctrl *c, u32 dev_id, s32 pid);
void ublk_ctrl_prep_end_recovery(struct ublk_ctrl *c, u32 dev_id, s32 pid);
void ublk_ctrl_prep_stop(struct ublk_ctrl *c, u32 dev_id);
void ublk_ctrl_prep_quiesce(struct ublk_ctrl *c, u32 dev_id, u32 ms);
void ublk_ctrl_prep_update_size(struct ublk_ctrl *c, u32 dev_id, u64 sectors);

#endif
