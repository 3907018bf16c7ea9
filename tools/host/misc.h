/* SPDX-License-Identifier: MIT */
/* Nodes of misc devices, where nobody has made them. */
#ifndef TOOLS_HOST_MISC_H
#define TOOLS_HOST_MISC_H

#include "uapi/types.h"

/* host_misc_find() - a driver's number, as node_dev() makes it, from /proc/misc; 0, or -errno:
 * -ENOENT as below */
NODISCARD int host_misc_find(const char *name, u32 *dev);

/**
 * host_misc_make_node() - make /dev/NAME from what /proc/misc says
 *
 * What stands in its place is replaced.
 *
 * Return: 0, or -errno: -ENOENT when no driver of that name is there, or /proc
 * is not mounted
 */
NODISCARD int host_misc_make_node(const char *path, const char *name);

#endif
