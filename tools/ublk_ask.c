/* SPDX-License-Identifier: MIT */
/* Asking a device's server. */
#include "tools/ublk_ask.h"

#include <asm/errno.h>

#include "tools/ublk_ids.h"
#include "ublk/dev.h"

int ublk_look_up(struct ctrl_child *child, u32 id, struct ublksrv_ctrl_dev_info *info,
		 u32 timeout_ms, struct ublk_error *error)
{
	int err = ublk_ctrl_get_info(&child->ctrl, id, info, timeout_ms);

	if (err)
		ublk_error_set(error, "look up", (s32)id, err,
			       err == -ENODEV ? "there is no such device" :
			       err == -ENOENT ? "/dev/ublkc%u is not there" :
			       err == -EPERM || err == -EACCES ?
						"it is not yours: be its owner, or have CAP_SYS_ADMIN" :
						"the kernel does not say", id);
	return err;
}

#define TIMEOUT_NS (10 * 1000000000ULL)

static void set_defaults(const struct cmd_run *r, void *values)
{
	struct ask_values *v = values;

	(void)r;
	v->timeout_ns = TIMEOUT_NS;
}

#define OPTIONS(X)										\
	X(struct ask_values, json, OPT_TEXT("json", "", "an object, of several a list"),	\
	  .kind = OPT_FLAG, .set = ASK_STAT)							\
	X(struct ask_values, prometheus,							\
	  OPT_TEXT("prometheus", "", "in the text format of Prometheus"),			\
	  .kind = OPT_FLAG, .set = ASK_STAT)							\
	X(struct ask_values, queues, OPT_TEXT("queues", "", "each queue, too"),			\
	  .kind = OPT_FLAG, .set = ASK_STAT)							\
	X(struct ask_values, requests,								\
	  OPT_TEXT("requests", "", "all requests under way, however young"),			\
	  .kind = OPT_FLAG, .set = ASK_STAT)							\
	X(struct ask_values, watch,								\
	  OPT_TEXT("watch", "", "again every second, what was since then, until what is copied "	\
		   "is copied"),								\
	  .kind = OPT_FLAG, .set = ASK_STAT)							\
	X(struct ask_values, may_shrink,							\
	  OPT_TEXT("shrink", "", "let it become smaller: what is beyond is lost"),		\
	  .kind = OPT_FLAG, .set = ASK_RESIZE)							\
	X(struct ask_values, timeout_ns,							\
	  OPT_TEXT("timeout", "TIME", "how long kernel and server may take (default 10s)")	\
	  OPT_RANGE("1ms", "24h"),								\
	  .kind = OPT_DURATION)

const struct cmd_opts ask_opts = {
	.table = OPT_TABLE(OPTIONS),
	.init = set_defaults,
};

static u32 timeout_ms_of(const struct cmd_run *r)
{
	const struct ask_values *v = r->values;

	return (u32)(v->timeout_ns / 1000000);
}

int ublk_has_server(const struct ublksrv_ctrl_dev_info *info, struct ublk_error *error)
{
	s32 id = (s32)info->dev_id;

	if (info->state != UBLK_S_DEV_LIVE || info->ublksrv_pid <= 0)
		return ublk_error_set(error, "ask", id, -ENOTCONN, "it has no server: it was stopped, "
				      "or its server is dead");
	if (info->ublksrv_flags >> UBLK_MARK_SHIFT != UBLK_MARK)
		return ublk_error_set(error, "ask", id, -EOPNOTSUPP, "its server, process %d, is not "
				      "bareblk", info->ublksrv_pid);
	return 0;
}

enum exit_code ublk_ask_find(const struct cmd_run *r, struct ublksrv_ctrl_dev_info *info)
{
	struct ctrl_child child;
	struct ublk_error error;
	u32 id;
	int err = ublk_id_parse(r->argv[0], &id);

	if (err)
		return cmd_fail(r, EXIT_USAGE, 0, "%s is not a device: 0, ublkb0 or /dev/ublkb0",
				r->argv[0]);
	err = ctrl_child_open(&child, &error);
	if (!err)
		err = ublk_look_up(&child, id, info, timeout_ms_of(r), &error);
	ctrl_child_rest(&child);
	if (!err)
		err = ublk_has_server(info, &error);
	return err ? cmd_fail_ublk(r, &error) : EXIT_OK;
}

enum exit_code ublk_ask(const struct cmd_run *r, const struct ublksrv_ctrl_dev_info *info,
			const char *request, ublk_talk_fn *fn, void *ctx)
{
	struct ublk_error error;

	if (ublk_talk_ask(info, request, fn, ctx, timeout_ms_of(r), &error))
		return cmd_fail_ublk(r, &error);
	return EXIT_OK;
}
