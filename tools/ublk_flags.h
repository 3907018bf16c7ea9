/* SPDX-License-Identifier: MIT */
/* The UBLK_F_* flags by name, with the kernel that brought each. */
#ifndef TOOLS_UBLK_FLAGS_H
#define TOOLS_UBLK_FLAGS_H

#include "uapi/types.h"
#include "uapi/ublk_cmd.h"

/* What this program asks for or relies on */
#define UBLK_FLAGS_USED (UBLK_F_URING_CMD_COMP_IN_TASK | UBLK_F_CMD_IOCTL_ENCODE)

/* ublk_flag_name() - of a bit of ublksrv_ctrl_dev_info.flags; NULL beyond those of Linux 7.3 */
const char *ublk_flag_name(u32 bit);

/* ublk_flag_since() - the release that brought it, "6.0"; NULL as above */
const char *ublk_flag_since(u32 bit);

#endif
