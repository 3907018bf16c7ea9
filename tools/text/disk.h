/* SPDX-License-Identifier: MIT */
/*
 * PARTUUIDs of a GPT or an MBR, as the kernel makes them. Anybody may have written
 * these, so nothing in them is believed that leads out of the memory at hand.
 */
#ifndef TOOLS_TEXT_DISK_H
#define TOOLS_TEXT_DISK_H

#include "uapi/types.h"

/* Of the beginning of a disk; zeroes where it is shorter. Aligned as a u64. */
#define DISK_BYTES (68U << 10)

/* disk_partuuid() - of the partition of that number, from 1 on; false: it has none */
bool disk_partuuid(const u8 *disk, u32 nr, char uuid[37]);

#endif
