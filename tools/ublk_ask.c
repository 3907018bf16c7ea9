/* SPDX-License-Identifier: MIT */
/* Asking the kernel for a device. */
#include "tools/ublk_ask.h"

#include <asm/errno.h>

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
