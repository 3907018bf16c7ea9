/* SPDX-License-Identifier: MIT */
/* The driver's answers, as far as a device's life needs them. */
#include "selftests/fakectrl.h"

#include <asm/errno.h>
#include <linux/time_types.h>

#include "selftests/harness/harness.h"
#include "uapi/rt/mem.h"
#include "uapi/sys.h"

#define FIRST_ID 917 /* the lowest free one */

static struct fake_ctrl *fake_of(struct ublk_ctrl *c)
{
	return CONTAINER_OF(c, struct fake_ctrl, c);
}

static const struct fake_rule *rule_of(const struct fake_ctrl *f, u32 cmd_op)
{
	for (size_t i = 0; i < ARRAY_SIZE(f->rules); i++)
		if (f->rules[i].cmd_op == cmd_op)
			return &f->rules[i];
	return NULL;
}

static int fake_open(struct ublk_ctrl *c)
{
	return fake_of(c)->open_err;
}

static int fake_submit(struct ublk_ctrl *c)
{
	struct fake_ctrl *f = fake_of(c);
	const struct fake_rule *rule = rule_of(f, c->req.cmd_op);

	ASSERT_TRUE(!f->has_command);
	if (rule && rule->submit_err)
		return rule->submit_err;
	ASSERT_LT(f->nr_sent, FAKE_LOG_MAX);
	f->sent[f->nr_sent] = c->req.cmd_op;
	f->ids[f->nr_sent] = c->req.dev_id;
	f->nr_sent++;
	f->has_command = true;
	f->let_go = false;
	return 0;
}

static s32 add(struct fake_ctrl *f)
{
	struct ublksrv_ctrl_dev_info *info = &f->c.req.info;

	if (f->has_device)
		return -EEXIST;
	if (info->dev_id == ~0U)
		info->dev_id = FIRST_ID;
	if (info->nr_hw_queues > 2)
		info->nr_hw_queues = 2;
	if (f->max_depth && info->queue_depth > f->max_depth)
		info->queue_depth = (u16)f->max_depth;
	if (f->max_io_bytes && info->max_io_buf_bytes > f->max_io_bytes)
		info->max_io_buf_bytes = f->max_io_bytes;
	info->flags &= f->features & ~f->dropped;
	f->has_device = true;
	f->info = *info;
	return 0;
}

static s32 del(struct fake_ctrl *f)
{
	f->has_device = false;
	return 0;
}

static s32 get_params(struct fake_ctrl *f)
{
	struct ublk_params *p = (struct ublk_params *)(void *)f->c.req.payload;

	*p = f->params;
	p->types |= UBLK_PARAM_TYPE_DEVT;
	p->devt = f->devt;
	return 0;
}

/* As the driver takes the path: if the device is unprivileged, and only then */
static s32 permit(struct fake_ctrl *f)
{
	bool by_path = f->c.req.dev_id & UBLK_CTRL_BY_PATH;
	bool is_unprivileged = f->info.flags & UBLK_F_UNPRIVILEGED_DEV;

	if (f->c.req.cmd_op == UBLK_U_CMD_DEL_DEV_ASYNC && is_unprivileged)
		return -EINVAL;
	if (by_path != (is_unprivileged || f->c.req.cmd_op == UBLK_U_CMD_GET_DEV_INFO2))
		return -EINVAL;
	if (!by_path || !f->nr_denied)
		return 0;
	f->nr_denied--;
	return -EACCES;
}

static s32 answer(struct fake_ctrl *f)
{
	struct ublk_ctrl_req *req = &f->c.req;
	s32 err;

	if (FAKE_NR(req->cmd_op) == FAKE_NR(UBLK_U_CMD_ADD_DEV))
		return add(f);
	if (req->cmd_op == UBLK_U_CMD_GET_FEATURES) {
		req->words[0] = f->features;
		return 0;
	}
	if (!f->has_device)
		return -ENODEV;
	err = permit(f);
	if (err)
		return err;
	switch (req->cmd_op) {
	case UBLK_U_CMD_DEL_DEV:
		return del(f);
	case UBLK_U_CMD_SET_PARAMS:
		memcpy(&f->params, req->payload, sizeof(f->params));
		f->params.types &= ~f->dropped_params;
		return 0;
	case UBLK_U_CMD_GET_PARAMS:
		return get_params(f);
	case UBLK_U_CMD_UPDATE_SIZE:
		f->params.basic.dev_sectors = req->data;
		return 0;
	case UBLK_U_CMD_GET_DEV_INFO:
	case UBLK_U_CMD_GET_DEV_INFO2:
		req->info = f->info;
		return 0;
	default:
		return 0;
	}
}

static int fake_poll(struct ublk_ctrl *c, u64 timeout_ns)
{
	struct fake_ctrl *f = fake_of(c);
	const struct fake_rule *rule = rule_of(f, c->req.cmd_op);

	ASSERT_TRUE(f->has_command);
	if (rule && rule->late && !f->let_go) {
		struct __kernel_timespec ts = {
			.tv_sec = (s64)(timeout_ns / 1000000000),
			.tv_nsec = (s64)(timeout_ns % 1000000000),
		};

		(void)sys_nanosleep(&ts, NULL);
		return 0;
	}
	f->has_command = false;
	c->req.result = rule && rule->result ? rule->result : answer(f);
	return 1;
}

static void fake_close(struct ublk_ctrl *c)
{
	ASSERT_TRUE(!fake_of(c)->has_command);
	fake_of(c)->nr_closes++;
}

static const struct ublk_ctrl_via fake_via = {
	.open = fake_open,
	.submit = fake_submit,
	.poll = fake_poll,
	.close = fake_close,
};

void fake_ctrl_init(struct fake_ctrl *f)
{
	memset(f, 0, sizeof(*f));
	f->c.via = &fake_via;
	f->c.fd = -1;
	f->c.wait_fd = -1;
	f->c.state = UBLK_CTRL_IDLE;
	f->features = (UBLK_F_IO_DESC_SIZE << 1) - 1;
}

u32 fake_ctrl_sent(const struct fake_ctrl *f, u32 cmd_op)
{
	u32 nr = 0;

	for (u32 i = 0; i < f->nr_sent; i++)
		nr += f->sent[i] == cmd_op;
	return nr;
}
