/* SPDX-License-Identifier: MIT */
/* Devices as arguments and as a list. */
#ifndef TOOLS_UBLK_IDS_H
#define TOOLS_UBLK_IDS_H

#include "tools/cmd.h"

/* ublk_id_parse() - "3", "ublkb3" or "/dev/ublkb3"; 0 or -EINVAL */
NODISCARD int ublk_id_parse(const char *text, u32 *id);

#define UBLK_IDS_MAX 4096

/**
 * ublk_ids_all() - every device that there is, in ascending order
 * @ids: room for UBLK_IDS_MAX
 *
 * From /sys/class/ublk-char; where that is not mounted, ids are to be tried.
 *
 * Return: how many, or -errno (-ENOENT: no sysfs)
 */
NODISCARD int ublk_ids_all(u32 *ids);

#endif
