/* SPDX-License-Identifier: MIT */
/* --readahead: what the kernel reads in advance. */
#ifndef TOOLS_DM_READAHEAD_H
#define TOOLS_DM_READAHEAD_H

#include "tools/dm/run.h"

/* dm_readahead_check() - prints when it is none of its forms */
enum exit_code dm_readahead_check(const struct cmd_run *r);

/* dm_readahead_set() - for a device with a live table; says so when it cannot */
void dm_readahead_set(const struct dm_tool *t, u64 dev);

#endif
