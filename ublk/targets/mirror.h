/* SPDX-License-Identifier: MIT */
/* What a program may ask of a mirror beside tgt_message() and tgt_stat(). */
#ifndef UBLK_TARGETS_MIRROR_H
#define UBLK_TARGETS_MIRROR_H

#include "ublk/tgt.h"

/**
 * struct mirror_events - what a program wants to be told; either may be NULL
 * @progress: a further @percent of what is to be copied has been; @is_complete: both
 *            have all, which is also told when queue 0 begins and nothing is to be
 *            copied. On the thread of queue 0
 * @failed:   leg @leg (0: the first, 1: the second) serves no more, by @err; the
 *            other does. Any queue's thread, at the place where it was noticed: soon
 */
struct mirror_events {
	void (*progress)(void *ctx, u32 percent, bool is_complete);
	void (*failed)(void *ctx, u32 leg, s32 err);
	void *ctx;
};

/* mirror_watch() - of the outermost mirror; before any queue runs. -ENOENT: there is none */
NODISCARD int mirror_watch(struct tgt_tree *tree, const struct mirror_events *events);

#endif
