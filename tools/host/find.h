/* SPDX-License-Identifier: MIT */
/*
 * Block devices by what they are called before there is an udev: a path below
 * /dev, PARTUUID= or PARTLABEL=. sysfs tells what there is. Where it does not tell
 * PARTUUIDs (Linux 6.12 does not, 7.3 does), they are read from the disk.
 */
#ifndef TOOLS_HOST_FIND_H
#define TOOLS_HOST_FIND_H

#include "uapi/rt/diag.h"
#include "uapi/types.h"

/**
 * host_find() - which device is it?
 * @spec: PARTUUID=X may be followed by /PARTNROFF=N: the partition so many numbers
 *        behind it
 * @dev:  as dm_dev() makes it
 * @why:  for -ENOTUNIQ, who they are; may be NULL
 *
 * A node is not needed: a path below /dev may be one that a device would have.
 * Return: 0, or
 *   -ENOENT    it is not there, or not yet
 *   -ENOTUNIQ  two partitions have this uuid or label
 *   -EINVAL    it is of another form
 */
NODISCARD int host_find(const char *spec, u64 *dev, struct diag *why);

/* host_find_number() - of MAJOR:MINOR, the whole text; false: it is none */
bool host_find_number(const char *text, u64 *dev);

#endif
