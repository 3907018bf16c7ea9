/* SPDX-License-Identifier: MIT */
/*
 * Device nodes that may not be there yet, or never will: udev is slow to make
 * and to release them, and a minimal system has neither udev nor devtmpfs.
 */
#ifndef UBLK_NODE_H
#define UBLK_NODE_H

#include "uapi/types.h"

/* node_dev() - major and minor as mknod(2) and stat(2) have them */
static inline u32 node_dev(u32 major, u32 minor)
{
	return (minor & 0xff) | major << 8 | (minor & ~0xffU) << 12;
}

/**
 * node_open() - open a node, making it if nobody else does
 * @dev:  what to make it from, see node_dev()
 * @made: set when we made it and it is ours to remove; NULL: not to be made
 *
 * Waits while it is missing, not yet accessible (udev is about to set its
 * owner) or in use (a prober has it open), until @deadline.
 *
 * Return: the file, or -errno of the last try
 */
NODISCARD int node_open(const char *path, u32 mode, u32 dev, u64 deadline, bool *made);

/**
 * node_appear() - wait until a node is there, and make it if nobody else does
 *
 * A node of another device under that name is replaced.
 *
 * Return: 0, or -errno of mknod(2); -ENOENT: it did not come, and @made is NULL
 */
NODISCARD int node_appear(const char *path, u32 mode, u32 dev, u64 deadline, bool *made);

/* node_await() - until we may read and write it; 0, or -errno of access(2) at the end */
NODISCARD int node_await(const char *path, u64 deadline);

/* node_is_there() - is there anything under that name? */
bool node_is_there(const char *path);

#endif
