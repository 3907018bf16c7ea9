/* SPDX-License-Identifier: MIT */
/* Control commands by way of a child process. */
#include "tools/ctrl_child.h"

#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/fcntl.h>

#include "tools/host/misc.h"
#include "tools/host/module.h"
#include "uapi/rt/free/signal.h"
#include "uapi/sys.h"
#include "ublk/deadline.h"
#include "ublk/node.h"

/* The child's pipes are moved here, and every other file is closed. */
enum { FD_IN = 3, FD_OUT = 4 };

/* How long the child may take to open the driver, and to undo an ADD_DEV */
#define OPEN_MS 5000
#define UNDO_MS 30000

/* What the child says first: whether it has the driver open */
struct hello {
	s32 err;
	s32 ctrl_fd;
};

/* 0, or -EMFILE: not even those may be so many */
static int keep_only_pipes(int in, int out)
{
	/* Clear of the two numbers that they are moved to. */
	int high_in = sys_fcntl(in, F_DUPFD_CLOEXEC, 10);
	int high_out = sys_fcntl(out, F_DUPFD_CLOEXEC, 10);

	if (high_in < 0 || high_out < 0)
		return -EMFILE;
	(void)sys_dup3(high_in, FD_IN, O_CLOEXEC);
	(void)sys_dup3(high_out, FD_OUT, O_CLOEXEC);
	(void)sys_close_range(0, FD_IN - 1, 0);
	(void)sys_close_range(FD_OUT + 1, ~0U, 0);
	return 0;
}

static bool answer(const void *data, size_t len)
{
	return sys_write(FD_OUT, data, len) == (long)len;
}

/* A device between ADD_DEV and START_DEV is of no use to anybody but the parent. */
static void note_unfinished(const struct ublk_ctrl_req *req, s64 *unfinished)
{
	if (req->result < 0)
		return;
	if (req->cmd_op == UBLK_U_CMD_ADD_DEV)
		*unfinished = ublk_ctrl_id(&req->info);
	else if (req->cmd_op == UBLK_U_CMD_START_DEV || req->cmd_op == UBLK_U_CMD_DEL_DEV)
		*unfinished = -1;
}

/* Until the parent has no more use for it, or is dead, or does not wait for the
 * answer any more: what it had begun is taken back then. */
static void serve_commands(struct ublk_ctrl *c)
{
	s64 unfinished = -1;

	while (sys_read(FD_IN, &c->req, sizeof(c->req)) == sizeof(c->req)) {
		c->req.result = ublk_ctrl_call(c, DEADLINE_MS_NEVER);
		note_unfinished(&c->req, &unfinished);
		if (!answer(&c->req, sizeof(c->req)))
			break;
	}
	if (unfinished >= 0)
		(void)!ublk_ctrl_undo_add(c, (u32)unfinished, UNDO_MS);
}

static _Noreturn void child_main(int in, int out)
{
	struct ublk_ctrl c = { .state = UBLK_CTRL_CLOSED };
	struct hello hello = { .ctrl_fd = -1 };

	/* Its own session: a key at the terminal is meant for its parent. */
	(void)sys_setsid();
	hello.err = keep_only_pipes(in, out);
	if (hello.err) {
		(void)!sys_write(out, &hello, sizeof(hello));
		sys_exit_group(0);
	}
	hello.err = ublk_ctrl_open(&c);
	hello.ctrl_fd = c.fd;
	if (answer(&hello, sizeof(hello)) && !hello.err)
		serve_commands(&c);
	sys_exit_group(0);
}

static int start_child(struct ctrl_child *child, struct hello *hello)
{
	int in[2];
	int out[2];
	int err = sys_pipe2(in, O_CLOEXEC);

	if (err)
		return err;
	err = sys_pipe2(out, O_CLOEXEC);
	if (err)
		goto out_in;
	child->pid = sys_fork();
	if (child->pid == 0)
		child_main(in[0], out[1]);
	err = child->pid < 0 ? child->pid : 0;
	(void)sys_close(in[0]);
	(void)sys_close(out[1]);
	child->to_child = in[1];
	child->from_child = out[0];
	child->ctrl.wait_fd = out[0];
	if (!err)
		err = deadline_wait_fd(out[0], deadline_in_ms(OPEN_MS));
	if (!err && sys_read(out[0], hello, sizeof(*hello)) != sizeof(*hello))
		err = -EIO;
	if (err)
		ctrl_child_rest(child);
	return err;

out_in:
	(void)sys_close(in[0]);
	(void)sys_close(in[1]);
	return err;
}

static struct ctrl_child *child_of(struct ublk_ctrl *c)
{
	return CONTAINER_OF(c, struct ctrl_child, ctrl);
}

static int via_submit(struct ublk_ctrl *c)
{
	struct ctrl_child *child = child_of(c);
	struct hello hello = { 0 };
	int err = child->pid > 0 ? 0 : start_child(child, &hello);

	if (err || hello.err)
		return err ? err : hello.err;
	return sys_write(child->to_child, &c->req, sizeof(c->req)) == sizeof(c->req) ? 0 : -EIO;
}

static int via_poll(struct ublk_ctrl *c, u64 timeout_ns)
{
	struct ctrl_child *child = child_of(c);
	u64 ms = timeout_ns / 1000000 + (timeout_ns != 0);
	u64 deadline = deadline_in_ms(ms < DEADLINE_MS_NEVER ? (u32)ms : DEADLINE_MS_NEVER);
	int err = deadline_wait_fd(child->from_child, deadline);

	if (err)
		return err == -ETIMEDOUT ? 0 : err;
	return sys_read(child->from_child, &c->req, sizeof(c->req)) == sizeof(c->req) ? 1 : -EIO;
}

static void via_close(struct ublk_ctrl *c)
{
	ctrl_child_rest(child_of(c));
}

void ctrl_child_rest(struct ctrl_child *child)
{
	if (child->pid == 0 || child->ctrl.state == UBLK_CTRL_ABANDONED)
		return;
	(void)sys_close(child->to_child);
	(void)sys_close(child->from_child);
	child->pid = 0;
}

s32 ctrl_child_stuck(const struct ctrl_child *child)
{
	return child->ctrl.state == UBLK_CTRL_ABANDONED ? child->pid : 0;
}

static bool make_control_node(void)
{
	return host_misc_make_node(UBLK_CTRL_PATH, "ublk-control") == 0;
}

/* The driver is there when its node is, or can be made. */
static void find_driver(void)
{
	if (node_is_there(UBLK_CTRL_PATH))
		return;
	(void)!host_module_load("drivers/block", "ublk_drv", NULL);
	/* Also where the driver is built in, so that there is no module. */
	if (!node_is_there(UBLK_CTRL_PATH))
		(void)make_control_node();
}

/* A node that somebody made by hand stays when the driver goes, which may have another
 * number when it comes again. */
static bool replace_node(void)
{
	(void)!host_module_load("drivers/block", "ublk_drv", NULL);
	return make_control_node();
}

static int try_open(struct ublk_ctrl *c)
{
	struct ctrl_child *child = child_of(c);
	struct hello hello = { 0 };
	int err = start_child(child, &hello);

	c->fd = -1;
	if (!err && hello.err) {
		c->fd = hello.ctrl_fd;
		ctrl_child_rest(child);
		err = hello.err;
	}
	return err;
}

static int via_open(struct ublk_ctrl *c)
{
	int err;

	find_driver(); /* opening it will tell */
	/* A child that is gone is an error to report, and none is waited for. */
	(void)!signal_ignore(SIGPIPE);
	(void)!signal_ignore(SIGCHLD);
	err = try_open(c);
	if ((err == -ENODEV || err == -ENXIO) && c->fd < 0 && replace_node())
		err = try_open(c);
	return err;
}

static const struct ublk_ctrl_via child_via = {
	.open = via_open,
	.submit = via_submit,
	.poll = via_poll,
	.close = via_close,
};

void ctrl_child_init(struct ctrl_child *child)
{
	*child = (struct ctrl_child){ .ctrl = { .via = &child_via } };
}

int ctrl_child_open(struct ctrl_child *child, struct ublk_error *error)
{
	int err;

	ctrl_child_init(child);
	err = ublk_ctrl_open(&child->ctrl);
	return err ? ublk_ctrl_explain(&child->ctrl, err, error) : 0;
}
