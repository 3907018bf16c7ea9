/* SPDX-License-Identifier: MIT */
/* Asking the kernel for a device. */
#ifndef TOOLS_UBLK_ASK_H
#define TOOLS_UBLK_ASK_H

#include "tools/cmd.h"
#include "tools/ctrl_child.h"

/* ublk_look_up() - a device as the kernel has it; 0, or -errno with *error */
NODISCARD int ublk_look_up(struct ctrl_child *child, u32 id, struct ublksrv_ctrl_dev_info *info,
			   u32 timeout_ms, struct ublk_error *error);

#endif
