/* SPDX-License-Identifier: MIT */
/*
 * Stopping and deleting devices. STOP_DEV is answered before DEL_DEV is sent:
 * a deletion behind a stuck stop would block every ublk device of the machine.
 */
#include "tools/ublk_remove.h"

#include <asm/errno.h>

#include "tools/ublk_ask.h"
#include "tools/ublk_ids.h"
#include "uapi/sys.h"
#include "ublk/dev.h"

struct remove_values {
	u64 timeout_ns;
};

static void set_defaults(const struct cmd_run *r, void *values)
{
	struct remove_values *v = values;

	(void)r;
	v->timeout_ns = UBLK_DEFAULT_TIMEOUT_MS * 1000000ULL;
}

#define OPTIONS(X)										\
	X(struct remove_values, timeout_ns,							\
	  OPT_TEXT("timeout", "TIME",								\
		   "how long the kernel may take for each step (default 30s)")			\
	  OPT_RANGE("1ms", "24h"),								\
	  .kind = OPT_DURATION)

const struct cmd_opts remove_opts = {
	.table = OPT_TABLE(OPTIONS),
	.init = set_defaults,
};

static int stop(struct ctrl_child *child, const struct ublksrv_ctrl_dev_info *info, u32 timeout_ms,
		struct ublk_error *error)
{
	u32 id = info->dev_id;
	int err = 0;

	if (info->state != UBLK_S_DEV_DEAD)
		err = ublk_ctrl_stop_dev(&child->ctrl, ublk_ctrl_id(info), timeout_ms);
	if (err == -ETIMEDOUT)
		return ublk_error_set(error, "STOP_DEV", (s32)id, err,
				      "no answer within %u ms: its server, process %d, does not "
				      "complete what is in flight; kill it to fail that",
				      timeout_ms, info->ublksrv_pid);
	if (err)
		ublk_error_set(error, "STOP_DEV", (s32)id, err, "the kernel refuses");
	return err;
}

static int delete(struct ctrl_child *child, const struct ublksrv_ctrl_dev_info *info,
		  u32 timeout_ms, struct ublk_error *error)
{
	u32 id = info->dev_id;
	int err = ublk_ctrl_del_dev(&child->ctrl, ublk_ctrl_id(info), timeout_ms);

	if (err == -ETIMEDOUT)
		ublk_error_set(error, "DEL_DEV", (s32)id, err,
			       "no answer within %u ms: it is stopped, and goes once nobody has "
			       "/dev/ublkb%u (mounted?) or /dev/ublkc%u open", timeout_ms, id, id);
	else if (err && err != -ENODEV)
		ublk_error_set(error, "DEL_DEV", (s32)id, err, "the kernel refuses");
	return err == -ENODEV ? 0 : err; /* its own server may have been quicker */
}

static int remove_one(struct ctrl_child *child, const char *text, u32 timeout_ms, bool deletes,
		      struct ublk_error *error)
{
	struct ublksrv_ctrl_dev_info info;
	u32 id;
	int err = ublk_id_parse(text, &id);

	if (err)
		return ublk_error_set(error, "argument", UBLK_NO_DEVICE, -EINVAL,
				      "%s is not a device: 0, ublkb0 or /dev/ublkb0", text);
	err = ublk_look_up(child, id, &info, timeout_ms, error);
	if (!err)
		err = stop(child, &info, timeout_ms, error);
	return err || !deletes ? err : delete(child, &info, timeout_ms, error);
}

enum exit_code ublk_remove(const struct cmd_run *r, bool deletes)
{
	const struct remove_values *v = r->values;
	u32 timeout_ms = (u32)(v->timeout_ns / 1000000);
	enum exit_code code = EXIT_OK;
	struct ctrl_child child;
	struct ublk_error error;

	if (ctrl_child_open(&child, &error))
		return cmd_fail_ublk(r, &error);
	for (int i = 0; i < r->argc; i++) {
		s32 stuck;

		if (!remove_one(&child, r->argv[i], timeout_ms, deletes, &error))
			continue;
		code = cmd_fail_ublk(r, &error);
		stuck = ctrl_child_stuck(&child);
		if (!stuck)
			continue;
		cmd_say(r, "process %d was left behind, it waits for the kernel's answer", stuck);
		ctrl_child_init(&child); /* the next device gets another */
		if (i + 1 < r->argc && ctrl_child_open(&child, &error))
			return cmd_fail_ublk(r, &error);
	}
	ctrl_child_rest(&child);
	return code;
}
