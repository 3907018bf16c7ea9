/* SPDX-License-Identifier: MIT */
/*
 * One command for many devices at once: the kernel spends most of it waiting for
 * a grace period, and so several wait for the same. Threads share the control node.
 */
#ifndef TOOLS_DM_BULK_H
#define TOOLS_DM_BULK_H

#include "uapi/types.h"

/**
 * dm_bulk() - call one(arg, i) for each i below nr, in any order, in several threads
 *
 * Returns when all have returned. What one() does must be safe in any thread; it
 * prints nothing. Where no thread can be had, the caller's does everything.
 */
void dm_bulk(u32 nr, void (*one)(void *arg, u32 i), void *arg);

#endif
