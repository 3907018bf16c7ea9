/* SPDX-License-Identifier: MIT */
/*
 * A server that others write their memory to must not wait for memory itself: swap may be on its
 * disk. What it is made of stays in memory, and the kernel ends others first.
 */
#ifndef TOOLS_UBLK_MEMORY_H
#define TOOLS_UBLK_MEMORY_H

#include "tools/cmd.h"
#include "ublk/tgt.h"

/**
 * memory_hold() - this process as it is: its program and its stack are in memory from now on, the
 *                 kernel frees none for it by I/O, and ends it last when there is none left
 *
 * For a process before it has opened a target; children have but the last of it. What is not
 * allowed (CAP_IPC_LOCK, CAP_SYS_RESOURCE) is left out, and said to who wants to know.
 */
void memory_hold(const struct cmd_run *r, bool is_verbose);

/* memory_hold_more() - what has been mapped since, once it has been used, but for the disks' own
 * bytes: those are as many as there are */
void memory_hold_more(const struct tgt_tree *tree);

#endif
