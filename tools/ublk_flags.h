/* SPDX-License-Identifier: MIT */
/* The UBLK_F_* flags by name, with the kernel that brought each. */
#ifndef TOOLS_UBLK_FLAGS_H
#define TOOLS_UBLK_FLAGS_H

#include "uapi/types.h"

/**
 * struct ublk_flag - bit N of ublksrv_ctrl_dev_info.flags is row N
 * @is_used: this program asks for it or relies on it
 */
struct ublk_flag {
	const char *name;
	const char *since;
	bool is_used;
};

extern const struct ublk_flag ublk_flags[];
extern const u32 nr_ublk_flags;

#endif
